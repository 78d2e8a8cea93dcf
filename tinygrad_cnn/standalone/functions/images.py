"""Convolutions and pools: windows that slide over images (N, C, H, W)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.graph import Array
from .arrays import product


def pair(value: Any) -> Any:
    """One number for both directions, or two: (down, across)."""
    return value if isinstance(value, tuple) else (value, value)


def windows(x: Array, kernel: Any, stride: Any, padding: Any, dilation: Any, fill: float = 0) -> Array:
    """All windows of images (N, C, H, W), as a view of them: (N, C, oh, ow, kh, kw)."""
    (kh, kw), (sh, sw), (dh, dw) = pair(kernel), pair(stride), pair(dilation)
    rows, columns = (pair(width) for width in pair(padding))
    x = np.pad(x, ((0, 0), (0, 0), rows, columns), constant_values=fill)
    spans = dh * (kh - 1) + 1, dw * (kw - 1) + 1
    seen = np.lib.stride_tricks.sliding_window_view(x, spans, axis=(2, 3))
    return seen[:, :, ::sh, ::sw, ::dh, ::dw]  # (N, C, oh, ow, kh, kw)


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Array:
    """Each window of x (N, C, H, W) becomes one row, each filter of weight (O, C / groups, kh, kw) one column: the
    products of all rows with all columns are the maps (N, O, oh, ow)."""
    filters, channels, kh, kw = weight.shape
    seen = windows(x, (kh, kw), stride, padding, dilation)  # (N, C, oh, ow, kh, kw)
    n, _, oh, ow, _, _ = seen.shape
    seen = seen.reshape(n, groups, channels, oh, ow, kh, kw).transpose(1, 0, 3, 4, 2, 5, 6)
    rows = seen.reshape(groups, n * oh * ow, channels * kh * kw)
    columns = weight.reshape(groups, filters // groups, channels * kh * kw).transpose(0, 2, 1)
    y = product(rows, columns).reshape(groups, n, oh, ow, filters // groups)
    y = y.transpose(1, 0, 4, 2, 3).reshape(n, filters, oh, ow)
    return y if bias is None else y + bias[:, None, None]


def conv_transpose2d(
    x: Array, weight: Array, size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Array:
    """Each pixel of x (N, C, h, w) puts the filters of weight (C, O / groups, kh, kw), times itself, into images
    (N, O, H, W) of that size; where they overlap they add up."""
    n, channels, h, w = x.shape
    _, filters, kh, kw = weight.shape
    (sh, sw), (dh, dw) = pair(stride), pair(dilation)
    (top, bottom), (left, right) = (pair(width) for width in pair(padding))
    pixels = x.reshape(n, groups, channels // groups, h * w)
    kernels = weight.reshape(groups, channels // groups, filters, kh, kw)
    out = np.zeros((n, groups * filters, top + size[0] + bottom, left + size[1] + right), x.dtype)
    for i in range(kh):
        for j in range(kw):
            part = product(kernels[..., i, j].swapaxes(1, 2), pixels)  # (N, groups, O / groups, h * w)
            down = slice(i * dh, i * dh + sh * (h - 1) + 1, sh)
            across = slice(j * dw, j * dw + sw * (w - 1) + 1, sw)
            out[:, :, down, across] += part.reshape(n, groups * filters, h, w)
    return out[:, :, top : top + size[0], left : left + size[1]]  # (N, O, H, W)


def max_pool2d(x: Array, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Array:
    """The largest number of each window: (N, C, oh, ow)."""
    stride = kernel if stride is None else stride
    return windows(x, kernel, stride, padding, dilation, -np.inf).max((4, 5))


def sum_pool2d(x: Array, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Array:
    """The sum of each window: (N, C, oh, ow)."""
    return windows(x, kernel, kernel if stride is None else stride, padding, dilation).sum((4, 5))


def avg_pool2d(x: Array, kernel: Any, stride: Any = None, padding: Any = 0) -> Array:
    """The mean of each window: (N, C, oh, ow)."""
    return windows(x, kernel, kernel if stride is None else stride, padding, 1).mean((4, 5))


def cells(length: int, count: int) -> list[slice]:
    """A line in a number of parts that may overlap by one: those of adaptive pools."""
    return [slice(k * length // count, -(-(k + 1) * length // count)) for k in range(count)]


def adaptive_avg_pool2d(x: Array, size: tuple[int, int]) -> Array:
    """The means of as many parts as the size says: (N, C, *size)."""
    rows, columns = (cells(n, count) for n, count in zip(x.shape[2:], size, strict=True))
    return np.stack([np.stack([x[:, :, r, c].mean((2, 3)) for c in columns], -1) for r in rows], -2)


def adaptive_max_pool(x: Array, *size: int | None) -> Array:
    """The largest numbers of as many parts as the sizes of the last dimensions say; None leaves one as it is."""
    for axis, count in zip(range(-len(size), 0), size, strict=True):
        if count is not None:
            parts = [np.take(x, range(x.shape[axis])[part], axis).max(axis) for part in cells(x.shape[axis], count)]
            x = np.stack(parts, axis)
    return x


def unfold(x: Array, kernel: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Array:
    """Each window of x (N, C, H, W) as a column: (N, C * kh * kw, windows)."""
    seen = windows(x, kernel, stride, padding, dilation)  # (N, C, oh, ow, kh, kw)
    n, channels, oh, ow, kh, kw = seen.shape
    return seen.transpose(0, 1, 4, 5, 2, 3).reshape(n, channels * kh * kw, oh * ow)


def fold(x: Array, size: Any, kernel: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Array:
    """Columns (N, C * kh * kw, windows) added up where they came from: images (N, C, *size)."""
    (kh, kw), (sh, sw), (dh, dw) = pair(kernel), pair(stride), pair(dilation)
    (top, bottom), (left, right) = (pair(width) for width in pair(padding))
    height, width = top + size[0] + bottom, left + size[1] + right
    oh, ow = (height - dh * (kh - 1) - 1) // sh + 1, (width - dw * (kw - 1) - 1) // sw + 1
    x = x.reshape(len(x), x.shape[1] // (kh * kw), kh, kw, oh, ow)
    out = np.zeros((*x.shape[:2], height, width), x.dtype)
    for i in range(kh):
        for j in range(kw):
            down = slice(i * dh, i * dh + sh * (oh - 1) + 1, sh)
            across = slice(j * dw, j * dw + sw * (ow - 1) + 1, sw)
            out[:, :, down, across] += x[:, :, i, j]
    return out[:, :, top : top + size[0], left : left + size[1]]
