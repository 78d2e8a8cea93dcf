"""Whole rows by number, and entries by mask: index_select and its kin, masked_fill and its kin, nonzero, one_hot."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.backward import broadcast_to
from ..autograd.graph import Array, Variable, array_of
from ..autograd.operation import op
from .elementwise import only
from .elementwise import where as _where
from .index import _getitem, _place, _setitem, writable
from .indices import EVERYTHING, Index, copied, numbers, positions
from .numbers import scalar_for
from .shape import _reshape, checked, normalise_dim
from .watched import aside, reading


def _rows(input: Array, dim: int, index: Array, function: str, least: int | None = 0) -> tuple[Any, int, Index]:
    """The checked input, dimension and index of a vector of row numbers; 0-d becomes 1-d."""
    x = checked(input, function)
    i = numbers(index, function)
    if i.ndim > 1:
        raise ValueError(f"{function}() takes a vector of integers as index, got shape {i.shape}")
    d = normalise_dim(dim, x.ndim, function)
    if not x.ndim:
        x = _reshape(x, shape=(1,))
        if i.size != 1 and function != "index_fill":
            raise ValueError(f"{function}(): a 0-d tensor has one entry to name, got {i.size} indices")
    i = copied(index if i.ndim else i, aside(_numbered, index, n=x.shape[d], dim=d, least=least))
    return x, d, Index((...,), (EVERYTHING,) * d + (i,), unique=False)


def _numbered(i: ndarray, *, n: int, dim: int, least: int | None) -> ndarray:
    """Positions along a dimension, checked, as a vector in memory of their own."""
    return positions(np.array(i.reshape(-1), np.intp), n, dim, least)


def index_select(input: Array, dim: int, index: Array) -> Array:
    """The entries along ``dim`` that a vector of numbers, 0 .. size - 1, names; they may repeat.

    Raises:
        IndexError: a number out of range; the message has its value and position.
    """
    x, _, rows = _rows(input, dim, index, "index_select")
    y = _getitem(x, index=rows)
    return y if input.ndim else _reshape(y, shape=())


def _source(source: Array, x: Any, d: int, count: int, function: str, ndim: int | None = None) -> Any:
    """The source of what goes into x, of ``ndim`` dimensions, where a single number is no row."""
    s = checked(source, function)
    if ndim is not None and s.ndim != ndim:
        raise ValueError(f"{function}(): source has {s.ndim} dimensions, but the input {ndim}")
    if s.dtype != x.dtype:
        raise TypeError(f"{function}(): source has dtype {s.dtype}, but the input {x.dtype}; cast one of them")
    s = s if s.ndim else _reshape(s, shape=(1,))
    expected = (*x.shape[:d], count, *x.shape[d + 1 :])
    if tuple(s.shape) != expected:
        raise ValueError(f"{function}(): source has shape {s.shape}, expected {expected} for {count} indices")
    return s


def index_add(input: Array, dim: int, index: Array, source: Array, *, alpha: float = 1) -> Array:
    """``input`` with alpha * source added at the entries along ``dim`` that ``index`` names; repeated ones add up."""
    x, d, rows = _rows(input, dim, index, "index_add")
    s = _source(source, x, d, math.prod(index.shape), "index_add", input.ndim)
    if alpha != 1:
        s = s * scalar_for(alpha, x.dtype, "index_add")
    y = x + _place(s, index=rows, shape=tuple(x.shape))
    return y if input.ndim else _reshape(y, shape=())


def index_copy(input: Array, dim: int, index: Array, source: Array) -> Array:
    """``input`` with the entries along ``dim`` that ``index`` names replaced by those of ``source``; the last stays."""
    x, d, rows = _rows(input, dim, index, "index_copy")
    y = _setitem(x, _source(source, x, d, math.prod(index.shape), "index_copy"), index=rows)
    return y if input.ndim else _reshape(y, shape=())


def index_fill(input: Array, dim: int, index: Array, value: Array | float) -> Array:
    """``input`` with the entries along ``dim`` that ``index`` names filled with one number."""
    x, _, rows = _rows(input, dim, index, "index_fill", least=None)
    y = _setitem(x, _number(value, x.dtype, "index_fill"), index=rows)
    return y if input.ndim else _reshape(y, shape=())


def _number(value: Any, dtype: np.dtype[Any], function: str) -> Any:
    """A number or a 0-d tensor to write into an array of this dtype: one that `ops.numbers` lets in."""
    ndim = getattr(value, "ndim", 0)
    if ndim:
        raise ValueError(f"{function}() takes a number or a 0-d tensor as value, got shape {value.shape}")
    if isinstance(value, (Variable, ndarray)):
        writable(value, dtype, function)
        if dtype.kind == "f":
            return value
    return scalar_for(value, dtype, function)


def take(input: Array, index: Array) -> Array:
    """The entries at these places of the flattened input, in the shape of ``index``; -1 is the last."""
    input = checked(input, "take")
    flat = _reshape(input, shape=(math.prod(input.shape),))
    shape = numbers(index, "take").shape
    i = aside(_taken, index, n=flat.shape[0])
    return _reshape(_getitem(flat, index=Index((...,), (i,), unique=False)), shape=shape)


def _taken(i: ndarray, *, n: int) -> ndarray:
    return positions(np.array(i, np.intp), n, 0).reshape(-1)


# --------------------------------------------------------------------------------------------------------------- masks
def _mask(mask: Any, function: str) -> ndarray:
    a = array_of(mask)
    if not isinstance(a, ndarray) or a.dtype != np.bool_:
        got = f"dtype {a.dtype}" if isinstance(a, ndarray) else type(mask).__name__
        raise TypeError(f"{function}() takes a tensor of booleans as mask, got {got}")
    return a


@op(
    lambda g, _y, _x, mask, _value: only(g, mask == 0),
    None,
    lambda g, _y, _x, mask, _value: only(g, mask),
)
def _masked_fill(x: Array, mask: Array, value: Array) -> Array:
    return np.where(mask, value.astype(x.dtype, copy=False), x)


def masked_fill(input: Array, mask: Array, value: Array | float) -> Array:
    """``input`` with one number, a 0-d tensor or a Python one, where the mask (broadcast) is True; keeps its dtype."""
    _mask(mask, "masked_fill")
    input = checked(input, "masked_fill")
    _shared(input, mask, "masked_fill")
    return _masked_fill(input, mask, _number(value, input.dtype, "masked_fill"))


def _shared(x: Any, mask: Any, function: str) -> tuple[int, ...]:
    if x.shape == mask.shape:
        return tuple(x.shape)
    try:
        return np.broadcast_shapes(tuple(x.shape), tuple(mask.shape))
    except ValueError:
        raise ValueError(f"{function}(): a mask of shape {mask.shape} does not fit the shape {x.shape}") from None


def masked_select(input: Array, mask: Array) -> Array:
    """The entries where the mask is True, as a vector; input and mask are broadcast."""
    m = _mask(mask, "masked_select")
    input = checked(input, "masked_select")
    shape = _shared(input, m, "masked_select")
    picks = aside(_chosen, mask, shape=shape or (1,))
    return _getitem(broadcast_to(input, shape=shape or (1,)), index=Index((...,), picks))


def _chosen(mask: ndarray, *, shape: tuple[int, ...]) -> tuple[ndarray, ...]:
    """Where a mask, broadcast to a shape, is true."""
    return np.nonzero(np.broadcast_to(np.atleast_1d(mask), shape))


def masked_scatter(input: Array, mask: Array, source: Array) -> Array:
    """``input`` with the True places of the mask, in order, filled by the first entries of ``source``."""
    m = _mask(mask, "masked_scatter")
    input = checked(input, "masked_scatter")
    shape = _shared(input, m, "masked_scatter")
    picks = aside(_chosen, mask, shape=shape or (1,))
    source = checked(source, "masked_scatter")
    count, given = picks[0].size, math.prod(source.shape)
    if source.dtype != input.dtype:
        raise TypeError(f"masked_scatter(): source has dtype {source.dtype}, but the input {input.dtype}")
    if given < count:
        raise ValueError(f"masked_scatter(): the mask has {count} True entries, but source only {given} elements")
    first = _getitem(_reshape(source, shape=(given,)), index=Index((slice(count),)))
    y = _setitem(broadcast_to(input, shape=shape or (1,)), first, index=Index((...,), picks))
    return y if shape else _reshape(y, shape=())


# ------------------------------------------------------------------------------------------------------------- finding
def where(condition: Array, input: Any = None, other: Any = None) -> Any:
    """``input`` where the condition holds, ``other`` elsewhere, broadcast; of the condition alone, where that is.

    ``where(condition)`` is ``nonzero(condition, as_tuple=True)``.
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if input is None or other is None:
        raise TypeError("where() takes a condition, or a condition and two to choose from; got one to choose from")
    return _where(condition, input, other)


