"""What an operation is in words: its formula, the rule of its shapes, its attributes as far as they are no defaults."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...arrays.like import Like
from ...autograd.graph import Node, Op, Variable

FORMULAS = {  # where the docstring says it in words
    "abs": "y = |x|",
    "add": "y = a + b",
    "amax": "y = max of x over dim",
    "amin": "y = min of x over dim",
    "broadcast_to": "y = x, repeated along new dimensions",
    "cat": "y = the inputs, one after another along dim",
    "clone": "y = x",
    "conv2d": "y[n, o] = sum over c of x[n, c] ⋆ w[o, c], + b[o]",
    "cross_entropy": "y = sum over n of -w[n] log(softmax(x[n])[t[n]])",
    "cumsum": "y[j] = x[0] + ... + x[j]",
    "drop": "y = x * scale where kept, 0 elsewhere",
    "embedding": "y = w[i]",
    "getitem": "y = x[index]",
    "leaky_relu": "y = x where x > 0, slope * x elsewhere",
    "linear": "y = x wᵀ + b",
    "log": "y = ln(x)",
    "log_softmax": "y = x - log(sum of exp(x) over dim)",
    "logsumexp": "y = log(sum of exp(x) over dim)",
    "matmul": "y = a b",
    "max_pool2d": "y = max of each window of x",
    "maximum": "y = max(a, b)",
    "mean": "y = mean of x over dim",
    "minimum": "y = min(a, b)",
    "mul": "y = a * b",
    "neg": "y = -x",
    "norm": "y = (sum over |x| ** p) ** (1 / p)",
    "normalize": "y = (x - mean) / sqrt(var + eps) * w + b",
    "permute": "y = x with its dimensions in another order",
    "pow": "y = x ** p",
    "prod": "y = product of x over dim",
    "relu": "y = max(x, 0)",
    "reshape": "y = x in another shape",
    "scale_shift": "y = x * s + t",
    "softplus": "y = log(1 + exp(beta * x)) / beta",
    "softmax": "y = exp(x) / sum of exp(x) over dim",
    "softmax_nll": "y = -w log(softmax(x)[t])",
    "sqrt": "y = sqrt(x)",
    "stack": "y = the inputs, along a new dimension",
    "sub": "y = a - b",
    "std": "y = standard deviation of x over dim",
    "sum": "y = sum of x over dim",
    "tanh": "y = tanh(x)",
    "true_divide": "y = a / b",
    "var": "y = variance of x over dim",
    "overwritten": "y = x, with part in the place that the path leads to",
    "where": "y = a where condition, b elsewhere",
    "window_sum": "y = sum of each window of x",
}
for _name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "exp", "erf", "log2", "log10", "sigmoid"):
    FORMULAS[_name] = f"y = {_name}(x)"

_WINDOW = "(N, C, H, W) -> (N, {0}, oh, ow), oh = floor((H + 2 padding - dilation (k - 1) - 1) / stride) + 1"
SHAPES = {
    "cat": "the same but along dim, where sizes add up",
    "conv2d": _WINDOW.format("O"),
    "cross_entropy": "(N, C, ...), (N, ...) -> a single number",
    "linear": "(..., in), (out, in), (out,) -> (..., out)",
    "matmul": "(..., n, k), (..., k, m) -> (..., n, m)",
    "max_pool2d": _WINDOW.format("C"),
    "window_sum": _WINDOW.format("C"),
    "embedding": "(V, D) and positions of any shape -> (that shape, D)",
    "reshape": "as many elements as before",
    "softmax_nll": "(N, C, ...), (N, ...) -> (N, ...)",
    "stack": "a new dimension at dim, of the number of inputs",
    **dict.fromkeys(("sum", "mean", "amax", "amin", "prod", "var", "std", "norm"), "dim goes, or stays as 1"),
}
DEFAULTS: dict[str, Any] = {
    "stride": 1, "padding": 0, "dilation": 1, "groups": 1, "keepdim": False, "eps": 1e-5, "reverse": False,
    "order": "K", "blank": False, "correction": 1, "alpha": 1, "scale": 1, "inner": 1, "padding_idx": None,
}  # fmt: skip
_REDUNDANT = {"shape", "size", "dtype", "widths_back", "known"}  # the box shows what came out
_LONG = 40  # characters of an attribute


def formula_of(op: Op) -> str:
    """ "y = max(x, 0)": from the table, or the docstring's first sentence."""
    return FORMULAS.get(op.name) or (f"y = {_first(op)}" if _is_formula(_first(op)) else _first(op)) or op.name


def _first(op: Op) -> str:
    line = (op.forward.__doc__ or "").strip().split("\n")[0]
    line = re.sub(r" \([^()]*\b(19|20)\d\d\b[^()]*\)", "", line)  # a paper
    return line.split(": ")[0].split("; ")[0].rstrip(".:").replace("``", "")


def _is_formula(text: str) -> bool:
    return any(c in text for c in "*/+(") and not text[:1].isupper() and "," not in text.split("(")[0]


