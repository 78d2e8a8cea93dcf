"""What the two halves of a `Function` share: the ``ctx`` of a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from numpy import ndarray

from ..arrays.like import like
from ..arrays.writes import tickets
from ..autograd.backward import lift
from ..autograd.graph import Node, Op, Variable, wrap
from ..autograd.modes import here


class Several:
    """The gradients of some of the outputs of one call; the engine adds them as it adds arrays."""

    def __init__(self, of: dict[int, Any]) -> None:
        self.of = of

    def __add__(self, other: Several) -> Several:
        both = {**self.of, **other.of}
        return Several({i: self.of[i] + other.of[i] if i in self.of and i in other.of else both[i] for i in both})


def output_node(call: Node, i: int | None, y: Any) -> Node:
    """The node of output i of a call that has several; of the only one, the call itself."""
    if i is None:
        return call

    def bring(g: Any, node: Node, _create: bool) -> Iterator[tuple[Any, Any]]:
        yield node.parents[0], Several({i: g})

    op = Op(bring, (), None, f"output {i} of {call.op.name}")
    return Node(op, (call,), (like(y.shape, y.dtype), None), {}, next(tickets), call.within)


def show(node: Node, inputs: Sequence[Any], y: Variable) -> None:
    """Show a node that no operation made to those watchers that want to see it (`viz.watching.Watch` does)."""
    for watcher in here.mode.watchers:
        if hasattr(watcher, "after_record"):
            watcher.after_record(node, inputs, y)


class FunctionCtx:
    """Given to ``forward`` (or ``setup_context``) and to ``backward``; other attributes may be set at will.

    Attributes: ``needs_input_grad``, a bool for each input of the call: is a gradient wanted for it?
    """

    needs_input_grad: tuple[bool, ...]

    def __init__(self, name: str, needs_input_grad: tuple[bool, ...]) -> None:
        self._name = name
        self.needs_input_grad = needs_input_grad
        self._to_save: tuple[Variable | None, ...] = ()
        self._dirty: tuple[Variable, ...] = ()
        self._non_differentiable: tuple[Variable, ...] = ()
        self._materialize = True
        self._places: tuple[tuple[str, int, Any] | None, ...] = ()  # where each saved tensor is, see `_keep`
        self._node: Node | None = None  # while backward runs

    # ------------------------------------------------------------------------------------------ for users
    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (or None) for ``backward``, which finds them in ``saved_tensors``. The last call counts.

        Inputs, outputs and others are kept alike; a gradient that would need old values of one is refused.
        """
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Variable):
                raise TypeError(
                    f"{self._name}: save_for_backward keeps Tensors and None, argument {i} is a {type(t).__name__}; "
                    "keep anything else as an attribute: ctx.n = n"
                )
        self._to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """For forward-mode derivatives, which are not here: keeps nothing."""

    def mark_dirty(self, *tensors: Any) -> None:
        """Say that ``forward`` changed these inputs in place. Each of them must be returned by it."""
        self._dirty = self._tensors("mark_dirty", tensors)

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say that no gradient comes through these outputs. Integer and boolean ones need no mark."""
        self._non_differentiable = self._tensors("mark_non_differentiable", tensors)

    def set_materialize_grads(self, value: bool) -> None:
        """Does ``backward`` get zeros for an output that nothing depends on (True, as by default), or None?"""
        self._materialize = bool(value)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """In ``backward``: what was saved, with the way to where it came from."""
        if self._node is None:
            return ()
        return tuple(None if place is None else self._taken(*place) for place in self._places)

    # ------------------------------------------------------------------------------------------ inside
    def _tensors(self, what: str, tensors: tuple[Any, ...]) -> tuple[Variable, ...]:
        for t in tensors:
            if not isinstance(t, Variable):
                raise TypeError(f"{self._name}: {what} takes Tensors, got a {type(t).__name__}")
        return tensors

    def _keep(self, inputs: tuple[Any, ...], outputs: list[Any], saved: list[Any]) -> None:
        """Put the arrays of what is saved into ``saved``, the node's (y, *inputs, *others); note where each one is."""
        places: list[tuple[str, int, Any] | None] = []
        place: tuple[str, int, Any]
        for t in self._to_save:
            if t is None:
                places.append(None)
                continue
            i = next((i for i, y in enumerate(outputs) if y is t), None)
            k = next((k for k, x in enumerate(inputs) if x is t), None)
            if i is not None:
                place = "output", 0 if i == 0 else len(saved), i if len(outputs) > 1 else None
            elif k is not None:
                place = "input", 1 + k, None
            else:
                place = "other", len(saved), t if t._wants_grad else t._node
            if place[1] == len(saved):
                saved.append(None)
            saved[place[1]] = t._array
            places.append(place)
        self._places, self._to_save = tuple(places), ()

    def _taken(self, kind: str, at: int, where: Any) -> Any:
        assert self._node is not None
        assert self._node.saved is not None
        a: ndarray = self._node.saved[at]
        if kind == "input":
            return lift(a, self._node.parents[at - 1])
        if kind == "other":
            return lift(a, where)
        return wrap(a, output_node(self._node, where, a))
