"""The uniform distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.elementwise import log, square, where
from ..ops.limits import clamp
from ..ops.watched import aside
from ..tensors import Tensor
from . import constraints
from .distribution import Distribution, parameters, uniform_like


def _out_of_order(low: Any, high: Any) -> Any:
    """Where low is not below high; None if nowhere."""
    right = low < high
    return None if right.all() else np.asarray(~right)


class Uniform(Distribution):
    """Every number from ``low`` up to, but without, ``high`` with the same density."""

    has_rsample = True
    arg_constraints = {"low": constraints.real, "high": constraints.real}  # noqa: RUF012

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = parameters("Uniform", low=low, high=high)
        super().__init__(self.low.shape, (), validate_args)
        if self._validate_args and aside(_out_of_order, self.low, self.high) is not None:
            raise ValueError(f"Uniform: low must be below high, got {self.low.tolist()} and {self.high.tolist()}")

    @property
    def support(self) -> constraints.Constraint:
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Tensor:
        return (self.low + self.high) / 2

    @property
    def mode(self) -> Tensor:
        return self.low * math.nan

    @property
    def stddev(self) -> Tensor:
        return (self.high - self.low) / math.sqrt(12)

    @property
    def variance(self) -> Tensor:
        return square(self.high - self.low) / 12

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        u = uniform_like(self._extended_shape(sample_shape), self.low)
        return self.low + Tensor(u) * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        x = self._checked(value)
        inside = (x.detach() >= self.low.detach()) & (x.detach() < self.high.detach())
        return where(inside, -log(self.high - self.low), -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        return clamp((self._checked(value) - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        return log(self.high - self.low)
