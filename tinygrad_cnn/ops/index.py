"""Reading and writing parts of a tensor: ``x[...]``, gather and scatter, and the gradients of each.

Reading and adding where one read are each other's gradients: `_getitem` and `_place`, `_gather` and `_collect`.
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.backward import broadcast_to, sum_to
from ..autograd.graph import Array, Variable, array_of
from ..autograd.modes import is_grad_enabled
from ..autograd.operation import op
from .indices import EVERYTHING, Index, numbers, parse, positions
from .numbers import array_for, written
from .repeats import add_at, picked_dims, rows_of
from .shape import _clone, _reshape, checked, normalise_dim
from .watched import aside


# ------------------------------------------------------------------------------------------------------------- reading
@op(lambda g, _y, _x, *, index: _place(g, index=index, shape=_x.shape), view=True)
def _getitem(x: Array, *, index: Index) -> Array:
    view = np.asarray(x)[index.basic]
    if index.picks is None:
        return view
    if len(index.picks) == 1 and view.flags.c_contiguous:
        return view.take(index.picks[0], 0)  # whole rows: faster than view[rows]
    return view[index.picks]


@op(lambda g, _y, _x, *, index, shape: _getitem(g, index=index))
def _place(x: Array, *, index: Index, shape: tuple[int, ...]) -> Array:
    """The adjoint of `_getitem`: zeros of that shape, with x added where the index points."""
    x = np.asarray(x)
    out = np.zeros_like(x, shape=shape)  # in the memory order of x where it has as many dimensions
    view = out[index.basic]
    if index.picks is None:
        view[...] = x
    elif index.unique:
        view[index.picks] = x
    else:
        add_at(view, index.picks, x)
    return out


def getitem(x: Array, index: Any) -> Array:
    """x[index] with PyTorch's meaning: a view for numbers, slices, None and Ellipsis; a copy for arrays and masks.

    Lists are arrays of positions (or masks). Repeated positions add up in the gradient.

    Raises:
        IndexError: too many indices, a position out of range, a mask of another shape.
        ValueError: a slice that goes backwards.
    """
    x = checked(x, "getitem")
    return _getitem(x, index=parse(index, array_of(x).shape))


def cut(x: Array, dim: int, start: int, stop: int) -> Array:
    """x[..., start:stop, ...] along a dimension, unchecked."""
    return _getitem(x, index=Index((EVERYTHING,) * dim + (slice(start, stop),)))


def narrow(input: Array, dim: int, start: int, length: int) -> Array:
    """``length`` entries from ``start`` on along dimension ``dim``; a negative start counts from the end. A view."""
    input = checked(input, "narrow")
    shape = input.shape
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


def select(input: Array, dim: int, index: int) -> Array:
    """Entry ``index`` along dimension ``dim``, which goes away. A view."""
    input = checked(input, "select")
    shape = input.shape
    if not shape:
        raise IndexError("select(): a 0-d tensor has no dimension to select from")
    d = normalise_dim(dim, len(shape), "select")
    i = operator.index(index)
    if not -shape[d] <= i < shape[d]:
        positions(np.array(i), shape[d], d)
    return _getitem(input, index=Index((EVERYTHING,) * d + (i, ...)))


# ------------------------------------------------------------------------------------------------------------- writing
@op(
    lambda g, _y, _x, _value, *, index: _setitem(g, np.zeros((), g.dtype), index=index),
    lambda g, _y, _x, _value, *, index: _written(g, index, _value.shape),
)
def _setitem(x: Array, value: Array, *, index: Index) -> Array:
    out = np.array(x, order="K")
    write(out, index, value)
    return out


def setitem(x: Array, index: Any, value: Array) -> Array:
    """A copy of x in which x[index] is ``value``, broadcast and cast to it; x itself does not change.

    Numbers, and lists of them, must be numbers of the dtype of x (`ops.numbers`); tensors and arrays are cast.
    Where an array picks an element twice, the last one written stays, and only that one has a gradient.
    """
    x = checked(x, "setitem")
    if not isinstance(value, (Variable, ndarray)):
        value = array_for(value, x.dtype, "setitem")
    return _setitem(x, writable(value, x.dtype, "setitem"), index=parse(index, x.shape))


def writable(value: Any, dtype: np.dtype[Any], function: str) -> Any:
    """A value for an array of this dtype; a TypeError where its gradient would be lost in integers."""
    wants = isinstance(value, Variable) and (value._node is not None or value._wants_grad)
    if wants and dtype.kind != "f" and is_grad_enabled():
        raise TypeError(
            f"{function}(): a value that requires grad cannot be written into a tensor of dtype {dtype}, which has no "
            "gradient; convert the tensor to float, or write value.detach()"
        )
    return value


def write(a: ndarray, index: Index, value: Any) -> None:
    """a[index] = value, on arrays, in place; numbers and lists of them must be numbers of the dtype of a."""
    if not a.flags.writeable:
        raise RuntimeError("this memory is read-only (an expanded tensor, or an array given as such); clone() it first")
    view = a[index.basic]
    place: Any = ... if index.picks is None else index.picks
    value = written(value, a.dtype, "setitem")
    try:
        if not value.size:  # NumPy writes nothing into any shape
            shape = view[place].shape
            lead = tuple(range(max(value.ndim - len(shape), 0)))
            np.broadcast_to(np.squeeze(value, lead), shape)
        view[place] = value
    except ValueError:
        shape = view[place].shape
        raise ValueError(f"a value of shape {value.shape} does not broadcast to the indexed shape {shape}") from None


def _written(g: Array, index: Index, shape: tuple[int, ...]) -> Array:
    """The gradient of the value in `_setitem`: what reached the places where it was the last one written."""
    mine = _getitem(g, index=index)
    if index.picks is not None and not index.unique:
        view = np.empty(g.shape, np.bool_)[index.basic]
        stays = aside(_last_ones, shape=view.shape, picks=index.picks, ndim=mine.ndim, dtype=g.dtype)
        mine = mine if stays is None else mine * stays
    if mine.ndim < len(shape):  # the value had dimensions of size 1 in front
        mine = _reshape(mine, shape=(1,) * (len(shape) - mine.ndim) + tuple(mine.shape))
    return sum_to(mine, shape=shape)


def _last_ones(*, shape: tuple[int, ...], picks: tuple[Any, ...], ndim: int, dtype: Any) -> ndarray | None:
    """1 for each pick that is the last of its place, 0 for others, beside ``ndim`` dimensions; None where all are."""
    rows, n, _ = rows_of(shape, picks)
    last = np.empty(n, np.intp)
    last[rows] = np.arange(rows.size)
    stays: ndarray = last[rows] == np.arange(rows.size)
    front, picked = picked_dims(picks)
    return None if stays.all() else stays.reshape(picked + (1,) * (ndim - front - len(picked))).astype(dtype)


# --------------------------------------------------------------------------------------------- gathering and scattering
@op(lambda g, _y, _x, index_, *, dim: _collect(g, index_, dim=dim, shape=_x.shape))
def _gather(x: Array, index: Array, *, dim: int) -> Array:
    """y[i, j, k] = x[i, index[i, j, k], k], for dim = 1."""
    return np.take_along_axis(x[_corner(index.shape, dim)], index, dim)


@op(lambda g, _y, _x, index, *, dim, shape: _gather(g, index, dim=dim))
def _collect(x: Array, index: Array, *, dim: int, shape: tuple[int, ...]) -> Array:
    """The adjoint of `_gather`: zeros of that shape, with x added where the index points."""
    out = np.zeros(shape, x.dtype)
    np.add.at(out.reshape(-1), _flat(index, dim, shape), np.ascontiguousarray(x).ravel())
    return out


def _corner(shape: tuple[int, ...], dim: int) -> tuple[slice, ...]:
    """The part of a tensor that an index of this shape reads: all of ``dim``, as much of the others as it has."""
    return tuple(EVERYTHING if d == dim else slice(n) for d, n in enumerate(shape))


def _flat(index: ndarray, dim: int, shape: tuple[int, ...]) -> ndarray:
    """Positions in the flattened tensor."""
    total: Any = 0
    for d, n in enumerate(index.shape):
        along = (
            index.astype(np.intp, copy=False) if d == dim else np.arange(n).reshape((n,) + (1,) * (index.ndim - 1 - d))
        )
        total = total * shape[d] + along
    return np.ravel(total)


@op(
    lambda g, _y, _x, index, _src, *, dim: _scatter(g, index, np.zeros(index.shape, g.dtype), dim=dim),
    None,
    lambda g, _y, _x, index, _src, *, dim: _gather(g, index, dim=dim) * _stays(index, dim, _y.shape, g.dtype),
)
def _scatter(x: Array, index: Array, src: Array, *, dim: int) -> Array:
    out = np.array(x, order="C")
    out.reshape(-1)[_flat(index, dim, x.shape)] = src.ravel()
    return out


def _stays(index: Array, dim: int, shape: tuple[int, ...], dtype: Any) -> ndarray:
    """1 for each entry of the index that is the last one written to its place, 0 for the others."""
    stays: ndarray = aside(_lasting, index, dim=dim, shape=tuple(shape), dtype=dtype)
    return stays


def _lasting(index: ndarray, *, dim: int, shape: tuple[int, ...], dtype: Any) -> ndarray:
    """`_stays` of an array."""
    flat, order = _flat(index, dim, shape), np.arange(index.size)
    last = np.empty(math.prod(shape), np.intp)
    last[flat] = order
    return (last[flat] == order).reshape(index.shape).astype(dtype)


def _along(input: Array, dim: Any, index: Array, function: str) -> tuple[Any, Any, int, bool]:
    """The checked input, index and dimension of a gather or a scatter, 0-d made 1-d; and if the shapes fit.

    They must, unless the index is empty: then its shape does not matter.
    """
    input = checked(input, function)
    a = numbers(index, function)
    d = normalise_dim(dim, input.ndim, function)
    x = input if input.ndim else _reshape(input, shape=(1,))
    i = index if index.ndim else _reshape(index, shape=(1,))
    fits = i.ndim == x.ndim and all(a <= b for k, (a, b) in enumerate(zip(i.shape, x.shape, strict=True)) if k != d)
    if not fits and a.size:
        raise ValueError(
            f"{function}(): index of shape {index.shape} must have as many dimensions as the input, of shape "
            f"{input.shape}, and be no larger except along dimension {d}"
        )
    if fits:
        aside(_check_places, index, shape=tuple(i.shape), n=x.shape[d], dim=d)
    return x, i, d, fits


def _check_places(i: ndarray, *, shape: tuple[int, ...], n: int, dim: int) -> None:
    positions(i.reshape(shape), n, dim, least=0)


def gather(input: Array, dim: int, index: Array) -> Array:
    """Entries picked along a dimension by an index each: y[i, j, k] = input[i, index[i, j, k], k] for dim 1.

    ``index`` has as many dimensions as ``input`` and may be smaller in all but ``dim``; the result has its shape.

    Raises:
        IndexError: an index not in 0 .. size - 1; the message has its value and position.

    >>> gather(np.array([[1.0, 2.0], [3.0, 4.0]]), 1, np.array([[1], [0]]))
    array([[2.],
           [3.]])
    """
    x, i, d, fits = _along(input, dim, index, "gather")
    if not fits:
        return _reshape(_getitem(x, index=Index((slice(0),))), shape=tuple(index.shape))
    y = _gather(x, i, dim=d)
    return y if index.ndim else _reshape(y, shape=())


def scatter(input: Array, dim: int, index: Array, src: Array | float | None = None, *, value: Any = None) -> Array:
    """A copy of ``input`` with entries of ``src``, or a number, written where the index points along a dimension.

    The number must be one of the dtype of ``input`` (`ops.numbers`).

    y[i, index[i, j, k], k] = src[i, j, k] for dim 1. Where an index repeats, the last one written stays (PyTorch leaves
    open which), and only that one has a gradient.
    """
    if (src is None) == (value is None):
        raise TypeError("scatter() takes either src or value")
    x, i, d, fits = _along(input, dim, index, "scatter")
    source = value if src is None else src
    if not isinstance(source, (Variable, ndarray)):
        source = broadcast_to(array_for(source, x.dtype, "scatter"), shape=tuple(i.shape))
    y = _scatter(x, i, _source(source, i, x, "scatter"), dim=d) if fits else _clone(x, order="K")
    return y if input.ndim else _reshape(y, shape=())


def scatter_add(input: Array, dim: int, index: Array, src: Array) -> Array:
    """``input`` plus entries of ``src`` where the index points along a dimension; repeated places add up.

    y[i, index[i, j, k], k] += src[i, j, k] for dim 1. ``src`` is at least as large as ``index``.
    """
    x, i, d, fits = _along(input, dim, index, "scatter_add")
    y = (
        x + _collect(_source(src, i, x, "scatter_add"), i, dim=d, shape=tuple(x.shape))
        if fits
        else _clone(x, order="K")
    )
    return y if input.ndim else _reshape(y, shape=())


def _source(src: Any, index: Any, x: Any, function: str) -> Any:
    """The part of ``src`` that the index uses."""
    src = checked(src, function)
    if src.dtype != x.dtype:
        raise TypeError(f"{function}(): src has dtype {src.dtype}, but the input {x.dtype}; cast one of them")
    src = src if src.ndim else _reshape(src, shape=(1,))
    if src.ndim != index.ndim or any(a > b for a, b in zip(index.shape, src.shape, strict=True)):
        raise ValueError(f"{function}(): src of shape {src.shape} is smaller than the index, of shape {index.shape}")
    return src if src.shape == index.shape else _getitem(src, index=Index(tuple(map(slice, index.shape))))


def take_along_dim(input: Array, indices: Array, dim: int | None = None) -> Array:
    """Entries picked along a dimension, as `gather`, after broadcasting; negative indices count from the end.

    With dim None both are flattened. Made for what argsort and argmax(keepdim=True) return.
    """
    input = checked(input, "take_along_dim")
    i = numbers(indices, "take_along_dim", "indices")
    if dim is None:
        input, i, dim = _reshape(input, shape=(math.prod(input.shape),)), i.reshape(-1), 0
    if input.ndim != i.ndim:
        raise ValueError(
            f"take_along_dim(): input and indices must have the same number of dimensions, got {input.shape}, {i.shape}"
        )
    d = normalise_dim(dim, input.ndim, "take_along_dim")
    rest = [s[:d] + s[d + 1 :] for s in (tuple(input.shape), i.shape)]
    try:
        shared = np.broadcast_shapes(*rest)
    except ValueError:
        raise ValueError(
            f"take_along_dim(): {input.shape} and {i.shape} do not broadcast outside dimension {d}"
        ) from None
    shape = (*shared[:d], i.shape[d], *shared[d:])
    i = aside(_broadcast_places, indices, given=i.shape, shape=shape, n=input.shape[d], dim=d)
    if rest[0] != shared:
        input = broadcast_to(input, shape=(*shared[:d], input.shape[d], *shared[d:]))
    return _gather(input, i, dim=d)


def _broadcast_places(i: ndarray, *, given: Any, shape: Any, n: int, dim: int) -> ndarray:
    """Positions of the shape ``given``, counted from the front, in another shape."""
    return np.broadcast_to(positions(i.reshape(given), n, dim).astype(np.intp, copy=False), shape)
