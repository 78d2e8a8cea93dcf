"""Functions of single numbers, and softmax."""

from __future__ import annotations

import math

import numpy as np

from ...autograd.graph import Array


def relu(x: Array) -> Array:
    """What is below 0 becomes 0."""
    return np.maximum(x, 0)


def sigmoid(x: Array) -> Array:
    """A number between 0 and 1."""
    with np.errstate(over="ignore"):  # where exp(-x) is infinite the answer is 0, as it should be
        return 1 / (1 + np.exp(-x))


def silu(x: Array) -> Array:
    """x * sigmoid(x), the swish."""
    return x * sigmoid(x)


def softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """A smooth relu: log(1 + exp(beta * x)) / beta."""
    return np.where(beta * x > threshold, x, np.logaddexp(beta * x, 0 * x) / beta)


def logsigmoid(x: Array) -> Array:
    """log(sigmoid(x))."""
    return -np.logaddexp(0 * x, -x)


def mish(x: Array) -> Array:
    """x * tanh(softplus(x)) (Misra, 2019)."""
    return x * np.tanh(np.logaddexp(0 * x, x))


def erf(x: Array) -> Array:
    """The error function: NumPy has none, Python has it for one number."""
    return np.vectorize(math.erf, otypes=[float])(x).astype(x.dtype)


def gelu(x: Array) -> Array:
    """x times the probability that a standard normal number is below x (Hendrycks and Gimpel, 2016)."""
    return 0.5 * x * (1 + erf(x * math.sqrt(0.5)))


def gelu_tanh(x: Array) -> Array:
    """The approximation of gelu by a tanh."""
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def leaky_relu(x: Array, slope: float) -> Array:
    """What is below 0 is multiplied by the slope."""
    return np.where(x > 0, x, x * slope)


def prelu(x: Array, slope: Array) -> Array:
    """leaky_relu with slopes that were learnt."""
    return np.where(x > 0, x, x * slope)


def elu(x: Array, alpha: float = 1.0, scale: float = 1.0, inner: float = 1.0) -> Array:
    """x above 0, an exponential below: elu, and with other numbers selu and celu."""
    return scale * (np.maximum(x, 0) + alpha * np.expm1(inner * np.minimum(x, 0)))


def hardsigmoid(x: Array) -> Array:
    """Three straight lines in place of the sigmoid."""
    return np.clip(x / 6 + 0.5, 0, 1)


def hardswish(x: Array) -> Array:
    """x * hardsigmoid(x) (Howard et al., 2019)."""
    return x * np.clip(x + 3, 0, 6) / 6


def softsign(x: Array) -> Array:
    """x / (1 + |x|)."""
    return x / (1 + np.abs(x))


def hardshrink(x: Array, width: float) -> Array:
    """What is no further than the width from 0 becomes 0."""
    return np.where(np.abs(x) <= width, 0 * x, x)


def softshrink(x: Array, width: float) -> Array:
    """All numbers come nearer to 0 by the width."""
    return x - np.clip(x, -width, width)


def threshold(x: Array, at: float, value: float) -> Array:
    """What is not above the threshold becomes the value."""
    return np.where(x > at, x, x.dtype.type(value))


def softmax(x: Array, axis: int | tuple[int, ...] | None) -> Array:
    """Scores become probabilities: all above 0, together 1."""
    e = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))  # less the largest, so that exp stays in range
    return e / e.sum(axis, keepdims=True)


def log_softmax(x: Array, axis: int | tuple[int, ...] | None) -> Array:
    """The logarithms of softmax."""
    z = x - x.max(axis, keepdims=True, initial=-np.inf)
    return z - np.log(np.exp(z).sum(axis, keepdims=True))


def logsumexp(x: Array, axis: int | tuple[int, ...] | None, keepdims: bool = False) -> Array:
    """log(sum(exp(x)))."""
    most = x.max(axis, keepdims=True, initial=-np.inf)
    most = np.where(np.isinf(most), most.dtype.type(0), most)  # inf - inf is not a number
    y = np.log(np.exp(x - most).sum(axis, keepdims=True)) + most
    return y if keepdims else y.squeeze(axis)
