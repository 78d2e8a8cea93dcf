"""Convolutions with many channels, which run innermost in memory; relu and max-pool in one pass behind them.

The convolution itself is one of `arrays.convolution`, in memory that is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ...arrays.scratch import Memory, of_thread
from ...arrays.threads import divide
from ...arrays.windows import Geometry, Pair
from ..memory import Layout, in_order
from .epilogue import cut, grow, kept_of, shrink


class Wide:
    """One convolution of images of one shape, with kernels w (O, C, kh, kw), and what follows it.

    Args:
        size: (N, C, H, W) of the input, which has dtype ``dtype``.
        ways: the algorithms of the convolution and of the gradient of its input.
        pool: (ph, pw) of the windows of the max-pool, (1, 1) where there is none.
    """

    reads_x = True  # on the way back

    def __init__(
        self,
        size: Any,
        O: int,
        geometry: Geometry,
        ways: tuple[ModuleType, ModuleType],
        pool: Pair,
        relu: bool,
        dtype: Any,
        memory: Memory,
    ) -> None:
        self.N, self.C, *self.size = size
        self.O, self.geometry, self.ways, self.relu, self.dtype = O, geometry, ways, relu, np.dtype(dtype)
        self.ph, self.pw = pool
        self.plain = geometry.out(self.size)
        self.out = self.plain[0] // self.ph, self.plain[1] // self.pw  # of the windows
        self.row = self.N * O  # numbers of a pixel
        self.block, self.seconds = cut(self.out[0], self.ph * self.plain[1] * self.row, 0.0)
        self.memory = memory

    @property
    def pooled(self) -> bool:
        """Is there a max-pool?"""
        return self.ph * self.pw > 1

    @property
    def AI(self) -> Pair:
        """What lies between the pixels of a window along a row, and within them."""
        return self.out[1], self.row

    @property
    def kept(self) -> tuple[Layout, ...]:
        """What is kept for the way back: which taps were the largest."""
        return kept_of((self.ph, self.pw), self.out[0], self.AI)

    def slope_of_x(self) -> Layout:
        """The gradient of x, (N, C, H, W), the channels innermost in memory."""
        return in_order(self.N, self.C, *self.size, dtype=self.dtype, order=(2, 3, 0, 1))

    @property
    def result(self) -> Layout:
        """y (N, O, oh, ow), the channels innermost in memory."""
        return in_order(self.N, self.O, *self.out, dtype=self.dtype, order=(2, 3, 0, 1))

    def _windows(self, y: Any) -> Any:
        """The plain output (oh, ow, N * O) as (PH, ph, PW, pw, N * O): a view."""
        (PH, PW), (ph, pw) = self.out, (self.ph, self.pw)
        rows = y[: PH * ph].reshape(PH, ph, y.shape[1], self.row)
        return rows[:, :, : PW * pw].reshape(PH, ph, PW, pw, self.row)

    def forward(self, y: Any, kept: Sequence[Any], x: Any, w: Any, b: Any) -> None:
        """y (N, O, PH, PW) of x (N, C, H, W), and what is ``kept``; nothing, where that is empty."""
        flat = y.transpose(2, 3, 0, 1).reshape(*self.out, self.row)  # (PH, PW, N * O)
        plain = self.memory("plain", (*self.plain, self.row), self.dtype) if self.pooled else flat
        algorithm = self.ways[0]

        def memory(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
            return plain.reshape(shape) if key == "y" else self.memory(key, shape, dtype)

        algorithm.forward(x, w, None if self.pooled else b, self.geometry, 1, memory)
        biases = self.memory("biases", (self.row,), self.dtype)
        if b is not None:
            biases.reshape(self.N, self.O)[...] = b
        windows = self._windows(plain) if self.pooled else None

        def some(start: int, stop: int) -> None:
            rows = of_thread(self.memory, start)("rows", (self.block, self.ph, *self.AI), self.dtype)
            for r in range(start, stop, self.block):
                n = min(self.block, stop - r)
                p = flat[r : r + n]
                if windows is not None:
                    for call in shrink(windows[r : r + n], p, [k[:, r : r + n] for k in kept], rows[:n]):
                        call()
                    if b is not None:
                        np.add(p, biases, out=p)
                if self.relu:
                    np.maximum(p, 0, out=p)

        if self.pooled or self.relu:
            divide(self.out[0], some, self.seconds)

    def _for_slopes(self, start: int) -> Any:
        R, (A, I), ph, memory = self.block, self.AI, self.ph, of_thread(self.memory, start)
        shapes = {"rows": (R, ph, A, I), "factor": (R, ph, A, I), "slopes": (R, A, I), "sums": (2, I), "few": (R, I)}
        return *(memory(key, shape, self.dtype) for key, shape in shapes.items()), memory("mask", (R, A, I), bool)

    def _plain_slopes(self) -> Any:
        """Memory for the gradient of the plain output, 0 where no window covers it."""
        dy = self.memory("dy", (*self.plain, self.row), self.dtype)
        (PH, PW), (ph, pw) = self.out, (self.ph, self.pw)
        dy[PH * ph :] = dy[:, PW * pw :] = 0
        return dy

    def back(self, dw: Any, db: Any, dx: Any, g: Any, y: Any, w: Any, kept: Sequence[Any]) -> None:
        """The gradients of w, b (or None) and x (or None), from g, that of y; ``kept``, and x."""
        *keeps, x = kept
        g_rows, y_rows = (a.transpose(2, 3, 0, 1) for a in (g, y))  # (PH, PW, N, O)
        itself = not self.pooled and not self.relu and g_rows.flags.c_contiguous
        dy = g_rows.reshape(*self.plain, self.row) if itself else self._plain_slopes()
        windows, parts, ones = self._windows(dy), {}, np.ones(self.out[1], self.dtype)

        def some(start: int, stop: int) -> None:
            rows, factor, slopes, sums, few, mask = self._for_slopes(start)
            parts[start] = sums[0]
            sums[0] = 0
            for r in range(start, stop, self.block):
                n = min(self.block, stop - r)
                z = windows[r : r + n]
                d = slopes[:n] if self.pooled else z[:, 0, :, 0]
                four = d.reshape(n, self.out[1], self.N, self.O)
                if self.relu:
                    positive = np.greater(y_rows[r : r + n], 0, out=mask[:n].reshape(four.shape))
                    np.multiply(g_rows[r : r + n], positive, out=four)
                elif not itself:
                    np.copyto(four, g_rows[r : r + n])
                if db is not None:
                    sums[0] += np.add.reduce(np.matmul(ones, d, out=few[:n]), axis=0, out=sums[1])
                if self.pooled:
                    for call in grow(d, [k[:, r : r + n] for k in keeps], z, rows[:n], factor[:n]):
                        call()

        if db is not None or not itself:
            divide(self.out[0], some, self.seconds)
        if db is not None:
            first, *others = (parts[start] for start in sorted(parts))
            for other in others:
                first += other
            np.add.reduce(first.reshape(self.N, self.O), axis=0, out=db)
        slope = dy.reshape(*self.plain, self.N, self.O).transpose(2, 3, 0, 1)  # (N, O, oh, ow)

        def memory_of_weight(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
            return dw.reshape(shape) if key == "dw" else self.memory(key, shape, dtype)

        found = self.ways[0].weight(slope, x, self.geometry, 1, None, memory_of_weight)
        if not np.may_share_memory(found, dw):
            np.copyto(dw, found)
        if dx is not None:
            flat = dx.transpose(2, 3, 0, 1)  # (H, W, N, C)

            def memory(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
                whole = key == "y" and flat.size == np.prod(shape)
                return flat.reshape(shape) if whole else self.memory(key, shape, dtype)

            found = self.ways[1].image(slope, w, self.geometry, 1, tuple(self.size), memory)
            if not np.may_share_memory(found, dx):
                np.copyto(dx, found)
