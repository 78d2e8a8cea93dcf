"""The recipes as modules, for their tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

RECIPES = Path(__file__).parents[2] / "examples" / "recipes"


def load(name: str) -> Any:
    """A recipe as a module of its own, made anew."""
    spec = importlib.util.spec_from_file_location(name, RECIPES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
