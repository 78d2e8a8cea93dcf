"""The way back: gradients of outputs by what they were made from.

Nodes are walked from the latest to the earliest (reverse mode, Linnainmaa 1970; Speelpenning 1980). The rules are made
of operations, so running them on tensors records a graph of the gradients: second derivatives need no second set.
"""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..arrays import guarding, writes
from ..arrays.like import NOT_KEPT, Like
from ..arrays.telling import tell
from .arrival import accumulate, call_hook, through_hooks
from .graph import Array, Node, Variable, array_of, wrap
from .modes import here, set_grad_enabled
from .operation import op, record


@op(lambda g, _y, _x, *, shape: g, view=True)  # noqa: ARG005  (the engine sums g to the shape of x)
def broadcast_to(x: Array, *, shape: tuple[int, ...]) -> Array:
    """x repeated along new and along size-1 dimensions, without a copy."""
    return np.broadcast_to(x, shape)


@op(lambda g, _y, _x, *, shape: broadcast_to(g, shape=_x.shape))  # noqa: ARG005
def sum_to(x: Array, *, shape: tuple[int, ...]) -> Array:
    """The adjoint of broadcasting: x summed over the dimensions that ``shape`` lacks or has as 1."""
    lead = x.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1)
    return x.sum(axes, keepdims=True).reshape(shape)


@op(lambda g, _y, _x, *, dtype: g)  # noqa: ARG005  (the engine casts g to the dtype of x)
def _cast(x: Array, *, dtype: np.dtype[Any]) -> Array:
    return x.astype(dtype)


@op()
def _convert(x: Array, *, dtype: np.dtype[Any]) -> Array:
    return x.astype(dtype)


def cast(x: Array, *, dtype: np.dtype[Any]) -> Array:
    """x in another dtype; integers and booleans have no gradient."""
    return (_cast if dtype.kind == "f" else _convert)(x, dtype=dtype)


@np.errstate(all="ignore")  # a slope at a pole is inf or NaN, as the numbers say
def walk(
    roots: Iterable[tuple[Variable, Any]], retain: bool, create: bool, targets: Any = None, within: bool = False
) -> dict[Node | Variable, Any]:
    """Gradients of the leaves (or of the targets), from those of the roots; arrays, or tensors if ``create``.

    Nodes are taken from the latest to the earliest: each has all its gradient at its turn. ``within`` ends at targets.
    """
    pending: dict[Node | Variable, Any] = {}  # gradients on their way, summed
    heap: list[tuple[int, Node]] = []
    wanted = None if targets is None else {t if t._node is None else t._node for t in targets}
    needed = None if wanted is None else _leading_to(wanted, [r for r, _ in roots])
    found: dict[Node | Variable, Any] = {}
    watchers, outer = here.mode.watchers, here.mode.module

    def send(parent: Node | Variable, g: Any) -> None:
        before = pending.get(parent)
        if before is not None:
            pending[parent] = before + g
        else:
            pending[parent] = g
            if type(parent) is Node:
                heapq.heappush(heap, (-parent.order, parent))

    for root, g in roots:
        start = root if root._node is None else root._node
        if needed is None or start in needed:
            send(start, g)

    try:
        while heap:
            node = heapq.heappop(heap)[1]
            g = pending.pop(node)
            if node.extra is not None and not within:
                g = through_hooks(node.extra, g, create)
            if wanted is not None and node in wanted:
                found[node] = g
            leads = needed is None or any(p in needed for p in node.parents if p is not None)
            if (within and node in found) or (not leads and not node.op.knows_more):
                continue
            kept = node.saved  # looked at once: a backward in another thread may free it
            if kept is None:
                raise RuntimeError(
                    f"backward a second time through '{node.op.name}': what it had kept was freed by the first. "
                    "Call backward(retain_graph=True) the first time, or compute the output again"
                )
            if node.order < writes.last_write:
                writes.check_unchanged(node.op.name, kept, node.order)
            for watcher in watchers:
                watcher.before_node(node)
            this, attributes = node.op, node.attributes
            if create:
                here.mode.module = this, node.within
            rules = this.rules or this.rules_of(len(node.parents))
            if not rules:  # it says itself what goes to whom: a checkpointed segment, a `Function`
                for parent, gx in this.forward(g, node, create):
                    if needed is None or parent in needed:
                        send(parent, gx)
            saved = _lift(node, kept) if create and rules else kept
            for i, parent in enumerate(node.parents, 1):
                if parent is None or (needed is not None and parent not in needed):
                    continue
                if i > len(rules) or (rule := rules[i - 1]) is None:
                    continue
                for watcher in watchers:
                    watcher.before_rule(node, i - 1, g)
                try:
                    gx = rule(g, *saved, **attributes)
                except Exception as error:
                    if "Like" in str(error):
                        tell(error, NOT_KEPT)
                    tell(error, f"in the gradient rule of {_called(node, i - 1)}")
                    raise
                x = saved[i]
                if create or type(gx) is not ndarray or gx.shape != x.shape:
                    gx = fitting(gx, x, g, node, i - 1)
                if gx.dtype is not x.dtype and gx.dtype != x.dtype:
                    gx = cast(gx, dtype=x.dtype)
                for watcher in watchers:
                    watcher.after_rule(node, i - 1, g, gx)
                before = pending.get(parent)  # as in send(), spelled out: this is the innermost loop
                if before is not None:
                    pending[parent] = before + gx
                else:
                    pending[parent] = gx
                    if type(parent) is Node:
                        heapq.heappush(heap, (-parent.order, parent))
            if not retain:
                for a in kept:
                    if type(a) is ndarray:  # it kept something, which is free now
                        node.saved = None
                        break
    finally:
        here.mode.module = outer

    for leaf, g in pending.items():
        hooks = None if within else leaf._hooks  # type: ignore[union-attr]
        for hook in list(hooks.values()) if hooks else ():
            g = call_hook(hook, g, create)
        if wanted is None or leaf in wanted:
            found[leaf] = g
    return found


