"""Differentiation by itself, under the names of ``torch.autograd``.

The engine reads in this order: `graph` (what a recorded computation is made of), `operation` (how an operation is
applied and recorded), `backward` (the way back). It knows no operation but the three that bring a gradient into shape.
"""

from __future__ import annotations

import importlib
from typing import Any

from .backward import backward, grad
from .modes import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)

_LATER = {  # under PyTorch's names; made of this room and others, which know how
    "Function": "function", "function": "", "functional": "", "forward_ad": "",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module '{__name__}' has no attribute {name!r}")
    face = importlib.import_module(f"{__name__}.{_LATER[name] or name}")
    return face if not _LATER[name] else getattr(face, name)


# fmt: off
__all__ = [
    "backward", "detect_anomaly", "enable_grad", "grad", "inference_mode", "is_grad_enabled", "no_grad",
    "set_detect_anomaly", "set_grad_enabled",
]
