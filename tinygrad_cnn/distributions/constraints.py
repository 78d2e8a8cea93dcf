"""What numbers the parameters and the values of a distribution may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ..ops.watched import aside
from ..tensors import Tensor


class Constraint:
    """A condition on numbers, in words and as a test on arrays. ``event_dim`` last dimensions are tested together.

    ``bounds`` are tensors whose arrays the test gets, too.
    """

    def __init__(
        self, words: str, test: Callable[..., Any], event_dim: int = 0, bounds: tuple[Tensor, ...] = ()
    ) -> None:
        self.words, self.event_dim, self.bounds, self._test = words, event_dim, bounds, test

    def check(self, value: Tensor) -> Tensor:
        """Where is it met? A tensor of booleans."""
        return Tensor(aside(self._met, value, *self.bounds))

    def _met(self, *arrays: ndarray[Any, Any]) -> ndarray[Any, Any]:
        with np.errstate(invalid="ignore"):
            return np.asarray(self._test(*arrays))

    def unmet(self, value: Tensor) -> Any:
        """Where it is not met, or None where that is nowhere."""
        return aside(self._unmet, value, *self.bounds)

    def _unmet(self, *arrays: ndarray[Any, Any]) -> Any:
        met = self._met(*arrays)
        return None if met.all() else ~met

    def __repr__(self) -> str:
        return self.words


real = Constraint("a real number", lambda x: x == x)  # NaN is none
positive = Constraint("above 0", lambda x: x > 0)
nonnegative = Constraint("at least 0", lambda x: x >= 0)
unit_interval = Constraint("between 0 and 1", lambda x: (x >= 0) & (x <= 1))
boolean = Constraint("0 or 1", lambda x: (x == 0) | (x == 1))
simplex = Constraint("at least 0, with a sum of 1", lambda x: (x >= 0).all(-1) & (abs(x.sum(-1) - 1) < 1e-6), 1)
real_vector = Constraint("real numbers", lambda x: (x == x).all(-1), 1)


def interval(low: Tensor, high: Tensor) -> Constraint:
    """Between two bounds, both included."""
    return Constraint("between low and high", lambda x, a, b: (x >= a) & (x <= b), 0, (low, high))


def integer_interval(low: int, high: int) -> Constraint:
    """A whole number from ``low`` to ``high``, both included."""
    return Constraint(f"a whole number from {low} to {high}", lambda x: (x % 1 == 0) & (x >= low) & (x <= high))


def independent(base: Constraint, dims: int) -> Constraint:
    """Met where ``base`` is met all along the last ``dims`` dimensions of its answer."""
    axes = tuple(range(-dims, 0))
    return Constraint(base.words, lambda *x: base._test(*x).all(axes), base.event_dim + dims, base.bounds)
