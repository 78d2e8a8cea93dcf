"""Row-view convolution on plain arrays: columns for the width alone, views for the height. Knows no autograd.

`rows_of` lays an image out as B (Hp, kw, C, ow, N): each padded row once per horizontal tap. The columns of output row
h are then B[h s : h s + kh], a view, so the expansion is kw-fold where im2col's is kh kw-fold, and the convolution is
one stack of small matrix products, y[h] = W . B[h s : h s + kh]. Small products suit BLAS: up to about a million
multiplications it skips packing.

It needs dilation 1 in height and one group. Few channels profit; with many, `winograd` or plain im2col is ahead.
"""

# ruff: noqa: ARG001  (the algorithms have one signature)

from __future__ import annotations

from typing import Any

import numpy as np

from ..threads import UNPACKED, divide, summed
from ..windows import NO_PADS, Geometry, Pair, channels_last, lay_out, strided
from . import im2col
from .lastcol import MANY

_SMALL = UNPACKED  # multiplications of a small product
_SHORT = 96  # columns: a product of fewer is quicker as a part of a large one
_BLOCK = 1 << 18  # elements: a block that stays in a core's cache
_KEPT = 1 << 22  # elements: a larger B is made again for the gradient of the weight


def rows_of(x: Any, geometry: Geometry, ow: int, rows: range, out: Any = None) -> Any:
    """x (N, C, H, W) as B (Hp, kw, C, ow, N); only the padded rows in ``rows`` are filled in."""
    N, C, H, W = x.shape
    kw, sw, dw = geometry.kernel[1], geometry.stride[1], geometry.dilation[1]
    (top, _), (left, _) = geometry.padding
    B = np.empty((geometry.padded((H, W))[0], kw, C, ow, N), x.dtype) if out is None else out
    image = x.transpose(2, 1, 3, 0)  # (H, C, W, N)
    first = min(max(rows.start, top), rows.stop)
    last = max(first, min(rows.stop, top + H))
    B[rows.start : first] = B[last : rows.stop] = 0
    for j in range(kw):
        # output column w reads pixel w sw + j dw - left: the range of w for which that is inside the image
        w0 = min(ow, max(0, -((j * dw - left) // sw)))
        w1 = max(w0, min(ow, (W - 1 - j * dw + left) // sw + 1))
        B[first:last, j, :, :w0] = B[first:last, j, :, w1:] = 0
        if w0 < w1:
            start = w0 * sw + j * dw - left
            B[first:last, j, :, w0:w1] = image[first - top : last - top, :, start : start + sw * (w1 - w0 - 1) + 1 : sw]
    return B


def stacked(B: Any, kh: int, sh: int, oh: int) -> Any:
    """The columns of every output row, as a view (oh, kh * kw * C, ow * N) of B."""
    _, kw, C, ow, N = B.shape
    row, item = B.strides[0], B.itemsize
    return strided(B, (oh, kh * kw * C, ow * N), (row * sh, ow * N * item, item))


def products(W: Any, columns: Any, out: Any) -> None:
    """out[h] = W . columns[h] for W (M, K), columns (h, K, L), out (h, M, L); long rows are cut into small products."""
    (M, K), L = W.shape, columns.shape[2]
    pieces = _pieces(M * K, L)
    if pieces > 1:
        h, size = len(columns), L // pieces
        columns = columns.reshape(h, K, pieces, size).transpose(0, 2, 1, 3)  # (h, pieces, K, size)
        out = out.reshape(h, M, pieces, size).transpose(0, 2, 1, 3)  # (h, pieces, M, size)
    np.matmul(W, columns, out=out)


def _pieces(per_column: int, length: int) -> int:
    """Into how many equal pieces to cut a row, so that each is a small product: a divisor of the length."""
    least = max(1, -(-per_column * length // _SMALL))
    most = min(3 * least, length // _SHORT)  # 1.9 ms instead of 2.5 for 48 kernels of 24 x 5x5, whose pieces are short
    return next((p for p in range(least, most + 1) if length % p == 0), 1)


def forward(x: Any, w: Any, b: Any, geometry: Geometry, groups: int = 1) -> tuple[Any, Any]:
    """y (N, O, oh, ow) of x (N, C, H, W), w (O, C, kh, kw) and b (O,) or None; and B, if it is small, or None.

    In memory y runs (H, W, N, C) from 32 channels on, so that the next convolution finds it so, else (C, H, W, N).
    """
    (oh, ow), (kh, kw), sh = geometry.out(x.shape[2:]), geometry.kernel, geometry.stride[0]
    N, O, C = len(x), len(w), x.shape[1]
    K, L = kh * kw * C, ow * N
    W = np.ascontiguousarray(w.transpose(0, 2, 3, 1)).reshape(O, K)
    B = np.empty((geometry.padded(x.shape[2:])[0], kw, C, ow, N), x.dtype)
    columns = stacked(B, kh, sh, oh)  # (oh, K, L)
    dtype = np.result_type(x, w)
    if O >= MANY:
        y = np.empty((oh, ow, N, O), dtype)
        WT = np.ascontiguousarray(W.T)
        bias = None if b is None else np.tile(b, N)  # (N * O,): long rows add faster

        def some(r0: int, r1: int) -> None:
            rows_of(x, geometry, ow, range(r0 * sh, (r1 - 1) * sh + kh), B)
            flat = y[r0:r1].reshape(r1 - r0, L, O)
            products(WT.T, columns[r0:r1], flat.transpose(0, 2, 1))
            if bias is not None:
                pixels = y[r0:r1].reshape((r1 - r0) * ow, N * O)
                pixels += bias
    else:
        y = np.empty((O, oh, ow, N), dtype)

        def some(r0: int, r1: int) -> None:
            rows_of(x, geometry, ow, range(r0 * sh, (r1 - 1) * sh + kh), B)
            flat = y[:, r0:r1].reshape(O, r1 - r0, L)
            products(W, columns[r0:r1], flat.transpose(1, 0, 2))
            if b is not None:
                flat += b[:, None, None]

    divide(oh, some, O * K * oh * L / 3e10)
    y = y.transpose(2, 3, 0, 1) if O >= MANY else y.transpose(3, 0, 1, 2)  # (N, O, oh, ow)
    return y, B if B.size <= _KEPT else None


def weight(g: Any, x: Any, geometry: Geometry, groups: int = 1, B: Any = None) -> Any:
    """The gradient of w, (O, C, kh, kw), from g (N, O, oh, ow) and x or its B."""
    N, O, oh, ow = g.shape
    (kh, kw), sh, C = geometry.kernel, geometry.stride[0], x.shape[1]
    if B is None:
        B = rows_of(x, geometry, ow, range(geometry.padded(x.shape[2:])[0]))
    columns = stacked(B, kh, sh, oh)  # (oh, K, ow * N)
    if O >= MANY:
        flat = channels_last(g).reshape(oh, ow * N, O)
    else:
        flat = lay_out(g, NO_PADS).reshape(O, oh, ow * N).transpose(1, 2, 0)  # (oh, ow * N, O)

    K, L = columns.shape[1:]
    pieces = _pieces(O * K, L)  # of a row: 2.5 ms instead of 4.3 for 6 kernels of 5x5, 256 images of 28x28

    def some(r0: int, r1: int) -> Any:
        left = columns[r0:r1].reshape(r1 - r0, K, pieces, L // pieces).transpose(0, 2, 1, 3)  # (h, pieces, K, size)
        right = flat[r0:r1].reshape(r1 - r0, pieces, L // pieces, O)
        return np.matmul(left, right).sum((0, 1))  # (K, O)

    dw = summed(oh, some, O * columns.shape[1] * oh * ow * N / 2e10)
    return dw.reshape(kh, kw, C, O).transpose(3, 2, 0, 1)  # (O, C, kh, kw)


def image(g: Any, w: Any, geometry: Geometry, groups: int, size: Pair) -> Any:
    """The gradient of x, (N, C, H, W) with (H, W) = size, from g (N, O, oh, ow), for stride 1 and few outputs.

    Every row is gathered from the kh rows of g that saw it: one product sums them, kw shifted additions finish it. Rows
    beyond the edge count as zeros, which times infinity would be NaN: `im2col` does that too.
    """
    N, O, oh, ow = g.shape
    (H, W), (kh, kw), C = size, geometry.kernel, w.shape[1]
    if geometry.stride != (1, 1) or max(16, 4 * C) < O or not np.isfinite(w).all():
        return im2col.image(g, w, geometry, groups, size)
    dw = geometry.dilation[1]
    (top, _), (left, _) = geometry.padding
    Wt = np.ascontiguousarray(w[:, :, ::-1].transpose(3, 1, 2, 0)).reshape(kw * C, kh * O)
    D = np.empty((oh + 2 * (kh - 1), O, ow, N), g.dtype)  # g between rows of zeros
    D[: kh - 1] = D[oh + kh - 1 :] = 0
    D[kh - 1 : oh + kh - 1] = g.transpose(2, 1, 3, 0)  # (oh, O, ow, N)
    row, item = D.strides[0], D.itemsize
    columns = strided(D, (oh + kh - 1, kh * O, ow * N), (row, ow * N * item, item))
    dtype = np.result_type(g, w)
    dx = np.empty((C, H, W, N), dtype)
    step = max(1, _BLOCK // max(1, kw * C * ow * N))

    def some(h0: int, h1: int) -> None:
        P = np.empty((min(step, h1 - h0), kw * C, ow * N), dtype)
        for h in range(h0, h1, step):
            n = min(step, h1 - h)
            products(Wt, columns[h + top : h + top + n], P[:n])
            taps = P[:n].reshape(n, kw, C, ow, N).transpose(1, 2, 0, 3, 4)  # (kw, C, rows, ow, N)
            part = dx[:, h : h + n]
            for j in range(kw):
                w0, w1 = max(0, j * dw - left), min(W, ow + j * dw - left)  # pixels that tap j reaches
                if j == 0:
                    part[:, :, :w0] = part[:, :, max(w0, w1) :] = 0
                    if w0 < w1:
                        part[:, :, w0:w1] = taps[0][:, :, w0 + left : w1 + left]
                elif w0 < w1:
                    start = w0 + left - j * dw
                    part[:, :, w0:w1] += taps[j][:, :, start : start + w1 - w0]

    divide(H, some, O * kw * C * kh * oh * ow * N / 3e10)
    return dx.transpose(3, 0, 1, 2)  # (N, C, H, W)
