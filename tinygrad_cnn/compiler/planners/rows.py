"""Convolutions with few channels: rows of columns, the batch innermost, relu and max-pool in the same pass.

As in `arrays.convolution.rowview`, columns hold the taps along the width, (rows, kw, C, pw, PW, N), and those along the
height are a view. The pixels of a row stand in the order in which the pool takes them: all first pixels of its windows,
then all second ones, so that what is compared lies in long runs. The channels of the result run innermost in memory where
the next convolution wants them so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from ...arrays.convolution.rowview import _pieces, products
from ...arrays.scratch import Memory, of_thread
from ...arrays.threads import divide
from ...arrays.windows import Geometry, Pair, strided
from ..memory import Layout, in_order
from .epilogue import BLOCK, Calls, Once, by_part, cut, grow, kept_of, shrink


class Rows:
    """One convolution of images of one shape, with kernels w (O, C, kh, kw), and what follows it.

    Args:
        size: (N, C, H, W) of the input, which has dtype ``dtype``.
        pool: (ph, pw) of the windows of the max-pool, (1, 1) where there is none.
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
        self.N, self.C, self.H, self.W = size
        self.O, self.geometry, self.relu, self.last, self.dtype = O, geometry, relu, last, np.dtype(dtype)
        (self.kh, self.kw), (self.sh, sw), (self.dh, dw) = geometry.kernel, geometry.stride, geometry.dilation
        self.ph, self.pw = pool
        oh, ow = geometry.out((self.H, self.W))
        self.out = oh // self.ph, ow // self.pw  # of the windows
        self.oh, self.Hp = self.out[0] * self.ph, geometry.padded((self.H, self.W))[0]
        self.K, self.L = self.kh * self.kw * self.C, self.out[1] * self.pw * self.N
        self.apart = self.pw * sw  # pixels from one window to the next
        self.Wq = -(-geometry.padded((self.H, self.W))[1] // self.apart)
        self._image = self.Hp, self.C, self.apart, self.Wq, self.N
        self.starts = {(j, t): divmod(t * sw + j * dw, self.apart) for j in range(self.kw) for t in range(self.pw)}
        products = O * self.K * self.oh * self.L / 1e11
        self.block, self.seconds = cut(self.out[0], self.ph * O * self.L, products)  # rows of windows
        self.AI = (1, self.out[1] * self.N * O) if self.last else (O, self.out[1] * self.N)
        self.memory, self.ones = memory, np.ones(self.out[1] * self.N, dtype)
        self.pieces = _pieces(O * self.K, self.L)  # of a row, each a product that BLAS is quick with
        row = self.C * self.apart * self.Wq * self.N
        self.image_block = max(1, BLOCK // max(1, row + self.kw * self.C * self.L))
        self._to_image, self._to_columns = Once(self._into_image), Once(self._into_columns)
        self._forth, self._back = Once(self._forth_on), Once(self._back_on)
        self._dy: Any = None  # one view, by which calls are known

    @cached_property
    def image(self) -> Any:
        """The padded input, pixels sorted by the window that they belong to; its borders stay 0."""
        return np.zeros(self._image, self.dtype)

    # ------------------------------------------------------------------------------------------------------- layouts
    @property
    def columns(self) -> Layout:
        """The columns."""
        return in_order(self.Hp, self.kw, self.C, self.pw, self.out[1], self.N, dtype=self.dtype)

    @property
    def kept(self) -> tuple[Layout, ...]:
        """What is kept for the way back: which taps were the largest, and the columns."""
        return *kept_of((self.ph, self.pw), self.out[0], self.AI), self.columns

    @property
    def result(self) -> Layout:
        """y (N, O, oh, ow), the batch or the channels innermost in memory."""
        return in_order(self.N, self.O, *self.out, dtype=self.dtype, order=(2, 3, 0, 1) if self.last else (1, 2, 3, 0))

    def slope_of_x(self) -> Layout:
        """The gradient of x, (N, C, H, W), the batch innermost in memory, rows outermost."""
        return in_order(self.N, self.C, self.H, self.W, dtype=self.dtype, order=(2, 1, 3, 0))

    def rows_first(self, a: Any) -> Any:
        """a (N, O, PH, PW) as (PH, O, PW, N), or as (PH, PW, N, O): a view."""
        return a.transpose(2, 3, 0, 1) if self.last else a.transpose(2, 1, 3, 0)

    # --------------------------------------------------------------------------------------------------- the way forth
    def _inner(self, image: Any, rows: bool = True) -> list[tuple[Any, slice]]:
        """The places of pixels within the padding, (H, C, w, N), with the pixels of a row that go there.

        ``rows``: is there padding above and below, too?
        """
        (top, _), (left, _) = self.geometry.padding
        found = []
        if rows:
            image = image[top : top + self.H]
        for r in range(self.apart):
            first = (r - left) % self.apart
            n = len(range(first, self.W, self.apart))
            q = (first + left) // self.apart
            if n:
                found.append((image[:, :, r, q : q + n], slice(first, None, self.apart)))
        return found

    def _into_image(self, x: Any) -> list[Any]:
        rows_first = x.transpose(2, 1, 3, 0)  # (H, C, W, N)
        return [partial(np.copyto, place, rows_first[:, :, pixels]) for place, pixels in self._inner(self.image)]

    def _into_columns(self, columns: Any) -> list[Any]:
        q, image = self.out[1], self.image
        pairs = [(columns[:, j, :, t], image[:, :, r, o : o + q]) for (j, t), (o, r) in self.starts.items()]
        return [partial(np.copyto, place, pixels) for place, pixels in pairs]

    def fill(self, columns: Any, x: Any) -> None:
        """The columns of x (N, C, H, W)."""
        for call in self._to_image(x):
            call()
        for call in self._to_columns(columns):
            call()

    def stacked(self, columns: Any) -> Any:
        """The columns of every row of output: a view (oh, K, L)."""
        row, item = columns.strides[0], columns.itemsize
        return strided(columns, (self.oh, self.K, self.L), (row * self.sh, self.L * item, item))

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
        four = flat_y.shape[1:]
        parts: dict[int, Any] = {}  # by the first row

        def calls(start: int, stop: int) -> Calls:
            room, rows, factor, slopes, sums, few, total, each_row, mask = self._for_slopes(start)
            yield partial(parts.__setitem__, start, (sums[0], total[0]))
            yield partial(sums[0].fill, 0)
            yield partial(total[0].fill, 0)
            for r in range(start, stop, self.block):
                n = min(self.block, stop - r)
                h, d = n * self.ph, slopes[:n]
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
                    yield partial(np.add.reduce, each, axis=axis, out=sums[1])
                    yield partial(np.add, sums[0], sums[1], out=sums[0])
                there = None if dy is None else dy[r * self.ph : r * self.ph + h]  # (h, O, L)
                if self.ph * self.pw > 1 or (there is not None and not self.last):
                    z = room[:n] if there is None or self.last else there.reshape(n, *room.shape[1:])
                    yield from grow(d, [k[:, r : r + n] for k in keeps], z, rows[:n], factor[:n])
                    d = z
                pixels = self._pixels_first(d, h)
                if there is not None and self.last:
                    yield partial(np.copyto, there, pixels.transpose(0, 2, 1))
                of_pieces = pixels.reshape(h, pieces, -1, O)
                part = stacked[r * self.ph : r * self.ph + h].reshape(h, self.K, pieces, -1).transpose(0, 2, 1, 3)
                yield partial(np.matmul, part, of_pieces, out=each_row[:h])
                yield partial(np.add.reduce, each_row[:h], axis=(0, 1), out=total[1])
                yield partial(np.add, total[0], total[1], out=total[0])

        return by_part(calls), parts

    def _pixels_first(self, d: Any, rows: int) -> Any:
        """The gradient of some rows of the plain convolution as (rows, L, O)."""
        return d.reshape(rows, self.L, self.O) if self.last else d.reshape(rows, self.O, self.L).transpose(0, 2, 1)

    @property
    def dy(self) -> Any:
        """Memory for the gradient of the plain convolution, (oh, O, L), between rows that stay 0."""
        room, above = self._rows_of_slopes, self._above
        room[:above] = room[above + self.oh :] = 0
        if self._dy is None:
            self._dy = room[above : above + self.oh]
        return self._dy

    @property
    def _above(self) -> int:
        """How many rows of output see a row of the image besides the one that begins there."""
        return (self.kh - 1) // self.sh

    @property
    def _begin(self) -> int:
        """How many rows of output could begin on the padded image."""
        return (self.Hp - 1) // self.sh + 1

    @property
    def _rows_of_slopes(self) -> Any:
        return self.memory("slopes of rows", (self._above + self._begin, self.O, self.L), self.dtype)

    def back_to_image(self, dx: Any, w: Any) -> None:
        """The gradient of x, (N, C, H, W), of what was put into `dy`.

        The rows of x whose place modulo the stride is r meet every sh-th row of the kernels, from r on. Each is one
        product with the rows of output that saw it; beside the image these are 0, and 0 * inf would be NaN.
        """
        rows_first = dx.transpose(2, 1, 3, 0)  # (H, C, W, N)
        if not np.isfinite(w).all():
            return self._tap_by_tap(rows_first, w)
        (top, _), sh, q = self.geometry.padding[0], self.sh, self.out[1]
        phases = [self._phase(r, w) for r in range(sh)]

        def some(start: int, stop: int) -> None:
            n, mine = self.image_block, of_thread(self.memory, start)
            place = mine("place", (n, self.C, self.apart, self.Wq, self.N), self.dtype)
            found = mine("found", (n, self.kw * self.C, self.L), self.dtype)
            blocks = ((first, r) for first in range(start, stop, self.image_block) for r in range(sh))
            for first, r in blocks:
                turned, seen = phases[r]
                low = max(first, -((r - top) // sh))
                n = min(first + self.image_block, stop, (self.H - 1 + top - r) // sh + 1) - low
                if n <= 0:
                    continue
                products(turned, seen[low : low + n], found[:n])
                taps = found[:n].reshape(n, self.kw, self.C, self.pw, q, self.N)
                place[:n] = 0
                for (j, t), (o, k) in self.starts.items():
                    place[:n, :, k, o : o + q] += taps[:, j, :, t]
                rows = rows_first[low * sh + r - top :: sh][:n]
                for part, pixels in self._inner(place[:n], rows=False):
                    np.copyto(rows[:, :, pixels], part)

        divide(self._begin, some, self.seconds)

    def _phase(self, r: int, w: Any) -> tuple[Any, Any]:
        """Every sh-th row of the kernels from r on, backwards, (kw C, m O); and the rows of slopes they meet, stacked."""
        m = len(range(r, self.kh, self.sh))
        W, room = self.memory(("turned", r), (self.kw, self.C, m, self.O), self.dtype), self._rows_of_slopes
        np.copyto(W, w[:, :, r :: self.sh][:, :, ::-1].transpose(3, 1, 2, 0))
        row, item = room.strides[0], room.itemsize
        shape = self._begin, m * self.O, self.L
        seen = strided(room, shape, (row, self.L * item, item), (self._above - m + 1) * row if m else 0)
        return W.reshape(self.kw * self.C, m * self.O), seen

    def _tap_by_tap(self, rows_first: Any, w: Any) -> None:
        """As `back_to_image`, for kernels that are not finite: each row of taps adds what it saw."""
        q, dy = self.out[1], self.dy  # (oh, O, L)
        W = self.memory("w", (self.kw, self.C, self.O), self.dtype)
        place = self.memory("image", self._image, self.dtype)
        found = self.memory("taps", (self.oh, self.kw * self.C, self.L), self.dtype)
        taps = found.reshape(self.oh, self.kw, self.C, self.pw, q, self.N)
        place[...] = 0
        for i in range(self.kh):
            np.copyto(W, w[:, :, i].transpose(2, 1, 0))
            np.matmul(W.reshape(self.kw * self.C, self.O), dy, out=found)
            rows = place[i : i + self.sh * (self.oh - 1) + 1 : self.sh]
            for (j, t), (o, r) in self.starts.items():
                rows[:, :, r, o : o + q] += taps[:, j, :, t]
        for part, pixels in self._inner(place):
            np.copyto(rows_first[:, :, pixels], part)
