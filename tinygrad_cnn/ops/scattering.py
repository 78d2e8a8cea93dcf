"""Writing where an index points, and what becomes of entries that fall on one place: the last stays, or all count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.backward import broadcast_to, cast
from ..autograd.graph import Array, Variable, array_of
from ..autograd.operation import op
from .elementwise import only, true_divide, where
from .index import _along, _collect, _flat, _gather, _getitem, _place, _setitem, _source, setitem
from .index import scatter as _scatter
from .indices import Index, parse
from .indices import numbers as integers
from .joining import cat
from .lookup import _rows
from .lookup import _source as _rows_of
from .numbers import array_for, limits
from .reduce import prod
from .rounding import floor_divide
from .shape import _clone, _reshape, checked
from .watched import aside

_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def scatter(
    input: Array,
    dim: int,
    index: Array,
    src: Array | float | None = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> Array:
    """A copy of ``input`` with entries of ``src``, or a number, written where the index points along a dimension.

    y[i, index[i, j, k], k] = src[i, j, k] for dim 1. The number must be one of the dtype of ``input`` (`ops.numbers`).
    Where an index repeats, the last one written stays (PyTorch leaves open which), and only that one has a gradient.

    Args:
        reduce: "add" or "multiply" what is written and what is there; `scatter_reduce` gives more to choose from.
    """
    if reduce is None:
        return _scatter(input, dim, index, src, value=value)
    if reduce not in ("add", "multiply"):
        raise ValueError(f'scatter(): reduce is "add" or "multiply", got {reduce!r}')
    if (src is None) == (value is None):
        raise TypeError("scatter() takes either src or value")
    source = value if src is None else src
    if not isinstance(source, (Variable, ndarray)):
        number = array_for(source, checked(input, "scatter").dtype, "scatter")
        source = broadcast_to(number, shape=tuple(integers(index, "scatter").shape))
    return scatter_reduce(input, dim, index, source, {"add": "sum", "multiply": "prod"}[reduce])


def scatter_reduce(
    input: Array, dim: int, index: Array, src: Array, reduce: str, *, include_self: bool = True
) -> Array:
    """``input`` with the entries of ``src`` that the index sends to a place along ``dim`` reduced to one number there.

    Args:
        reduce: "sum", "prod", "mean", "amax" or "amin". The mean of integers is rounded down; a tie of an extreme
            shares the gradient evenly.
        include_self: the number that was there takes part. Where nothing is sent to, it stays in either case.

    >>> scatter_reduce(np.array([1.0, 2.0]), 0, np.array([0, 0]), np.array([4.0, 7.0]), "mean")
    array([4., 2.])
    """
    if reduce not in _REDUCTIONS:
        raise ValueError(f"scatter_reduce(): reduce is one of {', '.join(_REDUCTIONS)}, got {reduce!r}")
    x, i, d, fits = _along(input, dim, index, "scatter_reduce")
    if reduce == "mean" and x.dtype.kind == "b":
        raise TypeError("scatter_reduce(): booleans have no mean; convert them with .float()")
    y = _reduced(x, i, _source(src, i, x, "scatter_reduce"), d, reduce, include_self) if fits else _clone(x, order="K")
    return y if input.ndim else _reshape(y, shape=())


def index_reduce(
    input: Array, dim: int, index: Array, source: Array, reduce: str, *, include_self: bool = True
) -> Array:
    """`scatter_reduce` of whole entries: those of ``source`` along ``dim`` go where a vector of numbers sends them.

    Args:
        reduce: "prod", "mean", "amax" or "amin"; for sums there is `index_add`.
    """
    if reduce not in _REDUCTIONS[1:]:
        raise ValueError(f"index_reduce(): reduce is one of {', '.join(_REDUCTIONS[1:])}, got {reduce!r}")
    x, d, rows = _rows(input, dim, index, "index_reduce")
    assert rows.picks is not None
    numbers = rows.picks[-1]
    s = _rows_of(source, x, d, numbers.size, "index_reduce", input.ndim)
    i = aside(_for_each, numbers, ndim=x.ndim - d, shape=tuple(s.shape))
    y = scatter_reduce(x, d, i, s, reduce, include_self=include_self)
    return y if input.ndim else _reshape(y, shape=())


def _for_each(numbers: ndarray, *, ndim: int, shape: tuple[int, ...]) -> ndarray:
    """Row numbers along the first of ``ndim`` dimensions, broadcast to a shape."""
    return np.broadcast_to(numbers.reshape((-1,) + (1,) * (ndim - 1)), shape)


def _reduced(x: Array, i: Array, src: Array, d: int, reduce: str, include_self: bool) -> Array:
    if reduce in ("amax", "amin"):
        return _extreme(x, i, src, dim=d, largest=reduce == "amax", include_self=include_self)
    if reduce == "prod":
        return _product(x, i, src, d, include_self)
    there, counts = aside(_numbers, i, dim=d, shape=tuple(x.shape), own=include_self, dtype=x.dtype)
    start = x if include_self else where(there, x.dtype.type(0), x)
    y = start + _collect(src, i, dim=d, shape=tuple(x.shape))
    if reduce == "sum":
        return y
    return true_divide(y, counts) if x.dtype.kind == "f" else floor_divide(y, counts)


def _numbers(i: Any, *, dim: int, shape: tuple[int, ...], own: bool, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Which places something is sent to, and of how many numbers each has the mean."""
    counts = _collect(np.ones(i.shape, np.int64), i, dim=dim, shape=shape)
    return counts > 0, np.maximum(counts + own, 1).astype(dtype)


