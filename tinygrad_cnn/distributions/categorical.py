"""The categorical distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.elementwise import log
from ..ops.extremes import argmax
from ..ops.index import gather
from ..ops.limits import clamp
from ..ops.reduce import sum as sum_over
from ..ops.shape import broadcast_to, reshape, transpose
from ..ops.softmaxes import logsumexp, softmax
from ..tensors import Tensor
from ..tensors.sampling import multinomial
from . import constraints
from .bernoulli import inside
from .distribution import Distribution, lazily, parameters


class Categorical(Distribution):
    """One of the numbers 0 to K - 1, with probabilities in proportion to ``probs``, or to exp(``logits``).

    Both are (*batch_shape, K). What is kept is normalised: ``probs`` add up to 1, and ``logits`` are their logarithms.
    """

    has_enumerate_support = True
    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}  # noqa: RUF012

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Categorical: give either probs or logits, and not both")
        name, given = ("probs", probs) if logits is None else ("logits", logits)
        (x,) = parameters("Categorical", **{name: given})
        if not x.ndim:
            raise ValueError(f"Categorical: {name} must have at least one dimension, the categories, got a number")
        self.__dict__[name] = (
            x / sum_over(x, -1, keepdim=True) if logits is None else x - logsumexp(x, -1, keepdim=True)
        )
        self._param: Tensor = self.__dict__[name]
        super().__init__(x.shape[:-1], (), validate_args)

    @lazily
    def probs(self) -> Tensor:
        """The probabilities."""
        return softmax(self.logits, -1)

    @lazily
    def logits(self) -> Tensor:
        """Their logarithms."""
        return log(inside(self.probs))

    @property
    def support(self) -> constraints.Constraint:
        return constraints.integer_interval(0, self._param.shape[-1] - 1)

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of the parameter."""
        return self._param.shape

    @property
    def mean(self) -> Tensor:
        return Tensor(np.full(self._batch_shape, math.nan, self._param.dtype))

    @property
    def variance(self) -> Tensor:
        return Tensor(np.full(self._batch_shape, math.nan, self._param.dtype))

    @property
    def mode(self) -> Tensor:
        return argmax(self.probs, -1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        n = math.prod(tuple(sample_shape))
        if 0 in shape:
            return Tensor(np.zeros(shape, np.int64))
        rows = reshape(self.probs.detach(), (-1, self._param.shape[-1]))
        return reshape(transpose(multinomial(rows, n, True), 0, 1), shape)

    def log_prob(self, value: Tensor) -> Tensor:
        x = self._checked(value)
        shape = np.broadcast_shapes(x.shape, self._batch_shape)
        index = broadcast_to(x.detach(), shape).to(np.int64)[..., None]
        logits = broadcast_to(self.logits, (*shape, self._param.shape[-1]))
        return gather(logits, -1, index)[..., 0]

    def entropy(self) -> Tensor:
        logits = clamp(self.logits, float(np.finfo(self._param.dtype).min))  # 0 times -inf would be NaN
        return -sum_over(self.probs * logits, -1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        k = self._param.shape[-1]
        values = Tensor(np.arange(k).reshape(k, *(1,) * len(self._batch_shape)))
        return broadcast_to(values, (k, *self._batch_shape)) if expand else values

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Categorical:
        new = super().expand(batch_shape)
        new._param = new.__dict__["probs"] if self._param is self.__dict__.get("probs") else new.__dict__["logits"]
        return new
