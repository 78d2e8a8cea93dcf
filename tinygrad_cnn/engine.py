"""The autograd engine: operations, the graph they leave behind, and the way back through it. Knows no operation.

An operation is a NumPy function with one gradient rule per input, declared with `op`. Called with tensors while
gradients are recorded, it leaves a `Node`: which operation, from which parents, with what it will need on the way
back. `backward` and `grad` walk these nodes from the latest to the earliest (reverse mode, Linnainmaa 1970;
Speelpenning 1980). The rules themselves are made of operations, so running them on tensors records a graph of the
gradients: second derivatives need no second set of rules.
"""

from __future__ import annotations

import functools
import heapq
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy import ndarray

from . import inplace
from .inplace import mutated as mutated
from .inplace import rebind as rebind
from .inplace import tickets
from .modes import detect_anomaly as detect_anomaly
from .modes import enable_grad as enable_grad
from .modes import is_grad_enabled as is_grad_enabled
from .modes import mode
from .modes import no_grad as no_grad
from .modes import set_grad_enabled as set_grad_enabled

Array: TypeAlias = Any  # an ndarray or a Tensor: forwards and rules are written once, for both
Rule: TypeAlias = Callable[..., Any]
F = TypeVar("F", bound=Callable[..., Any])
_NUMPY_1 = np.__version__.startswith("1.")
_NONE: dict[str, Any] = {}  # the attributes of an operation without any
_FLOATS = frozenset((np.dtype(np.float32), np.dtype(np.float64)))


