"""The page in a real Chromium that reaches nothing but this machine: ten digits drawn as a hand would.

TINYGRAD_CNN_SCREENSHOTS=1 also renews docs/images/draw_digit.png.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg

pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
from examples.hand import Hand
from examples.handwriting import DIGITS
from examples.serving import example, served
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait
from viz.graph import browsing


class Page(Hand):
    """The drawing page, and a hand."""

    def settle(self) -> None:
        """Until the answer to all that is drawn is on show."""
        WebDriverWait(self.driver, 20, 0.01).until(
            lambda _: self.run("const d = document.body.dataset; return d.shown === d.version")
        )

    def probabilities(self) -> list[str]:
        return [one.text for one in self.all(".percent")]

    def notice(self) -> str:
        """What the page says about keeping, once it says anything."""
        return str(WebDriverWait(self.driver, 20, 0.01).until(lambda _: self.text("#notice")))

    def ink(self) -> int:
        """How many pixels of the pad have ink."""
        code = """
            const copy = new OffscreenCanvas(pad.width, pad.height).getContext("2d", { willReadFrequently: true });
            copy.drawImage(pad, 0, 0);
            const values = copy.getImageData(0, 0, pad.width, pad.height).data;
            return values.filter((value, i) => i % 4 === 3 && value).length;
        """
        return int(self.run(code))


@pytest.fixture(scope="module")
def reader(trained: Any) -> Any:
    return trained


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from browsing.browser(tmp_path_factory.mktemp("profile"), this_machine=True)


@pytest.fixture
def server(reader: Any, tmp_path: Path) -> Iterator[Any]:
    module = example("draw_digit")
    with served(module.make_server(reader, module.Drawings(tmp_path / "drawings.csv", "tests"))) as one:
        yield one


@pytest.fixture
def page(driver: Any, server: Any, tmp_path: Path) -> Iterator[Page]:
    """Whatever a test does, the page asks its own server for what it needs, and the console stays empty."""
    driver.get("about:blank")
    for log in ("browser", "performance"):
        driver.get_log(log)
    address = f"http://127.0.0.1:{server.server_port}/"
    window = Page(driver, tmp_path)
    window.visit(address, 1180, 760)
    yield window
    assert window.console() == []
    paths = ("", "predict", "explain", "keep", "forget", "take")
    assert set(window.requests()) <= {address + path for path in paths}


def test_ten_digits_are_read_as_they_are_drawn(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    said, times = {}, []
    for digit, strokes in DIGITS.items():
        for stroke in strokes:
            page.draw([stroke])
            times.append(float(page.run("return document.body.dataset.milliseconds")))
        said[digit] = page.text("#best")
        page.keys("c")
        page.settle()
    right = [digit for digit, best in said.items() if best == str(digit)]
    median = statistics.median(times)
    with capsys.disabled():
        print(f"\n{len(right)} of 10 drawn digits read right {said}; {median:.0f} ms median of {len(times)} strokes")
    assert len(right) >= 9, said
    assert median < 2000, "live is something else, even on a busy machine"


def test_what_is_drawn_is_shown(page: Page) -> None:
    page.draw(DIGITS[7])
    numbers = page.run("return [...document.querySelectorAll('.bar')].map((bar) => parseFloat(bar.style.height) / 100)")
    assert sum(numbers) == pytest.approx(1, abs=1e-5)
    best = int(np.argmax(numbers))
    assert page.text("#best") == str(best)
    assert page.text("#words").startswith(f"It is {'an' if best == 8 else 'a'} {best}: ")
    assert [i for i, column in enumerate(page.all(".column")) if "best" in column.get_attribute("class")] == [best]
    heights = page.run("return [...document.querySelectorAll('.bar')].map((bar) => bar.clientHeight)")
    full = page.run("return document.querySelector('.track').clientHeight")
    assert np.allclose(np.array(heights) / full, numbers, atol=0.02)
    grey = (
        "const c = document.querySelector(arguments[0]); return [...c.getContext('2d').getImageData(0, 0, 28, 28).data]"
    )
    seen = np.array(page.run(grey, "#picture canvas")).reshape(28, 28, 4)[..., 0]
    assert abs(np.average(np.arange(28), weights=seen.sum(1)) - 14) < 1, "centred by its mass"
    assert np.ptp(np.flatnonzero(seen.any(1))) == 19, "20 pixels high"
    for selector in ("#cam", *(f"#maps .tile:nth-child({k}) canvas" for k in range(1, 9))):
        colours = np.array(page.run(grey, selector)).reshape(-1, 4)
        assert len(np.unique(colours, axis=0)) > 10, selector


def test_undo_takes_back_strokes_and_a_clearing(page: Page) -> None:
    assert not page.one("#undo").is_enabled()
    page.draw(DIGITS[4][:1])
    one = page.ink()
    page.draw(DIGITS[4][1:])
    two = page.ink()
    assert two > one > 0
    page.click("#clear")
    page.settle()
    assert page.ink() == 0
    assert page.text("#best") == ""
    assert set(page.probabilities()) == {""}
    assert not page.one("#clear").is_enabled()
    assert page.one("#hint").is_displayed()
    for expected in (two, one, 0):
        page.keys("z")
        page.settle()
        assert page.ink() == expected
    assert not page.one("#undo").is_enabled()
    page.keys("zc3")
    assert "Draw first" in page.notice(), "nothing to undo, to clear, or to keep"


def test_drawings_are_kept_and_taken_back(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "drawings.csv"
    page.draw(DIGITS[7])
    ink = page.ink()
    page.keys("7")
    assert page.notice().startswith(f"Kept as a 7: 1 drawing in {path}")
    assert page.ink() == 0, "ready for the next one"
    page.draw(DIGITS[8])
    page.all(".column button")[8].click()
    assert page.notice().startswith(f"Kept as an 8: 2 drawings in {path}")
    kept = tg.data.load_drawn_csv(path)
    assert list(kept.targets) == [7, 8]
    assert kept.ids == ["tests-0000", "tests-0001"]
    page.keys("z", "z", "z")  # the keeping of the 8, its stroke, the keeping of the 7
    WebDriverWait(page.driver, 20, 0.01).until(lambda _: "Taken back: 0 drawings" in page.notice())
    page.settle()
    assert page.ink() == ink
    assert len(tg.data.load_drawn_csv(path)) == 0


def test_a_refusal_gives_the_drawing_back(page: Page, tmp_path: Path) -> None:
    (tmp_path / "drawings.csv").write_text("not what it was\n")
    page.draw(DIGITS[1])
    ink = page.ink()
    page.keys("1")
    WebDriverWait(page.driver, 20, 0.01).until(lambda _: "was not kept" in page.notice())
    page.settle()
    assert page.ink() == ink
    assert all("409" in line for line in page.console()), "this looks at the lines, and empties the log"


@pytest.mark.parametrize("kind", ["pen", "touch"])
def test_pens_and_fingers_draw(page: Page, kind: str) -> None:
    page.draw(DIGITS[0], kind, pressure=0.5)
    assert page.ink() > 0
    assert page.text("#best") != ""
    if kind == "pen":
        light = page.ink()
        page.click("#clear")
        page.draw(DIGITS[0], kind, pressure=0.9)
        assert page.ink() > 1.2 * light, "a pen that is pressed draws broader"
    else:
        assert page.run("return scrollY") == 0, "a finger draws and does not scroll"


def test_a_server_that_fails_is_asked_again(page: Page, server: Any) -> None:
    """The page says what is wrong, and when the server works again it shows what it made of the drawing."""
    working = server.posts.pop("/predict")
    page.one("#pad").click()
    assert "The server says: there is no such page" in page.notice()
    server.posts["/predict"] = working
    page.settle()
    assert page.text("#notice") == ""
    assert page.text("#best") != ""
    assert all("404" in line for line in page.console()), "this looks at the lines, and empties the log"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(page: Page, server: Any, scheme: str) -> None:
    page.visit(f"http://127.0.0.1:{server.server_port}/", 390, 667, mobile=True, **{"prefers-color-scheme": scheme})
    page.draw(DIGITS[5], "touch")
    assert page.text("#best") != ""
    assert page.run("return document.documentElement.scrollWidth") <= 390
    for button in page.all("#tools button, #chart button"):
        box = button.rect
        assert box["height"] >= 40
        assert box["width"] >= 28
        assert box["y"] + box["height"] <= 667, "without scrolling"
    pixel = page.run("return getComputedStyle(document.body).backgroundColor")
    assert pixel == ("rgb(246, 247, 249)" if scheme == "light" else "rgb(18, 23, 28)")


def explained(page: Page) -> None:
    """Until the page has explained all that is drawn."""
    WebDriverWait(page.driver, 20, 0.01).until(
        lambda _: page.run("const d = document.body.dataset; return d.explained === d.version")
    )


def test_every_layer_is_on_show(page: Page) -> None:
    page.draw(DIGITS[4])
    logits = [browsing.number(one.text) for one in page.all("#logits .number")]
    best = [row.get_attribute("class") == "logit best" for row in page.all("#logits .logit")]
    assert best == [value == max(logits) for value in logits]
    assert page.text("#best") == str(best.index(True))
    for selector in ("#second .tile:nth-child(1) canvas", "#second .tile:nth-child(24) canvas", "#hidden canvas"):
        assert page.run("const c = document.querySelector(arguments[0]); return c.toDataURL().length", selector) > 200


def test_a_pixel_is_followed_into_the_maps(page: Page) -> None:
    tile = page.one("#picture .tile")
    tile.send_keys(Keys.ARROW_DOWN, *[Keys.ARROW_DOWN] * 10, *[Keys.ARROW_RIGHT] * 13)  # the first one enters at (0, 0)
    assert page.text("#reach").startswith("The pixel in row 10, column 13 goes into 25 cells of each map of the first")
    assert len(page.all("#maps .mark-reach")) == 8
    assert len(page.all("#second .mark-reach")) == 24
    tile.send_keys(Keys.HOME)
    assert "goes into 15 cells" in page.text("#reach"), "at the border"


def test_the_cells_that_a_pixel_goes_into_are_those_that_change_with_it(page: Page, reader: Any) -> None:
    rng = np.random.default_rng(0)
    base = rng.random((1, 1, 28, 28)).astype(np.float32)
    row, column = 9, 17
    page.one("#picture .tile").send_keys(*[Keys.ARROW_DOWN] * (row + 1), *[Keys.ARROW_RIGHT] * column)
    told = [int(n) for n in re.findall(r"(\d+) (?:cells|of 100)", page.text("#reach"))]
    changed = {"features.0": np.zeros((28, 28), bool), "features.3": np.zeros((10, 10), bool)}
    for value in (-50.0, 50.0):  # a pixel may be the largest of a pool or not
        other = base.copy()
        other[0, 0, row, column] = value
        with tg.no_grad():
            pair = [reader.outputs(tg.tensor(x)) for x in (base, other)]
        for name, cells in changed.items():
            cells |= (pair[0][name].numpy() != pair[1][name].numpy()).any((0, 1))
    assert told == [changed["features.0"].sum(), changed["features.3"].sum()]


def test_why_it_is_no_other_digit(page: Page) -> None:
    page.draw(DIGITS[4])
    explained(page)
    best = page.text("#best")
    assert f"behind {'an' if best == '8' else 'a'} {best} in the logits" in page.text("#why-words")
    first = page.text("#why-words")
    other = "3" if best != "3" else "5"
    Select(page.one("#other")).select_by_visible_text(other)
    WebDriverWait(page.driver, 20, 0.01).until(lambda _: page.text("#why-words").startswith(f"A {other} is "))
    assert page.text("#why-words") != first
    assert page.text("#changed-name") in (f"Now it says {other}", "Nothing yet")
    page.one("#other").send_keys("8")
    assert page.text("#notice") == "", "a digit typed in the list chooses, and keeps nothing"
    page.run("document.activeElement.blur()")
    page.keys("c")
    page.settle()
    explained(page)
    assert page.text("#why-words").startswith("Draw a digit")


def test_nearest_training_digits(page: Page, reader: Any) -> None:
    page.draw(DIGITS[1])
    explained(page)
    labels = [caption.text for caption in page.all("#nearest b")]
    assert len(labels) == 8
    assert set(labels) <= set("0123456789")
    known, reader.known = reader.known, None
    page.draw(DIGITS[7])
    explained(page)
    reader.known = known
    assert page.text("#similar-words") == "There are no training digits on this machine."


def test_a_digit_is_followed_on_a_page_of_its_own(page: Page, reader: Any) -> None:
    assert not page.one("#follow").is_enabled()
    page.draw(DIGITS[2])
    page.click("#follow")
    WebDriverWait(page.driver, 20, 0.05).until(lambda _: page.all("#follow-text a"))
    assert page.driver.switch_to.active_element.text == "Open the page of this digit"
    own = page.run("return location.href")
    address = page.one("#follow-text a").get_attribute("href")
    page.driver.get(address)
    assert page.text("h1") == "Follow this digit"
    assert page.console() == [], "also as a page that is served"
    page.driver.get(own)
    reader.close()
    page.requests()  # of two pages, which the fixture need not see


def test_a_picture_of_it(page: Page, server: Any) -> None:
    page.visit(f"http://127.0.0.1:{server.server_port}/", 1120, 1280)
    page.draw([[(56, 20), (42, 34), (34, 50), (46, 54), (56, 50)], [(66, 18), (64, 50), (58, 86)]])  # a 4, or a 9?
    explained(page)
    page.shoot("draw_digit.png", 250)
    assert page.run("return document.documentElement.scrollHeight") <= 1280
    image = browsing.IMAGES / "draw_digit.png"
    assert image.stat().st_size < 150_000
