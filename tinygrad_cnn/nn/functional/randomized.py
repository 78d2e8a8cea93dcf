"""Activations that draw random numbers, as functions."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ...arrays import rng
from ...autograd.graph import Array
from ...ops.activation import leaky_relu as leaky
from ...ops.lookup import one_hot
from ...ops.softmaxes import softmax
from ...ops.watched import aside
from ...tensors.writing import in_place
from .activation import apply
from .arguments import check_floating


def rrelu(
    input: Array,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Any = None,
) -> Array:
    """x where x > 0, a * x elsewhere: a is drawn from [lower, upper] for each element in training, their mean else.

    Source: Xu, Wang, Chen and Li, 2015. ``generator`` is this package's own argument.

    Raises:
        ValueError: lower above upper, or one of them not finite.

    >>> rrelu(np.array([-4.0, 2.0]), 0.25, 0.25).tolist()
    [-1.0, 2.0]
    """
    name = "rrelu"
    check_floating(input, "input", name)
    if not (math.isfinite(lower) and math.isfinite(upper) and lower <= upper):
        raise ValueError(f"{name}: lower and upper must be finite, and lower <= upper, got {lower} and {upper}")
    if not training:
        return apply(leaky, input, inplace, slope=(lower + upper) / 2)

    def slope(x: Array) -> Array:
        return x * aside(_slopes, x, lower=lower, upper=upper, generator=generator)

    return in_place(input, slope) if inplace and not isinstance(input, np.ndarray) else slope(input)


def _slopes(x: Any, *, lower: float, upper: float, generator: Any) -> Any:
    """1 where x > 0, random numbers of [lower, upper] elsewhere."""
    random = rng.resolve(generator).random(x.shape, np.float32)  # the same of any dtype
    negative = (lower + (upper - lower) * random.astype(np.float64)).astype(x.dtype)
    return np.where(x > 0, x.dtype.type(1), negative)


def gumbel_softmax(
    logits: Array, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1, *, generator: Any = None
) -> Array:
    """A sample from a categorical distribution that has a gradient: the softmax of noisy logits.

    Sources: Jang, Gu and Poole, 2017; Maddison, Mnih and Teh, 2017.

    Args:
        logits: (..., classes), unnormalised log-probabilities; ``dim`` says which dimension holds the classes.
        tau: the temperature, > 0: the smaller, the closer to one class.
        hard: give exactly one 1 and zeros, with the gradient of the soft sample.
        eps: has no meaning any more; kept for old scripts.
        generator: this package's own argument.
    """
    name = "gumbel_softmax"
    check_floating(logits, "logits", name)
    if not tau > 0:
        raise ValueError(f"{name}: tau must be a number > 0, got {tau!r}")
    if eps != 1e-10:
        warnings.warn(f"{name}: eps has no meaning any more; leave it out", stacklevel=2)
    noise = aside(_gumbel, logits, generator=generator)
    soft = softmax((logits + noise) / tau, dim)
    return soft + aside(_to_the_largest, soft, dim=dim) if hard else soft


def _gumbel(logits: Any, *, generator: Any) -> Any:
    return np.asarray(rng.resolve(generator).gumbel(size=logits.shape)).astype(logits.dtype)


def _to_the_largest(values: Any, *, dim: int) -> Any:
    """From a distribution to 1 at its largest value, and 0 elsewhere."""
    last = np.moveaxis(values, dim, -1)
    ones = one_hot(np.asarray(last.argmax(-1)), last.shape[-1]) if last.size else last
    return np.moveaxis(np.asarray(ones), -1, dim).astype(values.dtype) - values
