"""From PIL images and arrays to tensors and back, from dtype to dtype, and to zero mean and unit deviation."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....tensors import Tensor
from ....tensors.creation import from_numpy
from ...imaging import pillow
from .images import is_pil, max_value

_SIXTEEN = "I;16" if sys.byteorder == "little" else "I;16B"
_WIDE: dict[str, Any] = {"I": np.int32, _SIXTEEN: np.int16, "F": np.float32}  # modes of more than a byte
_MODES = {1: ("L",), 2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}  # by channels; bytes


def to_tensor(pic: Any) -> Tensor:
    """A PIL image, or an array (H, W) or (H, W, C), as a Tensor (C, H, W).

    Bytes (uint8 arrays; PIL's modes L, LA, P, RGB, RGBA, CMYK, YCbCr, HSV, 1) become float32 in [0, 1]; other arrays
    keep their dtype and numbers, and so do the modes I (int32), I;16 (int16) and F (float32).

    Raises:
        TypeError: for anything else; a Tensor, most likely, is one already.
        ValueError: for an array of another rank.

    >>> to_tensor(np.full((2, 3), 255, np.uint8))
    tensor([[[1., 1., 1.],
             [1., 1., 1.]]])
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"to_tensor: an array has shape (H, W) or (H, W, C), got {pic.shape}")
        pixels = pic if pic.ndim == 3 else pic[:, :, None]
    elif is_pil(pic):
        pixels = _pixels(pic, _WIDE.get(pic.mode, np.uint8))
        if pic.mode == "1":
            pixels = pixels * np.uint8(255)
    else:
        hint = ": it is one already, leave ToTensor() out" if isinstance(pic, Tensor) else ""
        raise TypeError(f"to_tensor takes a PIL image or an array, got {type(pic).__name__}{hint}")
    channels_first = pixels.transpose(2, 0, 1)  # (C, H, W)
    if pixels.dtype == np.uint8:
        return from_numpy(np.divide(channels_first, np.float32(255), dtype=np.float32, order="C"))
    return from_numpy(np.array(channels_first, order="C"))


def pil_to_tensor(pic: Any) -> Tensor:
    """A PIL image as a Tensor (C, H, W) of the same numbers: uint8, bool for mode 1, int32, uint16 or float32.

    >>> from PIL import Image
    >>> pil_to_tensor(Image.new("RGB", (2, 1), (1, 2, 3))).tolist()
    [[[1, 1]], [[2, 2]], [[3, 3]]]
    """
    if not is_pil(pic):
        raise TypeError(f"pil_to_tensor takes a PIL image, got {type(pic).__name__}")
    return from_numpy(np.array(_pixels(pic, None).transpose(2, 0, 1), order="C"))  # (C, H, W)


