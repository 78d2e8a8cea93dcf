"""Gradients cut down to size, in place, between backward() and step()."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...arrays.telling import described
from ...arrays.writes import mutated
from ...ops.promotion import get_default_dtype
from ...tensors import Tensor


def listed(tensors: Any, name: str) -> list[Tensor]:
    """The tensors in a list; TypeError, which says what to pass, for anything else."""
    if hasattr(tensors, "parameters"):
        raise TypeError(f"{name}: expected parameters, got {described(tensors)}; pass model.parameters()")
    if isinstance(tensors, (str, bytes, dict)) or not isinstance(tensors, Iterable):
        raise TypeError(f"{name}: expected a Tensor or an iterable of them, got {described(tensors)}")
    found = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    for t in found:
        if not isinstance(t, Tensor):
            named = isinstance(t, tuple) and len(t) == 2 and isinstance(t[1], Tensor)
            instead = "; pass model.parameters(), without the names" if named else ""
            raise TypeError(f"{name}: expected Tensors, got {type(t).__name__}{instead}")
    return found


def _number(value: Any, name: str, what: str, least: float = 0.0) -> float:
    """A number or a Tensor with one as a float; TypeError or ValueError for anything else, NaN, and what is less."""
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name}: {what} must be a number, got {described(value)}: {value!r}")
    if not value >= least:
        raise ValueError(f"{name}: {what} must be at least {least:g}, got {value}")
    return float(value)


def _gradients(parameters: Tensor | Iterable[Tensor], name: str) -> list[Tensor]:
    return [p.grad for p in listed(parameters, name) if p.grad is not None]


def _writable(grad: Tensor) -> Any:
    """The array of a gradient, to write into."""
    if not grad._array.flags.writeable:
        grad._array = np.array(grad._array)
    return grad._array


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The p-norm of all entries of all tensors, as if they were one vector; p = ``norm_type``, which may be inf.

    Args:
        error_if_nonfinite: raise a RuntimeError where the norm is NaN or inf.
        foreach: PyTorch's choice of an implementation; there is one here, so it changes nothing.
    """
    del foreach
    name = "get_total_norm"
    p = _number(norm_type, name, "norm_type", -math.inf)
    arrays = [t._array for t in listed(tensors, name)]
    if not arrays:
        return Tensor(np.zeros((), get_default_dtype()))
    dtype = np.result_type(*arrays)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        if math.isinf(p):
            extreme = np.max if p > 0 else np.min
            total = extreme([extreme(np.abs(a)) if a.size else (0.0 if p > 0 else math.inf) for a in arrays])
        elif p == 2:
            total = math.sqrt(sum(float(np.vdot(a, a)) if a.dtype.itemsize > 4 else _squares(a) for a in arrays))
        elif p == 0:
            total = float(sum(np.count_nonzero(a) for a in arrays))
        else:
            total = np.float64(sum(float((np.abs(a, dtype=np.float64) ** p).sum()) for a in arrays)) ** (1 / p)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"{name}: the norm of order {p:g} is {float(total)}: some gradient is not finite. Look for where with "
            "autograd.detect_anomaly(), or pass error_if_nonfinite=False"
        )
    with np.errstate(over="ignore"):  # beyond what float16 holds it is inf
        return Tensor(np.asarray(total, dtype))


def _squares(a: Any) -> float:
    """sum(a * a) in float32, over rows of 1024 that are added up in float64."""
    flat = a.ravel(order="K").astype(np.float32, copy=False)
    whole = flat.size // 1024 * 1024
    rows = flat[:whole].reshape(-1, 1024)
    return float(np.einsum("ij,ij->i", rows, rows).sum(dtype=np.float64) + np.dot(flat[whole:], flat[whole:]))


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor | float, foreach: bool | None = None
) -> None:
    """Multiply all gradients by max_norm / total_norm where that is less than 1."""
    del foreach
    name = "clip_grads_with_norm_"
    scale = _number(max_norm, name, "max_norm") / (
        float(total_norm.item() if isinstance(total_norm, Tensor) else total_norm) + 1e-6
    )
    if scale >= 1:
        return
    for grad in _gradients(parameters, name):
        array = _writable(grad)
        array *= array.dtype.type(scale)
        mutated(array)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients, in place, so that their norm together is at most ``max_norm`` (Pascanu et al., 2012).

    Args:
        parameters: whose gradients; those without one do not count.
        norm_type: the order of the norm, may be inf.
        error_if_nonfinite: raise a RuntimeError, and change nothing, where the norm is NaN or inf.
        foreach: PyTorch's choice of an implementation; there is one here, so it changes nothing.

    Returns:
        The norm before.
    """
    found = listed(parameters, "clip_grad_norm_")
    max_norm = _number(max_norm, "clip_grad_norm_", "max_norm")
    total = get_total_norm(_gradients(found, "clip_grad_norm_"), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(found, max_norm, total, foreach)
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Cut every entry of every gradient, in place, to -clip_value..clip_value."""
    del foreach
    clip_value = _number(clip_value, "clip_grad_value_", "clip_value")
    for grad in _gradients(parameters, "clip_grad_value_"):
        array = _writable(grad)
        np.clip(array, -clip_value, clip_value, out=array)
        mutated(array)