def _called(node: Node, i: int) -> str:
    within = f", called in {type(node.module).__name__}" if node.module is not None else ""
    return f"'{node.op.name}' by its input {i}{within}"


def fitting(gx: Any, x: Any, g: Any, node: Node, i: int) -> Any:
    """What a rule returned, summed to the shape of its input x; or an error that says what is wrong with the rule."""
    if not isinstance(gx, (ndarray, np.generic, Variable)):
        got = "None" if gx is None else f"a {type(gx).__name__}"
        raise TypeError(
            f"the gradient rule of {_called(node, i)} returned {got}; it must return an array of the input's shape, "
            f"{x.shape}. Write None in the place of the rule where there is no gradient"
        )
    if isinstance(g, Variable) and not isinstance(gx, Variable) and np.any(gx):
        raise TypeError(
            f"the gradient rule of {_called(node, i)} made an array of a tensor, so its own gradient is lost; under "
            "create_graph rules run on tensors: use operations in it (tg.exp(x), not np.exp(x) or x.numpy())"
        )
    shape, own = np.shape(array_of(gx)), x.shape
    if shape == own:
        return gx
    d = len(shape)
    ours, of_g = ((1,) * (d - len(s)) + s[max(len(s) - d, 0) :] for s in (own, g.shape))
    fits = all(m == n or (n == 1 and m == k) for m, n, k in zip(shape, ours, of_g, strict=True))
    if d < len(own) or not fits:
        raise ValueError(
            f"the gradient rule of {_called(node, i)} returned shape {shape}; it must return the input's shape, "
            f"{x.shape}, or one that this was broadcast to"
        )
    return sum_to(gx, shape=own)


def _lift(node: Node, kept: Sequence[Any]) -> list[Any]:
    """What a node kept, as tensors that hang in the graph: so that rules run on them are recorded."""
    y, *inputs = kept
    return [y if type(y) is Like else wrap(y, node), *map(lift, inputs, node.parents)]


def lift(a: Any, parent: Node | Variable | None) -> Any:
    """An array that was kept, as a tensor with the way to where it came from; what is no array as it is."""
    if type(a) is not ndarray:
        return a
    if not isinstance(parent, Variable):
        return wrap(a, parent)
    if parent._array is a:
        return parent
    # a leaf that was overwritten, or given other data: its old values, with a way to it
    return wrap(a, record(broadcast_to.op, (parent,), (a,), a, {"shape": a.shape}))  # type: ignore[attr-defined]


def _leading_to(wanted: set[Node | Variable], roots: Iterable[Variable]) -> set[Node | Variable]:
    """All nodes and leaves on a path from the roots to one that is wanted."""
    needed = set(wanted)
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(r._node, False) for r in roots if r._node is not None]
    while stack:
        node, done = stack.pop()
        if done:
            if any(p in needed for p in node.parents if p is not None) or node.op.knows_more:
                needed.add(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((p, False) for p in node.parents if type(p) is Node)
    return needed


def _first_gradient(y: Variable, gradient: Any, create: bool) -> Any:
    if gradient is None:
        if y._array.size != 1:
            raise RuntimeError(
                f"backward of a tensor of shape {y._array.shape} needs a gradient of that shape: only a single number "
                "has an obvious one. Reduce it first (y.sum().backward()) or pass y.backward(gradient)"
            )
        g: Any = np.array(1, y._array.dtype, ndmin=y._array.ndim)  # np.ones_like takes four times as long
        return wrap(g, None) if create else g
    g = gradient if isinstance(gradient, Variable) else wrap(np.asarray(gradient), None)
    if g._array.shape != y._array.shape:
        raise RuntimeError(f"the gradient has shape {g._array.shape}, but the tensor it belongs to {y._array.shape}")
    g = cast(g, dtype=y._array.dtype)  # and a copy: no gradient on its way changes when the user writes into this one
    return g if create else g._array


def _roots(outputs: Any, gradients: Any, create: bool, what: str) -> list[tuple[Variable, Any]]:
    """Each output with the gradient that it starts from."""
    ys = [outputs] if isinstance(outputs, Variable) else list(outputs)
    gs = list(gradients) if isinstance(gradients, (list, tuple)) else [gradients] * (gradients is not None or len(ys))
    if len(gs) != len(ys):
        raise ValueError(f"grad_{what} has {len(gs)} entries for {len(ys)} {what}")
    if any(y._node is None and not y._wants_grad for y in ys):
        raise RuntimeError(
            "this tensor does not require grad and no operation on one that does made it: there is nothing to "
            "differentiate. Set requires_grad=True on an input, and compute outside no_grad()"
        )
    return [(y, _first_gradient(y, g, create)) for y, g in zip(ys, gs, strict=True)]


def _listed(inputs: Any, what: str) -> list[Variable]:
    xs = [inputs] if isinstance(inputs, Variable) else list(inputs)
    if not xs or not all(isinstance(x, Variable) for x in xs):
        got = next((type(x).__name__ for x in xs if not isinstance(x, Variable)), "none at all")
        raise (TypeError if xs else RuntimeError)(f"{what}: inputs must be a Tensor or a sequence of them, got {got}")
    return xs


def backward(
    tensors: Variable | Sequence[Variable],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Variable | Sequence[Variable] | None = None,
) -> None:
    """Add the gradients of several tensors at once to the leaves they came from (or to ``inputs`` alone).

    If anything fails on the way, no ``.grad`` of a leaf has changed. Arguments as those of `Tensor.backward`;
    ``grad_variables`` is the old name of ``grad_tensors``.
    """
    inputs = None if inputs is None else _listed(inputs, "backward")
    roots = _roots(tensors, grad_variables if grad_tensors is None else grad_tensors, create_graph, "tensors")
    guarding.rails.before_walk(roots)
    with set_grad_enabled(create_graph):
        found = walk(roots, create_graph if retain_graph is None else retain_graph, create_graph, inputs)
        guarding.rails.before_arrival(found)
        given = {id(g) for _, g in roots}
        for x in list(found) if inputs is None else inputs:
            key = x if not isinstance(x, Variable) or x._node is None else x._node
            if (g := found.pop(key, None)) is None:
                continue
            if not create_graph:  # an array of its own: rules like that of `add` hand one gradient to several inputs
                if id(g) in given or getattr(g, "base", None) is not None:
                    g = np.array(g, order="K", subok=False)
                given.add(id(g))
            accumulate(x, g)  # type: ignore[arg-type]


def grad(
    outputs: Variable | Sequence[Variable],
    inputs: Variable | Sequence[Variable],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of ``outputs`` by ``inputs``, as a tuple; no ``.grad`` is touched.

    Args:
        outputs: a tensor or a sequence of them; what is differentiated is their sum, weighted by ``grad_outputs``.
        inputs: leaves or intermediate tensors.
        grad_outputs: one gradient per output, of its shape; None is 1 for a single number.
        retain_graph: keep the graph for another backward; by default as ``create_graph``.
        create_graph: record the gradients themselves, so that they can be differentiated again.
        only_inputs: as in PyTorch without effect: no other gradient is ever touched.
        allow_unused: None, instead of an error, for an input that the outputs do not depend on.
        is_grads_batched: not supported: call once for each row, or use `autograd.functional.jacobian`.
        materialize_grads: zeros, instead of None, for an input that the outputs do not depend on.
    """
    if is_grads_batched:
        raise NotImplementedError("grad: is_grads_batched=True is not supported; call grad() once for each row")
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: materialize_grads=True gives zeros for unused inputs; leave allow_unused=False out")
    if not only_inputs:
        warnings.warn("grad: only_inputs has no effect; use backward() for all leaves", FutureWarning, stacklevel=2)
    roots = _roots(outputs, grad_outputs, create_graph, "outputs")
    xs = _listed(inputs, "grad")
    for k, x in enumerate(xs):
        if x._node is None and not x._wants_grad:
            raise RuntimeError(f"input {k} does not require grad, so there is no gradient by it")
    with set_grad_enabled(create_graph):
        found = walk(roots, create_graph if retain_graph is None else retain_graph, create_graph, xs)
    result = []
    for k, x in enumerate(xs):
        g = found.get(x if x._node is None else x._node)
        g = np.zeros_like(x._array) if g is None and materialize_grads else g
        if g is None and not allow_unused:
            raise RuntimeError(f"the outputs do not depend on input {k}; pass allow_unused=True to get None for it")
        result.append(g if g is None or isinstance(g, Variable) else wrap(np.asarray(g), None))
    return tuple(result)
