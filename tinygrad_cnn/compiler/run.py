"""Last stage: a plan is a list of calls on numbered slots; what is not needed any more is let go on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from ..arrays.like import like
from ..arrays.writes import mutated, tickets
from ..autograd.graph import Node, Op, Variable, wrap
from ..autograd.inplace import about_to_write
from ..autograd.modes import here
from ..autograd.operation import _settled
from ..differentiation.context import Several, output_node
from ..programs.program import Step, Value, put_together, values_in
from .record import Aside, Recorded

Slots: TypeAlias = list[Any]  # the arrays of one call, by number
Call: TypeAlias = Callable[[Slots], None]


class Plan:
    """What one kind of call does, ready to be done again."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self._number: dict[Value, int] = {}
        self._first: Slots = []  # the slots as a call finds them: constants are there
        self._inputs = [self._slot(value) for value in recorded.inputs]
        forward, back = needed(recorded)
        read = {v for step in (*forward, *back) for v in step.values()} | set(leaves(recorded.result))
        self._sources = [(self._slot(v), x) for v, x in recorded.sources.items() if v in read]
        self._cotangents = [self._slot(g) for _, g in recorded.cotangents]
        self._slopes = [(key, self._slot(g)) for key, g in recorded.slopes]
        of_result = {v for v in leaves(recorded.result)} | {v for _, v in recorded.effects}
        for_back = {v for step in back for v in step.values()} | {g for _, g in recorded.slopes}
        self._forward = [self._call(s, gone) for s, gone in last_uses(forward, of_result | for_back)]
        self._back = [self._call(s, gone) for s, gone in last_uses(back, {g for _, g in recorded.slopes})]
        made = {v for step in forward for v in step.outputs} | set(recorded.inputs) | set(recorded.sources)
        self._kept = [self._slot(v) for v in dict.fromkeys(self._number) if v in made and v in for_back]
        self._effects = [(x, self._slot(v)) for x, v in recorded.effects]
        self._outputs = [self._slot(y) for y, _ in recorded.cotangents]
        self._op = Op(self._go_back, (), None, "compiled")

    # -------------------------------------------------------------------------------------------------- making it
    def _slot(self, value: Value) -> int:
        if value not in self._number:
            self._number[value] = len(self._first)
            self._first.append(value.array if value.kind == "constant" else None)
        return self._number[value]

    def _call(self, step: Step, gone: Sequence[Value]) -> Call:
        """The step on slots."""
        inputs = [x if not isinstance(x, Value) else self._slot(x) for x in step.inputs]
        fixed = [not isinstance(x, Value) for x in step.inputs]
        forward = step.forward
        assert forward is not None
        for value in values_in(step.attributes):
            self._slot(value)
        moving = any(value.kind != "constant" for value in values_in(step.attributes))
        attributes = step.attributes if moving else self._filled(step.attributes, self._first)
        first, *more = (self._slot(v) for v in step.outputs)
        names = [v.name for v in step.outputs[1:]]
        free = [self._slot(v) for v in gone]
        several = step.outputs[0].kind == "nothing" or len(step.outputs) > 1 and not names[0]
        take = dict.__getitem__

        def call(v: Slots) -> None:
            arrays = [x if known else v[x] for x, known in zip(inputs, fixed, strict=True)]
            y = forward(*arrays, **(self._filled(attributes, v) if moving else attributes))
            if several:
                for slot, part in zip((first, *more), y if type(y) is tuple else (y,), strict=True):
                    v[slot] = part
            else:
                if type(y) is tuple:
                    y, left = y
                    for slot, name in zip(more, names, strict=True):
                        v[slot] = take(left, name)
                v[first] = y if type(y) is ndarray else _settled(y, arrays, {})[0]
            for slot in free:
                v[slot] = None

        return call

    def _filled(self, thing: Any, v: Slots) -> Any:
        """Attributes with this call's arrays in the places of Values."""
        if isinstance(thing, Value):
            return v[self._number[thing]]
        if isinstance(thing, dict):
            return {name: self._filled(part, v) for name, part in thing.items()}
        if isinstance(thing, (tuple, list)):
            return put_together(thing, [self._filled(part, v) for part in thing])
        return thing

    # ------------------------------------------------------------------------------------------------- running it
    def fits(self) -> bool:
        """Are the tensors that it reads of the kind that they were?"""
        return all(
            x._array.shape == v.shape and x._array.dtype == v.dtype for v, x in self.recorded.sources.items()
        )

    def run(self, inputs: Sequence[Any]) -> Any:
        """The result for these tensors and arrays."""
        v = self._first.copy()
        for slot, x in zip(self._inputs, inputs, strict=True):
            v[slot] = x._array if isinstance(x, Variable) else x
        for slot, x in self._sources:
            v[slot] = x._array
        for call in self._forward:
            call(v)
        for x, slot in self._effects:
            about_to_write(x)
            np.copyto(x._array, v[slot], casting="unsafe")
            mutated(x._array)
        nodes = self._nodes(v, inputs) if self._outputs else {}
        return self._result(self.recorded.result, v, nodes)

    def _nodes(self, v: Slots, inputs: Sequence[Any]) -> dict[int, Node]:
        parents = []
        for key, _ in self._slopes:
            x = inputs[key] if type(key) is int else key
            parents.append(x if x._wants_grad else x._node)
        y = v[self._outputs[0]]
        saved = (like(y.shape, y.dtype), *(v[slot] for slot in self._kept))
        node = Node(self._op, tuple(parents), saved, {}, next(tickets), here.mode.module)
        several = len(self._outputs) > 1
        return {s: output_node(node, k if several else None, v[s]) for k, s in enumerate(self._outputs)}

    def _result(self, thing: Any, v: Slots, nodes: dict[int, Node]) -> Any:
        if isinstance(thing, Value):
            slot = self._number[thing]
            return wrap(v[slot], nodes.get(slot))
        if isinstance(thing, dict):
            return {key: self._result(part, v, nodes) for key, part in thing.items()}
        if isinstance(thing, (tuple, list)):
            return put_together(thing, [self._result(part, v, nodes) for part in thing])
        return thing

    def _go_back(self, g: Any, node: Node, create: bool) -> Iterator[tuple[Any, Any]]:
        if create:
            raise RuntimeError("a compiled call has no second derivative yet")
        v = self._first.copy()
        assert node.saved is not None
        for slot, a in zip(self._kept, node.saved[1:], strict=True):
            v[slot] = a
        given = g.of if isinstance(g, Several) else {0: g}
        for k, (slot, (y, _)) in enumerate(zip(self._cotangents, self.recorded.cotangents, strict=True)):
            v[slot] = given[k] if k in given else np.zeros(y.shape, y.dtype)
        for call in self._back:
            call(v)
        for (_, slot), parent in zip(self._slopes, node.parents, strict=True):
            yield parent, v[slot]


