"""The two switches of a thread: are gradients recorded, and who watches the operations (anomaly mode, the profiler)."""

from __future__ import annotations

import threading
from contextlib import ContextDecorator
from typing import Any

from .anomaly import Anomaly


class _Mode(threading.local):
    recording = True
    watchers: tuple[Any, ...] = ()
    module: Any = None  # a weak reference to the module whose forward runs


mode = _Mode()


class _GradMode(ContextDecorator):
    """Sets whether this thread records gradients, and restores what was before, also through exceptions."""

    def __init__(self, recording: bool) -> None:
        self._recording = recording
        self._before: list[bool] = []

    def _recreate_cm(self) -> _GradMode:  # a decorated function gets its own for every call: safe in threads
        return _GradMode(self._recording)

    def __enter__(self) -> None:
        self._before.append(mode.recording)
        mode.recording = self._recording

    def __exit__(self, *exc: object) -> None:
        mode.recording = self._before.pop()


class no_grad(_GradMode):
    """Within, nothing is recorded. A context manager and a decorator; every thread has its own.

    >>> with no_grad():
    ...     assert not is_grad_enabled()
    """

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_GradMode):
    """Within, gradients are recorded, also inside a `no_grad`."""

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(_GradMode):
    """Within, gradients are recorded or not, as ``mode`` says."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))


def is_grad_enabled() -> bool:
    """Are gradients recorded in this thread now?"""
    return mode.recording


class detect_anomaly(ContextDecorator):
    """Within, the first operation that makes a NaN or inf out of finite numbers raises, forward or backward.

    The error names the operation, the line of user code that called it, the shapes and the first bad index.
    """

    def __enter__(self) -> None:
        self._before = mode.watchers
        mode.watchers = (*mode.watchers, Anomaly())

    def __exit__(self, *exc: object) -> None:
        mode.watchers = self._before
