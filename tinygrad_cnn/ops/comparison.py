"""Comparisons, logic and bits: operations whose results are true or false, or integers. None has a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.graph import Array, array_of
from ..autograd.operation import op
from .guards import note_comparison
from .numbers import number_for
from .promotion import promote, promote_to_compare
from .shape import checked
from .watched import reading

_FLOAT64 = np.dtype(np.float64)


# ------------------------------------------------------------------------------------------------ which one is larger
# A tensor of integers or booleans and a number are compared exactly, whatever number it is: see `promote_to_compare`.
def _prepare_eq(inputs: Any) -> Any:
    note_comparison(*inputs[:2])
    return promote_to_compare(inputs)


@op(prepare=_prepare_eq)
def eq(a: Array, b: Array) -> Array:
    """a == b, elementwise."""
    return np.equal(a, b)


@op(prepare=promote_to_compare)
def ne(a: Array, b: Array) -> Array:
    """a != b, elementwise."""
    return np.not_equal(a, b)


@op(prepare=promote_to_compare)
def lt(a: Array, b: Array) -> Array:
    """a < b, elementwise."""
    return np.less(a, b)


@op(prepare=promote_to_compare)
def le(a: Array, b: Array) -> Array:
    """a <= b, elementwise."""
    return np.less_equal(a, b)


@op(prepare=promote_to_compare)
def gt(a: Array, b: Array) -> Array:
    """a > b, elementwise."""
    return np.greater(a, b)


@op(prepare=promote_to_compare)
def ge(a: Array, b: Array) -> Array:
    """a >= b, elementwise."""
    return np.greater_equal(a, b)


not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge


def equal(input: Array, other: Array) -> bool:
    """Have the two the same shape and the same elements? One answer; `eq` gives one an element."""
    a, b = checked(input, "equal"), checked(other, "equal")
    return bool(a.shape == b.shape and array_of(reading(eq(a, b), "equal()")).all())


@op(prepare=promote)
def _isclose(a: Array, b: Array, *, rtol: float, atol: float, equal_nan: bool) -> Array:
    a, b = np.asarray(a), np.asarray(b)
    with np.errstate(invalid="ignore", over="ignore"):
        close = a == b
        if a.dtype.kind in "iu":
            close |= np.abs(a.astype(np.float64) - b) <= atol + rtol * np.abs(b.astype(np.float64))
        elif a.dtype.kind == "f":
            close |= np.isfinite(a) & np.isfinite(b) & (np.abs(a - b) <= atol + rtol * np.abs(b))
            if equal_nan:
                close |= np.isnan(a) & np.isnan(b)
    return close


def isclose(input: Array, other: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """|input - other| <= atol + rtol * |other|, elementwise; infinities are close to themselves alone."""
    rtol, atol = (number_for(x, _FLOAT64, "isclose") for x in (rtol, atol))
    if rtol < 0 or atol < 0:
        raise ValueError(f"isclose: rtol and atol must be >= 0, got rtol={rtol}, atol={atol}")
    a, b = checked(input, "isclose"), checked(other, "isclose")
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"isclose: both must have one dtype, got {a.dtype} and {b.dtype}; convert one with .to(dtype)"
        )
    return _isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)


def allclose(input: Array, other: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Is every element of ``input`` close to that of ``other``, as `isclose` tells it? One answer."""
    close = isclose(input, other, rtol, atol, equal_nan)
    return bool(array_of(reading(close, "allclose()")).all())


# -------------------------------------------------------------------------------------------------- kinds of numbers
@op()
def isnan(x: Array) -> Array:
    """Is it not a number?"""
    return np.isnan(x)


@op()
def isinf(x: Array) -> Array:
    """Is it +inf or -inf?"""
    return np.isinf(x)


@op()
def isfinite(x: Array) -> Array:
    """Is it neither infinite nor NaN?"""
    return np.isfinite(x)


@op()
def isposinf(x: Array) -> Array:
    """Is it +inf?"""
    return np.equal(x, np.inf)


@op()
def isneginf(x: Array) -> Array:
    """Is it -inf?"""
    return np.equal(x, -np.inf)


@op()
def signbit(x: Array) -> Array:
    """Is the sign a minus? True for -0.0."""
    return np.signbit(x) if x.dtype.kind == "f" else np.less(x, 0)


# ------------------------------------------------------------------------------------------------------------- logic
@op(prepare=promote)
def logical_and(a: Array, b: Array) -> Array:
    """Are both nonzero?"""
    return np.logical_and(a, b)


@op(prepare=promote)
def logical_or(a: Array, b: Array) -> Array:
    """Is one of them nonzero?"""
    return np.logical_or(a, b)


@op(prepare=promote)
def logical_xor(a: Array, b: Array) -> Array:
    """Is exactly one of them nonzero?"""
    return np.logical_xor(a, b)


@op()
def logical_not(x: Array) -> Array:
    """Is it zero?"""
    return np.logical_not(x)


def _promote_bits(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    inputs = promote(inputs)
    for x in inputs:
        dtype = getattr(x, "dtype", None)
        if isinstance(x, float) or (dtype is not None and dtype.kind == "f"):
            raise TypeError(f"bitwise operations take integers and booleans, got {dtype or 'a float'}")
    return inputs


@op(prepare=_promote_bits)
def bitwise_and(a: Array, b: Array) -> Array:
    """a & b: the bits set in both; of booleans, logical and."""
    return np.bitwise_and(a, b)


@op(prepare=_promote_bits)
def bitwise_or(a: Array, b: Array) -> Array:
    """a | b: the bits set in one or both; of booleans, logical or."""
    return np.bitwise_or(a, b)


@op(prepare=_promote_bits)
def bitwise_xor(a: Array, b: Array) -> Array:
    """a ^ b: the bits that differ; of booleans, logical exclusive or."""
    return np.bitwise_xor(a, b)


def _shiftable(a: Array, b: Array) -> None:
    if np.result_type(a, b).kind == "b":
        raise TypeError("shifts move the bits of integers, and booleans have one alone; convert them with .int()")


@op(prepare=_promote_bits)
def bitwise_left_shift(a: Array, b: Array) -> Array:
    """a << b: the bits of a moved b places up; 0 where b is negative or none is left."""
    _shiftable(a, b)
    return np.left_shift(a, b)


@op(prepare=_promote_bits)
def bitwise_right_shift(a: Array, b: Array) -> Array:
    """a >> b: the bits of a moved b places down; 0, or -1 of a negative a, where b is negative or none is left."""
    _shiftable(a, b)
    return np.right_shift(a, b)


@op(prepare=_promote_bits)
def bitwise_not(x: Array) -> Array:
    """~x: every bit turned over; of booleans, logical not."""
    return np.invert(x)
