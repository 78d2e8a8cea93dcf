"""Convolution by columns with the channels innermost, on plain arrays: im2col for many channels.

Memory runs (H, W, N, C). The columns of some output rows are (rows, ow, N, kh, kw, C), so that each copy moves whole
pixels, and the product with the weights, (rows * ow * N, kh * kw * C) times (kh * kw * C, O), leaves the channels of y
innermost, where the next layer wants them. A 1x1 kernel needs no columns at all. Threads share the output rows, and
for the gradient of the image the samples, which have no row in common.
"""

# ruff: noqa: ARG001  (the algorithms have one signature)

from __future__ import annotations

from typing import Any

import numpy as np

from ..copying import copy_into
from ..scratch import Memory, fresh, of_thread
from ..threads import divide, summed
from ..windows import NO_PADS, Geometry, Pair, channels_last, row_blocks, strided

MANY = 32  # channels from which they run innermost in memory
_BLOCK = 1 << 19  # elements of columns at a time: they stay in the cache


def _padded(x: Any, geometry: Geometry, memory: Memory) -> Any:
    """x (N, C, H, W) as (H, W, N, C) with its padding."""
    if geometry.padding == NO_PADS:
        return channels_last(x)
    N, C, H, W = x.shape
    (top, _), (left, _) = geometry.padding
    p = memory("padded", (*geometry.padded((H, W)), N, C), x.dtype)
    p[:top] = p[top + H :] = p[top : top + H, :left] = p[top : top + H, left + W :] = 0
    copy_into(p[top : top + H, left : left + W], x.transpose(2, 3, 0, 1))
    return p


def _columns(p: Any, geometry: Geometry, rows: range, ow: int, memory: Memory) -> Any:
    """The windows of some output rows of p (H, W, n, C): (rows, ow, n, kh * kw * C)."""
    _, _, n, C = p.shape
    if geometry.kernel == (1, 1):
        h, w = geometry.touched(0, 0, rows, ow)
        return p[h, w]
    (kh, kw), (sh, sw), (dh, dw), (h, w, s, c) = geometry.kernel, geometry.stride, geometry.dilation, p.strides
    shape, strides = (len(rows), ow, n, kh, kw, C), (sh * h, sw * w, s, dh * h, dw * w, c)
    columns = memory(("columns", len(rows)), shape, p.dtype)
    np.copyto(columns, strided(p, shape, strides, sh * h * rows.start))
    return columns.reshape(len(rows), ow, n, kh * kw * C)


def _kernels(w: Any, memory: Memory) -> Any:
    """w (O, C, kh, kw) as the matrix (O, kh * kw * C)."""
    O, C, kh, kw = w.shape
    W = memory("w", (O, kh, kw, C), w.dtype)
    np.copyto(W, w.transpose(0, 2, 3, 1))
    return W.reshape(O, kh * kw * C)


def forward(x: Any, w: Any, b: Any, geometry: Geometry, groups: int = 1, memory: Memory = fresh) -> tuple[Any, None]:
    """y (N, O, oh, ow) of x (N, C, H, W), w (O, C, kh, kw) and b (O,) or None; nothing is kept."""
    N, O = len(x), len(w)
    oh, ow = geometry.out(x.shape[2:])
    p, W = _padded(x, geometry, memory), _kernels(w, memory)
    K = W.shape[1]
    y = memory("y", (oh, ow, N, O), np.result_type(x, w))

    def some(r0: int, r1: int) -> None:
        for rows in row_blocks(r0, r1, ow * N * K, _BLOCK):
            cols = _columns(p, geometry, rows, ow, of_thread(memory, r0)).reshape(len(rows) * ow * N, K)
            part = y[rows.start : rows.stop].reshape(len(rows) * ow * N, O)
            np.matmul(cols, W.T, out=part)
            if b is not None:
                part += b

    divide(oh, some, oh * ow * N * W.size / 4e10)
    return y.transpose(2, 3, 0, 1), None  # (N, O, oh, ow)


def weight(g: Any, x: Any, geometry: Geometry, groups: int = 1, columns: Any = None, memory: Memory = fresh) -> Any:
    """The gradient of w, (O, C, kh, kw), from g (N, O, oh, ow) and x (N, C, H, W)."""
    N, O, oh, ow = g.shape
    C, K = x.shape[1], x.shape[1] * geometry.kernel[0] * geometry.kernel[1]
    p, last = _padded(x, geometry, memory), channels_last(g)

    def some(r0: int, r1: int) -> Any:
        mine, dtype = of_thread(memory, r0), np.result_type(g, x)
        dW, one = mine("dW", (K, O), dtype), mine("one", (K, O), dtype)
        dW[...] = 0
        for rows in row_blocks(r0, r1, ow * N * K, _BLOCK):
            cols = _columns(p, geometry, rows, ow, mine).reshape(len(rows) * ow * N, K)
            dW += np.matmul(cols.T, last[rows.start : rows.stop].reshape(len(rows) * ow * N, O), out=one)
        return dW

    dW = summed(oh, some, oh * ow * N * K * O / 4e10)
    return dW.reshape(*geometry.kernel, C, O).transpose(3, 2, 0, 1)  # (O, C, kh, kw)


def image(g: Any, w: Any, geometry: Geometry, groups: int, size: Pair, memory: Memory = fresh) -> Any:
    """The gradient of x, (N, C, H, W) with (H, W) = size, from g (N, O, oh, ow)."""
    N, O, oh, ow = g.shape
    C = w.shape[1]
    W = _kernels(w, memory)  # (O, kh * kw * C)
    last = channels_last(g)
    p = memory("p", (*geometry.padded(size), N, C), np.result_type(g, w))

    def some(n0: int, n1: int) -> None:
        part = p[:, :, n0:n1]
        part[...] = 0
        for rows in row_blocks(0, oh, ow * (n1 - n0) * W.shape[1], _BLOCK):
            slope = last[rows.start : rows.stop, :, n0:n1].reshape(len(rows) * ow * (n1 - n0), O)
            room = memory(("columns", n0, len(rows)), (len(slope), W.shape[1]), p.dtype)
            cols = np.matmul(slope, W, out=room).reshape(len(rows), ow, n1 - n0, *geometry.kernel, C)
            for i, j in geometry.taps():
                h, w_ = geometry.touched(i, j, rows, ow)
                part[h, w_] += cols[:, :, :, i, j]

    divide(N, some, oh * ow * N * W.size / 3e10)
    (top, bottom), (left, right) = geometry.padding
    return p[top : p.shape[0] - bottom, left : p.shape[1] - right].transpose(2, 3, 0, 1)  # (N, C, H, W)
