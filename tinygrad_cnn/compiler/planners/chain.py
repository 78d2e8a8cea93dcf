"""Several operations that go number by number, one after the other on a block of numbers that stays in the cache.

What only the chain itself reads has no buffer: it lies in scratch memory of the size of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ...arrays.scratch import Memory, fresh, of_thread
from ...arrays.threads import by_part, divide
from ...ops import activation, elementwise, special
from ..memory import like
from ..planned import PLANNERS, WORKERS, Ready, silence
from .elementwise import KINDS, done_by
from .epilogue import Once

BLOCK = 1 << 19  # bytes of a block of one array; some of them stay in the cache
SECONDS = 0.4e-9  # that a number of one operation takes

_OWN: list[Any] = [
    activation.step, activation.between, activation.leaky_relu, activation.prelu, activation.leaky_floor,
    activation.hardtanh, activation.threshold, activation.softshrink, activation.hardshrink, activation.softsign,
    activation.elu, activation.logsigmoid, activation.silu, activation.tanh_softplus, activation.mish,
    activation.gelu, activation.gelu_gate, activation.gelu_tanh, activation.hardsigmoid, activation.hardswish,
    special._softplus, special.bell, special.erf,
]  # fmt: skip
_SHARED: list[Any] = [*_OWN, elementwise.relu, elementwise.gate]
PASSES = {this.op.forward for this in _OWN}  # what goes over its numbers several times, by functions of its own
ALONE = {this.op.forward for this in _SHARED}  # what gains by blocks, or by threads, without others


class Part(NamedTuple):
    """One operation of a chain: on inputs of the chain and results of parts before, by number."""

    forward: Any
    given: tuple[int, ...]
    settings: dict[str, Any]


def chain(*xs: Any, parts: Sequence[Part], made: tuple[int, ...]) -> tuple[Any, ...]:
    """The parts one after the other on whole arrays; the results that are ``made`` for others, by number."""
    values = list(xs)
    for part in parts:
        values.append(part.forward(*(values[k] for k in part.given), **part.settings))
    return tuple(values[k] for k in made)


def planner(*xs: Any, parts: Sequence[Part], made: tuple[int, ...], memory: Memory = fresh) -> Ready:
    """In blocks, where the arrays lie alike in memory."""
    values = chain(*xs, parts=parts, made=tuple(range(len(xs) + len(parts))))
    layouts = tuple(like(values[k]) for k in made)
    work = Blocks(values, parts, made, memory)
    if work.alike:
        return Ready(work, layouts, work.over())

    def whole(*arrays: Any) -> None:
        for y, found in zip(arrays, chain(*arrays[len(made) :], parts=parts, made=made), strict=False):
            np.copyto(y, found)

    return Ready(whole, layouts)


PLANNERS[chain] = planner
WORKERS.add(chain)


class Blocks:
    """The parts of a chain on blocks of its arrays, which are cut along the outermost dimension in memory.

    Args:
        values: what came and what the parts made of it, once.

    Attributes:
        alike: do all arrays of the shape of the results lie in the same order in memory, without gaps?
    """

    def __init__(self, values: Sequence[Any], parts: Sequence[Part], made: tuple[int, ...], memory: Memory) -> None:
        self.parts, self.made, self.memory, self.n = parts, made, memory, len(values) - len(parts)
        y = values[-1]
        self.shape, self.size, self.order = y.shape, y.size, sorted(like(y).order, key=lambda d: y.shape[d] == 1)
        arrays = {k: _narrow(a) for k, a in enumerate(values) if isinstance(a, np.ndarray)}
        self.full = {k: a for k, a in arrays.items() if a.shape == y.shape}
        alike = all(_steps(a) == _steps(y) for a in self.full.values())
        self.alike = alike and y.transpose(self.order).flags.c_contiguous
        self.lined = all(a.size == 1 or k in self.full for k, a in arrays.items())  # each as one line of numbers
        self.length = y.size if self.lined else y.shape[self.order[0]]
        widest = max(a.itemsize for a in self.full.values())
        self.blocks = min(self.length, -(-y.size * widest // BLOCK))
        self.kinds = [self._kind(part, values, k) for k, part in enumerate(parts, self.n)]
        self.places, self.rooms = self._places()
        self.job = Once(lambda *arrays: by_part(partial(self._calls, arrays)))

    def _kind(self, part: Part, values: Sequence[Any], k: int) -> Any:
        """How a part is done by NumPy's functions, where that is known."""
        kind = KINDS.get(part.forward)
        known = kind is not None and done_by(kind, values[k], [values[j] for j in part.given], part.settings)
        return kind if known else None

    def _places(self) -> tuple[list[list[int | None]], list[Any]]:
        """The rooms, by number, of each part's result and of what it works in; None: others read it. Their dtypes.

        A room is used again when its result was read for the last time.
        """
        last = {k: at for at, part in enumerate(self.parts) for k in part.given}
        places: list[list[int | None]] = []
        rooms: list[Any] = []
        free: list[int] = []

        def take(dtype: Any) -> int:
            found = next((r for r in reversed(free) if rooms[r] == dtype), len(rooms))
            if found == len(rooms):
                rooms.append(dtype)
            else:
                free.remove(found)
            return found

        for at, (part, kind) in enumerate(zip(self.parts, self.kinds, strict=True)):
            dtype = self.full[self.n + at].dtype
            mine = [take(dtype) for _ in range(kind.scratch if kind else 0)]
            places.append([None if self.n + at in self.made else take(dtype), *mine])
            ended = [places[k - self.n][0] for k in {*part.given} if k >= self.n and last[k] == at]
            free += [r for r in (*mine, *ended) if r is not None]
        return places, rooms

    def over(self) -> int | None:
        """The input in whose memory the one result may be written, block by block: the last part reads it."""
        kind, j, k = self.kinds[-1], self.parts[-1].given[0], self.n + len(self.parts) - 1
        if kind is None or not kind.over or self.made != (k,) or j >= self.n or j not in self.full:
            return None
        return j if self.full[j].dtype == self.full[k].dtype else None

    def __call__(self, *arrays: Any) -> None:
        """Fill the results: ``(*results, *inputs)``."""
        divide(self.blocks, self.job(*arrays), self.size * SECONDS * len(self.parts))

    def _calls(self, arrays: Sequence[Any], start: int, stop: int) -> Iterator[Callable[[], Any]]:
        """The calls of some blocks."""
        there, silenced = [self._in_order(a) for a in arrays], silence()
        memory, longest = of_thread(self.memory, start), -(-self.length // self.blocks)
        inner = () if self.lined else tuple(self.shape[d] for d in self.order[1:])
        rooms = [memory(k, (longest, *inner), dtype) for k, dtype in enumerate(self.rooms)]
        for block in range(start, stop):
            i, j = self.length * block // self.blocks, self.length * (block + 1) // self.blocks
            cut = [a[i:j] if isinstance(a, np.ndarray) and a.ndim and len(a) > 1 else a for a in there]
            outs, values = dict(zip(self.made, cut, strict=False)), cut[len(self.made) :]
            room = [r[: j - i] for r in rooms]
            for k, (part, kind, places) in enumerate(zip(self.parts, self.kinds, self.places, strict=True), self.n):
                y, *scratch = [outs[k] if r is None else room[r] for r in places]
                xs = [values[g] for g in part.given]
                values.append(y)
                calls = [partial(_put, part, y, xs)] if kind is None else kind.calls(y, *scratch, *xs)
                yield from map(silenced, calls) if kind is not None and kind.quiet else calls

    def _in_order(self, a: Any) -> Any:
        """An array with its outermost dimension in memory first; as one line, where all of them are."""
        if not isinstance(a, np.ndarray) or a.ndim == 0:
            return a
        once = _narrow(a)
        if self.lined:  # a gradient that a user gives may lie otherwise than that of another call: then it is copied
            return once.reshape(()) if once.size == 1 else a.transpose(self.order).reshape(-1)
        return once[(None,) * (len(self.shape) - a.ndim)].transpose(self.order)


def _narrow(a: Any) -> Any:
    """An array that repeats its numbers along some dimension has them once."""
    return a[tuple(slice(0, 1 if step == 0 and n > 1 else n) for n, step in zip(a.shape, a.strides, strict=True))]


def _steps(a: Any) -> list[int]:
    """How its numbers lie in memory, where that can be seen."""
    return [step // a.itemsize for n, step in zip(a.shape, a.strides, strict=True) if n > 1]


def _put(part: Part, y: Any, xs: Sequence[Any]) -> None:
    """By the forward, whose result is copied while it is in the cache."""
    np.copyto(y, part.forward(*xs, **part.settings))
