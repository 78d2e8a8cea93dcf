"""A served page and its questions, in a real Chromium for which there is no other machine than this one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from viz.kit.demo import demo

from tinygrad_cnn.viz.kit.page import document
from tinygrad_cnn.viz.kit.server import Refused, serve

pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
from selenium.webdriver.support.wait import WebDriverWait
from viz.graph import browsing


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from browsing.browser(tmp_path_factory.mktemp("profile"), this_machine=True)


@pytest.fixture
def window(driver: Any, tmp_path: Path) -> Any:
    driver.get("about:blank")
    for log in ("browser", "performance"):
        driver.get_log(log)
    return browsing.Window(driver, tmp_path)


def answer(window: Any, code: str) -> Any:
    """What a promise of the page becomes; of an error its message."""
    done = "const done = arguments[arguments.length - 1];"
    refused = "(error) => done(`refused: ${error.message}`)"
    return window.driver.execute_async_script(f"{done} ({code}).then(done, {refused})")


def test_the_page_asks_and_is_answered(window: Any) -> None:
    def double(data: Any) -> Any:
        if not isinstance(data, (int, float)):
            raise Refused(422, "a number, please")
        return {"twice": 2 * data, "half": float("nan")}

    with serve(demo(), {"/double": double}) as service:
        window.visit(f"{service.address}/")
        assert answer(window, "channel.ask('/double', 21)") == {"twice": 42, "half": "NaN"}
        assert window.console() == []
        assert set(window.requests()) == {f"{service.address}/", f"{service.address}/double"}
        assert answer(window, "channel.ask('/double', 'x')") == "refused: a number, please"
        window.console()  # where Chromium notes the status 422
    assert "does it still run?" in answer(window, "channel.ask('/double', 1)")
    window.console()


def test_asking_again_and_again(window: Any) -> None:
    asked: list[int] = []

    def step(data: int) -> int:
        asked.append(data)
        return len(asked)

    with serve(demo(), {"/step": step}) as service:
        window.visit(f"{service.address}/")
        window.run("window.heard = []; window.n = 0")
        window.run("window.end = channel.every(5, '/step', (answer) => heard.push(answer), () => n++)")
        WebDriverWait(window.driver, 10, 0.02).until(lambda _: window.run("return heard.length") >= 3)
        window.run("end()")
        heard = window.run("return heard")
        assert heard[:3] == [1, 2, 3]
        assert asked[:3] == [0, 1, 2]
        window.run("return new Promise((done) => setTimeout(done, 60))")
        assert window.run("return heard") == heard, "an end is an end"
    assert window.console() == []


def test_a_program_that_does_not_answer_is_asked_less_and_less(window: Any) -> None:
    asked: list[int] = []

    def moody(_data: Any) -> int:
        asked.append(1)
        if len(asked) != 16:
            raise Refused(503, "not now")
        return 1

    with serve(demo(), {"/moody": moody}) as service:
        window.visit(f"{service.address}/")
        window.run("""
            window.pauses = [];
            const later = window.setTimeout;
            window.setTimeout = (call, ms) => {
              pauses.push(ms);
              if (pauses.length < 18) later(call, 0);
            };
            channel.every(5, "/moody", () => null);
        """)
        WebDriverWait(window.driver, 10, 0.02).until(lambda _: window.run("return pauses.length") == 18)
        doubled = [min(5 * 2**k, 10_000) for k in range(1, 16)]
        assert window.run("return pauses") == [*doubled, 5, 10, 20], (
            "twice as long, up to ten seconds; an answer resets it"
        )
    window.console()


def test_a_page_that_is_not_seen_asks_nothing(window: Any) -> None:
    asked: list[int] = []
    with serve(demo(), {"/step": asked.append}) as service:
        window.visit(f"{service.address}/")
        turns = "return new Promise((done) => setTimeout(() => setTimeout(done, 30), 30))"
        window.run("Object.defineProperty(document, 'hidden', { get: () => !window.shown, configurable: true })")
        window.run("channel.every(1, '/step', () => null)")
        window.run(turns)
        assert asked == []
        window.run("window.shown = true")
        WebDriverWait(window.driver, 10, 0.02).until(lambda _: len(asked) > 1)
    window.console()


def test_a_script_that_is_not_its_own_does_not_run(window: Any) -> None:
    page = document("A page", "<p>page</p>", scripts=["document.body.dataset.ready = 'yes'"])
    with serve(page, {}) as service:
        window.visit(f"{service.address}/")
        window.run(
            "const s = document.createElement('script'); s.textContent = 'document.title = 9'; document.body.append(s)"
        )
        assert window.run("return document.title") == "A page"
        assert "script-src" in str(window.console())


@pytest.mark.parametrize("framed", [True, False])
def test_in_a_frame(window: Any, framed: bool) -> None:
    with serve(demo(), {"/double": lambda data: 2 * data}, framed=framed) as inner:
        around = f'<!doctype html><link rel="icon" href="data:,"><body data-ready="yes">{inner._repr_html_()}'
        with serve(around, {}) as outer:
            outer._server.headers.pop("Content-Security-Policy")  # a notebook has none
            window.visit(f"{outer.address}/")
            window.driver.switch_to.frame(window.one("iframe"))
            if framed:
                assert answer(window, "channel.ask('/double', 21)") == 42
                assert window.console() == []
            else:
                assert not window.all("button.theme")
                assert "frame-ancestors" in str(window.console())
            window.driver.switch_to.default_content()
