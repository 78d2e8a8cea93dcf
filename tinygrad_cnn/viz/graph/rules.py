"""The local gradient rules of the operations that nets are made of, as mathematics; of others the source is read.

``g`` is the gradient of the output y; ``⋆`` a cross-correlation, ``onehot(t)`` 1 at class t and 0 elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_PART = "the part of g that came from it"
_NORMAL = "x̂ = (x - mean) / sqrt(var + eps)"
MATHEMATICS: dict[str, dict[str, str]] = {
    "linear": {"x": "g w", "w": "gᵀ x, summed over the batch", "b": "sum of g over the batch"},
    "matmul": {"a": "g bᵀ", "b": "aᵀ g"},
    "conv2d": {
        "x": "sum over o and windows of g[n, o] * w[o, c], each put back where its window lay",
        "w": "dL/dw[o, c] = sum over n of x[n, c] ⋆ g[n, o]",
        "b": "dL/db[o] = sum of g[n, o] over n and all places",
    },
    "relu": {"x": "g where x > 0, 0 elsewhere"},
    "leaky_relu": {"x": "g where x > 0, slope * g elsewhere"},
    "max_pool2d": {"x": "g at the largest number of each window, 0 elsewhere"},
    "window_sum": {"x": "g, to each number of its window"},
    "cross_entropy": {"x": "dL/dx[n] = g * w[n] * (softmax(x[n]) - onehot(t[n]))"},
    "softmax_nll": {"x": "g * w * (softmax(x) - onehot(t))"},
    "softmax": {"x": "y * (g - sum of g * y over dim)"},
    "log_softmax": {"x": "g - softmax(x) * sum of g over dim"},
    "logsumexp": {"x": "g * softmax(x)"},
    "logistic_loss": {"x": "g * (sigmoid(x) - t)"},
    "normalize": {
        "x": f"(h - mean(h) - x̂ * mean(h * x̂)) / sqrt(var + eps), h = g * w, {_NORMAL}",
        "w": f"sum of g * x̂, {_NORMAL}",
        "b": "sum of g",
    },
    "scale_shift": {"x": "g * s", "s": "sum of g * x", "t": "sum of g"},
    "reshape": {"x": "g in the shape of x"},
    "permute": {"x": "g with its dimensions put back"},
    "getitem": {"x": "g in the places that were taken, 0 elsewhere"},
    "broadcast_to": {"x": "g, summed over what was repeated"},
    "cast": {"x": "g in the dtype of x"},
    "sum": {"x": "g, the same for every number of its sum"},
    "mean": {"x": "g / n, the same for each of the n numbers of its mean"},
    "embedding": {"w": "dL/dw[k] = sum of g where i is k"},
    "drop": {"x": "g * scale where kept, 0 elsewhere"},
    "masked_fill": {"x": "0 where mask, g elsewhere"},
    "where": {"a": "g where condition, 0 elsewhere", "b": "0 where condition, g elsewhere"},
}
_EACH = {"cat": _PART, "stack": _PART}


def mathematics(op: str, names: Sequence[str], rules: Sequence[str], attributes: Mapping[str, Any]) -> list[str]:
    """The rules by slot as formulas: "dL/dw = gᵀ x"; what was read from the source where there is none."""
    own = MATHEMATICS.get(op, {})
    if op in ("add", "sub") and attributes.get("alpha", 1) == 1:
        own = {"a": "g", "b": "g" if op == "add" else "-g"}
    found = []
    for name, rule in zip(names, rules, strict=True):
        text = own.get(name) or _EACH.get(op, "")
        if not rule or not text:
            found.append(rule)
        else:
            found.append(text if text.startswith("dL/d") else f"dL/d{name} = {text}")
    return found
