"""Differentiation by itself, under the names of ``torch.autograd``.

The engine reads in this order: `graph` (what a recorded computation is made of), `operation` (how an operation is
applied and recorded), `backward` (the way back). It knows no operation but the three that bring a gradient into shape.
"""

from __future__ import annotations

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

# fmt: off
__all__ = [
    "Variable", "backward", "detect_anomaly", "enable_grad", "grad", "inference_mode", "is_grad_enabled", "no_grad",
    "set_detect_anomaly", "set_grad_enabled",
]
