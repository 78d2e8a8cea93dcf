"""Layers that put a border around images, signals and volumes."""

from __future__ import annotations

import math
from typing import ClassVar

from ...tensors import Tensor
from .. import functional as F
from ..functional.arguments import integers
from .layer import Layer


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


class ReflectionPad3d(_Pad):
    """A mirroring border of volumes, as `ReflectionPad2d`: (N, C, D, H, W) or (C, D, H, W)."""

    mode, spatial = "reflect", 3


class ReplicationPad3d(_Pad):
    """A border of volumes that repeats the edge, as `ReplicationPad2d`: (N, C, D, H, W) or (C, D, H, W)."""

    mode, spatial = "replicate", 3


class CircularPad3d(_Pad):
    """A wrapping border of volumes, as `CircularPad2d`: (N, C, D, H, W) or (C, D, H, W)."""

    mode, spatial = "circular", 3


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


class ConstantPad3d(ConstantPad2d):
    """A border of one value, as `ConstantPad2d`: (..., D, H, W), three pairs of widths."""

    spatial = 3


class ZeroPad3d(ZeroPad2d):
    """A border of zeros, as `ZeroPad2d`: (..., D, H, W), three pairs of widths."""

    spatial = 3
