"""Convolution: three operations that are each other's gradients.

With X the columns of x (im2col), a convolution is the matrix product y = W X. So for g = dL/dy the gradient of the
weight is g X^T, and that of the input is W^T g, added back where the windows overlapped (col2im). Each of the three is
linear in both of its inputs, and differentiating one gives the other two: second derivatives close.

(The product form: Chellapilla, Puri and Simard, 2006. "Convolution" is cross-correlation, as everywhere in the field.)
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..engine import Array, op
from ..windows import Geometry, Pads, Pair, col2im, crop, im2col, lay_out
from .reduce import sum as sum_over

_BLOCK = 1 << 22  # elements of columns at a time: what bounds the memory of a large batch


@op(
    lambda g, _y, _x, w, *_b, columns, **a: conv2d_input(g, w, size=_x.shape[2:], **a),
    lambda g, _y, x, _w, *_b, **a: conv2d_weight(g, x, size=_w.shape[2:], **a),
    lambda g, _y, _x, _w, _b, **a: sum_over(g, (0, 2, 3)),
)
def conv2d(x: Array, w: Array, *b: Array, stride: Pair, padding: Pads, dilation: Pair, groups: int) -> Array:
    """x (N, C, H, W) with kernels w (O, C / groups, kh, kw) and bias b (O,): y (N, O, oh, ow)."""
    geometry = Geometry(w.shape[2:], stride, padding, dilation)
    N, O = len(x), len(w)
    oh, ow = geometry.out(x.shape[2:])
    W = w.reshape(groups, O // groups, -1)  # (groups, O / groups, C / groups * kh * kw)
    p = lay_out(x, padding)
    y = np.empty((O, oh, ow, N), np.result_type(x, w))
    cols = None
    for rows in _blocks(W.shape[0] * W.shape[2] * ow * N, oh):
        cols = im2col(p, geometry, rows, ow).reshape(
            groups, W.shape[2], -1
        )  # (groups, C / groups * kh * kw, rows * ow * N)
        part = y.reshape(groups, O // groups, -1)[:, :, rows.start * ow * N : rows.stop * ow * N]
        np.matmul(W, cols, out=part)  # (groups, O / groups, rows * ow * N)
    for bias in b:
        y += bias[:, None, None, None]
    columns = cols if len(rows) == oh else None  # one block: the gradient of w reads them again
    return y.transpose(3, 0, 1, 2), {"columns": columns}  # (N, O, oh, ow)


@op(
    lambda u, _y, _g, w, *, size, **a: conv2d(u, w, **a),
    lambda u, _y, g, _w, *, size, **a: conv2d_weight(g, u, size=_w.shape[2:], **a),
)
def conv2d_input(g: Array, w: Array, *, size: Pair, stride: Pair, padding: Pads, dilation: Pair, groups: int) -> Array:
    """The gradient of an input of (H, W) = size, from g (N, O, oh, ow); by itself, the transposed convolution of g."""
    geometry = Geometry(w.shape[2:], stride, padding, dilation)
    N, O, oh, ow = g.shape
    W = w.reshape(groups, O // groups, -1).transpose(0, 2, 1)  # (groups, C / groups * kh * kw, O / groups)
    gp = lay_out(g, ((0, 0), (0, 0))).reshape(groups, O // groups, -1)  # (groups, O / groups, oh * ow * N)
    p = np.zeros((groups * w.shape[1], *geometry.padded(size), N), np.result_type(g, w))
    for rows in _blocks(W.shape[0] * W.shape[1] * ow * N, oh):
        cols = np.matmul(W, gp[:, :, rows.start * ow * N : rows.stop * ow * N])
        cols = cols.reshape(-1, *geometry.kernel, len(rows), ow, N)  # (C, kh, kw, rows, ow, N)
        col2im(cols, p, geometry, rows, ow)
    return crop(p, padding)  # (N, C, H, W)


@op(
    lambda v, _y, _g, x, *, size, columns=None, **a: conv2d(x, v, **a),
    lambda v, _y, g, _x, *, size, columns=None, **a: conv2d_input(g, v, size=_x.shape[2:], **a),
)
def conv2d_weight(
    g: Array, x: Array, *, size: Pair, stride: Pair, padding: Pads, dilation: Pair, groups: int, columns: Array = None
) -> Array:
    """The gradient of kernels of (kh, kw) = size, from g (N, O, oh, ow) and x (N, C, H, W), or from the columns of
    x."""
    geometry = Geometry(size, stride, padding, dilation)
    N, O, oh, ow = g.shape
    C = x.shape[1]
    p = lay_out(x, padding) if columns is None else None
    gp = lay_out(g, ((0, 0), (0, 0))).reshape(groups, O // groups, -1)  # (groups, O / groups, oh * ow * N)
    dw = np.zeros((O, C // groups, *size), np.result_type(g, x))
    flat = dw.reshape(groups, O // groups, -1)  # (groups, O / groups, C / groups * kh * kw)
    for rows in _blocks(C * size[0] * size[1] * ow * N, oh):
        cols = im2col(p, geometry, rows, ow).reshape(groups, flat.shape[2], -1) if columns is None else columns
        part = gp[:, :, rows.start * ow * N : rows.stop * ow * N]
        flat += np.matmul(part, cols.transpose(0, 2, 1))  # (groups, O / groups, C / groups * kh * kw)
    return dw


def _blocks(per_row: int, oh: int) -> Iterator[range]:
    """The output rows, cut into ranges whose columns have at most about `_BLOCK` elements."""
    step = max(1, min(oh, _BLOCK // max(1, per_row)))
    return (range(r, min(r + step, oh)) for r in range(0, oh, step))


@op(lambda g, _y, _x, **a: fold(g, size=_x.shape[2:], **a))
def unfold(x: Array, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Array:
    """im2col for users: x (N, C, H, W) as (N, C * kh * kw, oh * ow)."""
    geometry = Geometry(kernel, stride, padding, dilation)
    oh, ow = geometry.out(x.shape[2:])
    cols = im2col(lay_out(x, padding), geometry, range(oh), ow)
    return cols.reshape(-1, oh * ow, len(x)).transpose(2, 0, 1)  # (N, C * kh * kw, oh * ow)


@op(lambda g, _y, _x, *, size, **a: unfold(g, **a))
def fold(x: Array, *, size: Pair, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Array:
    """col2im for users, the adjoint of `unfold`: (N, C * kh * kw, oh * ow) added up to (N, C, H, W), (H, W) = size."""
    geometry = Geometry(kernel, stride, padding, dilation)
    oh, ow = geometry.out(size)
    C = x.shape[1] // (kernel[0] * kernel[1])
    p = np.zeros((C, *geometry.padded(size), len(x)), x.dtype)
    col2im(x.transpose(1, 2, 0).reshape(C, *kernel, oh, ow, len(x)), p, geometry, range(oh), ow)
    return crop(p, padding)  # (N, C, H, W)
