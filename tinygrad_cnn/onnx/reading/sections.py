"""Modules that run the steps of a file of ONNX, in a tree like that of the network which was exported.

A `Section` has the steps of one module, and calls those below it as any module calls its children: it hands them what
they read, and gets what others read. So a child can be replaced, has hooks, and is a box in a drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...nn.module import Module
from .running import Run, last_uses
from .steps import Step


class Call(NamedTuple):
    """A child's turn: its name, what it reads and what it gives."""

    child: str
    reads: tuple[str, ...]
    outputs: tuple[str, ...]


class Weights:
    """Where values lie that no step computes: parameters and buffers in their modules, and constants.

    It holds places, not tensors: what somebody puts in the place of a parameter is what is read from then on.
    """

    def __init__(self) -> None:
        self.places: dict[str, tuple[Module, str]] = {}
        self.constants: dict[str, Any] = {}

    def __call__(self, name: str) -> Any:
        """The value, or None where there is none of this name."""
        if name in self.places:
            module, attribute = self.places[name]
            return getattr(module, attribute)
        return self.constants.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self.places or name in self.constants


class Section(Module):
    """The steps of one module of the exported network, in order, with calls of the modules below it."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self._weights = weights
        self._program: _Plan | None = None

    def plan(self, items: Sequence[Step | Call], reads: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        """Say what it runs, what it is handed and what it gives."""
        self._program = _Plan(items, reads, outputs)
        for item in items:  # children in the order in which they are called
            if isinstance(item, Call):
                self._kinds[item.child] = self._kinds.pop(item.child)

    @property
    def planned(self) -> bool:
        """Has it been said what it runs?"""
        return self._program is not None

    def forward(self, *inputs: Any) -> Any:
        """Its outputs: one value, or a tuple."""
        if self._program is None:
            raise ValueError("this module holds weights for others, and computes nothing on its own")
        if len(inputs) != len(self._program.reads):
            raise ValueError(
                f"expected {len(self._program.reads)} inputs ({', '.join(self._program.reads)}), got {len(inputs)}"
            )
        outputs = self._run(dict(zip(self._program.reads, inputs, strict=True)))
        return outputs[0] if len(outputs) == 1 else outputs

    def _run(self, values: dict[str, Any]) -> tuple[Any, ...]:
        assert self._program is not None
        run = Run(self.training, self._weights)
        run.values.update(values)
        values.clear()
        for item, last in zip(self._program.items, self._program.last, strict=True):
            if isinstance(item, Step):
                run.step(item)
            else:
                result = getattr(self, item.child)(*[run[name] for name in item.reads])
                results = result if len(item.outputs) != 1 else (result,)
                run.values.update(zip(item.outputs, results, strict=True))
            for name in last:
                run.values.pop(name, None)
        return tuple(run[name] for name in self._program.outputs)

    def extra_repr(self) -> str:
        """The attributes, where it is a single step."""
        items = self._program.items if self._program else ()
        if len(items) != 1 or not isinstance(items[0], Step):
            return ""
        simple = (int, float, str, tuple)
        known = ((k, v) for k, v in items[0].attributes.items() if k and isinstance(v, simple))
        return ", ".join(f"{k}={v:.6g}" if isinstance(v, float) else f"{k}={v}" for k, v in known)


class _Plan:
    """Items in order, and after which of them a value is not needed any more; no module looks into it."""

    def __init__(self, items: Sequence[Step | Call], reads: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        self.items, self.reads, self.outputs = tuple(items), reads, outputs
        self.last = last_uses([item.reads for item in items], outputs)


_KINDS: dict[str, type[Section]] = {}


def section_of(operator: str) -> type[Section]:
    """A class of sections under the name of the one operator that they apply: tables and drawings show it."""
    if operator not in _KINDS:
        space = {"__module__": __name__, "__doc__": f"One step: ONNX's {operator}."}
        _KINDS[operator] = type(operator, (Section,), space)
    return _KINDS[operator]


def __getattr__(name: str) -> Any:
    """The class of one operator, for pickles."""
    if name.isidentifier() and name[:1].isupper():
        return section_of(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
