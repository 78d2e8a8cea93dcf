"""Activations, softmaxes, and the reductions and normalisations of a vector."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .... import ops
from ....autograd.graph import Array, array_of
from ....nn import functional as F
from ....ops import activation as a
from ..steps import Step
from .arithmetic import cast_to
from .table import axes_of, axis_of, given, like, number, operator

_PLAIN: dict[str, Callable[..., Array]] = {
    "HardSwish": F.hardswish, "LeakyRelu": F.leaky_relu, "Mish": F.mish, "Softsign": F.softsign,
}  # fmt: skip


@operator("Relu")
def relu(_step: Step, x: Array) -> Array:
    """max(x, 0)."""
    return ops.relu(x)


@operator("LeakyRelu")
def leaky_relu(step: Step, x: Array) -> Array:
    """x, or alpha x below 0."""
    return F.leaky_relu(x, step.get("alpha", 0.01))


@operator("PRelu")
def prelu(_step: Step, x: Array, slope: Array) -> Array:
    """x, or slope x below 0; the slope broadcasts."""
    return ops.relu(x) - slope * ops.relu(-x) if array_of(x).dtype.kind == "f" else ops.where(x < 0, slope * x, x)


@operator(
    "Elu",
    "Celu",
    "Selu",
    "ThresholdedRelu",
    "HardSigmoid",
    "Gelu",
    "Swish",
    "Softplus",
    "HardSwish",
    "Mish",
    "Softsign",
)
def activation(step: Step, x: Array) -> Array:
    """One of the activations with numbers for attributes."""
    kind, alpha = step.operator, step.get("alpha")
    if kind in ("HardSwish", "Mish", "Softsign"):
        return _PLAIN[kind](x)
    if kind == "Elu":
        return F.elu(x, 1.0 if alpha is None else alpha)
    if kind == "Celu":
        return F.celu(x, 1.0 if alpha is None else alpha)
    if kind == "Selu":
        alpha = 1.67326319217681884765625 if alpha is None else alpha
        return a.elu(x, alpha=alpha, scale=step.get("gamma", 1.05070102214813232421875), inner=1.0)
    if kind == "ThresholdedRelu":
        return F.threshold(x, 1.0 if alpha is None else alpha, 0.0)
    if kind == "HardSigmoid":
        return ops.clamp(x * (0.2 if alpha is None else alpha) + step.get("beta", 0.5), 0.0, 1.0)
    if kind == "Gelu":
        return F.gelu(x, step.get("approximate", "none"))
    if kind == "Softplus":
        return F.softplus(x, threshold=1e9) if array_of(x).dtype.itemsize > 4 else F.softplus(x)
    return x * ops.sigmoid(x if alpha is None else x * alpha)


@operator("Shrink")
def shrink(step: Step, x: Array) -> Array:
    """x + bias below -lambd, x - bias above lambd, 0 between."""
    lambd, bias = step.get("lambd", 0.5), step.get("bias", 0.0)
    dtype = array_of(x).dtype
    zero = like(np.zeros((), dtype), x)
    return cast_to(ops.where(x < -lambd, x + bias, ops.where(x > lambd, x - bias, zero)), dtype)


@operator("Clip")
def clip(step: Step, x: Array, low: Array = None, high: Array = None) -> Array:
    """x between two numbers, which are attributes up to opset 10."""
    lowest = step.get("min") if low is None else number(low)
    highest = step.get("max") if high is None else number(high)
    if lowest is None and highest is None:
        return x
    if lowest is not None and highest is not None and lowest > highest:
        return like(np.full_like(array_of(x), highest), x)
    if array_of(x).dtype.kind != "f" or lowest is None or highest is None:
        return cast_to(ops.clamp(x, lowest, highest), array_of(x).dtype)
    return a.hardtanh(x, low=lowest, high=highest) if lowest < highest else ops.clamp(x, lowest, highest)


# ---------------------------------------------------------------------------------------------------------- softmax
@operator("Softmax", "LogSoftmax", "Hardmax")
def softmax(step: Step, x: Array) -> Array:
    """Along one axis; before opset 13 over all axes from that one on, as if they were one."""
    old = step.version < 13
    axis = axis_of(step.get("axis", 1 if old else -1), x.ndim) if x.ndim else 0
    shape = tuple(array_of(x).shape)
    if old:
        x, axis = ops.reshape(x, (math.prod(shape[:axis]), math.prod(shape[axis:]))), 1  # (before, after)
    if step.operator == "Hardmax":
        found = np.expand_dims(np.argmax(array_of(x), axis), axis)
        y = like((np.arange(x.shape[axis]).reshape([-1 if d == axis else 1 for d in range(x.ndim)]) == found), x)
        y = cast_to(y, array_of(x).dtype)
    else:
        y = (ops.softmax if step.operator == "Softmax" else ops.log_softmax)(x, axis)
    return ops.reshape(y, shape) if old else y  # (*x.shape)


# -------------------------------------------------------------------------------------------------------- reductions
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
        return ops.sqrt(ops.sum(ops.square(x), dims, keep))
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
    if not named and step.get("noop_with_empty_axes", 0):
        unary = {"L1": ops.abs, "L2": ops.abs, "SumSquare": ops.square, "LogSum": _log}
        return unary.get(kind, lambda v: v)(x)
    dims = axes_of(named, x.ndim) if named else tuple(range(x.ndim))
    if not dims:
        unary = {"L1": ops.abs, "L2": ops.abs, "SumSquare": ops.square, "LogSum": _log}
        return unary.get(kind, lambda v: v)(x)
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
