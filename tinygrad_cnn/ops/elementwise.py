"""Arithmetic, powers, exponentials and their kin: one number in, one number out, broadcasting.

Each rule reads ``dL/dx = ...`` with g = dL/dy. The engine sums it to the shape of x.
"""

from __future__ import annotations

import builtins
import functools
import itertools
import math
from typing import Any

import numpy as np

from ..arrays.threads import Slab, by_slabs
from ..arrays.windows import in_order_of
from ..autograd.graph import Array
from ..autograd.operation import op
from .numbers import scalar_for
from .promotion import promote, promote_to_float

quiet = np.errstate(
    divide="ignore", invalid="ignore", over="ignore", under="ignore"
)  # inf and NaN speak for themselves


def zero(_g: Array, _y: Array, _x: Array, *_rest: Array, **_attributes: Any) -> Array:
    """The rule of a step function: its slope is zero wherever it has one."""
    return np.zeros(_x.shape, _x.dtype)


# -------------------------------------------------------------------------------------------------------- arithmetic
def _scaled(alpha: Any, b: Any, a: Any) -> Any:
    """alpha * b, where alpha is a number of the dtype of the two."""
    dtype = (a if isinstance(a, np.ndarray) else b).dtype
    if isinstance(alpha, float) and dtype.kind != "f":
        raise TypeError(f"add, sub: alpha must be an integer for tensors of dtype {dtype}, got {alpha}")
    return b * scalar_for(alpha, dtype, "add or sub: alpha")


@op(
    lambda g, _y, _a, _b, **_: g,
    lambda g, _y, _a, _b, *, alpha=1: g if alpha == 1 else g * float(alpha),
    prepare=promote,
)
def add(a: Array, b: Array, *, alpha: Any = 1) -> Array:
    """a + alpha * b"""
    return np.add(a, b if alpha == 1 else _scaled(alpha, b, a))


@op(
    lambda g, _y, _a, _b, **_: g,
    lambda g, _y, _a, _b, *, alpha=1: -g if alpha == 1 else g * -float(alpha),
    prepare=promote,
)
def sub(a: Array, b: Array, *, alpha: Any = 1) -> Array:
    """a - alpha * b"""
    return np.subtract(a, b if alpha == 1 else _scaled(alpha, b, a))


@op(lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g * a, prepare=promote)
def mul(a: Array, b: Array) -> Array:
    """a * b"""
    return np.multiply(a, b)


@op(lambda g, _y, _a, b: g / b, lambda g, y_, _a, b_: -g * y_ / b_, prepare=promote_to_float)
@quiet
def true_divide(a: Array, b: Array) -> Array:
    """a / b; integers divide to float32."""
    return np.true_divide(a, b)


@op(lambda g, _y, _x: -g)
def neg(x: Array) -> Array:
    """-x"""
    return np.negative(x)


# ----------------------------------------------------------------------------------------------------------- powers
@op(
    lambda g, _y, x, p: g * _pow_slope(x, p, k=1, m=0),
    lambda g, _y, x, p: g * _pow_slope(x, p, k=0, m=1),
    prepare=promote,
)
@quiet
def pow(x: Array, p: Array) -> Array:
    """x ** p; the slope by p where x = 0 <= p is taken as 0."""
    return np.power(x, p)


@op(
    lambda g, _y, x, p, *, k, m: g * _pow_slope(x, p, k=k + 1, m=m),
    lambda g, _y, x, p, *, k, m: g * _pow_slope(x, p, k=k, m=m + 1),
    prepare=promote,
)
@quiet
def _pow_slope(x: Array, p: Array, *, k: int, m: int) -> Array:
    """x ** p, differentiated k times by x and m times by p: x ** (p - k) times a polynomial of log(x).

    Its coefficients are the derivatives of p (p - 1) ... (p - k + 1). What has the factor 0 is 0, also at a pole of
    x ** (p - k): so x ** 2 has derivatives of every order at 0, and the third is 0.
    """
    if not k:
        return math.prod([_log_unless(x, p >= 0)] * m, start=np.power(x, p))
    factor, log_x = _falling(p, k, 0), _log_unless(x, p > k) if m else None
    for j in range(1, m + 1):
        factor = np.where(factor == 0, 0, factor * log_x) + math.perm(m, j) * _falling(p, k, j)
    return factor * np.power(x, (p - k) * (factor != 0))


def _falling(p: Array, k: int, j: int) -> Array:
    """p (p - 1) ... (p - k + 1), differentiated j times by p and divided by j!: j of the factors left out, each way."""
    return builtins.sum(
        math.prod(p - i for i in range(k) if i not in left_out) for left_out in itertools.combinations(range(k), j)
    )


def _log_unless(x: Array, outweighed: Array) -> Array:
    """log(x); 0 where x = 0 and a power of x outweighs it."""
    limit = (x == 0) & outweighed
    log_x = np.log(np.where(limit, 1, x) if limit.any() else x)
    return log_x if log_x.ndim else float(log_x)  # a Python number, which widens nothing


@op(lambda g, _y, x: g * 2 * x)
def square(x: Array) -> Array:
    """x ** 2"""
    return np.square(x) if x.dtype.kind != "b" else np.asarray(x, np.int64)


@op(lambda g, y, _x: g / (2 * y), prepare=promote_to_float)
@quiet
def sqrt(x: Array) -> Array:
    """The square root."""
    return np.sqrt(x)


@op(lambda g, y, _x: -0.5 * g * y * y * y, prepare=promote_to_float)
@quiet
def rsqrt(x: Array) -> Array:
    """1 / sqrt(x)"""
    return np.reciprocal(np.sqrt(x))


