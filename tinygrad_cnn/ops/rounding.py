"""Rounding, and division that rounds: floor, ceil, trunc, round, div, remainder, fmod."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import quiet, true_divide
from .promotion import promote
from .shape import checked


def _flat(_g: Array, _y: Array, _x: Array, *_rest: Array, **_attributes: Any) -> Array:
    """The rule of a step function: its slope is zero wherever it has one."""
    return np.zeros(_x.shape, _x.dtype)


def _flat_right(_g: Array, _y: Array, _a: Array, _b: Array) -> Array:
    return np.zeros(_b.shape, _b.dtype)


# ----------------------------------------------------------------------------------------------------------- one number
@op(_flat)
def floor(x: Array) -> Array:
    """The largest integer that is not above x."""
    return np.floor(x) if x.dtype.kind == "f" else np.array(x)


@op(_flat)
def ceil(x: Array) -> Array:
    """The smallest integer that is not below x."""
    return np.ceil(x) if x.dtype.kind == "f" else np.array(x)


@op(_flat)
def trunc(x: Array) -> Array:
    """The integer part of x, towards 0."""
    return np.trunc(x) if x.dtype.kind == "f" else np.array(x)


fix = trunc


@op(lambda g, _y, _x: g)
def frac(x: Array) -> Array:
    """What `trunc` cuts off: x - trunc(x), with the sign of x."""
    return x - np.trunc(x)


@op(_flat)
@quiet
def _round(x: Array, *, decimals: int) -> Array:
    return np.round(x, decimals) if x.dtype.kind == "f" else np.array(x)


def round(input: Array, *, decimals: int = 0) -> Array:
    """The nearest number with so many decimals; halves go to the even neighbour."""
    if decimals and checked(input, "round").dtype.kind != "f":
        raise TypeError(f"round: decimals={decimals} makes sense for floating dtypes only, got {input.dtype}")
    return _round(checked(input, "round"), decimals=decimals)


# ---------------------------------------------------------------------------------------------------------- two numbers
def _divisor(name: str, b: Any) -> None:
    """Integers have no infinity to divide by 0 into."""
    if np.asarray(b).dtype.kind in "iub" and not np.all(b):
        raise RuntimeError(f"{name}: an integer was divided by 0")


@op(_flat, _flat_right, prepare=promote)
@quiet
def floor_divide(a: Array, b: Array) -> Array:
    """floor(a / b), in the dtype of the inputs."""
    _divisor("floor_divide", b)
    if np.asarray(a).dtype.kind != "f" and np.asarray(b).dtype.kind != "f":
        return np.floor_divide(a, b)
    y: Any = np.floor_divide(a, b)  # NaN where b is 0, for which IEEE has an infinity
    return np.where(np.equal(b, 0), np.true_divide(a, b), y).astype(y.dtype, copy=False)


@op(_flat, _flat_right, prepare=promote)
@quiet
def _trunc_divide(a: Array, b: Array) -> Array:
    _divisor("div", b)
    if np.asarray(a).dtype.kind == "f":
        return np.trunc(np.true_divide(a, b))
    q = np.floor_divide(a, b)
    return q + ((q < 0) & (q * b != a)).astype(np.asarray(q).dtype)


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Array:
    """input / other; ``rounding_mode`` "floor" rounds down, "trunc" towards 0 (integers stay integers then)."""
    if rounding_mode is None:
        return true_divide(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        return _trunc_divide(input, other)
    raise RuntimeError(f'div: rounding_mode must be None, "floor" or "trunc", got {rounding_mode!r}')


divide = div


@op(lambda g, _y, _a, _b: g, lambda g, _y, a, b: -g * floor_divide(a, b), prepare=promote)
@quiet
def remainder(a: Array, b: Array) -> Array:
    """a - b floor(a / b): the remainder with the sign of b, as of Python's %."""
    _divisor("remainder", b)
    return np.remainder(a, b)


@op(lambda g, _y, _a, _b: g, lambda g, _y, a, b: -g * _trunc_divide(a, b), prepare=promote)
@quiet
def fmod(a: Array, b: Array) -> Array:
    """a - b trunc(a / b): the remainder with the sign of a, as in C."""
    _divisor("fmod", b)
    return np.fmod(a, b)
