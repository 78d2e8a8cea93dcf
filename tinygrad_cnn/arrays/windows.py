"""Sliding windows on plain arrays: their geometry, im2col, col2im. Knows no autograd.

Shapes are logical (N, C, H, W); memory is batch-last. An image is laid out once as (C, H, W, N), padded; its columns
are (C, kh, kw, oh, ow, N). Each tap (i, j) of the kernel is then one copy of long contiguous runs, and one GEMM over
the columns gives an output that later elementwise operations and pools keep in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .copying import contiguous, copy_into

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]  # ((top, bottom), (left, right))
NO_PADS: Pads = ((0, 0), (0, 0))


class Geometry(NamedTuple):
    """How windows lie on an image: all that a convolution or a pool needs to know besides its numbers."""

    kernel: Pair
    stride: Pair
    padding: Pads
    dilation: Pair

    def extent(self, axis: int) -> int:
        """Pixels from the first to the last tap of a window, along axis 0 (H) or 1 (W)."""
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1

    def padded(self, size: Pair) -> Pair:
        """(H, W) with the padding."""
        return size[0] + sum(self.padding[0]), size[1] + sum(self.padding[1])

    def out(self, size: Pair) -> Pair:
        """How many windows fit on an image of (H, W), as (oh, ow); 0 or less where the window is too large."""
        H, W = self.padded(size)
        return (H - self.extent(0)) // self.stride[0] + 1, (W - self.extent(1)) // self.stride[1] + 1

    def taps(self) -> Iterator[tuple[int, int]]:
        """(i, j) of each kernel element, row by row."""
        return ((i, j) for i in range(self.kernel[0]) for j in range(self.kernel[1]))

    def touched(self, i: int, j: int, rows: range, ow: int) -> tuple[slice, slice]:
        """Rows and columns of the padded image under tap (i, j) of the windows in some output rows."""
        (sh, sw), (dh, dw) = self.stride, self.dilation
        top, left = i * dh + sh * rows.start, j * dw
        return slice(top, top + sh * (len(rows) - 1) + 1, sh), slice(left, left + sw * (ow - 1) + 1, sw)


def lay_out(x: Any, padding: Pads, value: float = 0) -> Any:
    """x (N, C, H, W) padded with ``value``, as an image (C, H, W, N) whose batch runs innermost in memory."""
    (top, bottom), (left, right) = padding
    N, C, H, W = x.shape
    inner = x.transpose(1, 2, 3, 0)  # (C, H, W, N)
    if not (top or bottom or left or right):
        return contiguous(inner)
    p = np.empty((C, top + H + bottom, left + W + right, N), x.dtype)
    p[:, :top] = p[:, top + H :] = value
    p[:, top : top + H, :left] = p[:, top : top + H, left + W :] = value
    copy_into(p[:, top : top + H, left : left + W], inner)
    return p


def channels_last(x: Any) -> Any:
    """x (N, C, H, W) as an image (H, W, N, C) whose channels run innermost in memory."""
    return contiguous(x.transpose(2, 3, 0, 1))


def strided(memory: Any, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> Any:
    """An array over C-contiguous memory with these strides and this offset, in bytes.

    What NumPy's ``as_strided`` does, in 0.3 us instead of 2.5; strides that lead out of the memory are refused.
    """
    return np.ndarray(shape, memory.dtype, memory, offset, strides)


def row_blocks(start: int, stop: int, per_row: int, most: int) -> list[range]:
    """Rows, cut into ranges of at least one row and of at most about ``most`` elements, ``per_row`` in each row."""
    step = max(1, min(stop - start, most // max(1, per_row)))
    return [range(r, min(r + step, stop)) for r in range(start, stop, step)]


def crop(p: Any, padding: Pads) -> Any:
    """The image (C, H, W, N) inside its padding, back as (N, C, H, W): a view."""
    (top, bottom), (left, right) = padding
    return p[:, top : p.shape[1] - bottom, left : p.shape[2] - right].transpose(3, 0, 1, 2)  # (N, C, H, W)


def im2col(p: Any, geometry: Geometry, rows: range, ow: int, out: Any = None) -> Any:
    """The windows of some output rows on a laid-out image p (C, H, W, N), as columns (C, kh, kw, rows, ow, N)."""
    view = windows_of(p, geometry, rows, ow)
    if out is None:
        return np.ascontiguousarray(view)
    cols = out.reshape(view.shape)
    cols[...] = view
    return cols


def windows_of(p: Any, geometry: Geometry, rows: range, ow: int) -> Any:
    """What `im2col` copies, as a view in which windows share pixels: a column's row and tap are steps on the image."""
    C, _, _, N = p.shape
    (sh, sw), (dh, dw), (c, h, w, n) = geometry.stride, geometry.dilation, p.strides
    shape, strides = (C, *geometry.kernel, len(rows), ow, N), (c, dh * h, dw * w, sh * h, sw * w, n)
    return strided(p, shape, strides, sh * h * rows.start)


def col2im(cols: Any, p: Any, geometry: Geometry, rows: range, ow: int) -> None:
    """The adjoint of `im2col`: columns are added to the image p (C, H, W, N), where windows overlap more than once."""
    for i, j in geometry.taps():
        h, w = geometry.touched(i, j, rows, ow)
        p[:, h, w] += cols[:, i, j]  # (C, rows, ow, N)


def pad(x: Any, padding: Pads, value: float) -> Any:
    """x (N, C, H, W) with ``value`` around it, in the memory order of x; x itself if there is no padding."""
    (top, bottom), (left, right) = padding
    if not (top or bottom or left or right):
        return x
    N, C, H, W = x.shape
    p = np.empty_like(x, shape=(N, C, top + H + bottom, left + W + right), subok=False)
    p[:, :, :top] = p[:, :, top + H :] = value
    p[:, :, top : top + H, :left] = p[:, :, top : top + H, left + W :] = value
    p[:, :, top : top + H, left : left + W] = x
    return p


def inside(p: Any, padding: Pads) -> Any:
    """What `pad` surrounded: a view (N, C, H, W)."""
    (top, bottom), (left, right) = padding
    return p[:, :, top : p.shape[2] - bottom, left : p.shape[3] - right]


def in_order_of(x: Any, a: Any) -> Any:
    """``a`` in the memory order of x, which has its shape: mixed orders make elementwise work slow."""
    if a.strides == x.strides or a.size < 2:
        return a
    room = np.empty_like(x, a.dtype, subok=False)
    if room.strides == a.strides:
        return a
    copy_into(room, a)
    return room
