"""Layers that change the size of images: upsampling, pixel shuffling, padding."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ...tensors import Tensor
from .. import functional as F
from ..functional.arguments import integers
from .layer import Layer


class Upsample(Layer):
    """A larger (or smaller) copy; arguments and modes as for `functional.interpolate`.

    Shape:
        - input (N, C, L) or (N, C, H, W)
        - output of ``size``, or of each side times ``scale_factor``, rounded down
    """

    def __init__(
        self,
        size: int | tuple[int, ...] | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size, self.mode, self.align_corners = size, mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor
        factor = scale_factor
        if isinstance(factor, tuple):
            self.scale_factor: Any = tuple(float(f) for f in factor)
        else:
            self.scale_factor = float(factor) if factor else None

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        size = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{size}, mode={self.mode!r}"


class _Upsampling2d(Upsample):
    _how: tuple[str, bool | None]  # mode, align_corners

    def __init__(
        self, size: int | tuple[int, int] | None = None, scale_factor: float | tuple[float, float] | None = None
    ) -> None:
        super().__init__(size, scale_factor, *self._how)


class UpsamplingNearest2d(_Upsampling2d):
    """`Upsample` of images by the nearest pixel: input (N, C, H, W); output as for `Upsample`."""

    _how = ("nearest", None)


class UpsamplingBilinear2d(_Upsampling2d):
    """`Upsample` of images by linear interpolation, corners aligned: input (N, C, H, W); output as for `Upsample`."""

    _how = ("bilinear", True)


class PixelShuffle(Layer):
    """Channels to pixels (Shi et al., 2016); see `functional.pixel_shuffle`.

    Shape:
        - input (..., C r^2, H, W), output (..., C, H r, W r), r = upscale_factor
    """

    _shown = "upscale_factor="

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)


class PixelUnshuffle(Layer):
    """Pixels to channels: the inverse of `PixelShuffle`; see `functional.pixel_unshuffle`.

    Shape:
        - input (..., C, H r, W r), output (..., C r^2, H, W), r = downscale_factor
    """

    _shown = "downscale_factor="

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)


class _Pad(Layer):
    """What the padding layers share: ``padding`` is one width for all sides, or (left, right, top, bottom)."""

    mode: str
    spatial = 2
    _shown = "padding"
    _least: ClassVar[dict[str, float]] = {"padding": -math.inf}  # negative widths cut

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__()
        sides = 2 * self.spatial
        self.padding = integers(padding, sides, "padding", type(self).__name__, -(1 << 31))

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)


class ReflectionPad2d(_Pad):
    """A border that mirrors the image at its edge pixels; see `functional.pad`.

    Shape:
        - input (N, C, H, W) or (C, H, W), output (..., H + top + bottom, W + left + right)
    """

    mode = "reflect"


class ReflectionPad1d(_Pad):
    """A mirroring border of signals, as `ReflectionPad2d`: (N, C, L) or (C, L) to (..., L + left + right)."""

    mode, spatial = "reflect", 1


class ReplicationPad2d(_Pad):
    """A border that repeats the edge pixels; see `functional.pad`.

    Shape:
        - input (N, C, H, W) or (C, H, W), output (..., H + top + bottom, W + left + right)
    """

    mode = "replicate"


class ReplicationPad1d(_Pad):
    """A border that repeats a signal's ends, as `ReplicationPad2d`: (N, C, L) or (C, L) to (..., L + left + right)."""

    mode, spatial = "replicate", 1


class CircularPad2d(_Pad):
    """A border that wraps around to the other side; see `functional.pad`.

    Shape:
        - input (N, C, H, W) or (C, H, W), output (..., H + top + bottom, W + left + right)
    """

    mode = "circular"


class CircularPad1d(_Pad):
    """A wrapping border of signals, as `CircularPad2d`: (N, C, L) or (C, L) to (..., L + left + right)."""

    mode, spatial = "circular", 1


class ConstantPad2d(_Pad):
    """A border of one value; see `functional.pad`.

    Shape:
        - input (..., H, W), output (..., H + top + bottom, W + left + right)
    """

    mode = "constant"
    _shown = "padding=, value="

    def __init__(self, padding: int | tuple[int, int, int, int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)


class ConstantPad1d(ConstantPad2d):
    """A border of one value, as `ConstantPad2d`: (..., L) to (..., L + left + right)."""

    spatial = 1


class ZeroPad2d(ConstantPad2d):
    """A border of zeros; see `functional.pad`.

    Shape:
        - input (..., H, W), output (..., H + top + bottom, W + left + right)
    """

    _shown = "padding"

    def __init__(self, padding: int | tuple[int, int, int, int]) -> None:
        super().__init__(padding, 0.0)


class ZeroPad1d(ZeroPad2d):
    """A border of zeros, as `ZeroPad2d`: (..., L) to (..., L + left + right)."""

    spatial = 1
