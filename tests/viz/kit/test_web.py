"""The kit's parts on a page of their own, in a real Chromium without a network."""

from __future__ import annotations

import base64
import math
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from viz.kit.demo import demo

from tinygrad_cnn.viz.kit.page import PARTS, base_style, web

pytest.importorskip("selenium", reason="Selenium is not installed: the parts meet no browser")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


def test_each_part_comes_once_and_after_what_it_stands_on() -> None:
    everything = web(*reversed(PARTS))
    assert len(everything) == len(set(everything)) == len(PARTS)
    assert web("tile") == web("tooltip", "colors", "tile", "tile", "dom", "numbers")
    for i, below in enumerate(PARTS.values()):
        assert set(below) <= set(list(PARTS)[:i]), "the order of the table is the order on the page"
    with pytest.raises(ValueError, match="there is no part 'tail'; there are dom, numbers"):
        web("tail")


def test_a_cell_is_picked_by_keyboard(window: Any) -> None:
    window.show(demo())
    tile = window.one("#tile .tile")
    tile.send_keys(Keys.ARROW_DOWN)
    assert window.run("return picked") == [0, 0, -6], "the first key goes to the first cell"
    tile.send_keys(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert window.run("return picked") == [1, 2, 0]
    assert window.text("[role=status]") == "row 1, column 2: 0", "it is read out"
    assert window.one("#tile .mark-picked .over").get_attribute("d") == "M2 1h1M2 2h1M2 1v1M3 1v1"
    tile.send_keys(Keys.END, Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert window.run("return picked") == [2, 3, 5], "and stops at the borders"
    tile.send_keys(Keys.HOME)
    assert window.run("return picked") == [2, 0, 2]


def test_arrays_are_read_and_searched(window: Any) -> None:
    window.show(demo())
    assert window.run("return [countOf([2, 3, 4]), countOf([])]") == [24, 1]
    assert window.run("return placeOfMost([1, -5, NaN, 3, 3])") == 3, "the first of the greatest"
    assert window.run("return [placeOfMost([1, -5, 3], Math.abs), placeOfMost([NaN, NaN])]") == [1, 0]
    data = base64.b64encode(np.array([1.5, -2], "<f4").tobytes()).decode()
    assert window.run("return [...bytesOf(arguments[0], Float32Array)]", data) == [1.5, -2]
    assert window.run("return [...bytesOf(arguments[0])].length", data) == 8


def test_a_table_has_a_head_where_there_is_one(window: Any) -> None:
    window.show(demo())
    row = "html('tr', {}, html('td', {}, '1'))"
    text = window.run(f"return tableOf({{ class: 'list' }}, ['a', html('th', {{}}, 'b')], [{row}]).outerHTML")
    head = '<thead><tr><th scope="col">a</th><th>b</th></tr></thead>'
    assert text == f'<table class="list">{head}<tbody><tr><td>1</td></tr></tbody></table>'
    assert window.run(f"return tableOf({{}}, [], [{row}, null]).outerHTML").startswith("<table><tbody>")


def test_a_cell_is_picked_by_mouse(window: Any) -> None:
    window.show(demo())
    tile = window.one("#tile .tile")
    ActionChains(window.driver).move_to_element_with_offset(tile, 70, -50).perform()  # from the middle; 40 px a cell
    assert window.text(".tooltip") == "row 0, column 3: \N{MINUS SIGN}3"
    assert window.run("return [hovered, picked]") == [[0, 3, -3], None]
    ActionChains(window.driver).click().perform()
    assert window.run("return picked") == [0, 3, -3]
    ActionChains(window.driver).move_to_element(window.one("h1")).perform()
    assert window.run("return hovered") == [None, None, None]
    assert not window.one(".tooltip").is_displayed()


def test_a_tile_shows_its_numbers(window: Any) -> None:
    window.show(demo())
    pixels = "return [...tile.element.querySelector('canvas').getContext('2d').getImageData(0, 0, 4, 3).data]"
    before = window.run(pixels)
    assert before[0:3] == [5, 48, 97], "the most negative is blue"
    assert before[24:27] == [247, 247, 247], "zero is white"
    assert before[40:43] == [230, 0, 200], "what is not finite has its own colour"
    assert before[44] > before[46], "what is positive is red"
    window.run("tile.update([1,1,1,1,1,1,1,1,1,1,1,1], colorScale('gray', 0, 1))")
    assert window.run(pixels) == [255] * 48


def test_marks_outline_cells_as_one(window: Any) -> None:
    window.show(demo())
    window.run("tile.mark('window', [[-1, 0], [-1, 1], [0, 0], [0, 1]])")
    path = window.one("#tile .mark-window .over").get_attribute("d")
    assert path.count("M") == 8, "four cells in a square have a border of eight sides"
    window.run("tile.mark('window', [[2, 2]])")
    assert len(window.all("#tile .mark-window")) == 1
    window.run("tile.mark('window', [])")
    assert not window.all("#tile .mark-window")
    window.run("tile.pick(1, 1); tile.pick(1, 1)")
    assert window.run("return [picked, picks]") == [[1, 1, -1], 1], "picking what is picked says nothing"


def test_sliders(window: Any) -> None:
    window.show(demo())
    plain, log = window.all("input[type=range]")
    plain.send_keys(Keys.ARROW_RIGHT)
    assert window.run("return moved") == [["plain", 4]]
    assert plain.get_attribute("aria-valuetext") == "4"
    log.send_keys(Keys.END)
    assert window.run("return rate.value") == 1
    log.send_keys(Keys.HOME)
    assert window.run("return rate.value") == 1e-4
    window.run("moved.length = 0; rate.set(0.01)")
    assert window.run("return [rate.value, moved]") == [0.01, []], "what the page sets is no news"
    assert float(log.get_attribute("value")) == 200, "half the way by ratio"
    assert window.text(".slider:nth-of-type(2) output") == "0.01"
    log.send_keys(Keys.ARROW_RIGHT)
    assert window.run("return rate.value") == pytest.approx(0.01 * 10 ** (4 * 4 / 400), rel=5e-3)


def test_a_plot(window: Any) -> None:
    window.show(demo())
    picture = window.one("#plot svg[role=img]")
    assert picture.get_attribute("aria-label") == "Loss: train ends at 0.125, held out ends at 0.5"
    curves = picture.find_elements(By.CSS_SELECTOR, ".curve")
    assert [c.get_attribute("d").count("M") for c in curves] == [1, 2], "a NaN breaks the line"
    assert len(picture.find_elements(By.CSS_SELECTOR, ".lost")) == 1, "and is marked"
    assert [li.text for li in window.all("#plot li")] == ["train", "held out"]
    picture.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert window.text(".tooltip") == "step 1\ntrain: 0.5\nheld out: NaN"
    losses = "[{name: 'train', values: [100, 10, 1, 0, 0.01]}]"
    window.run(f"plot.update({{x: [0, 1, 2, 3, 4], series: {losses}, logY: true}})")
    path = str(window.one("#plot .curve").get_attribute("d"))
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path)]
    steps = [b - a for a, b in pairwise(heights)]
    assert steps[0] == pytest.approx(steps[1], abs=0.2), "decades are equally high"
    assert steps[2] == pytest.approx(2 * steps[0], abs=0.2)
    many = "const v = Array.from({length: 50000}, (_, i) => (i === 31234 ? 9 : Math.sin(i)));"
    window.run(f"{many} plot.update({{x: v.map((_, i) => i), series: [{{name: 's', values: v}}], logY: false}})")
    path = window.one("#plot .curve").get_attribute("d")
    assert len(path) < 60_000, "many points cost no more than the pixels"
    assert min(float(p.split(" ")[1].split("h")[0]) for p in path[1:].split("L")) == 10, "the peak is kept"


