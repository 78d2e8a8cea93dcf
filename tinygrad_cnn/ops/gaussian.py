"""The normal distribution's function and its inverse, what is made of them, and entropies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import choose, exp, log, log1p, quiet, square
from .promotion import promote_to_float
from .special import _erf, _tail

_ROOT = math.sqrt(0.5)


@quiet
def _erfcx(x: Any) -> Any:
    """exp(x^2) erfc(x) in float64, by the approximations that `erfc` is made of."""
    x = np.asarray(x, np.float64)
    y = np.asarray(np.exp(x * x) * _erf(x, True))
    large = x > 0.46875
    y[large] = _tail(x[large], scaled=True)
    return y


@op(lambda g, y, x: g * (2 * x * y - 2 / math.sqrt(math.pi)), prepare=promote_to_float)
def erfcx(x: Array) -> Array:
    """exp(x^2) erfc(x), where erfc alone would vanish (Cody 1969)."""
    return _erfcx(x).astype(x.dtype)


@op(lambda g, _y, x_: g * exp(-square(x_) / 2) / math.sqrt(2 * math.pi), prepare=promote_to_float)
def ndtr(x: Array) -> Array:
    """The distribution function of the standard normal distribution: the area under its bell up to x."""
    return (_erf(-np.asarray(x, np.float64) * _ROOT, True) / 2).astype(x.dtype)


@op(lambda g, y, x: g * exp(-square(x) / 2 - y) / math.sqrt(2 * math.pi), prepare=promote_to_float)
@quiet
def log_ndtr(x: Array) -> Array:
    """The logarithm of `ndtr`, exact where that itself is nearly 0 or 1."""
    z = np.asarray(x, np.float64)
    low = np.log(_erfcx(np.maximum(-z, 1) * _ROOT) / 2) - z * z / 2
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
    a, b = np.asarray(a), np.asarray(b)
    y = np.where((a == 0) & ~np.isnan(b), a, a * np.log1p(b))
    return y.astype(np.result_type(a, b), copy=False)


def _log1p_unless(a: Any, b: Any) -> Any:
    return log1p(choose((a == 0) & (b <= -1), 0.0, b))
