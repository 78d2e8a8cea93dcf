"""Differentiation by itself, under the names of ``torch.autograd``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import engine
from .engine import detect_anomaly, enable_grad, grad, is_grad_enabled, no_grad, set_grad_enabled
from .tensors import Tensor

__all__ = ["backward", "detect_anomaly", "enable_grad", "grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | None = None,
) -> None:
    """Add the gradients of several tensors at once to the leaves they came from. Arguments as `Tensor.backward`."""
    ys = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    gs = grad_tensors if isinstance(grad_tensors, (list, tuple)) else [grad_tensors] * len(ys)
    if len(gs) != len(ys):
        raise ValueError(f"grad_tensors has {len(gs)} entries for {len(ys)} tensors")
    engine.backward(ys, gs, retain_graph, create_graph, inputs)
