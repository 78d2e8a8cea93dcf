"""The page to take away, opened as a file in a Chromium whose network is cut: it reads what a hand draws, as Python
does.

TINYGRAD_CNN_SCREENSHOTS=1 also renews docs/images/take_away.png.
"""

from __future__ import annotations

import time
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
from selenium.webdriver.support.wait import WebDriverWait
from viz.graph import browsing

F = tg.nn.functional
INK = """
const pad = document.getElementById("pad");
const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
return [...data.filter((_, i) => i % 4 === 3)];
"""
SEEN = """
const seen = document.getElementById("seen");
const copy = new OffscreenCanvas(28, 28).getContext("2d", { willReadFrequently: true });
copy.drawImage(seen, 0, 0);
return [...copy.getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 === 0)];
"""
BARS = "return [...document.querySelectorAll('.bar')].map((bar) => parseFloat(bar.style.width) / 100)"


class Page(Hand):
    """The page, and what it says."""

    def drawing(self) -> np.ndarray[Any, Any]:
        """The ink of each pixel of the pad."""
        ink = np.array(self.run(INK), np.uint8)
        return ink.reshape(2 * [round(len(ink) ** 0.5)])

    def bars(self) -> np.ndarray[Any, Any]:
        return np.array(self.run(BARS))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from browsing.browser(
        tmp_path_factory.mktemp("profile"), this_machine=True
    )  # which serves; the file does not


@pytest.fixture
def page(driver: Any, trained: Any, tmp_path: Path) -> Iterator[Page]:
    """Whatever a test does, the page asks for nothing but itself, and the console stays empty."""
    driver.get("about:blank")
    for log in ("browser", "performance"):
        driver.get_log(log)
    window = Page(driver, tmp_path)
    path = example("take_away").take_away(trained.model).save(tmp_path / "digits.html")
    window.visit(path.as_uri(), 1000, 760)
    yield window
    assert window.console() == []
    assert set(window.requests()) == {window.file}


def by_python(model: Any, drawing: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The centred digit (28, 28), and the ten probabilities, of a drawing."""
    seen = tg.data.center_digit(drawing, ink="bright")
    with tg.no_grad():
        scores = model(tg.tensor((seen / 255).astype(np.float32)[None, None]))
    return seen, F.softmax(scores, 1).numpy()[0]


def test_ten_digits_are_read_as_python_reads_them(page: Page, trained: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said, furthest = {}, 0.0
    for digit, strokes in DIGITS.items():
        page.draw(strokes)
        said[digit] = page.text("#best")
        seen, probabilities = by_python(trained.model, page.drawing())
        np.testing.assert_array_equal(np.array(page.run(SEEN)).reshape(28, 28), seen)
        furthest = max(furthest, float(abs(page.bars() - probabilities).max()))
        assert page.text("#words") == f"It is {'an' if said[digit] == '8' else 'a'} {said[digit]}."
        page.keys("c")
        assert page.text("#best") == "?"
    right = [digit for digit, best in said.items() if best == str(digit)]
    with capsys.disabled():
        print(f"\n{len(right)} of 10 drawn digits read right; probabilities within {furthest:.1e} of Python's")
    assert len(right) == 10, said
    assert furthest < 1e-4


def test_any_scribble_is_centred_and_read_as_python_does(page: Page, trained: Any) -> None:
    """Dots, bars along the border, thin and faint ink: whatever a canvas may hold."""
    rng = np.random.default_rng(0)
    for _ in range(25):
        corner = rng.uniform(2, 120, 2)
        boxes = []  # left, top, width, height, and how strong the ink is
        for _ in range(3):
            sides = rng.integers(1, 60, 2)
            boxes.append([*np.round(rng.uniform(0, 70, 2) + corner), *sides, rng.uniform(0.1, 1)])
        page.run(
            """
            const context = document.getElementById("pad").getContext("2d");
            context.clearRect(0, 0, 196, 196);
            for (const [x, y, width, height, alpha] of arguments[0]) {
              context.globalAlpha = alpha;
              context.fillRect(x, y, width, height);
            }
            context.globalAlpha = 0;  // the click below leaves nothing
            """,
            [[float(v) for v in box] for box in boxes],
        )
        page.click("#pad")
        seen, probabilities = by_python(trained.model, page.drawing())
        np.testing.assert_array_equal(np.array(page.run(SEEN)).reshape(28, 28), seen)
        np.testing.assert_allclose(page.bars(), probabilities, atol=1e-4)


def test_undo_and_clear(page: Page) -> None:
    assert not page.one("#undo").is_enabled()
    assert not page.one("#clear").is_enabled()
    page.draw(DIGITS[4][:1])
    one = page.drawing()
    page.draw(DIGITS[4][1:])
    page.keys("c")
    assert not page.drawing().any()
    assert page.text("#words") == "Nothing is drawn."
    page.keys("z", "z")
    np.testing.assert_array_equal(page.drawing(), one)
    page.click("#clear")
    page.click("#undo")
    np.testing.assert_array_equal(page.drawing(), one)
    page.keys("z", "z", "c")
    assert page.one("#hint").is_displayed()
    assert not page.drawing().any()


@pytest.mark.parametrize("kind", ["pen", "touch"])
def test_pens_and_fingers_draw(page: Page, kind: str) -> None:
    page.draw(DIGITS[7], kind)
    assert page.text("#best") == "7"
    assert page.run("return scrollY") == 0, "a finger draws and does not scroll"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits(page: Page, width: int, scheme: str) -> None:
    page.visit(page.file, width, 844, mobile=width < 500, **{"prefers-color-scheme": scheme})
    page.draw(DIGITS[5], "touch" if width < 500 else "mouse")
    assert page.text("#best") == "5"
    assert page.width() == width
    for element in page.all("button, #bars li"):
        assert element.rect["y"] + element.rect["height"] <= 844, "without scrolling"
    assert all(button.rect["height"] >= 44 for button in page.all("button"))
    ink = page.run("return getComputedStyle(document.getElementById('pad')).filter")
    assert ink == ("none" if scheme == "light" else "invert(1)")
    if (width, scheme) == (1440, "light"):
        page.visit(page.file, 920, 640)
        page.draw(DIGITS[5])
        page.shoot("take_away.png", 64)


def test_the_button_of_the_drawing_page_downloads_it(driver: Any, trained: Any, tmp_path: Path) -> None:
    module = example("draw_digit")
    downloads = tmp_path / "downloads"
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
    with served(module.make_server(trained, module.Drawings(tmp_path / "drawings.csv", "tests"))) as server:
        window = Page(driver, tmp_path)
        window.visit(f"http://127.0.0.1:{server.server_port}/", 1180, 760)
        window.click("#take")
        WebDriverWait(driver, 20, 0.05).until(lambda _: (downloads / "digits.html").exists())
        assert window.text("#notice").startswith("digits.html goes into your downloads")
        assert window.console() == []
    expected = example("take_away").take_away(trained.model).html
    end = time.monotonic() + 20
    while (downloads / "digits.html").stat().st_size < len(expected.encode()) and time.monotonic() < end:
        time.sleep(0.05)
    assert (downloads / "digits.html").read_text(encoding="utf-8") == expected
