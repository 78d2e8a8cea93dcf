"""Functions with names of their own: the error function, softplus, logarithms of sums of exponentials, and others."""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.backward import cast
from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import choose, exp, log, mul, only, pow, quiet, rsqrt, sigmoid, square, true_divide
from .limits import _clip
from .numbers import number_for, scalar_for
from .promotion import get_default_dtype, promote, promote_to_float
from .shape import checked

_FLOAT64 = np.dtype(np.float64)


def _floating(x: Array, name: str) -> Array:
    """x, cast to float32 if it holds integers."""
    x = checked(x, name)
    return x if x.dtype.kind == "f" else cast(x, dtype=get_default_dtype())


# ------------------------------------------------------------------------------------------------- the error function
# Rational Chebyshev approximations of W. J. Cody, "Rational Chebyshev approximations for the error function",
# Mathematics of Computation 23 (1969), with the coefficients of his program CALERF; numerators and denominators with
# the highest power first. Relative errors are below 6e-19, so the rounding of the arithmetic is all one sees.
# fmt: off
_SMALL = (
    (
        1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2,
        3.77485237685302021e2, 3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)  # erf(x) / x by x^2, for |x| <= 0.46875
_MIDDLE = (
    (
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
        2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
        3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
    ),
)  # erfc(x) exp(x^2) by x, up to 4
_LARGE = (
    (
        1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
        1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4,
    ),
    (
        1.0, 2.56852019228982242e0, 1.87295284992346725e0,
        5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3,
    ),
)  # (1 / sqrt(pi) - x exp(x^2) erfc(x)) x^2 by 1 / x^2, from 4 on
# fmt: on


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Any) -> Any:
    """A quotient of two polynomials, by Horner's rule."""
    above, below = (np.full_like(x, c[0]) for c in coefficients)
    for a, b in zip(coefficients[0][1:], coefficients[1][1:], strict=True):
        above *= x
        above += a
        below *= x
        below += b
    above /= below
    return above


def _exp_of_square(x: Any) -> Any:
    """exp(-x^2), with the square in two parts so that its rounding does not grow."""
    coarse = np.trunc(x * 16) / 16
    y = np.exp(-coarse * coarse)
    y *= np.exp(-(x - coarse) * (x + coarse))
    return y


def _tail(x: Any, scaled: bool = False) -> Any:
    """erfc(x) for x > 0.46875, in float64; times exp(x^2) if ``scaled``."""
    y = np.empty_like(x)
    middle = x <= 4
    near, far = x[middle], x[~middle]
    y[middle] = _ratio(_MIDDLE, near)
    z = 1 / (far * far)
    y[~middle] = (1 / math.sqrt(math.pi) - z * _ratio(_LARGE, z)) / far
    return y if scaled else y * _exp_of_square(x)


@quiet
def _erf(x: Any, complement: bool) -> Any:
    """erf or erfc of an array, computed in float64."""
    dtype = x.dtype
    x = np.asarray(x, np.float64)
    size = np.abs(x)
    y = np.array(x)  # so that NaN stays
    small, large = size <= 0.46875, size > 0.46875
    s = x[small]
    s *= _ratio(_SMALL, s * s)
    y[small] = 1 - s if complement else s
    sign, tail = np.sign(x[large]), _tail(np.minimum(size[large], 30.0))  # erfc(30) is 0
    y[large] = np.where(sign > 0, tail, 2 - tail) if complement else sign * (1 - tail)
    return y.astype(dtype, copy=False)


@op(lambda g, _y, x, *, n: g * bell(x, n=n + 1))
@quiet
def bell(x: Array, *, n: int) -> Array:
    """exp(-x^2), differentiated n times: times a polynomial (Hermite's), and 0 where nothing is left of the bell."""
    e = np.exp(-np.square(x))
    before, h = 0, 1
    for j in range(n):
        before, h = h, -2 * (x * h + j * before)
    return only(h * e, e != 0) if n else e


