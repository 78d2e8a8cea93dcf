"""What a call hangs on besides its arguments: what its code reads from outside, the attributes of modules, dice."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..arrays.rng import position
from ..nn.module import Module
from ..nn.registry import changes
from ..programs.outside import Outside, same


def other_dice() -> Any:
    """Where the generators of `random` and `np.random` stand."""
    state: Any = np.random.get_state(legacy=False)
    return random.getstate(), state["state"]["pos"], state["state"]["key"].tobytes()


class World:
    """What a call finds beside its arguments, as it is now; plans hold in one world.

    Attributes:
        modules: those that calls meet, or may meet.
        modes: which of them train.
        why: what stands in the way of noticing a change; "" where nothing does.
    """

    def __init__(self, begin: Iterable[Any], modules: Iterable[Module]) -> None:
        met = list(modules)
        self._outside = Outside([*begin, *met])
        self.why = self._outside.why
        self.modules = dict.fromkeys([*met, *self._outside.modules])
        self._looked = changes.count
        self._attributes = attributes_of(*self.modules)
        self.modes = tuple(module.training for module in self.modules)
        self._dice = [(source, name, repr(position(source))) for source, name in self._outside.dice]

    def holds(self) -> bool:
        """Is it as it was?"""
        return self._outside.holds() and (self._looked == changes.count or not self._attribute())

    def other(self) -> str:
        """What is another than it was, in words; "" where nothing is."""
        if what := self._outside.changed():
            return what
        return f"the attribute {name}" if (name := self._attribute()) else ""

    def drawn(self, known: Iterable[Any]) -> str:
        """The name of a source of random numbers that was drawn from, and is none of the known; "" where none was."""
        there = list(map(id, known))
        moved = (n for source, n, at in self._dice if id(source) not in there and repr(position(source)) != at)
        return next(moved, "")

    def _attribute(self) -> str:
        now = changes.count
        if (name := changed(self._attributes, attributes_of(*self.modules))) is not None:
            return name
        self._looked = now
        self.modes = tuple(module.training for module in self.modules)
        return ""


def attributes_of(*modules: Module) -> dict[tuple[Any, str], Any]:
    """What modules are told by their attributes, their hooks among them; not which mode they are in."""
    return {(m, name): _seen(name, value) for m in modules for name, value in vars(m).items() if name != "training"}


def _seen(name: str, value: Any) -> Any:
    if name.endswith("_hooks") and isinstance(value, dict):
        return tuple(value)
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(value) if isinstance(value, list) else value


def changed(before: Mapping[tuple[Any, str], Any], now: Mapping[tuple[Any, str], Any]) -> str | None:
    """The name of an attribute that is another than before."""
    for key in before.keys() | now.keys():
        if not same(before.get(key, _NOTHING), now.get(key, _NOTHING)):
            return f"{type(key[0]).__name__}.{key[1]}"
    return None


_NOTHING = object()
