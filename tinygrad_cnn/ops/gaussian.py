"""The normal distribution's function and its inverse, what is made of them, and entropies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import choose, exp, log, log1p, quiet, square
from .promotion import promote_to_float
from .special import _erf, _floating, _tail, beside_numbers

_ROOT = math.sqrt(0.5)


def _scaled_integral(x: Any, n: int) -> Any:
    """exp(x^2) times erfc(x), integrated n times from x on: J(n).

    They follow from 2 n J(n) = J(n - 2) - 2 x J(n - 1). For x > 1 that is run backwards, as a continued fraction of the
    ratios J(n) / J(n - 1): W. Gautschi, "Recursive computation of the repeated integrals of the error function" (1961).
    """
    before, y = np.full_like(x, 2 / math.sqrt(math.pi)), np.asarray(np.exp(x * x) * _erf(x, True))
    large = x > 0.46875
    y[large] = _tail(x[large], scaled=True)
    for k in range(1, n + 1):
        before, y = y, (before - 2 * x * y) / (2 * k)
    if n and (x > 1).any():
        z, ratio, product = np.maximum(x, 1), np.zeros_like(x), np.full_like(x, 2 / math.sqrt(math.pi))
        for k in range(250 + n, -1, -1):
            ratio = 1 / (2 * z + 2 * (k + 1) * ratio)
            product = product * ratio if k <= n else product
        y = np.where(x > 1, product, y)
    return y


@op(lambda g, _y, x, *, n: g * _erfcx(x, n=n + 1))
@quiet
def _erfcx(x: Array, *, n: int) -> Array:
    """The n-th derivative of exp(x^2) erfc(x)."""
    return ((-2) ** n * math.factorial(n) * _scaled_integral(np.asarray(x, np.float64), n)).astype(x.dtype)


def erfcx(input: Array) -> Array:
    """exp(x^2) erfc(x), where erfc alone would vanish (Cody 1969)."""
    return _erfcx(_floating(input, "erfcx"), n=0)


@op(lambda g, _y, x_: g * exp(-square(x_) / 2) / math.sqrt(2 * math.pi), prepare=promote_to_float)
def ndtr(x: Array) -> Array:
    """The distribution function of the standard normal distribution: the area under its bell up to x."""
    return (_erf(-np.asarray(x, np.float64) * _ROOT, True) / 2).astype(x.dtype)


@op(lambda g, y, x: -g * y * (x + y))
def _bell_over_area(x: Array) -> Array:
    """The slope of log_ndtr: the bell at x over the area up to x."""
    z = np.asarray(x, np.float64)
    return (math.sqrt(2 / math.pi) / _scaled_integral(-z * _ROOT, 0)).astype(x.dtype)


@op(lambda g, _y, x: g * _bell_over_area(x), prepare=promote_to_float)
@quiet
def log_ndtr(x: Array) -> Array:
    """The logarithm of `ndtr`, exact where that itself is nearly 0 or 1."""
    z = np.asarray(x, np.float64)
    low = np.log(_scaled_integral(np.maximum(-z, 1) * _ROOT, 0) / 2) - z * z / 2
    return np.where(z < -1, low, np.log1p(-_erf(np.maximum(z, -1) * _ROOT, True) / 2)).astype(x.dtype)


@op(lambda g, y, _x: g * math.sqrt(2 * math.pi) * exp(square(y) / 2), prepare=promote_to_float)
def ndtri(x: Array) -> Array:
    """The inverse of `ndtr`: -inf at 0, inf at 1, NaN outside.

    By M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution" (1988), as Python has it.
    """
    from statistics import NormalDist

    p = np.asarray(x, np.float64)
    inside = (p > 0) & (p < 1)
    y = np.asarray(np.frompyfunc(NormalDist().inv_cdf, 1, 1)(np.where(inside, p, 0.5)), np.float64)
    y = np.where(inside, y, np.where(p == 0, -np.inf, np.where(p == 1, np.inf, np.nan)))
    return y.astype(x.dtype)


@op(lambda g, _y, x: g * (-log(x) - 1), prepare=promote_to_float)
@quiet
def entr(x: Array) -> Array:
    """-x log(x): 0 at 0, -inf below."""
    y = -x * np.log(np.where(x > 0, x, 1))
    return np.where(x >= 0, y, np.where(np.isnan(x), x, -np.inf)).astype(x.dtype)


@op(
    lambda g, _y, a, b: g * _log1p_unless(a, b),
    lambda g, _y, a, b: g * a / (1 + b),
    prepare=promote_to_float,
)
@quiet
def xlog1py(a: Array, b: Array) -> Array:
    """a log(1 + b), and 0 where a is 0 unless b is NaN."""
    y: Any = np.where(np.equal(a, 0) & ~np.isnan(b), a, np.multiply(a, np.log1p(b)))
    return y.astype(beside_numbers(a, b), copy=False)


def _log1p_unless(a: Any, b: Any) -> Any:
    return log1p(choose((a == 0) & (b <= -1), 0.0, b))
