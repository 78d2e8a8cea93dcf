"""Max-pools undone, as functions: each maximum back at its place, zeros elsewhere (Zeiler and Fergus, 2014)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd.graph import Array
from ...ops.index import scatter
from ...ops.shape import reshape
from ...ops.watched import aside
from .arguments import IntOrPair, batched, check_array, check_same_shape, dtype_of, integers

_INDICES = "they come from the pool with return_indices=True"


def max_unpool2d(
    input: Array,
    indices: Array,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: IntOrPair = 0,
    output_size: Sequence[int] | None = None,
) -> Array:
    """Images in which each number of input lies where `max_pool2d` found it, and all else is 0.

    Args:
        input: (N, C, h, w) or (C, h, w).
        indices: of the same shape, int64: places in the H * W plane, as the pool's ``return_indices`` gives them.
        kernel_size, stride, padding: those of the pool.
        output_size: (H, W), or the whole shape, where the pool could have come from images of several sizes.

    Returns:
        (N, C, H, W) with H = (h - 1) stride - 2 padding + kernel, or what ``output_size`` says.

    Raises:
        ValueError: shapes that differ, an output size that the pool cannot have had, an index beyond the plane.

    >>> max_unpool2d(np.array([[[[5.0]]]]), np.array([[[[3]]]]), 2).tolist()
    [[[[0.0, 0.0], [0.0, 5.0]]]]
    """
    return _unpooled(input, indices, kernel_size, stride, padding, output_size, 2)


def max_unpool1d(
    input: Array,
    indices: Array,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: IntOrPair = 0,
    output_size: Sequence[int] | None = None,
) -> Array:
    """`max_unpool2d` for signals: input and indices (N, C, l) or (C, l), one number each; gives (N, C, L)."""
    return _unpooled(input, indices, kernel_size, stride, padding, output_size, 1)


def _unpooled(
    input: Array, indices: Array, kernel: Any, stride: Any, padding: Any, output_size: Any, spatial: int
) -> Array:
    name = f"max_unpool{spatial}d"
    check_array(input, "input", name)
    check_array(indices, "indices", name)
    if dtype_of(indices) != np.int64:
        raise TypeError(f"{name}: indices must be int64, got {dtype_of(indices)}: {_INDICES}")
    check_same_shape(input, indices, name, "indices")
    k = integers(kernel, spatial, "kernel_size", name, 1)
    s = k if stride is None else integers(stride, spatial, "stride", name, 1)
    p = integers(padding, spatial, "padding", name, 0)
    x, unbatched = batched(input, spatial, name)
    size = _size(tuple(x.shape[2:]), k, s, p, output_size, name)
    plane = int(np.prod(size))
    aside(_check_places, indices, plane=plane, size=size, name=name)
    rows = (x.shape[0], x.shape[1], math.prod(x.shape[2:]))  # (N, C, h * w)
    empty = np.zeros((*rows[:2], plane), dtype_of(x))
    y = scatter(empty, 2, reshape(indices, rows), reshape(x, rows))  # (N, C, H * W)
    y = reshape(y, (*rows[:2], *size))  # (N, C, H, W)
    return y[0] if unbatched else y


def _check_places(places: Any, *, plane: int, size: tuple[int, ...], name: str) -> None:
    if places.size and (places.min() < 0 or places.max() >= plane):
        bad = places[(places < 0) | (places >= plane)][0]
        raise ValueError(f"{name}: index {bad} lies beyond the output of {'x'.join(map(str, size))}: {_INDICES}")


def _size(old: Any, k: Any, s: Any, p: Any, output_size: Any, name: str) -> tuple[int, ...]:
    """The output's size: the smallest that the pool fits, or the wanted one, less than a stride away from it."""
    default = tuple((n - 1) * b - 2 * c + a for n, a, b, c in zip(old, k, s, p, strict=True))
    if output_size is None:
        wanted = default
    else:
        wanted = tuple(output_size)
        if not all(isinstance(n, (int, np.integer)) for n in wanted):
            raise TypeError(f"{name}: output_size must hold integers, got {output_size}")
        wanted = wanted[2:] if len(wanted) == len(old) + 2 else wanted
        if len(wanted) != len(old):
            raise ValueError(f"{name}: output_size must have {len(old)} or {len(old) + 2} numbers, got {output_size}")
        if not all(a - b < w < a + b for a, b, w in zip(default, s, wanted, strict=True)):
            raise ValueError(
                f"{name}: output_size {list(wanted)} must be less than the stride, {list(s)}, away from {list(default)}"
            )
    if min(wanted) < 1:
        raise ValueError(f"{name}: the output would have size {'x'.join(map(str, wanted))}; use less padding")
    return wanted
