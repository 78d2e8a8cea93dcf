"""An image at another size: PIL's work on its images, that of `nn.functional.interpolate` on tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....nn.functional.vision import interpolate
from .cropping import crop
from .images import (
    InterpolationMode,
    back_to,
    get_dimensions,
    in_floats,
    interpolation_of,
    is_tensor,
    pair_of,
    pil_number,
)

_KNOWN = ("nearest", "nearest-exact", "bilinear", "bicubic")


def resize(
    img: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """An image at another size.

    Args:
        size: (height, width); or an int, for the shorter side, where the other one follows in proportion; or None,
            with ``max_size``.
        interpolation: an `InterpolationMode`, or PIL's number for it; "nearest", "nearest-exact", "bilinear" and
            "bicubic" on tensors.
        max_size: the most that the longer side may become, where ``size`` is an int; with None, what it becomes.
        antialias: on tensors, with "bilinear" and "bicubic": does a new pixel average all old ones it covers? PIL
            images are always made so.

    >>> import tinygrad_cnn as tg
    >>> resize(tg.zeros(3, 10, 20), 5).shape
    (3, 5, 10)
    """
    mode = interpolation_of(interpolation, "resize")
    is_tensor_image = is_tensor(img, "resize")
    _, h, w = get_dimensions(img)
    new = _new_size(h, w, size, max_size)
    if min(new) < 1:
        raise ValueError(f"resize: an image {h} high and {w} wide would become {new[0]} high and {new[1]} wide")
    if new == (h, w):
        return img
    if not is_tensor_image:
        return img.resize(new[::-1], pil_number(mode))
    if mode.value not in _KNOWN:
        raise ValueError(f"resize: a Tensor is resized by {', '.join(_KNOWN)}, not by {mode.value!r}, which PIL has")
    if 0 in img.shape[-2:]:
        raise ValueError(f"resize: the image has no pixels, its shape is {tuple(img.shape)}")
    x = in_floats(img)
    smooth = mode.value in ("bilinear", "bicubic")
    flat = interpolate(
        x.reshape(1, -1, h, w),
        new,
        mode=mode.value,
        align_corners=False if smooth else None,
        antialias=bool(antialias) and smooth,
    )  # (1, ..., oh, ow)
    y = flat.reshape(*x.shape[:-2], *new)  # (..., oh, ow)
    if mode.value == "bicubic" and img.dtype == np.uint8:
        y = y.clamp(0, 255)
    return back_to(y, img.dtype)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A part of an image, as of `crop`, at another size, as of `resize`."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def _new_size(h: int, w: int, size: Any, max_size: int | None) -> tuple[int, int]:
    """(height, width) that `resize` makes."""
    if size is None and max_size is None:
        raise ValueError("resize: give size, or max_size, or both, got neither")
    if size is not None:
        both = pair_of(size, "resize")
        if isinstance(size, (tuple, list, np.ndarray)) and len(size) == 2:
            if max_size is not None:
                raise ValueError(
                    f"resize: max_size is for a size that is one int, the shorter side, got size={size!r} and "
                    f"max_size={max_size!r}"
                )
            return both[0], both[1]
    short, long = min(h, w), max(h, w)
    if min(short, long) == 0:
        raise ValueError(f"resize: the image has no pixels, it is {h} high and {w} wide")
    if size is None:
        new_short, new_long = int(max_size * short / long), int(max_size)  # type: ignore[operator, arg-type]
    else:
        new_short, new_long = both[0], int(both[0] * long / short)
        if max_size is not None:
            if max_size <= both[0]:
                raise ValueError(f"resize: max_size={max_size} must be greater than size={both[0]}")
            if new_long > max_size:
                new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_short, new_long) if h <= w else (new_long, new_short)
