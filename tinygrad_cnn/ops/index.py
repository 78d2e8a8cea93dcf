"""Indexing: reading and writing parts of a tensor with ``x[...]``, and the gradients of both.

An index is taken in two steps, as PyTorch does: first numbers, slices, None and Ellipsis, which make a view; then
integer arrays and masks, which pick from that view. So numbers never count as arrays: ``x[0, :, [1, 2]]`` has shape
(H, 2), where NumPy would give (2, H).
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math
import operator
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..engine import Array, Variable, op
from .shape import _reshape, checked, normalise_dim

EVERYTHING = slice(None)


class Index(NamedTuple):
    """An index taken apart: a view, then a pick from the view."""

    basic: tuple[Any, ...]  # numbers, slices, None, and one Ellipsis
    picks: tuple[Any, ...] | None  # full slices and integer arrays, for the dimensions of the view
    unique: bool = True  # no element is picked twice


# ------------------------------------------------------------------------------------------------------------- reading
@op(lambda g, _y, _x, *, index: _place(g, index=index, shape=_x.shape), view=True)
def _getitem(x: Array, *, index: Index) -> Array:
    view = np.asarray(x)[index.basic]
    return view if index.picks is None else view[index.picks]


@op(lambda g, _y, _x, *, index, shape: _getitem(g, index=index))
def _place(x: Array, *, index: Index, shape: tuple[int, ...]) -> Array:
    """The adjoint of `_getitem`: zeros of that shape with x added where the index points."""
    x = np.asarray(x)
    out = np.zeros_like(x, shape=shape)  # in the memory order of x where it has as many dimensions
    view = out[index.basic]
    if index.picks is None or index.unique:
        view[... if index.picks is None else index.picks] = x
    else:
        add_at(view, index.picks, x)
    return out


def getitem(x: Array, index: Any) -> Array:
    """x[index] with PyTorch's meaning: a view for numbers, slices, None and Ellipsis; a copy for arrays and masks.

    Raises:
        IndexError: too many indices, a number out of range, a mask of another shape, a slice that goes backwards.
    """
    checked(x, "getitem")
    if type(index) is int:
        if not x.ndim or not -x.shape[0] <= index < x.shape[0]:
            _explain(x.shape, (index,))
        return _getitem(x, index=Index((index, ...), None))
    return _getitem(x, index=parse(index, x.shape))


def narrow(input: Array, dim: int, start: int, length: int) -> Array:
    """The ``length`` entries from ``start`` on along dimension ``dim``. A view."""
    shape = checked(input, "narrow").shape
    if not shape:
        raise ValueError("narrow(): a 0-d tensor has no dimension to narrow")
    d = normalise_dim(dim, len(shape), "narrow")
    n, first, length = shape[d], operator.index(start), operator.index(length)
    if not -n <= first <= n:
        raise IndexError(f"narrow(): start={first} is out of range for size {n}: expected {-n} to {n}")
    first += n if first < 0 else 0
    if length < 0 or first + length > n:
        raise ValueError(f"narrow(): start={first} and length={length} do not fit in size {n} of dimension {d}")
    return cut(input, d, first, first + length)


def cut(x: Array, dim: int, start: int, stop: int) -> Array:
    """x[..., start:stop, ...] along a dimension, unchecked."""
    return _getitem(x, index=Index((*(EVERYTHING,) * dim, slice(start, stop)), None))


def select(input: Array, dim: int, index: int) -> Array:
    """Entry ``index`` along dimension ``dim``, which goes away. A view."""
    shape = checked(input, "select").shape
    if not shape:
        raise IndexError("select(): a 0-d tensor has no dimension to select from")
    d = normalise_dim(dim, len(shape), "select")
    i = operator.index(index)
    if not -shape[d] <= i < shape[d]:
        raise IndexError(
            f"select(): index {i} is out of range for dimension {d} of size {shape[d]}: "
            f"expected {-shape[d]} to {shape[d] - 1}"
        )
    return _getitem(input, index=Index((*(EVERYTHING,) * d, i, ...), None))


# ------------------------------------------------------------------------------------------------------------- writing
@op(
    lambda g, _y, _x, _value, *, index: _setitem(g, np.zeros((), g.dtype), index=index),
    lambda g, _y, _x, _value, *, index: _written(g, index, _value.ndim),
)
def _setitem(x: Array, value: Array, *, index: Index) -> Array:
    out = np.array(x, order="K")
    write(out, index, value)
    return out


def setitem(x: Array, index: Any, value: Array) -> Array:
    """A copy of x in which x[index] is ``value``, broadcast and cast to it; x itself does not change.

    Where an array picks an element twice, the last one written stays, and only that one has a gradient.
    """
    checked(x, "setitem")
    if not isinstance(value, (Variable, ndarray)):
        value = np.asarray(value, None if isinstance(value, np.generic) else x.dtype)
    return _setitem(x, value, index=parse(index, x.shape))


def write(a: ndarray, index: Index, value: Any) -> None:
    """a[index] = value, on arrays, in place."""
    view = a[index.basic]
    place: Any = ... if index.picks is None else index.picks
    try:
        view[place] = value
    except ValueError:
        shape, given = view[place].shape, np.shape(value)
        raise ValueError(f"a value of shape {given} does not broadcast to the indexed shape {shape}") from None


def _written(g: Array, index: Index, ndim: int) -> Array:
    """The gradient of the value in `_setitem`: what reached the places where it was the last one written."""
    mine = _getitem(g, index=index)
    if not index.unique:
        view = np.empty(g.shape, np.bool_)[index.basic]
        rows, n, _ = _rows(view.shape, index.picks)
        last = np.empty(n, np.intp)
        last[rows] = np.arange(rows.size)
        stays = last[rows] == np.arange(rows.size)
        if not stays.all():
            front, shape = _picked_dims(index.picks)
            after = mine.ndim - front - len(shape)
            mine = mine * stays.reshape(shape + (1,) * after).astype(g.dtype)
    if mine.ndim < ndim:  # the value had dimensions of size 1 in front
        mine = _reshape(mine, shape=(1,) * (ndim - mine.ndim) + tuple(mine.shape))
    return mine


# ------------------------------------------------------------------------------------------ sums where an index repeats
def _picked_dims(picks: tuple[Any, ...]) -> tuple[int, tuple[int, ...]]:
    """Where the dimensions of the picking arrays stand in the result, and their common shape."""
    where = [i for i, p in enumerate(picks) if not isinstance(p, slice)]
    shape = np.broadcast_shapes(*(picks[i].shape for i in where))
    return (where[0] if where[-1] - where[0] == len(where) - 1 else 0), shape


def _rows(shape: tuple[int, ...], picks: tuple[Any, ...]) -> tuple[ndarray, int, list[int]]:
    """The picked dimensions as one: the number of each picked row, how many rows there are, and which dimensions."""
    dims = [i for i, p in enumerate(picks) if not isinstance(p, slice)]
    arrays = np.broadcast_arrays(*(picks[i] for i in dims))
    rows: Any = 0
    for d, a in zip(dims, arrays, strict=True):
        rows = rows * shape[d] + np.where(a < 0, a + shape[d], a)
    return np.ravel(rows), math.prod(shape[d] for d in dims), dims


def add_at(out: ndarray, picks: tuple[Any, ...], x: ndarray) -> None:
    """out[picks] += x, counting every repetition. ``out`` is zeros on entry."""
    rows, n, dims = _rows(out.shape, picks)
    front, picked = _picked_dims(picks)
    rest = [d for d in range(out.ndim) if d not in dims]
    table = np.transpose(out, dims + rest)
    moved = np.moveaxis(x, range(front, front + len(picked)), range(len(picked)))
    total = sum_rows(
        moved.reshape(rows.size, -1) if moved.size else moved.reshape(rows.size, math.prod(table.shape[len(dims) :])),
        rows,
        n,
    )
    table[...] = total.reshape(table.shape)


def sum_rows(x: ndarray, rows: ndarray, n: int) -> ndarray:
    """An (n, D) array whose row k is the sum of the rows of x, (M, D), that ``rows`` sends to k."""
    out = np.zeros((n, x.shape[1]), x.dtype)
    np.add.at(out, rows, x)
    return out


# ------------------------------------------------------------------------------------------------------ understanding
def parse(index: Any, shape: tuple[int, ...]) -> Index:
    """An index as users write it, checked against the shape and taken apart."""
    items = list(index) if isinstance(index, tuple) else [index]
    basic: list[Any] = []
    arrays: list[tuple[int, ndarray]] = []  # (position in basic, array)
    used = 0  # dimensions of the tensor used up
    dots = 0
    for item in items:
        item, takes = _item(item)
        used += takes
        dots += item is Ellipsis
        if isinstance(item, ndarray):
            arrays.append((len(basic), item))
            basic += [EVERYTHING] * takes if takes else [None]
        else:
            basic.append(item)
    if dots > 1:
        raise IndexError("an index can only have one Ellipsis ('...')")
    if used > len(shape):
        raise IndexError(f"too many indices: {used} for the {len(shape)} dimensions of shape {shape}")
    if not dots:
        basic.append(Ellipsis)
    if any(type(i) is int for i in basic):
        _explain(shape, tuple(basic), only_if_wrong=True)
    if not arrays:
        return Index(tuple(basic), None)
    return _with_arrays(tuple(basic), arrays, shape)


def _item(item: Any) -> tuple[Any, int]:
    """One entry of an index in its plain form, and how many dimensions it takes."""
    if item is None or item is Ellipsis:
        return item, 0
    if type(item) is int:
        return item, 1
    if isinstance(item, slice):
        parts = [p if p is None or type(p) is int else operator.index(p) for p in (item.start, item.stop, item.step)]
        if parts[2] is not None and parts[2] <= 0:
            raise ValueError(f"a slice must have a step of at least 1, got {parts[2]}; flip(dims) reverses")
        return slice(*parts), 1
    if isinstance(item, (bool, np.bool_)):
        return np.array([item], np.bool_), 0
    a = item.data if isinstance(item, Variable) else item
    if isinstance(a, (list, range, tuple)):
        a = np.asarray([i.data if isinstance(i, Variable) else i for i in a])
        if not a.size:
            a = a.astype(np.intp)
    if isinstance(a, (ndarray, np.generic)):
        if a.dtype == np.bool_:
            return (a.copy(), a.ndim) if a.ndim else (a.reshape(1), 0)
        if a.dtype == np.uint8 and isinstance(a, ndarray):
            raise IndexError(
                "an index of dtype uint8 is ambiguous (PyTorch reads a mask, NumPy positions): "
                "use .astype(bool) for a mask, .astype('int64') for positions"
            )
        if a.dtype.kind in "iu":
            return (a.astype(np.intp), 1) if a.ndim else (int(a), 1)
        raise IndexError(f"an index array must hold integers or booleans, got dtype {a.dtype}")
    try:
        return operator.index(item), 1
    except TypeError:
        raise IndexError(
            f"an index is made of integers, slices, None, '...', integer arrays and masks, got {type(item).__name__}"
        ) from None


def _with_arrays(basic: tuple[Any, ...], arrays: list[tuple[int, ndarray]], shape: tuple[int, ...]) -> Index:
    """Place the arrays at the dimensions of the view that the basic part makes; masks become positions."""
    taken = sum(1 for i in basic if i is not None and i is not Ellipsis)
    at: list[int] = []  # for each entry of basic, the dimension of the view it makes
    source: list[int] = []  # and the dimension of the tensor it takes
    d = k = 0
    for item in basic:
        at.append(d)
        source.append(k)
        if item is Ellipsis:
            d, k = d + len(shape) - taken, k + len(shape) - taken
        elif item is None:
            d += 1
        else:
            d, k = d + (type(item) is not int), k + 1
    picks: list[Any] = [EVERYTHING] * d
    for position, a in arrays:
        dim, k = at[position], source[position]
        if a.dtype != np.bool_:
            _check_range(a, shape[k], k)
            picks[dim] = a
            continue
        if basic[position] is None:
            extent: tuple[int, ...] = (1,)
        else:
            extent = shape[k : k + a.ndim]
        if a.shape != extent:
            raise IndexError(f"a mask of shape {a.shape} does not match the dimensions {extent} it indexes")
        for j, positions in enumerate(np.nonzero(a)):
            picks[dim + j] = positions
    try:
        np.broadcast_shapes(*(p.shape for p in picks if not isinstance(p, slice)))
    except ValueError:
        shapes = ", ".join(str(p.shape) for p in picks if not isinstance(p, slice))
        raise IndexError(f"index arrays of shapes {shapes} do not broadcast together") from None
    unique = len(arrays) == 1 and arrays[0][1].dtype == np.bool_
    while picks and picks[-1] is EVERYTHING:
        picks.pop()
    return Index(basic, tuple(picks), unique)


def _check_range(a: ndarray, n: int, dim: int) -> None:
    """All positions within -n .. n - 1."""
    if a.size and (a.min() < -n or a.max() >= n):
        wrong = tuple(int(i) for i in np.argwhere((a < -n) | (a >= n))[0])
        raise IndexError(
            f"index {a[wrong]} at position {wrong[0] if a.ndim == 1 else wrong} of the index array is out of range for "
            f"dimension {dim} of size {n}: expected {-n} to {n - 1}"
        )


def _explain(shape: tuple[int, ...], basic: tuple[Any, ...], only_if_wrong: bool = False) -> None:
    """Raise an IndexError for the first number out of range."""
    taken = sum(1 for i in basic if i is not None and i is not Ellipsis)
    k = 0
    for item in basic:
        if item is Ellipsis:
            k += len(shape) - taken
        elif item is not None:
            if type(item) is int and k < len(shape) and not -shape[k] <= item < shape[k]:
                raise IndexError(
                    f"index {item} is out of range for dimension {k} of size {shape[k]}: "
                    f"expected {-shape[k]} to {shape[k] - 1}"
                )
            k += 1
    if not only_if_wrong:
        raise IndexError(f"too many indices: {taken} for the {len(shape)} dimensions of shape {shape}")
