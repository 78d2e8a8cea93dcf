"""Differentiation by itself, under PyTorch's names. The engine: `graph`, `operation`, `backward`, in this order."""

import importlib

from .backward import backward, grad
from .graph import Variable
from .modes import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)


def __getattr__(name: str) -> object:
    """PyTorch's names for what stands above this room, loaded at first use."""
    home = {"Function": ".function", **dict.fromkeys(("gradcheck", "gradgradcheck"), "..testing.torch_names")}.get(name)
    if home:
        return getattr(importlib.import_module(home, __name__), name)
    if name in ("forward_ad", "function", "functional"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module '{__name__}' has no attribute {name!r}")


# fmt: off
__all__ = [
    "Variable", "backward", "detect_anomaly", "enable_grad", "grad", "inference_mode", "is_grad_enabled", "no_grad",
    "set_detect_anomaly", "set_grad_enabled",
]
