"""How the parameters of a group are stepped: found out once, and right as long as everything is as it was found.

Whatever anybody changes between two steps is seen by the next one: other parameters with a gradient, other arrays in
them or in the state, other step counts or hyper-parameters. The plan is then made anew, or the step done one by one.
"""

from __future__ import annotations

from operator import is_
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..arrays.threads import WORTH, divide, get_num_threads
from ..arrays.writes import entries_of_writes, owner_of
from ..autograd.inplace import has_other_names
from ..tensors import Tensor
from .optimizer import CHUNK, Group, Ready, State
from .parts import Pack, Single, Step

SHARED = 1 << 16  # elements of a part, on the average, from which threads seldom wait for Python's lock


class Row(NamedTuple):
    """What is as it was found for a parameter, or the plan is void."""

    param: Tensor
    shape: tuple[int, ...]
    dtype: Any
    state: State
    kept: list[tuple[str, Tensor, ndarray]]  # each name, the tensor under it, its array


class Plan:
    """What was found out about the parameters of a group: which are stepped together, and where their state lies."""

    def __init__(self, params: list[Tensor]) -> None:
        self.every = params[:]
        self.params = [p for p in params if p._grad is not None]
        self.names: tuple[str, ...] | None = None  # what is kept; None: there is no plan yet
        self.rows: list[Row | None] = []  # None: a parameter without a gradient
        self.parts: list[Pack | Single] = []
        self.others: list[int] = []  # parameters for `Optimizer.update`
        self.states: list[State] = []
        self.places: list[ndarray] = []  # the arrays of the parameters
        self.owners: set[int] = set()  # of their memory, by id
        self.writes: list[list[Any]] = []  # where writes into these are noted
        self.steps: list[Any] = []  # the number of the latest step of each parameter
        self.numbers: dict[Any, tuple[Any, Any]] = {}  # of the latest step, and as arrays
        self.work: list[tuple[Pack | Single, Any]] = []  # the parts with these numbers; [] if these may be others
        self.wanted: tuple[str, ...] | None = None
        self.group: list[Any] = []  # what the group said when it was looked at; [] where that is not enough to know

    def is_for(self, every: list[Tensor], params: Ready) -> bool:
        """Is it for these parameters?"""
        return (
            (len(every), len(params)) == (len(self.every), len(self.params))
            and all(map(is_, every, self.every))
            and all(map(is_, [p for p, _ in params], self.params))
        )

    def knows(self, group: Group) -> bool:
        """Does the group say what it said in the step before, which was checked?"""
        return len(group) == len(self.group) and all(map(is_, group.values(), self.group))

    def learn(self, group: Group, names: tuple[str, ...] | None) -> None:
        """The group was checked; these names are kept, None: it is to be stepped one by one."""
        fixed = all(_is_fixed(value) for key, value in group.items() if key not in ("params", "param_names"))
        self.group, self.wanted, self.work = list(group.values()) if fixed else [], names, []

    def gradients(self, optimizer: Any, every: list[Tensor]) -> list[ndarray] | None:
        """The gradients, where everything is as it was found; else None."""
        if self.wanted is None or self.wanted != self.names or len(every) != len(self.rows):
            return None
        state_of, owners = optimizer.state.get, self.owners
        gradients, places = [], []
        for p, row in zip(every, self.rows, strict=True):
            gradient = p._grad
            if row is None or gradient is None:
                if row is gradient:
                    continue
                return None
            param, shape, dtype, state, kept = row
            g = gradient._array
            if p is not param or g.dtype is not dtype or g.shape != shape or state_of(p) is not state:
                return None
            for name, tensor, array in kept:
                if state.get(name) is not tensor or tensor._array is not array:
                    return None
            if id(g if g.base is None else owner_of(g)) in owners:
                return None
            gradients.append(g)
            places.append(p._array)
        if not all(map(is_, places, self.places)) and not self._moved(places):
            return None
        if optimizer.counts and [state.get("step") for state in self.states] != self.steps:
            return None
        return gradients

    def _moved(self, places: list[ndarray]) -> bool:
        """Somebody has put other arrays into the parameters: is the plan right for them?"""
        if [_form(a) for a in places] != [_form(a) for a in self.places]:
            return False
        if _overlapping(places) != _overlapping(self.places):
            return False
        self._stand_at(places)
        return True

    def _stand_at(self, places: list[ndarray]) -> None:
        kept = [array for row in self.rows if row is not None for _, _, array in row.kept]
        self.places, self.owners = places, {id(owner_of(a)) for a in (*places, *kept)}
        self.writes = entries_of_writes(places)
        for part in self.parts:
            part.stands_at(places)

    def make(self, optimizer: Any) -> bool:
        """Find it out; False where a parameter has no state yet."""
        names, self.names = self.wanted, None
        if names is None:
            return False
        self.states = [optimizer.state.get(p, {}) for p in self.params]
        if not all(name in state for state in self.states for name in names):
            return False
        tensors = [[state[name] for state in self.states] for name in names]
        places = [p._array for p in self.params]
        self.parts, self.others, self.numbers, self.work = [], [], {}, []
        self.steps = [state.get("step") for state in self.states]
        together: dict[Any, list[int]] = {}
        overlapping = _overlapping(places)
        for i, a in enumerate(places):
            kept = [of[i] for of in tensors]
            fits = all((k._array.shape, k._array.dtype) == (a.shape, a.dtype) for k in kept)
            if not fits or not a.size or i in overlapping or _overlaps_itself(a):
                self.others.append(i)
            elif a.size <= optimizer.small and all(map(_can_be_moved, kept)) and a.flags.c_contiguous:
                together.setdefault((a.dtype, self.steps[i]), []).append(i)
            elif a.ndim:
                self.parts.append(Single([i], places, tensors))
            else:
                self.others.append(i)
        for alike in together.values():
            self.parts += [Pack(some, places, tensors) for some in _filled(alike, places)]
        rows = iter(
            Row(p, a.shape, a.dtype, state, [(name, state[name], state[name]._array) for name in names])
            for p, a, state in zip(self.params, places, self.states, strict=True)
        )
        self.rows = [None if p._grad is None else next(rows) for p in self.every]
        self._stand_at(places)
        self.names = names
        return True

    def run(self, optimizer: Any, group: Group, gradients: list[ndarray]) -> None:
        """The step."""
        step = Step(type(optimizer).rule, gradients, bool(group.get("maximize")))
        work = self.work if self.work and not optimizer.counts else self._with_numbers(optimizer, group)
        total = sum([part.size for part, _ in work])
        seconds = total * optimizer.cost
        shares = 1 if seconds < 3 * WORTH or total < SHARED * len(work) else get_num_threads()
        if shares < 2:
            for part, numbers in work:
                part.run(step, numbers, 0, part.size, CHUNK)
        else:
            dealt = _dealt(work, shares, total, gradients)

            def some(start: int, stop: int) -> None:
                for share in dealt[start:stop]:
                    for part, numbers, first, last in share:
                        part.run(step, numbers, first, last, 2 * CHUNK)

            divide(len(dealt), some, seconds)
        for i in self.others:
            g = gradients[i]
            optimizer.update(self.places[i], -g if step.maximize else g, self.states[i], group)

    def _with_numbers(self, optimizer: Any, group: Group) -> list[tuple[Pack | Single, Any]]:
        """Each part with the numbers of its step."""
        if optimizer.counts:
            self.steps = [(t or 0) + 1 for t in self.steps]
        found: dict[Any, Any] = {}
        self.work = []
        for part in self.parts:
            t, dtype = self.steps[part.places[0]], part.dtype
            if optimizer.counts:
                for i in part.places:
                    self.states[i]["step"] = t
            if (t, dtype) not in found:
                found[t, dtype] = self._as_arrays(optimizer.numbers(group, t, False), dtype)
            self.work.append((part, found[t, dtype]))
        return self.work

    def _as_arrays(self, numbers: Any, dtype: Any) -> Any:
        """The same numbers as arrays, which NumPy takes in half the time; those that have not changed as they are."""
        before, arrays = self.numbers.get(dtype, (numbers, None))
        if arrays is None:
            new = type(numbers)(*[None if x is None else np.array(x, dtype) for x in numbers])
        else:
            pairs = zip(numbers, before, arrays, strict=True)
            new = type(numbers)(*[a if x is y else None if x is None else np.array(x, dtype) for x, y, a in pairs])
        self.numbers[dtype] = numbers, new
        return new