@op(lambda g, _y, x: g * (2 / math.sqrt(math.pi)) * bell(x, n=0), prepare=promote_to_float)
def erf(x: Array) -> Array:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x (Cody 1969)."""
    return _erf(x, False)


@op(lambda g, _y, x: g * (-2 / math.sqrt(math.pi)) * bell(x, n=0), prepare=promote_to_float)
def erfc(x: Array) -> Array:
    """1 - erf(x), exact where erf(x) is nearly 1 (Cody 1969)."""
    return _erf(x, True)


@op(lambda g, y_, _x: g * (math.sqrt(math.pi) / 2) * exp(square(y_)), prepare=promote_to_float)
@quiet
def erfinv(x: Array) -> Array:
    """The number whose error function is x; NaN outside of [-1, 1].

    A guess to three digits, from S. Winitzki, "A handy approximation for the error function and its inverse" (2008),
    then Halley's method with `erf` and, where that is nearly 1, `erfc`.
    """
    p = np.abs(np.asarray(x, np.float64))
    bend = np.log1p(-p * p)
    half = 2 / (math.pi * 0.147) + bend / 2
    guess = np.sqrt(-bend / 0.147 / (np.sqrt(half * half - bend / 0.147) + half))
    y = np.maximum(guess, p * (math.sqrt(math.pi) / 2))  # the tangent at 0, where p * p is nothing
    for _ in range(3):
        miss = np.where(p < 0.5, _erf(y, False) - p, (1 - p) - _erf(y, True))
        step = miss * (math.sqrt(math.pi) / 2) * np.exp(y * y)
        y = y - np.where(np.isfinite(step), step / (1 + y * step), 0)  # each time three times as many digits
    y = np.where(p == 1, np.inf, np.where(p <= 1, y, np.nan))
    return np.copysign(y, x).astype(x.dtype)


# ------------------------------------------------------------------------------------------------ exponentials and logs
@op(
    lambda g, _y, x, *, beta, threshold: g * choose(beta * x > threshold, 1.0, sigmoid(beta * x)),
)
@quiet
def _softplus(x: Array, *, beta: float, threshold: float) -> Array:
    z = beta * x
    return np.where(z > threshold, x, np.logaddexp(z, x.dtype.type(0)) / beta)


def softplus(input: Array, beta: float = 1, threshold: float = 20) -> Array:
    """log(1 + exp(beta x)) / beta, a smooth `relu`; the identity where beta x > threshold."""
    x = _floating(input, "softplus")
    return _softplus(x, beta=beta, threshold=threshold)


@op(lambda g, _y, x: g * square(rsqrt(x * (1 - x))))  # a square is +inf at 0 and -0, and NaN outside of [0, 1]
@quiet
def _logit(x: Array) -> Array:
    return np.log(x / (1 - x))


def logit(input: Array, eps: float | None = None) -> Array:
    """log(x / (1 - x)), the inverse of `sigmoid`; x is first clamped to [eps, 1 - eps] if ``eps`` is given."""
    x = _floating(input, "logit")
    return _logit(x if eps is None else _clip(x, low=eps, high=1 - eps))


@op(
    lambda g, _y, a, b: g * sigmoid(a - b),
    lambda g, _y, a, b: g * sigmoid(b - a),
    prepare=promote_to_float,
)
@quiet
def logaddexp(a: Array, b: Array) -> Array:
    """log(exp(a) + exp(b)), without overflow."""
    return np.logaddexp(a, b)


@op(
    lambda g, _y, a, b: g * sigmoid((a - b) * math.log(2)),
    lambda g, _y, a, b: g * sigmoid((b - a) * math.log(2)),
    prepare=promote_to_float,
)
@quiet
def logaddexp2(a: Array, b: Array) -> Array:
    """log2(2^a + 2^b), without overflow."""
    return np.logaddexp2(a, b)


@op(
    lambda g, _y, a, b: g * log(choose((a == 0) & (b <= 0), 1.0, b)),
    lambda g, _y, a, b: g * a / b,
    prepare=promote_to_float,
)
@quiet
def xlogy(a: Array, b: Array) -> Array:
    """a log(b), and 0 where a is 0 unless b is NaN."""
    y: Any = np.where(np.equal(a, 0) & ~np.isnan(b), a, np.multiply(a, np.log(b)))
    return y.astype(beside_numbers(a, b), copy=False)


def beside_numbers(a: Any, b: Any) -> np.dtype[Any]:
    """The dtype of two arrays, or of the one that stands beside a Python number."""
    arrays = [x for x in (a, b) if not isinstance(x, (int, float))]
    return np.result_type(*(arrays or (a, b)))


# -------------------------------------------------------------------------------------------------------------- others
@op(lambda g, y, a, _b: g * a / y, lambda g, y, _a, b: g * b / y, prepare=promote_to_float)
@quiet
def hypot(a: Array, b: Array) -> Array:
    """sqrt(a^2 + b^2), without overflow."""
    return np.hypot(a, b)


@op(lambda g, _y, x: g * _sinc_slope(x, k=1), prepare=promote_to_float)
def sinc(x: Array) -> Array:
    """sin(pi x) / (pi x), and 1 at 0."""
    return np.sinc(x).astype(x.dtype, copy=False)


@op(lambda g, _y, x, *, k: g * _sinc_slope(x, k=k + 1))
@quiet
def _sinc_slope(x: Array, *, k: int) -> Array:
    """The k-th derivative of sinc, for k >= 1: pi ** k times that of sin(t) / t at t = pi x."""
    t = math.pi * x
    near = np.abs(t) <= k
    return (only(_sinc_near(t, k), near) + only(_sinc_far(t, k), ~near)) * math.pi**k


def _sinc_near(t: Any, k: int) -> Any:
    """The k-th derivative of sin(t) / t, the sum of (-t^2)^n / (2n + 1)!, term after term, by Horner's rule."""
    y, square = np.zeros_like(t), t * t
    for n in reversed(range((k + 1) // 2, 3 * k + 8)):
        y *= square
        y += (-1) ** n / (math.factorial(2 * n - k) * (2 * n + 1))
    return y * t if k % 2 else y


def _sinc_far(t: Any, k: int) -> Any:
    """The same from t s = sin(t), differentiated k times: t s_k + k s_(k - 1) = sin_k(t)."""
    sin, cos = np.sin(t), np.cos(t)
    y = sin / t
    for j in range(1, k + 1):
        y = ((sin, cos, -sin, -cos)[j % 4] - j * y) / t
    return y


@op(
    lambda g, _y, _a, _b, w: g * (1 - w),
    lambda g, _y, _a, _b, w: g * w,
    lambda g, _y, a, b, _w: g * (b - a),
)
@quiet
def _lerp(a: Array, b: Array, w: Array) -> Array:
    y = np.where(np.abs(w) < 0.5, a + w * (b - a), b - (b - a) * (1 - w))  # exact at both ends
    return y.astype(a.dtype, copy=False)


def lerp(input: Array, end: Array, weight: Any) -> Array:
    """input + weight * (end - input): a part of the way from one to the other. ``weight`` is a number or a tensor."""
    a, b = checked(input, "lerp"), checked(end, "lerp")
    w = np.asarray(weight, a.dtype) if isinstance(weight, (int, float)) else checked(weight, "lerp")
    if a.dtype.kind != "f" or b.dtype != a.dtype or w.dtype != a.dtype:
        raise TypeError(f"lerp: needs one floating dtype, got {a.dtype}, {b.dtype} and {w.dtype}")
    return _lerp(a, b, w)


@op(
    lambda g, _y, _x, _a, _b, *, value: g,
    lambda g, _y, _x, _a, b, *, value: g * value * b,
    lambda g, _y, _x, a, _b, *, value: g * value * a,
    prepare=promote,
)
@quiet
def _addcmul(x: Array, a: Array, b: Array, *, value: float) -> Array:
    return x + scalar_for(value, x.dtype, "addcmul") * a * b


def addcmul(input: Array, tensor1: Array, tensor2: Array, *, value: float = 1) -> Array:
    """input + value * tensor1 * tensor2"""
    return _addcmul(*(checked(x, "addcmul") for x in (input, tensor1, tensor2)), value=value)


@op(
    lambda g, _y, _x, _a, _b, *, value: g,
    lambda g, _y, _x, _a, b, *, value: true_divide(g * value, b),
    lambda g, _y, _x, a, b, *, value: true_divide(-g * value * a, b * b),
    prepare=promote_to_float,
)
@quiet
def _addcdiv(x: Array, a: Array, b: Array, *, value: float) -> Array:
    return x + np.asarray(value, x.dtype) * (a / b)


def addcdiv(input: Array, tensor1: Array, tensor2: Array, *, value: float = 1) -> Array:
    """input + value * tensor1 / tensor2, of floating tensors."""
    x, a, b = (checked(x, "addcdiv") for x in (input, tensor1, tensor2))
    if a.dtype.kind != "f" and b.dtype.kind != "f":
        raise TypeError("addcdiv: integers do not divide exactly; convert one with .float()")
    return _addcdiv(x, a, b, value=value)


def deg2rad(input: Array) -> Array:
    """Degrees as radians."""
    x = _floating(input, "deg2rad")
    return mul(x, math.pi / 180)


def rad2deg(input: Array) -> Array:
    """Radians as degrees."""
    x = _floating(input, "rad2deg")
    return mul(x, 180 / math.pi)


def float_power(input: Any, exponent: Any) -> Array:
    """input ** exponent in float64, whatever came; at least one is a tensor or an array."""
    both = (
        number_for(x, _FLOAT64, "float_power") if isinstance(x, (int, float, np.generic)) else cast(x, dtype=_FLOAT64)
        for x in (input, exponent)
    )
    return pow(*both)
