"""The Laplace distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import rng
from ..ops.elementwise import abs, expm1, log, log1p, sign, square
from ..ops.watched import aside
from ..tensors import Tensor
from . import constraints
from .distribution import Distribution, parameters


def _two_sided(*, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Random numbers from the Laplace distribution of mean 0 and scale 1."""
    lengths = np.asarray(rng.resolve(None).standard_exponential(shape), dtype)
    sides = np.where(np.asarray(rng.uniform(shape, dtype, None), dtype) < 0.5, dtype.type(-1), dtype.type(1))
    return np.asarray(sides * lengths)


class Laplace(Distribution):
    """Exponential decay to both sides of ``loc``, to 1/e over the length ``scale``."""

    has_rsample = True
    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    support = constraints.real

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = parameters("Laplace", loc=loc, scale=scale)
        super().__init__(self.loc.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def stddev(self) -> Tensor:
        return self.scale * math.sqrt(2)

    @property
    def variance(self) -> Tensor:
        return square(self.scale) * 2

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        noise = aside(_two_sided, shape=self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + self.scale * Tensor(noise)

    def log_prob(self, value: Tensor) -> Tensor:
        return -log(self.scale * 2) - abs(self._checked(value) - self.loc) / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        z = self._checked(value) - self.loc
        return 0.5 - sign(z) * expm1(-abs(z) / self.scale) * 0.5

    def icdf(self, value: Tensor) -> Tensor:
        p = value - 0.5
        return self.loc - self.scale * sign(p) * log1p(abs(p) * -2)

    def entropy(self) -> Tensor:
        return log(self.scale * 2) + 1
