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

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..threads import divide, one_blas_thread, summed
from ..windows import Geometry, Pair, channels_last
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
_BIAS = 7  # the one of the 36 places that adds the same to all 16 outputs
_ROWS = 96  # of each small matrix product: tiles times samples


class _Work:
    """How an image is cut: rows of tiles, blocks of samples, and blocks of tiles along the width."""

    def __init__(self, N: int, out: Pair, rows: int = _ROWS) -> None:
        self.N, (self.oh, self.ow) = N, out
        self.th, self.tw = -(-self.oh // 4), -(-self.ow // 4)
        blocks = max(1, round(N / 64), 2 if N >= 32 else 1)
        self.cuts = [N * i // blocks for i in range(blocks + 1)]
        self.most = max(b - a for a, b in zip(self.cuts, self.cuts[1:], strict=False))
        self.width = max(1, min(self.tw, round(rows / max(1, self.most))))  # tiles

    def __len__(self) -> int:
        return (len(self.cuts) - 1) * self.th

    def jobs(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """(row of tiles, first sample, last sample + 1) of some jobs."""
        for k in range(start, stop):
            block, t = divmod(k, self.th)
            yield t, self.cuts[block], self.cuts[block + 1]

    def tiles(self) -> Iterator[tuple[int, int]]:
        """(first, last + 1) of the blocks of tiles along a row."""
        for s in range(0, self.tw, self.width):
            yield s, min(s + self.width, self.tw)


def _rows_first(x: Any) -> Any:
    """x (N, C, H, W) as (H, W, N * C), copied where its memory runs in another order."""
    N, C, H, W = x.shape
    return channels_last(x).reshape(H, W, N * C)


def _inputs(x: Any, t: int, top: int, left: int, room: Any) -> Any:
    """B^T along the height for the row t of tiles of x (H, W, n * C), into a room of zeros (6, 4 tw + 2, n * C)."""
    first = 4 * t - top
    low, high = max(0, first), min(len(x), first + 6)
    inner = room[:, left : left + x.shape[1]]
    if low < high:
        np.matmul(_BT[:, low - first : high - first], x[low:high].transpose(1, 0, 2), out=inner.transpose(1, 0, 2))
    return room


def _across(rows: Any, s0: int, s1: int, V: Any) -> Any:
    """B^T along the width for tiles s0 to s1: V (6, 6, tiles, n * C)."""
    a, b, item = rows.strides
    windows = as_strided(rows[:, 4 * s0 :], (6, s1 - s0, 6, rows.shape[2]), (a, 4 * b, b, item), writeable=False)
    np.matmul(_BT, windows, out=V.transpose(0, 2, 1, 3))
    return V


def _cut(buffer: Any, *shape: int) -> Any:
    """An array of this shape in scratch memory."""
    return buffer[: int(np.prod(shape))].reshape(shape)


@one_blas_thread
def forward(x: Any, w: Any, b: Any, geometry: Geometry, groups: int = 1) -> tuple[Any, None]:
    """y (N, O, oh, ow) of x (N, C, H, W), w (O, C, 3, 3) and b (O,) or None; nothing is kept."""
    N, C, O = len(x), x.shape[1], len(w)
    work = _Work(N, geometry.out(x.shape[2:]))
    (top, _), (left, _) = geometry.padding
    U = (_GG @ w.transpose(2, 3, 1, 0).reshape(9, C * O)).reshape(36, C, O)
    image = _rows_first(x)
    y = np.empty((work.oh, work.ow, N * O), np.float32)

    def some(start: int, stop: int) -> None:
        size = 36 * work.width * work.most
        V_, M_, Z_ = (np.empty(size * max(C, O), np.float32) for _ in range(3))
        for t, n0, n1 in work.jobs(start, stop):
            n = n1 - n0
            room = np.zeros((6, 4 * work.tw + 2, n * C), np.float32)
            rows = _inputs(image[:, :, n0 * C : n1 * C], t, top, left, room)
            high = min(4, work.oh - 4 * t)
            for s0, s1 in work.tiles():
                k = s1 - s0
                V = _across(rows, s0, s1, _cut(V_, 6, 6, k, n * C))
                M = np.matmul(V.reshape(36, k * n, C), U, out=_cut(M_, 36, k * n, O))
                if b is not None:
                    M[_BIAS] += b
                Z = _cut(Z_, high, 6, k * n * O)
                np.matmul(_AT[:high], M.reshape(6, 6, k * n * O).transpose(1, 0, 2), out=Z.transpose(1, 0, 2))
                _write(Z.reshape(high, 6, k, n * O), y[4 * t : 4 * t + high, 4 * s0 : 4 * s1, n0 * O : n1 * O])

    divide(len(work), some, 36 * work.th * work.tw * N * C * O / 2e10)
    return y.reshape(work.oh, work.ow, N, O).transpose(2, 3, 0, 1), None  # (N, O, oh, ow)


def _write(Z: Any, y: Any) -> None:
    """A^T along the width: Z (rows, 6, tiles, n * O) into y (rows, up to 4 * tiles, n * O)."""
    rows, columns, length = y.shape
    whole = columns // 4
    a, b, item = y.strides
    tiles = as_strided(y, (rows, whole, 4, length), (a, 4 * b, b, item))
    np.matmul(_AT, Z[:, :, :whole].transpose(0, 2, 1, 3), out=tiles)
    if columns % 4:
        np.matmul(_AT[: columns % 4], Z[:, :, whole], out=y[:, 4 * whole :])


@one_blas_thread
def weight(g: Any, x: Any, geometry: Geometry, groups: int = 1, columns: Any = None) -> Any:
    """The gradient of w, (O, C, 3, 3), from g (N, O, oh, ow) and x (N, C, H, W).

    The adjoint of each step: with dM = A g A^T on the same tiles, dU = V^T dM and dw = G^T dU G.
    """
    N, O, oh, ow = g.shape
    C = x.shape[1]
    work = _Work(N, (oh, ow), rows=max(_ROWS, C * O // 128))
    (top, _), (left, _) = geometry.padding
    image, slopes = _rows_first(x), _rows_first(g)

    def some(start: int, stop: int) -> Any:
        size = 36 * work.width * work.most
        V_, M_ = np.empty(size * C, np.float32), np.empty(size * O, np.float32)
        dU, D = np.zeros((36, C, O), np.float32), np.empty((36, C, O), np.float32)
        for t, n0, n1 in work.jobs(start, stop):
            n = n1 - n0
            room = np.zeros((6, 4 * work.tw + 2, n * C), np.float32)
            rows = _inputs(image[:, :, n0 * C : n1 * C], t, top, left, room)
            high = min(4, oh - 4 * t)
            E = np.zeros((6, 4 * work.tw, n * O), np.float32)
            part = slopes[4 * t : 4 * t + high, :, n0 * O : n1 * O]
            np.matmul(_A[:, :high], part.transpose(1, 0, 2), out=E[:, :ow].transpose(1, 0, 2))
            E = E.reshape(6, work.tw, 4, n * O)
            for s0, s1 in work.tiles():
                k = s1 - s0
                V = _across(rows, s0, s1, _cut(V_, 6, 6, k, n * C))
                M = _cut(M_, 6, 6, k, n * O)
                np.matmul(_A, E[:, s0:s1], out=M.transpose(0, 2, 1, 3))
                np.matmul(V.reshape(36, k * n, C).transpose(0, 2, 1), M.reshape(36, k * n, O), out=D)
                np.add(dU, D, out=dU)
        return dU

    dU = summed(len(work), some, 36 * work.th * work.tw * N * C * O / 2e10)
    return (_GG.T @ dU.reshape(36, C * O)).reshape(3, 3, C, O).transpose(3, 2, 0, 1)  # (O, C, 3, 3)


def image(g: Any, w: Any, geometry: Geometry, groups: int, size: Pair) -> Any:
    """The gradient of x, (N, C, H, W) with (H, W) = size: g convolved with the kernels turned by 180 degrees."""
    (top, bottom), (left, right) = geometry.padding
    pads = (2 - top, 2 - bottom), (2 - left, 2 - right)
    if min(map(min, pads)) < 0:
        return im2col.image(g, w, geometry, groups, size)
    turned = w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)  # (C, O, 3, 3)
    return forward(g, turned, None, geometry._replace(padding=pads))[0]
