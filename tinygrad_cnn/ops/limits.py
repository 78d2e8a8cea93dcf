"""Keeping numbers within bounds, choosing between two, and taking care of signs, NaN and infinities."""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.backward import cast
from ..autograd.graph import Array, Variable, array_of
from ..autograd.operation import op
from .comparison import isfinite, isnan
from .elementwise import only, sign
from .numbers import number_for
from .promotion import promote, promote_to_float, result_type
from .shape import checked

_FLOAT64 = np.dtype(np.float64)


# -------------------------------------------------------------------------------------------------------------- bounds
@op(lambda g, _y, x, *, low, high: only(g, _within(x, low=low, high=high)))
def _clip(x: Array, *, low: float | None, high: float | None) -> Array:
    return np.clip(x, low, high).astype(x.dtype, copy=False)


@op()
def _within(x: Array, *, low: Any, high: Any) -> Array:
    """Is it within the bounds, or at one?"""
    if low is None or high is None:
        return np.less_equal(x, high) if low is None else np.greater_equal(x, low)
    return np.greater_equal(x, low) & np.less_equal(x, high)


@op(lambda g, _y, x, low: only(g, x >= low), lambda g, _y, x, low: only(g, x < low), prepare=promote)
def _at_least(x: Array, low: Array) -> Array:
    return np.maximum(x, low)


@op(lambda g, _y, x, high: only(g, x <= high), lambda g, _y, x, high: only(g, x > high), prepare=promote)
def _at_most(x: Array, high: Array) -> Array:
    return np.minimum(x, high)


@op(
    lambda g, _y, x, low, high: only(g, (x >= low) & (x <= high)),
    lambda g, _y, x, low, high: only(g, (low < high) & (x < low)),
    lambda g, _y, x, low, high: only(g, (x > high) | (high < low)),
    prepare=promote,
)
def _between(x: Array, low: Array, high: Array) -> Array:
    return np.minimum(np.maximum(x, low), high)


def _is_array(x: Any) -> bool:
    return isinstance(x, (Variable, ndarray))


def clamp(input: Array, min: Any = None, max: Any = None) -> Array:
    """The input where it is between ``min`` and ``max``, and the nearer bound elsewhere; ``max`` where min > max.

    The bounds are numbers or tensors, one of which may be left out. The gradient goes to the input where it is
    within the bounds or at one, and to the bound elsewhere. A float beside integers makes the result float32; an
    integer must be one of their dtype (`ops.numbers`).
    """
    x = checked(input, "clamp")
    if min is None and max is None:
        raise ValueError("clamp: needs min, max, or both")
    if _is_array(min) or _is_array(max):
        if min is not None and max is not None:
            return _between(x, min, max)
        return _at_most(x, max) if min is None else _at_least(x, min)
    bounds = [None if b is None else b.item() if isinstance(b, np.generic) else b for b in (min, max)]
    for b in bounds:
        if b is not None and not isinstance(b, (bool, int, float)):
            raise TypeError(f"clamp: a bound must be a number or a tensor, got {type(b).__name__}")
    dtype = x.dtype
    if dtype.kind != "f":
        dtype = result_type(np.asarray(array_of(x)), *(b for b in bounds if b is not None))
    low, high = (b if b is None else number_for(b, dtype, "clamp") for b in bounds)
    return _clip(x if x.dtype == dtype else cast(x, dtype=dtype), low=low, high=high)


clip = clamp


def clamp_min(input: Array, min: Any) -> Array:
    """The larger of the input and ``min``, a number or a tensor."""
    return clamp(input, min=min)


def clamp_max(input: Array, max: Any) -> Array:
    """The smaller of the input and ``max``, a number or a tensor."""
    return clamp(input, max=max)


# ---------------------------------------------------------------------------------------------------- one of the two
@op(
    lambda g, _y, a, b: only(g, (a >= b) | isnan(b)),
    lambda g, _y, a, b: only(g, ((a >= b) | isnan(b)) == 0),
    prepare=promote,
)
def fmax(a: Array, b: Array) -> Array:
    """The larger of a and b; of a number and NaN, the number. The gradient of a tie goes to a."""
    return np.fmax(a, b)


@op(
    lambda g, _y, a, b: only(g, (a <= b) | isnan(b)),
    lambda g, _y, a, b: only(g, ((a <= b) | isnan(b)) == 0),
    prepare=promote,
)
def fmin(a: Array, b: Array) -> Array:
    """The smaller of a and b; of a number and NaN, the number. The gradient of a tie goes to a."""
    return np.fmin(a, b)


def _one_dtype(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    a, b = (checked(x, "heaviside") for x in inputs)
    if a.dtype != b.dtype:
        raise RuntimeError(f"heaviside: both must have one dtype, got {a.dtype} and {b.dtype}")
    return a, b


@op(prepare=_one_dtype)
def heaviside(a: Array, b: Array) -> Array:
    """0 where a < 0, b where a = 0, and 1 where a > 0. No gradient."""
    y: Any = np.greater(a, 0)
    return np.where(np.equal(a, 0), b, y.astype(np.result_type(a, b)))


def _copysign_rule(g: Array, y: Array, a: Array, _b: Array) -> Array:
    return g * sign(a) * sign(y)


@op(_copysign_rule, lambda g, _y, _a, _b: np.zeros(_b.shape, _b.dtype), prepare=promote_to_float)
def copysign(a: Array, b: Array) -> Array:
    """The size of a with the sign of b."""
    return np.copysign(a, b)


# ------------------------------------------------------------------------------------------------------- odd numbers
@op(lambda g, _y, x, *, nan, posinf, neginf: only(g, isfinite(x)))
def _nan_to_num(x: Array, *, nan: float, posinf: float | None, neginf: float | None) -> Array:
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def nan_to_num(
    input: Array, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Array:
    """The input with NaN and infinities replaced; infinities by the largest finite numbers, if not given."""
    x = checked(input, "nan_to_num")
    nan = number_for(0.0 if nan is None else nan, _FLOAT64, "nan_to_num")
    posinf, neginf = (None if b is None else number_for(b, _FLOAT64, "nan_to_num") for b in (posinf, neginf))
    return _nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@op(lambda g, _y, _x: g, view=True)
def positive(x: Array) -> Array:
    """+x: the same numbers."""
    if x.dtype.kind == "b":
        raise RuntimeError("positive: booleans have no sign")
    return x
