"""Differentiation by itself, under PyTorch's names. The engine: `graph`, `operation`, `backward`, in this order."""

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