@pytest.mark.parametrize("width", [390, 1440])
def test_light_and_dark_at_any_width(window: Any, width: int) -> None:
    window.show(demo(), width, 900, mobile=width < 400, **{"prefers-color-scheme": "dark"})
    look = "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
    dark = window.run(look)
    assert window.run("return themeColor('--ink')") == [238, 242, 245], "a canvas has the colours of the theme"
    button = window.one("button.theme")
    assert button.get_attribute("aria-label") == "Light colours"
    button.send_keys(Keys.ENTER)
    assert button.get_attribute("aria-label") == "Dark colours"
    assert window.run(look) != dark
    assert window.run("return themeColor('--ink')") == [22, 32, 43]
    assert window.width() == width
    assert window.smallest_text() >= 11


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("NaN", "NaN"), ("-inf", "\N{MINUS SIGN}\N{INFINITY}"), (-0.5, "\N{MINUS SIGN}0.5"), (1234567, "1.235e6"),
        (None, "\N{EN DASH}"), (1e-9, "1e\N{MINUS SIGN}9"), (math.pi, "3.142"), (True, "True"),
    ],
)  # fmt: skip
def test_numbers(window: Any, value: Any, text: str) -> None:
    if window.driver.current_url == "about:blank":
        window.show(demo())
    assert window.run("return formatNumber(arguments[0])", value) == text


def test_text_on_any_colour_is_readable(window: Any) -> None:
    def luminance(rgb: list[int]) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (value / 255 for value in rgb)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    window.show(demo())
    colors = [[r, g, b] for r in range(0, 256, 51) for g in range(0, 256, 51) for b in range(0, 256, 51)]
    for rgb, ink in zip(colors, window.run("return arguments[0].map(inkOn)", colors), strict=True):
        pair = sorted([luminance(rgb), luminance([255] * 3 if ink == "#ffffff" else [0] * 3)])
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, rgb


def test_the_style_is_one() -> None:
    assert "light-dark" in base_style()
