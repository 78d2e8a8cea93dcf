"""The parts that a step of a group falls into: small parameters together, and others by themselves.

A ufunc takes 0.4 us before it computes anything, and a step of Adam has 13 of them. So small parameters are gathered,
stepped as one array, and put back. Parameters stay where they are, and so do gradients: they are the user's. What is
kept of small parameters lies in one array for many. Each has its part of it, which NumPy takes for no view: it owns
its memory, so a write into one is none into the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..tensors import Tensor
from .optimizer import CHUNK, pieces


class _Here(threading.local):
    def __init__(self) -> None:
        self.rows: dict[Any, list[ndarray]] = {}


_here = _Here()


def scratch(size: int, dtype: Any) -> list[ndarray]:
    """Three arrays of this thread for what is computed on the way, of at least that size; nobody's after the update."""
    rows = _here.rows.get(dtype)
    if rows is None or rows[0].size < size:
        rows = _here.rows[dtype] = [np.empty(max(size, CHUNK), dtype) for _ in range(3)]
    return rows


class Step(NamedTuple):
    """One step of a group: what is computed, with which gradients."""

    rule: Callable[..., None]
    gradients: list[ndarray]
    maximize: bool

    def take(self, limit: int, numbers: Any, p: ndarray, g: ndarray, *kept: ndarray) -> None:
        """The step of arrays that have one dimension, in pieces."""
        size, rule = p.size, self.rule
        s, t, negative = scratch(min(size, limit), p.dtype)
        length = size if size <= limit else -(-size // -(-size // limit))
        for k in range(0, size, length):
            n = min(length, size - k)
            x, y, *z = (p, g, *kept) if n == size else [a[k : k + n] for a in (p, g, *kept)]
            if self.maximize:
                y = np.negative(y, negative[:n])
            rule(x, y, s[:n], t[:n], numbers, *z)

    def take_as_it_lies(self, limit: int, numbers: Any, *arrays: ndarray) -> None:
        """The step of arrays in whatever memory order."""
        for p, g, *kept in pieces(list(arrays), limit):
            s, t, negative = (row[: p.size].reshape(p.shape) for row in scratch(p.size, p.dtype))
            self.rule(p, np.negative(g, negative) if self.maximize else g, s, t, numbers, *kept)


class Pack:
    """Small parameters, contiguous ones, that are stepped as one array."""

    def __init__(self, places: list[int], arrays: list[ndarray], kept: list[list[Tensor]]) -> None:
        arrays = [arrays[i] for i in places]
        self.places, self.size, self.dtype = places, sum(a.size for a in arrays), arrays[0].dtype
        self.p, of_p = _in_one(arrays)
        self.of_p = [part.reshape(-1) for part in of_p]
        self.g, self.of_g = _in_one(arrays)
        self.kept = []
        for tensors in kept:
            flat, parts = _in_one(arrays)
            self.kept.append(flat)
            for i, part in zip(places, parts, strict=True):
                part[...] = tensors[i]._array
                tensors[i]._array = part

    def stands_at(self, arrays: list[ndarray]) -> None:
        self.lines = [arrays[i].reshape(-1) for i in self.places]

    def cannot_be_cut(self, _gradients: list[ndarray]) -> bool:
        return True

    def run(self, step: Step, numbers: Any, _start: int, _stop: int, limit: int) -> None:
        np.concatenate(self.lines, out=self.p)
        for i, part in zip(self.places, self.of_g, strict=True):
            part[...] = step.gradients[i]
        step.take(limit, numbers, self.p, self.g, *self.kept)
        for line, part in zip(self.lines, self.of_p, strict=True):
            line[...] = part


def _in_one(arrays: list[ndarray]) -> tuple[ndarray, list[ndarray]]:
    """A new array, and its parts, of the shapes of ``arrays``. Each part is the owner of its memory."""
    size, dtype = sum(a.size for a in arrays), arrays[0].dtype
    memory = bytearray(size * dtype.itemsize)
    parts, start = [], 0
    for a in arrays:
        parts.append(np.ndarray(a.shape, dtype, memory, start))
        start += a.nbytes
    return np.ndarray(size, dtype, memory), parts


class Single:
    """A parameter that is stepped by itself."""

    def __init__(self, places: list[int], arrays: list[ndarray], kept: list[list[Tensor]]) -> None:
        [self.place] = self.places = places
        self.size, self.dtype = arrays[self.place].size, arrays[self.place].dtype
        self.kept = [tensors[self.place]._array for tensors in kept]

    def stands_at(self, arrays: list[ndarray]) -> None:
        self.p = arrays[self.place]
        self.even = all(a.flags.c_contiguous for a in (self.p, *self.kept))
        self.lines = [a.reshape(-1) for a in (self.p, *self.kept)] if self.even else []

    def cannot_be_cut(self, gradients: list[ndarray]) -> bool:
        return not (self.even and gradients[self.place].flags.c_contiguous)

    def run(self, step: Step, numbers: Any, start: int, stop: int, limit: int) -> None:
        g = step.gradients[self.place]
        if self.cannot_be_cut(step.gradients):
            step.take_as_it_lies(limit, numbers, self.p, g, *self.kept)
            return
        p, *kept = self.lines
        if stop - start < self.size:
            p, g, *kept = (a.reshape(-1)[start:stop] for a in (p, g, *kept))
        step.take(limit, numbers, p, g.reshape(-1), *kept)
