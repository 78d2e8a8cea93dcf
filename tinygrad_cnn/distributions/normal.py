"""The normal distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import rng
from ..ops.elementwise import log, square
from ..ops.special import erf, erfinv
from ..ops.watched import aside
from ..tensors import Tensor
from . import constraints
from .distribution import Distribution, parameters


def _noise(*, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    return np.asarray(rng.normal(shape, dtype, None), dtype)


class Normal(Distribution):
    """Bell curves with mean ``loc`` and standard deviation ``scale``.

    >>> Normal(0.0, 1.0).entropy()
    tensor(1.4189)
    """

    has_rsample = True
    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.real

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = parameters("Normal", loc=loc, scale=scale)
        super().__init__(self.loc.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def stddev(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        return square(self.scale)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        noise = aside(_noise, shape=self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + self.scale * Tensor(noise)

    def log_prob(self, value: Tensor) -> Tensor:
        z = (self._checked(value) - self.loc) / self.scale
        return square(z) * -0.5 - log(self.scale) - math.log(2 * math.pi) / 2

    def cdf(self, value: Tensor) -> Tensor:
        z = (self._checked(value) - self.loc) / (self.scale * math.sqrt(2))
        return (erf(z) + 1) * 0.5

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * erfinv(value * 2 - 1) * math.sqrt(2)

    def entropy(self) -> Tensor:
        return log(self.scale) + (0.5 + math.log(2 * math.pi) / 2)
