"""A plan as it may be after rewriting: with fused steps and numbered buffers, whatever rewriting does today."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tinygrad_cnn.compiler.recorded import Recorded
from tinygrad_cnn.programs.listing import Look
from tinygrad_cnn.programs.program import Step, Value


def one_step(steps: list[Step]) -> Step:
    """Steps in a row, each of which alone reads what the one before made, as one."""
    made = {v for step in steps for v in step.outputs}
    read = tuple(v for step in steps for v in step.values() if v not in made)
    first, last = steps[0], steps[-1]
    return Step(" + ".join(s.op for s in steps), read, {}, last.outputs, first.module, first.type, first.line)


def in_rows(steps: list[Step], *rows: tuple[str, ...]) -> list[Step]:
    """The steps, those in a row whose names are one of these as one."""
    found: list[Step] = []
    k = 0
    while k < len(steps):
        names = next((row for row in rows if tuple(s.op for s in steps[k : k + len(row)]) == row), None)
        found.append(steps[k] if names is None else one_step(steps[k : k + len(names)]))
        k += len(names or (1,))
    return found


ROWS = ("conv2d", "relu", "max_pool2d"), ("linear", "relu")


def fused(recorded: Recorded, *rows: tuple[str, ...], buffers: bool = True) -> Look:
    """How a plan would be shown, with rows of operations as one step, and the way back from pools likewise."""
    forward, back = in_rows(recorded.forward, *(rows or ROWS)), in_rows(recorded.back, ("max_pool2d_input", "gate"))
    made = [v for step in (*forward, *back) for v in step.outputs if step.op != "reshape"]
    numbers = {v: k % 5 for k, v in enumerate(made)}

    def buffer_of(value: Value) -> tuple[int, int] | None:
        return (numbers[value], 1000 * (numbers[value] + 1)) if value in numbers else None

    plan: Any = SimpleNamespace(forward=forward, back=back, recorded=recorded)
    if buffers:
        plan.buffer_of = buffer_of
    return Look("LeNet", plan, ", training")
