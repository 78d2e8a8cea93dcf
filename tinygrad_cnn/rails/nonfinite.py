"""Where a loss that is no number came from, read from the recorded graph before the backward frees it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ..arrays.finite import finite, first_bad
from ..arrays.guarding import say
from ..arrays.like import Like
from ..arrays.writes import written_since
from ..autograd.graph import Node, Variable
from .losses import GROWN, lower, say_blown
from .memory import Watch
from .naming import called

REMEDIES = {
    "log": "log(0) is -inf: clamp what goes in, x.clamp(min=1e-12).log(), or take the loss from logits",
    "exp": "exp overflows from 89 on in float32: subtract the maximum first, or use softmax or logsumexp",
    "div": "add a small number to the divisor",
    "true_divide": "add a small number to the divisor",
    "sqrt": "clamp what goes in to 0 or more",
    "pow": "clamp what goes in: a power overflows, and a fractional one of a negative number is NaN",
}


def say_not_finite(root: Variable, loss: float) -> None:
    """Name the first operation that made a NaN or inf of finite numbers, or the parameter or data that held one."""
    nodes = _nodes(root)
    leaves = list({id(p): p for node in nodes for p in node.parents if isinstance(p, Variable)}.values())
    if all(leaf._rail is None and not written_since(leaf._array, 0) for leaf in leaves):
        return  # nobody trains: a question about a function
    watch = next((leaf._rail for leaf in leaves if type(leaf._rail) is Watch and leaf._rail.alive), None)
    if watch is not None:
        if watch.blown:
            return  # said before, when the weights blew up
        optimizer = None if watch.optimizer is None else watch.optimizer()
        if optimizer is not None and watch.steps and watch.growth() > GROWN:
            say_blown(watch, optimizer, loss)
            return
        watch.blown = True
    say(
        "loss-not-finite",
        f"the loss is {loss}: {_origin(root, nodes, leaves, watch)}. A step with its gradients would make every weight "
        "that they reach NaN. Within tg.autograd.detect_anomaly() the error names the line",
        about=watch,
    )


def _nodes(root: Variable) -> list[Node]:
    """All nodes that led to the root, the earliest first."""
    seen: set[Node] = set()
    stack = [root._node]
    while stack:
        node = stack.pop()
        if isinstance(node, Node) and node not in seen:
            seen.add(node)
            stack.extend(p for p in node.parents if type(p) is Node)
    return sorted(seen, key=lambda node: node.order)


def _origin(root: Variable, nodes: list[Node], leaves: list[Variable], watch: Watch | None) -> str:
    """What made it, in words."""
    bad = [leaf for leaf in leaves if not finite(leaf)]
    if bad:
        return (
            f"{called(bad, watch)}: has {first_bad(bad[0])} already, since an earlier step. Begin again with new "
            f"weights, {lower(watch)} and tg.nn.utils.clip_grad_norm_ before each step"
        )
    made: dict[Node, ndarray] = {}
    for node in nodes:  # what was kept: outputs, and inputs, which are outputs of others
        for maker, a in zip((node, *node.parents), node.saved or (), strict=False):
            if type(maker) is Node and type(a) is ndarray:
                made.setdefault(maker, a)
    if root._node is not None:
        made[root._node] = root._array
    masks = ""
    for node in nodes:
        given = _given(node, made)
        if node not in made and (y := _again(node, given)) is not None:
            made[node] = y
        for i, (parent, x) in enumerate(zip(node.parents, given, strict=False)):
            if parent is None and not finite(x):
                what = f"input {i} of {_op(node)}, which is data, has {first_bad(x)}. Look with np.isfinite(data)"
                if not np.isnan(x).any() and not np.isposinf(x).any():  # -inf: a mask, perhaps
                    masks = masks or what
                else:
                    return what
        if node in made and not finite(made[node]) and all(map(finite, (*given, *node.attributes.values()))):
            shapes = ", ".join(str(x.shape) for x in given if hasattr(x, "shape"))
            sure = "finite inputs" if not any(isinstance(x, Like) for x in given) else "inputs that were not kept,"
            return f"{_op(node)} made {first_bad(made[node])} from {sure} of shape {shapes}. {_remedy(node, watch)}"
    return masks or f"where it arose was not kept. {_remedy(None, watch)}"


def _given(node: Node, made: dict[Node, ndarray]) -> list[Any]:
    """All that went into an operation, as far as it is known; a `Like` where it is not."""
    return [
        made.get(p, x) if type(p) is Node else p._array if isinstance(p, Variable) else x
        for p, x in zip(node.parents, (node.saved or ())[1:], strict=False)
    ]


def _again(node: Node, given: list[Any]) -> ndarray | None:
    """The output of an operation, computed once more; None where it does not let itself be."""
    if not (node.op.rules or node.op.each) or any(isinstance(x, Like) for x in given):
        return None
    if any(isinstance(x, ndarray) and written_since(x, node.order) for x in given):
        return None
    try:
        with np.errstate(all="ignore"):
            y = node.op.forward(*given, **node.attributes)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):  # hints among the attributes
        return None
    return np.asarray(y[0] if isinstance(y, tuple) else y)


def _op(node: Node) -> str:
    return f"'{node.op.name}'" + ("" if node.module is None else f" (in {type(node.module).__name__})")


def _remedy(node: Node | None, watch: Watch | None) -> str:
    known = None if node is None else REMEDIES.get(node.op.name)
    return (known[0].upper() + known[1:]) if known else f"Most often it helps to begin again {lower(watch)}"
