"""Third stage: whose memory an array of a plan is, and for how long.

Within a plan a buffer serves one value after the other, as long as their lives do not overlap. What a user gets is
never in such a buffer: it has an array of its own, which is used again when nobody holds it any more.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..arrays.locks import shared_lock
from ..arrays.scratch import aligned
from ..arrays.writes import owner_of
from ..programs.program import Value

_lock = shared_lock()  # held while something is taken out of a pool


class Layout(NamedTuple):
    """What an array is like before it has memory; ``order``: its dimensions from the outermost in memory inwards."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def over(self, memory: Any) -> Any:
        """The array on bytes of memory, from their first one on."""
        outer = [self.shape[d] for d in self.order]
        back = sorted(range(len(outer)), key=self.order.__getitem__)
        return np.ndarray(outer, self.dtype, memory).transpose(back)

    def anew(self) -> Any:
        """The array on memory that is its own, and no other's."""
        return np.empty_like(self.over(np.empty(max(1, self.nbytes), np.uint8)))


def like(a: Any) -> Layout:
    """The layout of a new array in the memory order of ``a``."""
    return Layout(a.shape, a.dtype, tuple(sorted(range(a.ndim), key=lambda d: (-abs(a.strides[d]), d))))


def in_order(*shape: int, dtype: Any, order: Sequence[int] | None = None) -> Layout:
    """The layout of a new array of this shape; in C order, if no other is given."""
    return Layout(shape, np.dtype(dtype), (*range(len(shape)),) if order is None else tuple(order))


# ------------------------------------------------------------------------------------------------- what users are given
def _holders(things: list[Any]) -> int:
    return sys.getrefcount(things[0])


_ALONE = _holders([np.empty(0)])  # what Python counts where the list alone holds a thing
_counts = getattr(sys, "_is_gil_enabled", lambda: True)()  # without the lock counts are kept in several places
_SPARE = 2  # things that nobody holds any more are kept, for the next calls


class Pool:
    """Things of one kind, each used again when nobody but the pool holds it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: list[Any] = []

    def take(self) -> Any:
        """One that nobody holds: one of before, or a new one."""
        with _lock:
            for k in range(len(self._made) if _counts else 0):
                if _holders(self._made[k : k + 1]) == _ALONE + 1:
                    return self._made[k]
        new = self._make()
        with _lock:
            self._made = [new, *self._made[:_SPARE]]  # of those that are held still the oldest is forgotten
        return new

    def one(self) -> Any:
        """One that was made, to be looked at; None where there is none."""
        return self._made[0] if self._made else None

    def forget(self, thing: Any) -> None:
        """It is not to be used again."""
        with _lock:
            self._made = [one for one in self._made if one is not thing]


# ------------------------------------------------------------------------------------------------- what a plan works on
def on_buffer(a: Any) -> bool:
    """Does an array lie on bytes, as those on a plan's buffers do? What a user is given owns its memory."""
    return owner_of(a).dtype == np.uint8


class Room:
    """The buffers of one call, given out by the lives of the values on them."""

    def __init__(self, before: Room | None = None) -> None:
        """``before``: what is free there may be used here, one after the other; what is not, stays."""
        self.slabs: list[ndarray[Any, Any]] = [] if before is None else before.slabs
        self.of: dict[Value, ndarray[Any, Any]] = {} if before is None else dict(before.of)
        self._free: list[Any] = [] if before is None else list(before._free)
        self._lives: dict[int, int] = {} if before is None else dict(before._lives)  # values on a slab, by its id

    def take(self, value: Value, layout: Layout, over: Value | None = None) -> Any:
        """An array for a value; in the memory of another one that ends here, where that has it for itself."""
        size = max(1, layout.nbytes)
        slab = None if over is None else self.of.get(over)
        if slab is None or len(slab) < size or self._lives[id(slab)] != 1:
            fits = [s for s in self._free if size <= len(s) <= 4 * size + 4096]
            slab = min(fits, key=len, default=None)
            if slab is None:
                slab = aligned(size)
                self.slabs.append(slab)
            else:
                self._free = [s for s in self._free if s is not slab]
        self._put(value, slab)
        return layout.over(slab)

    def holds(self, a: Any) -> Any:
        """The buffer that an array lies on, or None."""
        owner = None if a is None else owner_of(a)
        return next((slab for slab in self.slabs if slab.base is owner), None)

    def shares(self, value: Value, slab: Any) -> None:
        """Another value lies on a buffer."""
        self._put(value, slab)

    def _put(self, value: Value, slab: Any) -> None:
        self.of[value] = slab
        self._lives[id(slab)] = self._lives.get(id(slab), 0) + 1

    def end(self, values: Sequence[Value]) -> None:
        """These are not read any more."""
        for value in values:
            slab = self.of.pop(value, None)
            if slab is not None:
                self._lives[id(slab)] -= 1
                if not self._lives[id(slab)]:
                    self._free.append(slab)