# ----------------------------------------------------------------------------------------------------------- extremes
def _winners(x: Any, y: Any, i: Any, src: Any, *, dim: int, include_self: bool) -> tuple[Any, Any, Any]:
    """Which numbers of x and of src reached the extreme y of their place, and how many share each place."""
    mine = src == _gather(y, i, dim=dim)
    there = _collect(np.ones(i.shape, np.int64), i, dim=dim, shape=x.shape) > 0
    own = (x == y) if include_self else ~there
    count = _collect(mine.astype(x.dtype), i, dim=dim, shape=x.shape) + own
    return own, mine, np.maximum(count, 1).astype(x.dtype)


def _own_share(g: Array, y: Array, x: Array, i: Array, src: Array, **a: Any) -> Array:
    own, _, count = aside(_winners, x, y, i, src, dim=a["dim"], include_self=a["include_self"])
    return only(g / count, own)


def _sent_share(g: Array, y: Array, x: Array, i: Array, src: Array, **a: Any) -> Array:
    _, mine, count = aside(_winners, x, y, i, src, dim=a["dim"], include_self=a["include_self"])
    return only(_gather(g / count, i, dim=a["dim"]), mine)


@op(_own_share, None, _sent_share)
def _extreme(x: Array, index: Array, src: Array, *, dim: int, largest: bool, include_self: bool) -> Array:
    out = np.array(x, order="C")
    flat, places = out.reshape(-1), _flat(index, dim, x.shape)
    if not include_self:
        flat[places] = _last(x.dtype, largest)
    (np.maximum if largest else np.minimum).at(flat, places, src.ravel())
    return out


def _last(dtype: np.dtype[Any], largest: bool) -> Any:
    """The number that every other one beats."""
    if dtype.kind == "f":
        return -math.inf if largest else math.inf
    return limits(dtype)[0 if largest else 1]


