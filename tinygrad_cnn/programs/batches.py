"""One program out of the tapes of several calls: what depends on the batch size is found by comparing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from .program import Extent, Step, Value, put_together
from .tape import Tape

_FAR = 2**31  # no batch goes there


class Differ(Exception):
    """Two tapes are no one program; the message says in what."""


def difference(a: Tape, b: Tape) -> str:
    """In what two tapes for one batch size differ; "" if in nothing."""
    try:
        Comparison(((a, 1), (b, 1))).check()
    except Differ as error:
        return str(error)
    return ""


class Comparison:
    """Tapes of one model for several batch sizes, the example's first."""

    def __init__(self, tapes: Sequence[tuple[Tape, int]]) -> None:
        self.tapes = [tape for tape, _ in tapes]
        self.sizes = [size for _, size in tapes]

    def check(self) -> None:
        """Raise `Differ` unless the tapes are one program, with extents in it."""
        first, *others = self.tapes
        for other in others:
            for k, (s, t) in enumerate(zip(first.steps, other.steps, strict=False)):
                if (s.op, s.module) != (t.op, t.module):
                    raise Differ(f"step {k} is {told(s)} for one and {told(t)} for the other")
            if len(first.steps) != len(other.steps):
                raise Differ(f"it takes {len(first.steps)} steps for one and {len(other.steps)} for the other")
            if len(first.values) != len(other.values):
                raise Differ("other values are read")
            if [v.number for v in first.outputs] != [v.number for v in other.outputs]:
                raise Differ("other values are returned")
        for steps in zip(*(tape.steps for tape in self.tapes), strict=True):
            self.step(steps)
        for values in zip(*(tape.values for tape in self.tapes), strict=True):
            self.value(values)

    def step(self, steps: Sequence[Step]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The inputs and attributes of a step, with extents."""
        try:
            inputs = self.thing([s.inputs for s in steps])
            self._slices(steps)
            return inputs, self.thing([s.attributes for s in steps])
        except Differ as error:
            raise Differ(f"{error}, in {told(steps[0])}") from None

    def _slices(self, steps: Sequence[Step]) -> None:
        """Refuse a slice that a batch is too small for: in a larger one it ends elsewhere than these tell."""
        if len(set(self.sizes)) == 1 or steps[0].op not in ("getitem", "setitem", "overwritten"):
            return
        for bounds in zip(*(_bounds(s) for s in steps), strict=True):
            sizes, numbers = zip(*bounds, strict=True)
            if len(set(sizes)) > 1 and len(set(numbers)) == 1 and min(sizes) < abs(numbers[0]) < _FAR:
                raise Differ(f"a slice goes to {numbers[0]}, beyond a batch that has {min(sizes)} there")

    def value(self, values: Sequence[Value]) -> tuple[Any, Any]:
        """The shape of a value, with extents, and the array of a constant, or the `Made` one."""
        if len({(v.kind, v.name, v.dtype, len(v.shape)) for v in values}) != 1:
            raise Differ("a value is of another kind, dtype or number of dimensions")
        shape = self.thing([v.shape for v in values])
        if values[0].kind != "constant":
            return shape, None
        try:
            return shape, self.array([v.array for v in values])
        except Differ as error:
            raise Differ(f"{error}{self._reader(values[0])}") from None

    def _reader(self, value: Value) -> str:
        reader = next((s for s in self.tapes[0].steps if value in s.values()), None)
        return f", which {told(reader)} reads" if reader is not None else ""

    def thing(self, things: Sequence[Any]) -> Any:
        """One thing out of those that stand in one place of each tape: equal, or an `Extent`, or made of such."""
        first = things[0]
        if len({type(x) for x in things}) != 1:
            raise Differ(f"{first!r} became {next(x for x in things if type(x) is not type(first))!r}")
        if isinstance(first, Value):
            if len({x.number for x in things}) != 1:
                raise Differ("another value is read")
            return first
        if isinstance(first, ndarray):
            array = self.array(things)
            if isinstance(array, Made):
                raise Differ(f"an array of shape {first.shape} depends on the batch")
            return array
        if isinstance(first, slice):
            return slice(
                *(self.thing(parts) for parts in zip(*((x.start, x.stop, x.step) for x in things), strict=True))
            )
        if isinstance(first, dict):
            return {key: self.thing([x.get(key) for x in things]) for key in first}
        if isinstance(first, (tuple, list)):
            if len({len(x) for x in things}) != 1:
                raise Differ(f"{first!r} became {next(x for x in things if len(x) != len(first))!r}")
            return put_together(first, [self.thing(parts) for parts in zip(*things, strict=True)])
        if all(x == first or (x != x and first != first) for x in things):
            return first
        if type(first) is int:
            return self._extent(things)
        raise Differ(f"{first!r} became {next(x for x in things if x != first)!r}")

    def _extent(self, numbers: Sequence[int]) -> Extent:
        if len(set(self.sizes)) > 1:
            times, rest = divmod(numbers[1] - numbers[0], self.sizes[1] - self.sizes[0])
            extent = Extent(times, numbers[0] - times * self.sizes[0])
            if not rest and all(extent.at(n) == number for n, number in zip(self.sizes, numbers, strict=True)):
                return extent
        raise Differ(f"the number {numbers[0]} became {next(n for n in numbers if n != numbers[0])}")

    def array(self, arrays: Sequence[Any]) -> Any:
        """An array that is the same in all tapes, or how it is made for a batch of any size."""
        first = arrays[0]
        if all(a.shape == first.shape and np.array_equal(a, first, equal_nan=a.dtype.kind == "f") for a in arrays):
            return first
        if any(a.ndim != first.ndim for a in arrays) or all(a.shape == first.shape for a in arrays):
            raise Differ(f"an array of shape {first.shape} that no operation made has other numbers")
        shape = self.thing([a.shape for a in arrays])
        small = [_without_repeats(a, [isinstance(n, Extent) for n in shape]) for a in arrays]
        if all(a.shape == small[0].shape and np.array_equal(a, small[0]) for a in small):
            return Made("expand", small[0], shape)
        if first.ndim == 1 and first.dtype.kind == "i" and all((a == np.arange(a.size)).all() for a in arrays):
            return Made("arange", None, shape)
        raise Differ(f"an array of shape {first.shape} that no operation made has other numbers for each batch size")


class Made:
    """An array that is made for a batch of any size: an array "expand"ed, or "arange"."""

    def __init__(self, op: str, of: Any, shape: Any) -> None:
        self.op, self.of, self.shape = op, of, shape


def _bounds(step: Step) -> list[tuple[int, int]]:
    """The bounds of the slices in an index, each behind the size of its dimension; 0 where there is none."""
    items = [item for item in getattr(step.attributes.get("index"), "basic", ()) if item is not None]
    sizes, found = list(step.inputs[0].shape), []
    for item in items:
        if item is Ellipsis:
            sizes = sizes[len(sizes) - (len(items) - items.index(item) - 1) :]
        elif isinstance(item, slice):
            n = sizes.pop(0)
            found += [(n, bound or 0) for bound in (item.start, item.stop)]
        else:
            del sizes[0]
    return found


def _without_repeats(a: Any, along: Sequence[bool]) -> Any:
    """The array with size 1 in those dimensions along which it repeats itself."""
    for d, free in enumerate(along):
        one = a[(slice(None),) * d + (slice(0, 1),)]
        if free and a.size and (a == one).all():
            a = one
    return a


def told(step: Step) -> str:
    """A step in an error: what it is, and where."""
    where = f" of {step.module} ({step.type})" if step.module else f" of the {step.type}" if step.type else ""
    return f"{step.op}{where}{f' ({step.line})' if step.line else ''}"
