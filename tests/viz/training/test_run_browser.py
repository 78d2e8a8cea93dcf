"""The live page in a real Chromium, over a real training that runs in another thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from viz.training import runs

from tinygrad_cnn import viz

pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
from selenium.webdriver.common.keys import Keys
from viz.training import browsing
from viz.training.browsing import Tab


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from browsing.browser(tmp_path_factory.mktemp("profile"))


@pytest.fixture
def tab(driver: Any) -> Iterator[Tab]:
    yield from browsing.opened(driver)


@pytest.fixture
def run() -> Iterator[Any]:
    """A page over a training that goes on until it is stopped."""
    net, optimizer = runs.made()
    page = viz.live(net, optimizer, labels=["top", "middle", "bottom"])
    thread = threading.Thread(
        target=lambda: (runs.steps(net, optimizer, 10**9, page), page.finish("stopped")), daemon=True
    )
    thread.start()
    yield page
    page._control.stop()
    thread.join(20)
    page.close()


def step(tab: Tab) -> int:
    return int(tab.run("return document.body.dataset.step"))


def state(tab: Tab) -> str:
    return str(tab.run("return document.body.dataset.state"))


def test_a_training_is_watched_paused_stepped_and_stopped(tab: Tab, run: Any, tmp_path: Path) -> None:
    tab.open(run.address)
    tab.until(lambda: step(tab) > 10 and tab.all("#units .bars") and tab.all("#curves .plot"))
    assert [row.text.split()[0] for row in tab.all("#layers tbody tr")] == ["conv", "fc"]
    assert tab.text("#units .bars").startswith("conv + relu")

    tab.one("#pause").click()
    tab.until(lambda: state(tab) == "paused")
    tab.until(lambda: step(tab) == run.step_count)
    before = run.step_count
    tab.one("#once").click()
    tab.until(lambda: step(tab) == before + 1)
    assert run.step_count == before + 1, "one step, and no more"
    tab.one("#once").click()
    tab.until(lambda: step(tab) == before + 2)

    slider = tab.one("#rate input")
    tab.run("arguments[0].focus()", slider)
    tab.keys(*[Keys.ARROW_LEFT] * 20)  # by the keyboard, to a tenth
    tab.until(lambda: run._control.factor < 0.5)
    tab.one("#once").click()
    tab.until(lambda: step(tab) == before + 3)
    tab.one("#once").click()
    tab.until(lambda: step(tab) == before + 4)
    assert run._record.now["lr"] == pytest.approx(0.1 * run._control.factor)

    tab.keys("s")  # the button that was clicked has the focus, and no use for an s
    tab.until(lambda: step(tab) == before + 5)
    tab.run("arguments[0].focus()", slider)
    tab.keys(" ")  # nor has the slider for the space
    tab.until(lambda: step(tab) > before + 20)
    assert state(tab) == "running"
    saved = run.save(tmp_path / "run.html")
    tab.one("#stop").click()
    tab.until(lambda: state(tab) == "finished")
    assert not tab.one("#pause").is_enabled()
    run.close()
    tab.until(lambda: state(tab) == "lost")
    assert "The program has ended" in tab.text("#status")
    assert [m for m in tab.console() if "ERR_CONNECTION_REFUSED" not in m] == [], (
        "a server that has gone is all it says"
    )

    tab.open(saved.as_uri(), width=390, height=844, scheme="dark")
    assert len(tab.all("#layers tbody tr")) == 2
    assert not tab.one("#tools").is_displayed(), "there is nothing to steer"
    assert tab.run("return document.documentElement.scrollWidth") == 390
    assert tab.all("#curves .plot")


def test_the_whole_page_can_be_reached_by_keyboard(tab: Tab, run: Any) -> None:
    tab.open(run.address)
    tab.until(lambda: tab.all("#filters canvas") and tab.all("#layers tbody tr"))
    found = []
    for _ in range(30):
        tab.keys(Keys.TAB)
        found.append(tab.run("const e = document.activeElement; return e.id || e.closest('[id]')?.id || e.tagName"))
    assert {"pause", "once", "stop", "rate", "keep", "theme", "log", "back", "layers"} <= set(found)


def test_looking_back_shows_what_was(tab: Tab, tmp_path: Path) -> None:
    net, optimizer = runs.made()
    page = viz.live(net, optimizer, serve=False)
    page._look.cancel()
    page._watching, page._next = False, float("inf")  # no looks but these
    for norm, n in ((1.0, 1), (2.0, 50), (4.0, 99)):
        page._record.looks.add({"step": n, "norm": [norm, None], "ratio": [1e-3, None], "units": [], "accuracy": None})
        page._record.frames.add({**page._look.frame(n)})
    for k in range(99):
        page.step(1.0 / (k + 1))
    tab.open(page.save(tmp_path / "run.html").as_uri())
    row = "#layers tbody tr:first-child td"
    assert tab.text(row) == "4"
    tab.run("document.querySelector('#back input').focus()")
    tab.keys(Keys.HOME)
    assert tab.text(row) == "1"
    assert "after step 1:" in tab.text("#filters-text") or "after step 0:" in tab.text("#filters-text")
    tab.keys(Keys.END)
    assert tab.text(row) == "4"
