"""Dropout layers: at work in training mode alone."""

from __future__ import annotations

from ...tensors import Tensor
from .. import functional as F
from .layer import Layer


class _Dropout(Layer):
    _shown = "p=, inplace="
    _probabilities = ("p",)

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = p, inplace

    def _minds_the_mode(self) -> bool:
        return self.p > 0


class Dropout(_Dropout):
    """Each element 0 with probability p, else divided by 1 - p (Srivastava et al., 2014); see `functional.dropout`.

    Shape:
        - input and output (*)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Whole channels 0 with probability p, the others divided by 1 - p; see `functional.dropout1d`.

    Shape:
        - input and output (N, C, L) or (C, L)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Whole channels 0 with probability p, the others divided by 1 - p; see `functional.dropout2d`.

    Shape:
        - input and output (N, C, H, W)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout to the least value of SELU, keeping mean 0 and variance 1; see `functional.alpha_dropout`.

    (Klambauer et al., 2017.)

    Shape:
        - input and output (*)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)
