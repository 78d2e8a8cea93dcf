"""Gaussian blur."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....nn.functional.conv import conv2d
from ....tensors.creation import from_numpy
from .conversion import pil_to_tensor, to_pil_image
from .images import back_to, in_floats, is_tensor, pair_of
from .padding import pad


def gaussian_blur(img: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """An image smoothed by a Gaussian that is cut off at ``kernel_size``; it is mirrored beyond its edges.

    Args:
        kernel_size: an odd number, or (across, down).
        sigma: the standard deviation in pixels, or (across, down); None is 0.15 * kernel_size + 0.35.
    """
    across, down = pair_of(kernel_size, "gaussian_blur", "kernel_size")
    if across % 2 == 0 or down % 2 == 0:
        raise ValueError(f"gaussian_blur: kernel_size must be odd, got {kernel_size!r}")
    if sigma is None:
        sigma = [0.15 * across + 0.35, 0.15 * down + 0.35]
    given = [sigma] if isinstance(sigma, (int, float, np.number)) else sigma
    if not isinstance(given, (tuple, list)) or len(given) not in (1, 2):
        raise TypeError(f"gaussian_blur: sigma must be a number or (across, down), got {sigma!r}")
    if not min(given) > 0:
        raise ValueError(f"gaussian_blur: sigma must be above 0, got {sigma!r}")
    if not is_tensor(img, "gaussian_blur"):
        return to_pil_image(gaussian_blur(pil_to_tensor(img), [across, down], sigma), mode=img.mode)
    x = in_floats(img)
    x = pad(x, [across // 2, down // 2], padding_mode="reflect")
    flat = x.reshape(-1, 1, *x.shape[-2:])  # (..., 1, H, W)
    for kernel, shape in ((_bell(across, given[0]), (1, 1, 1, -1)), (_bell(down, given[-1]), (1, 1, -1, 1))):
        flat = conv2d(flat, from_numpy(kernel.astype(x.dtype).reshape(shape)))
    return back_to(flat.reshape(*img.shape), img.dtype)


def _bell(size: int, sigma: float) -> NDArray[np.float64]:
    """``size`` samples of a Gaussian about the middle one, whose sum is 1."""
    offset = np.arange(size) - (size - 1) / 2
    bell: NDArray[np.float64] = np.exp(-0.5 * (offset / sigma) ** 2)
    return bell / bell.sum()
