"""Layers of transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...tensors import Tensor
from .. import functional as F
from ..functional.arguments import IntOrPair, integers
from .conv import ConvLayer


class _Transposed(ConvLayer):
    """What the transposed convolutions share. ``forward`` takes the output's size too, where several are possible."""

    transposed = True
    _shown = ConvLayer._shown.replace("groups?", "output_padding?, groups?")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrPair,
        stride: IntOrPair = 1,
        padding: IntOrPair = 0,
        output_padding: IntOrPair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: IntOrPair = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(f"{name} supports padding_mode='zeros' only, got {padding_mode!r}")
        extra = integers(output_padding, self.spatial, "output_padding", name, 0)
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, "zeros", device, dtype
        )
        self.output_padding = extra

    def _output_padding(self, input: Tensor, output_size: Sequence[int] | None) -> tuple[int, ...]:
        """What to add for an output of that size: the spatial sizes, or the whole shape."""
        if output_size is None:
            return self.output_padding
        name, n, size = type(self).__name__, self.spatial, tuple(output_size)
        wanted = size[-n:] if len(size) in (n, input.ndim) else size
        if len(wanted) != n:
            raise ValueError(f"{name}: output_size must have {n} or {input.ndim} numbers, got {list(size)}")
        least = [
            (length - 1) * s - 2 * p + d * (k - 1) + 1
            for length, s, p, d, k in zip(
                input.shape[-n:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        ]
        most = [a + s - 1 for a, s in zip(least, self.stride, strict=True)]
        if not all(a <= w <= b for a, w, b in zip(least, wanted, most, strict=True)):
            raise ValueError(
                f"{name}: output_size {list(wanted)} cannot be had from an input of {list(input.shape[-n:])}: "
                f"it must lie between {least} and {most}"
            )
        return tuple(w - a for w, a in zip(wanted, least, strict=True))


class ConvTranspose2d(_Transposed):
    """2-D transposed convolution, enlarges images: `functional.conv_transpose2d` with a learned weight and bias.

    A stride above 1 leaves several output sizes possible: ``forward(input, output_size)`` says which; without it,
    ``output_padding`` does.

    Shape:
        - input (N, in_channels, H, W) or (in_channels, H, W)
        - output (N, out_channels, oh, ow), oh = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1
        - weight (in_channels, out_channels / groups, kh, kw), bias (out_channels,)
    """

    spatial = 2

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        extra = self._output_padding(input, output_size)
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose1d(_Transposed):
    """1-D transposed convolution of signals: `functional.conv_transpose1d` with a learned weight and bias.

    Shape:
        - input (N, in_channels, L) or (in_channels, L)
        - output (N, out_channels, length), as `ConvTranspose2d` along one axis
        - weight (in_channels, out_channels / groups, k), bias (out_channels,)
    """

    spatial = 1

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        extra = self._output_padding(input, output_size)
        return F.conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )
