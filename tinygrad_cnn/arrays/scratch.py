"""Where an algorithm gets the memory that it works in: new each time, or the same again."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from .locks import shared_lock

Memory: TypeAlias = Callable[[Any, "tuple[int, ...]", Any], Any]  # by what it is for, shape and dtype; not cleared


def fresh(_key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """New memory."""
    return np.empty(shape, dtype)


def of_thread(memory: Memory, part: int) -> Memory:
    """The memory of one of several parts of a job, which threads may do at once."""
    if memory is fresh:
        return fresh
    return lambda key, shape, dtype: memory((key, part), shape, dtype)


def aligned(size: int) -> Any:
    """Bytes that begin where a line of the cache does, which `np.empty` leaves to chance.

    NumPy adds two arrays of 2^15 numbers in 4 us where they lie so, in 9 elsewhere.
    """
    memory = np.empty(size + 63, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size]


class Desk:
    """Memory that several jobs use, one after the other: what one leaves there is in the cache when the next begins.

    Each has its things where they were the last time, but what was in them is gone.
    """

    def __init__(self) -> None:
        self._chunks: list[Any] = []
        self._lock = shared_lock()

    def of_job(self) -> Memory:
        """The memory of one more job."""
        kept: dict[Any, Any] = {}
        place = [0, 0]  # the chunk that the next thing goes into, and where

        def memory(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
            key = key, shape, dtype
            found = kept.get(key)
            if found is None:
                n = math.prod(shape) * np.dtype(dtype).itemsize
                with self._lock:
                    found = kept[key] = self._cut(place, n)[:n].view(dtype).reshape(shape)
            return found

        return memory

    def _cut(self, place: list[int], size: int) -> Any:
        size = -(-size // 64) * 64
        while place[0] < len(self._chunks) and place[1] + size > len(self._chunks[place[0]]):
            place[:] = place[0] + 1, 0
        if place[0] == len(self._chunks):
            self._chunks.append(aligned(max(size, 1 << 20)))
        chunk, start = self._chunks[place[0]], place[1]
        place[1] += size
        return chunk[start : start + size]
