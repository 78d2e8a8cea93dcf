"""Locks for what all threads of the process share."""

from __future__ import annotations

import os
from threading import RLock
from typing import Any


def shared_lock() -> Any:
    """A lock that its own thread may take again, and that a fork of the process leaves open and what it guards whole.

    A fork copies the one thread that forks. A lock that another one holds at that moment would stay shut in the child
    for ever, over something half done; so a fork waits for it. Where one of these locks is taken within another, the
    outer one must be made later: a fork takes them in that order too.
    """
    lock = RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
