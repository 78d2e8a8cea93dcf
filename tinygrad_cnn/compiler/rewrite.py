"""Second stage: steps that are replaced, or left out.

Each rule says why it gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from ..programs.program import Step, Value, replaced, values_in
from .planned import VIEWS
from .recorded import Aside, Recorded


def needed(recorded: Recorded) -> tuple[list[Step], list[Step]]:
    """The steps of the call and of the way back that something comes of."""
    read = {g for _, g in recorded.slopes}
    back = _leading_to(read, recorded.back)
    read.update(values_in(recorded.result), (v for _, v in recorded.effects), (y for y, _ in recorded.cotangents))
    return _leading_to(read, recorded.forward), back


def _leading_to(read: set[Value], steps: Sequence[Step]) -> list[Step]:
    """The steps that lead to one of these values, or do more than to give one; what they read is added to the set."""
    kept = []
    for step in reversed(steps):
        acts = isinstance(step, Aside) or any(map(callable, step.attributes.values()))
        if acts or any(v in read for v in step.outputs):
            kept.append(step)
            read.update(step.values())
    return kept[::-1]


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
