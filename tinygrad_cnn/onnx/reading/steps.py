"""What a file of ONNX says, as plain data: steps in the order in which they run, and the names that go in and out.

A `Body` is the graph of a model, of a branch or loop, or of a function that the model brings along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from numpy import ndarray


class Reference(NamedTuple):
    """An attribute within a function's body that stands for an attribute of the call."""

    name: str


class Declared(NamedTuple):
    """An input of the graph as the file declares it: its name, NumPy dtype (None: not said) and shape (None: any)."""

    name: str
    dtype: Any
    shape: tuple[int | str, ...] | None

    def __str__(self) -> str:
        sizes = "any shape" if self.shape is None else f"({', '.join(map(str, self.shape))})"
        return f"{self.name!r}: {sizes}{f' {self.dtype}' if self.dtype is not None else ''}"


@dataclass(frozen=True, eq=False)
class Step:
    """One node: an operator with its attributes, applied to named values. "" is an input or output left out."""

    operator: str
    domain: str
    version: int  # the opset of its domain
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    function: Callable[..., Any]
    reads: tuple[str, ...] = ()  # inputs, and what the bodies among the attributes read of the values around

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or the default where the file does not say it."""
        return self.attributes.get(name, default)

    def wants(self, output: int) -> bool:
        """Is this output given a name?"""
        return len(self.outputs) > output and bool(self.outputs[output])

    @property
    def place(self) -> str:
        """For error messages: node 'conv1/Conv' (Conv, opset 17)."""
        domain = f"{self.domain}." if self.domain else ""
        return f"node {self.name!r} ({domain}{self.operator}, opset {self.version})"


@dataclass(frozen=True, eq=False)
class Body:
    """A graph: steps in order, constants by name, and which names go in and out."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: tuple[Step, ...]
    constants: dict[str, ndarray] = field(default_factory=dict)  # of Constant nodes
    weights: dict[str, ndarray] = field(default_factory=dict)  # the file's initializers
    same: dict[str, str] = field(default_factory=dict)  # further names of weights
    declared: tuple[Declared, ...] = ()

    def free(self) -> tuple[str, ...]:
        """The names that it reads of the values around it."""
        known = {*self.inputs, *self.constants, *self.weights}
        found: dict[str, None] = {}
        for step in self.steps:
            found.update((name, None) for name in step.reads if name and name not in known)
            known.update(step.outputs)
        found.update((name, None) for name in self.outputs if name and name not in known)
        return tuple(found)

    def all_steps(self) -> Iterator[Step]:
        """Its steps, and those of the bodies within, each body once, however often it is called."""
        seen: set[int] = set()
        todo = [self]
        while todo:
            body = todo.pop()
            if id(body) not in seen:
                seen.add(id(body))
                yield from body.steps
                todo += [v for step in body.steps for v in step.attributes.values() if isinstance(v, Body)]
