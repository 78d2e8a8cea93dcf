"""What each operation of a model costs: measured in several runs, after one that does not count."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from ...autograd.graph import Node
from ...profiler.events import NodeCost
from ..watching import Watch
from .calling import Given, call, tensors_in
from .gradients import gradients_of
from .structure import Cost
from .tape import nodes_behind

RUNS = 5
MEDIAN = f"median of {RUNS} runs, after a warm-up"
ONCE = "of one run, after a warm-up: the operations were not the same in all"


def measured(
    function: Callable[..., Any], inputs: Any, runs: int = RUNS
) -> tuple[Any, Given, Watch, dict[Node, Cost], str]:
    """A call as `call` makes it, with what each operation cost, forward and backward, and how that was measured.

    Times are medians, in seconds. Where the graph is not the same in all runs, they are those of the last.
    """
    table: list[list[tuple[str, NodeCost | None]]] = []
    for _ in range(1 + runs):
        output, given, watch = call(function, inputs)
        outputs = tensors_in(output, called=True)
        gradients_of([t for t in outputs if t._node is not None and t.dtype.kind == "f"], watch)
        nodes = nodes_behind(outputs)
        table.append([(node.op.name, watch.of(node)) for node in nodes])
    table = table[1:]
    same = all([name for name, _ in row] == [name for name, _ in table[-1]] for row in table)
    found: dict[Node, Cost] = {}
    for i, node in enumerate(nodes):
        last, costs = table[-1][i][1], [row[i][1] for row in (table if same else table[-1:])]
        if last is not None:
            forward, backward = (
                statistics.median(getattr(c, name) for c in costs if c is not None) for name in ("forward", "backward")
            )
            found[node] = Cost(forward, backward, last.bytes, last.backward_bytes, last.flops)
    return output, given, watch, found, MEDIAN if same else ONCE
