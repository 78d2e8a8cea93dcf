"""Fourth stage: the steps of a plan as calls on numbered slots, on memory that is made once.

A step gets ready when it is done for the first time: its arrays tell what there is to know, shapes and memory orders.
Calls of one plan that overlap in time have a frame each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, TypeAlias

from numpy import ndarray

from ..arrays.copying import as_it_lies
from ..arrays.locks import shared_lock
from ..arrays.scratch import Desk
from ..autograd.operation import _settled
from ..programs.program import Step, Value, put_together, values_in
from .memory import Layout, Pool, Room
from .planned import PLANNERS, VIEWS, WORKERS, Ready
from .recorded import Aside

Slots: TypeAlias = list[Any]  # the arrays of one call, by number; the last one is a list of what is done at its end
Call: TypeAlias = Callable[[Slots], None]
Own: TypeAlias = Callable[[Value, Any, Sequence[Any]], Any]  # a result in memory that nothing else takes

OF_ANY_SIZE = {"argwhere", "repeated_positions"}  # operations whose results have a shape that hangs on numbers


class OtherwiseError(Exception):
    """A call goes another way than the one that was recorded."""


class Numbers:
    """The slots of a plan: a number for each value.

    Attributes:
        first: the slots as a call finds them: constants are there.
        leaving: the values that a user is given, by one name or another.
    """

    def __init__(self, leaving: set[Value]) -> None:
        self.first: Slots = []
        self.leaving = leaving
        self._of: dict[Value, int] = {}
        self._pools: dict[tuple[Value, Layout], Pool] = {}

    def __getitem__(self, value: Value) -> int:
        if value not in self._of:
            self._of[value] = len(self.first)
            self.first.append(value.array if value.kind == "constant" else None)
        return self._of[value]

    def of(self, value: Value) -> int | None:
        """The number of a value that has one."""
        return self._of.get(value)

    def filled(self, thing: Any, v: Slots) -> Any:
        """Attributes with this call's arrays in the places of Values."""
        if isinstance(thing, Value):
            return v[self[thing]]
        if isinstance(thing, dict):
            return {name: self.filled(part, v) for name, part in thing.items()}
        if isinstance(thing, (tuple, list)):
            return put_together(thing, [self.filled(part, v) for part in thing])
        return thing

    def pool(self, value: Value, layout: Layout) -> Pool:
        """The arrays that a user is given for a value."""
        return self._pools.setdefault((value, layout), Pool(layout.anew))


class Frame:
    """The memory of a call that is on its way, and the steps on it.

    Attributes:
        slots: the arrays as a call finds them, by number: those on the frame's memory are there.
        forward: the calls of the way forth; None before the first one.
        ways: those of each way back, with its slots, by the results that got a gradient.
        kept: the slots that are kept for it; what lies in the frame's memory stays there.
    """

    def __init__(self, numbers: Numbers) -> None:
        self.slots: Slots = list(numbers.first)
        self.forward: list[Call] | None = None
        self.ways: dict[Any, tuple[Slots, list[Call]]] = {}
        self.kept: list[int] = []
        self.lock = shared_lock()  # held on the way back
        self._numbers, self._room, self._desk = numbers, Room(), Desk()

    def first_forward(self, steps: Iterable[tuple[Step, list[Value]]], v: Slots) -> None:
        """Do the steps of the way forth, and note how they are done from now on."""
        making = _Making(self._numbers, self._room, self.slots, self._desk)
        self.forward = [making.call(step, gone, v) for step, gone in steps]

    def first_back(self, which: Any, steps: Iterable[tuple[Step, list[Value]]], v: Slots) -> None:
        """Likewise for a way back; what is kept for it stays, for it may be gone once more."""
        more = self._numbers.first[len(self.slots) :]
        making = _Making(self._numbers, Room(self._room), [*self.slots, *more], self._desk)
        calls = [making.call(step, gone, v) for step, gone in steps]
        self.ways[which] = making.slots, calls

    def buffer_of(self, value: Value) -> int | None:
        """The number of the buffer that a value lies on; None of a value that has memory of its own, or none yet."""
        for slots in (self.slots, *(slots for slots, _ in self.ways.values())):
            k = self._numbers.of(value)
            slab = None if k is None or k >= len(slots) else self._room.holds(slots[k])
            if slab is not None:
                return next(n for n, other in enumerate(self._room.slabs, 1) if other is slab)
        return None


