"""Transforms without chance: sizes, crops, borders, shades of grey."""

from __future__ import annotations

from typing import Any

from ... import nn
from . import functional as F
from .functional.images import InterpolationMode, interpolation_of, pair_of
from .functional.padding import check_mode, widths


class Resize(nn.Module):
    """An image at another size; see `functional.resize`. An int is for the shorter side, the other one follows."""

    def __init__(
        self,
        size: Any,
        interpolation: Any = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if size is not None:
            pair_of(size, "Resize")
        self.size, self.max_size, self.antialias = size, max_size, antialias
        self.interpolation = interpolation_of(interpolation, "Resize")

    def forward(self, img: Any) -> Any:
        """The image at that size."""
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def extra_repr(self) -> str:
        return (
            f"size={self.size}, interpolation={self.interpolation.value}, max_size={self.max_size}, "
            f"antialias={self.antialias}"
        )


class CenterCrop(nn.Module):
    """The middle of an image; zeros around one that is smaller."""

    def __init__(self, size: Any) -> None:
        super().__init__()
        self.size = size_of(size, "CenterCrop")

    def forward(self, img: Any) -> Any:
        """The middle."""
        return F.center_crop(img, self.size)

    def extra_repr(self) -> str:
        return f"size={self.size}"


class Pad(nn.Module):
    """A border around an image; see `functional.pad`."""

    def __init__(self, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        widths(padding, "Pad")
        check_mode(padding_mode, "Pad")
        check_fill(fill, "Pad")
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def forward(self, img: Any) -> Any:
        """The image and its border."""
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode}"


class Grayscale(nn.Module):
    """Shades of grey, as one channel or as three equal ones."""

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        if num_output_channels not in (1, 3):
            raise ValueError(f"Grayscale: num_output_channels must be 1 or 3, got {num_output_channels!r}")
        self.num_output_channels = num_output_channels

    def forward(self, img: Any) -> Any:
        """The image in grey."""
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def extra_repr(self) -> str:
        return f"num_output_channels={self.num_output_channels}"


class FiveCrop(nn.Module):
    """The four corners and the middle, as a tuple of five images."""

    def __init__(self, size: Any) -> None:
        super().__init__()
        self.size = size_of(size, "FiveCrop")

    def forward(self, img: Any) -> tuple[Any, ...]:
        """The five crops."""
        return F.five_crop(img, self.size)

    def extra_repr(self) -> str:
        return f"size={self.size}"


class TenCrop(nn.Module):
    """The five crops of the image and of the mirrored image, as a tuple of ten."""

    def __init__(self, size: Any, vertical_flip: bool = False) -> None:
        super().__init__()
        self.size, self.vertical_flip = size_of(size, "TenCrop"), vertical_flip

    def forward(self, img: Any) -> tuple[Any, ...]:
        """The ten crops."""
        return F.ten_crop(img, self.size, self.vertical_flip)

    def extra_repr(self) -> str:
        return f"size={self.size}, vertical_flip={self.vertical_flip}"


def size_of(size: Any, name: str, what: str = "size") -> Any:
    """``size=``, or what its name is, as torchvision keeps and shows it: a pair of an int or of one in a sequence; two
    stay as they are."""
    height, width = pair_of(size, name, what)
    return size if isinstance(size, (tuple, list)) and len(size) == 2 else (height, width)


def check_fill(fill: Any, name: str) -> None:
    """Is it a number, the name of a colour, or a number for each channel?"""
    if not isinstance(fill, (int, float, str, tuple, list)):
        raise TypeError(f"{name}: fill must be a number, or one for each channel in a tuple or list, got {fill!r}")
