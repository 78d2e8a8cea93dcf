"""Images at another resolution: entries repeated or left out along one dimension, and the adjoint of that.

Both work in the memory order they find, so batch-last images stay batch-last.
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op


def _in_memory_order(x: Any) -> list[int]:
    """The dimensions of x, those with the largest strides first."""
    return sorted(range(x.ndim), key=lambda d: -abs(x.strides[d]))


@op(lambda g, _y, _x, *, index, dim: gather_back(g, index=index, dim=dim, size=_x.shape[dim]))
def repeat_along(x: Array, *, index: Any, dim: int) -> Array:
    """The entries of x at a non-decreasing index along ``dim``."""
    order = _in_memory_order(x)
    return x.transpose(order).take(index, order.index(dim)).transpose(np.argsort(order))


@op(lambda u, _y, _g, *, index, dim, size: repeat_along(u, index=index, dim=dim))
def gather_back(g: Array, *, index: Any, dim: int, size: int) -> Array:
    """The adjoint of `repeat_along`: entries of g with the same index added up, along a dimension of that size."""
    order = _in_memory_order(g)
    at = order.index(dim)
    inner = g.transpose(order)
    out = np.zeros((*inner.shape[:at], size, *inner.shape[at + 1 :]), g.dtype)
    if index.size:
        places, starts = np.unique(index, return_index=True)
        out[(slice(None),) * at + (places,)] = np.add.reduceat(inner, starts, at)
    return out.transpose(np.argsort(order))
