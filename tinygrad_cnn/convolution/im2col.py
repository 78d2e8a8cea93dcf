"""Convolution by columns, on plain arrays: the readable version, for every geometry, and the reference of the others.

With X the columns of x (im2col), y = W X. For g = dL/dy the gradient of the weight is g X^T, and that of the input is
W^T g, added back where the windows overlapped (col2im). (Chellapilla, Puri and Simard, 2006.)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..threads import one_blas_thread
from ..windows import NO_PADS, Geometry, Pair, col2im, crop, im2col, lay_out

_BLOCK = 1 << 22  # elements of columns at a time: what bounds the memory of a large batch


@one_blas_thread
def forward(x: Any, w: Any, b: Any, geometry: Geometry, groups: int) -> tuple[Any, Any]:
    """y (N, O, oh, ow) of x (N, C, H, W), w (O, C / groups, kh, kw) and b (O,) or None; and the columns, or None."""
    N, O, K = len(x), len(w), math.prod(w.shape[1:])
    oh, ow = geometry.out(x.shape[2:])
    W = w.reshape(groups, O // groups, K)
    p = lay_out(x, geometry.padding)  # (C, H, W, N)
    y = np.empty((O, oh, ow, N), np.result_type(x, w))
    flat = y.reshape(groups, O // groups, oh * ow * N)
    blocks = _blocks(groups * K * ow * N, oh)
    for rows in blocks:
        pixels = slice(rows.start * ow * N, rows.stop * ow * N)
        cols = im2col(p, geometry, rows, ow).reshape(groups, K, len(rows) * ow * N)
        np.matmul(W, cols, out=flat[:, :, pixels])  # (groups, O / groups, rows * ow * N)
    if b is not None:
        y += b[:, None, None, None]
    return y.transpose(3, 0, 1, 2), cols if len(blocks) == 1 else None  # (N, O, oh, ow)


@one_blas_thread
def image(g: Any, w: Any, geometry: Geometry, groups: int, size: Pair) -> Any:
    """The gradient of x, (N, C, H, W) with (H, W) = size, from g (N, O, oh, ow)."""
    N, O, oh, ow = g.shape
    C, K = groups * w.shape[1], math.prod(w.shape[1:])
    W = w.reshape(groups, O // groups, K).transpose(0, 2, 1)  # (groups, K, O / groups)
    flat = lay_out(g, NO_PADS).reshape(groups, O // groups, oh * ow * N)
    p = np.zeros((C, *geometry.padded(size), N), np.result_type(g, w))
    for rows in _blocks(groups * K * ow * N, oh):
        pixels = slice(rows.start * ow * N, rows.stop * ow * N)
        cols = np.matmul(W, flat[:, :, pixels])  # (groups, K, rows * ow * N)
        col2im(cols.reshape(C, *geometry.kernel, len(rows), ow, N), p, geometry, rows, ow)
    return crop(p, geometry.padding)  # (N, C, H, W)


@one_blas_thread
def weight(g: Any, x: Any, geometry: Geometry, groups: int, columns: Any = None) -> Any:
    """The gradient of w, (O, C / groups, kh, kw), from g (N, O, oh, ow) and x (N, C, H, W), or its columns."""
    N, O, oh, ow = g.shape
    c, K = x.shape[1] // groups, x.shape[1] // groups * math.prod(geometry.kernel)
    p = lay_out(x, geometry.padding) if columns is None else None  # (C, H, W, N)
    flat = lay_out(g, NO_PADS).reshape(groups, O // groups, oh * ow * N)
    dw = np.zeros((O, c, *geometry.kernel), np.result_type(g, x))
    for rows in _blocks(groups * K * ow * N, oh):
        pixels = slice(rows.start * ow * N, rows.stop * ow * N)
        cols = im2col(p, geometry, rows, ow).reshape(groups, K, len(rows) * ow * N) if columns is None else columns
        dw.reshape(groups, O // groups, K)[...] += np.matmul(flat[:, :, pixels], cols.transpose(0, 2, 1))
    return dw


def _blocks(per_row: int, oh: int) -> list[range]:
    """The output rows, cut into ranges whose columns have at most about `_BLOCK` elements."""
    step = max(1, min(oh, _BLOCK // max(1, per_row)))
    return [range(r, min(r + step, oh)) for r in range(0, oh, step)]
