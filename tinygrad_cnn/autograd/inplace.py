"""Who wrote into which memory, and when: so that a gradient that needs old values is refused instead of wrong."""

from __future__ import annotations

import functools
import itertools
import weakref
from collections.abc import Iterable
from typing import Any

from numpy import ndarray

tickets = itertools.count(1)  # numbers nodes and in-place writes in the order they happen
last_write = 0  # the ticket of the latest write: most nodes are younger, and need no look at the table
_writes: dict[int, list[Any]] = {}  # id of the array that owns the memory: [weak reference to it, ticket of the write]


def _owner(a: Any) -> Any:
    while isinstance(a.base, ndarray):
        a = a.base
    return a


def mutated(*arrays: Any) -> None:
    """Say that arrays were written into. A backward that needs the old values is then refused, not wrong."""
    global last_write
    last_write = next(tickets)
    for array in arrays:
        owner = array if array.base is None else _owner(array)
        key = id(owner)
        entry = _writes.get(key)
        if entry is not None and entry[0]() is owner:
            entry[1] = last_write
        else:
            forget = functools.partial(_forget, key)
            _writes[key] = [weakref.ref(owner, forget), last_write]


def _forget(key: int, _reference: Any) -> None:
    _writes.pop(key, None)


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


def rebind(x: Any, y: Any) -> None:
    """Let ``x`` become ``y``, in place: how an operator like ``x += 1`` works while gradients are recorded."""
    if x._wants_grad:
        raise RuntimeError(
            "a leaf tensor that requires grad was about to change in place while gradients are recorded; "
            "use a new tensor (x = x + 1), or `with no_grad():` to update a parameter"
        )
    if x._aliased:
        raise RuntimeError(
            "a view, or a tensor that has views, was about to change in place while gradients are recorded, and "
            "the other names of that memory would miss it; use a new tensor (x = x + 1), or x.clone() first"
        )
    x._array, x._node = y._array, y._node
