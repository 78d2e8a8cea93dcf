"""Images as columns for convolutions with few channels, and back: the batch innermost, taps along the width copied.

As in `arrays.convolution.rowview`, columns hold the taps along the width, (rows, kw, C, pw, PW, N), and those along the
height are a view. The pixels of a row stand in the order in which a pool takes them: all first pixels of its windows,
then all second ones, so that what is compared lies in long runs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np

from ...arrays.convolution.rowview import products
from ...arrays.copying import copy_into
from ...arrays.scratch import Memory, of_thread
from ...arrays.threads import WORTH, Calls, by_part, divide
from ...arrays.windows import Geometry, Pair, strided
from ..memory import Layout, in_order
from .epilogue import BLOCK, Once, cut


class Columns:
    """The columns of images of one shape for kernels w (O, C, kh, kw), and the gradient of the images.

    Args:
        size: (N, C, H, W) of the images, which have dtype ``dtype``.
        pool: (ph, pw) of the windows in which the outputs are taken, (1, 1) where that is one by one.
    """

    def __init__(
        self, size: tuple[int, ...], O: int, geometry: Geometry, pool: Pair, dtype: Any, memory: Memory
    ) -> None:
        self.N, self.C, self.H, self.W = size
        self.O, self.geometry, self.memory, self.dtype = O, geometry, memory, np.dtype(dtype)
        (self.kh, self.kw), (self.sh, sw), (_, dw) = geometry.kernel, geometry.stride, geometry.dilation
        self.ph, self.pw = pool
        oh, ow = geometry.out((self.H, self.W))
        self.out = oh // self.ph, ow // self.pw  # of the windows
        self.oh, self.Hp = self.out[0] * self.ph, geometry.padded((self.H, self.W))[0]
        self.K, self.L = self.kh * self.kw * self.C, self.out[1] * self.pw * self.N
        self.apart = self.pw * sw  # pixels from one window to the next
        self.Wq = -(-geometry.padded((self.H, self.W))[1] // self.apart)
        self._image = self.Hp, self.C, self.apart, self.Wq, self.N
        self.starts = {(j, t): divmod(t * sw + j * dw, self.apart) for j in range(self.kw) for t in range(self.pw)}
        row = self.C * self.apart * self.Wq * self.N
        self.products = O * self.K * self.oh * self.L / 1e11  # seconds
        _, self._seconds = cut(self._begin, row + self.kw * self.C * self.L, self.products)
        self._some = max(1, BLOCK // max(1, row + self.kw * self.C * self.L))  # rows of slopes at a time
        self._filled = 4 * self._some  # rows of an image
        bare = self.kw == 1 and not any(map(any, geometry.padding))
        self.alike = bare and self._image[2:4] == (self.pw, self.out[1])  # are image and columns the same?
        self._to_image, self._to_columns = Once(self._into_image), Once(self._into_columns)
        self._from_slopes = Once(self._from_slopes_on)
        self._dy: Any = None  # one view, by which calls are known

    @cached_property
    def image(self) -> Any:
        """The padded input, pixels sorted by the window that they belong to; its borders stay 0."""
        return np.zeros(self._image, self.dtype)

    @property
    def columns(self) -> Layout:
        """The columns."""
        return in_order(self.Hp, self.kw, self.C, self.pw, self.out[1], self.N, dtype=self.dtype)

    def slope_of_x(self) -> Layout:
        """The gradient of x, (N, C, H, W), the batch innermost in memory, rows outermost."""
        return in_order(self.N, self.C, self.H, self.W, dtype=self.dtype, order=(2, 1, 3, 0))

    # -------------------------------------------------------------------------------------------------- the way forth
    def _inner(self, image: Any) -> list[tuple[Any, slice]]:
        """Places of pixels between the padding beside them, (H, C, w, N), with the pixels of a row that go there."""
        left, found = self.geometry.padding[1][0], []
        for r in range(self.apart):
            first = (r - left) % self.apart
            n = len(range(first, self.W, self.apart))
            q = (first + left) // self.apart
            if n:
                found.append((image[:, :, r, q : q + n], slice(first, None, self.apart)))
        return found

    def _into_image(self, x: Any, *columns: Any) -> Callable[[int, int], None]:
        """What puts x (N, C, H, W) into some rows of the padded image; of the columns, if these are given."""
        (top, _), x_rows = self.geometry.padding[0], x.transpose(2, 1, 3, 0)  # (H, C, W, N)
        image = columns[0].reshape(self._image) if columns else self.image
        copy = copy_into if x.strides[0] > x.itemsize and x.size > BLOCK else np.copyto

        def calls(start: int, stop: int) -> Calls:
            low, high = max(start, top), min(stop, top + self.H)
            for place, pixels in self._inner(image[low:high]) if low < high else ():
                yield partial(copy, place, x_rows[low - top : high - top, :, pixels])

        return by_part(calls)

    def _into_columns(self, columns: Any) -> Callable[[int, int], None]:
        q, image = self.out[1], self.image

        def calls(start: int, stop: int) -> Calls:
            for (j, t), (o, r) in self.starts.items():
                yield partial(np.copyto, columns[start:stop, j, :, t], image[start:stop, :, r, o : o + q])

        return by_part(calls)

    def fill(self, columns: Any, x: Any) -> None:
        """The columns of x (N, C, H, W)."""
        jobs = [self._to_image(x, columns)] if self.alike else [self._to_image(x), self._to_columns(columns)]
        if (seconds := columns.size * 0.4e-9) < WORTH:
            for job in jobs:
                job(0, self.Hp)
            return

        def some(start: int, stop: int) -> None:
            for first in range(start, stop, self._filled):
                for job in jobs:
                    job(first, min(first + self._filled, stop))

        divide(self.Hp, some, seconds)

    def stacked(self, columns: Any) -> Any:
        """The columns of every row of output: a view (oh, K, L)."""
        row, item = columns.strides[0], columns.itemsize
        return strided(columns, (self.oh, self.K, self.L), (row * self.sh, self.L * item, item))

    # --------------------------------------------------------------------------------------------------- the way back
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
        if not np.isfinite(w).all():
            return self._tap_by_tap(dx.transpose(2, 1, 3, 0), w)
        some, kernels = self._from_slopes(dx)
        for r, W in enumerate(kernels):
            np.copyto(W, w[:, :, r :: self.sh][:, :, ::-1].transpose(3, 1, 2, 0))
        divide(self._begin, some, self._seconds)

    def _from_slopes_on(self, dx: Any) -> tuple[Callable[[int, int], None], list[Any]]:
        """What is done for some rows of output that begin on the image; and where the kernels that it takes belong."""
        rows_first, (top, _), sh, q = dx.transpose(2, 1, 3, 0), self.geometry.padding[0], self.sh, self.out[1]
        phases, kernels = zip(*map(self._phase, range(sh)), strict=True)

        def calls(start: int, stop: int) -> Calls:
            n, mine = self._some, of_thread(self.memory, start)
            place = mine("place", (n, self.C, self.apart, self.Wq, self.N), self.dtype)
            found = mine("found", (n, self.kw * self.C, self.L), self.dtype)
            for first, r in ((first, r) for first in range(start, stop, self._some) for r in range(sh)):
                turned, seen = phases[r]
                low = max(first, -((r - top) // sh))
                n = min(first + self._some, stop, (self.H - 1 + top - r) // sh + 1) - low
                if n <= 0:
                    continue
                rows = rows_first[low * sh + r - top :: sh][:n]
                if self.alike and self.apart == 1:
                    yield partial(products, turned, seen[low : low + n], rows.reshape(n, self.C, self.L))
                    continue
                yield partial(products, turned, seen[low : low + n], found[:n])
                taps = found[:n].reshape(n, self.kw, self.C, self.pw, q, self.N)
                yield partial(place[:n].fill, 0)
                for (j, t), (o, k) in self.starts.items():
                    there = place[:n, :, k, o : o + q]
                    yield partial(np.add, there, taps[:, j, :, t], out=there)
                for part, pixels in self._inner(place[:n]):
                    yield partial(np.copyto, rows[:, :, pixels], part)

        return by_part(calls), list(kernels)

    def _phase(self, r: int) -> tuple[tuple[Any, Any], Any]:
        """Every sh-th row of the kernels from r on, as a matrix (kw C, m O), with the slopes that they meet, stacked.

        And where these kernels belong, (kw, C, m, O), the last row first.
        """
        m = len(range(r, self.kh, self.sh))
        W, room = self.memory(("turned", r), (self.kw, self.C, m, self.O), self.dtype), self._rows_of_slopes
        row, item = room.strides[0], room.itemsize
        shape = self._begin, m * self.O, self.L
        seen = strided(room, shape, (row, self.L * item, item), (self._above - m + 1) * row if m else 0)
        return (W.reshape(self.kw * self.C, m * self.O), seen), W

    def _tap_by_tap(self, rows_first: Any, w: Any) -> None:
        """As `back_to_image`, for kernels that are not finite: each row of taps adds what it saw."""
        q, dy, top = self.out[1], self.dy, self.geometry.padding[0][0]  # dy (oh, O, L)
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
        for part, pixels in self._inner(place[top : top + self.H]):
            np.copyto(rows_first[:, :, pixels], part)
