"""Recurrent layers, step by step: RNN, GRU and LSTM, forward, in reverse, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from .... import ops
from ....autograd.graph import Array, array_of
from ....nn import functional as F
from ..steps import Step
from .arithmetic import cast_to
from .table import like, operator

Function = Callable[[Array], Array]


def _function(name: str, alpha: float | None, beta: float | None) -> Function:
    """An activation of ONNX's recurrent layers by its name, in whatever case."""
    a = (
        alpha
        if alpha is not None
        else {"affine": 1.0, "scaledtanh": 1.0, "hardsigmoid": 0.2, "leakyrelu": 0.01}.get(name.lower(), 1.0)
    )
    b = beta if beta is not None else {"hardsigmoid": 0.5, "scaledtanh": 1.0}.get(name.lower(), 0.0)
    known: dict[str, Function] = {
        "relu": ops.relu,
        "tanh": ops.tanh,
        "sigmoid": ops.sigmoid,
        "softsign": F.softsign,
        "softplus": F.softplus,
        "affine": lambda x: x * a + b,
        "leakyrelu": lambda x: F.leaky_relu(x, a),
        "thresholdedrelu": lambda x: F.threshold(x, a, 0.0),
        "scaledtanh": lambda x: a * ops.tanh(b * x),
        "hardsigmoid": lambda x: ops.clamp(a * x + b, 0.0, 1.0),
        "elu": lambda x: F.elu(x, a),
    }
    if name.lower() not in known:
        raise ValueError(f"activation {name!r} is not known; {', '.join(known)} are")
    return known[name.lower()]


