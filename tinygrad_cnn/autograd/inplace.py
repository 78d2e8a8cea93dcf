"""Who shares which memory, and when it was written into: a gradient that needs old values is refused, never wrong."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from .graph import Node, Variable

tickets = itertools.count(1)  # numbers nodes and in-place writes in the order they happen
last_write = 0  # the ticket of the latest write: most nodes are younger, and need no look at the table
_writes: dict[int, list[Any]] = {}  # id of the array that owns the memory: [weak reference to it, ticket of the write]
_keeping: dict[int, list[Any]] = {}  # likewise: [weak reference to it, the nodes that keep a part of it, as `Aliases`]


# ------------------------------------------------------------------------------------------------------- many names
class Aliases:
    """The tensors that share some memory, or the nodes that keep it; from time to time those gone are forgotten."""

    __slots__ = ("limit", "references")

    def __init__(self) -> None:
        self.references: list[weakref.ref[Any]] = []
        self.limit = 16

    def __iter__(self) -> Iterator[Any]:
        return (t for reference in self.references if (t := reference()) is not None)

    def add(self, t: Any) -> None:
        if len(self.references) >= self.limit:
            self.references = [reference for reference in self.references if reference() is not None]
            self.limit = 16 + 2 * len(self.references)
        self.references.append(weakref.ref(t))


def alias(t: Variable, of: Variable, made: Any) -> None:
    """Note that ``t`` shares the memory of ``of``; ``made`` makes it from that one. None: no gradient goes through."""
    t._view = of, made
    if of._aliases is None:
        of._aliases = Aliases()
    of._aliases.add(t)


def has_other_names(x: Variable) -> bool:
    """Could somebody see a write into the memory of x under another name?"""
    return x._handed_out or x._view is not None or (x._aliases is not None and any(True for _ in x._aliases))


# ----------------------------------------------------------------------------------------------------------- writes
def _owner(a: Any) -> Any:
    while isinstance(a.base, ndarray):
        a = a.base
    return a


def _entry(table: dict[int, list[Any]], owner: Any) -> list[Any]:
    """The entry of an owner of memory; it goes when the memory goes."""
    key = id(owner)
    entry = table.get(key)
    if entry is None or entry[0]() is not owner:
        entry = table[key] = [weakref.ref(owner, lambda _: table.pop(key, None)), None]
    return entry


def mutated(*arrays: Any) -> None:
    """Say that arrays were written into. A backward that needs the old values is then refused, not wrong."""
    global last_write
    last_write = next(tickets)
    for array in arrays:
        _entry(_writes, array if array.base is None else _owner(array))[1] = last_write


def written_since(array: Any, ticket: int) -> bool:
    """Was the memory of this array written into after that ticket?"""
    owner = _owner(array)
    entry = _writes.get(id(owner))
    return entry is not None and entry[0]() is owner and entry[1] > ticket


def check_unchanged(name: str, saved: Iterable[Any], order: int) -> None:
    """Raise if what an operation saved, its output and its inputs, was written into after the moment ``order``."""
    for k, a in enumerate(saved):
        if isinstance(a, ndarray) and written_since(a, order):
            what = "output" if k == 0 else f"input {k - 1}"
            raise RuntimeError(
                f"the {what} of '{name}', of shape {a.shape}, was changed in place after it was used; its old "
                "values are needed for the gradient. Compute a new tensor (x = x + 1 instead of x += 1), or change it "
                "after backward()"
            )


def keep(node: Node, reads: Sequence[int]) -> None:
    """Remember that a node reads inputs as they were (`Op.keeps`): it gets copies before they are overwritten."""
    assert node.saved is not None
    for k in range(1, len(reads)):
        if reads[k] == 1 and type(a := node.saved[k]) is ndarray:
            entry = _entry(_keeping, a if a.base is None else _owner(a))
            if entry[1] is None:
                entry[1] = Aliases()
            entry[1].add(node)


def about_to_write(x: Variable) -> None:
    """Give the nodes that read this memory as it was copies of their own: its makers, and those that said so."""
    entry = _keeping.pop(id(_owner(x._array)), None)
    nodes = [] if entry is None or entry[0]() is None else list(entry[1])
    t: Variable | None = x
    while t is not None:
        nodes.append(t._node)
        t = None if t._view is None else t._view[0]
    for node in nodes:
        if node is not None and node.op.spares and node.saved is not None:
            reads = node.op.keeps(sum(1 << i for i, p in enumerate(node.parents) if p is not None), len(node.parents))
            node.saved = tuple(
                np.array(a, order="K") if read == 1 and type(a) is ndarray and np.may_share_memory(a, x._array) else a
                for a, read in zip(node.saved, reads, strict=True)
            )
