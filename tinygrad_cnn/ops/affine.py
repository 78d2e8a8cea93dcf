"""The affine map of a linear layer: three operations that are each other's gradients, as in `conv`.

Memory order: where the batch runs innermost, as convolutions and pools leave it, it stays innermost.
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine import Array, op, sum_to
from ..threads import product


@op(
    lambda g, _y, _x, w, *_b: linear_input(g, w),
    lambda g, _y, x, _w, *_b: linear_weight(g, x),
    lambda g, _y, _x, _w, _b: sum_to(g, shape=_b.shape),
)
def linear(x: Array, w: Array, *b: Array) -> Array:
    """y = x w^T + b for x (..., in), w (out, in), b (out,): y (..., out)."""
    if x.ndim != 2:
        y = np.matmul(x, w.T)
    else:
        y = product(w, x.T).T if _batch_last(x) else product(x, w.T)
    for bias in b:
        y += bias
    return y


@op(
    lambda u, _y, _g, w: linear(u, w),
    lambda u, _y, g, _w: linear_weight(g, u),
)
def linear_input(g: Array, w: Array) -> Array:
    """g w, the gradient of an input of `linear`, for g (..., out), w (out, in): (..., in)."""
    if g.ndim != 2:
        return np.matmul(g, w)
    return product(w.T, g.T).T if _batch_last(g) else product(g, w)


@op(
    lambda v, _y, _g, x: linear(x, v),
    lambda v, _y, g, _x: linear_input(g, v),
)
def linear_weight(g: Array, x: Array) -> Array:
    """g^T x, the gradient of the weight of `linear`, for g (..., out), x (..., in): (out, in)."""
    return product(_rows(g).T, _rows(x))


def _batch_last(x: Any) -> bool:
    """Does the first dimension of a matrix run innermost in memory?"""
    return x.strides[0] < x.strides[1]


def _rows(x: Any) -> Any:
    """All leading dimensions as one: (rows, features)."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
