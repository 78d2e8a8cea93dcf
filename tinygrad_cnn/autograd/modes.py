"""The switches of a thread: are gradients recorded, and who watches the operations (anomaly mode, the profiler)."""

from __future__ import annotations

import threading
from typing import Any

from ..arrays.switch import AtOnce, Bare, Switch, flag
from .anomaly import Anomaly


class _Mode:
    __slots__ = ("inference", "module", "recording", "watchers")

    def __init__(self) -> None:
        self.recording, self.inference = True, False
        self.watchers: tuple[Any, ...] = ()
        self.module: Any = None  # what a node made now has as its ``within``


class _Here(threading.local):
    def __init__(self) -> None:
        self.mode = _Mode()  # of this thread; one look-up, and all of it is at hand


here = _Here()


class _Recording(Switch):
    def _swap(self, value: bool) -> bool:
        before, here.mode.recording = here.mode.recording, value
        return before


class no_grad(_Recording, Bare):
    """Within, nothing is recorded. A context manager and a decorator; every thread has its own.

    >>> with no_grad():
    ...     assert not is_grad_enabled()
    """

    def _set(self) -> None:
        self._value = False


class enable_grad(_Recording, Bare):
    """Within, gradients are recorded, also inside a `no_grad`."""

    def _set(self) -> None:
        self._value = True


class set_grad_enabled(_Recording, AtOnce):
    """From this call on gradients are recorded or not, as ``mode`` says; as a context manager or decorator, within."""

    def __init__(self, mode: bool) -> None:
        super().__init__(flag(mode, "set_grad_enabled: mode"))

    def __repr__(self) -> str:
        return f"set_grad_enabled(mode={self._value})"


class inference_mode(Bare):
    """As `no_grad`, or as `enable_grad` if ``mode`` is False. What is made within may be used as any tensor.

    (PyTorch refuses some uses of it, and within its inference mode `enable_grad` records nothing; here it does.)
    """

    def _set(self, mode: bool = True) -> None:
        on = flag(mode, "inference_mode: mode")
        self._value = not on, on

    def _swap(self, value: tuple[bool, bool]) -> tuple[bool, bool]:
        before, (here.mode.recording, here.mode.inference) = (here.mode.recording, here.mode.inference), value
        return before


def is_grad_enabled() -> bool:
    """Are gradients recorded in this thread now?"""
    return here.mode.recording


def is_inference_mode_enabled() -> bool:
    """Is this thread within an `inference_mode`?"""
    return here.mode.inference


def is_anomaly_enabled() -> bool:
    """Is this thread within a `detect_anomaly`?"""
    return any(isinstance(watcher, Anomaly) for watcher in here.mode.watchers)


class _Watching(Switch):
    def _swap(self, value: Anomaly | bool | None) -> Anomaly | None:
        new = Anomaly(value) if isinstance(value, bool) else value  # it takes the place of the one before
        before = [watcher for watcher in here.mode.watchers if isinstance(watcher, Anomaly)]
        others = [watcher for watcher in here.mode.watchers if not isinstance(watcher, Anomaly)]
        here.mode.watchers = tuple(others) if new is None else (*others, new)
        return before[0] if before else None


class detect_anomaly(_Watching, Bare):
    """Within, the first operation that makes a NaN or inf out of finite numbers raises, forward or backward; and a
    backward that would read an array that NumPy has changed since the forward pass, past the package.

    The error names the operation, the line that called it, shapes and first index. ``check_nan=False`` never raises.
    """

    def _set(self, check_nan: bool = True) -> None:
        self._value = flag(check_nan, "detect_anomaly: check_nan")


class set_detect_anomaly(_Watching, AtOnce):
    """From this call on anomalies are detected or not, as ``mode`` says; as a context manager or decorator, within."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        check = flag(check_nan, "set_detect_anomaly: check_nan")
        super().__init__(check if flag(mode, "set_detect_anomaly: mode") else None)
