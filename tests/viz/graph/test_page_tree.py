"""Rows on the page: once, all, closed; by mouse and keyboard; found by search and played through all the same."""

from __future__ import annotations

import pytest
from viz.graph.zoo import arguments

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.structure import Picture

pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
from selenium.webdriver.common.keys import Keys
from viz.graph.browsing import Window


def picture_of(name: str) -> Picture:
    given = arguments(name)
    return draw_graph(given.pop("output"), **given).picture


def notes(window: Window) -> list[str]:
    return [str(note.get_property("textContent")) for note in window.all("#lines .note")]


def focus(window: Window, key: str) -> None:
    window.run("document.querySelector(`[data-key^=${arguments[0]}]`).focus()", key)


def test_a_row_is_shown_once_all_and_closed(window: Window) -> None:
    picture = picture_of("rnn")
    (row,) = (g for g in picture.groups if g.kind == "row")
    window.open(picture)
    assert len(window.all("#nodes .node")) == 14
    assert notes(window) == ["next step"]
    assert len(window.all("#lines .recurrent")) == 1
    focus(window, "r")
    window.keys(Keys.ENTER)
    assert len(window.all("#nodes .node")) == len(picture.boxes)
    assert not notes(window)
    assert window.focused().startswith("Show all 20 of step"), "the focus stays"
    window.keys(Keys.ENTER)
    assert len(window.all("#nodes .node")) == 14
    focus(window, f"g{row.id}")
    window.keys(Keys.ENTER)
    assert window.all(f"#nodes [data-key=g{row.id}].folded")
    assert notes(window) == ["next step"], "one line, from the row to itself"
    assert "Open the row" in window.text("#details")
    window.keys(Keys.ENTER)
    assert len(window.all("#nodes .node")) == 14, "it opens to one step"


def test_what_a_row_hides_is_found_and_played(window: Window) -> None:
    picture = picture_of("rnn")
    window.open(picture)
    window.click("#search")
    window.keys(*"tanh", *[Keys.ENTER] * 2)
    assert window.text("#found") == "2 of 20"
    assert len(window.all("#nodes .node")) == len(picture.boxes), "the second step is shown, and so all are"
    focus(window, "r")
    window.keys(Keys.ENTER)
    window.keys(Keys.ESCAPE)
    operations = sum(b.kind in ("operation", "output") for b in picture.boxes)
    window.run(
        "const s = document.getElementById('slider'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))",
        operations - 1,
    )
    assert "tanh" in window.text("#step-text"), "the twentieth"
    (now,) = window.all("#nodes .now")
    assert now.get_attribute("aria-label").startswith("tanh"), "where the first stands for it"


def test_branches_side_by_side_are_counted_on_their_line(window: Window) -> None:
    heads = nn.ModuleList([nn.Linear(4, 4) for _ in range(20)])
    window.open(draw_graph(lambda x: tg.cat([h(x).relu() for h in heads]), inputs=tg.ones(1, 4)).picture)
    assert notes(window) == ["\N{MULTIPLICATION SIGN} 20"]
    assert not window.all("#lines .recurrent")


def test_a_module_that_gives_two_arrays_cannot_close(window: Window) -> None:
    window.open(picture_of("several"))
    window.click("#close-all")
    header = window.node("Encoder encoder")
    assert header.get_attribute("aria-expanded") is None
    before = len(window.all("#nodes .node"))
    window.run("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", header)
    assert len(window.all("#nodes .node")) == before
    assert "Several arrays go out" in window.text("#details")


def texts(window: Window, name: str) -> str:
    return str(window.node(name).get_property("textContent"))


def test_what_stands_for_all_steps_is_called_from_the_first_to_the_last(window: Window) -> None:
    picture = picture_of("rnn")
    (row,) = (g for g in picture.groups if g.kind == "row")
    window.open(picture)
    assert "index :, (0 to 19)" in texts(window, "getitem")
    focus(window, f"r{row.id}")
    window.keys(Keys.ENTER)
    assert "index :, 0" in texts(window, "getitem")
    window.open(picture_of("branches"))
    assert window.all("[data-key^=g][aria-label*='layers.1,']"), "the frame of the first"
    assert "layers.(1 to 39) \N{MIDDLE DOT} Linear" in window.text("#nodes")


def test_a_module_is_called_by_its_path_within_the_module_around_it(window: Window) -> None:
    window.open(picture_of("unet"))
    assert "down.0 \N{MIDDLE DOT} Sequential" in texts(window, "Sequential down.0")
    window.click("#open-all")
    assert texts(window, "Conv2d down.0.0").strip() == "0 \N{MIDDLE DOT} Conv2d"


@pytest.mark.parametrize("name", ["rnn", "branches", "second_order"])
def test_what_fits_without_the_panel_opens_whole(window: Window, name: str) -> None:
    window.open(picture_of(name))
    assert not window.one("#side").is_displayed()
    outside = """
      const canvas = document.getElementById("canvas").getBoundingClientRect();
      return [...document.querySelectorAll("#nodes .node")].map((n) => n.getBoundingClientRect()).filter((r) =>
        r.left < canvas.left || r.right > canvas.right || r.top < canvas.top || r.bottom > canvas.bottom).length;
    """
    assert window.run(outside) == 0
    assert float(window.text("#zoom").removesuffix(" %")) >= 92
    window.all("#nodes .node")[0].click()
    assert window.one("#side").is_displayed(), "the panel is there for what is clicked"


@pytest.mark.parametrize("name", ["rnn", "lstm", "lstm_layer"])
def test_words_on_ways_back_lie_on_no_node(window: Window, name: str) -> None:
    window.open(picture_of(name))
    crossed = """
      const rects = (s) => [...document.querySelectorAll(s)].map((e) => e.getBoundingClientRect());
      return rects("#lines .recurrent .note").filter((a) => rects("#nodes .node > .outline").some((b) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length;
    """
    assert notes(window)
    assert window.run(crossed) == 0
