"""Resampling: images at another size, and looked up at places that are computed.

Along each axis the new numbers are means of old ones, so resizing is one product with a matrix for each axis (or, for
"nearest", a selection).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy import ndarray

from .... import ops
from ....autograd.graph import Array, array_of
from ....nn import functional as F
from ..steps import Step
from .arithmetic import cast_to
from .table import axes_of, integers, like, operator

_ROUND: dict[str, Callable[[ndarray], ndarray]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5), "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor, "ceil": np.ceil,
}  # fmt: skip


def _places(how: str, old: int, new: int, scale: float, length: float, roi: tuple[float, float]) -> ndarray:
    """Where in the old axis each new entry lies; ``length`` is the new size before it was rounded."""
    at = np.arange(new, dtype=np.float64)
    if how == "align_corners":
        return at * (old - 1) / (length - 1) if length != 1 else np.zeros(new)
    if how == "asymmetric":
        return at / scale
    if how == "tf_crop_and_resize":
        start, end = roi
        if new > 1:
            return start * (old - 1) + at * (end - start) * (old - 1) / (length - 1)
        return np.full(new, 0.5 * (start + end) * (old - 1))
    if how == "tf_half_pixel_for_nn":
        return (at + 0.5) / scale
    half = (at + 0.5) / scale - 0.5
    if how == "half_pixel_symmetric":
        return old / 2 * (1 - new / length) + half
    if how == "pytorch_half_pixel":
        return half if length > 1 else np.zeros(new)
    if how == "half_pixel":
        return half
    raise ValueError(f"coordinate_transformation_mode {how!r} is not supported")


def _shares(step: Step, places: ndarray, old: int, scale: float, cubic: bool) -> ndarray:
    """(new, old): how much of each old entry is in each new one."""
    a = step.get("cubic_coeff_a", -0.75)
    wide = min(scale, 1.0) if step.get("antialias", 0) else 1.0
    reach = math.ceil((2 if cubic else 1) / wide)
    low = np.floor(places)
    taps = low[:, None] + np.arange(1 - reach, reach + 1)  # (new, taps)
    d = np.abs(taps - places[:, None]) * wide
    if cubic:
        near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        w = np.where(d <= 1, near, np.where(d < 2, far, 0.0))
    else:
        w = np.maximum(1 - d, 0.0)
    if step.get("exclude_outside", 0):
        w = np.where((taps < 0) | (taps >= old), 0.0, w)
    w = w / w.sum(1, keepdims=True)
    shares = np.zeros((len(places), old))
    np.add.at(shares, (np.arange(len(places))[:, None], taps.clip(0, old - 1).astype(np.int64)), w)
    return shares


@operator("Resize", "Upsample")
def resize(step: Step, x: Array, *rest: Array) -> Array:
    """Another size by scales or sizes: "nearest", "linear" or "cubic" (Keys, 1981) along each axis."""
    old_form = step.operator == "Upsample" or step.version < 11  # asymmetric, by scales alone
    roi, scales, sizes = (None, *rest, None, None)[:3] if old_form else (*rest, None, None, None)[:3]
    if old_form and not rest:
        scales = np.array(step.get("scales"), np.float32)
    mode = step.get("mode", "nearest")
    how = "asymmetric" if old_form else step.get("coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if old_form else step.get("nearest_mode", "round_prefer_floor")
    shape = tuple(array_of(x).shape)
    axes = axes_of(step.get("axes", range(x.ndim)), x.ndim)
    if sizes is not None and array_of(sizes).size:
        wanted = integers(sizes)
        ratios = [1.0 if n == shape[axis] else n / max(shape[axis], 1) for n, axis in zip(wanted, axes, strict=True)]
        policy = step.get("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            ratio = (max if policy == "not_smaller" else min)(ratios)
            ratios = [ratio] * len(ratios)
            wanted = [math.floor(shape[axis] * ratio + 0.5) for axis in axes]
        lengths = [float(n) for n in wanted]
    elif scales is not None and array_of(scales).size:
        ratios = [float(s) for s in array_of(scales).reshape(-1)]
        lengths = [shape[axis] * s for axis, s in zip(axes, ratios, strict=True)]
        wanted = [math.floor(n) for n in lengths]
    else:
        raise ValueError("neither scales nor sizes are given")
    if min(wanted, default=1) < 0 or min(ratios, default=1.0) <= 0:
        raise ValueError(f"sizes {wanted} and scales {ratios} must be positive")
    if any(wanted[k] and not shape[axis] for k, axis in enumerate(axes)):
        raise ValueError(f"there is nothing to resize to sizes {wanted} in shape {shape}")
    box = None if roi is None or not array_of(roi).size else array_of(roi).astype(np.float64)
    y, outside = x, []
    for k, axis in enumerate(axes):
        part = (0.0, 1.0) if box is None else (float(box[k]), float(box[k + len(axes)]))
        if wanted[k] == shape[axis] and ratios[k] == 1 and how != "tf_crop_and_resize":
            continue
        places = _places(how, shape[axis], wanted[k], ratios[k], lengths[k], part)
        if how == "tf_crop_and_resize":
            outside.append((axis, (places < 0) | (places > shape[axis] - 1)))
        if mode == "nearest":
            index = _ROUND[rounding](places).clip(0, shape[axis] - 1).astype(np.int64)
            y = ops.index_select(y, axis, like(index, x))
        else:
            shares = _shares(step, places, shape[axis], ratios[k], mode == "cubic").astype(array_of(x).dtype)
            y = ops.movedim(ops.matmul(ops.movedim(y, axis, -1), like(shares.T.copy(), x)), -1, axis)
    for axis, beyond in outside:
        mask = beyond.reshape([-1 if d == axis else 1 for d in range(x.ndim)])  # (new with ones around)
        y = ops.where(like(mask, x), like(np.array(step.get("extrapolation_value", 0.0), array_of(x).dtype), x), y)
    return y


@operator("GridSample")
def grid_sample(step: Step, x: Array, grid: Array) -> Array:
    """The values of images at the places of a grid."""
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(step.get("mode", "linear"), step.get("mode", "linear"))
    border, align = step.get("padding_mode", "zeros"), bool(step.get("align_corners", 0))
    dtype = array_of(x).dtype
    x = x if dtype.kind == "f" else cast_to(x, np.float64)
    grid = cast_to(grid, array_of(x).dtype)
    sample = F.grid_sample if x.ndim == 4 else _sample_any
    return cast_to(sample(x, grid, mode, border, align), dtype)


def _sample_any(x: Array, grid: Array, mode: str, border: str, align: bool) -> Array:
    """`grid_sample` in any number of dimensions: x (N, C, ...), grid (N, ..., n)."""
    n = x.ndim - 2
    if mode not in ("nearest", "bilinear") or grid.ndim != x.ndim or grid.shape[-1] != n:
        raise ValueError(f"mode {mode!r} with x {tuple(x.shape)} and grid {tuple(grid.shape)} is not supported")
    pixels = []
    for d in range(n):  # the last coordinate of the grid is that of the first spatial dimension
        size = x.shape[2 + d]
        at = grid[..., n - 1 - d]
        at = (at + 1) * ((size - 1) / 2) if align else ((at + 1) * size - 1) / 2
        if border == "border":
            at = ops.clamp(at, 0.0, size - 1.0)
        elif border == "reflection":
            at = _reflected(at, size, align)
        pixels.append(at)
    total: Array = 0
    corners = [np.zeros(n, np.int64)] if mode == "nearest" else [np.array(c) for c in np.ndindex(*[2] * n)]
    for corner in corners:
        index, weight, inside = [], None, np.array(True)
        for d, at in enumerate(pixels):
            a, size = array_of(at), x.shape[2 + d]
            low = np.rint(a) if mode == "nearest" else np.floor(a) + corner[d]
            inside = inside & (low >= 0) & (low < size)
            index.append(low.clip(0, size - 1).astype(np.int64))
            if mode != "nearest":
                share = 1 - ops.abs(at - like(low.astype(a.dtype), x))
                weight = share if weight is None else weight * share
        batch = np.arange(x.shape[0]).reshape(-1, *[1] * n)  # (N, 1, ...)
        values = ops.movedim(x, 1, -1)[(batch, *index)]  # (N, ..., C)
        factor = like(inside.astype(array_of(x).dtype), x)
        factor = factor if weight is None else weight * factor
        total = total + values * ops.unsqueeze(factor, -1)
    return ops.movedim(total, -1, 1)


def _reflected(at: Array, size: int, align: bool) -> Array:
    low, high = (0.0, size - 1.0) if align else (-0.5, size - 0.5)
    span = high - low
    if span <= 0:
        return at * 0.0
    away = ops.fmod(ops.abs(at - low), 2 * span)
    return ops.clamp(span - ops.abs(away - span) + low, 0.0, size - 1.0)


@operator("AffineGrid")
def affine_grid(step: Step, theta: Array, size: Array) -> Array:
    """The places that affine maps send the pixels of images (N, 2, 3) or volumes (N, 3, 4) to."""
    N, _, *sizes = integers(size)
    align, n = bool(step.get("align_corners", 0)), len(sizes)
    lines = [np.linspace(-1, 1, s) if align else (np.arange(s) * 2 + 1) / s - 1 for s in sizes]
    grids = np.meshgrid(*lines, indexing="ij")
    base = np.stack([*grids[::-1], np.ones_like(grids[0])], -1).reshape(-1, n + 1)  # (positions, n + 1)
    places = ops.matmul(like(base.astype(array_of(theta).dtype), theta), ops.transpose(theta, 1, 2))
    return ops.reshape(places, (N, *sizes, n))
