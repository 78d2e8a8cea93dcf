"""What users write between the brackets of ``x[...]``, checked and taken apart into two steps.

First numbers, slices, None and Ellipsis, which make a view; then integer arrays and masks, which pick from that view.
That is PyTorch's reading: numbers never count as arrays, so ``x[0, :, [1, 2]]`` has shape (H, 2), where NumPy would
give (2, H).
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..autograd.graph import Variable, array_of
from ..autograd.modes import here
from .watched import aside, reading

EVERYTHING = slice(None)


class Index(NamedTuple):
    """An index taken apart: a view, then a pick from the view."""

    basic: tuple[Any, ...]  # numbers, slices, None, and one Ellipsis
    picks: tuple[Any, ...] | None = None  # full slices and integer arrays, for the first dimensions of the view
    unique: bool = True  # no element is picked twice


def parse(index: Any, shape: tuple[int, ...]) -> Index:
    """An index as users write it, checked against the shape.

    Raises:
        IndexError: too many indices, a number out of range, a mask of another shape, an index of another kind.
        ValueError: a slice that goes backwards.
    """
    basic: list[Any] = []
    arrays: list[tuple[int, Any]] = []  # (position in basic, tensor or array)
    taken = 0  # dimensions of the tensor used up
    dots = numbers = False
    for item in index if isinstance(index, tuple) else (index,):
        item, takes = _entry(item)
        taken += takes
        if item is Ellipsis:
            if dots:
                raise IndexError("an index can only have one Ellipsis ('...')")
            dots = True
        if isinstance(item, (ndarray, Variable)):
            arrays.append((len(basic), item))
            basic += [EVERYTHING] * takes or [None]
        else:
            numbers = numbers or type(item) is int
            basic.append(item)
    if taken > len(shape):
        raise IndexError(f"too many indices: {taken} for the {len(shape)} dimensions of shape {shape}")
    if not dots:
        basic.append(Ellipsis)
    if not numbers and not arrays:
        return Index(tuple(basic))
    source, made, ndim = _dimensions(basic, len(shape) - taken)
    for k, item in zip(source, basic, strict=True):
        if type(item) is int and not -shape[k] <= item < shape[k]:
            raise IndexError(f"index {item} is {_out_of_range(k, shape[k])}")
    if not arrays:
        return Index(tuple(basic))
    picks: list[Any] = [EVERYTHING] * ndim
    for at, item in arrays:
        a = array_of(item)
        if a.dtype != np.bool_:
            picks[made[at]] = copied(item, aside(_positions, item, n=shape[source[at]], dim=source[at]))
            continue
        extent = (1,) if basic[at] is None else shape[source[at] : source[at] + a.ndim]
        if (a.shape or (1,)) != extent:
            raise IndexError(f"a mask of shape {a.shape} does not match the sizes {extent} of the dimensions it masks")
        picks[made[at] : made[at] + max(a.ndim, 1)] = aside(_marked, item)
    while picks[-1] is EVERYTHING:
        picks.pop()
    shapes = [p.shape for p in picks if p is not EVERYTHING]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise IndexError(f"index arrays of shapes {', '.join(map(str, shapes))} do not broadcast together") from None
    return Index(tuple(basic), tuple(picks), len(arrays) == 1 and array_of(arrays[0][1]).dtype == np.bool_)


def _dimensions(basic: list[Any], dots: int) -> tuple[list[int], list[int], int]:
    """For each entry, which dimension of the tensor it takes and of the view it makes; and how many those are."""
    source, made = [], []
    k = d = 0
    for item in basic:
        source.append(k)
        made.append(d)
        k += dots if item is Ellipsis else item is not None
        d += dots if item is Ellipsis else type(item) is not int
    return source, made, d


def _entry(item: Any) -> tuple[Any, int]:
    """One entry of an index in its plain form, and how many dimensions it takes."""
    if type(item) is int:
        return item, 1
    if item is None or item is Ellipsis:
        return item, 0
    if isinstance(item, slice):
        return _slice(item), 1
    a = array_of(item)
    if isinstance(a, (list, tuple, range)):
        a = np.asarray([array_of(reading(i, "an index")) for i in a])
        item = a = a if a.size else a.astype(np.intp)
    if isinstance(a, (bool, ndarray, np.generic)):
        if not isinstance(a, ndarray):
            item = a = np.asarray(a)
        if a.dtype == np.bool_:
            return item, a.ndim
        if a.dtype == np.uint8 and a.ndim:
            raise IndexError(
                "an index array of dtype uint8 is ambiguous (PyTorch reads a mask, NumPy positions): "
                'use .astype("bool") for a mask or .astype("int64") for positions'
            )
        if a.dtype.kind in "iu":
            return (item, 1) if a.ndim else (int(array_of(reading(item, "an index"))), 1)
        raise IndexError(f"an index array must hold integers or booleans, got dtype {a.dtype}")
    try:
        return operator.index(item), 1
    except TypeError:
        raise IndexError(
            f"an index is made of integers, slices, None, '...', integer arrays and masks, got {type(item).__name__}"
        ) from None


def _positions(a: ndarray, *, n: int, dim: int) -> ndarray:
    """`positions`, in memory of their own."""
    return positions(a.astype(np.intp), n, dim)


def _marked(a: ndarray) -> tuple[ndarray, ...]:
    """Where a mask is true; a single truth is a vector."""
    return np.nonzero(np.atleast_1d(a))


def copied(x: Any, a: ndarray) -> ndarray:
    """The array a, after the watchers were told that it holds what the tensor or array x does."""
    for watcher in here.mode.watchers:
        if a is not x and (told := getattr(watcher, "copied", None)) is not None:
            told(x, a)
    return a


def _slice(item: slice) -> slice:
    start, stop, step = (
        p if p is None or type(p) is int else operator.index(p) for p in (item.start, item.stop, item.step)
    )
    if step is not None and step <= 0:
        raise ValueError(f"a slice must have a step of at least 1, got {step}; flip(dims) reverses")
    return slice(start, stop, step)


def numbers(x: Any, function: str, what: str = "index") -> ndarray:
    """The array of a tensor of integers."""
    a: Any = array_of(x)
    if not isinstance(a, ndarray) or a.dtype.kind not in "iu":
        got = f"dtype {a.dtype}" if isinstance(a, ndarray) else type(x).__name__
        raise TypeError(f"{function}() takes a tensor of integers as {what}, got {got}")
    return a


def positions(a: ndarray, n: int, dim: int, least: int | None = None) -> ndarray:
    """Integer positions along a dimension of size n, counted from the front; an IndexError where one is out of range.

    Args:
        least: the smallest position allowed; None is -n.
    """
    low = -n if least is None else least
    if a.size:
        smallest = a.min()
        if smallest < low or a.max() >= n:
            where = tuple(int(i) for i in np.argwhere((a < low) | (a >= n))[0])
            place = f" at position {where[0] if a.ndim == 1 else where} of the index array" if a.ndim else ""
            raise IndexError(f"index {a[where]}{place} is {_out_of_range(dim, n, low)}")
        if smallest < 0:
            return np.where(a < 0, a + n, a)
    return a


def _out_of_range(dim: int, n: int, low: int | None = None) -> str:
    allowed = f"expected {-n if low is None else low} to {n - 1}" if n else "it has no entries"
    return f"out of range for dimension {dim} of size {n}: {allowed}"
