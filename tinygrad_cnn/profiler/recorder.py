"""The watcher behind a profile: sees each operation, rule, module, optimizer step and span, and notes an `Event`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from time import perf_counter_ns
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy import ndarray

from ..arrays.like import Like
from ..autograd.graph import Node, Op, Variable, array_of
from ..nn.module import Module
from .events import EARLIER, NO_MODULE, Event, NodeCost
from .flops import backward_flops, forward_flops
from .naming import ModuleNames


class Watcher:
    """One of a thread's ``mode.watchers``: what the engine and, while `hooks.CALLS` runs, calls of modules tell it."""

    def before_forward(self, op: Op, inputs: Sequence[Any]) -> None:
        """An operation begins."""

    def after_forward(self, op: Op, inputs: Sequence[Any], attributes: Mapping[str, Any], result: Any) -> None:
        """An operation has given its result, a tensor."""

    def after_record(self, node: Node, inputs: Sequence[Any], y: Any) -> None:
        """A node was made that is no operation's: a function of the user's, a part that is computed again."""

    def wrote(self, x: Any, new: Any) -> None:
        """A tensor was written into where its memory lies, and has the values of another one now."""

    def copied(self, x: Any, a: ndarray) -> None:
        """An array was made that holds positions as a tensor, or another array, does."""

    def begins(self, name: str, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> None:
        """What is computed until `ends` may be taken for one operation."""

    def ends(self, name: str, result: Any) -> None:
        """It has given its result; None where it failed."""

    def before_node(self, node: Node) -> None:
        """A backward has come to a node, and has checked what that kept."""

    def before_rule(self, node: Node, i: int, g: Any) -> None:
        """The rule for input i of a node begins."""

    def after_rule(self, node: Node, i: int, g: Any, gx: Any) -> None:
        """It has given that input's gradient."""

    def enter(self, module: Module) -> None:
        """A module is called."""

    def given(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """What the innermost module is called with."""

    def returned(self, result: Any) -> Any:
        """What the innermost module is about to return, and what shall go on in its place: here, the same."""
        return result

    def leave(self) -> None:
        """The innermost module returns, or raises."""

    def note(self, name: str, phase: str, start: int, **more: Any) -> None:
        """Something else began at ``start`` and ends now: a step of an optimizer, a span of the user's."""


class Recorder(Watcher):
    """Writes down what happens in the thread whose ``mode.watchers`` it is among.

    Events are appended when they end. So whatever ran within an event stands right before it in the list.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._origin = 0  # all times in here are nanoseconds of one clock
        self._began = 0  # the operation that runs
        self._rules: list[tuple[int, int, int, int]] = []  # that run: id of the node, input, events before, start
        self._modules: list[tuple[Module, str, int]] = []  # that run: the outermost first; name and start
        self._names = ModuleNames()
        self._of: WeakKeyDictionary[Node, list[int]] = WeakKeyDictionary()  # its events: the forward, then backwards

    def note(self, name: str, phase: str, start: int, **more: Any) -> None:
        """Append what began at ``start``, or with the profile if that was later, and ends now."""
        self.note_in(self.module, name, phase, start, **more)

    def note_in(self, module: str, name: str, phase: str, start: int, **more: Any) -> None:
        """As `note`, of a module that is named."""
        self._add(name, phase, module, max(start, self._origin), perf_counter_ns(), **more)

    def _add(self, name: str, phase: str, module: str, start: int, end: int, **more: Any) -> None:
        seconds = (start - self._origin) * 1e-9, (end - start) * 1e-9
        self.events.append(Event(name, phase, module, *seconds, thread=threading.get_native_id(), **more))

    @property
    def module(self) -> str:
        """The name of the innermost module that runs."""
        return self._modules[-1][1] if self._modules else NO_MODULE

    def name_within(self, module: Module | None, path: str) -> str:
        """The name of what stands at ``path`` in a module that runs, or in one that ran within this profile."""
        if module is None or (not self._modules and module not in self._names):
            return (path or NO_MODULE) if module is None else EARLIER
        model = self._modules[0][0] if self._modules else module
        name = self._names.name(module, model, self.module)
        try:
            return self._names.name(module.get_submodule(path), model, name)
        except AttributeError:  # it was found among no attributes
            return f"{name}.{path}"

    # -------------------------------------------------------------------------------------- called by the engine
    def before_forward(self, op: Op, inputs: Sequence[Any]) -> None:  # noqa: ARG002
        """Look at the clock."""
        self._began = perf_counter_ns()

    def after_forward(self, op: Op, inputs: Sequence[Any], attributes: Mapping[str, Any], result: Any) -> None:
        """Note the operation, and which node is its."""
        end = perf_counter_ns()
        arrays = [a for a in map(_array, inputs) if isinstance(a, ndarray)]
        shapes, y = tuple(a.shape for a in arrays), result._array
        flops = forward_flops(op, shapes, y.shape, attributes)
        self._add(
            op.name, "forward", self.module, self._began, end, bytes=_new_bytes(y, arrays), flops=flops, shapes=shapes
        )
        if result._node is not None:
            self._of[result._node] = [len(self.events) - 1]

    def before_rule(self, node: Node, i: int, g: Any) -> None:  # noqa: ARG002
        """Look at the clock. Rules may nest: one may itself ask for gradients."""
        self._rules.append((id(node), i, len(self.events), perf_counter_ns()))

    def after_rule(self, node: Node, i: int, g: Any, gx: Any) -> None:
        """Note the gradient of input i, under the module that made the node."""
        end = perf_counter_ns()
        while self._rules:  # those above this one were left by an error
            which, j, first, start = self._rules.pop()
            if which == id(node) and j == i:
                break
        else:  # it began before the profile
            return
        mine = self._of.get(node)
        module = self.events[mine[0]].module if mine else EARLIER
        for k in range(first, len(self.events)):  # under create_graph a rule is made of operations that are seen
            if self.events[k].module == NO_MODULE:
                self.events[k] = self.events[k]._replace(module=module)
        assert node.saved is not None
        y, *inputs = node.saved
        shapes = tuple(a.shape for a in inputs if isinstance(a, (ndarray, Like)))
        flops = backward_flops(node.op, i, shapes, y.shape, node.attributes)
        size = _new_bytes(_array(gx), [_array(g), y, *inputs])
        self._add(node.op.name, "backward", module, start, end, bytes=size, flops=flops, shapes=shapes, input=i)
        if mine:
            mine.append(len(self.events) - 1)

    # -------------------------------------------------------------------------------------- called by the wrappers
    def enter(self, module: Module) -> None:
        """A module is called."""
        model = self._modules[0][0] if self._modules else module
        self._modules.append((module, self._names.name(module, model, self.module), perf_counter_ns()))

    def leave(self) -> None:
        """The innermost module returns, or raises."""
        end = perf_counter_ns()
        module, name, start = self._modules.pop()
        self._add(type(module).__name__, "module", name, start, end)

    # -------------------------------------------------------------------------------------------------- for drawings
    def watched_models(self) -> list[Module]:
        """The models that were called within this profile, as far as they are still there."""
        return self._names.models()

    def of(self, node: Node | Variable) -> NodeCost | None:
        """What a node of a graph (or the node of a tensor) cost; None if it was not made within this profile.

        For drawings: the profile knows its nodes as long as something else keeps them.

        >>> import tinygrad_cnn as tg
        >>> x = tg.ones(1000, requires_grad=True)
        >>> with tg.profiler.profile() as p:
        ...     y = x * 3.0
        >>> p.of(y).bytes, p.of(y).flops, p.of(x)
        (4000, 1000, None)
        """
        found = node._node if isinstance(node, Variable) else node
        if found is None or found not in self._of:
            return None
        forward, *backward = (self.events[k] for k in self._of[found])
        counts = [e.flops for e in (forward, *backward) if e.flops is not None]
        return NodeCost(
            forward.module,
            forward.duration,
            sum(e.duration for e in backward),
            forward.bytes,
            sum(e.bytes for e in backward),
            sum(counts) if counts else None,
        )


def _array(x: Any) -> Any:
    return array_of(x)


def _new_bytes(y: ndarray, others: Sequence[Any]) -> int:
    """The bytes of an array, 0 if it is a view of one of the others, or is one of them."""
    shared = any(isinstance(a, ndarray) and np.may_share_memory(y, a) for a in others)
    return 0 if shared else int(y.nbytes)
