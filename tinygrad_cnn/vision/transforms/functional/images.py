"""What an image is: a PIL image, or a Tensor of shape (..., H, W). How large it is, and how it may be resampled."""

from __future__ import annotations

import enum
import sys
from typing import Any

import numpy as np

from ....tensors import Tensor


class InterpolationMode(enum.Enum):
    """How pixels between pixels are made. Tensors know the first four, PIL all but "nearest-exact"."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


_PIL_NUMBERS = {  # PIL's own numbers for them; to PIL, "nearest" is the exact one
    InterpolationMode.NEAREST: 0,
    InterpolationMode.LANCZOS: 1,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
    InterpolationMode.NEAREST_EXACT: 0,
}


def interpolation_of(mode: Any, name: str) -> InterpolationMode:
    """The mode behind what ``interpolation=`` may be: the enum, or PIL's number for it (``Image.BILINEAR``)."""
    if isinstance(mode, InterpolationMode):
        return mode
    if isinstance(mode, (int, np.integer)) and not isinstance(mode, bool):
        for known, number in _PIL_NUMBERS.items():
            if number == mode:
                return known
    raise TypeError(
        f"{name}: interpolation must be an InterpolationMode, such as InterpolationMode.BILINEAR, or PIL's number "
        f"for one, got {mode!r}"
    )


def pil_number(mode: InterpolationMode) -> int:
    """PIL's number for a mode."""
    return _PIL_NUMBERS[mode]


def is_pil(image: Any) -> bool:
    """Is it a PIL image? Where PIL was never imported, nothing is."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def is_tensor(image: Any, name: str) -> bool:
    """True for a Tensor of shape (..., H, W), False for a PIL image; TypeError for anything else."""
    if isinstance(image, Tensor):
        if image.ndim < 2:
            raise TypeError(f"{name}: a Tensor that is an image has shape (..., H, W), got shape {tuple(image.shape)}")
        return True
    if is_pil(image):
        return False
    raise TypeError(f"{name} takes a PIL image or a Tensor (..., H, W), got {type(image).__name__}{_remedy(image)}")


def _remedy(image: Any) -> str:
    if isinstance(image, np.ndarray):
        return ": make one of the array first, by ToTensor() or ToPILImage()"
    return ""


def get_dimensions(img: Any) -> list[int]:
    """[channels, height, width]; a Tensor (H, W) has one channel."""
    if is_tensor(img, "get_dimensions"):
        return [1 if img.ndim == 2 else img.shape[-3], *img.shape[-2:]]
    return [len(img.getbands()), img.height, img.width]


def get_image_size(img: Any) -> list[int]:
    """[width, height]."""
    is_tensor(img, "get_image_size")
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img: Any) -> int:
    """How many channels."""
    is_tensor(img, "get_image_num_channels")
    return get_dimensions(img)[0]


def check_channels(img: Any, name: str, permitted: tuple[int, ...] = (1, 3)) -> int:
    """The channels of a Tensor, if so many are permitted."""
    channels = get_dimensions(img)[0]
    if channels not in permitted:
        raise TypeError(
            f"{name}: a Tensor with {' or '.join(map(str, permitted))} channels is needed, got shape "
            f"{tuple(img.shape)}, which has {channels}"
        )
    return channels


def max_value(dtype: np.dtype[Any]) -> int:
    """The value of full brightness: 1 for floating images and masks, the greatest number for integers."""
    return int(np.iinfo(dtype).max) if dtype.kind in "iu" else 1


def in_floats(img: Tensor) -> Tensor:
    """A Tensor to calculate with: itself if it is floating (float16 becomes float32), else as float32."""
    return img if img.dtype in (np.float32, np.float64) else img.to(np.float32)


def back_to(img: Tensor, dtype: np.dtype[Any]) -> Tensor:
    """What was calculated, in the dtype the image came in; to integers it is rounded, a half to the even one."""
    if img.dtype == dtype:
        return img
    return (img.round() if dtype.kind in "iu" else img).to(dtype)


def bands_of(fill: Any, channels: int, name: str) -> list[float] | None:
    """``fill=`` as one number for each channel; None stays None."""
    if fill is None:
        return None
    if isinstance(fill, (int, float, np.number)):
        return [fill] * channels  # type: ignore[list-item]
    if not isinstance(fill, (tuple, list)) or not all(isinstance(v, (int, float, np.number)) for v in fill):
        raise TypeError(f"{name}: fill must be a number, or one for each channel in a tuple or list, got {fill!r}")
    if len(fill) not in (1, channels):
        raise ValueError(f"{name}: fill has {len(fill)} numbers, the image has {channels} channels: got {fill!r}")
    return list(fill) * (channels // len(fill))


def pil_fill(img: Any, fill: Any, name: str) -> Any:
    """``fill=`` as PIL wants it for a mode: a number, or a tuple of them; whole numbers but in mode F."""
    if isinstance(fill, str):
        return fill  # the name of a colour
    bands = [
        v if img.mode == "F" else int(v) for v in bands_of(0 if fill is None else fill, len(img.getbands()), name) or ()
    ]
    return bands[0] if len(bands) == 1 else tuple(bands)


def pair_of(size: Any, name: str, what: str = "size") -> list[int]:
    """[height, width] of an int, which makes a square, or of one or two in a sequence; above 0."""
    sizes = [size] if isinstance(size, (int, np.integer)) and not isinstance(size, bool) else size
    if not isinstance(sizes, (tuple, list, np.ndarray)) or len(sizes) not in (1, 2):
        raise TypeError(f"{name}: {what} must be an int or (height, width), got {size!r}")
    if not all(isinstance(s, (int, np.integer)) and not isinstance(s, bool) for s in sizes):
        raise TypeError(f"{name}: {what} must be of whole numbers, got {size!r}")
    if min(sizes) < 1:
        raise ValueError(f"{name}: {what} must be at least 1, got {size!r}")
    return [int(s) for s in sizes] * (2 // len(sizes))
