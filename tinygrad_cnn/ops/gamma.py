"""The logarithm of the gamma function and all its derivatives.

Formulas by their numbers in M. Abramowitz and I. A. Stegun, "Handbook of mathematical functions" (1964), chapter 6.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.polynomial import polynomial

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import quiet
from .promotion import promote_to_float
from .special import _floating
from .watched import aside

# Bernoulli's numbers B_2, B_4, ...
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
_FAR = 16  # from here on ten terms of the series are exact in float64, for the first derivatives


@op(lambda g, _y, x: g * _polygamma(x, n=0), prepare=promote_to_float)
def lgamma(x: Array) -> Array:
    """The logarithm of the absolute value of the gamma function; infinite at 0, -1, -2, ..."""
    x = np.asarray(x)
    pole = (x <= 0) & (x == np.floor(x)) | np.isinf(x)
    y = np.asarray(np.frompyfunc(math.lgamma, 1, 1)(np.where(pole, 1, x)), np.float64)
    return np.where(pole, np.inf, y).astype(x.dtype)


def _series(x: Any, n: int) -> Any:
    """The n-th derivative of digamma for x > 0 (6.3.18, 6.4.11), moved beyond `_FAR` by the recurrence (6.4.6)."""
    far = _FAR + 2 * n
    sign, near = (-1.0) ** (n + 1), np.zeros_like(x)
    steps = np.fmax(np.ceil(far - x), 0)  # none for NaN
    for k in range(int(steps.max(initial=0))):
        near += np.where(k < steps, math.factorial(n) / np.where(k < steps, x + k, 1) ** (n + 1), 0)
    x = x + steps
    first = math.factorial(n - 1) / x**n if n else -np.log(x)
    y = first + math.factorial(n) / (2 * x ** (n + 1))
    for k, b in enumerate(_BERNOULLI, 1):
        y = y + b * math.factorial(2 * k + n - 1) / math.factorial(2 * k) / x ** (2 * k + n)
    return sign * (y + near)


def _cotangent(x: Any, n: int) -> Any:
    """The n-th derivative of pi cot(pi x): a polynomial in the cotangent c, since c' = -pi (1 + c^2)."""
    p = np.array([0.0, math.pi])
    for _ in range(n):
        p = polynomial.polymul(polynomial.polyder(p), [-math.pi, 0.0, -math.pi])
    return polynomial.polyval(1 / np.tan(math.pi * (x - np.round(x))), p)


@op(lambda g, _y, x, *, n: g * _polygamma(x, n=n + 1))
@quiet
def _polygamma(x: Array, *, n: int) -> Array:
    """The n-th derivative of digamma; for x < 0 by reflection (6.4.7)."""
    dtype, x = x.dtype, np.asarray(x, np.float64)
    mirrored = x < 0
    y = _series(np.where(mirrored, 1 - x, np.where(np.isinf(x), 1, x)), n)
    y = np.where(mirrored, (-1) ** n * y - _cotangent(x, n), y)
    at_infinity = np.inf if n == 0 else 0.0
    y = np.where(x == np.inf, at_infinity, np.where(x == -np.inf, np.nan, y))
    pole = (x <= 0) & (x == np.floor(x)) & np.isfinite(x)
    if n == 0:  # a pole of both signs; that of the zero tells from which side
        y = np.where(pole, np.where(x == 0, np.copysign(np.inf, -x), np.nan), y)
    else:
        y = np.where(pole, np.inf if n % 2 else -np.inf, y)
    return y.astype(dtype)


def digamma(input: Array) -> Array:
    """The derivative of `lgamma`: NaN at its poles -1, -2, ..., and -inf at 0."""
    return _polygamma(_floating(input, "digamma"), n=0)


def polygamma(n: int, input: Array) -> Array:
    """The n-th derivative of `digamma`, n >= 0."""
    order = operator.index(n)
    if order < 0:
        raise RuntimeError(f"polygamma: n must be >= 0, got {n}")
    return _polygamma(_floating(input, "polygamma"), n=order)


def _check_least(x: Any, *, p: int) -> None:
    least = float(np.fmin.reduce(x, axis=None, initial=np.inf))
    if 2 * least <= p - 1:
        raise RuntimeError(f"mvlgamma: each number must be above (p - 1) / 2, got {least} for p={p}")


def mvlgamma(input: Array, p: int) -> Array:
    """The logarithm of the multivariate gamma function of dimension p, of numbers above (p - 1) / 2.

    Other numbers are refused. It is p (p - 1) / 4 log(pi) plus the sum of lgamma(input - j / 2) for j = 0, ..., p - 1.
    """
    x, p = _floating(input, "mvlgamma"), operator.index(p)
    if p < 1:
        raise RuntimeError(f"mvlgamma: p must be at least 1, got {p}")
    aside(_check_least, x, p=p)
    y = lgamma(x)
    for j in range(1, p):
        y = y + lgamma(x - j / 2)
    return y + p * (p - 1) / 4 * math.log(math.pi)
