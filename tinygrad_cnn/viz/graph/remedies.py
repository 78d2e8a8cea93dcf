"""The line to write where shapes do not fit. Silent where it could not be sure to run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...nn.module import Module
from ...tensors import Tensor

_SPREAD = {"add", "sub", "mul", "true_divide", "maximum", "minimum", "pow", "where"}


def remedy_for(
    label: str, inputs: Sequence[tuple[str, Tensor]], values: Mapping[str, Any], module: Module | None
) -> str:
    """What to write instead of a call that failed; "" where nothing is sure.

    Args:
        label: the function that raised.
        inputs: the tensors that it got, with its names for them.
        values: all of its arguments.
        module: the layer, or the user's module, that called it.
    """
    shapes = [tuple(t._array.shape) for _, t in inputs]
    if label == "linear" and len(shapes) > 1:
        return _linear(shapes[0], shapes[1], module)
    if label.startswith("conv") and len(shapes) > 1:
        return _conv(label, shapes[0], shapes[1], values.get("groups", 1), module)
    if label == "batch_norm" and len(shapes[0]) > 1:
        return f"write {_with_first(module, shapes[0][1])}" if module is not None else ""
    if label == "embedding" and len(inputs) > 1:
        return _embedding(inputs[0][1]._array, shapes[1], module)
    if label in ("matmul", "bmm", "mm") and len(shapes) == 2:
        return _matmul(*shapes)
    if label in ("cat", "concat", "concatenate"):
        return _cat(shapes, values.get("dim", 0))
    if label in _SPREAD and len(shapes) == 2:
        return _broadcast(*shapes)
    if label in ("reshape", "view") and len(shapes) == 1:
        return _reshape(shapes[0], values.get("shape"))
    if label in ("cross_entropy", "nll_loss") and len(inputs) > 1:
        return _classes(shapes[0], inputs[1][1]._array)
    return ""


def _with_first(module: Module, *first: int) -> str:
    """The layer as it was made, with other first arguments: "nn.Conv2d(3, 6, kernel_size=(5, 5))"."""
    text = re.sub(r"\b\w+_features=", "", repr(module))
    for default in (", eps=1e-05", ", momentum=0.1", ", affine=True", ", bias=True", ", track_running_stats=True"):
        text = text.replace(default, "")
    text = re.sub(r", stride=\((1, )*1,?\)", "", text)
    head, rest = text.split("(", 1)
    old = re.match(r"-?\d+(, -?\d+)*", rest)
    kept = "" if old is None else rest[old.end() :]
    numbers = [] if old is None else old[0].split(", ")
    return f"nn.{head}({', '.join([*map(str, first), *numbers[len(first) :]])}{kept}"


def _is(module: Module | None, *kinds: str) -> bool:
    return module is not None and type(module).__name__ in kinds


def _linear(x: tuple[int, ...], w: tuple[int, ...], module: Module | None) -> str:
    if len(w) != 2 or not x or x[-1] == w[1]:
        return ""
    if len(x) > 2 and math.prod(x[1:]) == w[1]:
        return "flatten what goes into it: x.flatten(1)"
    if not _is(module, "Linear"):
        return f"a weight of shape ({w[0]}, {x[-1]}) fits"
    assert module is not None
    if len(x) == 4:
        return f"flatten what goes into it, x.flatten(1), and write {_with_first(module, math.prod(x[1:]))}"
    return f"write {_with_first(module, x[-1])}"


def _conv(label: str, x: tuple[int, ...], w: tuple[int, ...], groups: Any, module: Module | None) -> str:
    if len(x) != len(w) or groups != 1 or "transpose" in label:
        return ""
    if x[1] == w[1]:
        return ""
    if x[-1] == w[1]:
        last = len(x) - 1
        order = ", ".join(map(str, (0, last, *range(1, last))))
        return f"channels come first: x.permute({order})"
    if _is(module, "Conv1d", "Conv2d", "Conv3d"):
        assert module is not None
        return f"write {_with_first(module, x[1])}"
    return f"a weight of shape {(w[0], x[1], *w[2:])} fits"


def _embedding(index: Any, w: tuple[int, ...], module: Module | None) -> str:
    if not _is(module, "Embedding") or index.dtype.kind not in "iu" or not index.size or index.min() < 0:
        return ""
    assert module is not None
    return f"write {_with_first(module, int(index.max()) + 1)}" if index.max() >= w[0] else ""


def _matmul(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    if len(a) != 2 or len(b) != 2:
        return ""
    ways = [
        text
        for text, fits in (("transpose the 2nd: · @ ·.T", a[1] == b[1]), ("transpose the 1st: ·.T @ ·", a[0] == b[0]))
        if fits
    ]
    return ways[0] if len(ways) == 1 else ""


def _cat(shapes: Sequence[tuple[int, ...]], dim: Any) -> str:
    rank = len(shapes[0]) if shapes else 0
    if not isinstance(dim, int) or any(len(s) != rank for s in shapes):
        return ""
    fitting = [d for d in range(rank) if len({s[:d] + s[d + 1 :] for s in shapes}) == 1]
    return f"along dimension {fitting[0]} they fit: dim={fitting[0]}" if len(fitting) == 1 else ""


def _broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    """One number for each row, or channel: where the smaller has just one place in the larger."""
    small, large = sorted((a, b), key=len)
    if len(small) != 1 or len(large) < 2 or large.count(small[0]) != 1:
        return ""
    after = len(large) - 1 - large.index(small[0])
    return (
        f"give the one of shape {small} its dimension: .reshape({', '.join(map(str, (-1, *[1] * after)))})"
        if after
        else ""
    )


def _reshape(shape: tuple[int, ...], wanted: Any) -> str:
    while isinstance(wanted, (list, tuple)) and len(wanted) == 1 and isinstance(wanted[0], (list, tuple)):
        wanted = wanted[0]
    if not isinstance(wanted, (list, tuple)) or len(wanted) < 2 or not all(isinstance(n, int) for n in wanted):
        return ""
    rest, count = [n for n in wanted[:-1] if n != -1], math.prod(shape)
    if -1 in wanted[:-1] or math.prod(rest) == 0 or count % math.prod(rest):
        return ""
    return f".reshape({', '.join(map(str, (*rest, -1)))}) gives {(*rest, count // math.prod(rest))}"


def _classes(x: tuple[int, ...], target: Any) -> str:
    classes = x[1] if len(x) > 1 else x[0] if x else 0
    wanted = (x[0], *x[2:]) if len(x) > 1 else ()
    if target.dtype.kind in "iu" and target.shape == wanted and target.size and target.max() >= classes:
        if target.min() >= 1 and target.max() == classes:
            return "classes are counted from 0: target - 1"
        return f"{int(target.max())} is a class: the net needs {int(target.max()) + 1} outputs"
    if target.shape == (*wanted, 1):
        return "target.squeeze(-1) has the shape that is wanted"
    if target.dtype.kind in "iu" and target.shape == x and len(x) > 1:
        return "of one-hot rows the classes are target.argmax(1)"
    return ""
