"""Activations and softmaxes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .... import ops
from ....autograd.graph import Array, array_of
from ....nn import functional as F
from ....ops import activation as a
from ....tensors import Tensor
from ..steps import Step
from .arithmetic import cast_to
from .table import axis_of, like, number, operator


def _softplus(x: Array) -> Array:
    """log(1 + e^x); far out it is x, which in double precision is further out than F.softplus thinks."""
    return F.softplus(x, threshold=1e9) if array_of(x).dtype.itemsize > 4 else F.softplus(x)


_SELU = {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875}
_ACTIVATIONS: dict[str, Callable[[Step, Array], Array]] = {
    "Celu": lambda s, x: F.celu(x, s.get("alpha", 1.0)),
    "Elu": lambda s, x: F.elu(x, s.get("alpha", 1.0)),
    "Gelu": lambda s, x: F.gelu(x, s.get("approximate", "none")),
    "HardSigmoid": lambda s, x: ops.clamp(x * s.get("alpha", 0.2) + s.get("beta", 0.5), 0.0, 1.0),
    "HardSwish": lambda _s, x: F.hardswish(x),
    "LeakyRelu": lambda s, x: F.leaky_relu(x, s.get("alpha", 0.01)),
    "Mish": lambda _s, x: F.mish(x),
    "Relu": lambda _s, x: ops.relu(x),
    "Selu": lambda s, x: a.elu(
        x, alpha=s.get("alpha", _SELU["alpha"]), scale=s.get("gamma", _SELU["gamma"]), inner=1.0
    ),
    "Softplus": lambda _s, x: _softplus(x),
    "Softsign": lambda _s, x: F.softsign(x),
    "Swish": lambda s, x: x * ops.sigmoid(x * s.get("alpha", 1.0)),
    "ThresholdedRelu": lambda s, x: F.threshold(x, s.get("alpha", 1.0), 0.0),
}
for _name, _f in _ACTIVATIONS.items():
    operator(_name)(_f)


@operator("PRelu")
def prelu(_step: Step, x: Array, slope: Array) -> Array:
    """x, or slope x at 0 and below; the slope broadcasts."""
    return ops.where(x > 0, x, slope * x)


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
    if any(isinstance(limit, Tensor) and limit.requires_grad for limit in (low, high)):
        x = x if low is None else ops.maximum(x, low)
        return x if high is None else ops.minimum(x, high)
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
