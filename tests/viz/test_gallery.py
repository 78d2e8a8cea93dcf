"""The gallery: every page of it opens within it, and shows itself."""

from __future__ import annotations

from typing import Any

import pytest
from viz.gallery import maker
from viz.kit.demo import demo

from tinygrad_cnn.viz.kit.page import Page

pytest.importorskip("selenium", reason="Selenium is not installed: the gallery meets no browser")
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_open_and_close_by_keyboard(window: Any, width: int) -> None:
    made = maker()
    cards = [made.Card('A "<b>page</b>"', "It says so.", "demo()", None, lambda: Page(demo()))]
    window.show(made.gallery(cards, made.PICTURES).html, width, 900, mobile=width < 500)
    assert window.width() == width
    assert window.smallest_text() >= 12
    assert len(window.all("img")) == len(made.PICTURES)
    button = window.one("button[data-page]")
    assert button.get_attribute("aria-label") == 'Open the page: A "<b>page</b>"'
    button.send_keys(Keys.ENTER)
    window.driver.switch_to.frame(window.one("iframe"))
    assert window.run("return document.body.dataset.ready") == "yes"
    window.driver.switch_to.default_content()
    window.keys(Keys.ESCAPE)
    wait = WebDriverWait(window.driver, 10)
    wait.until(lambda _: not window.all("iframe"), "a page that is closed runs no longer")
    assert window.driver.switch_to.active_element == button
