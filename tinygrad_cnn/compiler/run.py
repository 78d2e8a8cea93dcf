"""Last stage: a plan is a list of calls on numbered slots; what is not needed any more is let go on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from ..arrays.copying import as_it_lies
from ..arrays.like import like
from ..arrays.rng import Generator, default_generator, go_to, position, standing_in
from ..arrays.writes import mutated, tickets
from ..autograd.graph import Node, Op, Variable, wrap
from ..autograd.inplace import about_to_write
from ..autograd.modes import here
from ..autograd.operation import _settled
from ..differentiation.context import Several, output_node
from ..programs.program import Step, Value, put_together, values_in
from .recorded import Aside, Given, Recorded, wants
from .rewrite import back_from, needed

Slots: TypeAlias = list[Any]  # the arrays of one call, by number; the last one is a list of what is done at its end
Call: TypeAlias = Callable[[Slots], None]
Again: TypeAlias = Callable[[Node, dict[int, Any], bool], Iterator[tuple[Any, Any]]]  # back from a call made eagerly


_OF_ANY_SIZE = {"argwhere", "repeated_positions"}  # operations whose results have a shape that hangs on numbers


class OtherwiseError(Exception):
    """A call goes another way than the one that was recorded."""


class Plan:
    """What one kind of call does, ready to be done again."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.forward, self.back = needed(recorded)
        self._number: dict[Value, int] = {}
        self._first: Slots = []  # the slots as a call finds them: constants are there
        self._inputs = [self._slot(value) for value in recorded.inputs]
        self._results = [(value, self._slot(value)) for value in dict.fromkeys(values_in(recorded.result))]
        read = {v for step in (*self.forward, *self.back) for v in step.values()} | set(values_in(recorded.result))
        sources = [(v, x) for v, x in recorded.sources.items() if v in read]
        self._sources = [(self._slot(v), x) for v, x in sources]
        self._expected = [(x, x._array.shape, x._array.strides, x._array.dtype, wants(x)) for _, x in sources]
        self._cotangents = [self._slot(g) for _, g in recorded.cotangents]
        for_back = {v for step in self.back for v in step.values()} | {g for _, g in recorded.slopes}
        to_the_end = {*values_in(recorded.result), *(v for _, v in recorded.effects), *for_back}
        self._forward = [self._call(s, gone) for s, gone in last_uses(self.forward, to_the_end)]
        self._ways = {tuple(range(len(recorded.cotangents))): self._way(self.back, recorded.slopes)}
        made = {v for step in self.back for v in step.outputs} | {g for _, g in recorded.cotangents}
        self._kept = [self._slot(v) for v in self._number if v in for_back - made and v.kind != "constant"]
        self._effects = [(x, self._slot(v)) for x, v in recorded.effects]
        self._outputs = [self._slot(y) for y, _ in recorded.cotangents]
        self._dice = [source for v, source in recorded.constants.items() if v.kind == "generator"]
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
        known = [not isinstance(x, Value) for x in step.inputs]
        for value in values_in(step.attributes):
            self._slot(value)
        moving = any(value.kind != "constant" for value in values_in(step.attributes))
        given = step.attributes if moving else self._filled(step.attributes, self._first)
        told = next((name for name, x in given.items() if callable(x)), "")
        free = [self._slot(v) for v in gone]
        forward, put = step.forward, self._put(step)
        assert forward is not None

        def call(v: Slots) -> None:
            arrays = [x if is_known else v[x] for x, is_known in zip(inputs, known, strict=True)]
            attributes = self._filled(given, v) if moving else given
            if told:
                attributes = {**attributes, told: _later(v, attributes[told])}
            put(v, forward(*arrays, **attributes), arrays)
            for slot in free:
                v[slot] = None

        def at_the_end(v: Slots) -> None:
            v[-1].append((forward, [x if is_known else v[x] for x, is_known in zip(inputs, known, strict=True)]))

        return at_the_end if isinstance(step, Aside) and step.last else call

    def _put(self, step: Step) -> Callable[[Slots, Any, list[Any]], None]:
        """How the results of a step get into their slots."""
        slots = [self._slot(v) for v in step.outputs]
        names = [v.name for v in step.outputs[1:]]
        first, *more = slots
        shapes = [None if v.kind == "nothing" else v.shape for v in step.outputs]

        def all_of(v: Slots, made: Any, _: list[Any]) -> None:
            for slot, shape, a in zip(slots, shapes, made if type(made) is tuple else (made,), strict=True):
                if (None if a is None else a.shape) != shape:
                    raise OtherwiseError(step.op)
                v[slot] = a

        def one(v: Slots, y: Any, arrays: list[Any]) -> None:
            if type(y) is tuple:
                y, left = y
                for slot, name in zip(more, names, strict=True):
                    v[slot] = left[name]
            v[first] = y if type(y) is ndarray else _settled(y, arrays, {})[0]

        def of_this_shape(v: Slots, y: Any, _: list[Any]) -> None:
            if y.shape != shapes[0]:
                raise OtherwiseError(step.op)
            v[first] = y

        return all_of if isinstance(step, Aside) else of_this_shape if step.op in _OF_ANY_SIZE else one

    def _filled(self, thing: Any, v: Slots) -> Any:
        """Attributes with this call's arrays in the places of Values."""
        if isinstance(thing, Value):
            return v[self._number[thing]]
        if isinstance(thing, dict):
            return {name: self._filled(part, v) for name, part in thing.items()}
        if isinstance(thing, (tuple, list)):
            return put_together(thing, [self._filled(part, v) for part in thing])
        return thing

    def _way(self, steps: Sequence[Step], slopes: Sequence[tuple[Any, Value]]) -> tuple[list[Call], list[int | None]]:
        """A way back: its calls, and the slot of the gradient of each tensor that may get one."""
        found = dict(slopes)
        calls = [self._call(step, gone) for step, gone in last_uses(steps, set(found.values()))]
        return calls, [self._slot(found[key]) if key in found else None for key, _ in self.recorded.slopes]

    # ------------------------------------------------------------------------------------------------- running it
    def fits(self) -> bool:
        """Are the tensors that it reads of the kind that they were?"""
        for x, shape, strides, dtype, wanted in self._expected:
            a = x._array
            if a.dtype is not dtype or a.shape != shape or a.strides != strides or wants(x) is not wanted:
                return False
        return True

    def run(self, inputs: Sequence[Any], again: Again) -> Any:
        """The result for these tensors and arrays. ``again`` goes back where this way is to be recorded itself."""
        v = [*self._first, []]
        for slot, x in zip(self._inputs, inputs, strict=True):
            v[slot] = x._array if isinstance(x, Variable) else x
        for slot, x in self._sources:
            v[slot] = x._array
        dice = [*self._dice, *([default_generator()] if self.recorded.draws else [])]
        stood = [(source, position(source)) for source in dice]
        try:
            for call in self._forward:
                call(v)
        except Exception:
            for source, where in stood:
                go_to(source, where)
            raise
        for function, arrays in v[-1]:
            function(*arrays)
        order = next(tickets)  # before what follows: the way back is refused what it needs and is overwritten now
        written = [(inputs[key] if type(key) is int else key, v[slot]) for key, slot in self._effects]
        if len(written) > 1:  # one may be made of what another was
            written = [
                (x, a.copy() if any(np.may_share_memory(a, y._array) for y, _ in written) else a) for x, a in written
            ]
        for x, a in written:
            about_to_write(x)
            np.copyto(x._array, a, casting="unsafe")
            mutated(x._array)
        nodes = self._nodes(v, inputs, again, stood, order) if self._outputs else {}
        tensors = {value: wrap(v[slot], nodes.get(slot)) for value, slot in self._results}
        return self._result(self.recorded.result, tensors, inputs)

    def targets(self, inputs: Sequence[Any]) -> list[Variable]:
        """The tensors that want a gradient, in the order of a node's parents."""
        return [inputs[key] if type(key) is int else key for key, _ in self.recorded.slopes]

    @contextmanager
    def same_targets(self, inputs: Sequence[Any]) -> Iterator[None]:
        """Afterwards the tensors that a call writes into are as before."""
        targets = (inputs[key] if type(key) is int else key for key, _ in self._effects)
        before = [(x, x._array.copy()) for x in targets]
        try:
            yield
        finally:
            for x, a in before:
                x._array[...] = a

    def _nodes(self, v: Slots, inputs: Sequence[Any], again: Again, stood: Any, order: int) -> dict[int, Node]:
        parents = [x if x._wants_grad else x._node for x in self.targets(inputs)]
        y = v[self._outputs[0]]
        saved = (like(y.shape, y.dtype), *(v[slot] for slot in self._kept))
        node = Node(self._op, tuple(parents), saved, {"again": again, "stood": stood}, order, here.mode.module)
        several = len(self._outputs) > 1
        return {s: output_node(node, k if several else None, v[s]) for k, s in enumerate(self._outputs)}

    def _result(self, thing: Any, tensors: dict[Value, Variable], inputs: Sequence[Any]) -> Any:
        if isinstance(thing, Value):
            return tensors[thing]
        if isinstance(thing, Given):
            return inputs[thing.of] if type(thing.of) is int else thing.of
        if isinstance(thing, dict):
            return type(thing)((key, self._result(part, tensors, inputs)) for key, part in thing.items())
        if isinstance(thing, (tuple, list)):
            return put_together(thing, [self._result(part, tensors, inputs) for part in thing])
        return thing

    def _go_back(self, g: Any, node: Node, create: bool) -> Iterator[tuple[Any, Any]]:
        given = g.of if isinstance(g, Several) else {0: g}
        if create:
            yield from node.attributes["again"](node, given, True)
            return
        which = tuple(sorted(given))
        if which not in self._ways:
            self._ways[which] = self._way(*back_from(self.recorded, which))
        calls, slopes = self._ways[which]
        v = [*self._first, []]
        assert node.saved is not None
        for slot, a in zip(self._kept, node.saved[1:], strict=True):
            v[slot] = a
        for k in which:
            v[self._cotangents[k]] = given[k]
        try:
            for call in calls:
                call(v)
        except OtherwiseError:
            yield from node.attributes["again"](node, given, False)
            return
        for found, parent in zip(slopes, node.parents, strict=True):
            if found is not None:
                a = v[found]
                yield parent, as_it_lies(a) if a is self._first[found] else a


@contextmanager
def set_back(stood: Sequence[tuple[Any, Any]]) -> Iterator[None]:
    """Within, generators of random numbers go on from where they stood once; afterwards they stand as before."""
    mine = [(source, where) for source, where in stood if source is not default_generator()]
    now = [(source, position(source)) for source, _ in mine]
    try:
        for source, where in mine:
            go_to(source, where)
        own = next((Generator.at(where) for source, where in stood if source is default_generator()), None)
        with standing_in(own):  # in this thread
            yield
    finally:
        for source, where in now:
            go_to(source, where)


def _later(v: Slots, tell: Callable[..., None]) -> Callable[..., None]:
    """Tell at the end of the call, for a call that fails changes nothing."""
    return lambda *told: v[-1].append((tell, told))


def last_uses(steps: Sequence[Step], kept: set[Value]) -> Iterator[tuple[Step, list[Value]]]:
    """Each step with the values that nothing reads after it."""
    last = {v: k for k, step in enumerate(steps) for v in (*step.outputs, *step.values())}
    for k, step in enumerate(steps):
        mine = dict.fromkeys((*step.outputs, *step.values()))
        yield step, [v for v in mine if last[v] == k and v not in kept and v.kind != "constant"]
