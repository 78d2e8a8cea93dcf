"""The same values in other memory: views that a function on arrays must read rightly and never write to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

Array = ndarray[Any, Any]


def _contiguous(a: Array) -> Array:
    return np.array(a, order="C")


def _transposed(a: Array) -> Array:
    return np.array(a.T, order="C").T


def _strided(a: Array) -> Array:
    wide = np.zeros([2 * n + 1 for n in a.shape], a.dtype)
    view = wide[(slice(1, None, 2),) * a.ndim + (...,)]
    view[...] = a
    return view


def _negative(a: Array) -> Array:
    backwards = (slice(None, None, -1),) * a.ndim + (...,)
    return np.array(a[backwards], order="C")[backwards]


def _read_only(a: Array) -> Array:
    copy = np.array(a, order="C")
    copy.flags.writeable = False
    return copy


def _broadcast(a: Array) -> Array:
    """Stride 0 along the dimensions whose values repeat (those of size 1 always do); read-only, as NumPy's."""
    once = a
    for axis in range(a.ndim):
        first = once[(slice(None),) * axis + (slice(0, 1),)]
        if once.shape[axis] and _same(np.broadcast_to(first, once.shape), once):
            once = first
    return np.broadcast_to(np.array(once, order="C"), a.shape)


def _same(a: Array, b: Array) -> bool:
    """Equal, NaN to NaN and in the sign of a zero too."""
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    return np.array_equal(a, b, equal_nan=True) and np.array_equal(np.signbit(a), np.signbit(b))


def _byte_swapped(a: Array) -> Array:
    return a.astype(a.dtype.newbyteorder())


def _unaligned(a: Array) -> Array:
    memory = np.zeros(a.nbytes + 1, np.uint8)
    view = memory[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": _contiguous,
    "transposed": _transposed,
    "strided": _strided,
    "negative strides": _negative,
    "read-only": _read_only,
    "broadcast": _broadcast,
    "byte-swapped": _byte_swapped,
    "unaligned": _unaligned,
}


def memory_layouts(array: Any) -> dict[str, Array]:
    """The values of an array in every memory layout NumPy knows, each in memory of its own, by the layout's name.

    C order, transposed, every second element of a larger array, negative strides, read-only, broadcast (stride 0 where
    values repeat), the other byte order, unaligned.

    >>> views = memory_layouts(np.arange(6.0).reshape(2, 3))
    >>> views["transposed"].strides, views["negative strides"].strides
    ((8, 16), (-24, -8))
    """
    a = np.asarray(array)
    return {name: make(a) for name, make in LAYOUTS.items()}
