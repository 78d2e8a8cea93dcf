"""Convolution by columns, on plain arrays: the readable version, for every geometry, and the reference of the others.

With X the columns of x (im2col), y = W X. For g = dL/dy the gradient of the weight is g X^T, and that of the input is
W^T g, added back where the windows overlapped (col2im). (Chellapilla, Puri and Simard, 2006.)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..threads import divide, product, summed
from ..windows import NO_PADS, Geometry, Pair, col2im, crop, im2col, lay_out, row_blocks

_BLOCK = 1 << 22  # elements of columns at a time: what bounds the memory of a large batch

_AT_ONCE = 1 << 17  # elements of columns that are multiplied in one go: a small image is mostly calls


def forward(x: Any, w: Any, b: Any, geometry: Geometry, groups: int) -> tuple[Any, Any]:
    """y (N, O, oh, ow) of x (N, C, H, W), w (O, C / groups, kh, kw) and b (O,) or None; and the columns, or None."""
    N, O, K = len(x), len(w), math.prod(w.shape[1:])
    oh, ow = geometry.out(x.shape[2:])
    L = ow * N
    W = w.reshape(groups, O // groups, K)
    p = lay_out(x, geometry.padding)  # (C, H, W, N)
    if groups * K * oh * L <= _AT_ONCE:
        kept = im2col(p, geometry, range(oh), ow).reshape(groups, K, oh * L)
        y = product(W, kept).reshape(O, oh * L)
        if b is not None:
            y += b[:, None]
        return y.reshape(O, oh, ow, N).transpose(3, 0, 1, 2), kept.reshape(groups, K, oh, L)  # (N, O, oh, ow)
    y = np.empty((O, oh, ow, N), np.result_type(x, w))
    flat = y.reshape(groups, O // groups, oh, L)
    kept = np.empty((groups, K, oh, L), x.dtype) if groups * K * oh * L <= _BLOCK else None

    def some(r0: int, r1: int) -> None:
        for rows in _blocks(groups * K * L, r0, r1):
            cols = im2col(p, geometry, rows, ow, None if kept is None else kept[:, :, rows.start : rows.stop])
            np.matmul(W, _flat(cols, groups, K), out=_flat(flat[:, :, rows.start : rows.stop], groups, O // groups))
            if b is not None:
                y[:, rows.start : rows.stop] += b[:, None, None, None]

    divide(oh, some, O * K * oh * L / 4e10)
    return y.transpose(3, 0, 1, 2), kept  # (N, O, oh, ow)


def image(g: Any, w: Any, geometry: Geometry, groups: int, size: Pair) -> Any:
    """The gradient of x, (N, C, H, W) with (H, W) = size, from g (N, O, oh, ow)."""
    N, O, oh, ow = g.shape
    c, K = w.shape[1], math.prod(w.shape[1:])
    C, kk = groups * c, math.prod(geometry.kernel)
    W = np.ascontiguousarray(w.reshape(groups, O // groups, K).transpose(0, 2, 1))  # (groups, K, O / groups)
    flat = lay_out(g, NO_PADS).reshape(groups, O // groups, oh * ow * N)
    p = np.empty((C, *geometry.padded(size), N), np.result_type(g, w))

    def some(c0: int, c1: int) -> None:
        p[c0:c1] = 0
        for group in range(c0 // c, -(-c1 // c)):
            a, z = max(c0, group * c), min(c1, (group + 1) * c)  # channels of this group
            part = W[group, (a - group * c) * kk : (z - group * c) * kk]
            for rows in _blocks((z - a) * kk * ow * N, 0, oh):
                cols = np.matmul(part, flat[group, :, rows.start * ow * N : rows.stop * ow * N])
                col2im(cols.reshape(z - a, *geometry.kernel, len(rows), ow, N), p[a:z], geometry, rows, ow)

    divide(C, some, O * K * oh * ow * N / 3e10)
    return crop(p, geometry.padding)  # (N, C, H, W)


def weight(g: Any, x: Any, geometry: Geometry, groups: int, columns: Any = None) -> Any:
    """The gradient of w, (O, C / groups, kh, kw), from g (N, O, oh, ow) and x (N, C, H, W), or its columns."""
    N, O, oh, ow = g.shape
    c, K, L = x.shape[1] // groups, x.shape[1] // groups * math.prod(geometry.kernel), ow * N
    p = lay_out(x, geometry.padding) if columns is None else None  # (C, H, W, N)
    flat = lay_out(g, NO_PADS).reshape(groups, O // groups, oh, L)

    def some(r0: int, r1: int) -> Any:
        dw = np.zeros((groups, K, O // groups), np.result_type(g, x))
        for rows in _blocks(groups * K * L, r0, r1) if columns is None else [range(r0, r1)]:
            part = slice(rows.start, rows.stop)
            cols = im2col(p, geometry, rows, ow) if columns is None else columns[:, :, part]
            dw += np.matmul(_flat(cols, groups, K), _flat(flat[:, :, part], groups, O // groups).transpose(0, 2, 1))
        return dw

    dw = summed(oh, some, O * K * oh * L / 4e10)  # (groups, K, O / groups): a tenth faster than its transpose
    return dw.transpose(0, 2, 1).reshape(O, c, *geometry.kernel)


def _flat(a: Any, groups: int, n: int) -> Any:
    """Rows of pixels as one: (groups, n, rows * ow * N), a view."""
    return a.reshape(groups, n, math.prod(a.shape) // max(1, groups * n))


def _blocks(per_row: int, start: int, stop: int) -> list[range]:
    """Output rows, cut into ranges whose columns have at most about `_BLOCK` elements."""
    return row_blocks(start, stop, per_row, _BLOCK)
