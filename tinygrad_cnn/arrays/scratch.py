"""Where an algorithm gets the memory that it works in: new each time, or the same again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Memory: TypeAlias = Callable[[Any, "tuple[int, ...]", Any], Any]  # by what it is for, shape and dtype; not cleared


def fresh(_key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """New memory."""
    return np.empty(shape, dtype)


def of_thread(memory: Memory, part: int) -> Memory:
    """The memory of one of several parts of a job, which threads may do at once."""
    if memory is fresh:
        return fresh
    return lambda key, shape, dtype: memory((key, part), shape, dtype)


class Shelf:
    """Memory that is kept, by what it is for. For one call at a time."""

    def __init__(self) -> None:
        self._kept: dict[Any, Any] = {}

    def __call__(self, key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
        """Memory of this shape; what it held is still there."""
        kept = self._kept.get(key)
        if kept is None or kept.shape != shape or kept.dtype != dtype:
            kept = self._kept[key] = np.empty(shape, dtype)
        return kept
