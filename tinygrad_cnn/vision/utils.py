"""A batch of images as one, and on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..tensors import Tensor
from ..tensors.creation import from_numpy
from .imaging import picture

__all__ = ["make_grid", "save_image"]


def make_grid(
    tensor: Tensor | list[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Images side by side, as one image.

    Args:
        tensor: images (N, C, H, W), a list of N images (C, H, W), or one image (C, H, W) or (H, W).
        nrow: how many images stand in a row (not how many rows there are).
        padding: pixels between the images and around them.
        normalize: bring the values into [0, 1]: clamp to a range, subtract its low end, divide by its width.
        value_range: that range; if None, from the smallest to the largest value.
        scale_each: take the range of each image rather than that of all.
        pad_value: what the padding is filled with.

    Returns:
        The grid (C, rows * (H + padding) + padding, columns * (W + padding) + padding), without a gradient; a single
        image comes back as it is, without padding. One channel becomes three equal ones.

    Raises:
        TypeError: neither a Tensor nor a list of such; a value_range that is no tuple; integers to normalize.
        ValueError: images of different shapes, no image, a number of dimensions other than 2 to 4, a bad size.

    >>> import tinygrad_cnn as tg
    >>> make_grid(tg.ones(10, 1, 28, 28), nrow=5).shape
    (3, 62, 152)
    """
    images = _images(tensor)  # (N, C, H, W)
    for name, value, least in (("nrow", nrow, 1), ("padding", padding, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"make_grid: {name} must be an integer of at least {least}, got {value!r}")
    if normalize:
        images = _normalized(images, value_range, scale_each)
    N, C, H, W = images.shape
    if N == 1:
        return from_numpy(images[0])
    columns = min(int(nrow), N)
    rows = -(-N // columns)
    grid = np.full((C, rows * (H + padding) + padding, columns * (W + padding) + padding), pad_value, images.dtype)
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        top, left = row * (H + padding) + padding, column * (W + padding) + padding
        grid[:, top : top + H, left : left + W] = image
    return from_numpy(grid)


def save_image(tensor: Tensor | list[Tensor], fp: Any, format: str | None = None, **kwargs: Any) -> None:
    """Write images, floating in [0, 1], as one picture file; several as a grid, made by `make_grid` with ``kwargs``.

    Args:
        tensor: as for `make_grid`; what lies outside of [0, 1] is clamped, NaN is black.
        fp: a path, whose ending says the format, or a file open for writing.
        format: the format's name in Pillow, such as "png"; needed for a file without a name.

    Raises:
        ImportError: without Pillow.
        FileNotFoundError: the folder does not exist.
        TypeError: the tensor is not a floating one.
        ValueError: an unknown format, or images of more than 4 channels.
    """
    grid = make_grid(tensor, **kwargs)._array  # (C, H, W)
    if grid.dtype.kind != "f":
        raise TypeError(
            f"save_image expects floating images in [0, 1], got {grid.dtype}: divide by 255 if it is 0..255"
        )
    if len(grid) > 4:
        raise ValueError(f"save_image writes images of 1 to 4 channels, got {len(grid)}: shape {grid.shape}")
    if isinstance(fp, (str, os.PathLike)) and not (folder := Path(fp).absolute().parent).is_dir():
        raise FileNotFoundError(
            f"save_image: there is no folder {str(folder)!r} to write {Path(fp).name!r} into; "
            f"os.makedirs({str(Path(fp).parent)!r}, exist_ok=True) makes it"
        )
    levels = np.nan_to_num(grid * 255 + 0.5, nan=0.0).clip(0, 255).astype(np.uint8)  # rounded to the nearest
    picture(np.ascontiguousarray(levels.transpose(1, 2, 0))).save(fp, format=format)  # (H, W, C)


def _images(tensor: Any) -> Any:
    """The images as an array (N, C, H, W), with three channels where they have one."""
    if isinstance(tensor, list):
        for image in tensor:
            if not isinstance(image, Tensor):
                raise TypeError(f"tensor or list of tensors expected, got a list containing {type(image).__name__}")
        if len({image.shape for image in tensor}) != 1:
            shapes = ", ".join(str(tuple(image.shape)) for image in tensor)
            raise ValueError(f"make_grid: images of a list must have the same shape, got {shapes or 'none'}")
        array = np.stack([image._array for image in tensor])
    elif isinstance(tensor, Tensor):
        array = tensor._array
    else:
        hint = ": tinygrad_cnn.from_numpy makes a tensor of it" if isinstance(tensor, np.ndarray) else ""
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor).__name__}{hint}")
    if array.ndim not in (2, 3, 4) or (array.ndim == 4 and not len(array)):
        raise ValueError(
            f"make_grid: expected images (N, C, H, W), or one image (C, H, W) or (H, W), got shape {array.shape}"
        )
    array = array.reshape((1,) * (4 - array.ndim) + array.shape)  # (N, C, H, W)
    return np.repeat(array, 3, axis=1) if array.shape[1] == 1 else array


def _normalized(images: Any, value_range: Any, scale_each: bool) -> Any:
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError(
            f"value_range has to be a tuple (min, max) if specified. min and max are numbers; got {value_range!r}"
        )
    if images.dtype.kind != "f":
        raise TypeError(f"make_grid: only floating images can be normalized, got {images.dtype}: call .float() first")
    images = images.copy()
    for part in images if scale_each else [images]:
        low, high = (float(part.min()), float(part.max())) if value_range is None else value_range
        np.clip(part, low, high, out=part)
        part -= low
        part /= max(high - low, 1e-5)
    return images