class Variable:
    """What the engine needs of a tensor: an array, and the node that made it (None for a leaf)."""

    __slots__ = ("__dict__", "__weakref__", "_node", "data")
    _node: Node | None
    data: Any
    grad: Any = None  # the accumulated gradient, a tensor, of a leaf (or after retain_grad)
    _wants_grad = False  # a leaf that requires a gradient
    _aliased = False  # a view, or seen through one: may not change in place while recorded
    _hooks: dict[int, Callable[[Any], Any]] | None = None  # of a leaf; a node keeps its own
    _result: ClassVar[type[Variable]]  # the class that operations return

    def __init_subclass__(cls, result: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if result:
            Variable._result = cls


class Like(NamedTuple):
    """Shape and dtype of an array that was not kept: what a rule gets for a parameter named with an underscore."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)


_like = functools.lru_cache(maxsize=4096)(Like)


class Op:
    """One differentiable operation: its name, its forward on arrays, and one rule per differentiable input."""

    def __init__(self, forward: Rule, rules: Sequence[Rule | None], each: Rule | None) -> None:
        self.name = forward.__name__.strip("_")
        self.forward, self.rules, self.each = forward, tuple(rules), each
        self.read: dict[tuple[int, int], tuple[bool, ...]] = {}  # what `keeps` found out

    def rules_of(self, n: int) -> Sequence[Rule | None]:
        """The rules of n inputs; None where there is no gradient. Inputs beyond the last rule have none."""
        return self.rules if self.each is None else [functools.partial(self.each, i=i) for i in range(n)]

    def keeps(self, wanted: int, n: int) -> tuple[bool, ...]:
        """Which of (y, input 0, ..., input n - 1) the rules of the inputs in the bit mask ``wanted`` read."""
        if (wanted, n) not in self.read:
            flags = [False] * (n + 1)
            for i in range(n):
                rule = self.each if self.each is not None else self.rules[i] if i < len(self.rules) else None
                if wanted >> i & 1 and rule is not None:
                    flags = [a or b for a, b in zip(flags, _reads(rule, n + 1), strict=True)]
            self.read[wanted, n] = tuple(flags)
        return self.read[wanted, n]

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def _reads(rule: Rule, n: int) -> list[bool]:
    """Which of the n arguments after ``g`` a rule reads: those whose names do not start with an underscore."""
    code = rule.__code__
    named = code.co_varnames[1 : code.co_argcount]
    rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount] if code.co_flags & 0x04 else "_"
    return [not (named[k] if k < len(named) else rest).startswith("_") for k in range(n)]


class Node:
    """One step of a recorded computation. It knows its parents, never its descendants, so nothing forms a cycle."""

    __slots__ = ("__weakref__", "attributes", "extra", "op", "order", "parents", "saved")

    def __init__(
        self,
        op: Op,
        parents: tuple[Node | Variable | None, ...],  # a node, a leaf tensor, or None: no gradient wanted
        saved: tuple[Any, ...] | None,  # (y, *inputs): arrays, or `Like`s of those no rule reads; None once freed
        attributes: dict[str, Any],
        order: int,
    ) -> None:
        self.op, self.parents, self.saved, self.attributes, self.order = op, parents, saved, attributes, order
        self.extra: Extra | None = None

    def __repr__(self) -> str:
        return f"<{self.op.name} node>"


class Extra:
    """What few nodes have: hooks, and a tensor that retains its gradient."""

    __slots__ = ("hooks", "retain")

    def __init__(self) -> None:
        self.hooks: dict[int, Callable[[Any], Any]] = {}
        self.retain: weakref.ref[Variable] | None = None


# ---------------------------------------------------------------------------------------------- declaring operations
def op(
    *rules: Rule | None, each: Rule | None = None, view: bool = False, prepare: Rule | None = None
) -> Callable[[F], F]:
    """Make an operation of a function on arrays.

    One rule per differentiable input stands in the decorator: ``rule(g, y, *inputs, **attributes)`` returns the
    gradient of that input, given ``g``, the gradient of the output ``y``. It may use broadcasting freely: the engine
    sums a gradient to its input's shape. A parameter whose name starts with an underscore stands for shape and dtype
    alone; its array is not kept. ``None`` marks an input without a gradient.

    Args:
        each: one rule for any number of inputs; it gets the position as ``i``.
        view: the output may share memory with the input.
        prepare: called with the tuple of inputs when one is a tensor; returns the inputs to use (type promotion).

    A forward may return ``(y, {name: hint})``: the hints join the attributes that the rules get.

    >>> @op(lambda g, _y, x: 2 * x * g)
    ... def squared(x):
    ...     return x * x
    """

    def declare(forward: F) -> F:
        this = Op(forward, rules, each)
        recordable = bool(rules) or each is not None

        @functools.wraps(forward)
        def apply(*inputs: Any, **attributes: Any) -> Any:
            for x in inputs:
                if isinstance(x, Variable):
                    break
            else:  # arrays in, an array out
                y = forward(*inputs, **attributes)
                return y[0] if type(y) is tuple else y
            if mode.watchers:
                return _watched(apply, inputs, attributes)
            if prepare is not None:
                inputs = prepare(inputs)
            arrays = [x.data if isinstance(x, Variable) else x for x in inputs]
            try:
                y = forward(*arrays, **attributes)
            except ValueError as error:
                raise _explained(error, this, arrays) from None
            if type(y) is not ndarray or (_NUMPY_1 and y.ndim == 0 and "dtype" not in attributes):
                y, attributes = _settled(y, arrays, attributes)
            node = _record(this, inputs, arrays, y, attributes) if recordable and mode.recording else None
            result = _wrap(y, node)
            if view and isinstance(inputs[0], Variable) and np.may_share_memory(y, arrays[0]):
                result._aliased = inputs[0]._aliased = True
            return result

        # The same for one and for two floating tensors, spelled out: half of the time that a small operation takes.
        def unary(x: Any, /, **attributes: Any) -> Any:
            if type(x) is ndarray:
                y = forward(x, **attributes)
                return y[0] if type(y) is tuple else y
            if not isinstance(x, Variable) or mode.watchers or (a := x.data).dtype not in _FLOATS:
                return apply(x, **attributes)
            y = forward(a, **attributes)
            if type(y) is not ndarray:
                y, attributes = _settled(y, (a,), attributes)
            parent = x if x._wants_grad else x._node
            if parent is None or not mode.recording:
                return _wrap(y, None)
            read = this.read.get((1, 1)) or this.keeps(1, 1)
            saved = y if read[0] else _like(y.shape, y.dtype), a if read[1] else _like(a.shape, a.dtype)
            result = object.__new__(Variable._result)
            result.data, result._node = y, Node(this, (parent,), saved, attributes or _NONE, next(tickets))
            return result

        def binary(x: Any, w: Any, /, **attributes: Any) -> Any:
            if type(x) is ndarray is type(w):
                y = forward(x, w, **attributes)
                return y[0] if type(y) is tuple else y
            if not isinstance(x, Variable) or mode.watchers or (a := x.data).dtype not in _FLOATS:
                return apply(x, w, **attributes)
            if isinstance(w, Variable) and (b := w.data).dtype is a.dtype:
                other = w if w._wants_grad else w._node
            elif type(w) is float:
                b, other = w, None
            else:
                return apply(x, w, **attributes)
            try:
                y = forward(a, b, **attributes)
            except ValueError as error:
                raise _explained(error, this, [a, b]) from None
            if type(y) is not ndarray:
                y, attributes = _settled(y, (a, b), attributes)
            parent = x if x._wants_grad else x._node
            wanted = (parent is not None) + 2 * (other is not None)
            if not wanted or not mode.recording:
                return _wrap(y, None)
            read = this.read.get((wanted, 2)) or this.keeps(wanted, 2)
            saved = (
                y if read[0] else _like(y.shape, y.dtype),
                a if read[1] else _like(a.shape, a.dtype),
                b if read[2] or b is w else _like(b.shape, b.dtype),
            )
            return _wrap(y, Node(this, (parent, other), saved, attributes or _NONE, next(tickets)))

        count = 0 if view or _NUMPY_1 or not rules else _inputs(forward)
        fast = unary if count == 1 else binary if count == 2 else apply
        fast = functools.wraps(forward)(fast)
        fast.op = apply.op = this  # type: ignore[attr-defined]
        return fast  # type: ignore[return-value]

    return declare


def _inputs(forward: Rule) -> int:
    """How many inputs a forward takes by position; 0 if any number (``*b``)."""
    while hasattr(forward, "__wrapped__"):
        forward = forward.__wrapped__
    code = forward.__code__
    return 0 if code.co_flags & 0x04 else code.co_argcount


def _watched(apply: Rule, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    """Apply an operation under the eyes of the watchers (anomaly mode, profiler), which see no operation within it."""
    watchers, mode.watchers = mode.watchers, ()
    try:
        for watcher in watchers:
            watcher.before_forward(apply.op, inputs)  # type: ignore[attr-defined]
        result = apply(*inputs, **attributes)
        for watcher in watchers:
            watcher.after_forward(apply.op, inputs, attributes, result)  # type: ignore[attr-defined]
    finally:
        mode.watchers = watchers
    return result


def _explained(error: ValueError, this: Op, arrays: list[Any]) -> ValueError:
    """NumPy's error, with the operation and the shapes where these do not broadcast."""
    if "could not be broadcast" not in str(error):
        return error
    shapes = " and ".join(str(a.shape) for a in arrays if isinstance(a, ndarray))
    return ValueError(
        f"{this.name}: shapes {shapes} do not broadcast together: counted from the last dimension, two sizes "
        "must be equal or one of them 1; bring one to the other with reshape, unsqueeze or expand"
    )


def _settled(y: Any, arrays: Sequence[Any], attributes: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What a forward returned, as an array and attributes: hints join these, a NumPy number becomes a 0-d array.

    NumPy 1 widens a 0-d float32 beside a Python number: that is taken back.
    """
    if type(y) is tuple:
        y, hints = y
        attributes = {**attributes, **hints}
    y = np.asarray(y)
    if _NUMPY_1 and y.ndim == 0 and "dtype" not in attributes and y.dtype.kind == "f":
        widths = [a.dtype.itemsize for a in arrays if isinstance(a, ndarray) and a.dtype.kind == "f"]
        if widths and max(widths) < y.dtype.itemsize:
            y = y.astype(f"f{max(widths)}")
    return y, attributes


def _record(this: Op, inputs: tuple[Any, ...], arrays: list[Any], y: Any, attributes: dict[str, Any]) -> Node | None:
    """The node of one application, or None where no input wants a gradient."""
    parents: list[Node | Variable | None] = []
    wanted, bit = 0, 1
    for x in inputs:
        parent: Node | Variable | None = None
        if isinstance(x, Variable):
            parent = x._node
            if parent is None and x._wants_grad:
                parent = x
            if parent is not None:
                wanted |= bit
        parents.append(parent)
        bit += bit
    if not wanted:
        return None
    n = len(arrays)
    keep = this.read.get((wanted, n)) or this.keeps(wanted, n)
    saved = [y if keep[0] else _like(y.shape, y.dtype)]
    for a, kept in zip(arrays, keep[1:], strict=True):
        saved.append(a if kept or type(a) is not ndarray else _like(a.shape, a.dtype))
    return Node(this, tuple(parents), tuple(saved), attributes, next(tickets))


def _wrap(data: Any, node: Node | None) -> Any:
    """A tensor around an array, made by a node."""
    t = object.__new__(Variable._result)
    t.data = data
    t._node = node
    return t


# ------------------------------------------------------------------------------------------------------ the way back
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
def _run(
    roots: Iterable[tuple[Variable, Any]], retain: bool, create: bool, targets: Sequence[Variable] | None = None
) -> dict[Node | Variable, Any]:
    """Gradients of the leaves (or of the targets), from those of the roots; arrays, or tensors if ``create``.

    Nodes are taken from the latest to the earliest, so each has all of its gradient when its turn comes.
    """
    pending: dict[Node | Variable, Any] = {}  # gradients on their way, summed
    heap: list[tuple[int, Node]] = []
    wanted = None if targets is None else {t if t._node is None else t._node for t in targets}
    needed = None if wanted is None else _leading_to(wanted, [r for r, _ in roots])
    found: dict[Node | Variable, Any] = {}
    watchers = mode.watchers

    def send(parent: Node | Variable, g: Any) -> None:
        before = pending.get(parent)
        if before is not None:
            pending[parent] = before + g
        else:
            pending[parent] = g
            if type(parent) is Node:
                heapq.heappush(heap, (-parent.order, parent))

    for root, g in roots:
        send(root if root._node is None else root._node, g)

    while heap:
        node = heapq.heappop(heap)[1]
        g = pending.pop(node)
        if node.extra is not None:
            g = _through_hooks(node.extra, g, create)
        if wanted is not None and node in wanted:
            found[node] = g
            if needed is not None and not any(p in needed for p in node.parents if p is not None):
                continue
        if node.saved is None:
            raise RuntimeError(
                f"backward a second time through '{node.op.name}': what it had kept was freed by the first. "
                "Call backward(retain_graph=True) the first time, or compute the output again"
            )
        if node.order < inplace.last_write:
            inplace.check_unchanged(node.op.name, node.saved, node.order)
        this, attributes = node.op, node.attributes
        if this.each is None and not this.rules:  # a segment that computes itself again
            for parent, gx in this.forward(g, node, create):
                if needed is None or parent in needed:
                    send(parent, gx)
            continue
        saved = _lift(node) if create else node.saved
        rules = this.rules or this.rules_of(len(node.parents))
        i = 0
        for parent in node.parents:
            i += 1
            if parent is None or (needed is not None and parent not in needed):
                continue
            rule = rules[i - 1] if i <= len(rules) else None
            if rule is None:
                continue
            for watcher in watchers:
                watcher.before_rule(node, i - 1, g)
            gx = rule(g, *saved, **attributes)
            x = saved[i]
            if gx.shape != x.shape:
                gx = sum_to(gx, shape=x.shape)
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
            for a in saved:
                if type(a) is not Like:  # it kept something, which is free now
                    node.saved = None
                    break

    for leaf, g in pending.items():
        hooks = leaf._hooks  # type: ignore[union-attr]
        for hook in list(hooks.values()) if hooks else ():
            g = _call_hook(hook, g, create)
        if wanted is None or leaf in wanted:
            found[leaf] = g
    return found


def _lift(node: Node) -> list[Any]:
    """What a node saved, as tensors that hang in the graph: so that rules run on them are recorded."""
    y, *inputs = node.saved or ()
    lifted = [y if type(y) is Like else _wrap(y, node)]
    for a, parent in zip(inputs, node.parents, strict=True):
        if parent is None or type(a) is Like:
            lifted.append(a if type(a) is not ndarray else _wrap(a, None))
        else:
            lifted.append(parent if isinstance(parent, Variable) else _wrap(a, parent))
    return lifted


def _leading_to(wanted: set[Node | Variable], roots: Iterable[Variable]) -> set[Node | Variable]:
    """All nodes and leaves on a path from the roots to one that is wanted."""
    needed = set(wanted)
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(r._node, False) for r in roots if r._node is not None]
    while stack:
        node, done = stack.pop()
        if done:
            if any(p in needed for p in node.parents if p is not None) or not (node.op.rules or node.op.each):
                needed.add(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((p, False) for p in node.parents if type(p) is Node)
    return needed


def _array(g: Any) -> Any:
    return g.data if isinstance(g, Variable) else np.asarray(g)


def _call_hook(hook: Callable[[Any], Any], g: Any, create: bool) -> Any:
    tensor = g if isinstance(g, Variable) else _wrap(np.asarray(g), None)
    new = hook(tensor)
    if new is None:
        return g
    if not isinstance(new, Variable) or new.data.shape != tensor.data.shape:
        got = f"shape {new.data.shape}" if isinstance(new, Variable) else type(new).__name__
        raise RuntimeError(f"a gradient hook must return None or a Tensor of shape {tensor.data.shape}, got {got}")
    return new if create else new.data.copy(order="K")


def _through_hooks(extra: Extra, g: Any, create: bool) -> Any:
    for hook in list(extra.hooks.values()):
        g = _call_hook(hook, g, create)
    retaining = extra.retain() if extra.retain is not None else None
    if retaining is not None:
        _accumulate(retaining, g if create else np.array(g))
    return g


def _accumulate(leaf: Variable, g: Any) -> None:
    """Add to ``leaf.grad``; the first gradient becomes it."""
    if isinstance(g, Variable):
        leaf.grad = g if leaf.grad is None else leaf.grad + g
    elif leaf.grad is None:
        leaf.grad = _wrap(np.asarray(g), None)
    elif leaf.grad._node is None and leaf.grad.data.flags.writeable:
        np.add(leaf.grad.data, g, out=leaf.grad.data)
        mutated(leaf.grad.data)
    else:
        leaf.grad = leaf.grad + _wrap(np.asarray(g), None)


def _first_gradient(y: Variable, gradient: Any, create: bool) -> Any:
    if gradient is None:
        if y.data.size != 1:
            raise RuntimeError(
                f"backward of a tensor of shape {y.data.shape} needs a gradient of that shape: only a single number "
                "has an obvious one. Reduce it first (y.sum().backward()) or pass y.backward(gradient)"
            )
        g = np.ones_like(y.data)
        return _wrap(g, None) if create else g
    g = gradient if isinstance(gradient, Variable) else _wrap(np.asarray(gradient), None)
    if g.data.shape != y.data.shape:
        raise RuntimeError(f"the gradient has shape {g.data.shape}, but the tensor it belongs to {y.data.shape}")
    g = cast(g, dtype=y.data.dtype)  # and a copy: no gradient on its way changes when the user writes into this one
    return g if create else g.data


def _check_roots(outputs: Sequence[Variable]) -> None:
    for y in outputs:
        if y._node is None and not y._wants_grad:
            raise RuntimeError(
                "this tensor does not require grad and no operation on one that does made it: there is nothing to "
                "differentiate. Set requires_grad=True on an input, and compute outside no_grad()"
            )


def backward(
    outputs: Sequence[Variable],
    gradients: Sequence[Any],
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Variable] | None = None,
) -> None:
    """Add the gradients of ``outputs`` to ``.grad`` of the leaves they came from (or of ``inputs`` alone).

    If anything fails on the way, no ``.grad`` of a leaf has changed.
    """
    _check_roots(outputs)
    retain = create_graph if retain_graph is None else retain_graph
    roots = [(y, _first_gradient(y, g, create_graph)) for y, g in zip(outputs, gradients, strict=True)]
    with set_grad_enabled(create_graph):
        found = _run(roots, retain, create_graph, inputs)
        given = {id(g) for _, g in roots}
        for x in list(found) if inputs is None else inputs:
            key = x if not isinstance(x, Variable) or x._node is None else x._node
            g = found.pop(key, None)
            if g is None:
                continue
            if not create_graph:  # an array of its own: rules like that of `add` hand one gradient to several inputs
                if id(g) in given or getattr(g, "base", None) is not None:
                    g = np.array(g, order="K", subok=False)
                given.add(id(g))
            _accumulate(x, g)  # type: ignore[arg-type]


def grad(
    outputs: Variable | Sequence[Variable],
    inputs: Variable | Sequence[Variable],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Any, ...]:
    """The gradients of ``outputs`` by ``inputs``, as a tuple; no ``.grad`` is touched.

    Args:
        outputs: a tensor or a sequence of them; what is differentiated is their sum, weighted by ``grad_outputs``.
        inputs: leaves or intermediate tensors.
        grad_outputs: one gradient per output, of its shape; None is 1 for a single number.
        retain_graph: keep the graph for another backward; by default as ``create_graph``.
        create_graph: record the gradients themselves, so that they can be differentiated again.
        allow_unused: None, instead of an error, for an input that the outputs do not depend on.
    """
    ys = [outputs] if isinstance(outputs, Variable) else list(outputs)
    xs = [inputs] if isinstance(inputs, Variable) else list(inputs)
    if grad_outputs is None:
        gs = [None] * len(ys)
    else:
        gs = list(grad_outputs) if isinstance(grad_outputs, (list, tuple)) else [grad_outputs]
    if len(gs) != len(ys):
        raise ValueError(f"grad_outputs has {len(gs)} entries for {len(ys)} outputs")
    _check_roots(ys)
    for k, x in enumerate(xs):
        if x._node is None and not x._wants_grad:
            raise RuntimeError(f"input {k} does not require grad, so there is no gradient by it")
    roots = [(y, _first_gradient(y, g, create_graph)) for y, g in zip(ys, gs, strict=True)]
    with set_grad_enabled(create_graph):
        found = _run(roots, create_graph if retain_graph is None else retain_graph, create_graph, xs)
    result = []
    for k, x in enumerate(xs):
        g = found.get(x if x._node is None else x._node)
        if g is None and not allow_unused:
            raise RuntimeError(f"the outputs do not depend on input {k}; pass allow_unused=True to get None for it")
        result.append(g if g is None or isinstance(g, Variable) else _wrap(np.asarray(g), None))
    return tuple(result)
