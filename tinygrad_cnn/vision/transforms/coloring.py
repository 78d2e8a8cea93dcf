"""Random colours, shades of grey, negatives, blur, and a part erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import nn
from ...arrays.rng import resolve
from ...tensors import Tensor
from . import chance
from . import functional as F
from .fixed import size_of
from .geometric import range_of, sides

Range = tuple[float, float]


class ColorJitter(nn.Module):
    """Brightness, contrast, saturation and hue changed at random, in a random order.

    ``brightness``, ``contrast``, ``saturation``: a number v >= 0 for a factor in (max(0, 1 - v), 1 + v), or
    (low, high). ``hue``: a number h in [0, 0.5] for a turn of the colours in (-h, h), or (low, high) within
    (-0.5, 0.5).
    """

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0) -> None:
        super().__init__()
        self.brightness = _factors(brightness, "brightness")
        self.contrast = _factors(contrast, "contrast")
        self.saturation = _factors(saturation, "saturation")
        self.hue = _factors(hue, "hue", center=0, bound=(-0.5, 0.5))

    @staticmethod
    def get_params(
        brightness: Range | None, contrast: Range | None, saturation: Range | None, hue: Range | None
    ) -> tuple[list[int], float | None, float | None, float | None, float | None]:
        """The order of the four, and a factor of each, None where its range is."""
        order = chance.order(4)
        b, c, s, h = (
            None if r is None else chance.uniform(r[0], r[1]) for r in (brightness, contrast, saturation, hue)
        )
        return order, b, c, s, h

    def forward(self, img: Any) -> Any:
        """The image in other colours."""
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        functions = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i in order:
            factor = factors[i]
            if factor is not None:
                img = functions[i](img, factor)
        return img

    def extra_repr(self) -> str:
        return f"brightness={self.brightness}, contrast={self.contrast}, saturation={self.saturation}, hue={self.hue}"


def _factors(value: Any, name: str, center: float = 1, bound: Range = (0, float("inf"))) -> Range | None:
    """The range behind an argument of ColorJitter; None where nothing changes."""
    if isinstance(value, (int, float)):
        if not value >= 0:
            raise ValueError(f"ColorJitter: {name}, if a single number, must be >= 0, got {value!r}")
        low, high = center - float(value), center + float(value)
        if name != "hue":
            low = max(low, 0.0)
    elif isinstance(value, (tuple, list)) and len(value) == 2:
        low, high = float(value[0]), float(value[1])
    else:
        raise TypeError(f"ColorJitter: {name} must be a number or (low, high), got {value!r}")
    if not bound[0] <= low <= high <= bound[1]:
        raise ValueError(f"ColorJitter: {name} must be a range within {bound}, got {value!r}")
    return None if low == high == center else (low, high)


class RandomGrayscale(nn.Module):
    """Shades of grey with probability ``p``; the number of channels stays."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        self.p = chance.probability(p, "RandomGrayscale")

    def forward(self, img: Any) -> Any:
        """The image, in grey or not."""
        channels = F.get_image_num_channels(img)
        return F.rgb_to_grayscale(img, channels) if chance.happens(self.p) else img

    def extra_repr(self) -> str:
        return f"p={self.p}"


class RandomInvert(nn.Module):
    """The negative, with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = chance.probability(p, "RandomInvert")

    def forward(self, img: Any) -> Any:
        """The image, inverted or not."""
        return F.invert(img) if chance.happens(self.p) else img

    def extra_repr(self) -> str:
        return f"p={self.p}"


class GaussianBlur(nn.Module):
    """Blur by a Gaussian whose standard deviation is drawn evenly from ``sigma``, (low, high) or one number."""

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)) -> None:
        super().__init__()
        self.kernel_size = size_of(kernel_size, "GaussianBlur", "kernel_size")
        if any(k % 2 == 0 for k in self.kernel_size):
            raise ValueError(f"GaussianBlur: kernel_size must be odd, got {kernel_size!r}")
        if isinstance(sigma, (int, float)):
            sigma = (sigma, sigma)
        if not range_of(sigma, "GaussianBlur: sigma")[0] > 0:
            raise ValueError(f"GaussianBlur: sigma must be above 0, got {sigma!r}")
        self.sigma = sigma

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """A standard deviation, drawn evenly."""
        return chance.uniform(sigma_min, sigma_max)

    def forward(self, img: Any) -> Any:
        """The image, blurred."""
        sigma = self.get_params(*self.sigma)
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, sigma={self.sigma}"


class RandomErasing(nn.Module):
    """A random rectangle of a Tensor (..., C, H, W) overwritten, with probability ``p`` (Zhong et al., *Random Erasing
    Data Augmentation*, 2017).

    Its area is a fraction of the image's drawn evenly from ``scale``, its height over its width is drawn from
    ``ratio``, evenly in its logarithm; after ten draws that do not fit the image stays as it is.

    Args:
        value: a number, one for each channel, or "random" for normal noise.
        inplace: write into the image that is given.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        self.p = chance.probability(p, "RandomErasing")
        self.scale, self.ratio = (range_of(v, f"RandomErasing: {n}") for v, n in ((scale, "scale"), (ratio, "ratio")))
        if not 0 <= scale[0] <= scale[1] <= 1:
            raise ValueError(f"RandomErasing: scale holds fractions of the area, in [0, 1], got {scale!r}")
        if ratio[0] <= 0:
            raise ValueError(f"RandomErasing: ratio must be above 0, got {ratio!r}")
        if isinstance(value, str) and value != "random":
            raise ValueError(f"RandomErasing: value must be a number, one for each channel, or 'random', got {value!r}")
        if not isinstance(value, (int, float, str, tuple, list)):
            raise TypeError(f"RandomErasing: value must be a number, one for each channel, or 'random', got {value!r}")
        self.value, self.inplace = value, inplace

    @staticmethod
    def get_params(
        img: Tensor, scale: Sequence[float], ratio: Sequence[float], value: Sequence[float] | None = None
    ) -> tuple[int, int, int, int, Any]:
        """(top, left, height, width) of a rectangle, and what it becomes: normal noise where ``value`` is None."""
        c, h, w = F.get_dimensions(img)
        for _ in range(10):
            eh, ew = sides(h * w, scale, ratio)
            if eh < h and ew < w:
                if value is None:
                    v = resolve(None).standard_normal((c, eh, ew), np.float32).astype(img.dtype)
                else:
                    v = np.asarray(value, np.float64).astype(img.dtype).reshape(-1, 1, 1)
                return chance.whole(0, h - eh), chance.whole(0, w - ew), eh, ew, v
        return 0, 0, h, w, img

    def forward(self, img: Tensor) -> Tensor:
        """The image, with or without a rectangle."""
        if not isinstance(img, Tensor):
            raise TypeError(f"RandomErasing takes a Tensor, got {type(img).__name__}: put ToTensor() before it")
        if not chance.happens(self.p):
            return img
        value: Any = self.value
        if isinstance(value, (int, float)):
            value = [value]
        if value == "random":
            value = None
        elif len(value) not in (1, F.get_image_num_channels(img)):
            raise ValueError(
                f"RandomErasing: value has {len(value)} numbers, the image of shape {tuple(img.shape)} has "
                f"{F.get_image_num_channels(img)} channels"
            )
        return F.erase(img, *self.get_params(img, self.scale, self.ratio, value), self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, inplace={self.inplace}"
