"""A border around an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....ops import padding as ops
from ...imaging import pillow
from .images import is_tensor, pil_fill

_MODES = ("constant", "edge", "reflect", "symmetric")


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """A border around an image.

    Args:
        padding: how wide; an int, (left and right, top and bottom) or (left, top, right, bottom). Negative widths cut.
        fill: what "constant" fills with: a number; for PIL images one for each channel, or the name of a colour, too.
        padding_mode: "constant"; "edge" repeats the outermost pixel, "reflect" mirrors without repeating it,
            "symmetric" mirrors and repeats it.

    >>> import tinygrad_cnn as tg
    >>> pad(tg.tensor([[1.0, 2.0, 3.0]]), (2, 0), padding_mode="symmetric").tolist()
    [[2.0, 1.0, 1.0, 2.0, 3.0, 3.0, 2.0]]
    """
    left, top, right, bottom = widths(padding, "pad")
    check_mode(padding_mode, "pad")
    if not is_tensor(img, "pad"):
        return _pad_pil(img, (left, top, right, bottom), fill, padding_mode)
    if padding_mode == "constant":
        if not (fill is None or isinstance(fill, (int, float))):
            raise TypeError(f"pad: the fill of a Tensor is one number for all channels, got {fill!r}")
        return ops.pad(img, (left, right, top, bottom), value=fill or 0)
    rows, columns = (
        _sources(n, before, after, padding_mode)
        for n, before, after in ((img.shape[-2], top, bottom), (img.shape[-1], left, right))
    )
    return img[..., rows[:, None], columns]


def check_mode(padding_mode: str, name: str) -> None:
    """Is it one of the four?"""
    if padding_mode not in _MODES:
        raise ValueError(f"{name}: padding_mode must be one of {', '.join(_MODES)}, got {padding_mode!r}")


def widths(padding: Any, name: str) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what ``padding=`` may be."""
    given = [padding] if isinstance(padding, (int, np.integer)) else padding
    if not isinstance(given, (tuple, list)) or not all(isinstance(p, (int, np.integer)) for p in given):
        raise TypeError(f"{name}: padding must be an int or a tuple of ints, got {padding!r}")
    if len(given) not in (1, 2, 4):
        raise ValueError(
            f"{name}: padding is one number, (left and right, top and bottom) or (left, top, right, bottom), "
            f"got {len(given)} numbers: {padding!r}"
        )
    left, top, right, bottom = (int(p) for p in list(given) * (4 // len(given)))
    return left, top, right, bottom


def _sources(n: int, before: int, after: int, mode: Any) -> Any:
    """For each new pixel along a side of n, the old one that it shows; what is cut off is cut off first."""
    left = np.arange(n)[max(-before, 0) : n - max(-after, 0)]
    return np.pad(left, (max(before, 0), max(after, 0)), mode)


def _pad_pil(img: Any, borders: tuple[int, int, int, int], fill: Any, mode: str) -> Any:
    left, top, right, bottom = borders
    width, height = img.width + left + right, img.height + top + bottom
    if width < 1 or height < 1:
        raise ValueError(f"pad: the widths {borders} leave nothing of an image {img.height} high and {img.width} wide")
    if mode == "constant":
        out = pillow().new(img.mode, (width, height), pil_fill(img, fill, "pad"))
        out.paste(img, (left, top))
    else:
        rows, columns = _sources(img.height, top, bottom, mode), _sources(img.width, left, right, mode)
        pixels = np.asarray(img)[rows[:, None], columns]
        if img.mode == "1":  # eight pixels in a byte
            return pillow().fromarray(pixels)
        out = pillow().frombytes(img.mode, (width, height), pixels.tobytes())
    if palette := img.getpalette():
        out.putpalette(palette)
    return out
