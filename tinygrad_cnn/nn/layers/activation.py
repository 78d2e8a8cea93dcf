"""Activation layers of the rectifier family: straight or nearly so to the right, flat or nearly so to the left.

All work elementwise and keep the shape of their input. Those that squash or shrink it stand in `squashing`.
``inplace=True`` gives the tensor handed in the new value, as in PyTorch; no memory is reused.
"""

from __future__ import annotations

from typing import Any

from ...tensors import Tensor
from .. import functional as F
from .. import init as first
from .layer import Layer
from .making import parameter


class _Inplace(Layer):
    """A layer whose only setting is ``inplace``."""

    _shown = "inplace?"

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class ReLU(_Inplace):
    """max(x, 0), elementwise; see `functional.relu`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, self.inplace)


class ReLU6(_Inplace):
    """min(max(x, 0), 6), elementwise; see `functional.relu6`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.relu6(input, self.inplace)


class SELU(_Inplace):
    """scale * elu(x, alpha), elementwise, with the constants that keep mean 0 and variance 1; see `functional.selu`.

    (Klambauer et al., 2017.)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input, self.inplace)


class SiLU(_Inplace):
    """x * sigmoid(x), elementwise; see `functional.silu`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)


class Mish(_Inplace):
    """x * tanh(softplus(x)), elementwise (Misra, 2019); see `functional.mish`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, self.inplace)


class Hardswish(_Inplace):
    """x * hardsigmoid(x), elementwise; see `functional.hardswish`."""

    _shown = ""

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)


class LeakyReLU(Layer):
    """x where x > 0, negative_slope * x elsewhere; see `functional.leaky_relu`."""

    _shown = "negative_slope=, inplace?"

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)


class RReLU(Layer):
    """x where x > 0, a random slope times x elsewhere, in evaluation the mean one; see `functional.rrelu`.

    Source: Xu, Wang, Chen and Li, 2015.
    """

    _shown = "lower=, upper=, inplace?"

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class PReLU(Layer):
    """x where x > 0, weight * x elsewhere, with a weight that is learned (He et al., 2015); see `functional.prelu`.

    Shape:
        - input and output (N, num_parameters, ...), or any shape if num_parameters is 1
        - weight (num_parameters,), all ``init`` at first
    """

    _shown = "num_parameters="

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = parameter(num_parameters, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to ``init``."""
        first.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)


class _Alpha(Layer):
    """A rectifier that goes to -alpha on the left."""

    _shown = "alpha=, inplace?"

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace


class ELU(_Alpha):
    """x where x > 0, alpha * (exp(x) - 1) elsewhere; see `functional.elu`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)


class CELU(_Alpha):
    """x where x > 0, alpha * (exp(x / alpha) - 1) elsewhere; see `functional.celu`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)


class GELU(Layer):
    """x * Phi(x), Phi the normal distribution function; see `functional.gelu`.

    ``approximate="tanh"`` is the faster approximation.
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softplus(Layer):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold; see `functional.softplus`."""

    _shown = "beta=, threshold="

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)


class Threshold(Layer):
    """x where x > threshold, ``value`` elsewhere; see `functional.threshold`."""

    _shown = "threshold=, value=, inplace?"

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)
