"""Dropout layers: at work in training mode alone."""

from __future__ import annotations

from ...tensors import Tensor
from .. import functional as F
from ..module import Module


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p, the probability to drop, must be between 0 and 1, got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Each element 0 with probability p, else divided by 1 - p (Srivastava et al., 2014).

    Shape:
        - input and output (*)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Whole channels 0 with probability p, the others divided by 1 - p.

    Shape:
        - input and output (N, C, L) or (C, L)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Whole channels 0 with probability p, the others divided by 1 - p.

    Shape:
        - input and output (N, C, H, W)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout to the least value of SELU, keeping mean 0 and variance 1 (Klambauer et al., 2017).

    Shape:
        - input and output (*)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)
