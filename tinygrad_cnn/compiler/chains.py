"""A rule for operations that go number by number: several become one step, which does them block by block."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ..programs.program import Step, Value, values_in
from .planners.chain import ALONE, PASSES, Part, chain
from .planners.elementwise import KINDS
from .recorded import Aside

LARGE = 1 << 18  # numbers: smaller arrays stay in the cache by themselves


def chained(forward: Sequence[Step], back: Sequence[Step], read: Collection[Value]) -> tuple[list[Step], list[Step]]:
    """In each way, steps on large arrays of one shape that go number by number, as one.

    Each number of a result is made of the same numbers as before by the same calls, so the bits are the same; but
    a block of them goes through all of these calls while it is in the cache. ``read``: what others than steps read.
    """
    return _chained(forward, {*read, *(v for step in back for v in step.values())}), _chained(back, read)


def _chained(steps: Sequence[Step], read: Collection[Value]) -> list[Step]:
    readers: dict[Value, list[Step]] = {}
    for step in steps:
        for value in step.values():
            readers.setdefault(value, []).append(step)
    found: list[Step] = []
    growing: list[Step] = []
    for step in steps:
        if not _fits(step):
            if any(v in _made(growing) for v in step.values()):
                found += _closed(growing, readers, read)
                growing = []
            found.append(step)
        elif growing and growing[0].output.shape != step.output.shape:
            found += _closed(growing, readers, read)
            growing = [step]
        else:
            growing.append(step)
    return [*found, *_closed(growing, readers, read)]


def _fits(step: Step) -> bool:
    """Does it go number by number, and make a large array?"""
    shape: Any = step.output.shape
    known = step.forward in KINDS or step.forward in PASSES
    plain = not isinstance(step, Aside) and len(step.outputs) == 1 and not any(values_in(step.attributes))
    return known and plain and math.prod(shape) >= LARGE and step.output.dtype.kind in "fb"


def _made(steps: Iterable[Step]) -> set[Value]:
    return {v for step in steps for v in step.outputs}


def _closed(steps: list[Step], readers: dict[Value, list[Step]], read: Collection[Value]) -> list[Step]:
    """They as one step."""
    if not steps or (len(steps) == 1 and steps[0].forward not in ALONE):
        return steps
    own = _made(steps)
    inputs: dict[Any, int] = {}
    for step in steps:
        for x in step.inputs:
            if x not in own:
                inputs.setdefault(_key(x), len(inputs))
    numbers = {**inputs, **{step.output: k for k, step in enumerate(steps, len(inputs))}}
    parts = tuple(Part(s.forward, tuple(numbers[_key(x)] for x in s.inputs), s.attributes) for s in steps)
    given = {_key(x): x for step in steps for x in step.inputs}
    mine = set(map(id, steps))
    made = [s.output for s in steps if s.output in read or any(id(r) not in mine for r in readers.get(s.output, ()))]
    settings = {"parts": parts, "made": tuple(numbers[v] for v in made)}
    where = steps[0].module, steps[0].type, steps[0].line
    name = " + ".join(step.op for step in steps)
    return [Step(name, tuple(given[k] for k in inputs), settings, tuple(made), *where, chain)]


def _key(x: Any) -> Any:
    """Numbers that are equal may be of two types."""
    return x if isinstance(x, Value) else (type(x), repr(x))
