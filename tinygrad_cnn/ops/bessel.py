"""Modified Bessel functions of the first kind, of orders 0 and 1, and scaled by exp(-|x|), which never overflow.

Formulas 9.6.10, 9.6.26 and 9.7.1 of M. Abramowitz and I. A. Stegun, "Handbook of mathematical functions" (1964).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import quiet, sign
from .special import _floating

_NEAR = 30.0  # up to here the power series, whose terms are all positive; beyond, the asymptotic one


def _in_float64(x: Any, order: int, scaled: bool) -> Any:
    """I(x) of a whole order; times exp(-|x|) if ``scaled``."""
    x = np.asarray(x, np.float64)
    size = np.abs(x)
    near, far = np.minimum(size, _NEAR), np.maximum(size, _NEAR)
    quarter = near * near / 4
    term = (near / 2) ** order / math.factorial(order)
    total = np.array(term)
    for k in range(1, 80):
        term = term * quarter / (k * (k + order))
        total += term
    ratio, series = np.ones_like(far), np.ones_like(far)
    for k in range(1, 31):
        ratio = -ratio * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k * far)
        series += ratio
    decay = np.exp(-size)
    y = np.where(size <= _NEAR, total * np.exp(-near), np.where(np.isinf(size), 0, series / np.sqrt(2 * np.pi * far)))
    return (y if scaled else y / decay) * (np.sign(x) if order % 2 else 1)


def _rule(g: Array, y_: Array, x: Array, *, order: int, scaled: bool) -> Array:
    """The mean of the neighbours (9.6.26), of which order -1 is order 1; less what the scaling takes."""
    after = _bessel(x, order=order + 1, scaled=scaled)
    slope = (_bessel(x, order=order - 1, scaled=scaled) + after) / 2 if order else after
    return g * (slope - sign(x) * y_ if scaled else slope)


@op(_rule)
@quiet
def _bessel(x: Array, *, order: int, scaled: bool) -> Array:
    return _in_float64(x, order, scaled).astype(x.dtype)


def i0(input: Array) -> Array:
    """The modified Bessel function of the first kind of order 0."""
    return _bessel(_floating(input, "i0"), order=0, scaled=False)


def i1(input: Array) -> Array:
    """The modified Bessel function of the first kind of order 1."""
    return _bessel(_floating(input, "i1"), order=1, scaled=False)


def i0e(input: Array) -> Array:
    """`i0`, times exp(-|x|)."""
    return _bessel(_floating(input, "i0e"), order=0, scaled=True)


def i1e(input: Array) -> Array:
    """`i1`, times exp(-|x|)."""
    return _bessel(_floating(input, "i1e"), order=1, scaled=True)
