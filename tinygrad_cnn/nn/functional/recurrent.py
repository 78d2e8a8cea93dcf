"""Recurrent cells, and how they run along sequences: all of operations that are there.

The inputs' matrix product is taken for all steps at once; what is left in a step is the product with the state and a
few elementwise operations. Sequences are packed: the rows of step 0 come first, then those of step 1, ... A batch of
sequences of one length is packed as it stands; of several lengths, longest first, the later steps have fewer rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ...autograd.graph import Array
from ...ops.affine import linear
from ...ops.elementwise import relu, sigmoid, tanh
from ...ops.index import cut
from ...ops.joining import cat

State: TypeAlias = tuple[Array, ...]  # (h,), or (h, c) of an LSTM
Step: TypeAlias = Callable[..., State]  # step(x, state, *weights): the next state, whose first entry is the output


def tanh_step(x: Array, state: State, w: Array, *b: Array) -> State:
    """h' = tanh(x + h w^T + b) (Elman, 1990); x is the input's product with its weight."""
    return (tanh(x + linear(state[0], w, *b)),)


def relu_step(x: Array, state: State, w: Array, *b: Array) -> State:
    """h' = max(x + h w^T + b, 0)."""
    return (relu(x + linear(state[0], w, *b)),)


def lstm_step(x: Array, state: State, w: Array, *b: Array, projection: Array | None = None) -> State:
    """Long short-term memory (Hochreiter and Schmidhuber, 1997), with gates in the order i, f, g, o.

    c' = f c + i g, h' = o tanh(c'), and that times ``projection`` where there is one (Sak, Senior and Beaufays, 2014).
    """
    h, c = state
    i, f, g, o = _parts(x + linear(h, w, *b), 4)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return (h if projection is None else linear(h, projection)), c


def gru_step(x: Array, state: State, w: Array, *b: Array) -> State:
    """The gated recurrent unit (Cho et al., 2014), with gates in the order r, z, n; h' = (1 - z) n + z h."""
    (h,) = state
    xr, xz, xn = _parts(x, 3)
    hr, hz, hn = _parts(linear(h, w, *b), 3)
    n = tanh(xn + sigmoid(xr + hr) * hn)
    return (n + sigmoid(xz + hz) * (h - n),)


def _parts(x: Array, n: int) -> list[Array]:
    """The columns in n equal parts."""
    width = x.shape[1] // n
    return [cut(x, 1, k * width, (k + 1) * width) for k in range(n)]


def along(
    step: Step,
    x: Array,
    sizes: Sequence[int],
    state: State,
    weights: Sequence[Array],
    reverse: bool = False,
    **settings: Any,
) -> tuple[Array, State]:
    """Run a cell along packed sequences.

    Args:
        step: one of the steps above.
        x: (rows, features), the inputs of all steps.
        sizes: how many rows each step has; not growing.
        state: the first one; each entry (sizes[0], ...).
        weights: (w_ih, w_hh) or (w_ih, w_hh, b_ih, b_hh).
        reverse: from each sequence's end to its start.
        settings: handed to the step.

    Returns:
        The outputs of all steps, (rows, ...), and each sequence's last state.
    """
    w_ih, w_hh, *biases = weights
    if biases and step is not gru_step:  # both are added to the same: once for all steps
        biases = [biases[0] + biases[1]]
    inputs = _pieces(linear(x, w_ih, *biases[:1]), sizes)
    outputs: list[Any] = [None] * len(sizes)
    whole, done = state, []
    if reverse:
        state = tuple(cut(s, 0, 0, sizes[-1]) for s in state)
    for t in reversed(range(len(sizes))) if reverse else range(len(sizes)):
        rows, n = state[0].shape[0], sizes[t]
        if n > rows:  # sequences that end here, seen from behind, begin
            state = tuple(cat([s, cut(first, 0, rows, n)]) for s, first in zip(state, whole, strict=True))
        elif n < rows:  # sequences that have ended keep their state
            done.append(tuple(cut(s, 0, n, rows) for s in state))
            state = tuple(cut(s, 0, 0, n) for s in state)
        state = step(inputs[t], state, w_hh, *biases[1:], **settings)
        outputs[t] = state[0]
    if done:
        state = tuple(cat([last, *parts]) for last, *parts in zip(state, *reversed(done), strict=True))
    return cat(outputs), state


def _pieces(x: Array, sizes: Sequence[int]) -> list[Array]:
    """The rows of each step, cut in halves again and again: a gradient is then as large as what was cut, not as all."""
    if len(sizes) == 1:
        return [x]
    half = len(sizes) // 2
    at = sum(sizes[:half])
    return _pieces(cut(x, 0, 0, at), sizes[:half]) + _pieces(cut(x, 0, at, x.shape[0]), sizes[half:])