class _Making:
    """Steps that get ready, one after the other."""

    def __init__(self, numbers: Numbers, room: Room, slots: Slots, desk: Desk) -> None:
        self.numbers, self.room, self.slots, self.desk = numbers, room, slots, desk

    def call(self, step: Step, gone: Sequence[Value], v: Slots) -> Call:
        """The step, done; and how it is done from now on."""
        call = self._on_memory(step, gone, v) or self._view(step, v)
        if call is None:
            call = plain(self.numbers, step, gone, self._own)
            call(v)
            for y in step.outputs:
                slab = self.room.holds(v[self.numbers[y]])
                if slab is not None:
                    self.room.shares(y, slab)
        self.room.end(gone)
        return call

    def _on_memory(self, step: Step, gone: Sequence[Value], v: Slots) -> Call | None:
        """Where a planner knows how: the step on memory that is there."""
        planner, numbers = PLANNERS.get(step.forward), self.numbers
        if planner is None or isinstance(step, Aside) or _moves(step):
            return None
        given = [numbers[x] if isinstance(x, Value) else _Number(x) for x in step.inputs]
        work = {"memory": self.desk.of_job()} if step.forward in WORKERS else {}
        ready = planner(*_arrays(given, v), **step.attributes, **work)
        if ready is None:
            return None
        over: Any = None if ready.over is None else step.inputs[ready.over]
        over = over if over in gone and self.slots[numbers[over]] is not None else None
        taken = []
        for y, layout in zip(step.outputs, ready.outputs, strict=True):
            if y in numbers.leaving:
                taken.append((numbers[y], numbers.pool(y, layout).take))
            else:
                v[numbers[y]] = self.slots[numbers[y]] = self.room.take(y, layout, over if y is step.output else None)
        freed = [numbers[x] for x in gone if self.slots[numbers[x]] is None]
        outputs = [numbers[y] for y in step.outputs]
        if any(self.slots[k] is None for k in (*outputs, *(x for x in given if type(x) is int))):
            call = _on_slots(ready.run, outputs, given, taken, freed)
        else:
            call = _made_once(ready, _arrays([*outputs, *given], self.slots))
        call(v)
        return call

    def _view(self, step: Step, v: Slots) -> Call | None:
        """A view of memory that stays is the same in each call."""
        numbers, y = self.numbers, step.output
        if step.forward not in VIEWS or y in numbers.leaving or _moves(step):
            return None
        x, *more = step.inputs
        if not isinstance(x, Value) or self.slots[numbers[x]] is None or more:
            return None
        a = step.forward(self.slots[numbers[x]], **step.attributes)  # type: ignore[misc]
        slab = self.room.holds(a)
        if slab is None:
            return None
        self.room.shares(y, slab)
        v[numbers[y]] = self.slots[numbers[y]] = a
        return _nothing

    def _own(self, value: Value, y: Any, arrays: Sequence[Any]) -> Any:
        """A result of a plain forward: a copy where it is what was given, and where a user would see a buffer."""
        if value in self.numbers.leaving or any(y is a for a in arrays):
            return y if self.room.holds(y) is None else as_it_lies(y)
        return y


def _moves(step: Step) -> bool:
    """Are there arrays among its settings?"""
    return next(values_in(step.attributes), None) is not None


class _Number:
    """An input that is a number, or None."""

    def __init__(self, x: Any) -> None:
        self.x = x


def _arrays(given: Sequence[Any], v: Slots) -> list[Any]:
    return [v[x] if type(x) is int else x.x for x in given]


def _nothing(v: Slots) -> None:
    """A step that needs no call."""


