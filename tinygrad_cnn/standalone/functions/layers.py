"""Layers that are no more than a line or two, and those that run along sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.graph import Array
from .activations import relu, sigmoid
from .arrays import product


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """Each output is a sum of all inputs, each times a weight: x (..., in), weight (out, in)."""
    y = product(x, weight.T)
    return y if bias is None else y + bias


def batch_norm(
    x: Array,
    running_mean: Array,
    running_var: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """Each channel of x (N, C, ...) as it was on average in training: one factor and one summand for each."""
    scale = 1 / np.sqrt(running_var + eps)
    scale = scale if weight is None else scale * weight
    shift = -running_mean * scale if bias is None else bias - running_mean * scale
    shape = (-1,) + (1,) * (x.ndim - 2)
    return x * scale.reshape(shape) + shift.reshape(shape)


def normalize(
    x: Array, axis: int | tuple[int, ...], weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5
) -> Array:
    """Along these axes, mean 0 and variance 1, then times a weight and plus a bias."""
    x = x - x.mean(axis, keepdims=True)
    y = x / np.sqrt((x**2).mean(axis, keepdims=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def rnn_tanh(x: Array, h: Array, c: Any, w_ih: Array, w_hh: Array, b_ih: Any = 0, b_hh: Any = 0) -> Any:
    """One step of x (N, in): the next h (N, hidden), and c, which this cell does not have."""
    return np.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh), c


def rnn_relu(x: Array, h: Array, c: Any, w_ih: Array, w_hh: Array, b_ih: Any = 0, b_hh: Any = 0) -> Any:
    """One step of x (N, in): the next h (N, hidden), and c, which this cell does not have."""
    return relu(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh), c


def lstm_cell(x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b_ih: Any = 0, b_hh: Any = 0) -> Any:
    """One step of x (N, in): the next h and c (N, hidden) (Hochreiter and Schmidhuber, 1997)."""
    i, f, g, o = np.split(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)  # what is forgotten, what is new
    return sigmoid(o) * np.tanh(c), c


def gru_cell(x: Array, h: Array, c: Any, w_ih: Array, w_hh: Array, b_ih: Any = 0, b_hh: Any = 0) -> Any:
    """One step of x (N, in): the next h (N, hidden) (Cho et al., 2014), and c, which this cell does not have."""
    xr, xz, xn = np.split(x @ w_ih.T + b_ih, 3, axis=1)
    hr, hz, hn = np.split(h @ w_hh.T + b_hh, 3, axis=1)
    n = np.tanh(xn + sigmoid(xr + hr) * hn)
    return n + sigmoid(xz + hz) * (h - n), c


def recurrent(
    cell: Any,
    x: Array,
    weights: list[Any],
    h0: Any = None,
    c0: Any = None,
    directions: int = 1,
    batch_first: bool = False,
) -> Any:
    """Run a cell along sequences x (T, N, in), in one direction or both, layer upon layer.

    `weights` has one tuple for each layer and direction. Returns the outputs of the last layer (T, N, directions *
    hidden), and the last h and c of all, (layers * directions, N, hidden) each. With batch_first, N stands before T.
    """
    x = x.swapaxes(0, 1) if batch_first else x
    hidden = weights[0][1].shape[1]
    zeros = np.zeros((len(weights), x.shape[1], hidden), x.dtype)
    h0, c0 = zeros if h0 is None else h0, zeros if c0 is None else c0
    hs, cs = [], []
    for first in range(0, len(weights), directions):
        outputs = []
        for k in range(first, first + directions):
            h, c, ys = h0[k], c0[k], []
            for step in x if k == first else x[::-1]:  # the second direction begins at the end
                h, c = cell(step, h, c, *weights[k])  # (N, hidden)
                ys.append(h)
            outputs.append(np.stack(ys if k == first else ys[::-1]))  # (T, N, hidden)
            hs.append(h)
            cs.append(c)
        x = np.concatenate(outputs, axis=2)  # (T, N, directions * hidden)
    return x.swapaxes(0, 1) if batch_first else x, np.stack(hs), np.stack(cs)
