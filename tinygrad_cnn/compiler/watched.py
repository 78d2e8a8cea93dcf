"""A call that is watched while it runs as ever, and written down by `record.Recording`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..autograd.modes import here
from ..nn.module import Module
from ..profiler.hooks import CALLS
from .guards import attributes_of, changed, other_dice
from .kinds import tensors_in
from .record import Recording
from .recorded import Recorded, Stopped


@contextmanager
def watched_by(tape: Recording) -> Iterator[None]:
    """Within, calls and operations are seen by this one."""
    before = here.mode.watchers
    CALLS.begin()
    here.mode.watchers = (tape,)
    try:
        yield
    finally:
        here.mode.watchers = before
        CALLS.end()


def record(
    function: Callable[..., Any], model: Module | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Recorded | Stopped, list[Module]]:
    """Call a function, and say what it did: its result; the record, or why there is none; the modules that it met."""
    tape = Recording(model)
    given = tensors_in(args, kwargs)
    for k, x in enumerate(given):
        tape.take(f"input_{k}", x)
    others = other_dice()
    with watched_by(tape):
        result = function(*args, **kwargs)
        if other_dice() != others:
            tape.stop("random numbers of `random` or `np.random` are drawn")
        modules = list(dict.fromkeys(module for module, _ in tape.attributes))
        if (name := changed(tape.attributes, attributes_of(*modules))) is not None:
            return result, Stopped(f"the attribute {name} is set in each call", may_pass=True), modules
        recorded: Recorded | Stopped
        try:
            recorded = tape.finish(result, given)
        except Stopped as stopped:
            recorded = stopped
    return result, recorded, modules