def _made_once(ready: Ready, arrays: Sequence[Any]) -> Call:
    """A step whose arrays are the same in each call needs no slots: 0.4 us for 0.7."""
    calls = [partial(ready.run, *arrays)] if ready.calls is None else ready.calls(*arrays)
    if len(calls) > 1:

        def several(_v: Slots) -> None:
            for call in calls:
                call()

        return several
    (one,) = calls
    return lambda _v: one()


def _on_slots(
    run: Callable[..., None],
    outputs: Sequence[int],
    given: Sequence[Any],
    taken: Sequence[tuple[int, Callable[[], Any]]],
    freed: Sequence[int],
) -> Call:
    """``run`` on slots; with fresh arrays for some outputs, and without some slots afterwards."""
    numbers = all(type(x) is int for x in given)
    of = itemgetter(*outputs, *given) if numbers else lambda v: [*(v[y] for y in outputs), *_arrays(given, v)]

    def bare(v: Slots) -> None:
        run(*of(v))

    def call(v: Slots) -> None:
        for slot, take in taken:
            v[slot] = take()
        run(*of(v))
        for slot in freed:
            v[slot] = None

    return call if taken or freed else bare


# ---------------------------------------------------------------------------------------------- as plain forwards do
def plain(numbers: Numbers, step: Step, gone: Sequence[Value], own: Own) -> Call:
    """The step by its plain forward, whose results have fresh memory."""
    given = [numbers[x] if isinstance(x, Value) else _Number(x) for x in step.inputs]
    for value in values_in(step.attributes):
        assert numbers[value] >= 0
    moving = any(value.kind != "constant" for value in values_in(step.attributes))
    attributes = step.attributes if moving else numbers.filled(step.attributes, numbers.first)
    told = next((name for name, x in attributes.items() if callable(x)), "")
    free = [numbers[v] for v in gone]
    forward, put = step.forward, _put(numbers, step, own)
    assert forward is not None

    def call(v: Slots) -> None:
        arrays = _arrays(given, v)
        settings = numbers.filled(attributes, v) if moving else attributes
        if told:
            settings = {**settings, told: _later(v, settings[told])}
        put(v, forward(*arrays, **settings), arrays)
        for slot in free:
            v[slot] = None

    def at_the_end(v: Slots) -> None:
        v[-1].append((forward, _arrays(given, v)))

    return at_the_end if isinstance(step, Aside) and step.last else call


def _put(numbers: Numbers, step: Step, own: Own) -> Callable[[Slots, Any, list[Any]], None]:
    """How the results of a step get into their slots."""
    slots = [numbers[v] for v in step.outputs]
    names = [v.name for v in step.outputs[1:]]
    first, *more = slots
    shapes = [None if v.kind == "nothing" else v.shape for v in step.outputs]
    view = step.forward in VIEWS and step.output not in numbers.leaving

    def all_of(v: Slots, made: Any, arrays: list[Any]) -> None:
        made = made if type(made) is tuple else (made,)
        for value, slot, shape, a in zip(step.outputs, slots, shapes, made, strict=True):
            if (None if a is None else a.shape) != shape:
                raise OtherwiseError(step.op)
            v[slot] = own(value, a, arrays)

    def one(v: Slots, y: Any, arrays: list[Any]) -> None:
        if type(y) is tuple:
            y, left = y
            for slot, name in zip(more, names, strict=True):
                v[slot] = left[name]
        y = y if type(y) is ndarray else _settled(y, arrays, {})[0]
        v[first] = y if view else own(step.output, y, arrays)

    def of_this_shape(v: Slots, y: Any, arrays: list[Any]) -> None:
        if y.shape != shapes[0]:
            raise OtherwiseError(step.op)
        v[first] = own(step.output, y, arrays)

    return all_of if isinstance(step, Aside) else of_this_shape if step.op in OF_ANY_SIZE else one


def _later(v: Slots, tell: Callable[..., None]) -> Callable[..., None]:
    """Tell at the end of the call, for a call that fails changes nothing."""
    return lambda *told: v[-1].append((tell, told))
