"""Activations: the bends between layers, each with its slope right above it.

Names, kinks and slopes at kinks are PyTorch's. `relu`, `sigmoid` and `tanh` stand in `elementwise`.
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import abs, choose, exp, minimum, only, quiet, relu, sigmoid, square, zero
from .numbers import beside
from .promotion import promote_to_float
from .special import bell, erf

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al., 2017: they keep mean 0, variance 1


@op(zero)
def step(x: Array, *, low: float, high: float) -> Array:
    """``high`` where x > 0, ``low`` elsewhere, in the dtype of x: the slope of a function with a kink at 0."""
    y = (x > 0).astype(x.dtype)
    y *= high - low
    y += low
    return y


@op()
def between(x: Array, *, low: float, high: float) -> Array:
    """Is low < x < high?"""
    return (x > low) & (x < high)


# ------------------------------------------------------------------------------------------------- one or two lines
@op(lambda g, _y, x, *, slope: g * step(x, low=slope, high=1.0))
def leaky_relu(x: Array, *, slope: float) -> Array:
    """x where x > 0, slope * x elsewhere (Maas, Hannun and Ng, 2013)."""
    if 0 < slope <= 1:  # not 0: the product of 0 and inf is NaN
        return np.maximum(x, x * slope)
    return np.where(x > 0, x, x * slope)


@op(
    lambda g, _y, x, w: g * choose(x > 0, 1.0, w),
    lambda g, _y, x, _w: g * leaky_floor(x),
)
def prelu(x: Array, w: Array) -> Array:
    """x where x > 0, w * x elsewhere, w broadcast against x (He et al., 2015)."""
    return np.where(x > 0, x, x * w)


@op(lambda g, _y, x: only(g, x <= 0))
def leaky_floor(x: Array) -> Array:
    """min(x, 0)"""
    return np.minimum(x, 0)


@op(lambda g, _y, x, *, low, high: only(g, between(x, low=low, high=high)))
def hardtanh(x: Array, *, low: float, high: float) -> Array:
    """x cut off at ``low`` and ``high``; the slope there is taken as 0."""
    return np.clip(x, x.dtype.type(low), x.dtype.type(high))


@op(lambda g, _y, x, *, at, value: only(g, x > at))
def threshold(x: Array, *, at: float, value: float) -> Array:
    """x where x > at, ``value`` elsewhere."""
    below = x <= x.dtype.type(at) if x.dtype.kind == "f" else np.less_equal(*beside(x, at))
    return np.where(below, x.dtype.type(value), x)


@op(lambda g, y_, _x, *, width: only(g, y_ != 0))
def softshrink(x: Array, *, width: float) -> Array:
    """x moved towards 0 by ``width``, and 0 where it would pass it."""
    return x - np.clip(x, -width, width)


@op(lambda g, y_, _x, *, width: only(g, y_ != 0))
def hardshrink(x: Array, *, width: float) -> Array:
    """x where abs(x) > width, 0 elsewhere."""
    return np.where((x >= -width) & (x <= width), x.dtype.type(0), x)


@op(lambda g, _y, x: g / square(1 + abs(x)), prepare=promote_to_float)
def softsign(x: Array) -> Array:
    """x / (1 + abs(x))"""
    return x / (1 + np.abs(x))


# ---------------------------------------------------------------------------------------------------- exponentials
@op(lambda g, _y, x, *, alpha, scale, inner: g * choose(x > 0, scale, inner * scale * alpha * exp(-inner * relu(-x))))
def elu(x: Array, *, alpha: float, scale: float, inner: float) -> Array:
    """scale * x where x > 0, scale * alpha * (exp(inner * x) - 1) elsewhere.

    ELU (Clevert, Unterthiner and Hochreiter, 2015), SELU (Klambauer et al., 2017) and CELU (Barron, 2017) in one.
    """
    below = np.expm1(np.minimum(x, 0) * inner)
    below *= alpha
    below += np.maximum(x, 0)
    return below if scale == 1 else below * scale


@op(lambda g, _y, x: g * sigmoid(-x), prepare=promote_to_float)
@quiet
def logsigmoid(x: Array) -> Array:
    """log(sigmoid(x)), without overflow."""
    return -np.logaddexp(0, -x).astype(x.dtype, copy=False)


@op(lambda g, _y, x: g * _silu_slope(x), prepare=promote_to_float)
@quiet
def silu(x: Array) -> Array:
    """x * sigmoid(x) (Elfwing, Uchibe and Doya, 2017; also called swish)."""
    return x / (1 + np.exp(-x))


def _silu_slope(x: Array) -> Array:
    s = sigmoid(x)
    return s * (1 + x * (1 - s))


@op(lambda g, y, x: g * (1 - square(y)) * sigmoid(x))
@quiet
def tanh_softplus(x: Array) -> Array:
    """tanh(log(1 + exp(x)))"""
    return np.tanh(np.logaddexp(0, x).astype(x.dtype, copy=False))


def _mish_slope(x: Array) -> Array:
    t = tanh_softplus(x)
    return t + x * (1 - square(t)) * sigmoid(x)


@op(lambda g, _y, x: g * _mish_slope(x), prepare=promote_to_float)
def mish(x: Array) -> Array:
    """x * tanh(softplus(x)) (Misra, 2019)."""
    return x * tanh_softplus(x)


# ---------------------------------------------------------------------------------------------------------- gaussian
def _gelu_slope(x: Array) -> Array:
    return 0.5 * (1 + erf(x * math.sqrt(0.5))) + x * bell(x * math.sqrt(0.5), n=0) * (1 / math.sqrt(2 * math.pi))


@op(lambda g, _y, x: g * _gelu_slope(x))
def gelu(x: Array) -> Array:
    """x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel, 2016)."""
    y = erf(x * math.sqrt(0.5))
    y += 1
    y *= x
    y *= 0.5
    return y


_CUBIC = 0.044715


def _gate_slope(t: Array, x: Array) -> Array:
    """The slope at x of `gelu_gate`, which is t there. Far out it is 0, not 0 * inf: the square is held small."""
    growth = 1 + 3 * _CUBIC * minimum(square(x), 900.0)
    return (1 - square(t)) * (math.sqrt(2 / math.pi) * growth)


@op(lambda g, y, x: g * _gate_slope(y, x))
@quiet
def gelu_gate(x: Array) -> Array:
    """tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)), close to 2 * Phi(x) - 1."""
    return np.tanh(math.sqrt(2 / math.pi) * (x + _CUBIC * x * x * x))


def _gelu_tanh_slope(x: Array) -> Array:
    t = gelu_gate(x)
    return 0.5 * (1 + t) + 0.5 * x * _gate_slope(t, x)


@op(lambda g, _y, x: g * _gelu_tanh_slope(x))
def gelu_tanh(x: Array) -> Array:
    """The tanh approximation of `gelu`, from the same paper."""
    y = gelu_gate(x)
    y += 1
    y *= x
    y *= 0.5
    return y


# -------------------------------------------------------------------------------------------------- straight pieces
@op(lambda g, _y, x: only(g, between(x, low=-3.0, high=3.0)) / 6)
def hardsigmoid(x: Array) -> Array:
    """clip(x / 6 + 1 / 2, 0, 1) (Howard et al., 2019)."""
    return np.clip(x / 6 + 0.5, 0, 1)


@op(lambda g, _y, x: only(g * choose(x >= 3, 1.0, x / 3 + 0.5), x > -3))
def hardswish(x: Array) -> Array:
    """x * clip(x + 3, 0, 6) / 6 (Howard et al., 2019)."""
    return x * np.clip(x + 3, 0, 6) / 6
