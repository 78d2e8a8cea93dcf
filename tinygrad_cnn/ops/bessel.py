"""Modified Bessel functions of the first kind, of orders 0 and 1, and scaled by exp(-|x|), which never overflow.

Formulas 9.6.10 and 9.7.1 of M. Abramowitz and I. A. Stegun, "Handbook of mathematical functions" (1964).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import choose, quiet, sign
from .promotion import promote_to_float

_NEAR = 30.0  # up to here the power series, whose terms are all positive; beyond, the asymptotic one


def _scaled(x: Any, order: int) -> Any:
    """I(x) exp(-|x|) of order 0 or 1."""
    size = np.abs(np.asarray(x, np.float64))
    near = np.minimum(size, _NEAR)
    quarter = near * near / 4
    term = np.ones_like(near) if not order else near / 2
    total = term.copy()
    for k in range(1, 80):
        term = term * quarter / (k * (k + order))
        total += term
    far = np.maximum(size, _NEAR)
    ratio, series = np.ones_like(far), np.ones_like(far)
    for k in range(1, 31):
        ratio = -ratio * (4 * order - (2 * k - 1) ** 2) / (8 * k * far)
        series += ratio
    y = np.where(size <= _NEAR, total * np.exp(-near), series / np.sqrt(2 * np.pi * far))
    return np.where(np.isinf(size), 0.0, y) * (np.sign(x) if order else 1)


def _slope_of_i1(y: Any, x: Any, i0: Any) -> Any:
    """I0 - I1 / x, and its limit at 0."""
    at_zero = x == 0
    return choose(at_zero, i0 / 2, i0 - y / choose(at_zero, 1.0, x))


@op(lambda g, _y, x: g * i1(x), prepare=promote_to_float)
@quiet
def i0(x: Array) -> Array:
    """The modified Bessel function of the first kind of order 0."""
    return (_scaled(x, 0) * np.exp(np.abs(np.asarray(x, np.float64)))).astype(x.dtype)


@op(lambda g, y, x: g * _slope_of_i1(y, x, i0(x)), prepare=promote_to_float)
@quiet
def i1(x: Array) -> Array:
    """The modified Bessel function of the first kind of order 1."""
    return (_scaled(x, 1) * np.exp(np.abs(np.asarray(x, np.float64)))).astype(x.dtype)


@op(lambda g, y, x: g * (i1e(x) - sign(x) * y), prepare=promote_to_float)
@quiet
def i0e(x: Array) -> Array:
    """`i0`, times exp(-|x|)."""
    return _scaled(x, 0).astype(x.dtype)


@op(lambda g, y, x: g * (_slope_of_i1(y, x, i0e(x)) - sign(x) * y), prepare=promote_to_float)
@quiet
def i1e(x: Array) -> Array:
    """`i1`, times exp(-|x|)."""
    return _scaled(x, 1).astype(x.dtype)
