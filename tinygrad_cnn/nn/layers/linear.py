"""The linear layer, and the one that does nothing."""

from __future__ import annotations

import math
from typing import Any

from ...tensors import Tensor
from .. import functional as F
from .. import init
from ..module import Module
from .making import parameter


class Identity(Module):
    """Returns its input; takes and forgets any arguments."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """y = x w^T + b.

    ``weight`` and ``bias`` start uniform in +-1 / sqrt(in_features).

    Shape:
        - input (..., in_features), output (..., out_features)
        - weight (out_features, in_features), bias (out_features,)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = parameter((out_features, in_features), device, dtype)
        self.bias = parameter(out_features, device, dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0.0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
