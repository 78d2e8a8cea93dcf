"""What there is to know of the steps of a plan: what they were made of, and what memory their results take."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

from .program import Step, Value

VIEWS: set[Any] = set()  # the forwards of operations that give a view of their input, or do not, by its strides alone

BufferOf: TypeAlias = Callable[[Value], "tuple[int, int] | None"]


def fused_from(step: Step) -> list[str]:
    """The names of the operations that a step does at once; mostly one."""
    return step.op.split(" + ")


def parts_of(recorded: Any, step: Step) -> list[Step]:
    """The recorded steps that a step does at once; none, where it does them in a way that does not tell."""
    names = fused_from(step)
    if len(names) == 1 and "parts" not in step.attributes:
        return [step]
    ways = ({v: s for s in way for v in s.outputs} for way in (recorded.forward, recorded.back))
    maker = next((way for way in ways if any(v in way for v in step.outputs)), {})
    given, found = set(step.values()), dict[Step, None]()
    values = list(step.outputs)
    while values:
        value = values.pop()
        part = maker.get(value)
        if part is not None and value not in given and part not in found:
            found[part] = None
            values += [v for v in part.values() if v not in part.outputs]
    mine = [part for part in found if part.op in names]
    return mine if Counter(part.op for part in mine) == Counter(names) else []


def memory_of(plan: Any, step: Step) -> list[tuple[int | None, int]]:
    """The buffers that a step's results get, each once, with their bytes; None for one that no plan has numbered.

    What lies in the memory of something else has none.
    """
    made = [v for v in step.outputs if v.kind != "nothing"]
    buffer_of: BufferOf = getattr(plan, "buffer_of", lambda _value: None)
    found: list[Any] = [buffer_of(v) for v in made]
    if step.forward in VIEWS:  # of a buffer, unless it had to be copied
        x = step.inputs[0]
        return [] if found == [None] or (isinstance(x, Value) and found[0][0] == (buffer_of(x) or (0,))[0]) else found
    numbered = dict.fromkeys(buffer for buffer in found if buffer is not None)
    return [*numbered, *((None, bytes_of(v)) for v, buffer in zip(made, found, strict=True) if buffer is None)]


def bytes_of(value: Value) -> int:
    """Of its array."""
    shape: Any = value.shape  # a plan is for one batch size
    return math.prod(shape) * value.dtype.itemsize