def _pixels(pic: Any, dtype: Any) -> NDArray[Any]:
    return np.array(pic, dtype).reshape(pic.height, pic.width, len(pic.getbands()))  # (H, W, C)


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A Tensor (C, H, W) or (H, W), or an array (H, W, C) or (H, W), as a PIL image.

    Floating tensors are taken to lie in [0, 1]: times 255, cut off to whole numbers (with ``mode="F"`` they stay).
    Without a mode, bytes become L, LA, RGB or RGBA by their channels, and one channel of int16, int32 or float32 the
    modes I;16, I and F.

    Raises:
        TypeError: neither Tensor nor array, or a dtype for which PIL has no mode.
        ValueError: another rank, more than four channels, or a mode for other images.
    """
    if not isinstance(pic, (Tensor, np.ndarray)):
        raise TypeError(f"to_pil_image takes a Tensor or an array, got {type(pic).__name__}")
    if pic.ndim not in (2, 3):
        raise ValueError(
            f"to_pil_image takes one image, of two or three dimensions, got shape {tuple(pic.shape)}"
            + (": pass one image of the batch" if pic.ndim == 4 else "")
        )
    if isinstance(pic, Tensor):
        pixels = pic.detach().numpy()
        if pixels.dtype.kind == "f" and mode != "F":
            pixels = (pixels * pixels.dtype.type(255)).astype(np.int64).astype(np.uint8)
        pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels.transpose(1, 2, 0)  # (H, W, C)
    else:
        pixels = pic[:, :, None] if pic.ndim == 2 else pic
    channels = pixels.shape[2]
    if channels not in _MODES:
        raise ValueError(f"to_pil_image: an image has 1 to 4 channels, got {channels} in shape {tuple(pic.shape)}")
    return _image(pixels, _mode_for(pixels, mode))


def _mode_for(pixels: NDArray[Any], mode: str | None) -> str:
    channels = pixels.shape[2]
    possible = _MODES[channels] if pixels.dtype == np.uint8 else ()
    if channels == 1:
        possible += tuple(wide for wide, dtype in _WIDE.items() if pixels.dtype == dtype)
    if not possible:
        raise TypeError(
            f"to_pil_image: PIL has no mode for {channels} channel{'s' * (channels > 1)} of {pixels.dtype}; "
            "make it uint8, or a floating Tensor in [0, 1]"
        )
    if mode is not None and mode not in possible:
        raise ValueError(
            f"to_pil_image: mode {mode!r} does not fit {channels} channel{'s' * (channels > 1)} of {pixels.dtype}; "
            f"possible: {', '.join(possible)}"
        )
    return mode or possible[0]


def _image(pixels: NDArray[Any], mode: str) -> Any:
    height, width = pixels.shape[:2]
    if height == 0 or width == 0:
        raise ValueError(f"to_pil_image: an image has at least one pixel, got height {height} and width {width}")
    if mode == "LA" or pixels.shape[2] > 2 or mode == "L":
        return pillow().frombytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())
    raw = pixels[:, :, 0].astype(pixels.dtype.newbyteorder("="))
    return pillow().frombytes(mode, (width, height), raw.tobytes())


def convert_image_dtype(image: Tensor, dtype: Any = np.float32) -> Tensor:
    """A Tensor in another dtype, scaled: full brightness is 1 in floating dtypes, the greatest number in integers.

    To integers the range is cut into equal parts: 1.0 is 255, and so is 0.997.

    Raises:
        TypeError: no Tensor.
        RuntimeError: float32 to int32 or int64, float64 to int64: not all of their numbers exist in the source.
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"convert_image_dtype takes a Tensor, got {type(image).__name__}: PILToTensor() makes one")
    old, new = image.dtype, np.dtype(dtype)
    if old == new:
        return image
    top, goal = max_value(old), max_value(new)
    if old.kind == "f" and new.kind == "f":
        return image.to(new)
    if old.kind == "f":
        if new.kind in "iu" and new.itemsize >= old.itemsize:
            raise RuntimeError(
                f"convert_image_dtype: {old} does not hold all numbers of {new}; go by a narrower integer dtype"
            )
        return (image * (goal + 1 - 1e-3)).to(new)
    if new.kind == "f":
        return image.to(new) / top
    if top > goal:
        return (image // ((top + 1) // (goal + 1))).to(new)
    return image.to(new) * ((goal + 1) // (top + 1))


def normalize(tensor: Tensor, mean: Any, std: Any, inplace: bool = False) -> Tensor:
    """(x - mean) / std of a floating Tensor (..., C, H, W), with one mean and one std for each channel, or for all.

    With ``inplace`` the Tensor itself is written to. Gradients pass.

    Raises:
        TypeError: no Tensor, or one of integers.
        ValueError: a std that is 0 in the dtype of the Tensor, numbers that do not fit the channels, a wrong rank.

    >>> normalize(to_tensor(np.full((1, 1), 255, np.uint8)), (0.5,), (0.25,)).item()
    2.0
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"normalize takes a Tensor, got {type(tensor).__name__}: put ToTensor() before Normalize(...)")
    if tensor.dtype.kind != "f":
        raise TypeError(
            f"normalize takes a floating Tensor, got {tensor.dtype}: ConvertImageDtype(tg.float32) makes it one"
        )
    if tensor.ndim < 3:
        raise ValueError(f"normalize takes a Tensor of shape (..., C, H, W), got shape {tuple(tensor.shape)}")
    low, by = (_for_channels(v, tensor, what) for v, what in ((mean, "mean"), (std, "std")))
    if not by.all():
        raise ValueError(f"normalize: std is 0 in {tensor.dtype}, and one cannot divide by it: got {std!r}")
    if inplace:
        return tensor.sub_(from_numpy(low)).div_(from_numpy(by))
    return (tensor - from_numpy(low)) / from_numpy(by)


def _for_channels(value: Any, tensor: Tensor, what: str) -> NDArray[Any]:
    """mean or std as an array that goes with (..., C, H, W)."""
    a = np.array(value.numpy() if isinstance(value, Tensor) else value, tensor.dtype)
    if a.ndim == 1:
        if len(a) not in (1, tensor.shape[-3]):
            raise ValueError(
                f"normalize: {what} has {len(a)} numbers, the image of shape {tuple(tensor.shape)} has "
                f"{tensor.shape[-3]} channels"
            )
        return a.reshape(-1, 1, 1)  # (C, 1, 1)
    return a
