"""How the parameters of a group are stepped together: what holds from one step to the next, found out once.

A ufunc takes 0.4 us before it computes anything, and a step of Adam has 13 of them. So small parameters are gathered,
stepped as one array, and put back. Parameters stay where they are, and so do gradients: both are the user's. What is kept
of small parameters lies in one array for many of them. Each has its part of it, which NumPy takes for no view: it owns
its memory, so a write into one is none into the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from operator import is_
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..arrays.threads import WORTH, divide, get_num_threads
from ..arrays.writes import entries_of_writes, owner_of
from ..autograd.inplace import has_other_names
from ..tensors import Tensor
from .optimizer import CHUNK, Group, Ready, State, pieces

SHARED = 1 << 16  # elements of a parameter, on the average, from which threads seldom wait for Python's lock


class _Here(threading.local):
    def __init__(self) -> None:
        self.rows: dict[Any, list[ndarray]] = {}


_here = _Here()


def scratch(size: int, dtype: Any) -> list[ndarray]:
    """Three arrays of this thread for what is computed on the way, of at least that size; nobody's after the update."""
    rows = _here.rows.get(dtype)
    if rows is None or rows[0].size < size:
        rows = _here.rows[dtype] = [np.empty(max(size, CHUNK), dtype) for _ in range(3)]
    return rows


