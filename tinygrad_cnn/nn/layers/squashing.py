"""Activation layers that squash their input into a range, or shrink it: sigmoids, shrinkages, gates and softmaxes.

All keep the shape of their input, but for GLU. ``inplace=True`` gives the tensor handed in the new value, as in
PyTorch; no memory is reused.
"""

from __future__ import annotations

import warnings

from ...tensors import Tensor
from .. import functional as F
from .activation import _Inplace
from .layer import Layer


class Hardsigmoid(_Inplace):
    """x / 6 + 1 / 2, cut off at 0 and 1, elementwise; see `functional.hardsigmoid`."""

    _shown = ""

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, self.inplace)


class Hardtanh(Layer):
    """x cut off at min_val and max_val, elementwise; see `functional.hardtanh`.

    (``min_value`` and ``max_value`` are their old names.)
    """

    _shown = "min_val=, max_val=, inplace?"

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        if min_value is not None or max_value is not None:
            warnings.warn(
                "Hardtanh: min_value and max_value are deprecated, say min_val and max_val",
                FutureWarning,
                stacklevel=2,
            )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if not self.max_val > self.min_val:
            raise ValueError(f"Hardtanh: max_val must be above min_val, got {self.max_val} and {self.min_val}")

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)


class Sigmoid(Layer):
    """1 / (1 + exp(-x)), elementwise; see `functional.sigmoid`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class Tanh(Layer):
    """The hyperbolic tangent, elementwise; see `functional.tanh`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class LogSigmoid(Layer):
    """log(sigmoid(x)), elementwise; see `functional.logsigmoid`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Softsign(Layer):
    """x / (1 + abs(x)), elementwise; see `functional.softsign`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class Tanhshrink(Layer):
    """x - tanh(x), elementwise; see `functional.tanhshrink`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


class _Shrink(Layer):
    """A layer that shrinks what is within ``lambd`` of 0."""

    _shown = "lambd"

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd


class Softshrink(_Shrink):
    """x moved towards 0 by ``lambd``, and 0 where it would pass it; see `functional.softshrink`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)


class Hardshrink(_Shrink):
    """x where abs(x) > lambd, 0 elsewhere; see `functional.hardshrink`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)


class GLU(Layer):
    """a * sigmoid(b) for the two halves a, b of the input along ``dim`` (Dauphin et al., 2016); see `functional.glu`.

    Shape:
        - input (..., 2 n, ...), output (..., n, ...)
    """

    _shown = "dim="

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)


class _AlongDim(Layer):
    """A softmax along one dimension."""

    _shown = "dim="

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class Softmax(_AlongDim):
    """exp(x) / sum(exp(x)) along ``dim``, in the shape of x: positive numbers that add up to 1.

    Without ``dim`` PyTorch's old guess is made, with a warning; see `functional.softmax`.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim, _stacklevel=5)


class LogSoftmax(_AlongDim):
    """log(softmax(x)) along ``dim``, in the shape of x; see `functional.log_softmax`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmin(_AlongDim):
    """softmax(-x) along ``dim``, in the shape of x; see `functional.softmin`."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim, _stacklevel=5)


class Softmax2d(Layer):
    """`functional.softmax` over the channels of each pixel.

    Shape:
        - input and output (N, C, H, W) or (C, H, W)
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input (N, C, H, W) or (C, H, W), got {tuple(input.shape)}")
        return F.softmax(input, -3)
