"""Operators that run graphs: branches, loops, and functions that a model brings along."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .... import ops
from ....autograd.graph import array_of
from ..steps import Step
from .table import axis_of, number, operator


@operator("If", context=True)
def choose_branch(step: Step, run: Any, condition: Any) -> tuple[Any, ...]:
    """One of two graphs, by a single truth value."""
    return tuple(run.body(step.get("then_branch" if number(condition) else "else_branch"), ()))


@operator("Loop", context=True)
def loop(step: Step, run: Any, limit: Any, condition: Any, *state: Any) -> tuple[Any, ...]:
    """A graph again and again: at most ``limit`` times, as long as its first output is true.

    Its inputs are the turn, the condition and the state; what it gives beyond condition and state is collected.
    """
    body, values, turn = step.get("body"), list(state), 0
    most = None if limit is None else int(number(limit))
    going = True if condition is None else bool(number(condition))
    collected: list[list[Any]] = [[] for _ in body.outputs[1 + len(state) :]]
    while going and (most is None or turn < most):
        going_on, *results = run.body(body, (np.array(turn), np.array(going), *values))
        values = results[: len(state)]
        for found, result in zip(collected, results[len(state) :], strict=True):
            found.append(result)
        going, turn = bool(number(going_on)), turn + 1
    return (*values, *(_stacked(found, 0) for found in collected))


@operator("Scan", context=True)
def scan(step: Step, run: Any, *inputs: Any) -> tuple[Any, ...]:
    """A graph along axes of some inputs, with a state; its outputs beyond the state are put together."""
    if step.version < 9:
        return _scan_each(step, run, *inputs)
    body, m = step.get("body"), step.get("num_scan_inputs")
    n = len(inputs) - m
    if not 0 <= n < len(inputs):
        raise ValueError(f"num_scan_inputs is {m} of {len(inputs)} inputs")
    state, along = list(inputs[:n]), inputs[n:]
    k = len(body.outputs) - n
    in_axes, out_axes = step.get("scan_input_axes", (0,) * m), step.get("scan_output_axes", (0,) * k)
    in_ways, out_ways = step.get("scan_input_directions", (0,) * m), step.get("scan_output_directions", (0,) * k)
    parts = []
    for x, axis, way in zip(along, in_axes, in_ways, strict=True):
        axis = axis_of(axis, x.ndim)
        parts.append([x[(slice(None),) * axis + (i,)] for i in range(x.shape[axis])][:: -1 if way else 1])
    collected: list[list[Any]] = [[] for _ in range(k)]
    for turn in zip(*parts, strict=True):
        results = run.body(body, (*state, *turn))
        state = results[:n]
        for found, result in zip(collected, results[n:], strict=True):
            found.append(result)
    joined = []
    for found, axis, way in zip(collected, out_axes, out_ways, strict=True):
        ndim = (found[0].ndim if found else 0) + 1
        joined.append(_stacked(found[:: -1 if way else 1], axis_of(axis, ndim)))
    return (*state, *joined)


def _scan_each(step: Step, run: Any, lengths: Any, *inputs: Any) -> tuple[Any, ...]:
    """Scan as it was in opset 8: each sample of a batch on its own, along its first axis."""
    if lengths is not None:
        raise ValueError("Scan of opset 8 with lengths of sequences is not supported; convert the model to opset 9")
    ways = step.get("directions", ())
    known = {**step.attributes, **({"scan_input_directions": ways} if ways else {})}
    alone = replace(step, version=9, attributes=known)
    rows = [scan(alone, run, *(x[i] for x in inputs)) for i in range(inputs[0].shape[0])]
    return tuple(_stacked(list(found), 0) for found in zip(*rows, strict=True))


def _stacked(found: list[Any], axis: int) -> Any:
    if not found:
        return np.zeros(0, np.float32)  # of no turns nothing is known but that there are none
    return ops.stack(found, axis) if any(x is not array_of(x) for x in found) else np.stack(found, axis)


def call(step: Step, run: Any, *inputs: Any) -> tuple[Any, ...]:
    """A function of the model's own."""
    attributes = {key: value for key, value in step.attributes.items() if key}
    return tuple(run.body(step.attributes[""], inputs, attributes))


operator("call", domain="function", context=True)(call)