def doc_of(op: Op) -> str:
    """The docstring."""
    return inspect.cleandoc(op.forward.__doc__ or "")


def shape_rule_of(op: Op, inputs: Sequence[Any], shape: tuple[int, ...]) -> str:
    """How the output's shape follows from the inputs': in general where there is something to say, and here."""
    shapes = [tuple(a.shape) for a in inputs if isinstance(a, (np.ndarray, Like))]
    here = f"{', '.join(map(format, shapes))} -> {shape}" if shapes else f"-> {shape}"
    general = SHAPES.get(op.name)
    if general is None and shapes and _broadcasts([shape, *(s for s in shapes if len(s) <= len(shape))], shape):
        general = "the shape of x" if len(shapes) == 1 and shape == shapes[0] else None
        if len(shapes) > 1 and _broadcasts(shapes, shape):
            general = "the shape that the inputs broadcast to"
    return f"{general}; here {here}" if general else here


def _broadcasts(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(*shapes) == shape
    except ValueError:
        return False


def attributes_of(node: Node) -> dict[str, str]:
    """The settings of an operation that are no defaults and not plain from the shapes. Hints, which the forward
    leaves for its own backward, are none."""
    op, saved = node.op, node.saved
    found: dict[str, str] = {}
    inputs = saved[1:] if saved is not None else ()
    if op.name in ("conv2d", "conv2d_input") and len(inputs) > 1:
        found["kernel"] = _pair(inputs[1].shape[2:])
    settings = _keywords(op)
    for name, value in node.attributes.items():
        if (settings is not None and name not in settings) or (name == "alpha" and op.name in ("add", "sub")):
            continue  # a hint; what stands in the text
        if op.name == "drop" and name == "scale":
            found["p"] = number(1 - 1 / value if value else 1.0)
            continue
        text = _text(name, value)
        if text is not None and not (name in DEFAULTS and text == _text("", DEFAULTS[name])):
            found[name] = text
    if found.get("kernel") is not None and op.name in ("max_pool2d", "window_sum"):
        if found.get("stride", "1") == found["kernel"]:
            found.pop("stride", None)  # windows side by side
        elif "stride" not in found:
            found["stride"] = "1"
    return found


def _keywords(op: Op) -> set[str] | None:
    """The keywords of the forward; None if it takes any."""
    try:
        parameters = inspect.signature(op.forward).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}


def is_number(a: Any) -> bool:
    """Is it one number, which needs no box of its own?"""
    return isinstance(a, (bool, int, float, np.generic)) or (isinstance(a, np.ndarray) and a.ndim == 0)


def number(a: Any) -> str:
    """A number in four significant digits, with a true minus sign."""
    value = a.item() if isinstance(a, (np.ndarray, np.generic)) else a
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"  # noqa: RUF001
    text = f"{value:,}" if isinstance(value, int) and abs(value) < 1_000_000 else f"{value:.6g}"
    return "0" if text == "-0" else text.replace("-", "−")  # noqa: RUF001


def _pair(values: Sequence[Any]) -> str:
    return str(values[0]) if len(set(values)) == 1 else " × ".join(map(str, values))  # noqa: RUF001


def _text(name: str, value: Any) -> str | None:
    """An attribute's value; None for what is left out: arrays, functions, None."""
    if value is None or callable(value) or name in _REDUNDANT:
        return value.name if isinstance(value, np.dtype) else None
    if hasattr(value, "basic"):
        return _index(value)
    if name == "path":  # of a write through a view: the operations that lead to it
        return _cut(", ".join(f"{s.op.name} {_text('', next(iter(a.values())))}" for s, a in value if a)) or None
    if isinstance(value, (np.ndarray, Variable)):
        return number(value) if is_number(value) else None
    if isinstance(value, (bool, int, float, np.generic)):
        return number(value)
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, (tuple, list)):
        if any(isinstance(v, np.ndarray) for v in value):
            return None
        if name in ("kernel", "stride", "dilation", "padding", ""):
            sides = [v[0] if isinstance(v, tuple) and len(set(v)) == 1 else v for v in value]
            return _pair(sides) if sides else None
        value = value[0] if len(value) == 1 else tuple(value)
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def _index(index: Any) -> str:
    """What stood between the brackets of x[...]."""
    parts = []
    for part in index.basic:
        if isinstance(part, slice):
            ends = ["" if n is None else str(n) for n in (part.start, part.stop)]
            parts.append(":".join(ends) + (f":{part.step}" if part.step not in (None, 1) else ""))
        else:
            parts.append("..." if part is Ellipsis else str(part))
    if index.picks is not None:
        parts.append("by arrays")
    elif len(parts) > 1 and parts[-1] == "...":
        del parts[-1]
    return _cut(", ".join(parts))


def attributes_text(attributes: Mapping[str, str]) -> str:
    """ "kernel 5, padding 2"."""
    return ", ".join(f"{name} {value}" for name, value in attributes.items())
