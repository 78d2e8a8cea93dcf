"""Pools, as functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.windows import Geometry, Pads, Pair
from ...autograd.graph import Array, Variable
from ...ops import pool as ops
from ...ops.watched import aside
from .arguments import (
    IntOrPair,
    batched,
    both_sides,
    check_array,
    check_filled,
    check_fits,
    check_floating,
    door,
    dtype_of,
    integers,
    pair,
)


# ----------------------------------------------------------------------------------------------------------- maximum
def max_pool2d(
    input: Array,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window.

    Args:
        input: (N, C, H, W) or (C, H, W).
        kernel_size: height and width of the window, >= 1.
        stride: step of the window, >= 1; as large as the window if None.
        padding: rows and columns on each side that never win; at most half the kernel.
        dilation: distance of the window's taps, >= 1.
        ceil_mode: also use windows that hang over the bottom or right edge.
        return_indices: also return where in the H * W plane each maximum was found, int64.

    Returns:
        (N, C, oh, ow); with ``return_indices``, a pair of that and the indices.

    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """
    attributes, unbatched = _max_pool2d((input,), kernel_size, stride, padding, dilation, ceil_mode)
    x = input[None] if unbatched else input
    y = ops.max_pool2d(x, **attributes)
    if return_indices:
        indices = _like_input(aside(ops.max_pool2d_indices, x, y, **attributes), x)
        return (y[0], indices[0]) if unbatched else (y, indices)
    return y[0] if unbatched else y


@door
def _max_pool2d(
    input: Array,
    kernel_size: IntOrPair,
    stride: IntOrPair | None,
    padding: IntOrPair,
    dilation: IntOrPair,
    ceil_mode: bool,
) -> tuple[dict[str, Any], bool]:
    """The checked attributes of the operation, and whether the input lacks a batch dimension."""
    name = "max_pool2d"
    x, unbatched = _batch(input, 2, name)
    return _pool(x, kernel_size, stride, padding, dilation, ceil_mode, name), unbatched


