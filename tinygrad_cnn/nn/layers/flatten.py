"""Layers that change shapes alone."""

from __future__ import annotations

from collections.abc import Sequence

from ...ops import shape
from ...tensors import Tensor
from .layer import Layer


class Flatten(Layer):
    """Dimensions start_dim to end_dim as one: by default (N, C, H, W) as (N, C * H * W)."""

    _shown = "start_dim=, end_dim="

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        return shape.flatten(input, self.start_dim, self.end_dim)


class Unflatten(Layer):
    """One dimension as several: ``dim`` as ``unflattened_size``, one of which may be -1."""

    _shown = "dim=, unflattened_size="

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, input: Tensor) -> Tensor:
        return shape.unflatten(input, self.dim, self.unflattened_size)
