"""What a box is called: arithmetic as it is written, constants by their value, inputs by the part they play.

An operation's own names for its inputs (a, b, x, w) stay in formulas: in a drawing they would look like the user's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd.graph import Node, Op
from .wording import is_number, number

HOLE = "·"  # in the place of an input that an edge leads to
_SIGNS = {
    "add": "+", "sub": "−", "mul": "×", "true_divide": "/", "floor_divide": "//", "remainder": "%", "pow": "**",  # noqa: RUF001
    "matmul": "@",
}  # fmt: skip
COMMUTE = {"add", "mul", "maximum", "minimum", "fmax", "fmin", "hypot", "logaddexp", "logaddexp2"}
_PARTS = {
    "true_divide": ("numerator", "denominator"),
    "floor_divide": ("numerator", "denominator"),
    "trunc_divide": ("numerator", "denominator"),
    "remainder": ("dividend", "divisor"),
    "fmod": ("dividend", "divisor"),
    "sub": ("minuend", "subtrahend"),
    "pow": ("base", "exponent"),
    "where": ("condition", "if true", "if false"),
    "choose": ("condition", "if true", "if false"),
    "embedding": ("weight", "index"),
    "masked_fill": ("input", "mask", "filling"),
    "scale_shift": ("input", "scale", "shift"),
    "lerp": ("start", "end", "weight"),
    "between": ("input", "lowest", "highest"),
    "at_least": ("input", "lowest"),
    "at_most": ("input", "highest"),
    "only": ("gradient", "mask"),
    "gate": ("gradient", "mask"),
}
_WORDS = {"x": "input", "w": "weight", "b": "bias", "t": "target", "g": "gradient", "i": "index", "src": "source"}
_NUMBER = re.compile(r"\(?[−-]?\b(?:[0-9][0-9.]*(?:e[+−-]?[0-9]+)?|inf|nan|True|False)\b\)?")  # noqa: RUF001
_LARGE = 1 << 20  # elements of a constant that is not looked at


def text_of(node: Node, slots: Sequence[Any], given: Sequence[Any]) -> str:
    """``1 + ·``, ``· / ·``; where other operations have numbers among their inputs, ``where(·, 0, ·)``; else nothing.

    Args:
        node: the operation.
        slots: None where no edge leads to: that input is written out.
        given: the inputs.
    """
    name = node.op.name
    shown = [_written(a) if slot is None else HOLE for slot, a in zip(slots, given, strict=True)]
    if name == "neg" and len(shown) == 1:
        return f"−{HOLE}"  # noqa: RUF001
    if is_slope(node, given):
        k, p = node.attributes["k"], _value(given[1])
        left = "" if p == k + 1 else f" ** {_written(p - k)}"
        return f"{_written(math.prod(p - i for i in range(k)))} × {shown[0]}{left}"  # noqa: RUF001
    if name in _SIGNS and len(shown) == 2:
        first, second = shown
        if second[0] in "−-":  # noqa: RUF001
            second = f"({second})"
        if name == "pow" and first[0] in "−-":  # noqa: RUF001
            first = f"({first})"
        alpha = node.attributes.get("alpha", 1)
        scaled = f"{number(alpha)} × " if alpha != 1 else ""  # noqa: RUF001
        return f"{first} {_SIGNS[name]} {scaled}{second}"
    return "" if all(s == HOLE for s in shown) else f"{name}({', '.join(shown)})"


def _written(a: Any) -> str:
    if not is_number(a):
        return "?"  # not known any more
    return number(_value(a)).replace(",", "")


def _value(a: Any) -> Any:
    return a.item() if isinstance(a, (np.ndarray, np.generic)) else a


def is_slope(node: Node, given: Sequence[Any]) -> bool:
    """Is it a derivative of x ** p by x alone, at a p that is known? That is a number times a power."""
    return node.op.name == "pow_slope" and node.attributes["m"] == 0 and len(given) == 2 and is_number(given[1])


def without_numbers(text: str) -> str:
    """A text with a mark in the place of each number, which is the same for ``· × 2`` and ``· × 3``."""
    return _NUMBER.sub("#", text)


def from_first_to_last(first: str, last: str) -> str:
    """Texts that differ in their numbers alone as one: ``· × (2 to 40)``.

    >>> from_first_to_last("0.5 + ·", "2.5 + ·")
    '(0.5 to 2.5) + ·'
    """
    others = iter(_NUMBER.findall(last))

    def both(found: re.Match[str]) -> str:
        one, other = (n.strip("()") for n in (found[0], next(others)))
        return found[0] if one == other else f"({one} to {other})"

    return _NUMBER.sub(both, first)


def parts_of(op: Op, names: Sequence[str]) -> list[str]:
    """What an operation's inputs are to it, by slot: "numerator", "weight", or plainly "1st", "2nd".

    >>> from tinygrad_cnn.ops.elementwise import sub
    >>> parts_of(sub.op, ["a", "b"])
    ['minuend', 'subtrahend']
    """
    if len(names) == 1:
        return ["input"]
    own = _PARTS.get(op.name, ())
    layer = not {"a", "p"} & set(names) and len({"x", "w", "t", "g", "i"} & set(names)) > 1
    found = []
    for i, name in enumerate(names):
        if i < len(own):
            found.append(own[i])
        elif layer and name in _WORDS:
            found.append(_WORDS[name])
        else:
            found.append(name if len(name) > 2 and name.isalpha() else _ordinal(i + 1))
    return found


def _ordinal(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def constant_of(array: Any) -> str:
    """A constant in words: "zeros", "all 0.5", "eye", "arange 0 to 15", "mask, 6 of 16 true"; else "constant"."""
    if not isinstance(array, np.ndarray) or not 0 < array.size <= _LARGE or array.dtype.kind not in "biuf":
        return "constant"
    first = array.flat[0]
    if array.dtype.kind == "b":
        return f"mask, {np.count_nonzero(array):,} of {array.size:,} true"
    if (array == first).all():
        return {0: "zeros", 1: "ones"}.get(first.item(), f"all {number(first)}" if array.size > 1 else number(first))
    if array.ndim == 2 and array.shape[0] == array.shape[1] and np.array_equal(array, np.eye(len(array))):
        return "eye"
    if array.ndim == 1 and array.size > 2 and np.array_equal(array, first + np.arange(array.size)):
        return f"arange {number(first)} to {number(array[-1])}"
    if array.dtype.kind == "f":
        return "zeros and ones" if np.isin(array, (0, 1)).all() else "constant"
    return f"integers, {number(array.min())} to {number(array.max())}"
