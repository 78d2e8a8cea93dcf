"""Operators that pick and put numbers: by index, by mask, by order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from .... import ops
from ....autograd.graph import Array, array_of
from ....nn import functional as F
from ....tensors import Tensor
from ..steps import Step
from .arithmetic import cast_to
from .table import axis_of, given, like, number, operator


def _from_front(index: Array, size: int) -> ndarray:
    """Indices, of which negative ones count from the end."""
    array = array_of(index)
    if array.dtype.kind not in "iu":
        raise ValueError(f"indices must be integers, got dtype {array.dtype}")
    array = array.astype(np.int64, copy=False)
    if array.size and not (-size <= array.min() and array.max() < size):
        raise IndexError(f"indices {array.min()} to {array.max()} are out of range for size {size}")
    return np.where(array < 0, array + size, array) if array.size and array.min() < 0 else array


@operator("Gather")
def gather(step: Step, x: Array, index: Array) -> Array:
    """The entries of an axis at some indices, in the shape of the indices."""
    axis = axis_of(step.get("axis", 0), x.ndim)
    places = _from_front(index, x.shape[axis])
    if isinstance(index, Tensor) and places.ndim:  # as it came: an input that others follow
        if x.ndim == 2 and not axis and places is array_of(index):
            return F.embedding(index, x)
        return x[(slice(None),) * axis + (index,)]
    return x[(slice(None),) * axis + (places if places.ndim else int(places),)]


@operator("GatherElements")
def gather_elements(step: Step, x: Array, index: Array) -> Array:
    """For each place of the index, the entry of x at that index along an axis."""
    axis = axis_of(step.get("axis", 0), x.ndim)
    return ops.gather(x, axis, like(_from_front(index, x.shape[axis]), x))


def _tuples(x: Array, index: Array, batch: int = 0) -> tuple[ndarray, ...]:
    """The last dimension of an index as indices of the dimensions of x from ``batch`` on."""
    array = array_of(index)
    k = array.shape[-1]
    if not 1 <= k <= x.ndim - batch:
        raise ValueError(f"indices of {k} numbers do not fit {x.ndim - batch} dimensions")
    leading = np.indices(array.shape[:batch]).reshape(batch, *array.shape[:batch], *[1] * (array.ndim - 1 - batch))
    return (*leading, *(_from_front(array[..., j], x.shape[batch + j]) for j in range(k)))


@operator("GatherND")
def gather_nd(step: Step, x: Array, index: Array) -> Array:
    """The entries of x at tuples of indices; leading dimensions may be shared."""
    return x[_tuples(x, index, step.get("batch_dims", 0))]


@operator("ScatterElements", "Scatter")
def scatter_elements(step: Step, x: Array, index: Array, updates: Array) -> Array:
    """x with updates at indices along an axis: put there, added, multiplied, or the larger or smaller kept."""
    axis, how = axis_of(step.get("axis", 0), x.ndim), step.get("reduction", "none")
    places = like(_from_front(index, x.shape[axis]), x)
    if how == "none":
        return ops.scatter(x, axis, places, updates)
    names = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}
    return ops.scatter_reduce(x, axis, places, updates, names[how])


@operator("ScatterND")
def scatter_nd(step: Step, x: Array, index: Array, updates: Array) -> Array:
    """x with slices put at tuples of indices, or reduced with what is there."""
    how, places = step.get("reduction", "none"), _tuples(x, index)
    if how in ("none", "add"):
        return ops.index_put(x, tuple(like(i, x) for i in places), updates, how == "add")
    k, rest = len(places), tuple(x.shape[len(places) :])
    rows = np.ravel_multi_index(places, tuple(x.shape[:k])).reshape(-1)  # (updates,)
    flat = ops.reshape(x, (-1, *rest))  # (places, *rest)
    at = np.broadcast_to(rows.reshape(-1, *[1] * len(rest)), (rows.size, *rest)).copy()  # (updates, *rest)
    names = {"mul": "prod", "max": "amax", "min": "amin"}
    y = ops.scatter_reduce(flat, 0, like(at, x), ops.reshape(updates, (rows.size, *rest)), names[how])
    return ops.reshape(y, tuple(x.shape))


@operator("TensorScatter")
def tensor_scatter(step: Step, past: Array, update: Array, start: Array = None) -> Array:
    """A cache with new entries along an axis, from each row's own place on; round about by wish."""
    axis, n = axis_of(step.get("axis", -2), past.ndim), past.shape[0]
    size, more = past.shape[axis], update.shape[axis]
    first = np.zeros(n, np.int64) if start is None else array_of(start)
    places = first[:, None] + np.arange(more)  # (N, more)
    if step.get("mode", "linear") == "circular":
        places %= size
    shape = [1] * past.ndim
    shape[0], shape[axis] = n, more
    places = np.broadcast_to(places.reshape(shape), tuple(update.shape)).copy()  # (*update.shape)
    return ops.scatter(past, axis, like(_from_front(places, size), past), update)


@operator("OneHot")
def one_hot(step: Step, index: Array, depth: Array, values: Array) -> Array:
    """Two values, off and on, along a new axis."""
    n = int(number(depth))
    places = array_of(index).astype(np.int64)
    axis = axis_of(step.get("axis", -1), places.ndim + 1)
    places = np.expand_dims(np.where(places < 0, places + n, places), axis)
    grid = np.arange(n).reshape([-1 if d == axis else 1 for d in range(places.ndim)])  # (n with ones around)
    return ops.where(like(places == grid, values), values[1], values[0])


