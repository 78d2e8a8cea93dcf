"""Sums of exponentials that do not overflow: logsumexp, softmax, log_softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.backward import cast
from ..autograd.graph import Array
from ..autograd.operation import op
from .comparison import ne
from .elementwise import choose, exp, only, quiet
from .promotion import get_default_dtype
from .reduce import Axes, Dims, as_float, fold, many_dims, spread
from .reduce import _sum as sum_over
from .shape import checked, normalise_dim


def _largest(x: Any, dim: Axes) -> Any:
    """The largest element of each slice, with the reduced dimensions kept; -inf of nothing."""
    return fold(np.maximum, x, dim, True, initial=-np.inf)


def _logsumexp_rule(g: Array, y: Array, x: Array, *, dim: Axes, keepdim: bool) -> Array:
    g, y = (spread(a, dim=dim, keepdim=keepdim, shape=x.shape) for a in (g, y))
    something = ne(y, -np.inf)
    return only(g * exp(x - choose(something, y, 0.0)), something)


@op(_logsumexp_rule)
@quiet
def _logsumexp(x: Array, *, dim: Axes, keepdim: bool) -> Array:
    m = _largest(x, dim)
    m = np.where(np.isinf(m), x.dtype.type(0), m)  # inf - inf is not a number
    e = np.asarray(x - m)
    y = np.log(fold(np.add, np.exp(e, out=e), dim, True)) + m
    return y if keepdim else np.squeeze(y, axis=dim)


def logsumexp(input: Array, dim: Dims, keepdim: bool = False) -> Array:
    """log(sum(exp(x))) over ``dim``, without overflow; -inf of nothing."""
    x = checked(input, "logsumexp")
    x = x if x.dtype.kind == "f" else cast(x, dtype=get_default_dtype())
    return _logsumexp(x, dim=many_dims(dim, x.ndim, "logsumexp"), keepdim=bool(keepdim))


@op(lambda g, y, _x, *, dim: y * (g - sum_over(g * y, dim=dim, keepdim=True)))
@quiet
def _softmax(x: Array, *, dim: tuple[int, ...]) -> Array:
    e = np.asarray(x - _largest(x, dim))
    np.exp(e, out=e)
    return np.divide(e, fold(np.add, e, dim, True), out=e)


@op(lambda g, y, _x, *, dim: g - exp(y) * sum_over(g, dim=dim, keepdim=True))
@quiet
def _log_softmax(x: Array, *, dim: tuple[int, ...]) -> Array:
    z = np.asarray(x - _largest(x, dim))
    return np.subtract(z, np.log(fold(np.add, np.exp(z), dim, True)), out=z)


def _slices(x: Array, dim: int, name: str) -> tuple[int, ...]:
    d = normalise_dim(dim, x.ndim, name)
    return (d,) if x.ndim else ()


def softmax(input: Array, dim: int, dtype: Any = None) -> Array:
    """exp(x) / sum(exp(x)) along ``dim``: positive numbers that add up to 1. ``dtype`` casts first.

    >>> softmax(np.array([0.0, 0.0]), 0)
    array([0.5, 0.5])
    """
    x = as_float(input, dtype, "softmax")
    return _softmax(x, dim=_slices(x, dim, "softmax"))


def log_softmax(input: Array, dim: int, dtype: Any = None) -> Array:
    """The logarithm of `softmax`, exact where softmax itself would round to 0. ``dtype`` casts first."""
    x = as_float(input, dtype, "log_softmax")
    return _log_softmax(x, dim=_slices(x, dim, "log_softmax"))


def softmin(input: Array, dim: int, dtype: Any = None) -> Array:
    """`softmax` of -x: the smallest gets the most."""
    x = as_float(input, dtype, "softmin")
    return _softmax(-x, dim=_slices(x, dim, "softmin"))