@op(lambda g, y, _x: -g * y * y, prepare=promote_to_float)
@quiet
def reciprocal(x: Array) -> Array:
    """1 / x"""
    return np.reciprocal(x)


# -------------------------------------------------------------------------------------- exponentials and logarithms
@op(lambda g, y, _x: g * y, prepare=promote_to_float)
@quiet
def exp(x: Array) -> Array:
    """e ** x"""
    return np.exp(x)


@op(lambda g, y, _x: g * y * math.log(2), prepare=promote_to_float)
@quiet
def exp2(x: Array) -> Array:
    """2 ** x"""
    return np.exp2(x)


@op(lambda g, y, _x: g * (y + 1), prepare=promote_to_float)
@quiet
def expm1(x: Array) -> Array:
    """e ** x - 1, exact near 0."""
    return np.expm1(x)


@op(lambda g, _y, x: g / x, prepare=promote_to_float)
@quiet
def log(x: Array) -> Array:
    """The natural logarithm."""
    return np.log(x)


@op(lambda g, _y, x: g / (x * math.log(2)), prepare=promote_to_float)
@quiet
def log2(x: Array) -> Array:
    """The logarithm to base 2."""
    return np.log2(x)


@op(lambda g, _y, x: g / (x * math.log(10)), prepare=promote_to_float)
@quiet
def log10(x: Array) -> Array:
    """The logarithm to base 10."""
    return np.log10(x)


@op(lambda g, _y, x: g / (1 + x), prepare=promote_to_float)
@quiet
def log1p(x: Array) -> Array:
    """log(1 + x), exact near 0."""
    return np.log1p(x)


# ------------------------------------------------------------------------------------------------ gates and choices
@op(lambda g, y, _x: g * (1 - y * y), prepare=promote_to_float)
def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    return np.tanh(x)


@op(lambda g, y, _x: g * y * (1 - y), prepare=promote_to_float)
@quiet
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return np.reciprocal(x.dtype.type(1) + np.exp(-x))


@op(lambda u, _d, _g, y: gate(u, y), None)
def gate(g: Array, y: Array) -> Array:
    """g where y > 0, 0 elsewhere; NaN where g is infinite there, which `only` avoids in twice the time."""
    if g.size < 1 << 17:
        return g * (y > _positive_range(y.dtype)[0])
    g = in_order_of(y, g)
    d = np.empty_like(g)

    def some(part: Slab) -> None:
        np.multiply(g[part], y[part] > 0, out=d[part])

    by_slabs(y, some, 0.4e-9, dims=y.ndim)
    return d


@op(lambda g, y, _x: gate(g, y))
def relu(x: Array) -> Array:
    """max(x, 0); the slope at 0 is taken as 0."""
    zero, largest = _positive_range(x.dtype)
    if x.size < 4096:
        return np.maximum(x, zero)
    return np.clip(x, zero, largest)  # a third of the time


@functools.lru_cache
def _positive_range(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """0 and the largest number of a dtype, as arrays: NumPy compares with these faster than with Python's numbers."""
    if dtype.kind == "b":
        raise TypeError("relu expects numbers, got dtype bool")
    return np.zeros((), dtype), np.array(np.inf if dtype.kind == "f" else np.iinfo(dtype).max, dtype)


@op(lambda g, _y, x: g * sign(x))
def abs(x: Array) -> Array:
    """The absolute value; the slope at 0 is taken as 0."""
    return np.abs(x)


@op(zero)
def sign(x: Array) -> Array:
    """-1, 0 or 1; 0 for NaN."""
    return np.subtract(x > 0, x < 0, dtype=x.dtype.newbyteorder("=")) if x.dtype.kind != "b" else np.array(x)


@op(
    lambda g, _y, a, b: only(g, a > b) + 0.5 * only(g, a == b),
    lambda g, _y, a, b: only(g, b > a) + 0.5 * only(g, a == b),
    prepare=promote,
)
def maximum(a: Array, b: Array) -> Array:
    """The larger of a and b; a tie shares the gradient evenly."""
    return np.maximum(a, b)


@op(
    lambda g, _y, a, b: only(g, a < b) + 0.5 * only(g, a == b),
    lambda g, _y, a, b: only(g, b < a) + 0.5 * only(g, a == b),
    prepare=promote,
)
def minimum(a: Array, b: Array) -> Array:
    """The smaller of a and b; a tie shares the gradient evenly."""
    return np.minimum(a, b)


_BITS = {n: np.dtype(f"u{n}") for n in (2, 4, 8)}  # by the size of a number


@op(lambda u, _d, _g, mask: only(u, mask), None)
def only(g: Array, mask: Array) -> Array:
    """g where the mask holds, 0 elsewhere, be g infinite or NaN there: it is the bits of g that are multiplied."""
    return np.multiply(g.view(_BITS[g.dtype.itemsize]), mask).view(g.dtype)


@op(
    None,
    lambda g, _y, condition, _a, _b: only(g, condition != 0),
    lambda g, _y, condition, _a, _b: only(g, condition == 0),
)
def choose(condition: Array, a: Array, b: Array) -> Array:
    """`where` as rules use it, with NumPy's dtypes: of two numbers it makes float64, not the default dtype."""
    return np.where(condition, a, b)


def _promote_choices(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return (inputs[0], *promote(inputs[1:]))


@op(
    None,
    lambda g, _y, condition, _a, _b: only(g, condition != 0),
    lambda g, _y, condition, _a, _b: only(g, condition == 0),
    prepare=_promote_choices,
)
def where(condition: Array, a: Array, b: Array) -> Array:
    """a where the condition holds, b elsewhere."""
    return np.where(condition, a, b)
