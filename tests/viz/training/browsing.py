"""A live page in a browser that reaches nothing but this machine's own addresses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait
from viz.graph import browsing

__all__ = ["Tab", "browser", "opened"]


class Tab:
    """A page in the browser."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, address: str, width: int = 1440, height: int = 900, scheme: str = "light") -> Tab:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get(address)
        self.until(lambda: self.run("return document.body.dataset.ready") == "yes")
        return self

    def run(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def text(self, selector: str) -> str:
        return str(self.one(selector).get_property("textContent"))

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def until(self, condition: Callable[[], Any], seconds: float = 20) -> Any:
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: condition())

    def shoot(self, name: str) -> None:
        """Into docs/images."""
        self.driver.save_screenshot(str(browsing.IMAGES / name))

    def console(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def hosts(self) -> set[str]:
        """What was asked for: "file:" or the host."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return {url.split("/")[2].split(":")[0] if url.startswith("http") else url.split(":")[0] for url in urls}


def browser(profile: Path) -> Iterator[Any]:
    """For a fixture: a browser that reaches this machine alone."""
    yield from browsing.browser(profile, this_machine=True)


def opened(driver: webdriver.Chrome) -> Iterator[Tab]:
    """For a fixture: the page asks nobody but this machine, and its console stays empty."""
    driver.get("about:blank")
    for log in ("browser", "performance"):
        driver.get_log(log)
    tab = Tab(driver)
    yield tab
    gone = "net::ERR_CONNECTION"  # the run's server may have ended before the page
    assert [message for message in tab.console() if gone not in message] == []
    assert tab.hosts() <= {"127.0.0.1", "file", "data", "blob", "about"}
