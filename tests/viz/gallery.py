"""docs/make_gallery.py as a module."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[2] / "docs" / "make_gallery.py"


def maker() -> Any:
    spec = importlib.util.spec_from_file_location("make_gallery", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
