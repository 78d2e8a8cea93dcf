"""The linear layer, the bilinear one, and the one that does nothing."""

from __future__ import annotations

import math
from typing import Any

from ...tensors import Tensor
from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter
from .layer import Layer
from .making import parameter, spread_by_fan_in


class Identity(Module):
    """Returns its input; takes and forgets any arguments."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Layer):
    """y = x w^T + b; see `functional.linear`.

    ``weight`` and ``bias`` start uniform in +-1 / sqrt(in_features).

    Shape:
        - input (..., in_features), output (..., out_features)
        - weight (out_features, in_features), bias (out_features,)
    """

    bias: Parameter | None
    _shown = "in_features=, out_features=, bias="

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = parameter((out_features, in_features), device, dtype)
        self.register_parameter("bias", parameter(out_features, device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values, uniform in +-1 / sqrt(in_features)."""
        spread_by_fan_in(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)


class Bilinear(Layer):
    """y[o] = sum_ij x1[i] weight[o, i, j] x2[j] + bias[o]; see `functional.bilinear`.

    ``weight`` and ``bias`` start uniform in +-1 / sqrt(in1_features).

    Shape:
        - inputs (..., in1_features) and (..., in2_features), output (..., out_features)
        - weight (out_features, in1_features, in2_features), bias (out_features,)
    """

    _shown = "in1_features=, in2_features=, out_features=, bias="

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = parameter((out_features, in1_features, in2_features), device, dtype)
        self.bias = parameter(out_features, device, dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values, uniform in +-1 / sqrt(in1_features)."""
        bound = 1 / math.sqrt(self.in1_features)
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)
