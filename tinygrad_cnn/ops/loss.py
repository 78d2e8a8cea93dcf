"""What losses are made of, with rules of their own. Reductions and checks stand in nn.functional.

Class indices t are integers in 0..C-1 and index dimension 1 of x (N, C, ...).
"""
# ruff: noqa: ARG001, ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.backward import sum_to
from ..autograd.graph import Array
from ..autograd.operation import op
from .activation import hardtanh
from .elementwise import choose, log, only, quiet, sigmoid
from .reduce import _sum as sum_over
from .shape import unsqueeze
from .softmaxes import _softmax


def _entry(t: Any) -> tuple[Any, ...]:
    """The index of the entries x[n, t[n, ...], ...]."""
    if t.ndim == 1:
        return np.arange(len(t)), t
    first, *rest = np.ogrid[tuple(slice(n) for n in t.shape)]
    return (first, t, *rest)


# -------------------------------------------------------------------------------------------------- one class a sample
@op(lambda g, _y, _x, t: place(g, t, classes=_x.shape[1]))
def pick(x: Array, t: Array) -> Array:
    """x[n, t[n], ...] for x (N, C, ...) and t (N, ...)."""
    return x[_entry(t)]


@op(lambda u, _y, _g, t, *, classes: pick(u, t))
def place(g: Array, t: Array, *, classes: int) -> Array:
    """The adjoint of `pick`: g (N, ...) at the entries t, and 0 elsewhere."""
    y = np.zeros((g.shape[0], classes, *g.shape[1:]), g.dtype)
    y[_entry(t)] = g
    return y


@op(lambda g, _y, x_, t, w, *, p: softmax_nll_input(g, x_, t, w, p=p))
def softmax_nll(x: Array, t: Array, w: Array) -> Any:
    """-w log(softmax(x)[t]): the cross-entropy of each sample, 0 where w is 0.

    x (N, C, ...), t and w (N, ...); gives (N, ...). The softmax p is kept for the way back.
    """
    y, p, _ = _softmax_nll(x, t, w)
    return y, {"p": p}


@op(lambda g, _y, x_, t, w, *, p: softmax_nll_input(g, x_, t, w, p=p))
def cross_entropy(x: Array, t: Array, w: Array) -> Any:
    """The sum of `softmax_nll` over all samples, a single number: their mean where the weights w add up to 1."""
    _, p, total = _softmax_nll(x, t, w)
    return total, {"p": p}


@quiet
def _softmax_nll(x: Any, t: Any, w: Any) -> tuple[Any, Any, Any]:
    """-w log(softmax(x)[t]), softmax(x), and the sum of the first."""
    z = x - np.maximum.reduce(x, axis=1, keepdims=True, initial=-np.inf)
    chosen = z[_entry(t)]  # (N, ...)
    p = np.exp(z, out=z)
    each = np.add.reduce(p, axis=1, keepdims=True)  # (N, 1, ...)
    p /= each
    y = (np.log(each[:, 0]) - chosen) * w
    total = np.add.reduce(y, axis=None)
    if not math.isfinite(total):
        y = np.where(w == 0, y.dtype.type(0), y)
        total = np.add.reduce(y, axis=None)
    return y, p, total


@op(
    lambda u, _y, _g, x, t, w, *, p: sum_to(softmax_nll_slope(u, x, t, w), shape=_g.shape),
    lambda u, _y, g, x, _t, w, *, p: softmax_jacobian(u, x) * unsqueeze(g * w, 1),
)
def softmax_nll_input(g: Array, x: Array, t: Array, w: Array, *, p: Any) -> Array:
    """The gradient of the input of `softmax_nll`: g w (softmax(x) - onehot(t)). ``p`` is that softmax, known before."""
    gw = g * w  # (N, ...)
    d = np.multiply(p, gw[:, None], out=np.empty_like(p))  # in the memory order of x
    d[_entry(t)] -= gw
    return d


def softmax_nll_slope(u: Array, x: Array, t: Array, w: Array) -> Array:
    """w (softmax(x) . u - u[t]): how `softmax_nll` moves when x moves along u."""
    return w * (sum_over(_softmax(x, dim=(1,)) * u, dim=(1,), keepdim=False) - pick(u, t))


def softmax_jacobian(u: Array, x: Array) -> Array:
    """How the softmax of x moves when x moves along u."""
    p = _softmax(x, dim=(1,))
    return p * (u - sum_over(p * u, dim=(1,), keepdim=True))


# ----------------------------------------------------------------------------------------------------- differences
@op(lambda g, _y, a, b: g * (2 * (a - b)), lambda g, _y, a, b: g * (2 * (b - a)))
def squared_error(a: Array, b: Array) -> Array:
    """(a - b) ** 2"""
    d = np.subtract(a, b)
    return np.square(d)


@op(lambda g, _y, d, *, delta: g * hardtanh(d, low=-delta, high=delta))
def huber(d: Array, *, delta: float) -> Array:
    """d ** 2 / 2 where abs(d) <= delta, delta * (abs(d) - delta / 2) elsewhere (Huber, 1964)."""
    inner = np.clip(d, -delta, delta)
    return inner * (d - 0.5 * inner)


# ----------------------------------------------------------------------------------------------------- probabilities
_FLOOR = -100.0  # PyTorch's: no logarithm of a probability counts as less


@op(lambda g, _y, x: only(g / choose(x > 0, x, 1.0), x > 0))
@quiet
def clamped_log(x: Array) -> Array:
    """log(x), but never below -100."""
    return np.maximum(np.log(x), _FLOOR)


@op(
    lambda g, _y, x, t: g * (x - t) / _at_least(x * (1 - x), 1e-12),
    lambda g, _y, x, _t: g * (clamped_log(1 - x) - clamped_log(x)),
)
@quiet
def binary_cross_entropy(x: Array, t: Array) -> Array:
    """-t log(x) - (1 - t) log(1 - x), logarithms cut off at -100."""
    return (t - 1) * np.maximum(np.log1p(-x), _FLOOR) - t * np.maximum(np.log(x), _FLOOR)


def _at_least(x: Array, low: float) -> Array:
    return choose(x > low, x, low)


@op(lambda g, _y, x, t: g * (sigmoid(x) - t), lambda g, _y, x, _t: -g * x)
def logistic_loss(x: Array, t: Array) -> Array:
    """`binary_cross_entropy` of sigmoid(x), without overflow: max(x, 0) - x t + log(1 + exp(-abs(x)))."""
    return np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))


@op(lambda g, _y, t: only(g * (log(choose(t == 0, 1.0, t)) + 1), t != 0))
@quiet
def self_log(t: Array) -> Array:
    """t log(t), 0 where t is 0 and NaN below."""
    return np.where(t == 0, t.dtype.type(0), t * np.log(t))
