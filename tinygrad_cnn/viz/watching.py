"""Watches a forward pass: which module call made which node, from which line of the user's, with which arrays."""

from __future__ import annotations

import linecache
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from ..arrays.rng import default_generator
from ..arrays.telling import users_frame
from ..autograd.graph import Node, Op
from ..autograd.modes import enable_grad, here
from ..nn.module import Module
from ..nn.parameter import is_lazy
from ..nn.summary import kept_buffers
from ..profiler.hooks import CALLS
from ..profiler.recorder import Recorder, Watcher
from ..tensors import Tensor

PACKAGE = str(Path(__file__).parents[1]) + os.sep
ROOM = 1 << 28  # bytes of intermediate arrays that are kept to look at


class Call(NamedTuple):
    """One call of a module."""

    name: str  # qualified; "" for the outermost one, the model itself
    type: str
    parent: int | None  # among the calls


class Seen(NamedTuple):
    """What is known of a node beyond the tape."""

    call: int | None
    source: dict[str, Any] | None
    inputs: tuple[Any, ...]  # arrays and numbers, before promotion; () where there was no room
    output: Any  # None where there was no room


class Watch(Recorder):
    """A profile that also notes modules, lines and arrays. It lives as long as a graph is being recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.called: list[Module] = []  # by each of the calls
        self.seen: dict[Node, Seen] = {}
        self.models: list[Module] = []  # those called by no other
        self.unrecorded: set[int] = set()  # ids of arrays that went into what has rules, and left no node
        self._open: list[int] = []
        self._bytes = 0
        self._kept: list[Callable[[], None]] = []  # each puts a model's buffers back

    def enter(self, module: Module) -> None:
        """A module is called."""
        super().enter(module)
        if not self._open and module not in self.models:
            self.models.append(module)
            self._kept.append(kept_buffers(module))
        name = self.module
        itself = name == f"({type(module).__name__})"
        self.calls.append(Call("" if itself else name, type(module).__name__, self._open[-1] if self._open else None))
        self.called.append(module)
        self._open.append(len(self.calls) - 1)

    def leave(self) -> None:
        """The innermost module returns, or raises."""
        super().leave()
        self._open.pop()

    def after_forward(self, op: Op, inputs: Sequence[Any], attributes: Mapping[str, Any], result: Any) -> None:
        """Note where the node came from, and its arrays while there is room."""
        super().after_forward(op, inputs, attributes, result)
        if result._node is None:
            if op.rules or op.each:
                self.unrecorded.update(id(x._array) for x in inputs if isinstance(x, Tensor))
            return
        self.after_record(result._node, inputs, result)

    def after_record(self, node: Node, inputs: Sequence[Any], y: Any) -> None:
        """Note a node, whoever made it."""
        self._bytes += y._array.nbytes
        room = self._bytes <= ROOM
        arrays = tuple(x._array if isinstance(x, Tensor) else x for x in inputs) if room else ()
        call = self._open[-1] if self._open else None
        self.seen[node] = Seen(call, _user_line(), arrays, y._array if room else None)

    def put_back(self) -> None:
        """The buffers as they were before."""
        for put_back in self._kept:
            put_back()
        self._kept.clear()


def _user_line() -> dict[str, Any] | None:
    """The innermost line outside this package that led here."""
    frame = users_frame()
    if frame.f_code.co_filename.startswith(PACKAGE):
        return None
    return line_in(frame, frame.f_lineno)


def line_in(frame: FrameType, line: int) -> dict[str, Any]:
    """A line of code, and its file as a picture may show it: below the current folder, or the name alone."""
    file = frame.f_code.co_filename
    code = linecache.getline(file, line, frame.f_globals).strip()
    try:
        file = Path(file).relative_to(Path.cwd()).as_posix()
    except ValueError:
        file = file if file.startswith("<") else Path(file).name
    return {"file": file, "line": line, "code": code}


@contextmanager
def same_random_state() -> Iterator[None]:
    """Afterwards random numbers go on as if none had been drawn: dropout draws some."""
    bits = default_generator().numpy.bit_generator
    state = bits.state
    try:
        yield
    finally:
        bits.state = state


@contextmanager
def unfrozen(models: Iterable[Module]) -> Iterator[None]:
    """Within, every floating parameter requires a gradient: what integers meet leaves no node otherwise."""
    frozen = frozen_in(models)
    try:
        for parameter in frozen:
            parameter.requires_grad_()
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)


def frozen_in(models: Iterable[Module]) -> list[Tensor]:
    """The floating parameters that require no gradient."""
    every = (p for model in models for p in model.parameters() if not is_lazy(p))
    return [p for p in every if not p.requires_grad and p.dtype.kind == "f"]


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Within, calls and operations are seen by ``watcher`` and by nobody else; the random state is as before."""
    before = here.mode.watchers
    CALLS.begin()
    here.mode.watchers = (watcher,)
    try:
        with same_random_state():
            yield
    finally:
        here.mode.watchers = before
        CALLS.end()


def run(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], watch: Watch | None = None
) -> tuple[Any, Watch]:
    """``function(*args, **kwargs)`` with gradients recorded, watched by nobody else, and what was seen.

    Afterwards the buffers of the modules that were called, and the random state, are as before: batch-norm moves its
    running statistics, dropout draws random numbers. A ``watch`` of one's own has what was seen also where it raises.
    """
    watch = Watch() if watch is None else watch
    try:
        with watched_by(watch), enable_grad():
            return function(*args, **kwargs), watch
    finally:
        watch.put_back()
