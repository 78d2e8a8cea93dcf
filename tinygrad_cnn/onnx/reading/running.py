"""Running steps: values by name, each forgotten after its last use, and errors that say which node they are of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...autograd.graph import array_of
from ...tensors import Tensor
from .operators.table import apply
from .steps import Body, Reference, Step


class Run:
    """The values of one graph while it runs, in front of those of the graph around it."""

    _attributes: Mapping[str, Any] | None

    def __init__(
        self,
        training: bool,
        lookup: Callable[[str], Any],
        around: Run | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """``lookup`` finds weights by name (None where there is none); ``attributes`` are those of a function."""
        self.values: dict[str, Any] = {"": None}
        self.training, self._lookup, self._around = training, lookup, around
        self._attributes = attributes
        if attributes is None and around is not None:
            self._attributes = around._attributes

    def __getitem__(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        if self._around is not None and name in self._around:
            return self._around[name]
        value = self._lookup(name)
        if value is None:
            raise ValueError(f"the value {name!r} is not there")
        return value

    def __contains__(self, name: str) -> bool:
        return name in self.values or (self._around is not None and name in self._around)

    def is_buffer(self, name: str) -> bool:
        """Is a name that of a tensor of the model's own, which may be written into?"""
        return name not in self and isinstance(self._lookup(name), Tensor)

    def step(self, step: Step) -> None:
        """Apply one operator, and name its outputs."""
        try:
            outputs = apply(self._bound(step), self, [self[name] for name in step.inputs])
            if len(outputs) < sum(map(bool, step.outputs)):
                raise ValueError(f"{len(step.outputs)} outputs are asked for, {len(outputs)} are there")
        except MemoryError:
            raise
        except Exception as error:
            if hasattr(error, "_onnx_node"):  # of a node within this one
                raise
            wrapped = ValueError(f"{step.place}: {str(error) or type(error).__name__}")
            wrapped._onnx_node = step.name  # type: ignore[attr-defined]
            raise wrapped from error
        self.values.update((name, y) for name, y in zip(step.outputs, outputs, strict=False) if name)

    def _bound(self, step: Step) -> Step:
        """The step with the attributes of the call, where it stands in a function."""
        if not any(isinstance(value, Reference) for value in step.attributes.values()):
            return step
        outer = self._attributes or {}
        bound = {
            key: outer.get(value.name) if isinstance(value, Reference) else value
            for key, value in step.attributes.items()
        }
        known = {key: value for key, value in bound.items() if value is not None}
        return Step(
            step.operator, step.domain, step.version, step.name, step.inputs, step.outputs, known, step.function
        )

    def body(self, body: Body, inputs: Sequence[Any], attributes: Mapping[str, Any] | None = None) -> list[Any]:
        """The outputs of a branch, of one turn of a loop, or of a function (with the attributes of its call)."""
        called = attributes is not None
        run = Run(self.training, self._lookup, None if called else self, attributes)
        run.values.update({**body.constants, **body.weights})
        run.values.update(zip(body.inputs, inputs, strict=False))
        for name in body.inputs[len(inputs) :]:
            run.values[name] = None
        for step in body.steps:
            run.step(step)
        return [run[name] for name in body.outputs]


def last_uses(steps: Sequence[Iterable[str]], kept: Iterable[str]) -> list[tuple[str, ...]]:
    """For each step, given what it reads, the names that nobody reads after it."""
    seen = set(kept)
    found = []
    for reads in reversed(steps):
        last = tuple(dict.fromkeys(name for name in reads if name not in seen))
        seen.update(last)
        found.append(last)
    return found[::-1]


def as_tensor(x: Any) -> Tensor:
    """A value as it leaves the model."""
    return x if isinstance(x, Tensor) else Tensor(np.asarray(array_of(x)))