@operator("NonZero")
def nonzero(_step: Step, x: Array) -> Array:
    """The indices of all that is not 0, a row for each dimension."""
    return like(np.array(np.nonzero(np.atleast_1d(array_of(x)))[: max(x.ndim, 1)], np.int64), x)


@operator("Compress")
def compress(step: Step, x: Array, condition: Array) -> Array:
    """The entries of an axis, or of all x flattened, where a condition holds."""
    axis = step.get("axis")
    if axis is None:
        x, axis = ops.reshape(x, (-1,)), 0
    return ops.index_select(x, axis_of(axis, x.ndim), like(np.flatnonzero(array_of(condition)), x))


@operator("TopK")
def topk(step: Step, x: Array, k: Array = None) -> tuple[Array, Array]:
    """The k largest (smallest) along an axis, in order, the first of equals first; and where they stood."""
    count = step.get("k") if k is None else int(number(k))
    array, axis = array_of(x), axis_of(step.get("axis", -1), x.ndim)
    if not 0 <= count <= array.shape[axis]:
        raise ValueError(f"k={count} of {array.shape[axis]} entries along axis {axis}")
    return tuple(ops.topk(x, count, axis, bool(step.get("largest", 1))))


@operator("Unique")
def unique(step: Step, x: Array) -> tuple[Array, ...]:
    """Each value (or slice of an axis) once: sorted or in order of appearance; with places and counts."""
    axis = step.get("axis")
    array = array_of(x)
    y, first, inverse, counts = np.unique(array, True, True, True, axis=axis)
    inverse = inverse.reshape(-1)  # (entries,)
    if not step.get("sorted", 1):
        order = np.argsort(first)
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        y, first, inverse, counts = np.take(y, order, axis or 0), first[order], place[inverse], counts[order]
    return tuple(like(v, x) for v in (y, first, inverse, counts))


@operator("Pad")
def pad(step: Step, x: Array, pads: Array = None, value: Array = None, axes: Array = None) -> Array:
    """A border of a constant, of mirrored, repeated or wrapped entries; negative widths cut."""
    n, mode = x.ndim, step.get("mode", "constant")
    widths = given(pads, step, "pads", ())
    along = [axis_of(a, n) for a in given(axes, step, "axes", range(n))]
    k = len(along)
    if len(widths) != 2 * k:
        raise ValueError(f"{len(widths)} widths of the border came for {k} axes, expected two for each")
    both = [(0, 0)] * n
    for axis, before, after in zip(along, widths[:k], widths[k:], strict=True):
        both[axis] = (before, after)
    fill = step.get("value", 0.0) if value is None else number(value)
    if mode == "constant":
        kind = array_of(x).dtype
        flat = [w for pair in reversed(both) for w in pair]
        if kind.kind == "b":
            return cast_to(F.pad(cast_to(x, np.uint8), flat, "constant", int(fill)), kind)
        return F.pad(x, flat, "constant", fill)
    cut = [min(w, 0) for pair in reversed(both) for w in pair]
    x = F.pad(x, cut) if any(cut) else x  # first, for what is cut is not there to be repeated
    for axis, (before, after) in enumerate(both):
        if before > 0 or after > 0:
            x = ops.index_select(x, axis, like(_beyond(x.shape[axis], max(before, 0), max(after, 0), mode), x))
    return x


def _beyond(size: int, before: int, after: int, mode: str) -> ndarray:
    """Which entries of an axis a border around it repeats."""
    at = np.arange(-before, size + after)
    if not size:
        raise ValueError(f"there is nothing to pad with: an axis of size 0, mode {mode!r}")
    if mode == "edge":
        return at.clip(0, size - 1)
    if mode == "wrap":
        return at % size
    if mode == "reflect":
        turn = max(2 * size - 2, 1)
        at = at % turn
        return np.where(at >= size, turn - at, at)
    raise ValueError(f"mode {mode!r} of Pad is not supported; constant, reflect, edge and wrap are")


@operator("NonMaxSuppression")
def non_max_suppression(
    step: Step, boxes: Any, scores: Any, most: Any = None, overlap: Any = None, least: Any = None
) -> Array:
    """For each image and class, boxes by falling score that overlap no better one too much: (n, 3) indices."""
    box, score = array_of(boxes).astype(np.float64), array_of(scores)
    limit = 0 if most is None else int(number(most))
    iou, bar = (0.0 if v is None else number(v) for v in (overlap, least))
    if step.get("center_point_box", 0):
        x, y, w, h = np.moveaxis(box, -1, 0)
        box = np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], -1)
    low, high = np.minimum(box[..., :2], box[..., 2:]), np.maximum(box[..., :2], box[..., 2:])
    area = (high - low).prod(-1)
    found: list[tuple[int, int, int]] = []
    for n in range(score.shape[0]):
        for c in range(score.shape[1]):
            kept: list[int] = []
            for i in np.argsort(-score[n, c], kind="stable"):
                if len(kept) >= limit or (least is not None and score[n, c, i] <= bar):
                    break
                shared = (np.minimum(high[n, i], high[n, kept]) - np.maximum(low[n, i], low[n, kept])).clip(0).prod(-1)
                if (shared <= iou * (area[n, i] + area[n, kept] - shared)).all():
                    kept.append(int(i))
            found += [(n, c, i) for i in kept]
    return like(np.array(found, np.int64).reshape(-1, 3), boxes)  # (n, 3)
