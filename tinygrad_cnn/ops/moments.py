"""How far numbers spread, and how large they are: variance, standard deviation, norms."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd.backward import cast, grad
from ..autograd.graph import Array, Variable, array_of
from ..autograd.operation import op
from .comparison import eq, ne
from .elementwise import abs, choose, only, quiet, sign, true_divide
from .guards import check_broadcast
from .reduce import Axes, Dims, as_float, count, fold, many_dims, mean, spread
from .reduce import _add as add_up
from .reduce import _mean as mean_over
from .reduce import _sum as sum_over


# ------------------------------------------------------------------------------------------------ variance
def _deviation(x: Array, dim: Axes) -> Array:
    """How far each element is from its mean."""
    return x - mean_over(x, dim=dim, keepdim=True)


def _freedom(shape: tuple[int, ...], dim: Axes, correction: float) -> float:
    """What the squared deviations are divided by: n - correction, and no less than 0."""
    return max(count(shape, dim) - correction, 0.0)


@op(
    lambda g, _y, x, *, dim, correction, keepdim: (
        spread(true_divide(2 * g, _freedom(x.shape, dim, correction)), dim=dim, keepdim=keepdim, shape=x.shape)
        * _deviation(x, dim)
    )
)
@quiet
def _var(x: Array, *, dim: Axes, correction: float, keepdim: bool) -> Array:
    d = np.asarray(_deviation(x, dim))  # in two passes: no cancellation
    return add_up(np.multiply(d, d, out=d), dim, keepdim) / x.dtype.type(_freedom(x.shape, dim, correction))


def _std_rule(g: Array, y: Array, x: Array, *, dim: Axes, correction: float, keepdim: bool) -> Array:
    uneven = ne(y, 0)  # elsewhere the slope is taken as 0
    g = only(true_divide(g, choose(uneven, y, 1.0) * _freedom(x.shape, dim, correction)), uneven)
    return spread(g, dim=dim, keepdim=keepdim, shape=x.shape) * _deviation(x, dim)


@op(_std_rule)
@quiet
def _std(x: Array, *, dim: Axes, correction: float, keepdim: bool) -> Array:
    return np.sqrt(_var(x, dim=dim, correction=correction, keepdim=keepdim))


def _arguments(name: str, x: Any, dim: Any, unbiased: Any, keepdim: Any, correction: Any) -> tuple[Any, dict[str, Any]]:
    x = as_float(x, None, name)
    if isinstance(dim, bool):  # var(x, False)
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    elif unbiased is not None:
        raise TypeError(f"{name}: unbiased and correction say the same thing; give one of them")
    return x, {"dim": many_dims(dim, x.ndim, name), "correction": correction, "keepdim": bool(keepdim)}


def var(
    input: Array,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Array:
    """The variance, sum((x - mean)^2) / (n - correction), over ``dim`` or of everything.

    ``correction`` is 1 (Bessel's) unless given; ``unbiased=False`` is correction 0. Where n <= correction, something is
    divided by 0.
    """
    x, attributes = _arguments("var", input, dim, unbiased, keepdim, correction)
    return _var(x, **attributes)


def std(
    input: Array,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Array:
    """The standard deviation, the square root of `var`; its slope is taken as 0 where it is 0."""
    x, attributes = _arguments("std", input, dim, unbiased, keepdim, correction)
    return _std(x, **attributes)


class VarMean(NamedTuple):
    """A variance and the mean it is around."""

    var: Array
    mean: Array


class StdMean(NamedTuple):
    """A standard deviation and the mean it is around."""

    std: Array
    mean: Array


def var_mean(
    input: Array,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> VarMean:
    """`var` and `mean` together."""
    v = var(input, dim, unbiased, keepdim, correction=correction)
    return VarMean(v, mean(input, None if isinstance(dim, bool) else dim, keepdim))


def std_mean(
    input: Array,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> StdMean:
    """`std` and `mean` together."""
    s = std(input, dim, unbiased, keepdim, correction=correction)
    return StdMean(s, mean(input, None if isinstance(dim, bool) else dim, keepdim))


# ------------------------------------------------------------------------------------------------ norms
def _over(g: Array, y: Array) -> Array:
    """g / y, and 0 where y is; but where both are 0 and g comes from y, the slope of g by y (l'Hopital's rule).

    So ``x.norm() ** 2`` has the second derivative 2 at 0 too. It gives a value; the slope of that is taken as 0.
    """
    sloping = ne(y, 0)
    ratio = only(g / choose(sloping, y, 1.0), sloping)
    if isinstance(g, Variable) and g._node is not None and not array_of(sloping).all():
        (slope,) = grad([g], [y], [np.ones_like(array_of(g))], create_graph=True, allow_unused=True)
        if slope is not None:
            ratio = ratio + only(slope.detach(), eq(g, 0) & eq(y, 0))
    return ratio


def _norm_rule(g: Array, y: Array, x: Array, *, p: float, dim: Axes, keepdim: bool) -> Array:
    """d/dx of (sum |x|^p)^(1/p) is sign(x) (|x| / y)^(p - 1); 0 where the norm is 0. Ties of an infinite p share."""
    if p == 0:
        return np.zeros(x.shape, x.dtype)
    if p == 2:
        return spread(_over(g, y), dim=dim, keepdim=keepdim, shape=x.shape) * x
    g, y = (spread(a, dim=dim, keepdim=keepdim, shape=x.shape) for a in (g, y))
    if p == 1:
        return g * sign(x)
    if math.isinf(p):
        largest = cast(eq(abs(x), y), dtype=x.dtype)
        return g * sign(x) * (largest / sum_over(largest, dim=dim, keepdim=True))
    sloping = ne(y, 0)
    y = choose(sloping, y, 1.0)
    if p < 1:
        sloping = ne(x, 0)
    return only(g * _abs_pow(choose(sloping, x / y, 1.0), p=p - 1, odd=True), sloping)


@op(lambda g, _y, x, *, p, odd: g * p * _abs_pow(x, p=p - (p != 0), odd=not odd))
def _abs_pow(x: Array, *, p: float, odd: bool) -> Array:
    """|x| ** p, times the sign of x if ``odd``. The slope of the one is made of the other, of every order at 0, too."""
    with np.errstate(divide="ignore"):
        y = np.power(np.abs(x), p)
    return y * np.sign(x) if odd else y


@op(_norm_rule)
def _norm(x: Array, *, p: float, dim: Axes, keepdim: bool) -> Array:
    if p == 2:
        return np.sqrt(add_up(np.multiply(x, x), dim, keepdim))
    a = np.abs(x)
    if p == 1:
        return add_up(a, dim, keepdim)
    if p == 0:
        return add_up((a != 0).astype(x.dtype), dim, keepdim)
    if math.isinf(p):
        return fold(np.maximum, a, dim, keepdim) if p > 0 else fold(np.minimum, a, dim, keepdim)
    with np.errstate(divide="ignore", over="ignore"):
        return np.power(add_up(np.power(a, x.dtype.type(p)), dim, keepdim), x.dtype.type(1 / p))


def norm(
    input: Array, p: float | str | None = "fro", dim: Dims = None, keepdim: bool = False, *, dtype: Any = None
) -> Array:
    """The p-norm of all elements, or over ``dim``: (sum |x|^p)^(1/p).

    ``p`` is any number: 2 (also "fro" and None) is the Euclidean length, inf the largest and -inf the smallest absolute
    value, 0 the number of elements that are not 0. The slope at norm 0 is taken as 0.
    """
    x = as_float(input, dtype, "norm")
    check_broadcast(x, whole=dim is None)
    if p is None or p == "fro":
        p = 2.0
    if isinstance(p, (str, bool)) or not isinstance(p, (int, float, np.number)):
        raise ValueError(f'norm: p must be a number or "fro", got {p!r}; for "nuc" take linalg.matrix_norm')
    dims = many_dims(dim, x.ndim, "norm")
    if (p < 0 or math.isinf(p)) and not count(x.shape, dims):
        raise ValueError(f"norm: p={p} of nothing, over dim={dim} of a tensor of shape {x.shape}")
    return _norm(x, p=float(p), dim=dims, keepdim=bool(keepdim))
