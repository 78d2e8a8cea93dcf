"""Tracebacks in IPython and notebooks end with the user's line: the frames within this package are left out."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np

_OWN = __file__[: -len("arrays/tracebacks.py")]
_CALLED = (np.__file__[: -len("__init__.py")], "<frozen")  # not the user's, where this package calls them


def shorten_in_ipython() -> None:
    """Let the IPython that runs, if one does, leave this package's frames out of the tracebacks that it shows.

    IPython hides a frame that has a local ``__tracebackhide__``, but never the last one, which is where our errors are
    raised; so it gets a shortened copy instead. The exception keeps its whole traceback, for the debugger and for
    ``%tb Verbose``, which shows all.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    formatter = getattr(shell, "InteractiveTB", None)
    if formatter is not None and not hasattr(formatter.structured_traceback, "shortens"):
        formatter.structured_traceback = _shortening(formatter, formatter.structured_traceback)


def _shortening(formatter: Any, whole: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(whole)
    def structured_traceback(
        kind: Any = None, error: Any = None, traceback: Any = None, *args: Any, **keys: Any
    ) -> Any:
        if getattr(formatter, "mode", "") == "Verbose" or not isinstance(error, BaseException):
            return whole(kind, error, traceback, *args, **keys)
        with _shortened(error):
            return whole(kind, error, shorten(traceback), *args, **keys)

    structured_traceback.shortens = True  # type: ignore[attr-defined]
    return structured_traceback


@contextmanager
def _shortened(error: BaseException) -> Iterator[None]:
    """Within, an exception and all that led to it have short tracebacks."""
    before: list[tuple[BaseException, TracebackType | None]] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and all(one is not other for other, _ in before):
            before.append((one, one.__traceback__))
            waiting += [one.__cause__, one.__context__]
    try:
        for one, traceback in before:
            one.__traceback__ = shorten(traceback)
        yield
    finally:
        for one, traceback in before:
            one.__traceback__ = traceback


def shorten(traceback: TracebackType | None) -> TracebackType | None:
    """A copy without the frames of this package and those of NumPy that it called; the same where nothing is left."""
    kept: list[TracebackType] = []
    step, within = traceback, False
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        within = file.startswith(_OWN) or (within and file.startswith(_CALLED))
        if not within:
            kept.append(step)
        step = step.tb_next
    short: TracebackType | None = None
    for step in reversed(kept):
        short = TracebackType(short, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return short or traceback
