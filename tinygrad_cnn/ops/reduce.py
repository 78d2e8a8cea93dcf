"""Reductions: many numbers in, few out. Sums, means, products, counts, and the checks that all reductions share.

`_sum` and `spread` are each other's gradients; nearly every other rule here is made of the two. ``dim`` is one
dimension, several, or None for all of them.
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from ..autograd.backward import cast
from ..autograd.graph import Array
from ..autograd.modes import is_grad_enabled
from ..autograd.operation import op
from .comparison import isnan, logical_not
from .elementwise import true_divide, where
from .guards import check_broadcast
from .recurrence import others
from .shape import checked, normalise_dim, normalise_dims

Dims: TypeAlias = "int | tuple[int, ...] | list[int] | None"
Axes: TypeAlias = "tuple[int, ...] | None"


# ------------------------------------------------------------------------------------------------ checks at the door
def many_dims(dim: Any, ndim: int, name: str) -> Axes:
    """``dim`` as a tuple of different indices >= 0, or None for all dimensions (also for an empty tuple)."""
    if dim is None:
        return None
    dims = (normalise_dim(dim, ndim, name),) if type(dim) is int else normalise_dims(dim, ndim, name, "dim")
    return dims if ndim and dims else None


def _cast(x: Array, dtype: Any, name: str) -> Array:
    """x, checked, and cast to ``dtype`` if one is given."""
    x = checked(x, name)
    return x if dtype is None else cast(x, dtype=np.dtype(dtype))


def in_dtype(y: Array, dtype: Any) -> Array:
    """A sum or product in the dtype that was asked for: that of integers is formed in int64."""
    return y if dtype is None or y.dtype == dtype else cast(y, dtype=np.dtype(dtype))


def as_float(x: Array, dtype: Any, name: str) -> Array:
    """x cast to ``dtype`` where one is given; what is then no floating point is refused."""
    x = _cast(x, dtype, name)
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: needs a floating dtype, got {x.dtype}; pass dtype=float32, or convert with .float()")
    return x


def count(shape: tuple[int, ...], dim: Axes) -> int:
    """How many elements go into each result of a reduction."""
    return math.prod(shape if dim is None else (shape[d] for d in dim))


def fold(f: Any, x: Any, dim: Axes | int, keepdim: bool, **options: Any) -> Any:
    """The reduction of an array by a NumPy function of two arguments."""
    return f.reduce(x, axis=dim, keepdims=keepdim, **options)


# --------------------------------------------------------------------------------------------------------------- sums
@op(lambda g, _y, _x, *, dim, keepdim, shape: _sum(g, dim=dim, keepdim=keepdim), view=True)
def spread(x: Array, *, dim: Axes, keepdim: bool, shape: tuple[int, ...]) -> Array:
    """The adjoint of a sum: each result repeated over what it was summed from, without a copy."""
    if dim is not None and not keepdim:
        x = x.reshape([1 if d in dim else n for d, n in enumerate(shape)])
    return np.broadcast_to(x, shape)


@op(lambda g, _y, _x, *, dim, keepdim: spread(g, dim=dim, keepdim=keepdim, shape=_x.shape))
def _sum(x: Array, *, dim: Axes, keepdim: bool) -> Array:
    return _add(x, dim, keepdim)


def _add(x: Any, dim: Axes, keepdim: bool) -> Any:
    """The sum of an array: integers in int64, half precision by way of float32."""
    kind = x.dtype.kind
    if kind == "f":
        if x.dtype.itemsize == 2:
            return fold(np.add, x, dim, keepdim, dtype=np.float32).astype(x.dtype)
        return fold(np.add, x, dim, keepdim)
    return fold(np.add, x, dim, keepdim, dtype=np.int64)


def sum(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """The sum over ``dim``, or over everything. Integers and booleans add up in int64; ``dtype`` casts first."""
    x = checked(input, "sum") if dtype is None else _cast(input, dtype, "sum")
    check_broadcast(x, whole=dim is None)
    y = _sum(x, dim=None if dim is None else many_dims(dim, x.ndim, "sum"), keepdim=bool(keepdim))
    return y if dtype is None else in_dtype(y, dtype)


@op(lambda g, _y, _x, *, dim, keepdim: spread(g / count(_x.shape, dim), dim=dim, keepdim=keepdim, shape=_x.shape))
def _mean(x: Array, *, dim: Axes, keepdim: bool) -> Array:
    n = count(x.shape, dim)
    if n == 0:  # 0 / 0 is NaN, in silence
        return _add(x, dim, keepdim) + x.dtype.type(math.nan)
    return _add(x, dim, keepdim) / x.dtype.type(n)


def mean(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """The arithmetic mean over ``dim``, or of everything; NaN of nothing. Integers need ``dtype=float32``."""
    x = as_float(input, dtype, "mean")
    check_broadcast(x, whole=dim is None)
    return _mean(x, dim=None if dim is None else many_dims(dim, x.ndim, "mean"), keepdim=bool(keepdim))


def nansum(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """The sum, with NaN counted as 0."""
    x = _cast(input, dtype, "nansum")
    if x.dtype.kind == "f":
        x = where(isnan(x), x.dtype.type(0), x)
    return in_dtype(_sum(x, dim=many_dims(dim, x.ndim, "nansum"), keepdim=bool(keepdim)), dtype)


def nanmean(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """The mean of the elements that are not NaN; NaN where there are none."""
    x = as_float(input, dtype, "nanmean")
    dims, missing = many_dims(dim, x.ndim, "nanmean"), isnan(x)
    n = _sum(logical_not(missing), dim=dims, keepdim=bool(keepdim))
    return true_divide(
        _sum(where(missing, x.dtype.type(0), x), dim=dims, keepdim=bool(keepdim)), cast(n, dtype=x.dtype)
    )


# ------------------------------------------------------------------------------------------------------------ products
def _prod_rule(g: Array, y: Array, x: Array, *, dim: int | None, keepdim: bool) -> Array:
    """g times the product of all the others: y / x where that tells it, and nobody asks for its derivatives."""
    if not x.ndim:
        return g
    dims = None if dim is None else (dim,)
    g = spread(g, dim=dims, keepdim=keepdim, shape=x.shape)
    if isinstance(x, np.ndarray) or not is_grad_enabled():
        return _by_others(g, spread(y, dim=dims, keepdim=keepdim, shape=x.shape), x, dim=dim)
    return g * others(x, dim)


@op()
def _by_others(g: Array, y: Array, x: Array, *, dim: int | None) -> Array:
    return g * y / x if y.all() and np.isfinite(y).all() else g * others(x, dim)


@op(_prod_rule)
def _prod(x: Array, *, dim: int | None, keepdim: bool) -> Array:
    dtype = x.dtype if x.dtype.kind == "f" else np.int64
    axis = () if dim is not None and x.ndim == 0 else dim
    return fold(np.multiply, x, axis, keepdim, dtype=dtype)


def prod(input: Array, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """The product over one dimension, or of everything. Its gradients are right where elements are 0, too."""
    x = _cast(input, dtype, "prod")
    if dim is not None:
        dim = normalise_dim(dim, x.ndim, "prod")
    return in_dtype(_prod(x, dim=dim, keepdim=bool(keepdim)), dtype)


# ------------------------------------------------------------------------------------------------ truths and counts
@op()
def _all(x: Array, *, dim: Axes, keepdim: bool) -> Array:
    y = fold(np.logical_and, x, dim, keepdim)
    return y.astype(np.uint8) if x.dtype == np.uint8 else y


@op()
def _any(x: Array, *, dim: Axes, keepdim: bool) -> Array:
    y = fold(np.logical_or, x, dim, keepdim)
    return y.astype(np.uint8) if x.dtype == np.uint8 else y


@op()
def _count_nonzero(x: Array, *, dim: Axes, keepdim: bool) -> Array:
    return fold(np.add, np.not_equal(x, 0), dim, keepdim, dtype=np.int64)


def all(input: Array, dim: Dims = None, keepdim: bool = False) -> Array:
    """Are all elements nonzero? True of nothing. As in PyTorch, uint8 gives uint8."""
    x = checked(input, "all")
    return _all(x, dim=many_dims(dim, x.ndim, "all"), keepdim=bool(keepdim))


def any(input: Array, dim: Dims = None, keepdim: bool = False) -> Array:
    """Is an element nonzero? False of nothing. As in PyTorch, uint8 gives uint8."""
    x = checked(input, "any")
    return _any(x, dim=many_dims(dim, x.ndim, "any"), keepdim=bool(keepdim))


def count_nonzero(input: Array, dim: Dims = None) -> Array:
    """How many elements are not 0, as int64."""
    x = checked(input, "count_nonzero")
    return _count_nonzero(x, dim=many_dims(dim, x.ndim, "count_nonzero"), keepdim=False)
