"""Which call of which module each box belongs to: as it was watched, or from the module that each node noted."""

from __future__ import annotations

from typing import Any

from ...autograd.graph import Node
from ...nn.module import Module
from ..watching import Watch
from .models import Names
from .structure import Box, Group, around, shared
from .tape import Key, Tape

_OWN = Module.__module__.rpartition(".")[0] + "."


class Groups:
    """Groups by number, one for each call of a module.

    Without a watch a call ends where something is computed outside of the module: calls that follow each other at
    once are one.
    """

    def __init__(self, tape: Tape, names: Names, watch: Watch | None) -> None:
        self._tape, self._watch, self._names = tape, watch, names
        self._all: list[Group] = []
        self.modules: list[Module] = []  # of the groups
        self._of: dict[Node, int | None] = {}
        if watch is None:
            self._from_notes()
        else:
            self._from_calls(watch)

    def _from_calls(self, watch: Watch) -> None:
        for call, module in zip(watch.calls, watch.called, strict=True):
            self._add(module, call.parent)
        for node in reversed(self._tape.nodes):
            seen = watch.seen.get(node)
            if type(node.within) is tuple:
                self._of[node] = None  # of a backward pass: run in no module
            elif seen is not None:
                self._of[node] = seen.call
            else:  # made on the way into another operation: a cast
                consumers = self._tape.consumers.get(node)
                self._of[node] = self._of.get(consumers[0][0]) if consumers else None

    def _from_notes(self) -> None:
        running: list[int] = []  # groups, from the model to the innermost call
        for node in self._tape.nodes:
            if type(node.within) is tuple:
                self._of[node] = None
                continue
            around = [] if node.module is None else self._names.around(node.module)
            same = 0
            while same < min(len(running), len(around)) and self.modules[running[same]] is around[same]:
                same += 1
            del running[same:]
            for module in around[same:]:
                running.append(self._add(module, running[-1] if running else None))
            self._of[node] = running[-1] if running else None

    def _add(self, module: Module, parent: int | None) -> int:
        name, kind = self._names.path(module), type(module).__name__
        if name is None:  # found among no attributes
            name = f"{self._all[parent].name}.({kind})".lstrip(".") if parent is not None else ""
        self._all.append(Group(len(self._all), name, kind, parent))
        self.modules.append(module)
        return len(self._all) - 1

    def layers(self) -> set[int]:
        """The groups that are calls of the package's own layers."""
        return {i for i, m in enumerate(self.modules) if type(m).__module__.startswith(_OWN)}

    def of(self, key: Key) -> int | None:
        """The group of a node; for a leaf, the innermost that has all its consumers."""
        if isinstance(key, Node):
            return self._of[key]
        common = shared(self._chain(self._of[node]) for node, _ in self._tape.consumers[key])
        return common[-1] if common else None

    def source(self, node: Node) -> dict[str, Any] | None:
        """The user's line that called the operation, or the one that it was called for."""
        if self._watch is None:
            return None
        seen = self._watch.seen.get(node)
        consumers = self._tape.consumers.get(node)
        if seen is None and consumers:
            seen = self._watch.seen.get(consumers[0][0])
        return None if seen is None else seen.source

    def used(self, boxes: list[Box]) -> list[Group]:
        """Those with boxes in them; outer ones first."""
        wanted = {g for box in boxes for g in self._chain(box.group)}
        return sorted((g for g in self._all if g.id in wanted), key=lambda g: (len(self._chain(g.id)), g.id))

    def _chain(self, group: int | None) -> list[int]:
        return around(group, self._all)
