"""A program: numbered values, and the steps that make them, each an operation or a layer taken as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray


@dataclass(frozen=True)
class Extent:
    """A whole number that depends on the batch size N: ``times * N + plus``."""

    times: int
    plus: int = 0

    def at(self, batch: int) -> int:
        """Its value for a batch of that size."""
        return self.times * batch + self.plus

    def __str__(self) -> str:
        many = "N" if self.times == 1 else f"{self.times} * N"
        return many if not self.plus else f"{many} {'+' if self.plus > 0 else '-'} {abs(self.plus)}"


Size: TypeAlias = int | Extent
Shape: TypeAlias = tuple[Size, ...]


@dataclass(eq=False)
class Value:
    """An array of a program, by what it is and not by its numbers.

    Args:
        number: counts all values of a program from 0: inputs, then what is there already, then results.
        kind: "input", "parameter", "buffer", "constant" (an array that is there before the model is called) or
            "result" (of a step).
        shape: sizes, which may be `Extent`s.
        dtype: NumPy's.
        name: of an input, its argument's; of a parameter or buffer, that in the state_dict (of a shared one the first);
            of other values "".
        array: the numbers of a parameter, buffer or constant; None of the others.
    """

    number: int
    kind: str
    shape: Shape
    dtype: np.dtype[Any]
    name: str = ""
    array: ndarray[Any, Any] | None = field(default=None, repr=False)

    @property
    def known(self) -> bool:
        """Are the numbers there before the model is called?"""
        return self.array is not None


@dataclass(eq=False)
class Step:
    """One application of an operation, or of a layer that counts as one (`programs.whole`).

    Args:
        op: the operation's name ("conv2d", "getitem"), or the layer's type ("BatchNorm2d").
        inputs: Values, Python numbers, or None for what is left out.
        attributes: its settings. What depends on the batch is an `Extent`; an index that is computed is a Value.
        outputs: what it makes; of an operation one Value.
        module: the qualified name of the module in whose forward it stands; "" is the model itself.
        type: the type of that module.
        line: the user's line that led here, "net.py:12: x = self.fc(x)"; "" where none is known.
        forward: what computes it on arrays; None of a layer that counts as one.
    """

    op: str
    inputs: tuple[Any, ...]
    attributes: dict[str, Any]
    outputs: tuple[Value, ...]
    module: str = ""
    type: str = ""
    line: str = ""
    forward: Callable[..., Any] | None = field(default=None, repr=False)
    _read: Any = field(default=None, init=False, repr=False)  # what `values` found in which inputs and attributes

    @property
    def output(self) -> Value:
        """The first output."""
        return self.outputs[0]

    def values(self) -> tuple[Value, ...]:
        """All values it reads, those in its attributes included."""
        if self._read is None or self._read[0] is not self.inputs or self._read[1] is not self.attributes:
            found = *values_in(self.inputs), *values_in(self.attributes)
            self._read = self.inputs, self.attributes, found  # compiling asks for them many times
        values: tuple[Value, ...] = self._read[2]
        return values


@dataclass(eq=False)
class Program:
    """What a model computes: values in, steps in the order of their execution, values out.

    Args:
        inputs: as the model takes them; nested ones one after the other.
        outputs: as it returns them, likewise.
        output_names: the keys of a dict, the fields of a named tuple; otherwise "output", or "output_0", ...
        steps: without those whose results nobody reads.
        batch: the batch size of the example.
        free: does it hold for every batch size? Then shapes and attributes that depend on it are `Extent`s.
        fixed_because: if not, why not; "" where nobody asked for it.
        model: the type of the model.
        keyed: does it return a dict, or something with fields?
    """

    inputs: list[Value]
    outputs: list[Value]
    output_names: list[str]
    steps: list[Step]
    batch: int
    free: bool
    fixed_because: str = ""
    model: str = ""
    keyed: bool = False

    @property
    def known(self) -> list[Value]:
        """The parameters, buffers and constants that steps read or that are returned, each once."""
        read = [value for step in self.steps for value in step.values()] + self.outputs
        return [value for value in dict.fromkeys(read) if value.known]

    def __str__(self) -> str:
        names = {value: value.name or f"{value.number}" for value in (*self.inputs, *self.known)}
        lines = [f"{v.name}: ({', '.join(map(str, v.shape))}) {v.dtype}" for v in self.inputs]
        for k, step in enumerate(self.steps):
            names.update(dict.fromkeys(step.outputs, f"{k}:{step.op}"))
            shapes = ", ".join(f"({', '.join(map(str, value.shape))})" for value in step.outputs)
            given = ", ".join(names[x] if isinstance(x, Value) else str(x) for x in step.inputs)
            lines.append(f"{k}: {step.op}({given}) -> {shapes}")
        return "\n".join(lines)


def put_together(like: Any, parts: list[Any]) -> Any:
    """The parts as a named tuple, a list or a tuple, as ``like`` is; types that check what is in them become plain."""
    if hasattr(like, "_fields"):
        return type(like)(*parts)
    return parts if isinstance(like, list) else tuple(parts)


def mapped(thing: Any, by: Callable[[Any], Any]) -> Any:
    """What stands in dicts, lists and tuples, however nested, as ``by`` makes it."""
    if isinstance(thing, Mapping):
        kind = type(thing) if isinstance(thing, dict) else dict
        return kind((key, mapped(part, by)) for key, part in thing.items())
    if isinstance(thing, (tuple, list)):
        return put_together(thing, [mapped(part, by) for part in thing])
    return by(thing)


def replaced(thing: Any, by: Mapping[Value, Value]) -> Any:
    """Attributes or inputs with some Values exchanged for others."""
    return mapped(thing, lambda x: by.get(x, x) if isinstance(x, Value) else x)


def values_in(thing: Any) -> Iterator[Value]:
    """The Values in attributes or inputs, however nested."""
    if isinstance(thing, Value):
        yield thing
    elif isinstance(thing, (dict, tuple, list, Mapping)):  # a Mapping is known as such last
        for part in thing.values() if isinstance(thing, Mapping) else thing:
            if type(part) is Value:
                yield part
            elif type(part) not in _PLAIN:
                yield from values_in(part)


_PLAIN = (int, float, bool, str, type(None))  # most of what attributes hold
