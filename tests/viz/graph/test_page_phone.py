"""The page on a phone: all of it within 390 pixels, every control in reach of a finger."""

from __future__ import annotations

import pytest
from viz.graph import pictures

pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
from viz.graph.browsing import Window


def out_of_reach(window: Window) -> list[str]:
    """Controls that are not wholly within the window, not under a finger (24 pixels), or below something else."""
    code = """
        const seen = [...document.querySelectorAll("button, select, input")].filter((e) => e.checkVisibility());
        return seen.filter((e) => {
          if (e.closest("#details")) e.scrollIntoView();
          const { left, right, top, bottom, width, height } = e.getBoundingClientRect();
          const inside = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
          const above = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
          return !inside || width < 24 || height < 24 || !above || !(e.contains(above) || above.contains(e));
        }).map((e) => e.id || e.textContent);
    """
    return list(window.run(code))


@pytest.mark.parametrize("height", [844, 667])
def test_all_of_it_is_in_reach(window: Window, height: int) -> None:
    window.open(pictures.lenet(), 390, height, mobile=True)
    assert window.width() == 390
    assert not window.one("#side").is_displayed(), "the graph comes first"
    assert out_of_reach(window) == []
    window.click("#next")
    window.click("#next")
    assert window.one("#leave").is_displayed()
    assert window.width() == 390
    assert out_of_reach(window) == []


def test_the_panel_is_a_sheet_at_the_bottom(window: Window) -> None:
    window.open(pictures.lenet(), 390, 844, mobile=True)
    window.click("#close-all")
    window.node("LeNet").click()
    sheet, canvas = window.one("#side").rect, window.one("#canvas").rect
    assert (sheet["x"], sheet["width"]) == (0, 390)
    assert canvas["y"] + canvas["height"] <= sheet["y"] + 1, "it hides nothing of the graph"
    assert canvas["height"] > 200
    node = window.node("LeNet").rect
    assert canvas["y"] <= node["y"] <= sheet["y"] - 24, "what it is about stays in sight"
    assert out_of_reach(window) == []
    window.click("#close-panel")
    assert not window.one("#side").is_displayed()
    window.click("#home")
    assert "Keys" in window.text("#details")
    assert window.width() == 390


def test_nodes_and_headers_are_large_enough_for_a_finger(window: Window) -> None:
    window.open(pictures.deep(), 390, 844, mobile=True)
    assert window.all("#nodes .header")
    assert [e.get_attribute("aria-label") for e in window.all("#nodes [role=button]") if e.rect["height"] < 24] == []


@pytest.mark.parametrize("width", [390, 768, 1024, 1440])
def test_it_fits_any_width(window: Window, width: int) -> None:
    window.open(pictures.lenet(), width, 844, mobile=width < 500)
    assert window.width() == width
    assert out_of_reach(window) == []
    hidden = "[...document.querySelectorAll('#top, footer, #bar')].filter((e) => e.scrollWidth > e.clientWidth).length"
    assert window.run(f"return {hidden}") == 0


def test_words_around_the_graph_are_large_enough(window: Window) -> None:
    window.open(pictures.classic()[0], 390, 844, mobile=True)
    window.click("#toggle-panel")
    window.node("a,").click()
    window.run("document.getElementById('stage').style.display = 'none'")  # the graph may be zoomed
    assert window.smallest_text() >= 12
