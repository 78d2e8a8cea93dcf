"""Pooling. Each operation and its adjoint are each other's gradients.

Windows are taken apart along the width, then along the height, by views on the logical axes: whatever order an image
has in memory, its pool and its gradient keep.
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.threads import Slab, by_slabs
from ..arrays.windows import NO_PADS, Geometry, Pads, Pair, crop, in_order_of, inside, lay_out, pad
from ..autograd.graph import Array
from ..autograd.operation import op
from .index import _collect
from .shape import _reshape

_SMALL = 1 << 20  # elements: of a smaller image the rows' maxima are kept, a fifth of the gradient's time


def _lowest(dtype: np.dtype[Any]) -> float:
    """What never wins a maximum: the value of the padding."""
    return -np.inf if dtype.kind == "f" else int(np.iinfo(dtype).min)


def _above_padding(x: Any, y: Any, rows: Any, padding: Pads) -> tuple[Any, Any, Any]:
    """x and its maxima y (and ``rows``, if they still hold), with -inf made finite where some of y are -inf.

    A pixel of -inf then wins over the padding, which is -inf too.
    """
    if not any(map(any, padding)) or x.dtype.kind != "f" or not (y == -np.inf).any():
        return x, y, rows
    least = np.finfo(x.dtype).min
    return np.maximum(x, least), np.maximum(y, least), None


def _taps(a: Any, geometry: Geometry, axis: int, n: int) -> list[Any]:
    """The pixels under each tap of the windows along the height (axis 0) or the width (1): n windows, so views of n."""
    step, apart = geometry.stride[axis], geometry.dilation[axis]
    slices = (slice(k * apart, k * apart + step * (n - 1) + 1, step) for k in range(geometry.kernel[axis]))
    return [a[:, :, s] if axis == 0 else a[:, :, :, s] for s in slices]


def _largest(taps: list[Any], out: Any = None) -> Any:
    """The maximum of some arrays; NaN wins."""
    y = np.maximum(taps[0], taps[min(1, len(taps) - 1)], out=out)
    for tap in taps[2:]:
        np.maximum(y, tap, out=y)
    return y


def _places(a: Any, geometry: Geometry, axis: int, n: int) -> tuple[list[Any], bool]:
    """Fresh memory ``a``, as what lies under each tap; and whether that covers each pixel once. If not, a is zeroed."""
    once = geometry.stride[axis] == geometry.kernel[axis] and geometry.dilation[axis] == 1
    covered = n * geometry.kernel[axis] if once else 0
    (a[:, :, covered:] if axis == 0 else a[:, :, :, covered:])[...] = 0
    return _taps(a, geometry, axis, n), once


def _give(g: Any, y: Any, taps: list[Any], places: list[Any], once: bool) -> None:
    """Put g where the first tap equals y. What no earlier one took is the last one's."""
    last = len(taps) - 1
    for k, tap in enumerate(taps[:last]):
        here = g * (tap == y)
        g = np.subtract(g, here, out=places[last] if once and k + 1 == last else None)
        np.copyto(places[k], here) if once else np.add(places[k], here, out=places[k])
    if not once:
        places[last] += g
    elif last == 0:
        places[0][...] = g


