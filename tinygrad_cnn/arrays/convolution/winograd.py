"""Winograd convolution F(4x4, 3x3) on plain arrays: 36 multiplications where the direct form has 144.

A tile of 4x4 outputs is y = A^T [(G w G^T) * (B^T x B)] A, x being the 6x6 inputs it sees (Lavin and Gray, 2016, after
Winograd, 1980). Summed over channels, the product in the middle is one small matrix product for each of the 36 places:
M = V U, with V = B^T x B of (tiles, C) and U = G w G^T of (C, O). Memory runs (H, W, N, C), so that each transform is a
(6x6) or (4x6) matrix times long rows: first along the height, then along the width. It works through one row of tiles
and some samples at a time, which stay in a core's cache, and never makes a padded copy: rows outside the image are
columns of B^T left out.

For 3x3 kernels with stride 1 in float32. Relative error about 1e-6, five times that of im2col.
"""

# ruff: noqa: ARG001  (the algorithms have one signature)

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from ..copying import copy_into
from ..scratch import Memory, fresh, of_thread
from ..threads import Calls, by_part, divide, one_blas_thread
from ..windows import Geometry, Pair, channels_last, strided
from . import im2col

_BT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.float32,
)
_G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_AT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float32)
_A = np.ascontiguousarray(_AT.T)
_GG = np.kron(_G, _G).astype(np.float32)  # (36, 9)
_TURNED = np.ascontiguousarray(_GG[:, ::-1])  # of kernels turned by 180 degrees
_PIECE = 2048  # kernels that are transformed at a time: at the 36 places they stay in the cache
_BIAS = 7  # the one of the 36 places that adds the same to all 16 outputs


