"""A backward pass to look at: the gradient of every node and along every edge. No ``.grad`` and no hook takes part.

The walk is the engine's: from the latest node to the earliest, so that each has all of its gradient when its turn
comes. What it finds is summed up at once, and the arrays are dropped.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...arrays import writes
from ...arrays.writes import check_unchanged
from ...autograd.backward import cast, fitting
from ...autograd.graph import Node, Variable
from ...autograd.modes import here, no_grad
from ...differentiation.context import Several
from ...profiler.recorder import Watcher
from ..watching import Watch
from .structure import Summary, summarize
from .tape import Key


class Gradients:
    """Of the sum of the outputs: by node or leaf, and by (node, slot)."""

    def __init__(self) -> None:
        self.of: dict[Key, Summary] = {}
        self.along: dict[tuple[Node, int], Summary] = {}
        self.order: list[Key] = []  # in which they became complete


class _Unhooked(Watcher):
    """A watcher that takes the user's hooks off the leaves which a checkpointed segment meets on its way."""

    def __init__(self) -> None:
        self.taken: list[tuple[Variable, Any]] = []

    def before_forward(self, op: Any, inputs: Sequence[Any]) -> None:  # noqa: ARG002
        """Take them off."""
        for x in inputs:
            if isinstance(x, Variable) and x._hooks:
                self.taken.append((x, x._hooks))
                x._hooks = None

    def put_back(self) -> None:
        """Hang them up again."""
        for x, hooks in self.taken:
            x._hooks = hooks


@np.errstate(all="ignore")
def gradients_of(outputs: Sequence[Variable], watch: Watch | None = None, values: int = 16) -> Gradients:
    """The gradients of the outputs' sum. The graph can be used again; ``watch`` sees the rules run.

    Raises RuntimeError where the tape was freed, or what it needs was changed in place.
    """
    found, pending = Gradients(), dict[Any, Any]()
    heap: list[tuple[int, Node]] = []
    before, quiet = here.mode.watchers, _Unhooked()
    here.mode.watchers = ()
    try:
        with no_grad():
            for y in outputs:
                _send(pending, heap, y if y._node is None else y._node, np.ones_like(y._array))
            while heap:
                node = heapq.heappop(heap)[1]
                g = pending.pop(node)
                if not isinstance(g, Several):
                    found.of[node] = summarize(g, values)
                found.order.append(node)
                _check(node)
                if node.op.each is None and not node.op.rules:  # a checkpointed segment, a `Function`
                    here.mode.watchers = (quiet,)
                    back = list(node.op.forward(g, node, False))
                    here.mode.watchers = ()
                    for parent, gx in back:
                        for i, p in enumerate(node.parents):
                            if p is parent and not isinstance(gx, Several):
                                found.along[node, i] = summarize(gx, values)
                        _send(pending, heap, parent, gx)
                    continue
                _through(node, g, pending, heap, found, watch, values)
    finally:
        here.mode.watchers = before
        quiet.put_back()
    for leaf, g in pending.items():
        found.of[leaf] = summarize(g, values)
    return found


def _check(node: Node) -> None:
    if node.saved is None:
        raise RuntimeError(
            f"the gradients of this graph cannot be shown: backward() has freed what '{node.op.name}' had kept. "
            "Draw before backward(), or call backward(retain_graph=True)"
        )
    if node.order < writes.last_write:
        check_unchanged(node.op.name, node.saved, node.order)


def _through(
    node: Node, g: Any, pending: dict[Any, Any], heap: Any, found: Gradients, watch: Watch | None, values: int
) -> None:
    assert node.saved is not None
    rules = node.op.rules or node.op.rules_of(len(node.parents))
    for i, parent in enumerate(node.parents):
        rule = rules[i] if i < len(rules) else None
        if parent is None or rule is None or (isinstance(parent, Variable) and not parent._wants_grad):
            continue  # the last: frozen, and recorded to be seen
        if watch is not None:
            watch.before_rule(node, i, g)
        gx = rule(g, *node.saved, **node.attributes)
        x = node.saved[i + 1]
        if type(gx) is not np.ndarray or gx.shape != x.shape:
            gx = fitting(gx, x, g, node, i)
        if gx.dtype != x.dtype:
            gx = cast(gx, dtype=x.dtype)
        if watch is not None:
            watch.after_rule(node, i, g, gx)
        found.along[node, i] = summarize(gx, values)
        _send(pending, heap, parent, gx)


def _send(pending: dict[Any, Any], heap: list[tuple[int, Node]], parent: Any, g: Any) -> None:
    if parent in pending:
        pending[parent] = pending[parent] + g
        return
    pending[parent] = g
    if type(parent) is Node:
        heapq.heappush(heap, (-parent.order, parent))