class _Layer:
    """What one direction of a layer has: its weights, activations and settings."""

    def __init__(self, step: Step, d: int, functions: list[Function], w: Array, r: Array, b: Array, p: Array) -> None:
        self.w, self.r, self.hidden = w[d], r[d], r.shape[2]
        gates = w.shape[1]
        self.wb: Array = None if b is None else b[d, :gates]
        self.rb: Array = None if b is None else b[d, gates:]
        self.peeps = None if p is None else [p[d, k * self.hidden : (k + 1) * self.hidden] for k in range(3)]
        self.functions, self.clip = functions, step.get("clip")
        self.forget, self.reset_after = bool(step.get("input_forget", 0)), bool(step.get("linear_before_reset", 0))

    def act(self, i: int, x: Array) -> Array:
        return self.functions[i](x if self.clip is None else ops.clamp(x, -self.clip, self.clip))

    def parts(self, x: Array, n: int) -> list[Array]:
        return [x[:, k * self.hidden : (k + 1) * self.hidden] for k in range(n)]

    def rnn(self, x: Array, h: Array) -> tuple[Array]:
        """h' = f(W x + R h + b)."""
        return (self.act(0, x + F.linear(h, self.r, self.rb)),)

    def gru(self, x: Array, h: Array) -> tuple[Array]:
        """Gates in the order z, r, h; the reset gate comes before or after the product with the state."""
        xz, xr, xn = self.parts(x, 3)
        H = self.hidden
        b = (None, None) if self.rb is None else (self.rb[: 2 * H], self.rb[2 * H :])
        hz, hr = self.parts(F.linear(h, self.r[: 2 * H], b[0]), 2)
        z, r = self.act(0, xz + hz), self.act(0, xr + hr)
        inner = r * F.linear(h, self.r[2 * H :], b[1]) if self.reset_after else F.linear(r * h, self.r[2 * H :], b[1])
        n = self.act(1, xn + inner)
        return (n + z * (h - n),)

    def lstm(self, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """Gates in the order i, o, f, c; with peepholes the gates also see the cell."""
        i, o, f, g = self.parts(x + F.linear(h, self.r, self.rb), 4)
        if self.peeps is not None:
            i, f = i + self.peeps[0] * c, f + self.peeps[2] * c
        i = self.act(0, i)
        f = 1 - i if self.forget else self.act(0, f)
        c = f * c + i * self.act(1, g)
        if self.peeps is not None:
            o = o + self.peeps[1] * c
        return self.act(0, o) * self.functions[2](c), c


@operator("RNN", "GRU", "LSTM")
def recurrent(
    step: Step, x: Array, w: Array, r: Array, b: Array = None, lengths: Array = None, h0: Array = None,
    c0: Array = None, p: Array = None,
) -> tuple[Array, ...]:  # fmt: skip
    """A layer along x (T, N, features): all states (T, directions, N, H), and the last ones (directions, N, H)."""
    kind, directions = step.operator, w.shape[0]
    batch_first, way = bool(step.get("layout", 0)), step.get("direction", "forward")
    defaults = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}[kind]
    names = list(step.get("activations", defaults * directions))
    alphas, betas = iter(step.get("activation_alpha", ())), iter(step.get("activation_beta", ()))
    takes_alpha = ("affine", "leakyrelu", "thresholdedrelu", "scaledtanh", "hardsigmoid", "elu")
    functions = [
        _function(
            name,
            next(alphas, None) if name.lower() in takes_alpha else None,
            next(betas, None) if name.lower() in ("affine", "scaledtanh", "hardsigmoid") else None,
        )
        for name in names
    ]
    if len(functions) != len(defaults) * directions or (way == "bidirectional") != (directions == 2):
        raise ValueError(f"{len(names)} activations and {directions} sets of weights do not fit the direction {way!r}")
    if batch_first:
        x = ops.transpose(x, 0, 1)  # (T, N, features)
    N, H = x.shape[1], r.shape[2]
    dtype = array_of(x).dtype
    zero = like(np.zeros((N, H), dtype), x)
    h0, c0 = (None if v is None else cast_to(v, dtype) for v in (h0, c0))  # a model may have been made double
    k = len(defaults)
    outputs, last = [], []
    for d in range(directions):
        layer = _Layer(step, d, functions[d * k : (d + 1) * k], w, r, b, p)
        given = (h0, c0)[: 2 if kind == "LSTM" else 1]
        state = tuple(zero if v is None else v[:, d] if batch_first else v[d] for v in given)
        backwards = way == "reverse" or d == 1
        y, state = _along(getattr(layer, kind.lower()), layer, x, lengths, state, backwards)
        outputs.append(y)
        last.append(state)
    axis = 2 if batch_first else 1
    y = ops.stack([ops.transpose(v, 0, 1) for v in outputs], 2) if batch_first else ops.stack(outputs, 1)
    return (y, *(ops.stack([state[i] for state in last], axis - 1) for i in range(len(last[0]))))


def _along(
    cell: Callable[..., tuple[Array, ...]],
    layer: _Layer,
    x: Array,
    lengths: Any,
    state: tuple[Array, ...],
    backwards: bool,
) -> tuple[Array, tuple[Array, ...]]:
    """Run a cell along x (T, N, features): y (T, N, H), and the state after each sequence's last step."""
    T, N = x.shape[:2]
    inputs = F.linear(x, layer.w, layer.wb)  # (T, N, gates)
    ends: ndarray | None = None if lengths is None else array_of(lengths).reshape(-1)
    if ends is not None and (ends.size != N or (ends.size and not 0 <= ends.min() <= ends.max() <= T)):
        raise ValueError(f"lengths {ends.tolist()} do not fit {N} sequences of up to {T} steps")
    outputs: list[Array] = [None] * T
    for t in reversed(range(T)) if backwards else range(T):
        new = cell(inputs[t], *state)
        if ends is not None and (t >= ends).any():  # sequences that are over (or, backwards, have not begun) stay
            inside = like((t < ends)[:, None], x)
            outputs[t] = ops.where(inside, new[0], like(np.zeros((), array_of(x).dtype), x))
            new = tuple(ops.where(inside, a, b) for a, b in zip(new, state, strict=True))
        else:
            outputs[t] = new[0]
        state = new
    if not T:
        return like(np.zeros((0, N, layer.hidden), array_of(x).dtype), x), state
    return ops.stack(outputs, 0), state
