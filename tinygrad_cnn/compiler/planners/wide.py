"""Convolutions with many channels, which run innermost in memory; relu and max-pool in one pass behind them.

The convolution itself is one of `arrays.convolution`, in memory that is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from ...arrays.convolution import lastcol, winograd
from ...arrays.copying import copy_into
from ...arrays.scratch import Memory, of_thread
from ...arrays.threads import Calls, by_part, divide
from ...arrays.windows import Geometry, Pair
from ..memory import Layout, in_order
from .epilogue import Once, cut, grow, kept_of, shrink


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
        self._forth, self._end, self._slopes = Once(self._forth_on), Once(self._end_on), Once(self._slopes_on)
        self._weight, self._image, self._itself = Once(self._weight_on), Once(self._image_on), Once(self._rows_of)

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

    def _rows_of(self, y: Any) -> Any:
        """y (N, O, PH, PW) as (PH, PW, N * O): a view."""
        return y.transpose(2, 3, 0, 1).reshape(*y.shape[2:], -1)

    # --------------------------------------------------------------------------------------------------- the way forth
    def forward(self, y: Any, kept: Sequence[Any], x: Any, w: Any, b: Any) -> None:
        """y (N, O, PH, PW) of x (N, C, H, W), and what is ``kept``; nothing, where that is empty."""
        bias = None
        if b is not None:
            bias = self.memory("biases", (self.row,), self.dtype)
            bias.reshape(self.N, self.O)[...] = b
        if self.ways[0] is winograd and 4 % self.ph == 0:
            return divide(*self._forth(winograd.kernels(w, self.memory), bias, x, y, *kept))
        plain = self.memory("plain", (*self.plain, self.row), self.dtype) if self.pooled else self._rows_of(y)

        def memory(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
            return plain.reshape(shape) if key == "y" else self.memory(key, shape, dtype)

        self.ways[0].forward(x, w, None if self.pooled else b, self.geometry, 1, memory)
        if self.pooled or self.relu:
            divide(self.out[0], self._end(plain, bias if self.pooled else None, y, *kept), self.seconds)

    def _forth_on(self, U: Any, bias: Any, x: Any, y: Any, *kept: Any) -> winograd.Job:
        """In tiles: what follows is done with some rows of them as soon as they are there."""
        flat, ph, (_, ow) = self._rows_of(y), self.ph, self.plain

        def place(memory: Memory, rows: slice, numbers: slice) -> Any:
            shape = rows.stop - rows.start, ow, numbers.stop - numbers.start
            return memory("plain", shape, self.dtype) if self.pooled else flat[rows, :, numbers]

        def after(memory: Memory, rows: slice, numbers: slice, z: Any) -> Calls:
            some = slice(rows.start // ph, min(rows.stop // ph, len(flat)))
            if some.start < some.stop:
                keeps = [k[:, some, ..., numbers] for k in kept]
                yield from self._finish(memory, z, None, flat[some, :, numbers], keeps)

        of_pixel = None if bias is None else bias[: self.O]
        return winograd.slide(x, U, of_pixel, place, self.geometry, self.memory, after)

    def _end_on(self, plain: Any, bias: Any, y: Any, *kept: Any) -> Callable[[int, int], None]:
        """What follows, some rows at a time."""
        flat, ph = self._rows_of(y), self.ph

        def calls(start: int, stop: int) -> Calls:
            for r in range(start, stop, self.block):
                some = slice(r, min(r + self.block, stop))
                z = plain[some.start * ph : some.stop * ph]
                yield from self._finish(of_thread(self.memory, start), z, bias, flat[some], [k[:, some] for k in kept])

        return by_part(calls)

    def _finish(self, memory: Memory, z: Any, bias: Any, p: Any, keeps: Sequence[Any]) -> Calls:
        """Max-pool, ``bias`` unless it is None, and relu: p (n, PW, I) of rows z (n ph, ow, I) of the plain output."""
        n, PW, I = p.shape
        if self.pooled:
            windows = z[: n * self.ph, : PW * self.pw].reshape(n, self.ph, PW, self.pw, I)
            yield from shrink(windows, p, keeps, memory("rows", (n, self.ph, PW, I), self.dtype))
        if bias is not None:
            yield partial(np.add, p, bias, out=p)
        if self.relu:
            yield partial(np.maximum, p, 0, out=p)

    # ---------------------------------------------------------------------------------------------------- the way back
    def back(self, dw: Any, db: Any, dx: Any, g: Any, y: Any, w: Any, kept: Sequence[Any]) -> None:
        """The gradients of w, b (or None) and x (or None), from g, that of y; ``kept``, and x."""
        *keeps, x = kept
        itself = not self.pooled and not self.relu and g.transpose(2, 3, 0, 1).flags.c_contiguous
        dy = self._itself(g) if itself else self._plain_slopes()
        if db is not None or not itself:
            some, parts = self._slopes(g, y, dy, db is not None, itself, *keeps)
            parts.clear()  # there may have been more threads before
            divide(self.out[0], some, self.seconds)
        if db is not None:
            first, *others = (parts[start] for start in sorted(parts))
            for other in others:
                first += other
            np.add.reduce(first.reshape(self.N, self.O), axis=0, out=db)
        if self.ways[0] is winograd:
            job, parts = self._weight(dy, x)
            winograd.weight_of(job, parts, dw, self.memory)
        else:
            np.copyto(dw, lastcol.weight(self._pixels(dy), x, self.geometry, memory=self.memory))
        if dx is not None:
            self._to_image(dx, dy, w)

    def _pixels(self, dy: Any) -> Any:
        """The gradient of the plain output, (N, O, oh, ow)."""
        return dy.reshape(*self.plain, self.N, self.O).transpose(2, 3, 0, 1)

    def _plain_slopes(self) -> Any:
        """Memory for the gradient of the plain output, (oh, ow, N * O): 0 where no window covers it."""
        dy = self.memory("dy", (*self.plain, self.row), self.dtype)
        (PH, PW), (ph, pw) = self.out, (self.ph, self.pw)
        dy[PH * ph :] = dy[:, PW * pw :] = 0
        return dy

    def _slopes_on(self, g: Any, y: Any, dy: Any, biased: bool, itself: bool, *keeps: Any) -> tuple[Any, Any]:
        """What puts the gradient of the plain output into dy, unless g is that itself; and the sums of each part."""
        (PH, PW), (ph, pw), N, O = self.out, (self.ph, self.pw), self.N, self.O
        g_rows, y_rows = (a.transpose(2, 3, 0, 1) for a in (g, y))  # (PH, PW, N, O)
        windows = dy[: PH * ph, : PW * pw].reshape(PH, ph, PW, pw, self.row)
        ones = np.ones(PW, self.dtype)
        parts: dict[int, Any] = {}  # by the first row

        def calls(start: int, stop: int) -> Calls:
            room = of_thread(self.memory, start)
            sums, few = room("sums", (2, self.row), self.dtype), room("few", (self.block, self.row), self.dtype)
            yield partial(parts.__setitem__, start, sums[0])
            yield partial(sums[0].fill, 0)
            for r in range(start, stop, self.block):
                n = min(self.block, stop - r)
                z = windows[r : r + n]
                d = room("slopes", (n, PW, self.row), self.dtype) if self.pooled else z[:, 0, :, 0]
                four, source = d.reshape(n, PW, N, O), g_rows[r : r + n]
                if not itself and not (self.relu and source.flags.c_contiguous):
                    yield partial(copy_into, four, source)
                    source = four
                if self.relu:
                    positive = room("mask", four.shape, bool)
                    yield partial(np.greater, y_rows[r : r + n], 0, out=positive)
                    yield partial(np.multiply, source, positive, out=four)
                if biased:
                    yield partial(np.matmul, ones, d, out=few[:n])
                    yield partial(np.add.reduce, few[:n], axis=0, out=sums[1])
                    yield partial(np.add, sums[0], sums[1], out=sums[0])
                if self.pooled:
                    scratch = (room(key, (n, ph, PW, self.row), self.dtype) for key in ("rows", "factor"))
                    yield from grow(d, [k[:, r : r + n] for k in keeps], z, *scratch)

        return by_part(calls), parts

    def _weight_on(self, dy: Any, x: Any) -> Any:
        return winograd.correlate(self._pixels(dy), x, self.geometry, self.memory)

    def _to_image(self, dx: Any, dy: Any, w: Any) -> None:
        if self.ways[1] is winograd and winograd.geometry_of_image(self.geometry) is not None:
            return divide(*self._image(winograd.turned_kernels(w, self.memory), dy, dx))
        flat = dx.transpose(2, 3, 0, 1)  # (H, W, N, C)

        def memory(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
            whole = key == "p" and flat.size == math.prod(shape)
            return flat.reshape(shape) if whole else self.memory(key, shape, dtype)

        found = self.ways[1].image(self._pixels(dy), w, self.geometry, 1, tuple(self.size), memory)
        if not np.may_share_memory(found, dx):
            np.copyto(dx, found)

    def _image_on(self, U: Any, dy: Any, dx: Any) -> winograd.Job:
        flat, turned = self._rows_of(dx), winograd.geometry_of_image(self.geometry)
        assert turned is not None
        return winograd.slide(self._pixels(dy), U, None, lambda _, r, n: flat[r, :, n], turned, self.memory)
