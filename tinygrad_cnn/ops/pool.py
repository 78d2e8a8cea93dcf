"""Pooling. Each operation and its adjoint are each other's gradients."""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine import Array, op
from ..windows import NO_PADS, Geometry, Pads, Pair, crop, lay_out


def _lowest(dtype: np.dtype[Any]) -> float:
    """What never wins a maximum: the value of the padding."""
    return -np.inf if dtype.kind == "f" else int(np.iinfo(dtype).min)


def _tap_views(p: Any, geometry: Geometry, out: Pair) -> Iterator[Any]:
    """For each tap, the pixels of the laid-out image p (C, H, W, N) under it: views (C, oh, ow, N)."""
    for i, j in geometry.taps():
        h, w = geometry.touched(i, j, range(out[0]), out[1])
        yield p[:, h, w]


# ----------------------------------------------------------------------------------------------------------- maximum
@op(lambda g, y, x, **a: max_pool2d_input(g, x, y, **a))
def max_pool2d(x: Array, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Array:
    """The largest of each window of x (N, C, H, W): y (N, C, oh, ow). A tie goes to the first of its window."""
    geometry = Geometry(kernel, stride, padding, dilation)
    first, *others = _tap_views(lay_out(x, padding, _lowest(x.dtype)), geometry, geometry.out(x.shape[2:]))
    y = first.copy()  # (C, oh, ow, N)
    for tap in others:
        np.maximum(y, tap, out=y)
    return y.transpose(3, 0, 1, 2)  # (N, C, oh, ow)


@op(lambda u, _y, _g, x, y, **a: max_pool2d_pick(u, x, y, **a), None, None)
def max_pool2d_input(
    g: Array, x: Array, y: Array, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair
) -> Array:
    """g (N, C, oh, ow) added to where the maxima y of x were found: (N, C, H, W)."""
    geometry = Geometry(kernel, stride, padding, dilation)
    p = lay_out(x, padding, np.nan)  # equal to no maximum, not even to -inf
    dp = np.zeros(p.shape, g.dtype)
    top, rest = lay_out(y, NO_PADS), lay_out(g, NO_PADS).copy()  # (C, oh, ow, N)
    out = (y.shape[2], y.shape[3])
    for tap, dtap in zip(_tap_views(p, geometry, out), _tap_views(dp, geometry, out), strict=True):
        here = rest * (tap == top)
        dtap += here
        rest -= here  # what the first maximum took, a later equal one does not get
    return crop(dp, padding)  # (N, C, H, W)


@op(lambda g, _y, _u, x, y, **a: max_pool2d_input(g, x, y, **a), None, None)
def max_pool2d_pick(
    u: Array, x: Array, y: Array, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair
) -> Array:
    """u (N, C, H, W) at the places where the maxima y of x were found: (N, C, oh, ow)."""
    geometry = Geometry(kernel, stride, padding, dilation)
    p, q = lay_out(x, padding, np.nan), lay_out(u, padding)
    top = lay_out(y, NO_PADS)  # (C, oh, ow, N)
    free = np.ones(top.shape, bool)
    picked = np.zeros(top.shape, u.dtype)
    out = (y.shape[2], y.shape[3])
    for tap, value in zip(_tap_views(p, geometry, out), _tap_views(q, geometry, out), strict=True):
        here = free & (tap == top)
        picked += value * here
        free &= ~here
    return picked.transpose(3, 0, 1, 2)  # (N, C, oh, ow)


def max_pool2d_indices(x: Any, y: Any, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Any:
    """Where in the H * W plane of x each maximum y was found, counted row by row: int64 (N, C, oh, ow).

    Of equal maxima it is the first; of several NaN, as in PyTorch, the last.
    """
    (H, W), out = x.shape[2:], (y.shape[2], y.shape[3])
    geometry = Geometry(kernel, stride, padding, dilation)
    places = np.arange(H * W).reshape(1, 1, H, W)  # (1, 1, H, W)
    p, q = lay_out(x, padding, _lowest(x.dtype)), lay_out(places, padding, -1)
    top = lay_out(y, NO_PADS)  # (C, oh, ow, N)
    found = np.full(top.shape, -1, np.int64)
    for tap, place in zip(_tap_views(p, geometry, out), _tap_views(q, geometry, out), strict=True):
        np.copyto(found, place, where=((found < 0) & (tap == top)) | (tap != tap))
    return found.transpose(3, 0, 1, 2)  # (N, C, oh, ow)


# --------------------------------------------------------------------------------------------------------------- sum
@op(lambda g, _y, _x, **a: window_spread(g, size=_x.shape[2:], **a))
def window_sum(x: Array, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Array:
    """The sum of each window of x (N, C, H, W): y (N, C, oh, ow)."""
    geometry = Geometry(kernel, stride, padding, dilation)
    first, *others = _tap_views(lay_out(x, padding), geometry, geometry.out(x.shape[2:]))
    y = first.copy()  # (C, oh, ow, N)
    for tap in others:
        y += tap
    return y.transpose(3, 0, 1, 2)  # (N, C, oh, ow)


@op(lambda u, _y, _g, *, size, **a: window_sum(u, **a))
def window_spread(g: Array, *, size: Pair, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Array:
    """The adjoint of `window_sum`: g (N, C, oh, ow) added to every pixel of its window, (N, C, H, W), (H, W) = size."""
    geometry = Geometry(kernel, stride, padding, dilation)
    p = np.zeros((g.shape[1], *geometry.padded(size), len(g)), g.dtype)
    inner = lay_out(g, NO_PADS)  # (C, oh, ow, N)
    for tap in _tap_views(p, geometry, (g.shape[2], g.shape[3])):
        tap += inner
    return crop(p, padding)  # (N, C, H, W)


# ---------------------------------------------------------------------------------------------------------- adaptive
def spans(n: int, m: int) -> list[Pair]:
    """m windows that cover n pixels: window i runs from floor(i n / m) to ceil((i + 1) n / m)."""
    return [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]


@op(lambda g, _y, _x, **_a: grid_spread(g, size=_x.shape[2:]))
def grid_mean(x: Array, *, size: Pair) -> Array:
    """The mean of each window of a grid that covers x (N, C, H, W): y (N, C, oh, ow), (oh, ow) = size."""
    rows, columns = (spans(n, m) for n, m in zip(x.shape[2:], size, strict=True))
    y = np.stack([x[:, :, top:bottom].mean(2) for top, bottom in rows], 2)  # (N, C, oh, W)
    return np.stack([y[:, :, :, left:right].mean(3) for left, right in columns], 3)  # (N, C, oh, ow)


@op(lambda u, _y, _g, **_a: grid_mean(u, size=_g.shape[2:]))
def grid_spread(g: Array, *, size: Pair) -> Array:
    """The adjoint of `grid_mean`: g (N, C, oh, ow) shared by each window's pixels, (N, C, H, W), (H, W) = size."""
    C, oh, ow, N = (inner := lay_out(g, NO_PADS)).shape
    rows, p = np.zeros((C, size[0], ow, N), g.dtype), np.zeros((C, *size, N), g.dtype)
    for i, (top, bottom) in enumerate(spans(size[0], oh)):
        rows[:, top:bottom] += inner[:, i : i + 1] / (bottom - top)
    for j, (left, right) in enumerate(spans(size[1], ow)):
        p[:, :, left:right] += rows[:, :, j : j + 1] / (right - left)
    return crop(p, NO_PADS)  # (N, C, H, W)
