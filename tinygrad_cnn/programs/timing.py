"""A plan under a profile: each step is timed, and noted under its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import perf_counter_ns
from typing import Any, TypeAlias, TypeVar

from ..autograd.graph import Node
from ..autograd.modes import here
from ..profiler.flops import step_flops
from ..profiler.profiling import profile
from .parts import memory_of, parts_of
from .program import Step, Value

Call: TypeAlias = Callable[[Any], Any]
Note: TypeAlias = Callable[[int], None]  # that a step began then, and ends now
T = TypeVar("T")


def only_profiles() -> bool:
    """Do profiles alone watch this thread, or nobody? They are content with steps; others want to see operations."""
    return all(isinstance(watcher, profile) for watcher in here.mode.watchers)


def calls(plan: Any, steps: Iterable[Step], calls: Sequence[Call], node: Node | None = None) -> Sequence[Call]:
    """The calls of some steps of a plan, one for each; as ones that note what they take, where profiles watch.

    Args:
        node: that of the plan's call, on the way back from it.
    """
    if not (watching := _watching()):
        return calls
    return [_timed(call, note) for call, note in zip(calls, _notes(plan, [*steps], node, watching), strict=True)]


def steps(plan: Any, steps: Sequence[tuple[Step, T]], node: Node | None = None) -> Iterable[tuple[Step, T]]:
    """Steps that are done for the first time, each until the next one is asked for; noted likewise."""
    if not (watching := _watching()):
        return steps
    return _one_by_one(steps, _notes(plan, [step for step, _ in steps], node, watching))


def _watching() -> list[profile]:
    watchers = here.mode.watchers
    return [watcher for watcher in watchers if isinstance(watcher, profile)] if watchers else []


def _timed(call: Call, note: Note) -> Call:
    def noted(v: Any) -> None:
        start = perf_counter_ns()
        call(v)
        note(start)

    return noted


def _one_by_one(steps: Sequence[tuple[Step, T]], notes: Sequence[Note]) -> Iterable[tuple[Step, T]]:
    for step, note in zip(steps, notes, strict=True):
        start = perf_counter_ns()
        yield step
        note(start)


def _notes(plan: Any, steps: Sequence[Step], node: Node | None, watching: list[profile]) -> list[Note]:
    within = here.mode.module  # a weak reference; within a rule a tuple
    module = node.module if node is not None else within() if callable(within) else None
    phase = "forward" if node is None else "backward"
    paths = {step.module for step in steps}
    names = {path: [(p, p.name_within(module, path)) for p in watching] for path in paths}
    return [_note(plan, step, phase, names[step.module]) for step in steps]


def _note(plan: Any, step: Step, phase: str, watching: list[tuple[profile, str]]) -> Note:
    shapes = _shapes(step)
    counts = [
        step_flops(part.op, part.forward, _shapes(part), _shape(part.output), part.attributes)
        for part in parts_of(plan.recorded, step)
    ]
    known = [count for count in counts if count is not None]
    size = sum(size for _, size in memory_of(plan, step))
    figures: dict[str, Any] = {"bytes": size, "flops": sum(known) if known else None, "shapes": shapes}

    def note(start: int) -> None:
        for p, name in watching:
            p.note_in(name, step.op, phase, start, **figures)

    return note


def _shapes(step: Step) -> tuple[tuple[int, ...], ...]:
    return tuple(_shape(x) for x in step.inputs if isinstance(x, Value))


def _shape(value: Value) -> tuple[int, ...]:
    return tuple(n for n in value.shape if isinstance(n, int))  # all of them: a plan is for one batch size
