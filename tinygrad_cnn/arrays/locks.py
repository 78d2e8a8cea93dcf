"""Locks for what all threads of the process share; and what a fork does to them.

A fork copies the one thread that forks. A lock that another thread holds at that moment would stay shut in the child
for ever, over something half done. So a fork waits for the locks of this module, and takes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

_PATIENCE = 10.0  # seconds
_loading = RLock()
_locks: list[Any] = []  # the outer ones first
_taken: list[Any] = []  # by the fork that is under way


def shared_lock() -> Any:
    """A lock that its own thread may take again, and that is open in the child of a fork.

    Where one is taken within another, the outer one must be made later.
    """
    _locks.insert(0, RLock())
    return _locks[0]


@contextmanager
def loading() -> Iterator[None]:
    """Within, a room of the package is loaded at first use, by one thread at a time.

    Two threads that import modules which import each other can meet half way: Python then hands one of them a module
    that is not complete. An ``import`` statement of the user's does not come by here, and may hold what we wait for: so
    the waiting has an end, and Python decides.
    """
    first = _loading.acquire(timeout=_PATIENCE)
    try:
        yield
    finally:
        if first:
            _loading.release()


def _take() -> None:
    for lock in (_loading, *_locks):
        lock.acquire()
        _taken.append(lock)


def _give_back() -> None:
    while _taken:
        _taken.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_take, after_in_parent=_give_back, after_in_child=_give_back)
