"""The gallery: every page of it opens within it, and shows itself."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from viz.kit.demo import demo

from tinygrad_cnn.viz.kit.page import Page

pytest.importorskip("selenium", reason="Selenium is not installed: the gallery meets no browser")
from selenium.webdriver.common.keys import Keys
from viz.graph import browsing

PATH = Path(__file__).parents[2] / "docs" / "make_gallery.py"


@pytest.fixture(scope="module")
def maker() -> Any:
    spec = importlib.util.spec_from_file_location("make_gallery", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from browsing.browser(tmp_path_factory.mktemp("profile"))


@pytest.fixture
def window(driver: Any, tmp_path: Path) -> Iterator[Any]:
    yield from browsing.opened(driver, tmp_path)


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_open_and_close_by_keyboard(maker: Any, window: Any, width: int) -> None:
    cards = [maker.Card('A "<b>page</b>"', "It says so.", "demo()", None, lambda: Page(demo()))]
    window.show(maker.gallery(cards, maker.PICTURES).html, width, 900, mobile=width < 500)
    assert window.width() == width
    assert window.smallest_text() >= 12
    assert len(window.all("img")) == len(maker.PICTURES)
    button = window.one("button[data-page]")
    assert button.get_attribute("aria-label") == 'A "<b>page</b>"'
    button.send_keys(Keys.ENTER)
    window.driver.switch_to.frame(window.one("iframe"))
    assert window.run("return document.body.dataset.ready") == "yes"
    window.driver.switch_to.default_content()
    window.keys(Keys.ESCAPE)
    assert not window.all("iframe"), "a page that is closed runs no longer"
    assert window.driver.switch_to.active_element == button
