"""What is known of an operation besides its forward: how it is done again and again, on memory that is there.

A planner looks at the arrays of one call and answers with a `Ready`, or with None where the plain forward is as good.
All that can be done once is done by then: views, paddings, scratch memory, the choice of an algorithm.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..ops.elementwise import quiet
from ..programs.parts import VIEWS as VIEWS
from .memory import Layout

Run: TypeAlias = Callable[..., None]
Calls: TypeAlias = "list[Callable[[], Any]]"  # functions with the arrays that they are to be called on
Planner: TypeAlias = Callable[..., "Ready | None"]

PLANNERS: dict[Any, Planner] = {}  # by the forward of an operation
WORKERS: set[Any] = set()  # the forwards whose planners take memory to work in, too, as ``memory``


class Ready(NamedTuple):
    """An operation, ready to be done.

    Args:
        run: writes the outputs: ``run(*outputs, *inputs)``.
        outputs: what these are like.
        over: an input in whose memory the first output may be written, where nothing reads that input afterwards.
        calls: ``run`` as calls that can be made once, for arrays that are the same each time.
    """

    run: Run
    outputs: tuple[Layout, ...]
    over: int | None = None
    calls: Callable[..., Calls] | None = None


_IN_CONTEXT = int(np.__version__.partition(".")[0]) >= 2  # NumPy's errstate is a variable of Python's context


def silence() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes of calls such as say nothing of overflow and the like; by `quiet` each would take 0.5 us more.

    For one thread at a time.
    """
    if not _IN_CONTEXT:
        return quiet
    context = Context()
    context.run(np.seterr, all="ignore")
    return lambda call: partial(context.run, call)


def plans(*operations: Any) -> Callable[[Planner], Planner]:
    """Declare how operations are done: of the arrays and the settings that their forward takes."""

    def declare(planner: Planner) -> Planner:
        for this in operations:
            PLANNERS[this.op.forward] = planner
        return planner

    return declare