# ----------------------------------------------------------------------------------------------------------- products
def _product(x: Array, i: Array, src: Array, d: int, include_self: bool) -> Array:
    """Each place that is written to, and all that goes there, as a row of a matrix filled up with 1; then `prod`.

    `prod` knows the slopes where factors are 0. The matrix is as wide as the place to which most is sent.
    """
    n = math.prod(x.shape)
    touched, rows = aside(_sent, i, dim=d, shape=tuple(x.shape), include_self=include_self)
    flat = _reshape(x, shape=(n,))
    pool = cat([flat, _reshape(src, shape=(math.prod(src.shape),)), np.ones(1, x.dtype)])
    y = prod(_getitem(pool, index=Index((...,), (rows,), unique=False)), 1)
    y = y if y.dtype == x.dtype else cast(y, dtype=x.dtype)
    return _reshape(_setitem(flat, y, index=Index((...,), (touched,))), shape=tuple(x.shape))


def _sent(i: Any, *, dim: int, shape: tuple[int, ...], include_self: bool) -> tuple[Any, Any]:
    """The places that are written to, and for each a row of the numbers of the pool that go there."""
    n, places = math.prod(shape), _flat(i, dim, shape)
    order = np.argsort(places, kind="stable")
    touched, first, counts = np.unique(places[order], return_index=True, return_counts=True)
    width = int(counts.max(initial=0))
    rows = np.full((touched.size, 1 + width), n + places.size)  # at the end of the pool stands a 1
    if include_self:
        rows[:, 0] = touched
    row = np.repeat(np.arange(touched.size), counts)
    rows[row, 1 + np.arange(places.size) - np.repeat(first, counts)] = n + order
    return touched, rows


# ------------------------------------------------------------------------------------------------ by several indices
def _same_kind(given: Any, x: Any, function: str, name: str) -> Any:
    values = checked(given, function) if isinstance(given, (Variable, ndarray)) else None
    if values is None:
        raise TypeError(f"{function}(): {name} must be a Tensor, got {type(given).__name__}")
    if values.dtype != x.dtype:
        raise TypeError(f"{function}(): {name} has dtype {values.dtype}, but the input {x.dtype}; cast one of them")
    return values


def index_put(input: Array, indices: Sequence[Array], values: Array, accumulate: bool = False) -> Array:
    """A copy of ``input`` in which ``input[indices]`` has these values, broadcast to it; or has them added.

    Args:
        indices: a tuple of tensors of integers or booleans.
        accumulate: add the values to what is there; those of an entry that is named twice add up.
    """
    x = checked(input, "index_put")
    if not isinstance(indices, (tuple, list)) or not indices:
        raise TypeError(f"index_put(): indices must be a tuple of Tensors, got {type(indices).__name__}")
    for k, i in enumerate(indices):
        if not isinstance(i, (Variable, ndarray)):
            raise TypeError(f"index_put(): indices must be Tensors, got {type(i).__name__} at position {k}")
    values = _same_kind(values, x, "index_put", "values")
    if not accumulate:
        return setitem(x, tuple(indices), values)
    index = parse(tuple(indices), array_of(x).shape)
    picked = _getitem(np.broadcast_to(np.zeros((), np.bool_), x.shape), index=index).shape
    try:
        values = broadcast_to(values, shape=picked)
    except ValueError:
        raise ValueError(
            f"index_put(): values of shape {values.shape} do not broadcast to the indexed shape {picked}"
        ) from None
    return x + _place(values, index=index, shape=tuple(x.shape))


def put(input: Array, index: Array, source: Array, accumulate: bool = False) -> Array:
    """A copy of ``input`` with the entries of ``source`` at these places of the flattened input; -1 is the last.

    Args:
        index, source: of as many elements each.
        accumulate: add them to what is there.
    """
    x, source = checked(input, "put"), _same_kind(source, checked(input, "put"), "put", "source")
    n, i = math.prod(x.shape), integers(index, "put")
    if i.size != math.prod(source.shape):
        raise IndexError(f"put(): index names {i.size} places, but source has {math.prod(source.shape)} elements")
    places, source = _reshape(index, shape=(i.size,)), _reshape(source, shape=(i.size,))
    y = index_put(_reshape(x, shape=(n,)), (places,), source, accumulate)
    return _reshape(y, shape=tuple(x.shape))
