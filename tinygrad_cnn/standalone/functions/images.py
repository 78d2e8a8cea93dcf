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


def grid_sample(x: Array, grid: Array, mode: str = "bilinear", beyond: str = "zeros", corners: bool = False) -> Array:
    """The pixels of x (N, C, H, W) at the places of a grid (N, oh, ow, 2), across and down from -1 to 1, mixed from
    their neighbours: (N, C, oh, ow)."""
    n, channels, *sizes = x.shape
    places = zip((grid[..., 0] + 1, grid[..., 1] + 1), sizes[::-1], strict=True)
    right, down = (p * ((m - 1) / 2) if corners else (p * m - 1) / 2 for p, m in places)
    if mode != "bicubic":
        right, down = held(right, sizes[1], beyond, corners), held(down, sizes[0], beyond, corners)
    if mode == "nearest":
        right, down = np.rint(right), np.rint(down)
    left, top = np.floor(right), np.floor(down)
    y = np.zeros((*grid.shape[:3], channels), x.dtype)
    for i in range(-1, 3) if mode == "bicubic" else range(2):
        for j in range(-1, 3) if mode == "bicubic" else range(2):
            row, column = top + i, left + j
            share = near(down - row, mode) * near(right - column, mode)
            if mode == "bicubic":
                row, column = held(row, sizes[0], beyond, corners), held(column, sizes[1], beyond, corners)
            inside = (row >= 0) & (row < sizes[0]) & (column >= 0) & (column < sizes[1])
            row, column = (np.where(inside, p, 0).astype(int) for p in (row, column))
            y += np.where(inside, share, 0)[..., None] * x[np.arange(n)[:, None, None], :, row, column]
    return y.transpose(0, 3, 1, 2)


def near(distance: Array, mode: str) -> Array:
    """The share of a pixel at this distance: straight down to 0, or by cubic splines (Keys, 1981)."""
    d = np.abs(distance)
    if mode != "bicubic":
        return (1 - d).clip(0)
    return np.where(d <= 1, (1.25 * d - 2.25) * d * d + 1, ((-0.75 * d + 3.75) * d - 6) * d + 3)


def held(place: Array, size: int, beyond: str, corners: bool) -> Array:
    """Places beyond the borders brought back, or mirrored: at the centres of the pixels in the corners, or at edges."""
    if beyond == "zeros":
        return place
    low, span = (0, size - 1) if corners else (-0.5, size)
    if beyond == "reflection" and span:
        far = np.abs(place - low)
        rest = np.fmod(far, span)
        place = np.where(np.floor(far / span) % 2 == 1, span - rest, rest) + low
    return place.clip(0, size - 1)
