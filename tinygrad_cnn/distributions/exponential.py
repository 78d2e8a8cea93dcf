"""The exponential distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import rng
from ..ops.elementwise import exp, log, log1p, reciprocal, square
from ..ops.watched import aside
from ..tensors import Tensor
from . import constraints
from .distribution import Distribution, parameters


def _waiting_times(*, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Random numbers from the exponential distribution of rate 1."""
    return np.asarray(rng.resolve(None).standard_exponential(shape), dtype)


class Exponential(Distribution):
    """How long one waits for what happens ``rate`` times in a unit of time, at any time alike."""

    has_rsample = True
    arg_constraints = {"rate": constraints.positive}  # noqa: RUF012
    support = constraints.nonnegative

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = parameters("Exponential", rate=rate)
        super().__init__(self.rate.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        return reciprocal(self.rate)

    @property
    def mode(self) -> Tensor:
        return self.rate.detach() * 0

    @property
    def stddev(self) -> Tensor:
        return reciprocal(self.rate)

    @property
    def variance(self) -> Tensor:
        return square(reciprocal(self.rate))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        times = aside(_waiting_times, shape=self._extended_shape(sample_shape), dtype=self.rate.dtype)
        return Tensor(times) / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        return log(self.rate) - self.rate * self._checked(value)

    def cdf(self, value: Tensor) -> Tensor:
        return 1 - exp(-self.rate * self._checked(value))

    def icdf(self, value: Tensor) -> Tensor:
        return -log1p(-value) / self.rate

    def entropy(self) -> Tensor:
        return 1 - log(self.rate)
