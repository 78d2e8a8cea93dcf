"""Operators that move numbers, and those about shapes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .... import ops
from ....autograd.graph import Array, array_of
from ....nn import functional as F
from ..steps import Step
from ..tensors import dtype_named
from .table import axes_of, axis_of, given, integers, like, number, operator


@operator("Constant")
def constant(step: Step) -> Array:
    """A constant of a function, whose value is an attribute of the call."""
    ((name, value),) = step.attributes.items()
    return np.array(value, np.float32 if "float" in name else np.int64) if name != "value" else value


@operator("Shape")
def shape(step: Step, x: Array) -> Array:
    """The sizes of x, from ``start`` to ``end``."""
    return np.array(array_of(x).shape[slice(step.get("start", 0), step.get("end"))], np.int64)


@operator("Size")
def size(_step: Step, x: Array) -> Array:
    """How many numbers x has."""
    return np.array(array_of(x).size, np.int64)


@operator("Reshape")
def reshape(step: Step, x: Array, sizes: Array = None) -> Array:
    """Another shape: -1 is what is left, 0 keeps the size that stands there (unless ``allowzero``)."""
    wanted = given(sizes, step, "shape", [])
    old = array_of(x).shape
    if not step.get("allowzero", 0):
        wanted = [old[i] if n == 0 and i < len(old) else n for i, n in enumerate(wanted)]
    return ops.reshape(x, wanted)  # (*wanted)


@operator("Flatten")
def flatten(step: Step, x: Array) -> Array:
    """Two dimensions: all before an axis, and all from it on."""
    n, axis = x.ndim, step.get("axis", 1)
    if not -n <= axis <= n:
        raise ValueError(f"axis {axis} is out of range for {n} dimensions")
    sizes, axis = tuple(array_of(x).shape), axis + n if axis < 0 else axis
    return ops.reshape(x, (math.prod(sizes[:axis]), math.prod(sizes[axis:])))  # (before, after)


@operator("Transpose")
def transpose(step: Step, x: Array) -> Array:
    """Dimensions in another order, by default turned around."""
    return ops.permute(x, tuple(step.get("perm", range(x.ndim)[::-1])))


@operator("Squeeze")
def squeeze(step: Step, x: Array, axes: Array = None) -> Array:
    """Dimensions of size 1 dropped: the named ones, or all."""
    named = given(axes, step, "axes")
    sizes = array_of(x).shape
    dims = axes_of(named, x.ndim) if named is not None else tuple(d for d, n in enumerate(sizes) if n == 1)
    if any(sizes[d] != 1 for d in dims):
        raise ValueError(f"axes {dims} of shape {sizes} are not all of size 1")
    return ops.reshape(x, tuple(n for d, n in enumerate(sizes) if d not in dims))  # (sizes without dims)


@operator("Unsqueeze")
def unsqueeze(step: Step, x: Array, axes: Array = None) -> Array:
    """New dimensions of size 1, named as in the output."""
    named = given(axes, step, "axes", [])
    n = x.ndim + len(named)
    dims, old = axes_of(named, n), iter(array_of(x).shape)
    return ops.reshape(x, tuple(1 if d in dims else next(old) for d in range(n)))  # (sizes with 1 at dims)


@operator("Concat")
def concat(step: Step, *xs: Array) -> Array:
    """One after another along an axis."""
    return ops.cat(list(xs), axis_of(step.get("axis", 1), xs[0].ndim)) if len(xs) > 1 else xs[0]


@operator("Split")
def split(step: Step, x: Array, sizes: Array = None) -> tuple[Array, ...]:
    """Parts along an axis: of given sizes, else as equal as can be, the last one smaller."""
    axis = axis_of(step.get("axis", 0), x.ndim)
    n, named = x.shape[axis], given(sizes, step, "split")
    if named is None:
        parts = step.get("num_outputs", len(step.outputs))
        each = -(-n // parts)
        named = [max(min(each, n - i * each), 0) for i in range(parts)]
    if sum(named) != n or min(named, default=0) < 0:
        raise ValueError(f"parts of {named} do not make the size {n} of axis {axis}")
    starts = np.cumsum([0, *named])
    return tuple(ops.narrow(x, axis, int(start), k) for start, k in zip(starts, named, strict=False))


@operator("Slice")
def slice_(
    step: Step, x: Array, starts: Array = None, ends: Array = None, axes: Array = None, by: Array = None
) -> Array:
    """From starts to ends along axes, by steps of either sign; all of them attributes up to opset 9."""
    first, last = given(starts, step, "starts"), given(ends, step, "ends")
    along = axes_of(given(axes, step, "axes", range(len(first))), x.ndim)
    steps = integers(by) if by is not None else [1] * len(first)
    index: list[Any] = [slice(None)] * x.ndim
    flips = []
    for axis, a, b, k in zip(along, first, last, steps, strict=True):
        n = x.shape[axis]
        if not k:
            raise ValueError("a step may not be 0")
        picked = range(n)[_clamped(a, b, k, n)]
        if k > 0:
            index[axis] = slice(picked.start, max(picked.stop, picked.start), k)
        else:  # the same entries in order, and then turned around
            low = picked[-1] if len(picked) else 0
            index[axis] = slice(low, picked[0] + 1 if len(picked) else 0, -k)
            flips.append(axis)
    y = x[tuple(index)]
    return ops.flip(y, tuple(flips)) if flips else y


def _clamped(a: int, b: int, k: int, n: int) -> slice:
    """ONNX's start and end as Python's slice: numbers below -n stand for the beginning."""
    return slice(max(a, -n), None if k < 0 and b < -n else b, k)


@operator("Expand")
def expand(_step: Step, x: Array, sizes: Array) -> Array:
    """Broadcast against a shape, either way."""
    return ops.broadcast_to(x, np.broadcast_shapes(tuple(array_of(x).shape), tuple(integers(sizes))))


@operator("Tile")
def tile(_step: Step, x: Array, repeats: Array) -> Array:
    """x repeated along each axis."""
    counts = integers(repeats)
    if len(counts) != x.ndim:
        raise ValueError(f"{len(counts)} repeats came for {x.ndim} dimensions")
    return ops.tile(x, tuple(counts))


@operator("ConstantOfShape")
def constant_of_shape(step: Step, sizes: Array) -> Array:
    """One number in a shape, by default a floating 0."""
    value = step.get("value", np.zeros(1, np.float32))
    return np.full(integers(sizes), value.reshape(-1)[0], value.dtype)


@operator("Range")
def arange(_step: Step, start: Array, limit: Array, delta: Array) -> Array:
    """start, start + delta, ... up to before the limit."""
    a, b, d, dtype = number(start), number(limit), number(delta), array_of(start).dtype
    n = max(math.ceil((b - a) / d), 0)
    return like(
        array_of(start).reshape(()) + np.arange(n).astype(dtype) * array_of(delta).reshape(()), start, limit
    )  # (n,)


@operator("EyeLike")
def eye_like(step: Step, x: Array) -> Array:
    """Ones on a diagonal, in the shape of a matrix."""
    dtype = dtype_named(step.get("dtype")) if step.get("dtype") else array_of(x).dtype
    rows, columns = array_of(x).shape
    return like(np.eye(rows, columns, k=step.get("k", 0), dtype=dtype), x)


@operator("Trilu")
def triangle(step: Step, x: Array, k: Array = None) -> Array:
    """The upper (or lower) triangle of matrices, from the k-th diagonal on."""
    f = ops.triu if step.get("upper", 1) else ops.tril
    return f(x, 0 if k is None else int(number(k))) if array_of(x).size else x


@operator("DepthToSpace")
def depth_to_space(step: Step, x: Array) -> Array:
    """Channels to pixels: blocks of b x b, the channels of a pixel first ("DCR") or last ("CRD")."""
    b, (N, C, H, W) = step.get("blocksize"), array_of(x).shape
    if step.get("mode", "DCR") == "DCR":
        y = ops.permute(ops.reshape(x, (N, b, b, C // b**2, H, W)), (0, 3, 4, 1, 5, 2))  # (N, C / bb, H, b, W, b)
    else:
        y = ops.permute(ops.reshape(x, (N, C // b**2, b, b, H, W)), (0, 1, 4, 2, 5, 3))  # (N, C / bb, H, b, W, b)
    return ops.reshape(y, (N, C // b**2, H * b, W * b))


@operator("SpaceToDepth")
def space_to_depth(step: Step, x: Array) -> Array:
    """Pixels to channels."""
    b, (N, C, H, W) = step.get("blocksize"), array_of(x).shape
    if step.get("mode", "DCR") == "DCR":
        y = ops.permute(ops.reshape(x, (N, C, H // b, b, W // b, b)), (0, 3, 5, 1, 2, 4))  # (N, b, b, C, H / b, W / b)
    else:
        y = ops.permute(ops.reshape(x, (N, C, H // b, b, W // b, b)), (0, 1, 3, 5, 2, 4))  # (N, C, b, b, H / b, W / b)
    return ops.reshape(y, (N, C * b * b, H // b, W // b))


@operator("ReverseSequence")
def reverse_sequence(step: Step, x: Array, lengths: Array) -> Array:
    """The first entries of each sequence turned around, as many as it is long."""
    time, batch = step.get("time_axis", 0), step.get("batch_axis", 1)
    T = x.shape[time]
    index = np.stack([np.r_[np.arange(n)[::-1], n:T] for n in integers(lengths)], batch)  # (T, N) or (N, T)
    index = index.reshape(*index.shape, *[1] * (x.ndim - 2))
    return ops.gather(x, time, like(np.broadcast_to(index, array_of(x).shape).copy(), x))


@operator("CenterCropPad")
def center_crop_pad(step: Step, x: Array, sizes: Array) -> Array:
    """The middle of x in other sizes: cut, or padded with zeros."""
    wanted = integers(sizes)
    axes = axes_of(step.get("axes", range(x.ndim)), x.ndim)
    pads = [0] * (2 * x.ndim)
    for axis, n in zip(axes, wanted, strict=True):
        more = n - x.shape[axis]
        before = more // 2 if more >= 0 else -(-more // 2)
        pads[2 * (x.ndim - 1 - axis)], pads[2 * (x.ndim - 1 - axis) + 1] = before, more - before
    return F.pad(x, pads)
