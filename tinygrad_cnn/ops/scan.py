"""Running reductions along a dimension: each result is made of the elements up to it.

The gradients of running products, and of running sums of exponentials, are linear recurrences, which `_recurrence`
solves without a division: zeros are no exception, and nothing overflows.
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..autograd.backward import cast
from ..autograd.graph import Array, array_of
from ..autograd.operation import op
from .comparison import eq
from .elementwise import exp, quiet, where
from .extremes import Selected, beside
from .joining import cat
from .promotion import default_dtype
from .shape import _reshape, checked, clone, normalise_dim

_BACKWARDS = slice(None, None, -1)


def _along(x: Any, dim: int, part: slice) -> Any:
    """x[part] along one dimension."""
    return x[(slice(None),) * dim + (part,)]


def _accumulate(f: np.ufunc, x: Any, dim: int, reverse: bool) -> Any:
    """The running f of an array along a dimension, from its end if ``reverse``. Integers go on in int64."""
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.int64)
    if not x.ndim:
        return np.array(x, dtype)
    if reverse:
        return _along(f.accumulate(_along(x, dim, _BACKWARDS), axis=dim, dtype=dtype), dim, _BACKWARDS)
    return f.accumulate(x, axis=dim, dtype=dtype)


# ------------------------------------------------------------------------------------------------------ the two tools
@op(lambda g, _y, _x, *, dim, by, fill: _shift(g, dim=dim, by=-by, fill=0.0))
def _shift(x: Array, *, dim: int, by: int, fill: float) -> Array:
    """x moved one place along ``dim``, to later places if ``by`` is 1, to earlier ones if -1; ``fill`` comes in."""
    y = np.full_like(x, fill)
    if x.ndim:
        _along(y, dim, slice(1, None) if by > 0 else slice(None, -1))[...] = _along(
            x, dim, slice(None, -1) if by > 0 else slice(1, None)
        )
    return y


def _solve(g: Array, a: Array, dim: int, reverse: bool) -> Array:
    """The adjoint of a recurrence is one too, the other way round."""
    return _recurrence(g, _shift(a, dim=dim, by=1 if reverse else -1, fill=0.0), dim=dim, reverse=not reverse)


@op(
    lambda g, _y, _b, a, *, dim, reverse: _solve(g, a, dim, reverse),
    lambda g, y, _b, a, *, dim, reverse: (
        _solve(g, a, dim, reverse) * _shift(y, dim=dim, by=-1 if reverse else 1, fill=0.0)
    ),
)
def _recurrence(b: Array, a: Array, *, dim: int, reverse: bool) -> Array:
    """y[j] = b[j] + a[j] y[j - 1] along ``dim``, or with y[j + 1] from the end if ``reverse``; 0 beyond the edge."""
    y = np.array(b)
    if y.ndim:
        ys, steps = (np.moveaxis(x, dim, 0)[_BACKWARDS if reverse else slice(None)] for x in (y, np.asarray(a)))
        for j in range(1, len(ys)):
            ys[j] += steps[j] * ys[j - 1]
    return y


# ----------------------------------------------------------------------------------------------------------------- sums
@op(lambda g, _y, _x, *, dim, reverse: _cumsum(g, dim=dim, reverse=not reverse))
def _cumsum(x: Array, *, dim: int, reverse: bool) -> Array:
    return _accumulate(np.add, x, dim, reverse)


def cumsum(input: Array, dim: int, *, dtype: Any = None) -> Array:
    """The running sum along ``dim``. Integers and booleans add up in int64; ``dtype`` casts first."""
    x = checked(input, "cumsum")
    x = x if dtype is None else cast(x, dtype=np.dtype(dtype))
    return _cumsum(x, dim=normalise_dim(dim, x.ndim, "cumsum"), reverse=False)


def _logcumsumexp_rule(g: Array, y: Array, x: Array, *, dim: int) -> Array:
    """dx[j] = sum of g[k] exp(x[j] - y[k]) over k >= j; y only grows, so no exponent here is above 0."""
    y = where(eq(y, -np.inf), 0.0, y)
    ratio = exp(_shift(y, dim=dim, by=1, fill=-np.inf) - y)
    return exp(x - y) * _solve(g, ratio, dim, False)


@op(_logcumsumexp_rule)
@quiet
def _logcumsumexp(x: Array, *, dim: int) -> Array:
    return np.logaddexp.accumulate(x, axis=dim) if x.ndim else np.array(x)


def logcumsumexp(input: Array, dim: int) -> Array:
    """log(cumsum(exp(x))) along ``dim``, without overflow."""
    x = checked(input, "logcumsumexp")
    x = x if x.dtype.kind == "f" else cast(x, dtype=default_dtype)
    return _logcumsumexp(x, dim=normalise_dim(dim, x.ndim, "logcumsumexp"))


# ------------------------------------------------------------------------------------------------------------ products
@op(lambda g, y, x, *, dim, reverse: _solve(g, x, dim, reverse) * _shift(y, dim=dim, by=-1 if reverse else 1, fill=1.0))
def _cumprod(x: Array, *, dim: int, reverse: bool) -> Array:
    return _accumulate(np.multiply, x, dim, reverse)


def cumprod(input: Array, dim: int, *, dtype: Any = None) -> Array:
    """The running product along ``dim``; its gradients are right where elements are 0, too."""
    x = checked(input, "cumprod")
    x = x if dtype is None else cast(x, dtype=np.dtype(dtype))
    return _cumprod(x, dim=normalise_dim(dim, x.ndim, "cumprod"), reverse=False)


def others(x: Array, dim: int | None) -> Array:
    """For each element, the product of all others along ``dim`` (None: of all): those before it times those after."""
    if dim is None:
        return _reshape(others(_reshape(x, shape=(-1,)), 0), shape=x.shape)
    left = _shift(_cumprod(x, dim=dim, reverse=False), dim=dim, by=1, fill=1.0)
    return left * _shift(_cumprod(x, dim=dim, reverse=True), dim=dim, by=-1, fill=1.0)


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
    x: Any = array_of(input)
    i = np.zeros(x.shape, np.int64)
    if x.ndim:
        reached = (f.accumulate(x, axis=d) == x) | (x != x)  # a NaN stays
        places = np.arange(x.shape[d]).reshape([-1 if k == d else 1 for k in range(x.ndim)])
        i = np.maximum.accumulate(np.where(reached, places, 0), axis=d).astype(np.int64, copy=False)
    values = _fetch(input, i, dim=d)
    return Selected(values, beside(values, i))


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
    edge = np.zeros_like(_along(x, dim, slice(0, 1))) if x.shape[dim] else np.zeros(_edge(x.shape, dim), x.dtype)
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
            f"diff: {' and '.join(str(part.shape) for part in parts)} differ in their number of dimensions"
        )
    if len(parts) > 1:
        x = cat(parts, d)
    steps = min(steps, x.shape[d])
    for _ in range(steps):
        x = _diff(x, dim=d)
    return x if steps else clone(x)