# ----------------------------------------------------------------------------------------------------------- maximum
# A window's maximum is that of its rows' maxima: kw + kh comparisons a window instead of kw * kh. The first maximum
# stands in the first row that has it, and is the first there: the gradient takes the same two steps back.
@op(lambda g, y_, x, *, rows, **a: max_pool2d_input(g, x, y_, rows=rows, **a))
def max_pool2d(x: Array, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Any:
    """The largest of each window of x (N, C, H, W): y (N, C, oh, ow). A tie goes to the first of its window."""
    geometry = Geometry(kernel, stride, padding, dilation)
    oh, ow = geometry.out(x.shape[2:])
    if x.size < _SMALL:
        rows = _rows(x, geometry, ow)
        return _largest(_taps(rows, geometry, 0, oh)), {"rows": rows}  # the gradient reads them again
    y = np.empty_like(x, shape=(*x.shape[:2], oh, ow), subok=False)

    def some(part: Slab) -> None:
        _largest(_taps(_rows(x[part], geometry, ow), geometry, 0, oh), out=y[part])

    by_slabs(x, some, 0.3e-9)
    return y, {"rows": None}


def _rows(x: Any, geometry: Geometry, ow: int) -> Any:
    """The maxima along the width: (N, C, padded H, ow)."""
    return _largest(_taps(pad(x, geometry.padding, _lowest(x.dtype)), geometry, 1, ow))


@op(lambda u, _y, _g, x, y, *, rows=None, **a: max_pool2d_pick(u, x, y, **a), None, None)
def max_pool2d_input(
    g: Array, x: Array, y: Array, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair, rows: Any = None
) -> Array:
    """g (N, C, oh, ow) added to where the maxima y of x were found: (N, C, H, W). ``rows``: what the pool knew."""
    geometry = Geometry(kernel, stride, padding, dilation)
    oh, ow = y.shape[2:]
    x, y, rows = _above_padding(x, y, rows, padding)
    g = in_order_of(y, g)
    dx = np.empty_like(x, g.dtype, subok=False)

    def some(part: Slab) -> None:
        p = pad(x[part], padding, _lowest(x.dtype))
        dp = np.empty_like(p, g.dtype) if any(map(any, padding)) else dx[part]
        taps = _taps(p, geometry, 1, ow)
        largest = _largest(taps) if rows is None else rows[part]  # (n, c, H, ow)
        drows = np.empty_like(largest, g.dtype)
        _give(g[part], y[part], _taps(largest, geometry, 0, oh), *_places(drows, geometry, 0, oh))
        _give(drows, largest, taps, *_places(dp, geometry, 1, ow))
        if dp.shape != dx[part].shape:
            dx[part] = inside(dp, padding)

    by_slabs(x, some, 0.8e-9)
    return dx


@op(lambda g, _y, _u, x, y, **a: max_pool2d_input(g, x, y, **a), None, None)
def max_pool2d_pick(
    u: Array, x: Array, y: Array, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair
) -> Array:
    """u (N, C, H, W) at the places where the maxima y of x were found: (N, C, oh, ow)."""
    geometry = Geometry(kernel, stride, padding, dilation)
    oh, ow = y.shape[2:]
    x, y, _ = _above_padding(x, y, None, padding)
    p, q = pad(x, padding, _lowest(x.dtype)), pad(u, padding, 0)
    rows = _largest(taps := _taps(p, geometry, 1, ow))  # (N, C, H, ow)
    urows = _pick(rows, taps, _taps(q, geometry, 1, ow))
    return _pick(y, _taps(rows, geometry, 0, oh), _taps(urows, geometry, 0, oh))  # (N, C, oh, ow)


def _pick(y: Any, taps: list[Any], values: list[Any]) -> Any:
    """The value beside the first tap that equals y, or beside the last."""
    picked = values[-1]
    for tap, value in zip(taps[-2::-1], values[-2::-1], strict=True):
        picked = np.where(tap == y, value, picked)
    return picked


def max_pool2d_indices(x: Any, y: Any, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Any:
    """Where in the H * W plane of x each maximum y was found, counted row by row: int64 (N, C, oh, ow).

    Of equal maxima it is the first; of several NaN, as in PyTorch, the last.
    """
    (H, W), (oh, ow) = x.shape[2:], y.shape[2:]
    geometry = Geometry(kernel, stride, padding, dilation)
    places = np.arange(H * W).reshape(1, 1, H, W)  # (1, 1, H, W)
    p, q = pad(x, padding, _lowest(x.dtype)), pad(places, padding, -1)
    found = np.full(y.shape, -1, np.int64)
    for tap_row, place_row in zip(_taps(p, geometry, 0, oh), _taps(q, geometry, 0, oh), strict=True):
        for tap, place in zip(_taps(tap_row, geometry, 1, ow), _taps(place_row, geometry, 1, ow), strict=True):
            np.copyto(found, place, where=((found < 0) & (tap == y)) | (tap != tap))
    return found  # (N, C, oh, ow)


# --------------------------------------------------------------------------------------------------------------- sum
@op(lambda g, _y, _x, **a: window_spread(g, size=_x.shape[2:], **a))
def window_sum(x: Array, *, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Array:
    """The sum of each window of x (N, C, H, W): y (N, C, oh, ow)."""
    geometry = Geometry(kernel, stride, padding, dilation)
    oh, ow = geometry.out(x.shape[2:])
    rows = _total(_taps(pad(x, padding, 0), geometry, 1, ow))  # (N, C, H, ow)
    return _total(_taps(rows, geometry, 0, oh))  # (N, C, oh, ow)


def _total(taps: list[Any]) -> Any:
    y = taps[0].copy(order="K") if len(taps) == 1 else taps[0] + taps[1]
    for tap in taps[2:]:
        y += tap
    return y


@op(lambda u, _y, _g, *, size, **a: window_sum(u, **a))
def window_spread(g: Array, *, size: Pair, kernel: Pair, stride: Pair, padding: Pads, dilation: Pair) -> Array:
    """The adjoint of `window_sum`: g (N, C, oh, ow) added to every pixel of its window, (N, C, H, W), (H, W) = size."""
    geometry = Geometry(kernel, stride, padding, dilation)
    (H, W), (oh, ow) = geometry.padded(size), g.shape[2:]
    if oh == ow == 1 and kernel == (H, W) == size:  # one window, which is the image
        return np.broadcast_to(g, (*g.shape[:2], H, W))  # (N, C, H, W)
    for axis, n, shape in ((0, oh, (H, ow)), (1, ow, (H, W))):
        room = np.empty_like(g, shape=(*g.shape[:2], *shape), subok=False)
        places, once = _places(room, geometry, axis, n)
        for place in places:
            np.copyto(place, g) if once else np.add(place, g, out=place)
        g = room
    return inside(g, padding)  # (N, C, H, W)


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


@op(lambda g, _y, _x, *, size, places: _reshape(_spread_to(g, places, _x.shape), shape=_x.shape))
def grid_max(x: Array, *, size: Pair) -> Any:
    """The maximum of each window of a grid that covers x (N, C, H, W): y (N, C, oh, ow), (oh, ow) = size."""
    places = grid_argmax(x, size).reshape(*x.shape[:2], size[0] * size[1])  # (N, C, oh * ow)
    flat = x.reshape(*x.shape[:2], x.shape[2] * x.shape[3])  # (N, C, H * W)
    return np.take_along_axis(flat, places, 2).reshape(*x.shape[:2], *size), {"places": places}  # (N, C, oh, ow)


def _spread_to(g: Array, places: Any, shape: tuple[int, ...]) -> Array:
    """g (N, C, oh, ow) added to where the maxima were found: (N, C, H * W)."""
    N, C, H, W = shape
    return _collect(_reshape(g, shape=places.shape), places, dim=2, shape=(N, C, H * W))


def grid_argmax(x: Any, size: Pair) -> Any:
    """Where in the H * W plane the maximum of each window of the grid lies, the last of several NaN: (N, C, oh, ow)."""
    N, C, H, W = x.shape
    found = np.empty((N, C, *size), np.int64)
    for i, (top, bottom) in enumerate(spans(H, size[0])):
        for j, (left, right) in enumerate(spans(W, size[1])):
            pixels = x[:, :, top:bottom, left:right].reshape(N, C, (bottom - top) * (right - left))
            place = pixels.argmax(2)  # (N, C)
            if (nan := pixels != pixels).any():
                place = np.where(nan.any(2), pixels.shape[2] - 1 - nan[:, :, ::-1].argmax(2), place)
            row, column = np.divmod(place, right - left)
            found[:, :, i, j] = (top + row) * W + left + column
    return found


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
