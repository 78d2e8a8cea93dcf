"""Parts of an image, mirrored images, and a part overwritten: no pixel is blended."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....tensors import Tensor
from ...imaging import pillow
from .images import get_dimensions, is_tensor, pair_of
from .padding import pad


def hflip(img: Any) -> Any:
    """Mirrored left to right."""
    return img.flip(-1) if is_tensor(img, "hflip") else img.transpose(pillow().Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Any) -> Any:
    """Mirrored top to bottom."""
    return img.flip(-2) if is_tensor(img, "vflip") else img.transpose(pillow().Transpose.FLIP_TOP_BOTTOM)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The part of that height and width whose upper left corner lies at (top, left); zeros where it sticks out."""
    if height < 0 or width < 0:
        raise ValueError(f"crop: height and width must be >= 0, got {height} and {width}")
    bottom, right = top + height, left + width
    if not is_tensor(img, "crop"):
        return img.crop((left, top, right, bottom))
    _, h, w = get_dimensions(img)
    inner = img[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if left >= 0 and top >= 0 and right <= w and bottom <= h:
        return inner
    above, before = min(max(-top, 0), height), min(max(-left, 0), width)
    below, after = height - above - inner.shape[-2], width - before - inner.shape[-1]
    return pad(inner, [before, above, after, below])


def center_crop(img: Any, output_size: Any) -> Any:
    """The middle of the image, ``output_size`` high and wide; zeros around an image that is smaller."""
    th, tw = pair_of(output_size, "center_crop", "output_size")
    is_tensor(img, "center_crop")
    _, h, w = get_dimensions(img)
    if tw > w or th > h:
        more, extra = max(tw - w, 0), max(th - h, 0)
        img = pad(img, [more // 2, extra // 2, (more + 1) // 2, (extra + 1) // 2])
        _, h, w = get_dimensions(img)
        if (h, w) == (th, tw):
            return img
    return crop(img, round((h - th) / 2), round((w - tw) / 2), th, tw)


def five_crop(img: Any, size: Any) -> tuple[Any, Any, Any, Any, Any]:
    """The four corners (upper left, upper right, lower left, lower right) and the middle, each of that size."""
    th, tw = pair_of(size, "five_crop")
    is_tensor(img, "five_crop")
    _, h, w = get_dimensions(img)
    if th > h or tw > w:
        raise ValueError(f"five_crop: size ({th}, {tw}) is larger than the image, {h} high and {w} wide")
    return (
        crop(img, 0, 0, th, tw),
        crop(img, 0, w - tw, th, tw),
        crop(img, h - th, 0, th, tw),
        crop(img, h - th, w - tw, th, tw),
        center_crop(img, [th, tw]),
    )


def ten_crop(img: Any, size: Any, vertical_flip: bool = False) -> tuple[Any, ...]:
    """The five crops of the image, then those of the mirrored image."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """A Tensor (..., C, H, W) with its part at (i, j), h high and w wide, overwritten by ``v``, which broadcasts."""
    if not isinstance(img, Tensor):
        raise TypeError(f"erase takes a Tensor, got {type(img).__name__}: put ToTensor() before it")
    img = img if inplace else img.clone()
    img[..., i : i + h, j : j + w] = v if isinstance(v, (Tensor, int, float)) else np.asarray(v)
    return img
