"""Convolutions with few channels: rows of `Columns`, the batch innermost, relu and max-pool in the same pass.

The channels of the result run innermost in memory where the next convolution wants them so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ...arrays.convolution.rowview import _pieces, products
from ...arrays.scratch import Memory, of_thread
from ...arrays.threads import Calls, by_part, divide
from ...arrays.windows import Geometry, Pair
from ..memory import Layout, in_order
from .columns import Columns
from .epilogue import Once, cut, grow, kept_of, shrink


class Rows(Columns):
    """One convolution of images of one shape, and what follows it.

    Args:
        relu: does a relu follow, and then a max-pool with windows ``pool``?
        last: are the channels of the result to run innermost in memory?
    """

    reads_x = False  # on the way back

    def __init__(
        self,
        size: tuple[int, ...],
        O: int,
        geometry: Geometry,
        pool: Pair,
        relu: bool,
        last: bool,
        dtype: Any,
        memory: Memory,
    ) -> None:
        super().__init__(size, O, geometry, pool, dtype, memory)
        self.relu, self.last = relu, last
        self.block, self.seconds = cut(self.out[0], self.ph * O * self.L, self.products)  # rows of windows
        self.AI = (1, self.out[1] * self.N * O) if last else (O, self.out[1] * self.N)
        self.ones = np.ones(self.out[1] * self.N, dtype)
        self.pieces = _pieces(O * self.K, self.L)  # of a row, each a product that BLAS is quick with
        self._forth, self._back = Once(self._forth_on), Once(self._back_on)

    # ------------------------------------------------------------------------------------------------------- layouts
    @property
    def kept(self) -> tuple[Layout, ...]:
        """What is kept for the way back: which taps were the largest, and the columns."""
        return *kept_of((self.ph, self.pw), self.out[0], self.AI), self.columns

    @property
    def result(self) -> Layout:
        """y (N, O, oh, ow), the batch or the channels innermost in memory."""
        return in_order(self.N, self.O, *self.out, dtype=self.dtype, order=(2, 3, 0, 1) if self.last else (1, 2, 3, 0))

    def rows_first(self, a: Any) -> Any:
        """a (N, O, PH, PW) as (PH, O, PW, N), or as (PH, PW, N, O): a view."""
        return a.transpose(2, 3, 0, 1) if self.last else a.transpose(2, 1, 3, 0)

    # --------------------------------------------------------------------------------------------------- the way forth
    def forward(self, y: Any, kept: Sequence[Any], x: Any, w: Any, b: Any) -> None:
        """y (N, O, PH, PW) of x (N, C, H, W), and what is ``kept``; nothing, where that is empty."""
        *keeps, columns = kept or [self.memory("columns", self.columns.shape, self.dtype)]
        self.fill(columns, x)
        kernels, biases, some = self._forth(y, columns, b is not None, *keeps)
        np.copyto(kernels, w.transpose(0, 2, 3, 1))
        if b is not None:
            biases[...] = b
        divide(self.out[0], some, self.seconds)

    def _forth_on(self, y: Any, columns: Any, biased: bool, *keeps: Any) -> tuple[Any, Any, Any]:
        """Where kernels and biases belong, and what is done then, for some rows of windows."""
        O, (PH, PW), N = self.O, self.out, self.N
        flat, stacked = self.rows_first(y).reshape(PH, *self.AI), self.stacked(columns)
        kernels = self.memory("w", (O, self.kh, self.kw, self.C), self.dtype)
        bias = self.memory("biases", (N if self.last else 1, O), self.dtype)  # of as long rows as there are
        W, long = kernels.reshape(O, self.K), bias.reshape(N * O) if self.last else bias.reshape(O, 1)

        def calls(start: int, stop: int) -> Calls:
            mine, R = of_thread(self.memory, start), self.block
            room = mine("room", (R, self.ph, self.AI[0], self.pw, self.AI[1]), self.dtype)
            rows = mine("rows", (R, self.ph, *self.AI), self.dtype)
            for r in range(start, stop, self.block):
                n = min(self.block, stop - r)
                p, part = flat[r : r + n], stacked[r * self.ph : (r + n) * self.ph]
                z = room[:n] if self.ph * self.pw > 1 else p
                shape = (len(part), self.L, O) if self.last else (len(part), O, self.L)
                yield partial(products, W, part, z.reshape(shape).transpose(0, 2, 1) if self.last else z.reshape(shape))
                if z is not p:
                    yield from shrink(z, p, [k[:, r : r + n] for k in keeps], rows[:n])
                if biased:
                    q = p.reshape(n * PW, N * O) if self.last else p
                    yield partial(np.add, q, long, out=q)
                if self.relu:
                    yield partial(np.maximum, p, 0, out=p)

        return kernels, bias, by_part(calls)

    # ----------------------------------------------------------------------------------------------------- the way back
    def _for_slopes(self, start: int) -> Any:
        R, ph, O, (A, I), K, memory = self.block, self.ph, self.O, self.AI, self.K, of_thread(self.memory, start)
        shapes = {"room": (R, ph, A, self.pw, I), "rows": (R, ph, A, I), "factor": (R, ph, A, I), "slopes": (R, A, I)}
        shapes |= {"sums": (2, O), "few": (R, O), "total": (2, K, O), "of rows": (R * ph, self.pieces, K, O)}
        return *(memory(key, shape, self.dtype) for key, shape in shapes.items()), memory("mask", (R, A, I), bool)

    def back(self, dw: Any, db: Any, dx: Any, g: Any, y: Any, w: Any, kept: Sequence[Any]) -> None:
        """The gradients of w, b (or None) and x (or None), from g, that of y."""
        (*keeps, columns), dy = kept, None if dx is None else self.dy
        some, parts = self._back(g, y, columns, db is not None, dy, *keeps)
        parts.clear()  # there may have been more threads before
        divide(self.out[0], some, self.seconds)
        first, *others = sorted(parts)
        sums, total = parts[first]
        for start in others:
            sums += parts[start][0]
            total += parts[start][1]
        np.copyto(dw, total.reshape(self.kh, self.kw, self.C, self.O).transpose(3, 2, 0, 1))
        if db is not None:
            np.copyto(db, sums)
        if dx is not None:
            self.back_to_image(dx, w)

    def _back_on(self, g: Any, y: Any, columns: Any, biased: bool, dy: Any, *keeps: Any) -> tuple[Any, Any]:
        """What is done for some rows of windows, and the sums of each part that was done.

        ``dy``, if given, gets the gradient of the plain convolution: (oh, O, L), the pixels in the order of the pool.
        """
        O, PW, N, pieces = self.O, self.out[1], self.N, self.pieces
        flat_g, flat_y, stacked = self.rows_first(g), self.rows_first(y), self.stacked(columns)
        four, pooled = flat_y.shape[1:], self.ph * self.pw > 1
        parts: dict[int, Any] = {}  # by the first row

        def calls(start: int, stop: int) -> Calls:
            room, rows, factor, slopes, sums, few, total, each_row, mask = self._for_slopes(start)
            yield partial(parts.__setitem__, start, (sums[0], total[0]))
            for r in range(start, stop, self.block):
                n, more = min(self.block, stop - r), int(r > start)
                h = n * self.ph
                there = None if dy is None else dy[r * self.ph : r * self.ph + h]  # (h, O, L)
                d = slopes[:n] if pooled or there is None or self.last else there.reshape(slopes[:n].shape)
                out = d.reshape(n, *four)
                if self.relu:
                    positive = mask[:n].reshape(n, *four)
                    yield partial(np.greater, flat_y[r : r + n], 0, out=positive)
                    yield partial(np.multiply, flat_g[r : r + n], positive, out=out)
                else:
                    yield partial(np.copyto, out, flat_g[r : r + n])
                if biased:
                    if self.last:
                        yield partial(np.matmul, self.ones, d.reshape(n, PW * N, O), out=few[:n])
                    each, axis = (few[:n], 0) if self.last else (d, (0, 2))
                    yield partial(np.add.reduce, each, axis=axis, out=sums[more])
                    if more:
                        yield partial(np.add, sums[0], sums[1], out=sums[0])
                if pooled:
                    z = room[:n] if there is None or self.last else there.reshape(n, *room.shape[1:])
                    yield from grow(d, [k[:, r : r + n] for k in keeps], z, rows[:n], factor[:n])
                    d = z
                pixels = self._pixels_first(d, h)
                if there is not None and self.last:
                    yield partial(np.copyto, there, pixels.transpose(0, 2, 1))
                of_pieces = pixels.reshape(h, pieces, -1, O)
                part = stacked[r * self.ph : r * self.ph + h].reshape(h, self.K, pieces, -1).transpose(0, 2, 1, 3)
                yield partial(np.matmul, part, of_pieces, out=each_row[:h])
                yield partial(np.add.reduce, each_row[:h], axis=(0, 1), out=total[more])
                if more:
                    yield partial(np.add, total[0], total[1], out=total[0])

        return by_part(calls), parts

    def _pixels_first(self, d: Any, rows: int) -> Any:
        """The gradient of some rows of the plain convolution as (rows, L, O)."""
        return d.reshape(rows, self.L, self.O) if self.last else d.reshape(rows, self.O, self.L).transpose(0, 2, 1)
