"""Several operations that go number by number, done one after the other on a block of numbers that stays in the cache.

What only the chain itself reads has no buffer: it lies in scratch memory of the size of a block.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ...arrays.scratch import Memory, fresh, of_thread
from ...arrays.threads import divide
from ...ops import activation, elementwise, special
from ..memory import like
from ..planned import PLANNERS, WORKERS, Ready, silence
from .elementwise import KINDS, done_by
from .epilogue import Once, by_part

BLOCK = 1 << 19  # bytes of a block
SECONDS = 0.4e-9  # that a number of a single operation takes

_OWN = [activation.step, activation.between, activation.leaky_relu, activation.prelu, activation.leaky_floor,
        activation.hardtanh, activation.threshold, activation.softshrink, activation.hardshrink, activation.softsign,
        activation.elu, activation.logsigmoid, activation.silu, activation.tanh_softplus, activation.mish,
        activation.gelu, activation.gelu_gate, activation.gelu_tanh, activation.hardsigmoid, activation.hardswish,
        special._softplus, special.bell, special.erf]  # fmt: skip
PASSES = {this.op.forward for this in _OWN}  # what goes over its numbers several times
ALONE = PASSES | {elementwise.relu.op.forward, elementwise.gate.op.forward}  # what gains by blocks or threads by itself


class Part(NamedTuple):
    """One operation of a chain: on inputs of the chain and results of parts before, by number."""

    forward: Callable[..., Any]
    given: tuple[int, ...]
    settings: dict[str, Any]


def chain(*xs: Any, parts: Sequence[Part], made: tuple[int, ...]) -> tuple[Any, ...]:
    """The parts one after the other on whole arrays; the results that are ``made`` for others, by number."""
    values = list(xs)
    for part in parts:
        values.append(part.forward(*(values[k] for k in part.given), **part.settings))
    return tuple(values[k] for k in made)


WORKERS.add(chain)


def _planner(*xs: Any, parts: Sequence[Part], made: tuple[int, ...], memory: Memory = fresh) -> Ready:
    values = chain(*xs, parts=parts, made=tuple(range(len(xs) + len(parts))))
    layouts = tuple(like(values[k]) for k in made)
    work = Blocks(values, parts, made, memory)
    if not work.alike:

        def whole(*arrays: Any) -> None:
            ys = chain(*arrays[len(made) :], parts=parts, made=made)
            for out, y in zip(arrays, ys, strict=False):
                np.copyto(out, y)

        return Ready(whole, layouts)
    return Ready(work, layouts, work.over())


PLANNERS[chain] = _planner


class Blocks:
    """The parts of a chain on blocks of its arrays, which are cut along the outermost dimension in memory.

    Args:
        values: what came and what the parts made of it, once.

    Attributes:
        alike: do all arrays of the shape of the results lie in the same order in memory, without gaps?
    """

    def __init__(self, values: Sequence[Any], parts: Sequence[Part], made: tuple[int, ...], memory: Memory) -> None:
        self.parts, self.made, self.memory, self.n = parts, made, memory, len(values) - len(parts)
        y = values[made[-1]]
        self.shape, self.order = y.shape, sorted(like(y).order, key=lambda d: y.shape[d] == 1)
        arrays = [_narrow(a) for a in values if isinstance(a, np.ndarray)]
        full = [a for a in arrays if a.shape == y.shape]
        self.alike = y.transpose(self.order).flags.c_contiguous and all(_steps(a) == _steps(y) for a in full)
        self.lined = all(a.size == 1 or a.shape == y.shape for a in arrays)  # as one line of numbers each
        self.kinds = [self._kind(part, values, k) for k, part in enumerate(parts, self.n)]
        self.full = {k for k, a in enumerate(values) if isinstance(a, np.ndarray) and _narrow(a).shape == y.shape}
        self.types = [a.dtype if isinstance(a, np.ndarray) else None for a in values]
        self.size = y.size
        self.length = y.size if self.lined else y.shape[self.order[0]]
        widest = max(a.dtype.itemsize for a in full)
        self.blocks = min(self.length, -(-y.size * widest // BLOCK))
        self.places, self.rooms = self._place()
        self.job = Once(lambda *arrays: by_part(partial(self._calls, arrays)))

    def _kind(self, part: Part, values: Sequence[Any], k: int) -> Any:
        """How a part is done by NumPy's functions, where that is known."""
        kind = KINDS.get(part.forward)
        known = kind is not None and done_by(kind, values[k], [values[j] for j in part.given], part.settings)
        return kind if known else None

    def _place(self) -> tuple[dict[int, list[int | None]], list[Any]]:
        """The rooms, by number, of the result of each part and of what it works in; None: it is read by others.

        A room is used again when its result was read for the last time. Then the dtypes of the rooms.
        """
        last = {k: at for at, part in enumerate(self.parts) for k in part.given}
        places: dict[int, list[int | None]] = {}
        rooms: list[Any] = []
        free: list[int] = []

        def take(dtype: Any) -> int:
            found = next((r for r in reversed(free) if rooms[r] == dtype), None)
            if found is None:
                rooms.append(dtype)
                return len(rooms) - 1
            free.remove(found)
            return found

        for at, (part, kind) in enumerate(zip(self.parts, self.kinds, strict=True)):
            k = self.n + at
            dtype = self.types[k]
            places[k] = [None if k in self.made else take(dtype), *(take(dtype) for _ in range(kind.scratch if kind else 0))]
            ends = [places[j][0] for j in set(part.given) if j in places and last[j] == at]
            free += [r for r in (*ends, *places[k][1:]) if r is not None]
        return places, rooms

    def over(self) -> int | None:
        """The input in whose memory the first result may be written, block by block: the last part reads it."""
        part, kind = self.parts[-1], self.kinds[-1]
        j, k = part.given[0], len(self.types) - 1
        fits = kind is not None and kind.over and j < self.n and self.made == (k,) and self.types[j] == self.types[k]
        return j if fits and j in self.full else None

    def __call__(self, *arrays: Any) -> None:
        """Fill the results: ``(*results, *inputs)``."""
        divide(self.blocks, self.job(*arrays), self.size * SECONDS * len(self.parts))

    def _calls(self, arrays: Sequence[Any], start: int, stop: int) -> Iterator[Callable[[], Any]]:
        """The calls of some blocks."""
        there, silenced = [self._in_order(a) for a in arrays], silence()
        memory, longest = of_thread(self.memory, start), -(-self.length // self.blocks)
        inner = () if self.lined else tuple(self.shape[d] for d in self.order[1:])
        rooms = [memory(k, (longest, *inner), dtype) for k, dtype in enumerate(self.rooms)]
        n = len(self.made)
        for block in range(start, stop):
            i, j = self.length * block // self.blocks, self.length * (block + 1) // self.blocks
            parts = [a[i:j] if isinstance(a, np.ndarray) and a.ndim and len(a) > 1 else a for a in there]
            outs, values = dict(zip(self.made, parts[:n], strict=True)), parts[n:]
            room = [r[: j - i] for r in rooms]
            for k, (part, kind) in enumerate(zip(self.parts, self.kinds, strict=True), self.n):
                y, *scratch = [outs[k] if r is None else room[r] for r in self.places[k]]
                xs = [values[g] for g in part.given]
                values.append(y)
                calls = [partial(_put, part, y, xs)] if kind is None else kind.calls(y, *scratch, *xs)
                yield from map(silenced, calls) if kind is not None and kind.quiet else calls

    def _in_order(self, a: Any) -> Any:
        """An array with its outermost dimension in memory first; as one line, where all of them are."""
        if not isinstance(a, np.ndarray) or a.ndim == 0:
            return a
        a = _narrow(a)
        if self.lined:
            return a.transpose(self.order).reshape(-1) if a.shape == self.shape else a.reshape(())
        return a[(None,) * (len(self.shape) - a.ndim)].transpose(self.order)


def _narrow(a: Any) -> Any:
    """An array that repeats its numbers along some dimension has them once."""
    return a[tuple(slice(0, 1 if step == 0 and n > 1 else n) for n, step in zip(a.shape, a.strides, strict=True))]


def _steps(a: Any) -> list[int]:
    """How its numbers lie in memory, where that can be seen."""
    return [step // a.itemsize for n, step in zip(a.shape, a.strides, strict=True) if n > 1]


def _put(part: Part, y: Any, xs: Sequence[Any]) -> None:
    """By the forward, of whose result there is one more copy."""
    np.copyto(y, part.forward(*xs, **part.settings))
