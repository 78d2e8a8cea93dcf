"""The examples as modules, and requests to the server of draw_digit.py."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
from viz.kit.serving import ask, raw, served

__all__ = ["SIZE", "STROKE", "ask", "example", "predict", "raw", "served"]

EXAMPLES = Path(__file__).parents[2] / "examples"
STROKE = np.zeros((100, 60), np.uint8)  # a one
STROKE[20:80, 25:35] = 255
SIZE = {"X_Width": "60", "X_Height": "100"}


def example(name: str) -> Any:
    """An example as a module. It finds its neighbours as it does when it is run: in its own folder."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(EXAMPLES))


def predict(server: Any, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """The answer about STROKE."""
    return ask(server, "POST", "/predict", STROKE.tobytes(), **{**SIZE, **headers})
