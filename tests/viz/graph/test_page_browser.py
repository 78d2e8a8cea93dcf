"""The page in a real Chromium without a network. TINYGRAD_CNN_SCREENSHOTS=1 also renews docs/images/graph_*.png."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from viz.graph import pictures

from tinygrad_cnn.viz.graph.structure import Picture

pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from viz.graph.browsing import Window, number


def to_the_end(window: Window) -> int:
    """Step by step; how many steps there were."""
    steps = 0
    while window.one("#next").is_enabled():
        window.click("#next")
        steps += 1
    return steps


def test_leaves_end_with_their_gradients(window: Window) -> None:
    picture, leaves = pictures.classic()
    window.open(picture)
    assert to_the_end(window) == 3 + 6, "three operations forward, and six boxes backward"
    for name, leaf in leaves.items():
        assert leaf.grad is not None
        assert number(window.cell(f"{name},", "gradient")) == pytest.approx(leaf.grad.item(), rel=1e-3)
        window.node(f"{name},").click()
        assert number(window.text("#details .big.gradient")) == pytest.approx(leaf.grad.item(), rel=1e-6)
        assert number(window.text("#details .big.value")) == pytest.approx(leaf.item(), rel=1e-6)


def test_numbers_appear_as_they_are_computed(window: Window) -> None:
    window.open(pictures.classic()[0])
    assert number(window.cell("tanh", "value")) == pytest.approx(0.1244, abs=1e-4), "all is known before it plays"
    window.click("#play")
    window.click("#play")  # and pause, at the start
    assert window.text("#step-text").startswith("Start")
    assert window.cell("a,", "value") == "0.5"
    assert [window.cell(name, "value") for name in ("mul", "add", "tanh")] == ["", "", ""]
    window.click("#next")
    assert number(window.cell("mul", "value")) == -0.625
    assert window.cell("add", "value") == ""
    for _ in range(3):
        window.click("#next")
    assert window.text("#step-text").startswith("Backward 1 of 6: tanh")
    assert window.cell("tanh", "gradient") == "1"
    assert number(window.cell("add", "gradient")) == pytest.approx(0.9845, abs=1e-4), "nothing more will come"
    assert len(window.all("#chips .chip")) == 1
    assert "1 - y" in window.text("#details"), "the local rule"
    assert "g = 1, y = 0.1244" in window.text("#details"), "and its numbers"
    window.click("#previous")
    assert window.cell("tanh", "gradient") == ""


def test_gradients_of_a_value_used_twice_add_up(window: Window) -> None:
    window.open(pictures.used_twice())
    sums, partial = [], []
    while window.one("#next").is_enabled():
        window.click("#next")
        partial += [window.cell("a,", "gradient")]
        if window.all("#details .sum"):
            window.shoot("graph_player.png")
        sums += [(window.text("#details h2"), s.text) for s in window.all("#details .sum")]
    assert sums in ([("a", "0.5 + 1.25 = 1.75")], [("a", "1.25 + 0.5 = 1.75")])
    assert set(partial) in ({"", "0.5 …", "1.75"}, {"", "1.25 …", "1.75"}), "an ellipsis says that more is to come"
    assert sorted(c.text for c in window.all("#chips .chip")) == sorted(["1", "1", "0.5", "1.25", "2", "2"])


def test_the_player_by_keyboard(window: Window) -> None:
    window.open(pictures.classic()[0])
    window.keys(Keys.ARROW_RIGHT)
    assert window.text("#step-text").startswith("Play"), "without the player, arrows move the picture"
    window.keys(Keys.SPACE, Keys.SPACE)
    assert window.text("#step-text").startswith("Start"), "space plays and pauses"
    window.keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert window.text("#step-text").startswith("Forward 1 of 3: · × ·")  # noqa: RUF001
    window.run("const s = document.getElementById('slider'); s.value = 9; s.dispatchEvent(new Event('input'))")
    assert window.text("#step-text").startswith("Backward 6 of 6")
    window.keys(Keys.ESCAPE)
    assert window.text("#step-text").startswith("Play")
    assert window.cell("tanh", "gradient") == "1"


def test_it_plays_by_itself(window: Window) -> None:
    window.open(pictures.classic()[0])
    window.run("document.getElementById('speed').value = '10'")
    window.keys(Keys.SPACE)
    wait = WebDriverWait(window.driver, 10)
    wait.until(lambda _: window.text("#step-text").startswith("Backward 6 of 6"))
    assert window.one("#play").get_attribute("aria-label") == "Play"


def test_modules_open_and_close(window: Window) -> None:
    window.open(pictures.lenet())
    window.click("#open-all")
    everything = len(window.all("#nodes .node"))
    assert everything == len(pictures.lenet().boxes)
    window.shoot("graph_page_light.png")
    place = window.node("Sequential features").rect
    window.node("Sequential features").find_element(By.CSS_SELECTOR, "text").click()
    closed = window.node("Sequential features")
    assert closed.get_attribute("aria-expanded") == "false"
    assert closed.rect["y"] == pytest.approx(place["y"], abs=30), "what was clicked stays in its place"
    assert len(window.all("#nodes .node")) == everything - 10 + 1, "six operations and four parameters are one box"
    assert "2,572" in window.text("#details"), "its parameters"
    window.keys(Keys.ENTER)
    assert window.node("Sequential features").get_attribute("aria-expanded") == "true"
    assert window.focused().startswith("Sequential features"), "the focus stays"
    assert len(window.all("#nodes .node")) == everything
    window.keys("c")
    assert len(window.all("#nodes .node")) == 2, "the input and the model"


def test_modules_open_as_they_were_drawn(window: Window) -> None:
    window.open(pictures.mlp(collapse=False))
    assert not window.all("#nodes .folded")
    window.open(pictures.mlp(collapse=True))
    assert len(window.all("#nodes .folded")) == 2, "both Linear; Tanh is a single operation"


def test_a_deep_net_opens_readable(window: Window) -> None:
    window.open(pictures.deep())
    assert number(window.text("#zoom").removesuffix(" %")) >= 100
    assert [count.text for count in window.all("#nodes .count")] == ["\N{MULTIPLICATION SIGN} 20: show all"]
    window.click("#open-all")
    assert len(window.all("#nodes .node")) == len(pictures.deep().boxes)


def test_search(window: Window) -> None:
    window.open(pictures.lenet())
    window.keys("/")
    window.keys("conv2d", Keys.ENTER)
    assert window.text("#found") == "1 of 2"
    assert window.text("#details h2") == "conv2d"
    assert len(window.all("#nodes .match-now")) == 1
    window.keys(Keys.ENTER)
    assert window.text("#found") == "2 of 2"
    window.keys(Keys.SHIFT + Keys.ENTER)
    assert window.text("#found") == "1 of 2"
    assert window.text("#details .path") == "features.0"
    for words, found in (("(2, 16, 10, 10)", "2"), ("features.3 bias", "1"), ("nonsense", "no match")):
        window.one("#search").clear()
        window.one("#search").send_keys(words)
        assert window.text("#found") == found
    window.one("#search").send_keys(Keys.ESCAPE)
    assert window.text("#found") == ""
    assert not window.all("#nodes .match")


def test_the_graph_by_keyboard(window: Window) -> None:
    window.open(pictures.classic()[0])
    window.run("document.getElementById('toggle-panel').focus()")
    window.keys(Keys.TAB)
    order = []
    for _ in range(7):
        order.append(window.focused().split(",")[0])
        window.keys(Keys.TAB)
    assert order == ["Computation graph", "a", "b", "mul", "c", "add", "tanh"], "Tab goes along the computation"
    window.run("document.querySelector('#nodes .node').focus()")
    window.keys(Keys.ARROW_DOWN)
    assert window.focused().startswith("mul")
    window.keys(Keys.ENTER)
    assert window.text("#details h2") == "mul"
    window.keys("d", Keys.TAB)
    assert window.driver.switch_to.active_element.text == "a", "the first link in the panel"
    window.keys("d")
    assert window.focused().startswith("mul"), "and back"
    window.keys(Keys.ARROW_DOWN, Keys.ENTER)
    assert window.text("#details h2") == "add"
    ring = window.run("return getComputedStyle(document.activeElement.querySelector('.halo')).stroke")
    assert ring != "none", "the focus is seen"
    window.keys(Keys.ESCAPE)
    assert "Keys" in window.text("#details")
    before = window.text("#zoom")
    window.keys("+")
    assert number(window.text("#zoom").removesuffix(" %")) > number(before.removesuffix(" %"))
    window.keys("0")
    assert window.text("#zoom") == before


def test_the_graph_by_mouse(window: Window) -> None:
    window.open(pictures.classic()[0])
    canvas, node = window.one("#canvas"), window.node("mul")
    before, zoom = node.rect, window.text("#zoom")
    ActionChains(window.driver).drag_and_drop_by_offset(node, 60, -40).perform()
    after = window.node("mul").rect
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((60, -40), abs=2)
    assert "Keys" in window.text("#details"), "dragging selects nothing"
    origin = ScrollOrigin.from_element(canvas)
    ActionChains(window.driver).scroll_from_origin(origin, 0, 50).perform()
    assert window.node("mul").rect["y"] == pytest.approx(after["y"] - 50, abs=2), "the wheel moves the picture"
    ActionChains(window.driver).key_down(Keys.CONTROL).scroll_from_origin(origin, 0, -60).key_up(Keys.CONTROL).perform()
    assert number(window.text("#zoom").removesuffix(" %")) > number(zoom.removesuffix(" %")), "with Ctrl it zooms"
    window.node("mul").click()
    assert window.text("#details h2") == "mul"


def test_details(window: Window) -> None:
    window.open(pictures.lenet())
    window.click("#open-all")
    window.run(
        "arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", window.node("conv2d in features.3")
    )
    text = window.text("#details")
    for part in (
        "kernel",
        "(2, 16, 10, 10)",
        "float32",
        "dL/dw",
        "features.3.weight",
        "norm",
        "Gradient",
        "pictures.py",
    ):
        assert part in text
    assert len(window.all("#details svg.histogram rect")) > 10
    next(b for b in window.all("#details .link") if b.text == "features.3.weight").click()
    assert window.text("#details h2") == "features.3.weight"
    weights = "return getComputedStyle(document.querySelector('#nodes .parameter .outline')).fill"
    before = window.run(weights)
    window.run("const h = document.getElementById('heat'); h.value = 'time'; h.dispatchEvent(new Event('change'))")
    assert window.run(weights) == before, "what has no cost keeps its look"
    fills = window.run(
        "return [...document.querySelectorAll('#nodes .operation .outline')].map((e) => getComputedStyle(e).fill)"
    )
    assert len(set(fills)) > 4, "by time, operations differ in colour"
    assert window.one("#scale").is_displayed()


def test_names_are_text(window: Window) -> None:
    window.open(pictures.awkward())
    window.click("#open-all")
    texts = [" ".join(e.get_property("textContent").split()) for e in window.all("#title, #notice-text, #details h2")]
    assert texts == [" ".join(pictures.AWKWARD.split())] * 3
    for node in window.all("#nodes .node"):
        node.click()
        assert pictures.AWKWARD in window.text("#details")
    to_the_end(window)
    assert not window.all("b")
    assert len(window.all("script")) == 2


def colours(window: Window) -> list[str]:
    return list(window.run("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"))


def test_light_and_dark(window: Window) -> None:
    light = colours(window.open(pictures.lenet()))
    dark = colours(window.open(pictures.lenet(), **{"prefers-color-scheme": "dark"}))
    assert dark != light
    window.click("#open-all")
    window.shoot("graph_page_dark.png")
    window.click("#theme")
    assert colours(window) == light


@pytest.mark.parametrize(("motion", "moves"), [("reduce", "none"), ("no-preference", "flow")])
def test_motion_is_asked_for(window: Window, motion: str, moves: str) -> None:
    window.open(pictures.classic()[0], **{"prefers-reduced-motion": motion})
    window.click("#next")
    assert window.run("return getComputedStyle(document.querySelector('.flows .wire')).animationName") == moves


@pytest.mark.parametrize("make", [lambda: Picture(), lambda: Picture(boxes=pictures.classic()[0].boxes[:1])])
def test_next_to_nothing(window: Window, make: Callable[[], Picture]) -> None:
    window.open(make(), 1000, 700)
    assert len(window.all("#nodes .node")) == len(make().boxes)
    window.keys("0", "+", Keys.ARROW_DOWN)