def leaves(thing: Any) -> Iterable[Value]:
    """The values in a result."""
    return values_in(thing)


def needed(recorded: Recorded) -> tuple[list[Step], list[Step]]:
    """The steps of the call and of the way back that something comes of."""
    read = {g for _, g in recorded.slopes}
    back = _leading_to(read, recorded.back)
    read |= {v for v in leaves(recorded.result)} | {v for _, v in recorded.effects}
    read |= {y for y, _ in recorded.cotangents}
    return _leading_to(read, recorded.forward), back


def _leading_to(read: set[Value], steps: Sequence[Step]) -> list[Step]:
    kept = []
    for step in reversed(steps):
        if any(v in read for v in step.outputs) or _acts(step):
            kept.append(step)
            read.update(step.values())
    return kept[::-1]


def _acts(step: Step) -> bool:
    """Does it more than to give a result: check something, draw, tell somebody?"""
    return isinstance(step, Aside) or any(callable(value) for value in step.attributes.values())


def last_uses(steps: Sequence[Step], kept: set[Value]) -> Iterator[tuple[Step, list[Value]]]:
    """Each step with the values that nothing reads after it."""
    last: dict[Value, int] = {}
    for k, step in enumerate(steps):
        for v in (*step.outputs, *step.values()):
            last[v] = k
    for k, step in enumerate(steps):
        mine = dict.fromkeys((*step.outputs, *step.values()))
        yield step, [v for v in mine if last[v] == k and v not in kept and v.kind != "constant"]
