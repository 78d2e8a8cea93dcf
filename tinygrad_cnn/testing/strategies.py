"""Hypothesis strategies for arrays, shapes and window geometries; they need `hypothesis` (``pip install hypothesis``).

Hypothesis chooses and shrinks shapes, dimensions and geometries. The values in an array come from a seed it draws: they
lie in general position, as derivatives need it, with a distance from the kinks one names and from each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy import ndarray

from .memory import LAYOUTS

__all__ = ["WindowGeometry", "arrays", "broadcastable_shapes", "dims", "layouts", "shapes", "window_geometries"]

Shape = tuple[int, ...]
_SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def shapes(
    draw: DrawFn, min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4, max_size: int = 24
) -> Shape:
    """Shapes of ``min_dims`` to ``max_dims`` dimensions of ``min_side`` to ``max_side``, at most ``max_size`` elements.

    >>> shapes(min_dims=2, max_dims=2).example()  # doctest: +SKIP
    (3, 0)
    """
    shape = draw(st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims))
    while math.prod(shape) > max_size and max(shape) > min_side:
        shape[shape.index(max(shape))] -= 1
    return tuple(shape)


@st.composite
def broadcastable_shapes(
    draw: DrawFn, n: int = 2, max_dims: int = 3, min_side: int = 0, max_side: int = 4, max_size: int = 24
) -> tuple[Shape, ...]:
    """``n`` shapes that broadcast together: each a full shape with leading dimensions left out and some set to 1.

    >>> broadcastable_shapes(2).example()  # doctest: +SKIP
    ((2, 1), (3, 1, 4))
    """
    full = draw(shapes(0, max_dims, min_side, max_side, max_size))
    result = []
    for _ in range(n):
        mode = draw(st.integers(0, 3))  # the full shape half of the time
        shape = full[draw(st.integers(0, len(full))) :] if mode == 2 else full
        if mode >= 2:
            ones = draw(st.integers(0, 2 ** len(shape) - 1))
            shape = tuple(1 if ones >> i & 1 else side for i, side in enumerate(shape))
        result.append(shape)
    return tuple(result)


def dims(ndim: int, negative: bool = True) -> SearchStrategy[int]:
    """A dimension of an array of ``ndim`` dimensions, counted from the front or (``negative``) from the back.

    As PyTorch takes them: an array without dimensions has 0 and -1.
    """
    n = max(ndim, 1)
    return st.integers(-n if negative else 0, n - 1)


@st.composite
def arrays(
    draw: DrawFn,
    shape: Shape | SearchStrategy[Shape] | None = None,
    min_value: float = -3.0,
    max_value: float = 3.0,
    away_from: Sequence[float] = (),
    gap: float = 0.1,
    distinct: bool = False,
    dtype: Any = np.float64,
) -> ndarray[Any, Any]:
    """Arrays of random values in general position, with a distance from kinks and ties.

    Args:
        shape: a shape, or a strategy for one; by default any of `shapes`.
        min_value, max_value: the range of the values (for integers, both included; ignored for booleans).
        away_from: values that none of the array's comes nearer to than ``gap``: kinks, jumps, poles.
        distinct: no two elements are equal, nor nearer to each other than half of the range over the number of
            elements. Integers must have room for it.
        dtype: a floating, integer or boolean dtype.

    >>> arrays((2, 3), away_from=(0.0,), distinct=True).example()  # doctest: +SKIP
    """
    size = draw(shapes() if shape is None else shape) if not isinstance(shape, tuple) else shape
    rng = np.random.default_rng(draw(_SEEDS))
    n = math.prod(size)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, size).astype(dtype)
    if dtype.kind in "iu":
        allowed = np.setdiff1d(np.arange(math.ceil(min_value), math.floor(max_value) + 1), np.asarray(away_from))
        return rng.choice(allowed, n, replace=not distinct).reshape(size).astype(dtype)
    starts, lengths = _allowed(min_value, max_value, away_from, gap)
    positions = (rng.permutation(n) + rng.uniform(0.25, 0.75, n)) / max(n, 1) if distinct else rng.uniform(0, 1, n)
    along = positions * lengths.sum()  # a position along the allowed intervals laid end to end
    before = np.cumsum(lengths) - lengths
    which = np.searchsorted(before, along, side="right") - 1
    values: ndarray[Any, Any] = (starts[which] + along - before[which]).reshape(size).astype(dtype)
    return values


def _allowed(
    low: float, high: float, away_from: Sequence[float], gap: float
) -> tuple[ndarray[Any, Any], ndarray[Any, Any]]:
    """The starts and lengths of the intervals of [low, high] that keep the distance ``gap``."""
    intervals = []
    for kink in sorted(away_from):
        if kink - gap > low:
            intervals.append((low, min(kink - gap, high)))
        low = max(low, kink + gap)
    if low <= high:
        intervals.append((low, high))
    if not intervals:
        raise ValueError(
            f"no value up to {high} is {gap} or more away from {tuple(away_from)}: widen the range or narrow the gap"
        )
    return np.array([a for a, _ in intervals]), np.array([b - a for a, b in intervals])


class WindowGeometry(NamedTuple):
    """A window on a grid: one entry a spatial dimension. The window fits at least once."""

    size: Shape
    kernel_size: Shape
    stride: Shape
    padding: Shape
    dilation: Shape

    @property
    def output_size(self) -> Shape:
        """How often the window fits."""
        return tuple(
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(self.size, self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        )


@st.composite
def window_geometries(
    draw: DrawFn,
    spatial_dims: int = 2,
    max_size: int = 6,
    max_kernel: int = 3,
    max_stride: int = 3,
    max_padding: int = 2,
    max_dilation: int = 2,
    pooling: bool = False,
) -> WindowGeometry:
    """Window geometries that fit: the dilated kernel is no larger than the padded image.

    Args:
        spatial_dims: 1 for (W,), 2 for (H, W), ...
        max_size, max_kernel, max_stride, max_padding, max_dilation: the largest of each.
        pooling: padding of at most half the kernel, as pooling demands it.

    >>> window_geometries(spatial_dims=1).example()  # doctest: +SKIP
    WindowGeometry(size=(5,), kernel_size=(3,), stride=(2,), padding=(1,), dilation=(1,))
    """
    chosen = []
    for _ in range(spatial_dims):
        kernel = draw(st.integers(1, min(max_kernel, max_size)))
        padding = draw(st.integers(0, min(max_padding, kernel // 2) if pooling else max_padding))
        room = max_size + 2 * padding
        widest = max_dilation if kernel == 1 else min(max_dilation, (room - 1) // (kernel - 1))
        dilation = draw(st.integers(1, widest))
        size = draw(st.integers(max(1, dilation * (kernel - 1) + 1 - 2 * padding), max_size))
        chosen.append((size, kernel, draw(st.integers(1, max_stride)), padding, dilation))
    return WindowGeometry(*(tuple(c) for c in zip(*chosen, strict=True)))


def layouts(array: ndarray[Any, Any]) -> SearchStrategy[ndarray[Any, Any]]:
    """The values of ``array`` in one of the `memory_layouts`."""
    return st.sampled_from(sorted(LAYOUTS)).map(lambda name: LAYOUTS[name](array))
