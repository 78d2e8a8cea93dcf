"""Python's words for what a step does: expressions, as text that knows how tightly it holds together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..programs import Extent, Step, Value

LONGEST = 60  # letters of an array that is written out
NAMES = {"bool": "np.bool_"}  # where NumPy's name of a dtype is not np. and its name


class Infix(str):
    """An expression with an operator at its top: brackets stand around it where it is part of another."""


class Call(NamedTuple):
    """A call, whose arguments can be put on lines of their own."""

    function: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(self.arguments)})"


Phrase = str | Call


class Phrases:
    """The inputs of one step in words.

    Args:
        step: an operation, or a layer that counts as one.
        said: of each Value, its name or the expression that stands for it.
    """

    def __init__(self, step: Step, said: Mapping[Value, Phrase]) -> None:
        self.step, self._said = step, said

    def given(self, i: int) -> str:
        """Input i."""
        return self.word(self.step.inputs[i])

    def part(self, i: int) -> str:
        """Input i where it is part of an expression."""
        return bracketed(self._phrase(self.step.inputs[i]))

    def all(self) -> list[str]:
        """All inputs."""
        return [self.word(x) for x in self.step.inputs]

    def setting(self, name: str) -> Any:
        """A setting of the step, as it is."""
        return self.step.attributes[name]

    def word(self, x: Any) -> str:
        """A Value, a number, an `Extent`, an array, or a tuple of such."""
        return str(self._phrase(x))

    def _phrase(self, x: Any) -> Phrase:
        if isinstance(x, Value):
            return self._said[x]
        if isinstance(x, Extent):
            return extent(x)
        if isinstance(x, ndarray):
            return array(x)
        if isinstance(x, (tuple, list)):
            inner = ", ".join(map(self.word, x))
            return f"({inner},)" if len(x) == 1 else f"({inner})"
        return number(x)

    def index(self, basic: tuple[Any, ...]) -> str:
        """What stands between the brackets of x[...]."""
        entries = list(basic)
        dots = any(entry is Ellipsis for entry in entries[:-1])
        while len(entries) > 1 and (entries[-1] is Ellipsis or (is_all(entries[-1]) and not dots)):
            entries.pop()  # which says no more
        return ", ".join(map(self._entry, entries))

    def _entry(self, x: Any) -> str:
        if isinstance(x, ndarray) and x.ndim and x.size:
            return nested(x)
        if not isinstance(x, slice):
            return "..." if x is Ellipsis else self.word(x)
        start = "" if x.start in (None, 0) else self.word(x.start)
        stop = "" if x.stop is None else self.word(x.stop)
        return f"{start}:{stop}" + ("" if x.step in (None, 1) else f":{self.word(x.step)}")


def is_all(entry: Any) -> bool:
    """Is it the slice ":"?"""
    return isinstance(entry, slice) and entry == slice(None)


def bracketed(phrase: Phrase) -> str:
    """A phrase as part of another."""
    wants = isinstance(phrase, Infix) or (isinstance(phrase, str) and phrase[:1] == "-")
    return f"({phrase})" if wants else str(phrase)


def number(x: Any) -> str:
    """A Python number, None, or a NumPy one, in as few digits as tell it from its neighbours."""
    if isinstance(x, np.generic):
        x = float(str(x)) if x.dtype.kind == "f" else x.item()
    if isinstance(x, float) and not math.isfinite(x):
        return "np.nan" if math.isnan(x) else "np.inf" if x > 0 else "-np.inf"
    return repr(x)


def extent(x: Extent) -> Phrase:
    """A size that depends on the batch size, which is called n."""
    many = "n" if x.times == 1 else f"{x.times} * n"
    text = many if not x.plus else f"{many} {'+' if x.plus > 0 else '-'} {abs(x.plus)}"
    return text if text == "n" else Infix(text)


def dtype(x: Any) -> str:
    """A dtype: np.float32."""
    name = np.dtype(x).name
    return NAMES.get(name, f"np.{name}")


def array(x: ndarray[Any, Any]) -> str:
    """A small array, or one of a single value; "" for others, which are kept beside the weights."""
    if not x.ndim:
        return number(x[()])
    shape = number(x.shape[0]) if x.ndim == 1 else repr(x.shape)
    plain = x.size and x.dtype.kind in "fiub" and (x == x.flat[0]).all()
    below = x.dtype.kind == "f" and np.signbit(x)  # -0.0 is equal to 0.0, and another number
    if not x.size or (plain and not x.flat[0] and not np.any(below)):
        return f"np.zeros({shape}, {dtype(x.dtype)})"
    if plain and x.size > 1 and np.all(below) == np.any(below):
        one = f"np.ones({shape}, {dtype(x.dtype)})"
        return one if x.flat[0] == 1 else f"np.full({shape}, {number(x.flat[0])}, {dtype(x.dtype)})"
    text = f"np.array({nested(x)}, {dtype(x.dtype)})" if x.size < LONGEST else ""
    return text if len(text) <= LONGEST else ""


def nested(x: ndarray[Any, Any]) -> str:
    """The numbers of an array as lists."""
    return f"[{', '.join(nested(part) if part.ndim else number(part[()]) for part in map(np.asarray, x))}]"


def shape(sizes: tuple[Any, ...]) -> str:
    """A shape for readers, in which N is the batch size."""
    inner = ", ".join(map(str, sizes))
    return f"({inner},)" if len(sizes) == 1 else f"({inner})"
