"""Layers that change the size of images: upsampling and pixel shuffling."""

from __future__ import annotations

from typing import Any

from ...tensors import Tensor
from .. import functional as F
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
