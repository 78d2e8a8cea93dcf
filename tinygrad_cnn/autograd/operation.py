"""How an operation is declared, applied and recorded.

An operation is a NumPy function with one gradient rule per input, declared with `op`. Called with tensors while
gradients are recorded, it leaves a `Node`: which operation, from which parents, with what it will need on the way back.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy import ndarray

from ..arrays.keywords import by_position, instead
from ..arrays.like import like
from ..arrays.writes import tickets
from .graph import Node, Op, Rule, Variable, wrap
from .inplace import alias, keep
from .modes import here

F = TypeVar("F", bound=Callable[..., Any])
_NUMPY_1 = np.__version__.startswith("1.")


def op(
    *rules: Rule | None, each: Rule | None = None, view: bool = False, prepare: Rule | None = None
) -> Callable[[F], F]:
    """Make an operation of a function on arrays.

    One rule per differentiable input stands in the decorator: ``rule(g, y, *inputs, **attributes)`` returns the
    gradient of that input, given ``g``, that of the output ``y``; it may broadcast, the engine sums it to the input's
    shape. A parameter named ``_x`` stands for shape and dtype alone; its array is not kept. One named ``x_`` is kept,
    and copied when somebody is about to overwrite it. ``None`` marks an input without a gradient.

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
                try:
                    y = forward(*inputs, **attributes)
                except TypeError as error:
                    return instead(error, apply, this.name, inputs, attributes)
                return y[0] if type(y) is tuple else y
            if here.mode.watchers:
                return _watched(apply, inputs, attributes)
            try:
                if prepare is not None:
                    inputs = prepare(inputs)
                arrays = [x._array if isinstance(x, Variable) else x for x in inputs]
                y = forward(*arrays, **attributes)
            except (TypeError, ValueError) as error:
                return instead(error, apply, this.name, inputs, attributes)
            if type(y) is not ndarray or (_NUMPY_1 and y.ndim == 0 and "dtype" not in attributes):
                y, attributes = _settled(y, arrays, attributes)
            node = record(this, inputs, arrays, y, attributes) if recordable and here.mode.recording else None
            result = wrap(y, node)
            if view and isinstance(inputs[0], Variable) and _shares(y, arrays[0]):
                alias(result, inputs[0], apply, attributes)
            return result

        apply.op, this.prepare = this, prepare  # type: ignore[attr-defined]
        count = 0 if view or _NUMPY_1 or not rules else _inputs(forward)
        return _quick(this, apply, count) if count in (1, 2) else apply  # type: ignore[return-value]

    return declare


def _shares(y: Any, a: Any) -> bool:
    """Does y lie in the memory of a?"""
    return y is a or (y.base is not None and (y.base is a or y.base is a.base or np.may_share_memory(y, a)))


def record(this: Op, inputs: Sequence[Any], arrays: Sequence[Any], y: Any, attributes: dict[str, Any]) -> Node | None:
    """The node of one application, or None where no input wants a gradient."""
    parents: list[Node | Variable | None] = []
    wanted, bit = 0, 1
    for x in inputs:
        parent: Node | Variable | None = None
        if isinstance(x, Variable):
            parent = x if x._wants_grad else x._node
            if parent is not None:
                wanted |= bit
        parents.append(parent)
        bit += bit
    if not wanted:
        return None
    n = len(arrays)
    reads = this.read.get((wanted, n)) or this.keeps(wanted, n)
    saved = [y if reads[0] else like(y.shape, y.dtype)]
    for a, read in zip(arrays, reads[1:], strict=True):
        saved.append(a if read or type(a) is not ndarray else like(a.shape, a.dtype))
    node = Node(this, tuple(parents), tuple(saved), attributes, next(tickets), here.mode.module)
    if this.spares and 1 in reads[1:]:
        keep(node, reads)
    return node


# Worth it: an operation on ten numbers takes 1.65 us with it and 2.7 without (`python benchmarks/small_costs.py`).
def _quick(this: Op, apply: Any, count: int) -> Any:
    """`apply` spelled out for one floating tensor, for two of one dtype, and for one and a Python float."""
    forward, one, spares = this.forward, count == 1, this.spares
    none: dict[str, Any] = {}
    float32, float64 = np.dtype(np.float32), np.dtype(np.float64)

    def quick(x: Any = None, w: Any = None, /, **attributes: Any) -> Any:
        mode = here.mode
        if not isinstance(x, Variable) or mode.watchers or not ((d := x._array.dtype) is float32 or d is float64):
            if type(x) is ndarray and type(w) is (type(None) if one else ndarray):  # as rules call it
                y = forward(x, **attributes) if one else forward(x, w, **attributes)
                return y[0] if type(y) is tuple else y
            return apply(x, **attributes) if w is None else apply(x, w, **attributes)
        a = x._array
        parent, other, b = x if x._wants_grad else x._node, None, w
        try:
            if one:
                if w is not None:
                    return apply(x, w, **attributes)
                y = forward(a, **attributes)
            else:
                if isinstance(w, Variable) and w._array.dtype is a.dtype:
                    b, other = w._array, w if w._wants_grad else w._node
                elif type(w) is not float:
                    return apply(x, w, **attributes)
                y = forward(a, b, **attributes)
        except (TypeError, ValueError) as error:
            return instead(error, apply, this.name, (x, w), attributes)
        if type(y) is not ndarray:
            y, attributes = _settled(y, (a, b), attributes)
        wanted = (1 if other is None else 3) if parent is not None else 0 if other is None else 2
        if not wanted or not mode.recording:
            return wrap(y, None)
        reads = this.read.get((wanted, count)) or this.keeps(wanted, count)
        kept: Any = y if reads[0] else like(y.shape, y.dtype), a if reads[1] else like(a.shape, a.dtype)
        if not one:
            kept += (b if reads[2] or b is w else like(b.shape, b.dtype),)
        node = Node(this, (parent,) if one else (parent, other), kept, attributes or none, next(tickets), mode.module)
        if spares and 1 in reads[1:]:
            keep(node, reads)
        return wrap(y, node)

    return functools.wraps(apply)(quick)


def _inputs(forward: Rule) -> int:
    """How many inputs a forward takes by position; 0 if any number (``*b``)."""
    while hasattr(forward, "__wrapped__"):
        forward = forward.__wrapped__
    code = forward.__code__
    return 0 if code.co_flags & 0x04 else code.co_argcount


def _watched(apply: Rule, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    """Apply an operation under the eyes of the watchers (anomaly mode, profiler), which see no operation within it."""
    inputs, attributes = by_position(apply.op.name, inputs, attributes)  # type: ignore[attr-defined, assignment]
    watchers, here.mode.watchers = here.mode.watchers, ()
    try:
        for watcher in watchers:
            watcher.before_forward(apply.op, inputs)  # type: ignore[attr-defined]
        result = apply(*inputs, **attributes)
        for watcher in watchers:
            watcher.after_forward(apply.op, inputs, attributes, result)  # type: ignore[attr-defined]
    finally:
        here.mode.watchers = watchers
    return result


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
