"""Reads the tape behind some tensors: its nodes, what each got and gave, and the arrays as far as they are there."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ...arrays.like import Like
from ...arrays.writes import written_since
from ...autograd.graph import Node, Variable
from ..watching import Seen
from .wording import is_number

RECOMPUTE = 1 << 22  # elements of what was not kept that are computed again, at most
Key = Node | Variable | tuple[str, int, int]  # of a box: a node, a leaf, or a constant: by its array, or its place


def nodes_behind(outputs: Iterable[Variable]) -> list[Node]:
    """All nodes that the tensors come from, in the order of execution."""
    found: set[Node] = set()
    stack = [t._node for t in outputs if t._node is not None]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack.extend(p for p in node.parents if type(p) is Node and p not in found)
    return sorted(found, key=lambda node: node.order)


class Tape:
    """Some nodes of a tape, with their slots: which node, leaf or constant each input came from."""

    def __init__(
        self,
        nodes: Sequence[Node],
        outputs: Sequence[Variable],
        seen: dict[Node, Seen],
        named: Callable[[Any], str | None] = lambda _array: None,  # has the user a name for it?
    ) -> None:
        self.nodes = list(nodes)
        self.slots: dict[Node, list[Key | None]] = {}  # None: a number, or nothing that is known of
        self.consumers: dict[Key, list[tuple[Node, int]]] = {}
        self.arrays: dict[Key, Any] = {}  # what came out of a node, or went in: arrays, or `Like`s
        self._seen, self._named = seen, named
        for tensor in outputs:
            self._tell(tensor if tensor._node is None else tensor._node, tensor._array)
        for node in self.nodes:
            self._read(node)

    def _read(self, node: Node) -> None:
        seen = self._seen.get(node)
        saved = node.saved
        if saved is not None:
            self._tell(node, saved[0])
        if seen is not None and seen.output is not None:
            self._tell(node, seen.output)
        slots: list[Key | None] = []
        for i, parent in enumerate(node.parents):
            kept = saved[i + 1] if saved is not None and i + 1 < len(saved) else None
            given = seen.inputs[i] if seen is not None and i < len(seen.inputs) else None
            key: Key | None
            if parent is not None:
                key = parent
                array = parent._array if isinstance(parent, Variable) else kept
                if isinstance(array, ndarray) and kept is not None and array.shape != kept.shape:
                    array = kept  # a leaf that was given another array since
            else:
                array = given if isinstance(given, ndarray) and type(kept) is Like else kept
                key = self._constant(node, i, array)
            slots.append(key)
            if key is not None:
                self._tell(key, array)
                self.consumers.setdefault(key, []).append((node, i))
        self.slots[node] = slots

    def _constant(self, node: Node, i: int, array: Any) -> Key | None:
        if isinstance(array, ndarray) and (not is_number(array) or self._named(array)):
            return ("array", id(array), 0)  # alive as long as the tape: the same array is the same constant
        return ("place", node.order, i) if type(array) is Like and array.shape else None

    def _tell(self, key: Key, array: Any) -> None:
        if array is not None and not isinstance(self.arrays.get(key), ndarray):
            if isinstance(array, (ndarray, Like)):
                self.arrays[key] = array
            elif isinstance(key, Node):  # pragma: no cover  (a forward gives arrays)
                self.arrays[key] = np.asarray(array)

    def add_leaf(self, key: Key, array: Any) -> None:
        """Something that no node of the tape was made from."""
        self._tell(key, array)
        self.consumers.setdefault(key, [])

    def given(self, node: Node) -> tuple[Any, ...]:
        """What went into a node, by slot, as far as it is known."""
        seen, saved = self._seen.get(node), node.saved
        if seen is not None and len(seen.inputs) == len(node.parents):
            return seen.inputs
        return saved[1:] if saved is not None and len(saved) == len(node.parents) + 1 else (None,) * len(node.parents)

    def kept(self, key: Key) -> bool:
        """Is its array kept for the backward pass?"""
        if isinstance(key, Node) and key.saved is not None and isinstance(key.saved[0], ndarray):
            return True
        return any(n.saved is not None and isinstance(n.saved[i + 1], ndarray) for n, i in self.consumers.get(key, ()))

    def stale(self, key: Key) -> bool:
        """Was its array written into after it was used, so that it no longer has the values of that moment?"""
        array = self.arrays.get(key)
        first = [n.order for n, _ in self.consumers.get(key, ())]
        if isinstance(key, Node):
            first.append(key.order)
        return isinstance(array, ndarray) and bool(first) and written_since(array, min(first))

    def fill_in(self) -> None:
        """Compute what was not kept again from what was, while that is little; never what may have changed since."""
        budget = RECOMPUTE
        for node in self.nodes:
            like = self.arrays.get(node)
            if type(like) is not Like or node.saved is None or not (node.op.rules or node.op.each):
                continue
            budget -= int(np.prod(like.shape))
            if budget < 0:
                return
            array = self._again(node)
            if isinstance(array, ndarray) and array.shape == like.shape:
                self.arrays[node] = array

    def _again(self, node: Node) -> Any:
        assert node.saved is not None
        inputs = []
        for key, kept in zip(self.slots[node], node.saved[1:], strict=True):
            if type(kept) is Like and (key is None or self.stale(key)):
                return None
            array = self.arrays.get(key) if key is not None and type(kept) is Like else kept
            if array is None or type(array) is Like or (key is not None and self.stale(key)):
                return None
            if type(kept) is Like and array.dtype != kept.dtype:
                return None
            inputs.append(array)
        settings = inspect.signature(node.op.forward).parameters
        known = {k: v for k, v in node.attributes.items() if k in settings}
        try:
            y = node.op.forward(*inputs, **known)
        except (TypeError, ValueError):  # a forward that wants what its hints replaced
            return None
        return np.asarray(y[0] if type(y) is tuple else y)
