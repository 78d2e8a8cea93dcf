"""torchvision's face: ``import tinygrad_cnn.vision as torchvision``; `datasets`, `transforms`, `models` and `utils`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .. import __version__ as __version__
from ..arrays.locks import loading as _loading

if TYPE_CHECKING:
    from . import datasets, models, transforms, utils

__all__ = ["datasets", "models", "transforms", "utils"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'tinygrad_cnn.vision' has no attribute {name!r}")
    with _loading():
        return importlib.import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
