"""Which call of which module each box belongs to: from what was watched, a profile, or the names of parameters."""

from __future__ import annotations

from typing import Any

from ...autograd.graph import Node, Variable
from ...nn.module import Module
from ...profiler.events import EARLIER, NO_MODULE
from ...profiler.recorder import Recorder
from ..watching import Watch
from .structure import Box, Group
from .tape import Key, Tape


class Groups:
    """Groups by number. With a watch each call of a module is one; without, each module."""

    def __init__(self, tape: Tape, model: Module | None, watch: Watch | None, profile: Recorder | None) -> None:
        self._tape, self._watch = tape, watch
        self._all: list[Group] = []
        self._paths: dict[str, int] = {}
        self._of: dict[Node, int | None] = {}
        self._types = {} if model is None else {path: type(m).__name__ for path, m in model.named_modules()}
        self.note: str | None = None
        if watch is not None:
            self._all = [Group(i, call.name, call.type, call.parent) for i, call in enumerate(watch.calls)]
        paths = [None if profile is None else self._profiled(profile, node) for node in tape.nodes]
        if watch is None and model is not None and not any(paths):
            paths = self._by_parameters(model)
            self.note = (
                "operations are grouped by the parameters they use; draw_graph(model, inputs=x) knows each module"
            )
        for node, path in zip(reversed(tape.nodes), reversed(paths), strict=True):
            seen = watch.seen.get(node) if watch is not None else None
            if seen is not None:
                self._of[node] = seen.call
            elif watch is not None:  # made on the way into another operation: a cast
                consumers = tape.consumers.get(node)
                self._of[node] = self._of.get(consumers[0][0]) if consumers else None
            else:
                self._of[node] = None if path is None else self._path(path)

    def of(self, key: Key) -> int | None:
        """The group of a node; for a leaf, the innermost that has all its consumers."""
        if isinstance(key, Node):
            return self._of[key]
        chains = [self._chain(self._of[node]) for node, _ in self._tape.consumers[key]]
        common = None
        for level in zip(*chains):  # noqa: B905  (as far as the shortest goes)
            if len(set(level)) > 1:
                break
            common = level[0]
        return common

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
        """From the outermost group to this one."""
        chain = []
        while group is not None:
            chain.append(group)
            group = self._all[group].parent
        return chain[::-1]

    def _path(self, path: str) -> int:
        """The group of a qualified name, and of all around it."""
        parts = path.split(".") if path else []
        parent: int | None = None
        for k in range(len(parts) + 1):
            name = ".".join(parts[:k])
            if name and k < len(parts) and self._types and name not in self._types:
                continue  # a list attribute: "layers.0" has no module "layers"
            if name not in self._paths:
                self._paths[name] = len(self._all)
                self._all.append(Group(len(self._all), name, self._types.get(name, ""), parent))
            parent = self._paths[name]
        assert parent is not None
        return parent

    @staticmethod
    def _profiled(profile: Recorder, node: Node) -> str | None:
        cost = profile.of(node)
        if cost is None or cost.module in (NO_MODULE, EARLIER):
            return None
        alone = cost.module.startswith("(") and cost.module.endswith(")") and "." not in cost.module
        return "" if alone else cost.module

    def _by_parameters(self, model: Module) -> list[str | None]:
        """An operation on parameters is in their module; one between two such, in the innermost around both."""
        names = {id(p): path.rpartition(".")[0] for path, p in model.named_parameters()}
        own: list[str | None] = []
        for node in self._tape.nodes:
            paths = [names.get(id(p)) for p in node.parents if isinstance(p, Variable)]
            own.append(next((p for p in paths if p is not None), None))
        after: list[str | None] = [None] * len(own)
        for i in range(len(own) - 2, -1, -1):
            after[i] = own[i + 1] if own[i + 1] is not None else after[i + 1]
        before: str | None = None
        result: list[str | None] = []
        for path, follows in zip(own, after, strict=True):
            if path is None and before is not None and follows is not None:
                shared = [a for a, b in zip(before.split("."), follows.split("."), strict=False) if a == b]
                common = ".".join(before.split(".")[: len(shared)])
                path_found: str | None = common if before.startswith(common) and follows.startswith(common) else ""
                if before == follows:
                    path_found = before
                result.append(path_found)
            else:
                result.append(path)
            before = path if path is not None else before
        return result
