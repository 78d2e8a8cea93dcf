"""Recurrent layers, each layer and direction pair one operator.

ONNX stacks both directions in a leading dimension, and has the gates in the orders i, o, f, c and z, r, h.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...programs import Step
from ..graph import Graph, Translation
from .shapes import sliced, transposed

_GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN_TANH": (0,), "RNN_RELU": (0,)}


def _recurrent(g: Graph, s: Step, x: str, *rest: str) -> tuple[str, ...]:
    a = s.attributes
    mode, hidden, both = a["mode"], a["hidden_size"], 1 + a["bidirectional"]
    states = 2 if mode == "LSTM" else 1
    first, weights = rest[:states], rest[states:]
    each = 4 if a["bias"] else 2
    shape = s.inputs[0].shape
    steps, batch = (shape[1], shape[0]) if a["batch_first"] else shape[:2]
    if a["batch_first"]:
        x = transposed(g, x, (1, 0, 2))
    finals: list[list[str]] = []
    for layer in range(a["num_layers"]):
        mine = [weights[(layer * both + d) * each :][:each] for d in range(both)]
        w, r = (_stacked(g, [_ordered(g, m[k], mode, hidden) for m in mine]) for k in (0, 1))
        b = _stacked(g, [_biases(g, m[2:], mode, hidden) for m in mine]) if a["bias"] else ""
        begin = [sliced(g, h, 0, layer * both, (layer + 1) * both) if h else "" for h in first]
        settings = _settings(mode, both)
        op = {"LSTM": "LSTM", "GRU": "GRU"}.get(mode, "RNN")
        y, *last = g.node(op, x, w, r, b, "", *begin, outputs=1 + states, hidden_size=hidden, **settings)
        finals.append(last)
        width = both * hidden
        x = g.squeeze(y, [1]) if both == 1 else g.reshape(transposed(g, y, (0, 2, 1, 3)), (steps, batch, width))
    ends = [parts[0] if len(parts) == 1 else g.node("Concat", *parts, axis=0) for parts in zip(*finals, strict=True)]
    return (transposed(g, x, (1, 0, 2)) if a["batch_first"] else x, *ends)


def _settings(mode: str, both: int) -> dict[str, Any]:
    settings: dict[str, Any] = {"direction": "bidirectional" if both == 2 else None}
    if mode == "GRU":
        settings["linear_before_reset"] = 1  # the reset gate multiplies what the state's product gave
    if mode == "RNN_RELU":
        settings["activations"] = ["Relu"] * both
    return settings


def _ordered(g: Graph, w: str, mode: str, hidden: int) -> str:
    """The rows of a weight, or a bias, with the gates in ONNX's order."""
    order = _GATES[mode]
    if len(order) == 1:
        return w
    rows = np.concatenate([np.arange(gate * hidden, (gate + 1) * hidden) for gate in order])
    return g.node("Gather", w, g.constant(rows, np.int64), axis=0)


def _biases(g: Graph, biases: Any, mode: str, hidden: int) -> str:
    return g.node("Concat", *(_ordered(g, b, mode, hidden) for b in biases), axis=0)


def _stacked(g: Graph, parts: list[str]) -> str:
    """One for each direction."""
    return (
        g.node("Concat", *(g.unsqueeze(p, [0]) for p in parts), axis=0)
        if len(parts) > 1
        else g.unsqueeze(parts[0], [0])
    )


TABLE: dict[str, Translation] = {"RNN": _recurrent, "LSTM": _recurrent, "GRU": _recurrent}
