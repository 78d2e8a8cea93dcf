"""Layers of windows as columns, and of channels dealt out anew."""

from __future__ import annotations

from ...tensors import Tensor
from .. import functional as F
from ..functional.arguments import IntOrPair
from .layer import Layer


class Unfold(Layer):
    """im2col: every window as a column; see `functional.unfold`.

    Shape:
        - input (N, C, H, W) or (C, H, W)
        - output (N, C kh kw, windows)
    """

    _shown = "kernel_size=, dilation=, padding=, stride="

    def __init__(
        self, kernel_size: IntOrPair, dilation: IntOrPair = 1, padding: IntOrPair = 0, stride: IntOrPair = 1
    ) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(Layer):
    """col2im: columns added up to images; see `functional.fold`.

    Shape:
        - input (N, C kh kw, windows) or (C kh kw, windows)
        - output (N, C, H, W), (H, W) = output_size
    """

    _shown = "output_size=, kernel_size=, dilation=, padding=, stride="

    def __init__(
        self,
        output_size: IntOrPair,
        kernel_size: IntOrPair,
        dilation: IntOrPair = 1,
        padding: IntOrPair = 0,
        stride: IntOrPair = 1,
    ) -> None:
        super().__init__()
        self.output_size, self.kernel_size, self.dilation = output_size, kernel_size, dilation
        self.padding, self.stride = padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)


class ChannelShuffle(Layer):
    """Channels dealt out anew among groups; see `functional.channel_shuffle`.

    Shape:
        - input and output (N, C, ...), C a multiple of groups
    """

    _shown = "groups="

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)
