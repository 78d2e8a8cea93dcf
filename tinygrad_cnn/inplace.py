"""Who wrote into which memory, and when: so that a gradient that needs old values is refused instead of wrong."""

from __future__ import annotations

import itertools
import weakref
from typing import Any

from numpy import ndarray

tickets = itertools.count(1)  # numbers nodes and in-place writes in the order they happen
last_write = 0  # the ticket of the latest write: most nodes are younger, and need no look at the table
_writes: dict[int, list[Any]] = {}  # id of the array that owns the memory: [weak reference to it, ticket of the write]


def _owner(a: Any) -> Any:
    while isinstance(a.base, ndarray):
        a = a.base
    return a


def mutated(array: Any) -> None:
    """Say that an array was written into. A backward that needs the old values is then refused, not wrong."""
    global last_write
    owner = _owner(array)
    key = id(owner)
    last_write = next(tickets)
    entry = _writes.get(key)
    if entry is not None and entry[0]() is owner:
        entry[1] = last_write
    else:
        _writes[key] = [weakref.ref(owner, lambda _, key=key: _writes.pop(key, None)), last_write]  # type: ignore[misc]


def written_since(array: Any, ticket: int) -> bool:
    """Was the memory of this array written into after that ticket?"""
    owner = _owner(array)
    entry = _writes.get(id(owner))
    return entry is not None and entry[0]() is owner and entry[1] > ticket
