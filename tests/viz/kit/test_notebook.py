"""A graph in a notebook: the page itself, which works within its frame."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tinygrad_cnn.viz.kit.page import Page, document, framed

pytest.importorskip("selenium", reason="Selenium is not installed: the frame meets no browser")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.support.wait import WebDriverWait

CODE = """
import tinygrad_cnn as tg
a, b = tg.tensor(2.0, requires_grad=True), tg.tensor(-3.0, requires_grad=True)
tg.viz.draw_graph((a * b).tanh(), names={"a": a, "b": b}, title='A "<b>graph</b>"')
"""
ROOT = Path(__file__).parents[3]


def test_a_frame_says_what_it_is() -> None:
    text = framed(document('A "<b>page</b>"', "<p>"))
    assert 'title="A &quot;&lt;b&gt;page&lt;/b&gt;&quot;"' in text
    assert 'srcdoc="&lt;!DOCTYPE html&gt;' in text
    assert framed("no title").count("Page") == 2
    assert "height:200px" in Page("x", 200)._repr_html_()


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    """What a kernel hands to the notebook."""
    nbclient = pytest.importorskip("nbclient", reason="a notebook is run by nbclient, of the extra `notebook`")
    pytest.importorskip("ipykernel", reason="a notebook is run in ipykernel, of the extra `notebook`")
    import nbformat.v4

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        client = nbclient.NotebookClient(
            notebook, timeout=120, kernel_name="python3", extra_arguments=["--log-level=ERROR"]
        )
        (output,) = client.execute()["cells"][0]["outputs"]
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    return dict(output["data"])


@pytest.mark.parametrize("width", [760, 1200])
def test_the_page_works_in_a_notebook(shown: dict[str, str], window: Any, width: int) -> None:
    text = f"<!doctype html><link rel=icon href='data:,'><body data-ready=yes><h1>Notebook</h1>{shown['text/html']}"
    window.show(text, width, 900)
    assert not window.one("iframe + p").is_displayed(), "what it says would not be true"
    window.driver.switch_to.frame(window.one("iframe"))
    assert window.run("return document.body.dataset.ready") == "yes"
    window.click("#next")
    assert window.text("#step-text").startswith("Forward 1 of 2")
    window.node("a,").click()
    assert window.text("#details h2") == "a"
    assert window.width() <= width
    window.driver.switch_to.default_content()


def test_a_frame_that_has_no_size_at_first(shown: dict[str, str], window: Any) -> None:
    frame = shown["text/html"].replace('loading="lazy"', "")
    text = f"<!doctype html><link rel=icon href='data:,'><body data-ready=yes><div id=cell hidden>{frame}</div>"
    window.show(text, 1200, 900)
    window.run("document.getElementById('cell').hidden = false")
    window.driver.switch_to.frame(window.one("iframe"))
    WebDriverWait(window.driver, 10, 0.02).until(lambda _: window.node("a,").rect["width"] > 80)
    assert window.one("#side").is_displayed()
    window.driver.switch_to.default_content()


def test_past_which_one_scrolls(shown: dict[str, str], window: Any) -> None:
    tail = "<div style='height: 3000px'>"
    text = f"<!doctype html><link rel=icon href='data:,'><body data-ready=yes>{shown['text/html']}{tail}"
    window.show(text, 1000, 900)
    frame = window.one("iframe")
    ActionChains(window.driver).scroll_from_origin(ScrollOrigin.from_element(frame, -200, 0), 0, 120).perform()
    # a page that nobody has clicked leaves the wheel to the notebook
    WebDriverWait(window.driver, 10, 0.02).until(lambda _: window.run("return scrollY") == 120)
    window.driver.switch_to.frame(frame)
    window.node("a,").click()
    where = "return document.querySelector('#stage').getAttribute('transform')"
    before = window.run(where)
    window.driver.switch_to.default_content()
    place = window.run("return scrollY")
    ActionChains(window.driver).scroll_from_origin(ScrollOrigin.from_element(frame, -200, 0), 0, 50).perform()
    window.driver.switch_to.frame(frame)
    WebDriverWait(window.driver, 10, 0.02).until(lambda _: window.run(where) != before)
    window.driver.switch_to.default_content()
    assert window.run("return scrollY") == place
