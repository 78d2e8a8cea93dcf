"""Convolution: three operations that are each other's gradients.

With X the columns of x (im2col), a convolution is the matrix product y = W X. So for g = dL/dy the gradient of the
weight is g X^T, and that of the input is W^T g, added back where the windows overlapped (col2im). Each of the three is
linear in both of its inputs, and differentiating one gives the other two: second derivatives close.

(The product form: Chellapilla, Puri and Simard, 2006. "Convolution" is cross-correlation, as everywhere in the field.)
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math

import numpy as np

from ..engine import Array, op
from ..windows import NO_PADS, Geometry, Pads, Pair, col2im, crop, im2col, lay_out
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
    N, O, K = len(x), len(w), math.prod(w.shape[1:])
    oh, ow = geometry.out(x.shape[2:])
    W = w.reshape(groups, O // groups, K)
    p = lay_out(x, padding)  # (C, H, W, N)
    y = np.empty((O, oh, ow, N), np.result_type(x, w))
    flat = y.reshape(groups, O // groups, oh * ow * N)
    blocks = _blocks(groups * K * ow * N, oh)
    for rows in blocks:
        pixels = slice(rows.start * ow * N, rows.stop * ow * N)
        cols = im2col(p, geometry, rows, ow).reshape(groups, K, len(rows) * ow * N)
        np.matmul(W, cols, out=flat[:, :, pixels])  # (groups, O / groups, rows * ow * N)
    for bias in b:
        y += bias[:, None, None, None]
    columns = cols if len(blocks) == 1 else None  # the gradient of w reads them again
    return y.transpose(3, 0, 1, 2), {"columns": columns}  # (N, O, oh, ow)


@op(
    lambda u, _y, _g, w, *, size, **a: conv2d(u, w, **a),
    lambda u, _y, g, _w, *, size, **a: conv2d_weight(g, u, size=_w.shape[2:], **a),
)
def conv2d_input(g: Array, w: Array, *, size: Pair, stride: Pair, padding: Pads, dilation: Pair, groups: int) -> Array:
    """The gradient of an input of (H, W) = size, from g (N, O, oh, ow); by itself, the transposed convolution of g."""
    geometry = Geometry(w.shape[2:], stride, padding, dilation)
    N, O, oh, ow = g.shape
    C, K = groups * w.shape[1], math.prod(w.shape[1:])
    W = w.reshape(groups, O // groups, K).transpose(0, 2, 1)  # (groups, K, O / groups)
    flat = lay_out(g, NO_PADS).reshape(groups, O // groups, oh * ow * N)
    p = np.zeros((C, *geometry.padded(size), N), np.result_type(g, w))
    for rows in _blocks(groups * K * ow * N, oh):
        pixels = slice(rows.start * ow * N, rows.stop * ow * N)
        cols = np.matmul(W, flat[:, :, pixels])  # (groups, K, rows * ow * N)
        col2im(cols.reshape(C, *geometry.kernel, len(rows), ow, N), p, geometry, rows, ow)
    return crop(p, padding)  # (N, C, H, W)


@op(
    lambda v, _y, _g, x, *, size, columns=None, **a: conv2d(x, v, **a),
    lambda v, _y, g, _x, *, size, columns=None, **a: conv2d_input(g, v, size=_x.shape[2:], **a),
)
def conv2d_weight(
    g: Array, x: Array, *, size: Pair, stride: Pair, padding: Pads, dilation: Pair, groups: int, columns: Array = None
) -> Array:
    """The gradient of kernels of (kh, kw) = size, from g (N, O, oh, ow) and x (N, C, H, W) or its columns."""
    geometry = Geometry(size, stride, padding, dilation)
    N, O, oh, ow = g.shape
    c, K = x.shape[1] // groups, x.shape[1] // groups * math.prod(size)
    p = lay_out(x, padding) if columns is None else None  # (C, H, W, N)
    flat = lay_out(g, NO_PADS).reshape(groups, O // groups, oh * ow * N)
    dw = np.zeros((O, c, *size), np.result_type(g, x))
    for rows in _blocks(groups * K * ow * N, oh):
        pixels = slice(rows.start * ow * N, rows.stop * ow * N)
        cols = im2col(p, geometry, rows, ow).reshape(groups, K, len(rows) * ow * N) if columns is None else columns
        dw.reshape(groups, O // groups, K)[...] += np.matmul(flat[:, :, pixels], cols.transpose(0, 2, 1))
    return dw


def _blocks(per_row: int, oh: int) -> list[range]:
    """The output rows, cut into ranges whose columns have at most about `_BLOCK` elements."""
    step = max(1, min(oh, _BLOCK // max(1, per_row)))
    return [range(r, min(r + step, oh)) for r in range(0, oh, step)]


@op(lambda g, _y, _x, **a: fold(g, size=_x.shape[2:], **a))
def unfold(x: Array, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Array:
    """im2col for users: x (N, C, H, W) as (N, C * kh * kw, oh * ow)."""
    geometry = Geometry(kernel, stride, padding, dilation)
    oh, ow = geometry.out(x.shape[2:])
    cols = im2col(lay_out(x, padding), geometry, range(oh), ow)  # (C, kh, kw, oh, ow, N)
    return cols.reshape(math.prod(cols.shape[:3]), oh * ow, len(x)).transpose(2, 0, 1)  # (N, C * kh * kw, oh * ow)


@op(lambda g, _y, _x, *, size, **a: unfold(g, **a))
def fold(x: Array, *, size: Pair, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Array:
    """col2im for users, the adjoint of `unfold`: (N, C * kh * kw, oh * ow) added up to (N, C, H, W), (H, W) = size."""
    geometry = Geometry(kernel, stride, padding, dilation)
    oh, ow = geometry.out(size)
    C = x.shape[1] // math.prod(kernel)
    p = np.zeros((C, *geometry.padded(size), len(x)), x.dtype)
    col2im(x.transpose(1, 2, 0).reshape(C, *kernel, oh, ow, len(x)), p, geometry, range(oh), ow)
    return crop(p, padding)  # (N, C, H, W)
