"""The affine map of a linear layer: three operations that are each other's gradients, as in `conv`.

Memory order: where the batch runs innermost, as convolutions and pools leave it, it stays innermost.
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays.threads import product
from ..autograd.backward import sum_to
from ..autograd.graph import Array
from ..autograd.operation import op


@op(
    lambda g, _y, _x, w, *_b: linear_input(g, w),
    lambda g, _y, x, _w, *_b: linear_weight(g, x),
    lambda g, _y, _x, _w, _b: sum_to(g, shape=_b.shape),
)
def linear(x: Array, w: Array, *b: Array) -> Array:
    """y = x w^T + b for x (..., in), w (out, in), b (out,): y (..., out)."""
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
    return product(w.T, g.T).T if _batch_last(g) else product(g, w)


@op(
    lambda v, _y, _g, x: linear(x, v),
    lambda v, _y, g, _x: linear_input(g, v),
)
def linear_weight(g: Array, x: Array) -> Array:
    """g^T x, the gradient of the weight of `linear`, for g (..., out), x (..., in): (out, in)."""
    return product(_rows(g).T, _rows(x))


def _batch_last(x: Any) -> bool:
    """Is this a matrix whose first dimension runs innermost in memory?"""
    return x.ndim == 2 and x.strides[0] < x.strides[1]


def _rows(x: Any) -> Any:
    """All leading dimensions as one: (rows, features)."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
