"""Which memory was written into, and when; and who is interested in it.

Memory is known by the array that owns it. The moments are numbered together with the nodes of the graph.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

from numpy import ndarray

from .locks import shared_lock

noting = shared_lock()  # held while any note of this module changes: threads may share the memory of a model
tickets = itertools.count(1)  # numbers nodes and in-place writes in the order they happen
last_write = 0  # the ticket of the latest write: most nodes are younger, and need no look at the table
_writes: dict[int, list[Any]] = {}  # id of the array that owns the memory: [weak reference to it, ticket of the write]


class References:
    """Weak references to things; from time to time those that are gone are forgotten."""

    __slots__ = ("limit", "references")

    def __init__(self) -> None:
        self.references: list[weakref.ref[Any]] = []
        self.limit = 16

    def __iter__(self) -> Iterator[Any]:
        return (t for reference in self.references if (t := reference()) is not None)

    def add(self, t: Any) -> None:
        with noting:
            if len(self.references) >= self.limit:
                self.references = [reference for reference in self.references if reference() is not None]
                self.limit = 16 + 2 * len(self.references)
            self.references.append(weakref.ref(t))


def owner_of(a: Any) -> Any:
    """The array whose memory it is, also behind NumPy's ``as_strided``, which puts an object of its own in between."""
    while isinstance(base := a.base, ndarray) or isinstance(base := getattr(base, "base", None), ndarray):
        a = base
    return a


def entry_of(table: dict[int, list[Any]], owner: Any) -> list[Any]:
    """The entry of an owner of memory; it goes when the memory goes. To be called under `noting`."""
    key = id(owner)
    entry = table.get(key)
    if entry is None or entry[0]() is not owner:
        entry = table[key] = [weakref.ref(owner, lambda _: table.pop(key, None)), None]
    return entry


def note(table: dict[int, list[Any]], array: Any, t: Any) -> None:
    """Remember t, weakly, under the memory of an array."""
    with noting:
        entry = entry_of(table, array if array.base is None else owner_of(array))
        if entry[1] is None:
            entry[1] = References()
        entry[1].add(t)


def taken(table: dict[int, list[Any]], array: Any) -> list[Any]:
    """What is remembered under the memory of an array, which is then forgotten."""
    with noting:
        entry = table.pop(id(owner_of(array)), None)
        return [] if entry is None or entry[0]() is None else list(entry[1])


def upcoming() -> int:
    """The number of the next node or write, without taking it."""
    return int(repr(tickets)[6:-1])  # "count(17)": nothing else tells


def mutated(*arrays: Any) -> None:
    """Say that arrays were written into. A backward that needs the old values is then refused, not wrong."""
    note_writes(entries_of_writes(arrays))


def entries_of_writes(arrays: Iterable[Any]) -> list[list[Any]]:
    """For `note_writes`, where the same arrays are written often. They count as long as the arrays live."""
    with noting:
        return [entry_of(_writes, array if array.base is None else owner_of(array)) for array in arrays]


def note_writes(entries: list[list[Any]]) -> None:
    """Say that the arrays of these entries were written into."""
    global last_write
    with noting:  # or a write that came first could be noted last, and take the latest one back
        last_write = next(tickets)
        for entry in entries:
            entry[1] = last_write


def written_since(array: Any, ticket: int) -> bool:
    """Was the memory of this array written into after that ticket?"""
    owner = owner_of(array)
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
