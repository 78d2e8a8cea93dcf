"""A window that slides along one dimension."""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import operator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..autograd.graph import Array
from ..autograd.operation import op
from .shape import _reshape, checked, normalise_dim


@op(
    lambda g, _y, _x, *, dim, size, step: _overlapped(g, dim=dim, size=size, step=step, shape=_x.shape),
    view=True,
)
def _slide(x: Array, *, dim: int, size: int, step: int) -> Array:
    apart = step >= min(size, x.shape[dim] - size + 1)  # else one number stands in several windows
    windows = sliding_window_view(x, size, dim, writeable=apart and x.flags.writeable)
    return windows[(slice(None),) * dim + (slice(None, None, step),)]  # (..., n, ..., size)


@op(lambda g, _y, _x, *, dim, size, step, shape: _slide(g, dim=dim, size=size, step=step))
def _overlapped(g: Array, *, dim: int, size: int, step: int, shape: tuple[int, ...]) -> Array:
    """The adjoint of `_slide`: the windows added up where they came from."""
    x = np.zeros(shape, g.dtype)
    end = step * (g.shape[dim] - 1) + 1
    for k in range(size):
        x[(slice(None),) * dim + (slice(k, k + end, step),)] += g[..., k]
    return x


def unfold(input: Array, dimension: int, size: int, step: int) -> Array:
    """All windows of ``size`` entries along a dimension, ``step`` apart, with a new last dimension for their entries.

    A view; where windows overlap it cannot be written into.

    Raises:
        ValueError: a negative size, one above that of the dimension, or a step below 1.

    >>> unfold(np.arange(5), 0, 3, 2)
    array([[0, 1, 2],
           [2, 3, 4]])
    """
    x = checked(input, "unfold")
    d, size, step = normalise_dim(dimension, x.ndim, "unfold", "dimension"), operator.index(size), operator.index(step)
    whole = x if x.ndim else _reshape(x, shape=(1,))
    n = whole.shape[d]
    if not 0 <= size <= n:
        raise ValueError(f"unfold(): size={size} is out of range for {n} entries of dimension {d}: expected 0 to {n}")
    if step < 1:
        raise ValueError(f"unfold(): step must be at least 1, got {step}")
    y = _slide(whole, dim=d, size=size, step=step)
    return y if x.ndim else _reshape(y, shape=(size,))
