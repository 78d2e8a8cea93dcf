"""Images in the order that they have in memory, taken block by block: what a block needs stays in the cache.

Blocks are cut along the outermost dimension, between the windows of a max-pool. Threads share them, and each block has
sums of its own, so that these do not hang on how many threads there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ...arrays.scratch import Memory
from ...arrays.threads import Calls
from ...arrays.windows import Pair
from ..memory import Layout, in_order, like
from .epilogue import BLOCK

WIDE = 1 << 14  # numbers in a row that repeats what is one for each channel: of 2^12 a pass takes half as long again
SUMS = 1 << 11  # the same where columns are summed up


def kept_shapes(x: Sequence[int], pool: Pair) -> tuple[Any, Any]:
    """The shapes of what says which tap of a window is the largest, along the width and along the height."""
    (N, C, H, W), (ph, pw) = x, pool
    return (pw - 1, N, C, H // ph * ph, W // pw), (ph - 1, N, C, H // ph, W // pw)


class Images:
    """Images like x (N, C, H, W), and the windows of a max-pool on them, side by side."""

    def __init__(self, x: Any, pool: Pair, memory: Memory) -> None:
        self.shape, self.dtype, self.pool, self.memory = x.shape, x.dtype, pool, memory
        (N, C, H, W), (ph, pw), inner = x.shape, pool, (2, 3, 0, 1)
        self.order = inner if x.transpose(inner).flags.c_contiguous else like(x).order  # from the outermost inwards
        self.outer, self.last = self.order[0], self.order[-1] == 1  # the outermost; are channels innermost?
        self.out = N, C, H // ph, W // pw
        self.whole, self.small = (Layout(shape, self.dtype, self.order) for shape in (self.shape, self.out))
        self.unit = {2: ph, 3: pw}.get(self.outer, 1)  # pixels of a window along the outermost dimension
        length = x.shape[self.outer]
        windows = length // self.unit
        n = min(windows, -(-x.size // BLOCK))
        cuts = [windows * k // n * self.unit for k in range(n)]
        self.blocks = list(zip(cuts, [*cuts[1:], length], strict=True))
        self.longest = max(stop - start for start, stop in self.blocks)
        self.repeat, self.of_sums = (self._repeats(most) for most in (WIDE, SUMS))
        within = self.order[1:-1] if self.last else self.order[self.order.index(1) + 1 :]
        pixels = math.prod(x.shape[d] for d in within)
        self.ones = np.ones(self.longest * pixels // self.of_sums if self.last else pixels, self.dtype)

    def _repeats(self, most: int) -> int:
        """How often a number for each channel stands in a row of up to so many, before and after the pool."""
        within = (math.prod(size[d] for d in self.order[1:-1]) for size in (self.shape, self.out))
        n = math.gcd(*within) if self.last else 1
        return next((k for k in range(most // self.shape[1], 0, -1) if n % k == 0), 1)

    # ---------------------------------------------------------------------------------------------------------- memory
    @property
    def kept(self) -> tuple[Layout, ...]:
        """What is kept of a pool for the way back: see `kept_shapes`."""
        order = 0, *(d + 1 for d in self.order)
        return tuple(in_order(*shape, dtype=bool, order=order) for shape in kept_shapes(self.shape, self.pool))

    def _of(self, memory: Memory, key: str, shape: Sequence[int], dtype: Any = None) -> Any:
        """Memory for (n, c, h, w), as images lie."""
        layout = Layout(tuple(shape), np.dtype(dtype or self.dtype), self.order)
        return layout.over(memory(key, (layout.nbytes,), np.uint8))

    def lies(self, a: Any) -> bool:
        """Does it lie as images do, without gaps?"""
        return bool(a.transpose(self.order).flags.c_contiguous)

    def room_of_all(self, key: str) -> Any:
        """Memory for all images."""
        return self._of(self.memory, key, self.shape)

    def room(self, memory: Memory, key: str, shape: Sequence[int], block: Pair, dtype: Any = None) -> Any:
        """Memory for a block of what has this shape."""
        _, most = self._along(shape, (0, self.longest))
        start, stop = self._along(shape, block)
        room = self._of(memory, key, [most if d == self.outer else n for d, n in enumerate(shape)], dtype)
        return room[(*(slice(None),) * self.outer, slice(stop - start))]

    # ----------------------------------------------------------------------------------------------------------- views
    def _along(self, shape: Sequence[int], block: Pair) -> Pair:
        """Where a block begins and ends in what has this shape: in pixels, or in windows."""
        unit = self.unit if shape[self.outer] == self.out[self.outer] else 1
        return block[0] // unit, block[1] // unit

    def part(self, a: Any, block: Pair) -> Any:
        """A block of images."""
        return a[(*(slice(None),) * self.outer, slice(*self._along(a.shape, block)))]

    def flat(self, a: Any, repeat: int = 0) -> Any:
        """Part of images as a matrix whose columns have one channel each, or as (., C, .)."""
        a, k = a.transpose(self.order), self.order.index(1)
        if self.last:
            return a.reshape(-1, (repeat or self.repeat) * self.shape[1])
        return a.reshape(math.prod(a.shape[:k]), a.shape[k], math.prod(a.shape[k + 1 :]))

    def windows(self, a: Any) -> Any:
        """(n, c, h, w) as windows, (h / ph, ph, w / pw, pw, ., .), without what no window covers."""
        return self._split(a, *self.pool)

    def rows(self, a: Any) -> Any:
        """What has all rows of windows, but one pixel along each: (h / ph, ph, w, ., .)."""
        return self._split(a, self.pool[0], 1)[:, :, :, 0]

    def pixels(self, a: Any) -> Any:
        """What has one pixel for each window: (h, w, ., .)."""
        return self._split(a, 1, 1)[:, 0, :, 0]

    def _split(self, a: Any, ph: int, pw: int) -> Any:
        h, w = a.shape[2] // ph, a.shape[3] // pw
        a = a.transpose(2, 3, *(d for d in self.order if d < 2))[: h * ph, : w * pw]
        return a.reshape(h, ph, w, pw, *a.shape[2:])

    def keeps(self, keeps: Sequence[Any], block: Pair) -> list[list[Any]]:
        """What is kept of a block, as `epilogue` takes it."""
        across, down = keeps
        rows = [self.rows(self.part(keep, block)) for keep in across]
        return [rows, [self.pixels(self.part(keep, block)) for keep in down]]

    # ------------------------------------------------------------------------------------------------- for each channel
    def row(self, key: str) -> Any:
        """Memory for a number for each channel, as it stands beside `flat`."""
        return self.memory(key, (self.repeat * self.shape[1],) if self.last else (self.shape[1], 1), self.dtype)

    def fill(self, row: Any, v: Any) -> None:
        """Put a number for each channel (C,) into a row."""
        row.reshape(self.repeat, -1)[...] = v

    def mine(self, row: Any, block: Pair) -> Any:
        """Of a row what belongs to a block."""
        return row[slice(*block)] if self.outer == 1 else row

    @property
    def _sums(self) -> Any:
        blocks = 1 if self.outer == 1 else len(self.blocks)
        return self.memory("sums", (blocks, 2, self.of_sums * self.shape[1]), self.dtype)

    def sum_up(self, k: int, a: Any, b: Any, memory: Memory) -> Calls:
        """The sums of a and of a * b of the k-th block, for each channel."""
        out = self._sums[0, :, slice(*self.blocks[k])] if self.outer == 1 else self._sums[k]
        a, b = self.flat(a, self.of_sums), self.flat(b, self.of_sums)
        if self.last:
            yield partial(np.matmul, self.ones[: len(a)], a, out=out[0])
            yield partial(np.einsum, "rc,rc->c", a, b, out=out[1])
        else:
            few = memory("few", (2, *a.shape[:2]), self.dtype)
            yield partial(np.matmul, a, self.ones[: a.shape[2]], out=few[0])
            yield partial(np.einsum, "rcm,rcm->rc", a, b, out=few[1])
            yield partial(np.add.reduce, few, axis=1, out=out)

    def totals(self) -> Any:
        """What was summed up of all blocks, (2, C)."""
        each = np.add.reduce(self._sums, axis=0, out=self.memory("of blocks", self._sums.shape[1:], self.dtype))
        found = self.memory("totals", (2, self.shape[1]), self.dtype)
        return np.add.reduce(each.reshape(2, self.of_sums, -1), axis=1, out=found)
