"""Second stage: steps that are replaced, or left out.

Each rule says why it gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..programs.program import Step, Value, replaced, values_in
from .planned import VIEWS
from .recorded import Aside, Recorded


def needed(recorded: Recorded) -> tuple[list[Step], list[Step]]:
    """The steps of the call and of the way back that something comes of."""
    read = {g for _, g in recorded.slopes}
    others = {*read, *values_in(recorded.result), *(v for _, v in recorded.effects)}
    back = _leading_to(read, recorded.back)
    read.update(others, (y for y, _ in recorded.cotangents))
    forward = _leading_to(read, recorded.forward)
    return once(forward, back, leaving(others, [*forward, *back]))


def _leading_to(read: set[Value], steps: Sequence[Step]) -> list[Step]:
    """The steps that lead to one of these values, or do more than to give one; what they read is added to the set."""
    kept = []
    for step in reversed(steps):
        acts = isinstance(step, Aside) or any(map(callable, step.attributes.values()))
        if acts or any(v in read for v in step.outputs):
            kept.append(step)
            read.update(step.values())
    return kept[::-1]


def once(forward: Sequence[Step], back: Sequence[Step], read: set[Value]) -> tuple[list[Step], list[Step]]:
    """The same operation on the same values is done once in each way, for it gives the same.

    Not where it does more than to give something, and not where others than steps ``read`` its result: that has memory
    of its own, which a user may write into.
    """
    instead: dict[Value, Value] = {}
    return _once(forward, read, instead), _once(back, read, instead)


def _once(steps: Sequence[Step], read: set[Value], instead: dict[Value, Value]) -> list[Step]:
    first: dict[Any, Step] = {}
    kept = []
    for step in steps:
        if any(v in instead for v in step.values()):
            inputs, attributes = replaced(step.inputs, instead), replaced(step.attributes, instead)
            step = replace(step, inputs=inputs, attributes=attributes)
        acts = isinstance(step, Aside) or any(map(callable, step.attributes.values()))
        same = step if acts else first.setdefault(_key((step.forward, step.inputs, step.attributes)), step)
        if same is step or not read.isdisjoint((*step.outputs, *same.outputs)):
            kept.append(step)
        else:
            instead.update(zip(step.outputs, same.outputs, strict=True))
    return kept


def _key(thing: Any) -> Any:
    """What steps are compared by. Values are the same or not, and so is what is neither a number nor a text."""
    if isinstance(thing, dict):
        return tuple((name, _key(part)) for name, part in thing.items())
    if isinstance(thing, (tuple, list)):
        return type(thing), *map(_key, thing)
    if thing is None or isinstance(thing, (bool, int, float, str, slice, type, np.dtype, np.generic)):
        return type(thing), repr(thing)
    return thing if isinstance(thing, Value) or callable(thing) else object()


def leaving(values: set[Value], steps: Sequence[Step]) -> set[Value]:
    """These, and what they are views of."""
    for step in reversed(steps):
        if step.forward in VIEWS and step.output in values and isinstance(step.inputs[0], Value):
            values.add(step.inputs[0])
    return values


def back_from(
    recorded: Recorded, back: Sequence[Step], given: Collection[int]
) -> tuple[list[Step], list[tuple[Any, Value]]]:
    """The way back, and the gradients that it gives, where only some of the results got one.

    It is linear in the gradients of the results: what is made of absent ones alone is 0, and 0 + g is g. So these steps
    go, and tensors that no gradient comes to get none, as ever.
    """
    absent = {g for k, (_, g) in enumerate(recorded.cotangents) if k not in given}
    linear = {g for _, g in recorded.cotangents}  # and all that is made of them
    instead: dict[Value, Value] = {}
    steps: list[Step] = []
    for step in back:
        inputs = replaced(step.inputs, instead)
        attributes = replaced(step.attributes, instead)
        moving = [v for v in (*values_in(inputs), *values_in(attributes)) if v in linear]
        linear.update(step.outputs if moving else ())
        here = [v for v in moving if v not in absent]
        if moving and not here:
            absent.update(step.outputs)
        elif step.op == "add" and len(here) < len(moving) and here[0].shape == step.output.shape:
            instead[step.output] = here[0]
        else:
            zeros = {v: _zeros(v) for v in moving if v in absent}
            inputs, attributes = replaced(inputs, zeros), replaced(attributes, zeros)
            where = step.module, step.type, step.line, step.forward
            steps.append(Step(step.op, inputs, attributes, step.outputs, *where))
    slopes = [(key, instead.get(g, g)) for key, g in recorded.slopes if g not in absent]
    return _leading_to({g for _, g in slopes}, steps), slopes


def _zeros(value: Value) -> Value:
    shape: Any = value.shape
    return Value(-1, "constant", shape, value.dtype, array=np.zeros(shape, value.dtype))
