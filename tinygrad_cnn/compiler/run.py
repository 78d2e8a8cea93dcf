"""Last stage: a plan is done, forth and back, and stands on the tape as one node."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from ..arrays.copying import as_it_lies
from ..arrays.like import like
from ..arrays.rng import Generator, default_generator, go_to, position, standing_in
from ..arrays.writes import mutated, tickets
from ..autograd.graph import Node, Op, Variable, wrap
from ..autograd.inplace import about_to_write
from ..autograd.modes import here
from ..differentiation.context import Several, output_node
from ..ops.normalization import Known
from ..programs import timing
from ..programs.program import Step, Value, put_together, values_in
from .chains import chained
from .frame import Frame, Numbers, OtherwiseError, Slots
from .fusions import fused
from .memory import Pool
from .recorded import Aside, Given, Recorded, wants
from .rewrite import back_from, leaving, needed

Again: TypeAlias = Callable[[Node, dict[int, Any], bool], Iterator[tuple[Any, Any]]]  # back from a call made eagerly
Timed: TypeAlias = "tuple[Step, list[Value]]"  # a step, with the values that nothing reads after it

_KEPT = np.empty(0)  # tells the engine that a node keeps something


class Plan:
    """What one kind of call does, ready to be done again."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        results = set(values_in(recorded.result))
        read = {*results, *(g for _, g in recorded.slopes), *(v for _, v in recorded.effects)}
        forward, self._back = fused(*needed(recorded), read)
        self.forward, self.back = chained(forward, self._back, read)
        self._numbers = numbers = Numbers(leaving({*results, *(g for _, g in recorded.slopes)}, self.forward))
        self._inputs = [numbers[value] for value in recorded.inputs]
        self._results = [(value, numbers[value]) for value in dict.fromkeys(values_in(recorded.result))]
        read = {v for step in (*self.forward, *self.back) for v in step.values()} | results
        sources = [(v, x) for v, x in recorded.sources.items() if v in read]
        self._sources = [numbers[v] for v, _ in sources]
        self._expected = [(x, x._array.shape, x._array.strides, x._array.dtype, wants(x)) for _, x in sources]
        self._cotangents = [numbers[g] for _, g in recorded.cotangents]
        for_back = {v for step in self.back for v in step.values()} | {g for _, g in recorded.slopes}
        last = {v for step in self.forward if isinstance(step, Aside) and step.last for v in step.values()}
        to_the_end = {*results, *(v for _, v in recorded.effects), *for_back, *last}
        self._forward = list(last_uses(self.forward, to_the_end))
        self._ways: dict[Any, tuple[list[Timed], list[int | None]]] = {}
        self._way(tuple(range(len(recorded.cotangents))))
        made = {v for step in self.back for v in step.outputs} | {g for _, g in recorded.cotangents}
        kept = sorted(for_back - made, key=lambda v: v.number)
        self._kept = [numbers[v] for v in kept if v.kind != "constant"]
        self._effects = [(x, numbers[v]) for x, v in recorded.effects]
        self._outputs = [numbers[y] for y, _ in recorded.cotangents]
        self._known = [x for step in self.back for x in step.attributes.values() if isinstance(x, Known)]
        self._dice = [source for v, source in recorded.constants.items() if v.kind == "generator"]
        self._op = Op(self._go_back, (), None, "compiled")
        for value in (v for step in self.forward for v in (*step.outputs, *step.values())):
            assert numbers[value] >= 0
        self._frames = Pool(lambda: Frame(numbers))

    def _way(self, which: tuple[int, ...]) -> tuple[list[Timed], list[int | None]]:
        """A way back: its steps, and the slot of the gradient of each tensor that may get one."""
        if which not in self._ways:
            every = len(which) == len(self.recorded.cotangents)
            steps, slopes = (self.back, self.recorded.slopes) if every else back_from(self.recorded, self._back, which)
            found = dict(slopes)
            self._numbers.leaving |= leaving(set(found.values()), steps)
            for value in (v for step in steps for v in (*step.outputs, *step.values())):
                assert self._numbers[value] >= 0
            made = {v for step in steps for v in step.outputs}
            timed = [(s, [v for v in gone if v in made]) for s, gone in last_uses(steps, set(found.values()))]
            slots = [self._numbers[found[key]] if key in found else None for key, _ in self.recorded.slopes]
            self._ways[which] = timed, slots
        return self._ways[which]

    def buffer_of(self, value: Value) -> tuple[int, int] | None:
        """The number of the buffer that a value lies on in a call, and its bytes; None where it has none that stays."""
        frame: Frame | None = self._frames.one()
        number = None if frame is None else frame.buffer_of(value)
        return None if number is None else (number, math.prod(value.shape) * value.dtype.itemsize)  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------------- running it
    def sources(self) -> list[Any] | None:
        """The arrays of the tensors that it reads; None where one is of another kind than it was."""
        arrays = []
        for x, shape, strides, dtype, wanted in self._expected:
            a = x._array
            if a.dtype is not dtype or a.shape != shape or a.strides != strides:
                return None
            if (x._wants_grad or x._node is not None) is not wanted:
                return None
            arrays.append(a)
        return arrays

    def run(self, inputs: Sequence[Any], sources: Sequence[Any], again: Again) -> Any:
        """The result for these tensors and arrays, and those of its sources.

        ``again`` goes back where this way is to be recorded itself.
        """
        frame: Frame = self._frames.take()
        v = [*frame.slots, []]
        for slot, x in zip(self._inputs, inputs, strict=True):
            v[slot] = x._array if isinstance(x, Variable) else x
        for slot, a in zip(self._sources, sources, strict=True):
            v[slot] = a
        dice = [*self._dice, *([default_generator()] if self.recorded.draws else [])]
        stood = [(source, position(source)) for source in dice]
        try:
            if frame.forward is None:
                frame.first_forward(timing.steps(self, self._forward), v)
                frame.kept = [slot for slot in self._kept if frame.slots[slot] is None]
            else:
                for call in timing.calls(self, self.forward, frame.forward):
                    call(v)
        except Exception:
            self._frames.forget(frame)
            for source, where in stood:
                go_to(source, where)
            raise
        for function, arrays in v[-1]:
            function(*arrays)
        order = next(tickets)  # before what follows: the way back is refused what it needs and is overwritten now
        written = [(inputs[key] if type(key) is int else key, v[slot]) for key, slot in self._effects]
        if len(written) > 1:  # one may be made of what another was
            arrays = [x._array for x, _ in written]
            written = [(x, a.copy() if any(np.may_share_memory(a, b) for b in arrays) else a) for x, a in written]
        for x, a in written:
            about_to_write(x)
            np.copyto(x._array, a, casting="unsafe")
            mutated(x._array)
        nodes = self._nodes(frame, v, inputs, again, stood, order) if self._outputs else {}
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

    def _nodes(
        self, frame: Frame, v: Slots, inputs: Sequence[Any], again: Again, stood: Any, order: int
    ) -> dict[int, Node]:
        parents = [x if x._wants_grad else x._node for x in self.targets(inputs)]
        y = v[self._outputs[0]]
        saved = like(y.shape, y.dtype), _KEPT, frame, *[v[slot] for slot in frame.kept]
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
        timed, slopes = self._way(which)
        assert node.saved is not None
        frame: Frame = node.saved[2]
        try:
            with frame.lock:
                v = self._done_back(frame, which, timed, node, given)
        except OtherwiseError:
            yield from node.attributes["again"](node, given, False)
            return
        for found, parent in zip(slopes, node.parents, strict=True):
            if found is not None:
                a = v[found]
                yield parent, as_it_lies(a) if a is self._numbers.first[found] else a

    def _done_back(self, frame: Frame, which: Any, timed: list[Timed], node: Node, given: Any) -> Slots:
        """The slots after a way back."""
        for known in self._known:  # by its array, which is the same one in each call
            known.last = None
        slots, calls = frame.ways.get(which, (frame.slots, None))
        v = [*slots, *self._numbers.first[len(slots) :], []]
        assert node.saved is not None
        for slot, a in zip(frame.kept, node.saved[3:], strict=True):
            v[slot] = a
        for k in which:
            v[self._cotangents[k]] = given[k]
        if calls is None:
            frame.first_back(which, timing.steps(self, timed, node), v)
        else:
            for call in timing.calls(self, (step for step, _ in timed), calls, node):
                call(v)
        return v


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


def last_uses(steps: Sequence[Step], kept: set[Value]) -> Iterator[tuple[Step, list[Value]]]:
    """Each step with the values that nothing reads after it."""
    last = {v: k for k, step in enumerate(steps) for v in (*step.outputs, *step.values())}
    for k, step in enumerate(steps):
        mine = dict.fromkeys((*step.outputs, *step.values()))
        yield step, [v for v in mine if last[v] == k and v not in kept and v.kind != "constant"]
