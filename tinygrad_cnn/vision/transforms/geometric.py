"""Random crops, flips, rotations and affine maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ... import nn
from . import chance
from . import functional as F
from .fixed import check_fill, size_of
from .functional.images import InterpolationMode, interpolation_of
from .functional.padding import check_mode, widths


class RandomCrop(nn.Module):
    """A part of an image, at a random place.

    Args:
        size: (height, width), or an int for a square.
        padding: a border first, as for `Pad`; None: none.
        pad_if_needed: make a smaller image large enough, by the same border on both sides.
        fill, padding_mode: of the border, as for `Pad`.
    """

    def __init__(
        self,
        size: Any,
        padding: Any = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = size_of(size, "RandomCrop")
        if padding is not None:
            widths(padding, "RandomCrop")
        check_mode(padding_mode, "RandomCrop")
        check_fill(fill, "RandomCrop")
        self.padding, self.pad_if_needed, self.fill, self.padding_mode = padding, pad_if_needed, fill, padding_mode

    @staticmethod
    def get_params(img: Any, output_size: Sequence[int]) -> tuple[int, int, int, int]:
        """(top, left, height, width) of a crop of that size, drawn evenly from all places where it fits."""
        _, h, w = F.get_dimensions(img)
        th, tw = output_size
        if th > h or tw > w:
            raise ValueError(
                f"RandomCrop: a crop {th} high and {tw} wide does not fit into an image {h} high and {w} wide; "
                "pass pad_if_needed=True, or Resize first"
            )
        if (th, tw) == (h, w):
            return 0, 0, h, w
        return chance.whole(0, h - th), chance.whole(0, w - tw), th, tw

    def forward(self, img: Any) -> Any:
        """A part of the image."""
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed:
            _, h, w = F.get_dimensions(img)
            th, tw = self.size
            if w < tw:
                img = F.pad(img, [tw - w, 0], self.fill, self.padding_mode)
            if h < th:
                img = F.pad(img, [0, th - h], self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def extra_repr(self) -> str:
        return f"size={self.size}, padding={self.padding}"


class RandomResizedCrop(nn.Module):
    """A random part of an image, brought to one size (Szegedy et al., *Going deeper with convolutions*, 2014).

    The part's area is a fraction of the image's drawn evenly from ``scale``, its width over its height is drawn from
    ``ratio``, evenly in its logarithm. After ten draws that do not fit, the middle is taken.
    """

    def __init__(
        self,
        size: Any,
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = size_of(size, "RandomResizedCrop")
        self.scale, self.ratio = (
            range_of(v, f"RandomResizedCrop: {n}") for v, n in ((scale, "scale"), (ratio, "ratio"))
        )
        if self.scale[0] < 0 or self.ratio[0] <= 0:
            raise ValueError(f"RandomResizedCrop: scale and ratio must be above 0, got {scale!r} and {ratio!r}")
        self.interpolation = interpolation_of(interpolation, "RandomResizedCrop")
        self.antialias = antialias

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """(top, left, height, width) of a random part."""
        _, h, w = F.get_dimensions(img)
        for _ in range(10):
            cw, ch = sides(h * w, scale, ratio)
            if 0 < cw <= w and 0 < ch <= h:
                return chance.whole(0, h - ch), chance.whole(0, w - cw), ch, cw
        narrow, wide = min(ratio), max(ratio)
        cw, ch = w, h
        if w / h < narrow:
            ch = round(w / narrow)
        elif w / h > wide:
            cw = round(h * wide)
        return (h - ch) // 2, (w - cw) // 2, ch, cw

    def forward(self, img: Any) -> Any:
        """A part of the image, at the size asked for."""
        part = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *part, self.size, self.interpolation, self.antialias)

    def extra_repr(self) -> str:
        scale, ratio = (tuple(round(v, 4) for v in pair) for pair in (self.scale, self.ratio))
        return (
            f"size={self.size}, scale={scale}, ratio={ratio}, interpolation={self.interpolation.value}, "
            f"antialias={self.antialias}"
        )


def sides(area: float, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int]:
    """Two whole numbers: their product is a fraction of ``area`` from ``scale``, the first over the second lies in
    ``ratio``, but for rounding."""
    part = area * chance.uniform(scale[0], scale[1])
    first_over_second = math.exp(chance.uniform(math.log(ratio[0]), math.log(ratio[1])))
    return round(math.sqrt(part * first_over_second)), round(math.sqrt(part / first_over_second))


class RandomHorizontalFlip(nn.Module):
    """An image mirrored left to right, with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = chance.probability(p, "RandomHorizontalFlip")

    def forward(self, img: Any) -> Any:
        """The image, mirrored or not."""
        return F.hflip(img) if chance.happens(self.p) else img

    def extra_repr(self) -> str:
        return f"p={self.p}"


