"""Rotations and affine maps: each new pixel reads the image where the inverse map says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....ops.elementwise import where
from ....tensors import Tensor
from ....tensors.creation import from_numpy
from ...imaging import pillow
from .images import (
    InterpolationMode,
    back_to,
    bands_of,
    get_dimensions,
    in_floats,
    interpolation_of,
    is_tensor,
    pil_fill,
    pil_number,
)


def rotate(
    img: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Any:
    """An image turned by ``angle`` degrees, counter-clockwise as seen.

    Args:
        interpolation: "nearest" or "bilinear"; "bicubic" too on PIL images.
        expand: make the image as large as the turned one is, where the centre is the image's own.
        center: (x, y) that stays in place, counted from the upper left corner; None is the middle.
        fill: a number, or one for each channel, for what comes from outside; None is 0.
    """
    mode = _mode(img, interpolation, "rotate")
    if not isinstance(angle, (int, float, np.number)):
        raise TypeError(f"rotate: angle must be a number of degrees, got {angle!r}")
    _check_pair(center, "rotate: center")
    if not is_tensor(img, "rotate"):
        return img.rotate(angle, pil_number(mode), expand, center, fillcolor=pil_fill(img, fill, "rotate"))
    matrix = _inverse(_from_middle(img, center), -float(angle), (0.0, 0.0), 1.0, (0.0, 0.0))
    h, w = img.shape[-2:]
    return _read(img, matrix, _size_turned(matrix, h, w) if expand else (h, w), mode, bands(img, fill, "rotate"))


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Any = InterpolationMode.NEAREST,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Any:
    """An image sheared, scaled, turned about its middle, and shifted; its size stays.

    Args:
        angle: degrees, clockwise as seen.
        translate: (across, down), in pixels.
        scale: above 0; 2 doubles the size.
        shear: degrees along x, or (x, y).
        interpolation, fill, center: as in `rotate`.
    """
    mode = _mode(img, interpolation, "affine")
    if not isinstance(angle, (int, float, np.number)):
        raise TypeError(f"affine: angle must be a number of degrees, got {angle!r}")
    _check_pair(translate, "affine: translate")
    _check_pair(center, "affine: center")
    if not scale > 0:
        raise ValueError(f"affine: scale must be above 0, got {scale!r}")
    if isinstance(shear, (int, float, np.number)):
        shear = (float(shear), 0.0)
    if not isinstance(shear, (tuple, list)) or len(shear) not in (1, 2):
        raise TypeError(f"affine: shear must be a number of degrees or (x, y), got {shear!r}")
    both = (float(shear[0]), float(shear[-1]))
    moved = (float(translate[0]), float(translate[1]))
    if not is_tensor(img, "affine"):
        middle = (img.width * 0.5, img.height * 0.5) if center is None else center
        matrix = _inverse(middle, float(angle), moved, scale, both)
        how = pillow().Transform.AFFINE
        return img.transform(img.size, how, matrix, pil_number(mode), fillcolor=pil_fill(img, fill, "affine"))
    matrix = _inverse(_from_middle(img, center), float(angle), moved, scale, both)
    return _read(img, matrix, tuple(img.shape[-2:]), mode, bands(img, fill, "affine"))


def bands(img: Any, fill: Any, name: str) -> list[float] | None:
    """``fill=`` for the channels of a Tensor."""
    return bands_of(fill, get_dimensions(img)[0], name)


def _mode(img: Any, interpolation: Any, name: str) -> InterpolationMode:
    mode = interpolation_of(interpolation, name)
    known = ("nearest", "bilinear") if is_tensor(img, name) else ("nearest", "bilinear", "bicubic")
    if mode.value not in known:
        what = "a Tensor" if isinstance(img, Tensor) else "a PIL image"
        raise ValueError(f"{name}: {what} is read by interpolation {' or '.join(known)}, got {mode.value!r}")
    return mode


def _check_pair(value: Any, what: str) -> None:
    if value is not None and not (isinstance(value, (tuple, list)) and len(value) == 2):
        raise TypeError(f"{what} must be two numbers, (x, y), got {value!r}")


def _from_middle(img: Any, center: Sequence[float] | None) -> tuple[float, float]:
    """The centre, seen from the middle of the image."""
    if center is None:
        return 0.0, 0.0
    h, w = img.shape[-2:]
    return center[0] - w * 0.5, center[1] - h * 0.5


def _inverse(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> tuple[float, ...]:
    """(a, b, c, d, e, f): the new pixel at (x, y) shows the old image at (ax + by + c, dx + ey + f).

    The map forward is: shift by -center, shear along x, then y, turn, scale, shift by center + translate.
    """
    turn, sx, sy = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    a = math.cos(turn - sy) / math.cos(sy)
    b = -math.cos(turn - sy) * math.tan(sx) / math.cos(sy) - math.sin(turn)
    c = math.sin(turn - sy) / math.cos(sy)
    d = -math.sin(turn - sy) * math.tan(sx) / math.cos(sy) + math.cos(turn)  # [[a, b], [c, d]] has determinant 1
    xx, xy, yx, yy = d / scale, -b / scale, -c / scale, a / scale
    x, y = center[0] + translate[0], center[1] + translate[1]
    return xx, xy, center[0] - xx * x - xy * y, yx, yy, center[1] - yx * x - yy * y


def _size_turned(matrix: Sequence[float], h: int, w: int) -> tuple[int, int]:
    """(height, width) that hold all of an h by w image, turned about its middle or another centre."""
    corners = np.array([[-w, -h], [-w, h], [w, h], [w, -h]]) / 2
    (a, b, c, d, e, f) = matrix
    seen = corners @ np.array([[a, d], [b, e]]) + [c, f] + [w / 2, h / 2]
    little = 1e-4  # what lies beyond a pixel by rounding does not count
    width, height = np.ceil(seen.max(0) - little) - np.floor(seen.min(0) + little)
    return int(height), int(width)


def _read(
    img: Tensor, matrix: Sequence[float], size: tuple[int, ...], mode: InterpolationMode, fill: list[float] | None
) -> Tensor:
    """The image, read where the map says, from its middle to the new one's; outside it there is nothing but ``fill``.

    With "bilinear" a pixel at the edge is dimmed twice where there is a fill, first by the zeros outside and then by
    how much of it lies inside: what torchvision computes.
    """
    h, w = img.shape[-2:]
    if 0 in (h, w):
        return img
    x = img if mode is InterpolationMode.NEAREST else in_floats(img)
    across, down = _places(matrix, (h, w), size, np.float64 if x.dtype == np.float64 else np.float32)
    flat = x.reshape(*x.shape[:-2], h * w)
    if mode is InterpolationMode.NEAREST:
        y, inside = _pixels(flat, np.rint(down), np.rint(across), (h, w))
        if fill is not None and any(fill):
            y = where(from_numpy(inside), y, _color(fill, x))
        return y
    top, left = np.floor(down), np.floor(across)
    y, covered = from_numpy(np.zeros((), x.dtype)), np.zeros((), x.dtype)
    for row, by_row in ((top, 1 - (down - top)), (top + 1, down - top)):
        for column, by_column in ((left, 1 - (across - left)), (left + 1, across - left)):
            share = (by_row * by_column).astype(x.dtype)
            found, inside = _pixels(flat, row, column, (h, w))
            y, covered = y + found * from_numpy(share), covered + share * inside
    if fill is not None:
        weight = from_numpy(np.asarray(covered, x.dtype))
        y = y * weight + (1 - weight) * _color(fill, x)
    return back_to(y, img.dtype)


def _places(
    matrix: Sequence[float], old: tuple[int, int], new: tuple[int, ...], dtype: Any
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Column and row, in the old image, of each new pixel. Rounded as PyTorch's grids are, whose range is -1 to 1: that
    decides which pixel is nearest to a place half-way between two."""
    (h, w), (oh, ow) = old, new
    x, y = np.arange(ow, dtype=dtype) - dtype((ow - 1) / 2), np.arange(oh, dtype=dtype)[:, None] - dtype((oh - 1) / 2)
    a, b, c, d, e, f = (dtype(m) / dtype(half) for m, half in zip(matrix, [w / 2] * 3 + [h / 2] * 3, strict=True))
    across, down = x * a + y * b + c, x * d + y * e + f  # (oh, ow)
    return ((across + 1) * dtype(w) - 1) / 2, ((down + 1) * dtype(h) - 1) / 2


def _pixels(
    flat: Tensor, row: NDArray[Any], column: NDArray[Any], size: tuple[int, int]
) -> tuple[Tensor, NDArray[np.bool_]]:
    """The pixels (..., oh, ow) at rows and columns, 0 outside of the image, and which are inside."""
    h, w = size
    inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
    index = np.where(inside, row * w + column, 0).astype(np.intp)
    found = flat[..., index]  # (..., oh, ow)
    return where(from_numpy(inside), found, from_numpy(np.zeros((), flat.dtype))), inside


def _color(fill: list[float], x: Tensor) -> Tensor:
    """The fill as a Tensor (C, 1, 1), or (1, 1) for an image (H, W)."""
    color = np.asarray(fill, np.float64)
    color = np.rint(color) if x.dtype.kind in "iu" else color
    return from_numpy(color.astype(x.dtype).reshape((-1, 1, 1) if x.ndim > 2 else (1, 1)))


__all__ = ["affine", "rotate"]
