"""Pooling layers. Their arguments are those of the functions, in PyTorch's order."""

from __future__ import annotations

from typing import Any

from ...tensors import Tensor
from .. import functional as F
from ..functional.arguments import IntOrPair, integers
from .layer import Layer


class _MaxPool(Layer):
    _shown = "kernel_size=, stride=, padding=, dilation=, ceil_mode="

    def __init__(
        self,
        kernel_size: IntOrPair,
        stride: IntOrPair | None = None,
        padding: IntOrPair = 0,
        dilation: IntOrPair = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode


class MaxPool2d(_MaxPool):
    """The maximum of each window; see `functional.max_pool2d`.

    Shape:
        - input (N, C, H, W) or (C, H, W)
        - output (N, C, oh, ow), oh = (H + 2 padding - dilation (kh - 1) - 1) // stride + 1; stride is the kernel's size
        if None
    """

    def forward(self, input: Tensor) -> Any:
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool1d(_MaxPool):
    """The maximum of each window; see `functional.max_pool1d`.

    Shape:
        - input (N, C, L) or (C, L)
        - output (N, C, length), as `MaxPool2d` along one axis
    """

    def forward(self, input: Tensor) -> Any:
        return F.max_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class AvgPool2d(Layer):
    """The mean of each window; see `functional.avg_pool2d`.

    Shape:
        - input (N, C, H, W) or (C, H, W)
        - output (N, C, oh, ow), oh = (H + 2 padding - kh) // stride + 1; stride is the kernel's size if None
    """

    _shown = "kernel_size=, stride=, padding="

    def __init__(
        self,
        kernel_size: IntOrPair,
        stride: IntOrPair | None = None,
        padding: IntOrPair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool1d(Layer):
    """The mean of each window; see `functional.avg_pool1d`.

    Shape:
        - input (N, C, L) or (C, L)
        - output (N, C, length), length = (L + 2 padding - k) // stride + 1; stride is the kernel's size if None
    """

    _shown = "kernel_size=, stride=, padding="

    def __init__(
        self,
        kernel_size: IntOrPair,
        stride: IntOrPair | None = None,
        padding: IntOrPair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = integers(kernel_size, 1, "kernel_size", "AvgPool1d", 1)
        self.stride = self.kernel_size if stride is None else integers(stride, 1, "stride", "AvgPool1d", 1)
        self.padding = integers(padding, 1, "padding", "AvgPool1d", 0)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class _Adaptive(Layer):
    _shown = "output_size="

    def __init__(self, output_size: int | tuple[int | None, ...], return_indices: bool = False) -> None:
        super().__init__()
        self.output_size: Any = output_size
        self.return_indices = return_indices


class AdaptiveAvgPool2d(_Adaptive):
    """The mean over an (oh, ow) grid of windows that cover the image; see `functional.adaptive_avg_pool2d`.

    Shape:
        - input (N, C, H, W), output (N, C, oh, ow)
    """

    def __init__(self, output_size: int | tuple[int | None, int | None]) -> None:
        super().__init__(output_size)

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool1d(_Adaptive):
    """The mean over windows that cover the signal; see `functional.adaptive_avg_pool1d`.

    Shape:
        - input (N, C, L), output (N, C, output_size)
    """

    def __init__(self, output_size: int | tuple[int | None, ...]) -> None:
        super().__init__(output_size)

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveMaxPool2d(_Adaptive):
    """The maximum over an (oh, ow) grid of windows that cover the image; see `functional.adaptive_max_pool2d`.

    Shape:
        - input (N, C, H, W), output (N, C, oh, ow)
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_Adaptive):
    """The maximum over windows that cover the signal; see `functional.adaptive_max_pool1d`.

    Shape:
        - input (N, C, L), output (N, C, output_size)
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class _LPPool(Layer):
    _shown = "norm_type=, kernel_size=, stride=, ceil_mode="

    def __init__(
        self, norm_type: float, kernel_size: IntOrPair, stride: IntOrPair | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode


class LPPool2d(_LPPool):
    """The power mean of each window; see `functional.lp_pool2d`.

    Shape:
        - input (N, C, H, W) or (C, H, W), output as for `AvgPool2d` without padding
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool2d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPool):
    """The power mean of each window of signals, as `LPPool2d` along one axis; see `functional.lp_pool1d`.

    Shape:
        - input (N, C, L) or (C, L), output as for `AvgPool1d` without padding
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool1d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)