class RandomVerticalFlip(nn.Module):
    """An image mirrored top to bottom, with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = chance.probability(p, "RandomVerticalFlip")

    def forward(self, img: Any) -> Any:
        """The image, mirrored or not."""
        return F.vflip(img) if chance.happens(self.p) else img

    def extra_repr(self) -> str:
        return f"p={self.p}"


class RandomRotation(nn.Module):
    """An image turned by a random angle.

    Args:
        degrees: (low, high), or d for (-d, d); counter-clockwise as seen.
        interpolation, expand, center, fill: as for `functional.rotate`.
    """

    def __init__(
        self,
        degrees: Any,
        interpolation: Any = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Any = 0,
    ) -> None:
        super().__init__()
        self.degrees = _angles(degrees, "RandomRotation: degrees")
        self.interpolation = interpolation_of(interpolation, "RandomRotation")
        if center is not None:
            _pair(center, "RandomRotation: center")
        check_fill(0 if fill is None else fill, "RandomRotation")
        self.expand, self.center, self.fill = expand, center, 0 if fill is None else fill

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """An angle, drawn evenly."""
        return chance.uniform(degrees[0], degrees[1])

    def forward(self, img: Any) -> Any:
        """The image, turned."""
        angle = self.get_params(self.degrees)
        return F.rotate(img, angle, self.interpolation, self.expand, self.center, self.fill)

    def extra_repr(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        return (
            f"degrees={self.degrees}, interpolation={self.interpolation.value}, expand={self.expand}{center}, "
            f"fill={self.fill}"
        )


class RandomAffine(nn.Module):
    """An image sheared, scaled, turned and shifted at random, about its middle; its size stays.

    Args:
        degrees: (low, high), or d for (-d, d); clockwise as seen.
        translate: (a, b), shifts of up to a * width across and b * height down, either way. None: none.
        scale: (low, high), above 0. None: 1.
        shear: degrees; s for an x-shear in (-s, s), (low, high) for an x-shear, or (x low, x high, y low, y high).
        interpolation, fill, center: as for `functional.affine`.
    """

    def __init__(
        self,
        degrees: Any,
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: Any = None,
        interpolation: Any = InterpolationMode.NEAREST,
        fill: Any = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.degrees = _angles(degrees, "RandomAffine: degrees")
        if translate is not None and not all(0 <= t <= 1 for t in _pair(translate, "RandomAffine: translate")):
            raise ValueError(f"RandomAffine: translate holds fractions of the sides, in [0, 1], got {translate!r}")
        if scale is not None and not all(s > 0 for s in _pair(scale, "RandomAffine: scale")):
            raise ValueError(f"RandomAffine: scale must be above 0, got {scale!r}")
        if center is not None:
            _pair(center, "RandomAffine: center")
        check_fill(0 if fill is None else fill, "RandomAffine")
        self.translate, self.scale, self.center = translate, scale, center
        self.shear = None if shear is None else _angles(shear, "RandomAffine: shear", (2, 4))
        self.interpolation = interpolation_of(interpolation, "RandomAffine")
        self.fill = 0 if fill is None else fill

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """(angle, shift, scale, shear), each drawn evenly from its range, for an image of ``img_size`` (width,
        height)."""
        angle = chance.uniform(degrees[0], degrees[1])
        shift = (0, 0)
        if translate is not None:
            most_across, most_down = (t * side for t, side in zip(translate, img_size, strict=True))
            across = round(chance.uniform(-most_across, most_across))
            shift = (across, round(chance.uniform(-most_down, most_down)))
        scale = 1.0 if scale_ranges is None else chance.uniform(scale_ranges[0], scale_ranges[1])
        shear_x = shear_y = 0.0
        if shears is not None:
            shear_x = chance.uniform(shears[0], shears[1])
            if len(shears) == 4:
                shear_y = chance.uniform(shears[2], shears[3])
        return angle, shift, scale, (shear_x, shear_y)

    def forward(self, img: Any) -> Any:
        """The image, mapped."""
        size = F.get_image_size(img)
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, size)
        return F.affine(img, *drawn, self.interpolation, self.fill, self.center)

    def extra_repr(self) -> str:
        shown = [f"degrees={self.degrees}"]
        shown += [f"{n}={getattr(self, n)}" for n in ("translate", "scale", "shear") if getattr(self, n) is not None]
        if self.interpolation is not InterpolationMode.NEAREST:
            shown.append(f"interpolation={self.interpolation.value}")
        if self.fill != 0:
            shown.append(f"fill={self.fill}")
        if self.center is not None:
            shown.append(f"center={self.center}")
        return ", ".join(shown)


def _angles(value: Any, what: str, lengths: tuple[int, ...] = (2,)) -> list[float]:
    """[-d, d] of a number d; a sequence as a list of floats."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not value >= 0:
            raise ValueError(f"{what}: a single number d stands for (-d, d) and must be >= 0, got {value!r}")
        return [-float(value), float(value)]
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{what} must be a number or a sequence of {' or '.join(map(str, lengths))}, got {value!r}")
    if len(value) not in lengths:
        raise ValueError(f"{what} must be a number or {' or '.join(map(str, lengths))} numbers, got {value!r}")
    return [float(v) for v in value]


def _pair(value: Any, what: str) -> Any:
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{what} must be a sequence of two numbers, got {value!r}")
    if len(value) != 2:
        raise ValueError(f"{what} must be two numbers, got {len(value)}: {value!r}")
    return value


def range_of(value: Any, what: str) -> Any:
    """A pair (low, high), checked."""
    low, high = _pair(value, what)
    if not low <= high:
        raise ValueError(f"{what} must be (low, high) with low <= high, got {value!r}")
    return value
