"""A plan's calls under a profile: each step is timed, and noted under its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any, TypeAlias

from ..autograd.graph import Node
from ..autograd.modes import here
from ..profiler.flops import step_flops
from ..profiler.profiling import profile
from ..programs.program import Step, Value

Call: TypeAlias = Callable[[Any], Any]
BufferOf: TypeAlias = Callable[[Value], "tuple[int, int] | None"]

_VIEWS = {"reshape", "permute", "broadcast_to"}  # whose results lie in the memory of what they got


def only_profiles() -> bool:
    """Do profiles alone watch this thread, or nobody? They are content with steps; others want to see operations."""
    return all(isinstance(watcher, profile) for watcher in here.mode.watchers)


def timed(plan: Any, steps: Sequence[Step], calls: Sequence[Call], node: Node | None = None) -> Sequence[Call]:
    """The calls of some steps of a plan, one for each; as ones that note what they take, where profiles watch.

    Args:
        node: that of the plan's call, on the way back from it.
    """
    watching = [watcher for watcher in here.mode.watchers if isinstance(watcher, profile)]
    if not watching:
        return calls
    within = here.mode.module  # a weak reference; within a rule a tuple
    module = node.module if node is not None else within() if callable(within) else None
    phase = "forward" if node is None else "backward"
    paths = {step.module for step in steps}
    names = {path: [(p, p.name_within(module, path)) for p in watching] for path in paths}
    return [_timed(plan, s, call, phase, names[s.module]) for s, call in zip(steps, calls, strict=True)]


def _timed(plan: Any, step: Step, call: Call, phase: str, watching: list[tuple[profile, str]]) -> Call:
    shapes: Any = tuple(x.shape for x in step.inputs if isinstance(x, Value))
    y: Any = step.output.shape if step.outputs else ()
    flops = step_flops(step.op, step.forward, shapes, y, step.attributes)
    size = sum(size for _, size in memory_of(plan, step))

    def noted(v: Any) -> None:
        start = perf_counter_ns()
        call(v)
        for p, name in watching:
            p.note_in(name, step.op, phase, start, bytes=size, flops=flops, shapes=shapes)

    return noted


def memory_of(plan: Any, step: Step) -> list[tuple[int | None, int]]:
    """The buffers that a step's results get, each once, with their bytes; None for one that no plan has numbered.

    What lies in the memory of something else has none.
    """
    made = [v for v in step.outputs if v.kind != "nothing"]
    buffer_of: BufferOf | None = getattr(plan, "buffer_of", None)
    if buffer_of is not None:
        return list(dict.fromkeys(found for v in made if (found := buffer_of(v)) is not None))
    return [(None, bytes_of(v)) for v in made if step.op not in _VIEWS]


def bytes_of(value: Value) -> int:
    """Of its array."""
    size = value.dtype.itemsize
    for n in value.shape:
        assert isinstance(n, int)  # a plan is for one batch size
        size *= n
    return size
