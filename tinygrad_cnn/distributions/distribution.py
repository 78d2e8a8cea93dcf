"""What all distributions share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy import ndarray

from ..arrays import rng
from ..autograd.modes import enable_grad, no_grad
from ..ops.elementwise import exp, sqrt
from ..ops.grids import broadcast_tensors
from ..ops.shape import broadcast_to
from ..ops.watched import aside
from ..tensors import Tensor
from .constraints import Constraint

Shape = tuple[int, ...]
D = TypeVar("D", bound="Distribution")


class Distribution:
    """The base class: a batch of distributions, each over events.

    ``batch_shape`` is the shape of the parameters, ``event_shape`` that of one draw. A subclass defines what it can of
    `rsample` or `sample`, `log_prob`, `entropy`, `mean`, `variance`, `cdf`, `icdf`, and names the conditions on its
    parameters (``arg_constraints``) and values (``support``). With ``validate_args=False`` nothing is checked.
    """

    has_rsample: ClassVar[bool] = False
    has_enumerate_support: ClassVar[bool] = False
    arg_constraints: Mapping[str, Constraint] = {}
    _validate_args: bool = True

    def __init__(
        self, batch_shape: Sequence[int] = (), event_shape: Sequence[int] = (), validate_args: bool | None = None
    ) -> None:
        self._batch_shape, self._event_shape = tuple(batch_shape), tuple(event_shape)
        if validate_args is not None:
            self._validate_args = bool(validate_args)
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                if name in self.__dict__:  # not one that would be computed from another
                    self._require(getattr(self, name), constraint, f"parameter {name}")

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Are parameters and values checked where ``validate_args`` does not say?"""
        Distribution._validate_args = bool(value)

    def _require(self, value: Tensor, constraint: Constraint, what: str) -> None:
        unmet = constraint.unmet(value)
        if unmet is not None:
            bad = value._array[unmet] if unmet.shape == value.shape else value._array
            first = bad.ravel()[0] if not constraint.event_dim else bad
            raise ValueError(f"{type(self).__name__}: {what} must be {constraint}, got {first}, in shape {value.shape}")

    # ---------------------------------------------------------------------------------------------------------- shape
    @property
    def batch_shape(self) -> Shape:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Shape:
        """The shape of one draw from one of them."""
        return self._event_shape

    def expand(self: D, batch_shape: Sequence[int], _instance: Any = None) -> D:
        """The same distributions for a larger batch, to which the parameters are broadcast."""
        del _instance
        shape = tuple(batch_shape)
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        for name, constraint in self.arg_constraints.items():
            if name in self.__dict__:
                value = self.__dict__[name]
                tail = tuple(value.shape[value.ndim - constraint.event_dim :])
                new.__dict__[name] = broadcast_to(value, (*shape, *tail))
        new._batch_shape = shape
        return new

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> Shape:
        if not isinstance(sample_shape, (tuple, list)):
            raise TypeError(
                f"{type(self).__name__}: sample_shape must be a tuple of ints, for example (3,), got {sample_shape!r}"
            )
        return (*sample_shape, *self._batch_shape, *self._event_shape)

    # ------------------------------------------------------------------------------------------------------- numbers
    @property
    def support(self) -> Constraint:
        """What values it may take."""
        raise self._lacks("support")

    @property
    def mean(self) -> Tensor:
        """The expectation."""
        raise self._lacks("mean")

    @property
    def mode(self) -> Tensor:
        """The most likely value."""
        raise self._lacks("mode")

    @property
    def variance(self) -> Tensor:
        """The expectation of the squared distance from the mean."""
        raise self._lacks("variance")

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return sqrt(self.variance)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw values of shape (*sample_shape, *batch_shape, *event_shape), without a gradient."""
        with no_grad():
            return self.rsample(sample_shape).detach()

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:  # noqa: ARG002
        """Draw as `sample`, as a differentiable function of the parameters and of noise without any."""
        raise self._lacks("rsample")

    def log_prob(self, value: Tensor) -> Tensor:  # noqa: ARG002
        """The logarithm of the probability, or of its density, at a value."""
        raise self._lacks("log_prob")

    def cdf(self, value: Tensor) -> Tensor:  # noqa: ARG002
        """The probability of drawing this value or less."""
        raise self._lacks("cdf")

    def icdf(self, value: Tensor) -> Tensor:  # noqa: ARG002
        """The value below which this probability lies: the inverse of `cdf`."""
        raise self._lacks("icdf")

    def entropy(self) -> Tensor:
        """The expectation of -log_prob."""
        raise self._lacks("entropy")

    def perplexity(self) -> Tensor:
        """exp(entropy)"""
        return exp(self.entropy())

    def enumerate_support(self, expand: bool = True) -> Tensor:  # noqa: ARG002
        """All values, along a new first dimension; with ``expand`` for the whole batch."""
        raise self._lacks("enumerate_support")

    def _lacks(self, what: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__} has no {what}")

    def _checked(self, value: Any) -> Tensor:
        """A value that fits the shapes, and lies in the support."""
        if not isinstance(value, Tensor):
            raise ValueError(f"{type(self).__name__}: a value must be a Tensor, got {type(value).__name__}")
        if not self._validate_args:
            return value
        own = (*self._batch_shape, *self._event_shape)
        tail = len(self._event_shape)
        try:
            np.broadcast_shapes(value.shape, own)
            fits = tuple(value.shape[value.ndim - tail :]) == self._event_shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"{type(self).__name__}: a value of shape {tuple(value.shape)} does not broadcast to batch and event, "
                f"{self._batch_shape} and {self._event_shape}"
            )
        self._require(value, self.support, "a value")
        return value

    def __repr__(self) -> str:
        own = [(name, self.__dict__[name]) for name in self.arg_constraints if name in self.__dict__]
        texts = [f"{name}: {v.item() if not v.ndim else v if v.numel() == 1 else tuple(v.shape)}" for name, v in own]
        return f"{type(self).__name__}({', '.join(texts)})"


# ---------------------------------------------------------------------------------------------------------- parameters
def lazily(compute: Callable[[Any], Tensor]) -> Any:
    """A property that is computed once, with its gradient even where somebody asks first who records none."""
    return cached_property(enable_grad()(compute))


def parameters(name: str, **given: Any) -> list[Tensor]:
    """Numbers and tensors as tensors of one shape and floating dtype; numbers alone are float32."""
    for what, x in given.items():
        if not isinstance(x, (Tensor, int, float, np.generic, ndarray)):
            raise ValueError(f"{name}: {what} must be a Tensor or a number, got {type(x).__name__}")
    made = [x for x in given.values() if isinstance(x, Tensor) and x.dtype.kind == "f"]
    dtype = np.result_type(*(x.dtype for x in made)) if made else np.dtype(np.float32)
    tensors = [x.to(dtype) if isinstance(x, Tensor) else Tensor(np.asarray(x, dtype)) for x in given.values()]
    try:
        return list(broadcast_tensors(*tensors))
    except (RuntimeError, ValueError):
        shapes = " and ".join(f"{what} {tuple(t.shape)}" for what, t in zip(given, tensors, strict=True))
        raise ValueError(f"{name}: the parameters do not broadcast to one shape, got {shapes}") from None


def uniform_like(shape: Shape, like: Tensor) -> ndarray[Any, Any]:
    """Random numbers in [0, 1) of a tensor's dtype."""
    return aside(_uniform, shape=shape, dtype=like.dtype)


def _uniform(*, shape: Shape, dtype: np.dtype[Any]) -> ndarray[Any, Any]:
    return np.asarray(rng.uniform(shape, dtype, None), dtype)
