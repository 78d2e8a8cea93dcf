"""Convolution: three operations that are each other's gradients.

Each of the three is linear in both of its inputs, and differentiating one gives the other two: second derivatives
close. How they are computed stands in `arrays.convolution`, which has four ways to do it; `choose` picks one by shape.
("Convolution" is cross-correlation, as everywhere in the field.)
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math

import numpy as np

from ..arrays.convolution import choose
from ..arrays.threads import one_blas_thread
from ..arrays.windows import Geometry, Pads, Pair, col2im, crop, im2col, lay_out
from ..autograd.backward import broadcast_to
from ..autograd.graph import Array
from ..autograd.operation import op


@op(
    lambda g, _y, _x, w, *_b, columns, **a: conv2d_input(g, w, size=_x.shape[2:], **a),
    lambda g, _y, x, _w, *_b, **a: conv2d_weight(g, x, size=_w.shape[2:], **a),
    lambda g, _y, _x, _w, _b, **a: conv2d_bias(g),
)
def conv2d(x: Array, w: Array, *b: Array, stride: Pair, padding: Pads, dilation: Pair, groups: int) -> Array:
    """x (N, C, H, W) with kernels w (O, C / groups, kh, kw) and bias b (O,): y (N, O, oh, ow)."""
    geometry = Geometry(w.shape[2:], stride, padding, dilation)
    algorithm = choose(w.shape, geometry, groups, len(x), geometry.out(x.shape[2:]), x.dtype)
    y, columns = algorithm.forward(x, w, b[0] if b else None, geometry, groups)
    return y, {"columns": columns}  # the gradient of w reads them again


conv2d_uneven = op(  # where the two sides of the padding differ, PyTorch keeps a padded copy of x
    lambda g, _y, _x, w, *_b, columns, **a: conv2d_input(g, w, size=_x.shape[2:], **a),
    lambda g, _y, x_, _w, *_b, **a: conv2d_weight(g, x_, size=_w.shape[2:], **a),
    lambda g, _y, _x, _w, _b, **a: conv2d_bias(g),
)(conv2d.__wrapped__)  # type: ignore[attr-defined]


@op(
    lambda u, _y, _g, w, *, size, **a: conv2d(u, w, **a),
    lambda u, _y, g, _w, *, size, **a: conv2d_weight(g, u, size=_w.shape[2:], **a),
)
def conv2d_input(g: Array, w: Array, *, size: Pair, stride: Pair, padding: Pads, dilation: Pair, groups: int) -> Array:
    """The gradient of an input of (H, W) = size, from g (N, O, oh, ow); by itself, the transposed convolution of g."""
    geometry = Geometry(w.shape[2:], stride, padding, dilation)
    algorithm = choose(w.shape, geometry, groups, len(g), g.shape[2:], g.dtype, image=True)
    return algorithm.image(g, w, geometry, groups, size)  # (N, C, H, W)


@op(
    lambda v, _y, _g, x, *, size, columns=None, **a: conv2d(x, v, **a),
    lambda v, _y, g, _x, *, size, columns=None, **a: conv2d_input(g, v, size=_x.shape[2:], **a),
)
def conv2d_weight(
    g: Array, x: Array, *, size: Pair, stride: Pair, padding: Pads, dilation: Pair, groups: int, columns: Array = None
) -> Array:
    """The gradient of kernels of (kh, kw) = size, from g (N, O, oh, ow) and x (N, C, H, W), or what it left."""
    geometry = Geometry(size, stride, padding, dilation)
    shape = (g.shape[1], x.shape[1] // groups, *size)
    algorithm = choose(shape, geometry, groups, len(g), g.shape[2:], g.dtype)
    return algorithm.weight(g, x, geometry, groups, columns)  # (O, C / groups, kh, kw)


@op(lambda u, _y, _g: broadcast_to(u[:, None, None], shape=_g.shape))
def conv2d_bias(g: Array) -> Array:
    """The gradient of the bias, (O,): g (N, O, oh, ow) summed over all else, row by row."""
    H, W, N, O = (last := g.transpose(2, 3, 0, 1)).shape
    if last.flags.c_contiguous:  # a product with ones is the fastest sum
        with one_blas_thread:
            return np.matmul(np.ones(W * N, g.dtype), last.reshape(H, W * N, O)).sum(0)
    if (first := g.transpose(1, 2, 3, 0)).flags.c_contiguous:
        return np.einsum("ohl->oh", first.reshape(O, H, W * N)).sum(1)
    return g.sum((0, 2, 3))


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
