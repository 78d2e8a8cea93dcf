"""Convolution layers: settings and parameters. What is computed stands in `nn.functional`."""

from __future__ import annotations

from typing import Any

from ...tensors import Tensor
from .. import functional as F
from ..functional.arguments import IntOrPair, check_padding, integers
from ..parameter import Parameter
from .layer import Layer
from .making import parameter, spread_by_fan_in

_PAD_MODES = ("zeros", "reflect", "replicate", "circular")


class ConvLayer(Layer):
    """What the convolution layers share: the constructor, the parameters and their first values."""

    spatial: int  # how many spatial dimensions
    transposed = False  # a transposed convolution's weight is (in_channels, out_channels / groups, ...)
    padding: Any  # a tuple of ints, "same" or "valid"
    bias: Parameter | None
    _shown = "in_channels, out_channels, kernel_size=, stride=, padding?, dilation?, groups?, bias?, padding_mode?"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrPair,
        stride: IntOrPair = 1,
        padding: IntOrPair | str = 0,
        dilation: IntOrPair = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        name, n = type(self).__name__, self.spatial
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: groups must be positive and divide both channel counts, got groups={groups} for "
                f"{in_channels} input and {out_channels} output channels"
            )
        check_padding(padding, name)
        if padding_mode not in _PAD_MODES:
            raise ValueError(f"{name}: padding_mode must be one of {', '.join(_PAD_MODES)}, got {padding_mode!r}")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = integers(kernel_size, n, "kernel_size", name, 1)
        self.stride = integers(stride, n, "stride", name, 1)
        self.padding = padding if isinstance(padding, str) else integers(padding, n, "padding", name, 0)
        self.dilation = integers(dilation, n, "dilation", name, 1)
        self.output_padding: tuple[int, ...] = (0,) * n  # a transposed convolution may have more
        self.groups, self.padding_mode = groups, padding_mode
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = parameter((first, second // groups, *self.kernel_size), device, dtype)
        self.register_parameter("bias", parameter(out_channels, device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values, uniform in +-1 / sqrt(fan_in)."""
        spread_by_fan_in(self.weight, self.bias)

    def _padded(self, input: Tensor) -> tuple[Tensor, Any]:
        """The input, padded here if its padding is not zeros, and the padding that is left to do."""
        if self.padding_mode == "zeros":
            return input, self.padding
        if isinstance(self.padding, str):
            total = [
                d * (k - 1) if self.padding == "same" else 0
                for d, k in zip(self.dilation, self.kernel_size, strict=True)
            ]
            sides = [(t // 2, t - t // 2) for t in total]
        else:
            sides = [(p, p) for p in self.padding]
        return F.pad(input, [p for side in reversed(sides) for p in side], mode=self.padding_mode), 0


class Conv2d(ConvLayer):
    """2-D convolution over images: `functional.conv2d` with a weight and a bias that are learned.

    The arguments are those of the function, and ``padding_mode``: what the padding is filled with.

    Shape:
        - input (N, in_channels, H, W) or (in_channels, H, W)
        - output (N, out_channels, oh, ow), oh = (H + 2 padding - dilation (kh - 1) - 1) // stride + 1
        - weight (out_channels, in_channels / groups, kh, kw), bias (out_channels,)
    """

    spatial = 2

    def forward(self, input: Tensor) -> Tensor:
        x, padding = self._padded(input)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(ConvLayer):
    """1-D convolution over signals: `functional.conv1d` with a weight and a bias that are learned.

    Arguments as for `Conv2d`, one number each.

    Shape:
        - input (N, in_channels, L) or (in_channels, L)
        - output (N, out_channels, length), length = (L + 2 padding - dilation (k - 1) - 1) // stride + 1
        - weight (out_channels, in_channels / groups, k), bias (out_channels,)
    """

    spatial = 1

    def forward(self, input: Tensor) -> Tensor:
        x, padding = self._padded(input)
        return F.conv1d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
