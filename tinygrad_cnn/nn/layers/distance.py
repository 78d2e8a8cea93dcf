"""Distances between vectors, as layers."""

from __future__ import annotations

from ...tensors import Tensor
from .. import functional as F
from .layer import Layer


class PairwiseDistance(Layer):
    """The p-norm of x1 - x2 + eps along the last dimension; see `functional.pairwise_distance`.

    Shape:
        - inputs (N, D) or (D,); output (N,) or (), or with ``keepdim`` (N, 1) or (1,)
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = self.p = p  # PyTorch's name, and the setting's
        self.eps, self.keepdim = eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Layer):
    """The cosine of the angle between vectors along ``dim``; see `functional.cosine_similarity`.

    Shape:
        - inputs (..., D, ...), D at ``dim``; output the same without D
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