class _Work:
    """How an image is cut into jobs: some rows of tiles, of some samples; and how the tiles along a row are."""

    def __init__(self, N: int, out: Pair, rows: int) -> None:  # rows of each matrix product: tiles times samples
        self.oh, self.ow = out
        self.th, self.tw = -(-self.oh // 4), -(-self.ow // 4)
        self.along = _even(self.tw, -(-self.tw // rows))
        self.samples = _even(N, round(N * self.tw / rows))
        tiles = max(1, round(rows * len(self.samples) / max(1, N)))
        self.down = _even(self.th, 2 * max(1, round(self.th * self.tw / tiles / 2)))  # two threads get as much

    def __len__(self) -> int:
        return len(self.samples) * len(self.down)

    def jobs(self, start: int, stop: int) -> Iterator[tuple[Pair, Pair]]:
        """(first, last + 1) row of tiles, and sample, of some jobs."""
        for k in range(start, stop):
            block, part = divmod(k, len(self.down))
            yield self.down[part], self.samples[block]

    def scratch(self, channels: int) -> int:
        """How many numbers one job has at the 36 places."""
        (n0, n1), (t0, t1), (s0, s1) = self.samples[-1], self.down[-1], self.along[-1]
        return 36 * (n1 - n0) * (t1 - t0) * (s1 - s0) * channels


def _rows(C: int, O: int) -> int:
    """As many that what a job has at the 36 places fits a core's cache, if the kernels do; else that BLAS is quick."""
    return 64 if C * O <= 4096 else 128


def _even(n: int, parts: int) -> list[Pair]:
    """n things in at most that many parts, which differ by one at most; the last is the largest."""
    parts = max(1, min(parts, n))
    return [(n * i // parts, n * (i + 1) // parts) for i in range(parts)]


def _pieces(start: int, stop: int) -> list[Pair]:
    """(first, last + 1) of some kernels at a time."""
    return [(i, min(i + _PIECE, stop)) for i in range(start, stop, _PIECE)]


def _rows_first(x: Any) -> Any:
    """x (N, C, H, W) as (H, W, N * C), copied where its memory runs in another order."""
    N, C, H, W = x.shape
    return channels_last(x).reshape(H, W, N * C)


def _inputs(x: Any, tiles: Pair, top: int, left: int, room: Any) -> Calls:
    """B^T along the height for some rows of tiles of x (H, W, n * C): (6, rows, width, n * C), 0 beside the image."""
    inner = room[:, :, left : left + x.shape[1]]
    yield partial(room[:, :, :left].fill, 0)
    yield partial(room[:, :, left + x.shape[1] :].fill, 0)
    for k, t in enumerate(range(*tiles)):
        first = 4 * t - top
        low, high = max(0, first), min(len(x), first + 6)
        row = inner[:, k].transpose(1, 0, 2)  # (W, 6, n * C)
        if low < high:
            part = x[low:high].transpose(1, 0, 2)  # (W, up to 6, n * C)
            yield partial(np.matmul, _BT[:, low - first : high - first], part, out=row)
        else:
            yield partial(row.fill, 0)


def _across(rows: Any, s0: int, s1: int, V: Any) -> Calls:
    """B^T along the width for tiles s0 to s1: V (6, 6, rows of tiles, tiles, n * C)."""
    a, t, b, item = rows.strides
    shape = (6, rows.shape[1], s1 - s0, 6, rows.shape[3])
    windows = strided(rows, shape, (a, t, 4 * b, b, item), 4 * b * s0)
    yield partial(np.matmul, _BT, windows, out=V.transpose(0, 2, 3, 1, 4))


def _cut(buffer: Any, *shape: int) -> Any:
    """An array of this shape in scratch memory."""
    return buffer[: int(np.prod(shape))].reshape(shape)


@one_blas_thread
def forward(x: Any, w: Any, b: Any, geometry: Geometry, groups: int = 1, memory: Memory = fresh) -> tuple[Any, None]:
    """y (N, O, oh, ow) of x (N, C, H, W), w (O, C, 3, 3) and b (O,) or None; nothing is kept."""
    return _image_of(x, kernels(w, memory), b, geometry, memory), None


def _image_of(x: Any, U: Any, b: Any, geometry: Geometry, memory: Memory) -> Any:
    (oh, ow), N, O = geometry.out(x.shape[2:]), len(x), U.shape[2]
    y = memory("y", (oh, ow, N * O), np.float32)
    divide(*slide(x, U, b, lambda _, rows, numbers: y[rows, :, numbers], geometry, memory))
    return y.reshape(oh, ow, N, O).transpose(2, 3, 0, 1)  # (N, O, oh, ow)


def kernels(w: Any, memory: Memory) -> Any:
    """w (O, C, 3, 3) at the 36 places: U (36, C, O)."""
    O, C = w.shape[:2]
    W, U = memory("w", (C, 9, O), np.float32), memory("U", (36, C, O), np.float32)
    copy_into(W.reshape(C * 9, O), w.reshape(O, C * 9).T)

    def some(start: int, stop: int) -> None:
        np.matmul(_GG, W[start:stop], out=U[:, start:stop].transpose(1, 0, 2))

    divide(C, some, U.size * 0.3e-9)
    return U


def turned_kernels(w: Any, memory: Memory) -> Any:
    """Those of w turned by 180 degrees, for the gradient of the input: U (36, O, C)."""
    O, C = w.shape[:2]
    U, flat = memory("U", (36, O * C), np.float32), w.reshape(O * C, 9)

    def some(start: int, stop: int) -> None:
        for i, j in _pieces(start, stop):
            taps = memory(("w", start, j - i), (9, j - i), np.float32)
            np.copyto(taps, flat[i:j].T)
            np.matmul(_TURNED, taps, out=U[:, i:j])

    divide(O * C, some, U.size * 0.4e-9)
    return U.reshape(36, O, C)


Place: TypeAlias = Callable[[Memory, slice, slice], Any]
Job: TypeAlias = tuple[int, Callable[[int, int], None], float]  # what `divide` takes


def slide(
    x: Any,
    U: Any,
    b: Any,
    place: Place,
    geometry: Geometry,
    memory: Memory,
    after: Callable[[Memory, slice, slice, Any], Calls] | None = None,
) -> Job:
    """The job that slides transformed kernels U (36, C, O) over x (N, C, H, W).

    Args:
        place: where some rows of y (oh, ow, N * O) belong, of some of the numbers of a pixel: (rows, ow, numbers).
        after: what is done with these when they are there, in the same thread's memory.
    """
    N, (C, O) = len(x), U.shape[1:]
    work = _Work(N, geometry.out(x.shape[2:]), _rows(C, O))
    (top, _), (left, _) = geometry.padding
    image = _rows_first(x)

    def calls(start: int, stop: int) -> Calls:
        mine = of_thread(memory, start)
        V_, M_, Z_ = (mine(k, (work.scratch(n),), np.float32) for k, n in (("V", C), ("M", O), ("Z", O)))
        for (t0, t1), (n0, n1) in work.jobs(start, stop):
            n, r = n1 - n0, t1 - t0
            rows = mine(("inputs", r, n), (6, r, 4 * work.tw + 2, n * C), np.float32)
            yield from _inputs(image[:, :, n0 * C : n1 * C], (t0, t1), top, left, rows)
            high = min(4, work.oh - 4 * t0)
            where = slice(4 * t0, min(4 * t1, work.oh)), slice(n0 * O, n1 * O)
            y = place(mine, *where)
            for s0, s1 in work.along:
                k = s1 - s0
                V, M = _cut(V_, 6, 6, r, k, n * C), _cut(M_, 36, r * k * n, O)
                yield from _across(rows, s0, s1, V)
                yield partial(np.matmul, V.reshape(36, r * k * n, C), U, out=M)
                if b is not None:
                    yield partial(np.add, M[_BIAS], b, out=M[_BIAS])
                Z = _cut(Z_, high, 6, r * k * n * O)
                yield partial(np.matmul, _AT[:high], M.reshape(6, 6, -1).transpose(1, 0, 2), out=Z.transpose(1, 0, 2))
                Z = Z.reshape(high, 6, r, k, n * O)
                for t in range(t0, t1):
                    tile = y[4 * (t - t0) : 4 * (t - t0) + 4, 4 * s0 : 4 * s1]
                    yield from _write(Z[: len(tile), :, t - t0], tile)
            if after is not None:
                yield from after(mine, *where, y)

    return len(work), by_part(calls), 36 * work.th * work.tw * N * C * O / 2e10


def _write(Z: Any, y: Any) -> Calls:
    """A^T along the width: Z (rows, 6, tiles, n * O) into y (rows, up to 4 * tiles, n * O)."""
    rows, columns, length = y.shape
    whole = columns // 4
    tiles = y[:, : 4 * whole].reshape(rows, whole, 4, length)  # cutting a dimension needs no copy
    yield partial(np.matmul, _AT, Z[:, :, :whole].transpose(0, 2, 1, 3), out=tiles)
    if columns % 4:
        yield partial(np.matmul, _AT[: columns % 4], Z[:, :, whole], out=y[:, 4 * whole :])


@one_blas_thread
def weight(g: Any, x: Any, geometry: Geometry, groups: int = 1, columns: Any = None, memory: Memory = fresh) -> Any:
    """The gradient of w, (O, C, 3, 3), from g (N, O, oh, ow) and x (N, C, H, W).

    The adjoint of each step: with dM = A g A^T on the same tiles, dU = dM^T V and dw = G^T dU G.
    """
    dw = memory("dw", (g.shape[1], x.shape[1], 3, 3), np.float32)
    weight_of(*correlate(g, x, geometry, memory), dw, memory)
    return dw


def correlate(g: Any, x: Any, geometry: Geometry, memory: Memory) -> tuple[Job, dict[int, Any]]:
    """The job that finds dU from g (N, O, oh, ow) and x (N, C, H, W), and the sums of its parts, each (36, O, C)."""
    N, O, oh, ow = g.shape
    C = x.shape[1]
    work = _Work(N, (oh, ow), max(_rows(C, O), C * O // 128))  # each product ends in a pass over dU
    (top, _), (left, _) = geometry.padding
    image, slopes = _rows_first(x), _rows_first(g)
    parts: dict[int, Any] = {}

    def calls(start: int, stop: int) -> Calls:
        mine = of_thread(memory, start)
        V_, M_ = (mine(k, (work.scratch(n),), np.float32) for k, n in (("V", C), ("M", O)))
        dU, D = mine("dU", (36, O, C), np.float32), mine("D", (36, O, C), np.float32)
        yield partial(parts.__setitem__, start, dU)
        to = dU  # the first product goes there
        for (t0, t1), (n0, n1) in work.jobs(start, stop):
            n, r = n1 - n0, t1 - t0
            rows = mine(("inputs", r, n), (6, r, 4 * work.tw + 2, n * C), np.float32)
            yield from _inputs(image[:, :, n0 * C : n1 * C], (t0, t1), top, left, rows)
            E = mine(("slopes", r, n), (6, r, 4 * work.tw, n * O), np.float32)
            yield partial(E[:, :, ow:].fill, 0)
            for t in range(t0, t1):
                part = slopes[4 * t : 4 * t + 4, :, n0 * O : n1 * O]
                place = E[:, t - t0, :ow].transpose(1, 0, 2)
                yield partial(np.matmul, _A[:, : len(part)], part.transpose(1, 0, 2), out=place)
            E = E.reshape(6, r, work.tw, 4, n * O)
            for s0, s1 in work.along:
                k = s1 - s0
                V, M = _cut(V_, 6, 6, r, k, n * C), _cut(M_, 6, 6, r, k, n * O)
                yield from _across(rows, s0, s1, V)
                yield partial(np.matmul, _A, E[:, :, s0:s1], out=M.transpose(0, 2, 3, 1, 4))
                yield partial(np.matmul, M.reshape(36, -1, O).transpose(0, 2, 1), V.reshape(36, -1, C), out=to)
                if to is not dU:
                    yield partial(np.add, dU, D, out=dU)
                to = D

    return (len(work), by_part(calls), 36 * work.th * work.tw * N * C * O / 2e10), parts


def weight_of(job: Job, parts: dict[int, Any], dw: Any, memory: Memory) -> None:
    """The gradient of w by what `correlate` gave: dw = G^T dU G, (O, C, 3, 3)."""
    parts.clear()  # there may have been more threads before
    divide(*job)
    dU, *others = (parts[start].reshape(36, -1) for start in sorted(parts))  # (36, O * C)
    flat = dw.reshape(-1, 9)

    def some(start: int, stop: int) -> None:
        for i, j in _pieces(start, stop):
            taps = memory(("taps", start, j - i), (9, j - i), np.float32)
            for other in others:
                np.add(dU[:, i:j], other[:, i:j], out=dU[:, i:j])
            np.copyto(flat[i:j], np.matmul(_GG.T, dU[:, i:j], out=taps).T)

    divide(len(flat), some, dU.size * 0.4e-9)


@one_blas_thread
def image(g: Any, w: Any, geometry: Geometry, groups: int, size: Pair, memory: Memory = fresh) -> Any:
    """The gradient of x, (N, C, H, W) with (H, W) = size: g convolved with the kernels turned by 180 degrees."""
    turned = geometry_of_image(geometry)
    if turned is None:
        return im2col.image(g, w, geometry, groups, size)
    return _image_of(g, turned_kernels(w, memory), None, turned, memory)


def geometry_of_image(geometry: Geometry) -> Geometry | None:
    """How turned kernels lie on the gradient of y; None where a padding is too wide."""
    (top, bottom), (left, right) = geometry.padding
    pads = (2 - top, 2 - bottom), (2 - left, 2 - right)
    return None if min(map(min, pads)) < 0 else geometry._replace(padding=pads)
