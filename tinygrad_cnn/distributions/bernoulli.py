"""The Bernoulli distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.elementwise import log, log1p, sigmoid, where
from ..ops.limits import clamp
from ..ops.shape import broadcast_to
from ..ops.special import softplus
from ..tensors import Tensor
from . import constraints
from .distribution import Distribution, lazily, parameters, uniform_like


def inside(probs: Tensor) -> Tensor:
    """Probabilities kept a rounding error away from 0 and 1, so that they have logarithms."""
    eps = float(np.finfo(probs.dtype).eps)
    return clamp(probs, eps, 1 - eps)


class Bernoulli(Distribution):
    """1 with probability ``probs``, else 0; or given by ``logits``, log(probs / (1 - probs)).

    Values are floating, as the parameters.
    """

    has_enumerate_support = True
    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}  # noqa: RUF012
    support = constraints.boolean

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Bernoulli: give either probs or logits, and not both")
        name, given = ("probs", probs) if logits is None else ("logits", logits)
        (self.__dict__[name],) = parameters("Bernoulli", **{name: given})
        self._param: Tensor = self.__dict__[name]
        super().__init__(self._param.shape, (), validate_args)

    @lazily
    def probs(self) -> Tensor:
        """The probability of 1."""
        return sigmoid(self.logits)

    @lazily
    def logits(self) -> Tensor:
        """log(probs / (1 - probs))"""
        p = inside(self.probs)
        return log(p) - log1p(-p)

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of the parameter."""
        return self._batch_shape

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        p = self.probs.detach()
        return where(p == 0.5, math.nan, (p >= 0.5).to(p.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        p = self.probs.detach()
        return (Tensor(uniform_like(self._extended_shape(sample_shape), p)) < p).to(p.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        x = self._checked(value)
        return x * self.logits - softplus(self.logits)

    def entropy(self) -> Tensor:
        return softplus(self.logits) - self.probs * self.logits

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = Tensor(np.arange(2, dtype=self._param.dtype).reshape(2, *(1,) * len(self._batch_shape)))
        return broadcast_to(values, (2, *self._batch_shape)) if expand else values

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Bernoulli:
        kind = "probs" if self._param is self.__dict__.get("probs") else "logits"
        wide = broadcast_to(self._param, tuple(batch_shape))
        return type(self)(**{kind: wide}, validate_args=False)._checking(self._validate_args)

    def _checking(self, validate_args: bool) -> Bernoulli:
        self._validate_args = validate_args
        return self
