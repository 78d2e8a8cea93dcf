"""Sees calls of modules and steps of optimizers, while a profile runs: the two methods are wrapped, and put back.

Outside of profiles a module call and a step are what they were, and cost nothing more.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from ..autograd.modes import here
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from .recorder import Watcher

Method = Callable[..., Any]


def watchers() -> list[Watcher]:
    """The profiles, and whoever else sees calls, in this thread."""
    return [watcher for watcher in here.mode.watchers if isinstance(watcher, Watcher)]


def _seen_call(call: Method) -> Method:
    @functools.wraps(call)
    def __call__(self: Module, *args: Any, **kwargs: Any) -> Any:
        seen_by = watchers()
        for watcher in seen_by:
            watcher.enter(self)
        try:
            for watcher in seen_by:
                watcher.given(self, args, kwargs)
            result = call(self, *args, **kwargs)
            for watcher in seen_by:
                result = watcher.returned(result)
            return result
        finally:
            for watcher in seen_by:
                watcher.leave()

    return __call__


def _seen_step(step: Method) -> Method:
    @functools.wraps(step)
    def timed(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        start = perf_counter_ns()
        try:
            return step(self, *args, **kwargs)
        finally:
            for watcher in watchers():
                watcher.note(f"{type(self).__name__}.step", "optimizer", start)

    return timed


class Wrapped:
    """Methods of classes that are replaced as long as at least one profile runs, in whatever thread."""

    def __init__(self, *methods: tuple[type, str, Callable[[Method], Method]]) -> None:
        self._methods = methods
        self._originals: list[Method] = []
        self._users = 0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """One profile more; the first one wraps."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._originals = [vars(owner)[name] for owner, name, _ in self._methods]
                for (owner, name, wrap), original in zip(self._methods, self._originals, strict=True):
                    setattr(owner, name, wrap(original))

    def end(self) -> None:
        """One profile less; the last one puts back."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for (owner, name, _), original in zip(self._methods, self._originals, strict=True):
                    setattr(owner, name, original)


CALLS = Wrapped((Module, "__call__", _seen_call), (Optimizer, "step", _seen_step))
