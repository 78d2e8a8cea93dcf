"""A page in a real browser: what the tests of the page do with it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tinygrad_cnn.viz.graph.html import page
from tinygrad_cnn.viz.graph.structure import Picture

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)
DRIVER = shutil.which("chromedriver")
IMAGES = Path(__file__).parents[3] / "docs" / "images"
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars"
)
SMALLEST = """
const seen = (e) =>
  e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width &&
  !e.closest("script, style, title, .visually-hidden");
const own = (e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
const scale = (e) => {
  const matrix = e.closest("svg") && e.getScreenCTM ? e.getScreenCTM() : null;
  return matrix ? Math.hypot(matrix.a, matrix.b) : 1;
};
const sizes = [...document.querySelectorAll("body *")].filter((e) => own(e) && seen(e));
return Math.min(...sizes.map((e) => parseFloat(getComputedStyle(e).fontSize) * scale(e)));
"""


class Window:
    """A page in the browser; what it asked for and what it wrote to the console."""

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver, self.folder, self.file = driver, folder, ""

    def open(
        self, picture: Picture, width: int = 1440, height: int = 900, *, mobile: bool = False, **media: str
    ) -> Window:
        return self.show(page(picture), width, height, mobile=mobile, **media)

    def show(self, text: str, width: int = 1440, height: int = 900, *, mobile: bool = False, **media: str) -> Window:
        """Any page, as a file: its script says when it is ready, by ``document.body.dataset.ready = "yes"``."""
        return self.load(text, width, height, mobile=mobile, **media).whole()

    def load(self, text: str, width: int = 1440, height: int = 900, *, mobile: bool = False, **media: str) -> Window:
        """Any page, as a file, also one without a script."""
        path = self.folder / "page.html"
        path.write_text(text, encoding="utf-8")
        return self._go(path.as_uri(), width, height, mobile, media)

    def visit(
        self, address: str, width: int = 1440, height: int = 900, *, mobile: bool = False, **media: str
    ) -> Window:
        """Any page, by its address."""
        return self._go(address, width, height, mobile, media).whole()

    def _go(self, address: str, width: int, height: int, mobile: bool, media: dict[str, str]) -> Window:
        self.file = address
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        media = {"prefers-reduced-motion": "reduce", "prefers-color-scheme": "light", **media}
        features = [{"name": name, "value": value} for name, value in media.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get(self.file)
        return self

    def whole(self) -> Window:
        """Itself, after its script has come to its end."""
        assert self.run("return document.body.dataset.ready") == "yes", self.console()
        return self

    def run(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def one(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        self.one(selector).click()

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def text(self, selector: str) -> str:
        return str(self.one(selector).get_property("textContent"))

    def node(self, name: str) -> Any:
        return next(n for n in self.all("#nodes [data-key]") if n.get_attribute("aria-label").startswith(name))

    def cell(self, name: str, which: str) -> str:
        return str(self.node(name).find_element(By.CSS_SELECTOR, f".number.{which}").get_property("textContent"))

    def focused(self) -> str:
        return str(self.driver.switch_to.active_element.get_attribute("aria-label"))

    def console(self) -> list[Any]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith("data:")]

    def width(self) -> int:
        """What the page takes: more than the window's where one must scroll sideways."""
        return int(self.run("return document.scrollingElement.scrollWidth"))

    def smallest_text(self) -> float:
        """The size in pixels of the screen of the smallest text that is seen, that within pictures included."""
        return float(self.run(SMALLEST))

    def shoot(self, name: str, colors: int | None = None) -> None:
        """Renew a picture of the docs; `colors` of them, where there are gradients, take a third of the bytes."""
        if os.environ.get("TINYGRAD_CNN_SCREENSHOTS"):
            self.driver.save_screenshot(str(IMAGES / name))
            if colors is not None:
                image = pytest.importorskip("PIL.Image")
                image.open(IMAGES / name).convert("RGB").quantize(colors).save(IMAGES / name, optimize=True)


def start(profile: Path, *, this_machine: bool = False) -> Any:
    """A headless Chromium with a fresh profile, whose every host name leads nowhere, but to 127.0.0.1 if so asked."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in (*FLAGS.split(), f"--user-data-dir={profile}"):
        options.add_argument(flag)
    open_to = ", EXCLUDE 127.0.0.1" if this_machine else ""
    options.add_argument(f"--host-resolver-rules=MAP * ~NOTFOUND{open_to}")  # the network is cut
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


def browser(profile: Path, *, this_machine: bool = False) -> Iterator[Any]:
    """For a fixture: a browser, or a skip where there is none."""
    if not (BROWSER and DRIVER):
        pytest.skip("no Chromium with chromedriver (Debian: apt install chromium chromium-driver)")
    started = start(profile, this_machine=this_machine)
    try:
        yield started
    finally:
        started.quit()


def opened(driver: Any, folder: Path) -> Iterator[Window]:
    """For a fixture: whatever a test does, the page asks for nothing but itself and the console stays empty."""
    driver.get("about:blank")
    for log in ("browser", "performance"):
        driver.get_log(log)
    window = Window(driver, folder)
    yield window
    assert window.console() == []
    assert set(window.requests()) == {window.file}


def number(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-"))
