"""Running reductions along a dimension: each result is made of the elements up to it."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..autograd.backward import cast
from ..autograd.graph import Array
from ..autograd.operation import op
from .comparison import eq
from .elementwise import choose, exp, quiet
from .extremes import Selected, beside
from .joining import cat
from .promotion import get_default_dtype
from .recurrence import _cumprod, accumulate, adjoint_recurrence, along, shift
from .reduce import in_dtype
from .shape import checked, clone, normalise_dim
from .watched import aside


# ----------------------------------------------------------------------------------------------------------------- sums
@op(lambda g, _y, _x, *, dim, reverse: _cumsum(g, dim=dim, reverse=not reverse))
def _cumsum(x: Array, *, dim: int, reverse: bool) -> Array:
    return accumulate(np.add, x, dim, reverse)


def cumsum(input: Array, dim: int, *, dtype: Any = None) -> Array:
    """The running sum along ``dim``. Integers and booleans add up in int64; ``dtype`` casts first."""
    x = checked(input, "cumsum")
    x = x if dtype is None else cast(x, dtype=np.dtype(dtype))
    return in_dtype(_cumsum(x, dim=normalise_dim(dim, x.ndim, "cumsum"), reverse=False), dtype)


def _logcumsumexp_rule(g: Array, y: Array, x: Array, *, dim: int) -> Array:
    """dx[j] = sum of g[k] exp(x[j] - y[k]) over k >= j; y only grows, so no exponent here is above 0."""
    y = choose(eq(y, -np.inf), 0.0, y)
    ratio = exp(shift(y, dim=dim, by=1, fill=-np.inf) - y)
    return exp(x - y) * adjoint_recurrence(g, ratio, dim, False)


@op(_logcumsumexp_rule)
@quiet
def _logcumsumexp(x: Array, *, dim: int) -> Array:
    return np.logaddexp.accumulate(x, axis=dim) if x.ndim else np.array(x)


def logcumsumexp(input: Array, dim: int) -> Array:
    """log(cumsum(exp(x))) along ``dim``, without overflow."""
    x = checked(input, "logcumsumexp")
    x = x if x.dtype.kind == "f" else cast(x, dtype=get_default_dtype())
    return _logcumsumexp(x, dim=normalise_dim(dim, x.ndim, "logcumsumexp"))


# ------------------------------------------------------------------------------------------------------------ products
def cumprod(input: Array, dim: int, *, dtype: Any = None) -> Array:
    """The running product along ``dim``; its gradients are right where elements are 0, too."""
    x = checked(input, "cumprod")
    x = x if dtype is None else cast(x, dtype=np.dtype(dtype))
    return in_dtype(_cumprod(x, dim=normalise_dim(dim, x.ndim, "cumprod"), reverse=False), dtype)


# ------------------------------------------------------------------------------------------------------------ extremes
def _at(i: Any, dim: int) -> tuple[Any, ...]:
    """The NumPy index that takes the positions i along ``dim``."""
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in i.shape)])
    grid[dim] = i
    return tuple(grid)


@op(lambda g, _y, _x, i, *, dim: _return(g, i, dim=dim))
def _fetch(x: Array, i: Array, *, dim: int) -> Array:
    """The elements of x at the positions i along ``dim``, which may repeat."""
    return x[_at(i, dim)] if x.ndim else np.array(x)


@op(lambda g, _y, _x, i, *, dim: _fetch(g, i, dim=dim))
def _return(x: Array, i: Array, *, dim: int) -> Array:
    """The adjoint of `_fetch`: each element of x added where it came from."""
    if not x.ndim:
        return np.array(x)
    y = np.zeros_like(x)
    np.add.at(y, _at(i, dim), x)
    return y


def _running(f: np.ufunc, input: Array, dim: int, name: str) -> Selected:
    input = checked(input, name)
    d = normalise_dim(dim, input.ndim, name)
    i = aside(_cumargmax if f is np.maximum else _cumargmin, input, dim=d)
    values = _fetch(input, i, dim=d)
    return Selected(values, beside(values, i))


def _cumargmax(x: Any, *, dim: int) -> Any:
    return _so_far(np.maximum, x, dim)


def _cumargmin(x: Any, *, dim: int) -> Any:
    return _so_far(np.minimum, x, dim)


def _so_far(f: np.ufunc, x: Any, d: int) -> Any:
    """Where the extreme of the elements so far is, the last of equals."""
    i = np.zeros(x.shape, np.int64)
    if x.ndim:
        reached = (f.accumulate(x, axis=d) == x) | (x != x)  # a NaN stays
        places = np.arange(x.shape[d]).reshape([-1 if k == d else 1 for k in range(x.ndim)])
        i = np.maximum.accumulate(np.where(reached, places, 0), axis=d).astype(np.int64, copy=False)
    return i


def cummax(input: Array, dim: int) -> Selected:
    """The largest element so far along ``dim``, and where it is (the last of equals)."""
    return _running(np.maximum, input, dim, "cummax")


def cummin(input: Array, dim: int) -> Selected:
    """The smallest element so far along ``dim``, and where it is (the last of equals)."""
    return _running(np.minimum, input, dim, "cummin")


# --------------------------------------------------------------------------------------------------------- differences
@op(lambda g, _y, _x, *, dim: _undiff(g, dim=dim))
def _diff(x: Array, *, dim: int) -> Array:
    return np.diff(x, axis=dim)


@op(lambda g, _y, _x, *, dim: _diff(g, dim=dim))
def _undiff(x: Array, *, dim: int) -> Array:
    """The adjoint of `_diff`: x[j - 1] - x[j], with 0 beyond both edges."""
    edge = np.zeros_like(along(x, dim, slice(0, 1))) if x.shape[dim] else np.zeros(_edge(x.shape, dim), x.dtype)
    return np.negative(np.diff(x, axis=dim, prepend=edge, append=edge))


def _edge(shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    return (*shape[:dim], 1, *shape[dim + 1 :])


def diff(input: Array, n: int = 1, dim: int = -1, prepend: Array | None = None, append: Array | None = None) -> Array:
    """The difference of each element and the one before it along ``dim``, taken ``n`` times.

    ``prepend`` and ``append`` are joined to the input first, unless ``n`` is 0. Of booleans, whether neighbours differ.
    """
    x = checked(input, "diff")
    if not x.ndim:
        raise RuntimeError("diff: expected a tensor of at least one dimension, got a 0-d tensor")
    steps, dim = operator.index(n), operator.index(dim)
    if steps < 0:
        raise RuntimeError(f"diff: n must be >= 0, got {n}")
    if not steps:
        return clone(x)
    d = normalise_dim(dim, x.ndim, "diff")
    parts = [checked(part, "diff") for part in (prepend, x, append) if part is not None]
    if any(part.ndim != x.ndim for part in parts):
        raise RuntimeError(
            f"diff: {' and '.join(format(part.shape) for part in parts)} differ in their number of dimensions"
        )
    if len(parts) > 1:
        x = cat(parts, d)
    steps = min(steps, x.shape[d])
    for _ in range(steps):
        x = _diff(x, dim=d)
    return x if steps else clone(x)
