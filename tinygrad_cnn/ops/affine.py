"""The affine map of a linear layer."""

from __future__ import annotations

import math

import numpy as np

from ..engine import Array, op, sum_to
from .linalg import matmul
from .shape import reshape, transpose


@op(
    lambda g, _y, _x, w, *_b: matmul(g, w),
    lambda g, _y, x, _w, *_b: matmul(transpose(_rows(g), 0, 1), _rows(x)),
    lambda g, _y, _x, _w, _b: sum_to(g, shape=_b.shape),
)
def linear(x: Array, w: Array, *b: Array) -> Array:
    """y = x w^T + b for x (..., in), w (out, in), b (out,): y (..., out)."""
    y = np.matmul(x, w.T)
    for bias in b:
        y += bias
    return y


def _rows(a: Array) -> Array:
    """All leading dimensions as one: (rows, features)."""
    return a if a.ndim == 2 else reshape(a, (math.prod(a.shape[:-1]), a.shape[-1]))
