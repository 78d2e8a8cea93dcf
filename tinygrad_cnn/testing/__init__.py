"""Checks for operations of one's own: `gradcheck`, `gradgradcheck`, memory layouts, and hypothesis strategies.

The strategies, in `tinygrad_cnn.testing.strategies`, need hypothesis; all else needs NumPy alone.
"""

from __future__ import annotations

import importlib
from typing import Any

from .checks import gradcheck as gradcheck
from .checks import gradgradcheck as gradgradcheck
from .compare import GradcheckError as GradcheckError
from .compare import GradcheckWarning as GradcheckWarning
from .memory import memory_layouts as memory_layouts


def __getattr__(name: str) -> Any:
    if name == "strategies":
        try:
            return importlib.import_module(".strategies", __name__)
        except ModuleNotFoundError as error:
            if error.name != "hypothesis":
                raise
            raise ModuleNotFoundError(
                "the strategies need hypothesis, which is not installed: pip install hypothesis", name="hypothesis"
            ) from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
