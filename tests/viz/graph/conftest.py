"""What draws in this environment."""

from __future__ import annotations

import importlib.util
import shutil

import pytest


@pytest.fixture
def renderer() -> str:
    """The name of what draws; the test is skipped where nothing does."""
    if shutil.which("dot"):
        return "dot"
    if importlib.util.find_spec("pygraphviz"):
        return "pygraphviz"
    pytest.skip("nothing here lays graphs out: neither Graphviz's dot nor pygraphviz is installed")
