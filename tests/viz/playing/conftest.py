"""The playground in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("selenium", reason="Selenium is not installed: the page meets no browser")
    from viz.graph import browsing

    yield from browsing.browser(tmp_path_factory.mktemp("profile"))


@pytest.fixture
def window(driver: Any, tmp_path: Path) -> Iterator[Any]:
    from viz.graph import browsing

    yield from browsing.opened(driver, tmp_path)
