"""Reductions along axes, and what stands where the largest is."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import ops
from ....autograd.graph import Array, array_of
from ..steps import Step
from .arithmetic import cast_to
from .table import axes_of, axis_of, given, like, operator


def _lowest(dtype: np.dtype[Any], largest: bool) -> Any:
    """What a maximum (or minimum) of nothing is."""
    if dtype.kind == "f":
        return -np.inf if largest else np.inf
    if dtype.kind == "b":
        return not largest
    return np.iinfo(dtype).min if largest else np.iinfo(dtype).max


def _log(x: Array) -> Array:
    with np.errstate(divide="ignore"):
        return ops.log(x)


_ALONE = {"L1": ops.abs, "L2": ops.abs, "SumSquare": ops.square, "LogSum": _log}  # of each number on its own


def _reduced(kind: str, x: Array, dims: tuple[int, ...], keep: bool) -> Array:
    """A reduction by its name in ONNX, without "Reduce"."""
    if kind == "Mean":
        if array_of(x).dtype.kind == "f":
            return ops.mean(x, dims, keep)
        return like(np.mean(array_of(x), dims, keepdims=keep), x)
    if kind in ("Max", "Min"):
        array = array_of(x)
        if not array.size:
            f = np.max if kind == "Max" else np.min
            return like(f(array, dims, keepdims=keep, initial=_lowest(array.dtype, kind == "Max")), x)
        return (ops.amax if kind == "Max" else ops.amin)(x, dims, keep)
    if kind == "Prod":
        for dim in sorted(dims, reverse=True):
            x = ops.prod(x, dim, keep)
        return x
    if kind == "L1":
        return ops.sum(ops.abs(x), dims, keep)
    if kind == "L2":
        return ops.norm(x, 2, dims, keep)  # whose gradient at 0 is 0
    if kind == "SumSquare":
        return ops.sum(ops.square(x), dims, keep)
    if kind == "LogSum":
        return _log(ops.sum(x, dims, keep))
    if kind == "LogSumExp":
        if not array_of(x).size:
            return _log(ops.sum(ops.exp(x), dims, keep))
        return ops.logsumexp(x, dims, keep)
    return ops.sum(x, dims, keep)


@operator(
    *("Reduce" + kind for kind in ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"])
)
def reduce(step: Step, x: Array, axes: Array = None) -> Array:
    """A reduction along axes, an attribute in older opsets; without axes along all, or by wish along none."""
    keep, dtype = bool(step.get("keepdims", 1)), array_of(x).dtype
    named = given(axes, step, "axes")
    kind = step.operator.removeprefix("Reduce")
    every = () if step.get("noop_with_empty_axes", 0) else tuple(range(x.ndim))
    dims = axes_of(named, x.ndim) if named else every
    if not dims:
        return cast_to(_ALONE[kind](x), dtype) if kind in _ALONE else x
    if dtype.kind in "iu" and kind in ("L2", "LogSum", "LogSumExp"):
        return cast_to(_reduced(kind, cast_to(x, np.float64), dims, keep), dtype)
    return cast_to(_reduced(kind, x, dims, keep), dtype)


@operator("ArgMax", "ArgMin")
def arg_extreme(step: Step, x: Array) -> Array:
    """Where the largest (smallest) is along an axis: the first, or by wish the last."""
    array, axis = array_of(x), axis_of(step.get("axis", 0), x.ndim)
    last = bool(step.get("select_last_index", 0))
    if last:
        array = np.flip(array, axis)
    found = (np.argmax if step.operator == "ArgMax" else np.argmin)(array, axis)
    if last:
        found = array.shape[axis] - 1 - found
    return like(np.expand_dims(found, axis) if step.get("keepdims", 1) else found, x)


@operator("LpNormalization")
def lp_normalization(step: Step, x: Array) -> Array:
    """x by its L1 or L2 norm along an axis; 0 where that is 0."""
    axis, p = axis_of(step.get("axis", -1), x.ndim), step.get("p", 2)
    norm = _reduced("L1" if p == 1 else "L2", x, (axis,), True)
    zero = array_of(norm) == 0
    safe = ops.where(like(zero, x), like(np.ones((), array_of(x).dtype), x), norm)
    return ops.where(like(zero, x), like(np.zeros((), array_of(x).dtype), x), x / safe)
