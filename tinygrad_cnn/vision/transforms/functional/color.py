"""Brightness, contrast, saturation, hue, gamma, shades of grey, the negative."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....ops.elementwise import where
from ....ops.joining import stack
from ....tensors import Tensor
from ....tensors.creation import from_numpy, zeros_like
from ...imaging import pillow
from .conversion import convert_image_dtype
from .images import check_channels, in_floats, is_tensor, max_value


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """``brightness_factor`` times as bright: 0 is black, 1 the image itself."""
    _check_factor(brightness_factor, "adjust_brightness: brightness_factor")
    if not is_tensor(img, "adjust_brightness"):
        return _enhanced(img, "Brightness", brightness_factor)
    check_channels(img, "adjust_brightness")
    return _blend(img, zeros_like(img), brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """Contrast times ``contrast_factor``: 0 is the mean grey all over, 1 the image itself."""
    _check_factor(contrast_factor, "adjust_contrast: contrast_factor")
    if not is_tensor(img, "adjust_contrast"):
        return _enhanced(img, "Contrast", contrast_factor)
    channels = check_channels(img, "adjust_contrast")
    grey = rgb_to_grayscale(img) if channels == 3 else img
    axes = (-3, -2, -1) if img.ndim > 2 else (-2, -1)
    return _blend(img, in_floats(grey).mean(axes, keepdim=True), contrast_factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """Saturation times ``saturation_factor``: 0 is grey, 1 the image itself. A grey image stays."""
    _check_factor(saturation_factor, "adjust_saturation: saturation_factor")
    if not is_tensor(img, "adjust_saturation"):
        return _enhanced(img, "Color", saturation_factor)
    if check_channels(img, "adjust_saturation") == 1:
        return img
    return _blend(img, rgb_to_grayscale(img), saturation_factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """The hue turned by ``hue_factor`` of the circle of colours, from -0.5 to 0.5. A grey image stays."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"adjust_hue: hue_factor must lie in [-0.5, 0.5], got {hue_factor!r}")
    if not is_tensor(img, "adjust_hue"):
        if img.mode in ("L", "1", "I", "F"):
            return img
        hue, saturation, value = img.convert("HSV").split()
        steps = int(hue_factor * 255) % 256  # PIL's circle has 256 steps
        turned = hue.point([(h + steps) % 256 for h in range(256)])
        return pillow().merge("HSV", (turned, saturation, value)).convert(img.mode)
    if check_channels(img, "adjust_hue") == 1:
        return img
    h, s, v = _to_hsv(_in_unit(img))
    return convert_image_dtype(_from_hsv((h + hue_factor) % 1.0, s, v), img.dtype)


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """gain * x ** gamma, for x in [0, 1]: above 1 the shadows get darker, below 1 lighter."""
    _check_factor(gamma, "adjust_gamma: gamma")
    if not is_tensor(img, "adjust_gamma"):
        levels = [(255 + 1 - 1e-3) * gain * (level / 255) ** gamma for level in range(256)]
        return img.convert("RGB").point(levels * 3).convert(img.mode)
    check_channels(img, "adjust_gamma")
    return convert_image_dtype((gain * _in_unit(img) ** gamma).clamp(0, 1), img.dtype)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Shades of grey, 0.2989 R + 0.587 G + 0.114 B (ITU-R BT.601), as one channel or as three equal ones."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"rgb_to_grayscale: num_output_channels must be 1 or 3, got {num_output_channels!r}")
    if not is_tensor(img, "rgb_to_grayscale"):
        grey = img.convert("L")
        return grey if num_output_channels == 1 else pillow().merge("RGB", [grey] * 3)
    if img.ndim < 3:
        raise TypeError(f"rgb_to_grayscale: a Tensor has shape (..., C, H, W), got {tuple(img.shape)}")
    if check_channels(img, "rgb_to_grayscale") == 3:
        r, g, b = img.unbind(-3)
        y = (0.2989 * r + 0.587 * g + 0.114 * b).to(img.dtype).unsqueeze(-3)  # (..., 1, H, W)
    else:
        y = img.clone()
    return y.expand(*img.shape[:-3], 3, *img.shape[-2:]) if num_output_channels == 3 else y


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Shades of grey of a PIL image; `rgb_to_grayscale` takes tensors too."""
    if is_tensor(img, "to_grayscale"):
        raise TypeError("to_grayscale takes a PIL image, got a Tensor: use rgb_to_grayscale")
    return rgb_to_grayscale(img, num_output_channels)


def invert(img: Any) -> Any:
    """The negative: full brightness minus the image."""
    if not is_tensor(img, "invert"):
        import PIL.ImageOps

        return PIL.ImageOps.invert(img)
    if img.ndim < 3:
        raise TypeError(f"invert: a Tensor has shape (..., C, H, W), got {tuple(img.shape)}")
    check_channels(img, "invert")
    return max_value(img.dtype) - img


def _in_unit(img: Tensor) -> Tensor:
    """A Tensor to calculate with, whose full brightness is 1."""
    return in_floats(img) if img.dtype.kind == "f" else convert_image_dtype(img, np.float32)


def _check_factor(factor: Any, what: str) -> None:
    if not factor >= 0:
        raise ValueError(f"{what} must be a number >= 0, got {factor!r}")


def _enhanced(img: Any, what: str, factor: float) -> Any:
    import PIL.ImageEnhance

    return getattr(PIL.ImageEnhance, what)(img).enhance(factor)


def _blend(a: Tensor, b: Tensor, ratio: float) -> Tensor:
    """``ratio`` of the first and the rest of the second, within the bounds of the first one's dtype."""
    return (float(ratio) * a + (1 - float(ratio)) * b).clamp(0, max_value(a.dtype)).to(a.dtype)


def _to_hsv(img: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value, in [0, 1], of an RGB image (..., 3, H, W) (Smith, 1978)."""
    r, g, b = img.unbind(-3)
    high, low = img.amax(-3), img.amin(-3)
    grey, spread = high == low, high - low
    one = from_numpy(np.ones((), img.dtype))
    s = spread / where(grey, one, high)
    by = where(grey, one, spread)
    from_r, from_g, from_b = (high - r) / by, (high - g) / by, (high - b) / by
    h = where(
        high == r, from_b - from_g, where(high == g, 2.0 + from_r - from_b, 4.0 + from_g - from_r)
    )  # sixths of the circle
    return (h / 6.0 + 1.0) % 1.0, s, high


def _from_hsv(h: Tensor, s: Tensor, v: Tensor) -> Tensor:
    """An RGB image (..., 3, H, W) of hue, saturation and value."""
    sixth = (h * 6.0).floor()
    f = h * 6.0 - sixth
    p = (v * (1.0 - s)).clamp(0, 1)
    q = (v * (1.0 - s * f)).clamp(0, 1)
    t = (v * (1.0 - s * (1.0 - f))).clamp(0, 1)
    which = sixth.detach().numpy().astype(np.intp) % 6
    channels = []
    for ways in ((v, q, p, p, t, v), (t, v, v, q, p, p), (p, p, t, v, v, q)):  # red, green, blue in each sixth
        y = ways[5]
        for i in range(5):
            y = where(from_numpy(which == i), ways[i], y)
        channels.append(y)
    return stack(channels, -3)  # (..., 3, H, W)