class Step(NamedTuple):
    """One step of a group: what is computed, with which gradients."""

    rule: Callable[..., None]
    gradients: list[ndarray]
    maximize: bool

    def take(self, limit: int, numbers: Any, p: ndarray, g: ndarray, *kept: ndarray) -> None:
        """The step of arrays that have one dimension, in pieces."""
        size, rule = p.size, self.rule
        s, t, negative = scratch(min(size, limit), p.dtype)
        length = size if size <= limit else -(-size // -(-size // limit))
        for k in range(0, size, length):
            n = min(length, size - k)
            x, y, *z = (p, g, *kept) if n == size else [a[k : k + n] for a in (p, g, *kept)]
            if self.maximize:
                y = np.negative(y, negative[:n])
            rule(x, y, s[:n], t[:n], numbers, *z)

    def take_as_it_lies(self, limit: int, numbers: Any, *arrays: ndarray) -> None:
        """The step of arrays in whatever memory order."""
        for p, g, *kept in pieces(list(arrays), limit):
            s, t, negative = (row[: p.size].reshape(p.shape) for row in scratch(p.size, p.dtype))
            self.rule(p, np.negative(g, negative) if self.maximize else g, s, t, numbers, *kept)


# -------------------------------------------------------------------------------------------------------------- parts
class Pack:
    """Small parameters, contiguous ones, that are stepped as one array."""

    def __init__(self, places: list[int], arrays: list[ndarray], kept: list[list[Tensor]]) -> None:
        arrays = [arrays[i] for i in places]
        self.places, self.size, self.dtype = places, sum(a.size for a in arrays), arrays[0].dtype
        self.p, of_p = _in_one(arrays)
        self.of_p = [part.reshape(-1) for part in of_p]
        self.g, self.of_g = _in_one(arrays)
        self.kept = []
        for tensors in kept:
            flat, parts = _in_one(arrays)
            self.kept.append(flat)
            for i, part in zip(places, parts, strict=True):
                part[...] = tensors[i]._array
                tensors[i]._array = part

    def stands_at(self, arrays: list[ndarray]) -> None:
        self.lines = [arrays[i].reshape(-1) for i in self.places]

    def cannot_be_cut(self, _gradients: list[ndarray]) -> bool:
        return True

    def run(self, step: Step, numbers: Any, _start: int, _stop: int, limit: int) -> None:
        np.concatenate(self.lines, out=self.p)
        for i, part in zip(self.places, self.of_g, strict=True):
            part[...] = step.gradients[i]
        step.take(limit, numbers, self.p, self.g, *self.kept)
        for line, part in zip(self.lines, self.of_p, strict=True):
            line[...] = part


def _in_one(arrays: list[ndarray]) -> tuple[ndarray, list[ndarray]]:
    """A new array, and its parts, of the shapes of ``arrays``. Each part is the owner of its memory."""
    size, dtype = sum(a.size for a in arrays), arrays[0].dtype
    memory: Any = memoryview(np.empty(size * dtype.itemsize, np.uint8))
    parts, start = [], 0
    for a in arrays:
        parts.append(np.ndarray(a.shape, dtype, memory, start))
        start += a.nbytes
    return np.ndarray(size, dtype, memory), parts


class Single:
    """A parameter that is stepped by itself."""

    def __init__(self, places: list[int], arrays: list[ndarray], kept: list[list[Tensor]]) -> None:
        [self.place] = self.places = places
        self.size, self.dtype = arrays[self.place].size, arrays[self.place].dtype
        self.kept = [tensors[self.place]._array for tensors in kept]

    def stands_at(self, arrays: list[ndarray]) -> None:
        self.p = arrays[self.place]
        self.even = all(a.flags.c_contiguous for a in (self.p, *self.kept))
        self.lines = [a.reshape(-1) for a in (self.p, *self.kept)] if self.even else []

    def cannot_be_cut(self, gradients: list[ndarray]) -> bool:
        return not (self.even and gradients[self.place].flags.c_contiguous)

    def run(self, step: Step, numbers: Any, start: int, stop: int, limit: int) -> None:
        g = step.gradients[self.place]
        if self.cannot_be_cut(step.gradients):
            step.take_as_it_lies(limit, numbers, self.p, g, *self.kept)
            return
        p, *kept = self.lines
        if stop - start < self.size:
            p, g, *kept = (a.reshape(-1)[start:stop] for a in (p, g, *kept))
        step.take(limit, numbers, p, g.reshape(-1), *kept)


# --------------------------------------------------------------------------------------------------------------- plan
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
        fixed = all([_is_fixed(value) for key, value in group.items() if key not in ("params", "param_names")])
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
        self.places, self.owners, self.writes = places, {id(owner_of(a)) for a in places}, entries_of_writes(places)
        for part in self.parts:
            part.stands_at(places)

    def make(self, optimizer: Any) -> bool:
        """Find it out; False where a parameter has no state yet."""
        names, self.names = self.wanted, None
        if names is None:
            return False
        self.states = [optimizer.state.get(p, {}) for p in self.params]
        if not all(name in state for state in self.states for name in names) or not (names or optimizer.state):
            return False
        tensors = [[state[name] for state in self.states] for name in names]
        places = [p._array for p in self.params]
        self.parts, self.others, self.numbers, self.work = [], [], {}, []
        self.steps = [state.get("step") for state in self.states]
        together: dict[Any, list[int]] = {}
        overlapping = _overlapping(places)
        for i, a in enumerate(places):
            kept = [of[i] for of in tensors]
            if not a.size or i in overlapping or any((k.shape, k.dtype) != (a.shape, a.dtype) for k in kept):
                self.others.append(i)
            elif a.size <= optimizer.small and a.flags.c_contiguous and not any(map(has_other_names, kept)):
                together.setdefault((a.dtype, self.steps[i]), []).append(i)
            elif a.ndim:
                self.parts.append(Single([i], places, tensors))
            else:
                self.others.append(i)
        for alike in together.values():
            self.parts += [Pack(some, places, tensors) for some in _filled(alike, places)]
        self._stand_at(places)
        rows = iter(
            Row(p, a.shape, a.dtype, state, [(name, state[name], state[name]._array) for name in names])
            for p, a, state in zip(self.params, places, self.states, strict=True)
        )
        self.rows = [None if p._grad is None else next(rows) for p in self.every]
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
            if optimizer.counts:
                self.states[i]["step"] = self.steps[i] - 1
            optimizer.update(self.places[i], -g if step.maximize else g, self.states[i], group)

    def _with_numbers(self, optimizer: Any, group: Group) -> list[tuple[Pack | Single, Any]]:
        """Each part with the numbers of its step, as arrays of its dtype, which NumPy takes sooner than Python's."""
        if optimizer.counts:
            self.steps = [(t or 0) + 1 for t in self.steps]
            for state, t in zip(self.states, self.steps, strict=True):
                state["step"] = t
        found: dict[Any, Any] = {}
        work: list[tuple[Pack | Single, Any]] = []
        for part in self.parts:
            key = self.steps[part.places[0]], part.dtype
            if key not in found:
                numbers = optimizer.numbers(group, key[0], False)
                before, arrays = self.numbers.get(part.dtype, (numbers, (None,) * len(numbers)))
                found[key] = type(numbers)(
                    *[
                        a if x == y and a is not None else x if x is None else np.array(x, part.dtype)
                        for x, y, a in zip(numbers, before, arrays, strict=True)
                    ]
                )
                self.numbers[part.dtype] = numbers, found[key]
            work.append((part, found[key]))
        self.work = work
        return work


def _is_fixed(value: Any) -> bool:
    """Can nobody write into it?"""
    return (
        value is None
        or isinstance(value, (bool, float, int, str))
        or (isinstance(value, tuple) and all(map(_is_fixed, value)))
    )


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


def _dealt(
    work: Sequence[tuple[Pack | Single, Any]], shares: int, total: int, gradients: list[ndarray]
) -> list[list[Any]]:
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
