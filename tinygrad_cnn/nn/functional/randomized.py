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
from ...tensors.writing import in_place
from .activation import apply
from .arguments import check_floating, dtype_of


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
    dtype = dtype_of(input)
    random = rng.resolve(generator).random(tuple(input.shape), np.float32)  # the same of any dtype
    negative = (lower + (upper - lower) * random.astype(np.float64)).astype(dtype)

    def slope(x: Array) -> Array:
        return x * np.where(np.asarray(getattr(x, "_array", x)) > 0, dtype.type(1), negative)

    return in_place(input, slope) if inplace and not isinstance(input, np.ndarray) else slope(input)


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
    noise = rng.resolve(generator).gumbel(size=tuple(logits.shape)).astype(dtype_of(logits))
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    values = np.asarray(getattr(soft, "_array", soft))
    last = np.moveaxis(values, dim, -1)
    ones = one_hot(last.argmax(-1), last.shape[-1]) if last.size else last
    return soft + (np.moveaxis(np.asarray(ones), -1, dim).astype(values.dtype) - values)