def _is_fixed(value: Any) -> bool:
    """Can nobody write into it?"""
    return (
        value is None
        or isinstance(value, (bool, float, int, str))
        or (isinstance(value, tuple) and all(map(_is_fixed, value)))
    )


def _can_be_moved(kept: Tensor) -> bool:
    return kept._array.flags.c_contiguous and not has_other_names(kept)


def _form(a: ndarray) -> tuple[Any, ...]:
    return a.shape, a.dtype, a.flags.c_contiguous


def _overlapping(arrays: list[ndarray]) -> set[int]:
    """The places of those that may share memory with another of them."""
    if all(a.flags.owndata for a in arrays) and len(set(map(id, arrays))) == len(arrays):
        return set()
    found: set[int] = set()
    end, latest = -1, -1
    bounds = sorted((*_bounds(a), i) for i, a in enumerate(arrays) if a.size)
    for start, stop, i in bounds:
        if start < end:
            found |= {latest, i}
        if stop > end:
            end, latest = stop, i
    return found


def _overlaps_itself(a: ndarray) -> bool:
    start, stop = _bounds(a)
    return stop - start < a.nbytes


def _bounds(a: ndarray) -> tuple[int, int]:
    """The addresses of the first byte and behind the last one."""
    steps = [(n - 1) * step for n, step in zip(a.shape, a.strides, strict=True)]
    start = a.__array_interface__["data"][0]
    return start + sum(s for s in steps if s < 0), start + sum(s for s in steps if s > 0) + a.itemsize


def _filled(places: list[int], arrays: list[ndarray]) -> list[list[int]]:
    """Places in their order, in lists of at most `CHUNK` elements together."""
    lists: list[list[int]] = []
    room = 0
    for i in places:
        if arrays[i].size > room:
            lists.append([])
            room = CHUNK
        lists[-1].append(i)
        room -= arrays[i].size
    return lists


def _dealt(work: list[tuple[Pack | Single, Any]], shares: int, total: int, gradients: list[ndarray]) -> list[list[Any]]:
    """(part, its numbers, first element, last) in as many lists, which have about as many elements each."""
    each = -(-total // shares)
    lists: list[list[Any]] = [[]]
    room = each
    for part, numbers in work:
        start = 0
        while start < part.size:
            if room <= 0 and len(lists) < shares:
                lists.append([])
                room = each
            whole = len(lists) == shares or part.cannot_be_cut(gradients)
            stop = part.size if whole else min(part.size, start + room)
            lists[-1].append((part, numbers, start, stop))
            room -= stop - start
            start = stop
    return lists
