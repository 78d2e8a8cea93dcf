"""Layers that undo max-pools."""

from __future__ import annotations

from collections.abc import Sequence

from ...tensors import Tensor
from .. import functional as F
from ..functional.arguments import IntOrPair, integers
from .layer import Layer


class _MaxUnpool(Layer):
    spatial: int
    _shown = "kernel_size=, stride=, padding="

    def __init__(self, kernel_size: IntOrPair, stride: IntOrPair | None = None, padding: IntOrPair = 0) -> None:
        super().__init__()
        name, n = type(self).__name__, self.spatial
        self.kernel_size = integers(kernel_size, n, "kernel_size", name, 1)
        self.stride = self.kernel_size if stride is None else integers(stride, n, "stride", name, 1)
        self.padding = integers(padding, n, "padding", name, 0)


class MaxUnpool2d(_MaxUnpool):
    """Maxima back at their places, zeros elsewhere; see `functional.max_unpool2d`.

    ``forward(input, indices, output_size)`` takes what `MaxPool2d` with ``return_indices`` gives.

    Shape:
        - input and indices (N, C, h, w) or (C, h, w)
        - output (N, C, H, W), H = (h - 1) stride - 2 padding + kernel, or as output_size says
    """

    spatial = 2

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpool):
    """Maxima of signals back at their places, as `MaxUnpool2d` along one axis; see `functional.max_unpool1d`.

    Shape:
        - input and indices (N, C, l) or (C, l), output (N, C, L)
    """

    spatial = 1

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)
