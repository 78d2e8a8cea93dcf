"""Convolutions and pools, of one, two or any number of dimensions.

Signals and images go the way of our layers. What these do not know (volumes, borders that differ at the two ends,
``auto_pad``) is computed on all windows, taken as views along each dimension.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .... import ops
from ....autograd.graph import Array, array_of
from ....nn import functional as F
from ....ops.sliding import unfold
from ..steps import Step
from .products import less_zero
from .table import given, like, operator


class Grid(NamedTuple):
    """Where windows lie: for each spatial dimension."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]  # the border
    after: tuple[int, ...]

    @property
    def even(self) -> bool:
        """Is the border the same at both ends?"""
        return self.before == self.after

    @property
    def extent(self) -> tuple[int, ...]:
        """What a window covers."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))


def grid_of(step: Step, sizes: Sequence[int], kernel: Sequence[int]) -> Grid:
    """The windows that a node's attributes say, on spatial sizes."""
    n = len(sizes)
    stride, dilation = (tuple(step.get(name, (1,) * n)) for name in ("strides", "dilations"))
    pads, auto = step.get("pads", (0,) * 2 * n), step.get("auto_pad", "NOTSET")
    if not len(kernel) == len(stride) == len(dilation) == n or len(pads) != 2 * n:
        raise ValueError(f"kernel, strides, dilations and pads must be of {n} dimensions, as the input is")
    if not n:
        raise ValueError("the input has no dimension for windows: expected (N, C, L), (N, C, H, W) or more")
    if min(*kernel, *stride, *dilation) < 1 or min(pads, default=0) < 0:
        raise ValueError(
            f"kernel {kernel}, strides {stride} and dilations {dilation} must be positive, pads {pads} not negative"
        )
    if auto == "VALID":
        pads = (0,) * 2 * n
    elif auto.startswith("SAME"):
        whole = [
            max((math.ceil(size / s) - 1) * s + d * (k - 1) + 1 - size, 0)
            for size, k, s, d in zip(sizes, kernel, stride, dilation, strict=True)
        ]
        less, more = [w // 2 for w in whole], [w - w // 2 for w in whole]
        pads = (*less, *more) if auto == "SAME_UPPER" else (*more, *less)
    return Grid(tuple(kernel), stride, dilation, tuple(pads[:n]), tuple(pads[n:]))


def bordered(x: Array, grid: Grid, value: Any = 0.0) -> Array:
    """x (N, C, ...) with the border of a grid."""
    widths = [w for pair in zip(reversed(grid.before), reversed(grid.after), strict=True) for w in pair]
    return F.pad(x, widths, "constant", value) if any(widths) else x


def windows(x: Array, grid: Grid) -> Array:
    """All windows of x (N, C, ...), its border there already: (N, C, *positions, *kernel)."""
    n = len(grid.kernel)
    for d in range(n):
        x = unfold(x, 2 + d, grid.extent[d], grid.stride[d])
    return x[(..., *(slice(None, None, d) for d in grid.dilation))]


# ------------------------------------------------------------------------------------------------------ convolutions
@operator("Conv")
def conv(step: Step, x: Array, w: Array, b: Array = None) -> Array:
    """A convolution (N, C, ...) by kernels (O, C / groups, ...)."""
    n, groups = x.ndim - 2, step.get("group", 1)
    grid = grid_of(step, x.shape[2:], w.shape[2:])
    if n in (1, 2):
        f, padding = (F.conv1d if n == 1 else F.conv2d), grid.before
        if not grid.even:
            x, padding = bordered(x, grid), (0,) * n
        if n == 1:
            return f(x, w, b, grid.stride[0], padding[0], grid.dilation[0], groups)
        return f(x, w, b, grid.stride, padding, grid.dilation, groups)
    return _conv_any(bordered(x, grid), w, b, grid, groups)


def _conv_any(x: Array, w: Array, b: Array, grid: Grid, groups: int) -> Array:
    """The same in any number of dimensions, the border there already."""
    n, O = len(grid.kernel), w.shape[0]
    view = windows(x, grid)  # (N, C, *positions, *kernel)
    C = view.shape[1]
    if C % groups or O % groups or C // groups != w.shape[1]:
        raise ValueError(f"{C} channels in {groups} groups do not fit kernels {tuple(w.shape)}")
    parts = []
    for g in range(groups):
        some = ops.narrow(view, 1, g * (C // groups), C // groups)
        kernels = ops.narrow(w, 0, g * (O // groups), O // groups)
        inner = (1, *range(2 + n, 2 + 2 * n))
        parts.append(ops.tensordot(some, kernels, (inner, tuple(range(1, 2 + n)))))  # (N, *positions, O / groups)
    y = ops.movedim(ops.cat(parts, 1 + n) if groups > 1 else parts[0], -1, 1)  # (N, O, *positions)
    return y if b is None else y + ops.reshape(b, (O, *[1] * n))


@operator("ConvTranspose")
def conv_transpose(step: Step, x: Array, w: Array, b: Array = None) -> Array:
    """The gradient of a convolution by its input: (N, C, ...) by kernels (C, O / groups, ...)."""
    n, groups = x.ndim - 2, step.get("group", 1)
    grid = grid_of(step, x.shape[2:], w.shape[2:])
    extra = tuple(step.get("output_padding", (0,) * n))
    full = [(size - 1) * s + e for size, s, e in zip(x.shape[2:], grid.stride, grid.extent, strict=True)]
    before, after = grid.before, grid.after
    auto, wanted = step.get("auto_pad", "NOTSET"), step.get("output_shape")
    if wanted is not None or auto.startswith("SAME"):
        target = (
            wanted[-n:] if wanted is not None else [size * s for size, s in zip(x.shape[2:], grid.stride, strict=True)]
        )
        whole = [f + e - t for f, e, t in zip(full, extra, target, strict=True)]
        halves = [(max(p, 0) // 2, p - max(p, 0) // 2) for p in whole]  # what is missing is added at the end
        ends = [(b, a) if auto == "SAME_UPPER" or a < 0 else (a, b) for b, a in halves]
        before, after = tuple(b for b, _ in ends), tuple(a for _, a in ends)
    if (
        n in (1, 2)
        and before == after
        and all(e < max(s, d) for e, s, d in zip(extra, grid.stride, grid.dilation, strict=True))
    ):
        f = F.conv_transpose1d if n == 1 else F.conv_transpose2d
        return f(x, w, b, grid.stride, before, extra, groups, grid.dilation)
    if n in (1, 2):
        f = F.conv_transpose1d if n == 1 else F.conv_transpose2d
        y = f(x, w, None, grid.stride, 0, 0, groups, grid.dilation)
    else:
        y = _conv_transpose_any(x, w, grid, groups)
    cut = [
        -p
        for pair in zip(
            reversed(before), (a - e for a, e in zip(reversed(after), reversed(extra), strict=True)), strict=True
        )
        for p in pair
    ]
    y = F.pad(y, cut) if any(cut) else y
    return y if b is None else y + ops.reshape(b, (-1, *[1] * n))  # (N, O, ...)


def _conv_transpose_any(x: Array, w: Array, grid: Grid, groups: int) -> Array:
    """In any number of dimensions, without a border: x with zeros between its numbers, by turned kernels."""
    n = len(grid.kernel)
    for d, s in enumerate(grid.stride):
        if s > 1:
            shape = list(x.shape)
            x = F.pad(ops.reshape(x, (*shape[: 3 + d], 1, *shape[3 + d :])), [0, 0] * (n - 1 - d) + [0, s - 1])
            shape[2 + d] *= s
            x = ops.reshape(x, shape)  # (N, C, ..., size * s, ...)
            x = ops.narrow(x, 2 + d, 0, shape[2 + d] - s + 1)
    C, each, *kernel = w.shape
    w = ops.reshape(w, (groups, C // groups, each, *kernel))
    w = ops.reshape(ops.transpose(w, 1, 2), (groups * each, C // groups, *kernel))  # (O, C / groups, *kernel)
    w = ops.flip(w, tuple(range(2, 2 + n)))
    edge = tuple(e - 1 for e in grid.extent)
    whole = Grid(grid.kernel, (1,) * n, grid.dilation, edge, edge)
    return _conv_any(bordered(x, whole), w, None, whole, groups)


@operator("ConvInteger")
def conv_integer(step: Step, x: Array, w: Array, x_zero: Array = None, w_zero: Array = None) -> Array:
    """A convolution of small integers, exact in int32."""
    a, k = (less_zero(v, zero, 0).astype(np.float64) for v, zero in ((x, x_zero), (w, w_zero)))
    y = _conv_any(bordered(a, grid := grid_of(step, a.shape[2:], k.shape[2:])), k, None, grid, step.get("group", 1))
    return like(y.astype(np.int32), x)


@operator("Col2Im")
def col2im(step: Step, x: Array, size: Array, block: Array) -> Array:
    """Columns of windows added up to an image: (N, C kernel, positions) to (N, C, ...)."""
    sizes, kernel = given(size, step, ""), given(block, step, "")
    grid = grid_of(step, sizes, kernel)
    N, C = x.shape[0], x.shape[1] // math.prod(kernel)
    padded = [s + a + b for s, a, b in zip(sizes, grid.before, grid.after, strict=True)]
    where = windows(np.arange(math.prod(padded)).reshape(1, 1, *padded), grid)  # (1, 1, *positions, *kernel)
    n = len(sizes)
    order = (*range(2 + n, 2 + 2 * n), *range(2, 2 + n))
    places = where.transpose(0, 1, *order).reshape(1, 1, -1)  # (1, 1, kernel positions)
    flat = ops.reshape(x, (N, C, places.shape[2]))
    zero = like(np.zeros((N, C, math.prod(padded)), array_of(x).dtype), x)
    y = ops.scatter_add(zero, 2, like(np.broadcast_to(places, tuple(flat.shape)).copy(), x), flat)
    y = ops.reshape(y, (N, C, *padded))
    return y[(..., *(slice(b, b + s) for b, s in zip(grid.before, sizes, strict=True)))]


# ------------------------------------------------------------------------------------------------------------- pools
def _pooled(step: Step, sizes: Sequence[int]) -> tuple[Grid, tuple[int, ...]]:
    """The windows of a pool, and how far they hang over the border where sizes are rounded up."""
    grid = grid_of(step, sizes, tuple(step.get("kernel_shape", ())))
    over = [0] * len(sizes)
    if step.get("ceil_mode", 0):
        for d, size in enumerate(sizes):
            span = size + grid.before[d] + grid.after[d] - grid.extent[d]
            last = -(-span // grid.stride[d]) * grid.stride[d]
            if last >= size + grid.before[d]:  # a window that begins beyond the image is none
                last -= grid.stride[d]
            over[d] = max(last - span, 0)
    return grid, tuple(over)


@operator("MaxPool")
def max_pool(step: Step, x: Array) -> Any:
    """The largest of each window; and by wish where it stood, counted over all of x."""
    array = array_of(x)
    grid, over = _pooled(step, x.shape[2:])
    n = len(over)
    least = -np.inf if array.dtype.kind == "f" else int(np.iinfo(array.dtype).min)
    wide = grid._replace(after=tuple(a + o for a, o in zip(grid.after, over, strict=True)))
    if n in (1, 2) and array.dtype.kind == "f" and not step.wants(1):
        ceil = bool(step.get("ceil_mode", 0))
        if not grid.even or any(2 * b > k for b, k in zip(grid.before, grid.kernel, strict=True)):
            x, grid, ceil = bordered(x, wide, least), grid._replace(before=(0,) * n), False
        f = F.max_pool1d if n == 1 else F.max_pool2d
        kernel, stride, padding, dilation = (
            v[0] if n == 1 else v for v in (grid.kernel, grid.stride, grid.before, grid.dilation)
        )
        return f(x, kernel, stride, padding, dilation, ceil)
    view = windows(bordered(x, wide, least), grid)
    flat = ops.reshape(view, (*view.shape[: 2 + n], -1))  # (N, C, *positions, kernel)
    found = np.argmax(array_of(flat), -1)[..., None]
    y = ops.gather(flat, 2 + n, like(found, x))[..., 0]
    if not step.wants(1):
        return y
    order = array.shape[2:][::-1] if step.get("storage_order", 0) else array.shape[2:]
    places = np.arange(array.size).reshape(*array.shape[:2], *order)  # (N, C, ...)
    if step.get("storage_order", 0):
        places = places.transpose(0, 1, *range(2, 2 + n)[::-1])
    where = windows(bordered(places, wide, -1), grid).reshape(flat.shape)  # (N, C, *positions, kernel)
    return y, like(np.take_along_axis(where, found, -1)[..., 0], x)


@operator("AveragePool")
def average_pool(step: Step, x: Array) -> Array:
    """The mean of each window; the border counts by wish."""
    grid, over = _pooled(step, x.shape[2:])
    counted, n = bool(step.get("count_include_pad", 0)), len(over)
    ones = set(grid.dilation) == {1} and all(2 * b <= k for b, k in zip(grid.before, grid.kernel, strict=True))
    if n == 2 and grid.even and not any(over) and ones:
        return F.avg_pool2d(x, grid.kernel, grid.stride, grid.before, False, counted)
    wide = grid._replace(after=tuple(a + o for a, o in zip(grid.after, over, strict=True)))
    inner = tuple(range(2 + n, 2 + 2 * n))
    one = np.ones((1, 1, *x.shape[2:]), array_of(x).dtype)
    if counted:
        one = bordered(one, grid, 1.0)
        beyond = Grid(grid.kernel, grid.stride, grid.dilation, (0,) * n, over)
        counts = windows(bordered(one, beyond), grid).sum(inner)  # (1, 1, *positions)
    else:
        counts = windows(bordered(one, wide), grid).sum(inner)  # (1, 1, *positions)
    return ops.sum(windows(bordered(x, wide), grid), inner) / like(counts, x)


@operator("LpPool")
def lp_pool(step: Step, x: Array) -> Array:
    """The p-norm of each window."""
    grid, over = _pooled(step, x.shape[2:])
    wide, p, n = (
        grid._replace(after=tuple(a + o for a, o in zip(grid.after, over, strict=True))),
        step.get("p", 2),
        len(over),
    )
    view = ops.abs(windows(bordered(x, wide), grid))
    return ops.pow(ops.sum(ops.pow(view, p), tuple(range(2 + n, 2 + 2 * n))), 1 / p)


@operator("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(step: Step, x: Array) -> Array:
    """One number for each channel."""
    dims, ones = tuple(range(2, x.ndim)), (*x.shape[:2], *[1] * (x.ndim - 2))
    if step.operator == "GlobalAveragePool":
        return ops.mean(x, dims, True)
    if step.operator == "GlobalMaxPool":
        return ops.reshape(ops.max(ops.reshape(x, (*x.shape[:2], -1)), 2).values, ones)  # (N, C, 1, ...)
    p = step.get("p", 2)
    return ops.pow(ops.sum(ops.pow(ops.abs(x), p), dims, True), 1 / p)


@operator("MaxUnpool")
def max_unpool(step: Step, x: Array, index: Array, sizes: Array = None) -> Array:
    """Maxima put back where they stood, zeros elsewhere."""
    old = tuple(array_of(x).shape)
    n = len(old) - 2
    kernel, stride = step.get("kernel_shape"), step.get("strides", (1,) * n)
    pads = step.get("pads", (0,) * 2 * n)
    inner = tuple(
        (s - 1) * by + k - pads[d] - pads[n + d]
        for d, (s, by, k) in enumerate(zip(old[2:], stride, kernel, strict=True))
    )
    shape = (*old[:2], *inner)
    wanted = shape if sizes is None else tuple(given(sizes, step, ""))
    places = np.unravel_index(array_of(index).reshape(-1), shape)
    zero = like(np.zeros(wanted, array_of(x).dtype), x)
    return ops.index_put(zero, tuple(like(p, x) for p in places), ops.reshape(x, (-1,)))