def max_pool1d(
    input: Array,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of input (N, C, L) or (C, L). Arguments as for `max_pool2d`, one number each."""
    name = "max_pool1d"
    x, unbatched = _batch(input, 1, name)
    k, s, p, d = _one_row(kernel_size, stride, padding, dilation, name)
    result = max_pool2d(x[:, :, None], k, s, p, d, ceil_mode, return_indices)
    if not return_indices:
        return _row(result, unbatched)
    return _row(result[0], unbatched), _row(result[1], unbatched)


# ----------------------------------------------------------------------------------------------------------- average
def avg_pool2d(
    input: Array,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: IntOrPair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """The mean of each window of input (N, C, H, W) or (C, H, W).

    Args:
        kernel_size, stride, padding, ceil_mode: as for `max_pool2d`.
        count_include_pad: does the padding (zeros) count in the mean?
        divisor_override: divide every sum by this instead of by the number of pixels.
    """
    attributes, scale, unbatched = _avg_pool2d(
        (input,), kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
    y = ops.window_sum(input[None] if unbatched else input, **attributes) * scale
    return y[0] if unbatched else y


@door
def _avg_pool2d(
    input: Array,
    kernel_size: IntOrPair,
    stride: IntOrPair | None,
    padding: IntOrPair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> tuple[dict[str, Any], Any, bool]:
    """The checked attributes of the sum, what to multiply it by, and whether the input lacks a batch dimension."""
    name = "avg_pool2d"
    x, unbatched = _batch(input, 2, name, floating=True)
    attributes = _pool(x, kernel_size, stride, padding, 1, ceil_mode, name)
    if divisor_override is not None:
        if not isinstance(divisor_override, int) or divisor_override == 0:
            raise ValueError(f"{name}: divisor_override must be an int other than 0, got {divisor_override!r}")
        scale: Any = 1.0 / divisor_override
    else:
        limits = pair(padding, "padding", name, 0) if count_include_pad else (0, 0)
        counts = [_counts(Geometry(**attributes), x.shape[2:], axis, limits[axis]) for axis in (0, 1)]
        n = np.outer(*counts)  # (oh, ow)
        scale = 1.0 / float(n[0, 0]) if n.size and (n == n[0, 0]).all() else (1.0 / n).astype(dtype_of(x))
    return attributes, scale, unbatched


def avg_pool1d(
    input: Array,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: IntOrPair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """The mean of each window of input (N, C, L) or (C, L). Arguments as for `avg_pool2d`, one number each."""
    name = "avg_pool1d"
    x, unbatched = _batch(input, 1, name, floating=True)
    k, s, p, _ = _one_row(kernel_size, stride, padding, 1, name)
    return _row(avg_pool2d(x[:, :, None], k, s, p, ceil_mode, count_include_pad), unbatched)


# ---------------------------------------------------------------------------------------------------------- adaptive
def adaptive_avg_pool2d(input: Array, output_size: int | tuple[int | None, int | None]) -> Array:
    """The mean over an (oh, ow) grid of windows that cover input (N, C, H, W); None keeps that side's size."""
    name = "adaptive_avg_pool2d"
    x, unbatched = _batch(input, 2, name, floating=True, adaptive=True)
    y = ops.grid_mean(x, size=_grid(output_size, x.shape[2:], name))  # (N, C, oh, ow)
    return y[0] if unbatched else y


def adaptive_avg_pool1d(input: Array, output_size: int) -> Array:
    """The mean over ``output_size`` windows that cover input (N, C, L)."""
    name = "adaptive_avg_pool1d"
    x, unbatched = _batch(input, 1, name, floating=True, adaptive=True)
    (n,) = integers(output_size, 1, "output_size", name, 1)
    return _row(ops.grid_mean(x[:, :, None], size=(1, n)), unbatched)


def adaptive_max_pool2d(
    input: Array, output_size: int | tuple[int | None, int | None], return_indices: bool = False
) -> Any:
    """The maximum over an (oh, ow) grid of windows that cover input (N, C, H, W); None keeps that side's size."""
    name = "adaptive_max_pool2d"
    x, unbatched = _batch(input, 2, name, adaptive=True)
    size = _grid(output_size, x.shape[2:], name)
    y = ops.grid_max(x, size=size)  # (N, C, oh, ow)
    if not return_indices:
        return y[0] if unbatched else y
    found = _like_input(aside(ops.grid_argmax, x, size=size), x)
    return (y[0], found[0]) if unbatched else (y, found)


def adaptive_max_pool1d(input: Array, output_size: int, return_indices: bool = False) -> Any:
    """The maximum over ``output_size`` windows that cover input (N, C, L)."""
    name = "adaptive_max_pool1d"
    x, unbatched = _batch(input, 1, name, adaptive=True)
    (n,) = integers(output_size, 1, "output_size", name, 1)
    result = adaptive_max_pool2d(x[:, :, None], (1, n), return_indices)
    if not return_indices:
        return _row(result, unbatched)
    return _row(result[0], unbatched), _row(result[1], unbatched)


# ------------------------------------------------------------------------------------------------------------ helpers
def _batch(input: Array, spatial: int, name: str, floating: bool = False, adaptive: bool = False) -> tuple[Array, bool]:
    """The input of a pool as a batch, checked, and whether it lacked the batch dimension."""
    check = check_floating if floating else check_array
    check(input, "input", name)
    x, unbatched = batched(input, spatial, name)
    check_filled(x, spatial if adaptive else spatial + 1, name)  # adaptive pools take images without channels
    return x, unbatched


def _row(y: Array, unbatched: bool) -> Array:
    """The one row of the images that a 1-D pool made of signals."""
    return y[0, :, 0] if unbatched else y[:, :, 0]  # (C, length) or (N, C, length)


def _like_input(indices: Any, x: Array) -> Array:
    """Indices as a tensor where the input is one."""
    return x._result(indices) if isinstance(x, Variable) else indices


def _one_row(kernel: IntOrPair, stride: IntOrPair | None, padding: IntOrPair, dilation: IntOrPair, name: str) -> Any:
    """The arguments of a 1-D pool, as those of a 2-D pool on images of one row."""
    (k,), (p,) = integers(kernel, 1, "kernel_size", name, 1), integers(padding, 1, "padding", name, 0)
    (s,) = (k,) if stride is None else integers(stride, 1, "stride", name, 1)
    (d,) = integers(dilation, 1, "dilation", name, 1)
    return (1, k), (1, s), (0, p), (1, d)


def _pool(
    x: Array,
    kernel_size: IntOrPair,
    stride: IntOrPair | None,
    padding: IntOrPair,
    dilation: IntOrPair,
    ceil_mode: bool,
    name: str,
) -> dict[str, Any]:
    """The checked attributes of a pool. With ``ceil_mode`` the bottom and right padding grow until all windows fit."""
    kernel = pair(kernel_size, "kernel_size", name, 1)
    step = kernel if stride is None else pair(stride, "stride", name, 1)
    pad, apart = pair(padding, "padding", name, 0), pair(dilation, "dilation", name, 1)
    if any(2 * p > k for p, k in zip(pad, kernel, strict=True)):
        raise ValueError(f"{name}: padding must be at most half the kernel, got padding {pad} for kernel {kernel}")
    geometry = Geometry(kernel, step, both_sides(pad), apart)
    if not ceil_mode or any(geometry.extent(i) > geometry.padded(x.shape[2:])[i] + step[i] - 1 for i in (0, 1)):
        check_fits(geometry, x.shape[2:], name)
    if ceil_mode:
        geometry = geometry._replace(padding=_reaching_over(geometry, x.shape[2:]))
    return geometry._asdict()


def _reaching_over(geometry: Geometry, size: Pair) -> Pads:
    pads = []
    for i in (0, 1):
        before, after = geometry.padding[i]
        n, s = size[i], geometry.stride[i]
        windows = -(-(n + before + after - geometry.extent(i)) // s) + 1
        if (windows - 1) * s >= n + before:  # the last window must start inside the image or the padding before it
            windows -= 1
        pads.append((before, max(after, (windows - 1) * s + geometry.extent(i) - n - before)))
    return pads[0], pads[1]


def _counts(geometry: Geometry, size: Pair, axis: int, limit: int) -> Any:
    """How many pixels of each window count along one axis: those of the image and ``limit`` more on each side."""
    start = np.arange(geometry.out(size)[axis]) * geometry.stride[axis] - geometry.padding[axis][0]
    stop = start + geometry.kernel[axis]
    return np.minimum(stop, size[axis] + limit) - np.maximum(start, -limit)


def _grid(output_size: Any, size: Pair, name: str) -> Pair:
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    if len(wanted) != 2:
        raise ValueError(f"{name}: output_size must be an int or two of them, got {output_size!r}")
    return pair([n if m is None else m for n, m in zip(size, wanted, strict=True)], "output_size", name, 1)
