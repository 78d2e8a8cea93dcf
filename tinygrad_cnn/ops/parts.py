"""What numbers are made of: divisors, mantissas and exponents, neighbours; and complex parts, of real numbers."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import exp2, mul, only, quiet, sign, sub, zero
from .extremes import beside
from .numbers import scalar_for
from .promotion import promote, promote_to_float
from .shape import checked
from .watched import aside


# ------------------------------------------------------------------------------------------------------------ integers
def _integers(name: str, a: Any, b: Any) -> tuple[Any, ...]:
    xs = promote((checked(a, name), checked(b, name)))
    if any(x.dtype.kind not in "iu" for x in xs):
        raise TypeError(f"{name}: needs integers, got {a.dtype} and {b.dtype}")
    return xs


@op()
def _gcd(a: Array, b: Array) -> Array:
    return np.gcd(a, b)


@op()
def _lcm(a: Array, b: Array) -> Array:
    return np.lcm(a, b)


def gcd(input: Array, other: Array) -> Array:
    """The greatest common divisors of integers, >= 0; gcd(0, n) is n."""
    return _gcd(*_integers("gcd", input, other))


def lcm(input: Array, other: Array) -> Array:
    """The least common multiples of integers, >= 0."""
    return _lcm(*_integers("lcm", input, other))


# --------------------------------------------------------------------------------------------------- floating numbers
class Parts(NamedTuple):
    """Numbers as mantissa * 2 ** exponent."""

    mantissa: Array
    exponent: Array


def _floats(name: str, *xs: Any) -> tuple[Any, ...]:
    xs = tuple(checked(x, name) for x in xs)
    if any(x.dtype.kind != "f" for x in xs):
        raise RuntimeError(f"{name}: needs a floating dtype, got {' and '.join(str(x.dtype) for x in xs)}")
    return xs


@op(lambda g, _y, _x, *, exponent: _mantissa(g, exponent=exponent))
@quiet
def _mantissa(x: Array, *, exponent: Any) -> Array:
    """x / 2 ** exponent, of which every step is exact."""
    return np.ldexp(x, -exponent)


def frexp(input: Array) -> Parts:
    """Each number as mantissa * 2 ** exponent, with a mantissa of 0.5 up to 1 in size, and an exponent in int32."""
    (x,) = _floats("frexp", input)
    kept, exponent = aside(_exponents, x)
    return Parts(_mantissa(x, exponent=kept), beside(x, exponent))


def _exponents(x: Any) -> tuple[Any, Any]:
    """The exponents twice: for the gradient, and for the user, who may write into them."""
    exponent = np.asarray(np.frexp(x)[1], np.int32)
    return exponent, exponent.copy()


@op(
    lambda g, _y, _x, e_: g * exp2(e_),
    lambda g, y_, _x, _e: g * y_ * math.log(2),
    prepare=promote_to_float,
)
@quiet
def _ldexp(x: Array, e: Array) -> Array:
    return x * np.exp2(e)


def ldexp(input: Array, other: Array) -> Array:
    """input * 2 ** other: what `frexp` took apart."""
    return _ldexp(checked(input, "ldexp"), checked(other, "ldexp"))


@op(lambda g, _y, a, b: only(g, a != b), lambda _g, _y, _a, _b: np.zeros(_b.shape, _b.dtype))
def _nextafter(a: Array, b: Array) -> Array:
    return np.nextafter(a, b)


def nextafter(input: Array, other: Array) -> Array:
    """The floating number that comes after each of the input's, on the way to the other."""
    return _nextafter(*_floats("nextafter", *promote((checked(input, "nextafter"), checked(other, "nextafter")))))


# ---------------------------------------------------------------------------------------- two that are others turned
def sgn(input: Array) -> Array:
    """-1, 0 or 1: of real numbers, `sign`."""
    return sign(checked(input, "sgn"))


def rsub(input: Array, other: Any, *, alpha: float = 1) -> Array:
    """other - alpha * input"""
    x = checked(input, "rsub")
    return sub(other, x if alpha == 1 else mul(x, scalar_for(alpha, x.dtype, "rsub")))


# ---------------------------------------------------------------------- what a complex number has, of one that is real
def real(input: Array) -> Array:
    """The real part: of real numbers, these themselves."""
    return checked(input, "real")


def conj(input: Array) -> Array:
    """The complex conjugate: of real numbers, these themselves."""
    return checked(input, "conj")


def conj_physical(input: Array) -> Array:
    """The complex conjugate, worked out at once: of real numbers, these themselves."""
    return checked(input, "conj_physical")


@op()
def _isreal(x: Array) -> Array:
    return np.ones(x.shape, np.bool_)


def isreal(input: Array) -> Array:
    """Is the imaginary part 0? Of all real numbers it is."""
    return _isreal(checked(input, "isreal"))


@op(zero, prepare=promote_to_float)
def angle(x: Array) -> Array:
    """The angle of a number in the plane: 0, or pi for negative ones, NaN for NaN."""
    return np.where(np.isnan(x), x, np.where(x < 0, np.pi, 0)).astype(x.dtype)