@op()
def argwhere(input: Array) -> Array:
    """Where the input is not zero: an (n, ndim) tensor of int64, one row of indices for each such entry."""
    a = np.asarray(input)
    return np.argwhere(a).astype(np.int64, copy=False) if a.ndim else np.zeros((int(bool(a)), 0), np.int64)


def nonzero(input: Array, *, as_tuple: bool = False) -> Any:
    """As `argwhere`; with ``as_tuple`` one vector of indices for each dimension, ready to index with."""
    if not as_tuple:
        input = checked(input, "nonzero")
        return argwhere(input)
    input = checked(input, "nonzero")
    found = argwhere(input if input.ndim else _reshape(input, shape=(1,)))
    return tuple(_getitem(found, index=Index((EVERYTHING, k))) for k in range(found.shape[1]))


# ------------------------------------------------------------------------------------------------------------- classes
@op()
def _one_hot(x: Array, *, classes: int) -> Array:
    return (x[..., None] == np.arange(classes)).astype(np.int64)


def one_hot(tensor: Array, num_classes: int = -1) -> Array:
    """Class indices (...) as rows of 0 with a 1 at the class, (..., num_classes), int64.

    Args:
        num_classes: -1 takes the largest index + 1.

    Raises:
        ValueError: an index that is negative or not below num_classes; the message has its value and position.
    """
    a = numbers(tensor, "one_hot", "class indices")
    if num_classes < 1 and (num_classes != -1 or not a.size):
        raise ValueError(
            f"one_hot(): num_classes must be positive here, got {num_classes} for indices of shape {a.shape}"
        )
    if num_classes == -1:
        reading(tensor, "one_hot() without num_classes")
    classes = int(a.max()) + 1 if num_classes == -1 else operator.index(num_classes)
    aside(_check_classes, tensor, classes=classes)
    return _one_hot(tensor, classes=classes)


def _check_classes(a: ndarray, *, classes: int) -> None:
    if a.size and (a.min() < 0 or a.max() >= classes):
        where_ = tuple(int(i) for i in np.argwhere((a < 0) | (a >= classes))[0])
        raise ValueError(
            f"one_hot(): class index {a[where_]} at position {where_[0] if a.ndim == 1 else where_} is not in "
            f"0 to {classes - 1}"
        )
