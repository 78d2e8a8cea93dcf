"""Angles and hyperbolas."""

from __future__ import annotations

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import choose, quiet, rsqrt
from .promotion import promote_to_float


@op(lambda g, _y, x: g * cos(x), prepare=promote_to_float)
@quiet
def sin(x: Array) -> Array:
    """The sine of an angle in radians."""
    return np.sin(x)


@op(lambda g, _y, x: -g * sin(x), prepare=promote_to_float)
@quiet
def cos(x: Array) -> Array:
    """The cosine of an angle in radians."""
    return np.cos(x)


@op(lambda g, y, _x: g * (1 + y * y), prepare=promote_to_float)
@quiet
def tan(x: Array) -> Array:
    """The tangent of an angle in radians."""
    return np.tan(x)


@op(lambda g, _y, x: g * rsqrt(1 - x * x), prepare=promote_to_float)
@quiet
def asin(x: Array) -> Array:
    """The angle in [-pi/2, pi/2] whose sine is x; NaN outside of [-1, 1]."""
    return np.arcsin(x)


@op(lambda g, _y, x: -g * rsqrt(1 - x * x), prepare=promote_to_float)
@quiet
def acos(x: Array) -> Array:
    """The angle in [0, pi] whose cosine is x; NaN outside of [-1, 1]."""
    return np.arccos(x)


@op(lambda g, _y, x: g / (1 + x * x), prepare=promote_to_float)
@quiet
def atan(x: Array) -> Array:
    """The angle in (-pi/2, pi/2) whose tangent is x."""
    return np.arctan(x)


def _square_of_radius(a: Array, b: Array) -> Array:
    r = a * a + b * b
    return choose(r == 0, 1.0, r)


@op(
    lambda g, _y, a, b: g * b / _square_of_radius(a, b),
    lambda g, _y, a, b: -g * a / _square_of_radius(a, b),
    prepare=promote_to_float,
)
@quiet
def atan2(a: Array, b: Array) -> Array:
    """The angle in [-pi, pi] of the point with height a and abscissa b; its slopes at the origin are taken as 0."""
    return np.arctan2(a, b)


@op(lambda g, _y, x: g * cosh(x), prepare=promote_to_float)
@quiet
def sinh(x: Array) -> Array:
    """The hyperbolic sine."""
    return np.sinh(x)


@op(lambda g, _y, x: g * sinh(x), prepare=promote_to_float)
@quiet
def cosh(x: Array) -> Array:
    """The hyperbolic cosine."""
    return np.cosh(x)


@op(lambda g, _y, x: g * rsqrt(x * x + 1), prepare=promote_to_float)
@quiet
def asinh(x: Array) -> Array:
    """The number whose hyperbolic sine is x."""
    return np.arcsinh(x)


@op(lambda g, _y, x: g * rsqrt(x * x - 1), prepare=promote_to_float)
@quiet
def acosh(x: Array) -> Array:
    """The number >= 0 whose hyperbolic cosine is x; NaN below 1."""
    return np.arccosh(x)


@op(lambda g, _y, x: g / (1 - x * x), prepare=promote_to_float)
@quiet
def atanh(x: Array) -> Array:
    """The number whose hyperbolic tangent is x; NaN outside of [-1, 1]."""
    return np.arctanh(x)


arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh = asin, acos, atan, atan2, asinh, acosh, atanh
