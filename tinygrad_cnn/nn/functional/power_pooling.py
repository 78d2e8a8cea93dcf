"""Pools by a power mean, as functions (Boureau, Ponce and LeCun, 2010)."""

from __future__ import annotations

from math import prod

from ...autograd.graph import Array
from ...ops import elementwise as e
from ...ops.comparison import ne
from .arguments import IntOrPair, integers
from .pooling import avg_pool1d, avg_pool2d


def lp_pool2d(
    input: Array,
    norm_type: float,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    ceil_mode: bool = False,
) -> Array:
    """The p-th root of the sum of p-th powers of each window, p = ``norm_type``: 1 gives sums, large p maxima.

    Args:
        input: (N, C, H, W) or (C, H, W).
        kernel_size, stride, ceil_mode: as for `max_pool2d`.

    Where the sum is 0, so is the gradient; a negative one has no root but for p = 1.

    >>> import numpy as np
    >>> lp_pool2d(np.array([[[3.0, 4.0]]]), 2, (1, 2)).tolist()
    [[[5.0]]]
    """
    k = integers(kernel_size, 2, "kernel_size", "lp_pool2d", 1)
    return _root(avg_pool2d(_power(input, norm_type, "lp_pool2d"), k, stride, 0, ceil_mode), norm_type, prod(k))


def lp_pool1d(
    input: Array,
    norm_type: float,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    ceil_mode: bool = False,
) -> Array:
    """`lp_pool2d` for signals (N, C, L) or (C, L), one number each."""
    k = integers(kernel_size, 1, "kernel_size", "lp_pool1d", 1)
    return _root(avg_pool1d(_power(input, norm_type, "lp_pool1d"), k, stride, 0, ceil_mode), norm_type, prod(k))


def _power(x: Array, p: float, name: str) -> Array:
    if isinstance(p, bool) or not isinstance(p, (int, float)) or not p:
        raise ValueError(f"{name}: norm_type must be a number other than 0, got {p!r}")
    return e.pow(x, p)


def _root(means: Array, p: float, pixels: int) -> Array:
    """The root of sums, from means; without a slope where they are 0."""
    return e.pow(e.where(ne(means, 0.0), means, 0.0) * pixels, 1.0 / p)
