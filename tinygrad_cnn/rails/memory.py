"""What is remembered of an optimizer (`Watch`), of a gradient that was used (`Used`), of a thread's latest backward."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..arrays import writes
from ..arrays.guarding import Place
from ..autograd.graph import Variable

# What `Variable._rail` holds of a leaf: None; UNWATCHED of a Parameter until an optimizer gets it; then the Watch. Of a
# gradient: None until a step has used it; then a Used.
UNWATCHED = "a parameter in no optimizer"
SPOKEN_OF = "a tensor that is an attribute of a module"  # of which that was said


class Used(NamedTuple):
    """A gradient was used by a step, at the moment ``ticket``; or one that had been was added to, at ``place``."""

    ticket: int
    watch: Watch
    step: int  # the number of it; it may have failed
    place: Place | None = None


def is_parameter(x: Any) -> bool:
    """Is it an nn.Parameter?"""
    return isinstance(x, Variable) and type(x)._rail is UNWATCHED


def is_used(g: Variable) -> bool:
    """Is a gradient still as it was when a step used it?"""
    mark = g._rail
    return mark is not None and mark.step < mark.watch.steps and not writes.written_since(g._array, mark.ticket)


# After `LONG` right steps, rails look at `AWAKE` ones and let `REST` pass: what is wrong in a loop shows in its first
# steps, or in some of the later.
LONG, AWAKE, REST = 256, 4, 28


class Recent(threading.local):
    """This thread's latest backward."""

    def __init__(self) -> None:
        self.backwards = 0  # how many there were
        self.loss = math.nan  # what it began from, if that was one number
        self.root: weakref.ref[Variable] | None = None  # where it began
        self.cut = False  # did it begin at a leaf, and so reach nothing?
        self.strays: tuple[weakref.ref[Variable], ...] = ()  # Parameters it reached that are in no optimizer
        self.others: tuple[weakref.ref[Variable], ...] = ()  # other leaves it reached
        self.well = 0  # steps in a row with nothing to count, of optimizers that have taken `LONG` steps


recent = Recent()
watches: weakref.WeakSet[Watch] = weakref.WeakSet()


class Watch:
    """What is remembered of one optimizer: numbers, and a few samples of the weights as they were at the start."""

    def __init__(self, optimizer: Any = None) -> None:
        self.optimizer: weakref.ref[Any] | None = None if optimizer is None else weakref.ref(optimizer)
        self.steps = 0  # but those for which the rails rested
        self.stepped = 0  # those of them that had gradients
        self.made, self.ticket = writes.last_write, writes.upcoming()  # moments: of this, of the latest step's end
        self.backwards = recent.backwards  # of its thread, at the latest step
        self.reached = 0  # backwards that reached a parameter of it since the latest step
        self.leaf = 0  # the first parameter that the latest of them reached, by id
        self.fresh = self.again = 0  # while there was no step at all: those that found no gradient; the loss once more
        self.cleared = self.zeroed = False  # did it ever clear gradients; did it since the latest backward?
        self.empty = 0  # steps in a row without a gradient
        self.missing: frozenset[int] = frozenset()  # the parameters that had no gradient at the latest step, by id
        self.missed = 0  # steps in a row with the same missing
        self.patience = 2  # how many of them are too many; more for a net that does not always use all of itself
        self.strays: dict[int, int] = {}  # Parameters in no optimizer that the latest step met, each with the moment
        self.others: set[int] = set()  # the other leaves that it met, by id
        self.excused: set[int] = set()  # what has been spoken of
        self.latest = math.nan  # the loss of the latest of them
        self.first = self.anchor = math.nan  # the loss of the first step, and that which it has kept since
        self.scale = 0.0  # the largest loss with weights that have not grown, as far as that was looked at
        self.same = self.worse = 0  # for how many steps; and how many in a row it was not better than the first
        self.samples: list[tuple[weakref.ref[Variable], ndarray]] = []
        self.blown = False
        watches.add(self)

    def __reduce__(self) -> Any:
        return Watch, ()  # a copy of an optimizer is another one

    def awake(self) -> None:
        """Begin to look again: what was counted from one step to the next is not known."""
        self.reached = self.fresh = self.empty = self.missed = 0
        self.zeroed, self.missing, self.strays = False, frozenset(), {}

    @property
    def alive(self) -> bool:
        """Is there still an optimizer?"""
        return self.optimizer is not None and self.optimizer() is not None

    def params(self) -> Iterator[Variable]:
        """The parameters of the optimizer."""
        optimizer = None if self.optimizer is None else self.optimizer()
        return iter(()) if optimizer is None else (p for group in optimizer.param_groups for p in group["params"])

    def sample(self, params: list[Any]) -> None:
        """Keep some numbers of the first parameters, the weights before the biases."""
        first = sorted(params, key=lambda p: p._array.ndim < 2)[:16]
        self.samples = [(weakref.ref(p), _some_of(p._array)) for p in first]

    def weights(self) -> list[tuple[ndarray, ndarray]]:
        """What is sampled of the weights, then and now; of all parameters, where none has two dimensions."""
        living = [(p._array, before) for ref, before in self.samples if (p := ref()) is not None]
        pairs = [(a.ndim, before, _some_of(a)) for a, before in living]
        pairs = [(ndim, before, now) for ndim, before, now in pairs if now.shape == before.shape]
        most = max((ndim for ndim, _, _ in pairs), default=0)
        return [(before, now) for ndim, before, now in pairs if ndim > 1 or most < 2]

    def growth(self) -> float:
        """By how much the weights, of some tensor of them, are larger than at the start."""
        flat = all(p is None or p._array.ndim < 2 for p in (ref() for ref, _ in self.samples))
        floor = 1.0 if flat else 1e-2
        with np.errstate(all="ignore"):
            sizes = [(np.abs(a).mean(dtype=float), np.abs(b).mean(dtype=float)) for a, b in self.weights()]
        return max((b / max(a, floor) if math.isfinite(b) else math.inf for a, b in sizes), default=0.0)

    def moved(self) -> bool:
        """Is any sampled weight now another than at the start?"""
        return any(
            bool((np.abs(b - a) > 1e-6 * max(float(np.abs(a).max(initial=0)), 1e-3)).any()) for a, b in self.weights()
        )


def _some_of(a: ndarray) -> ndarray:
    """Some 64 of the numbers in an array, from all over it; a copy."""
    some: ndarray = a.flat[:: max(1, a.size // 64)]
    return some


def watch_of(optimizer: Any) -> Watch:
    """The optimizer's watch, made at the first question."""
    watch: Watch | None = optimizer.__dict__.get("_rails")
    if watch is None or watch.optimizer is None or watch.optimizer() is not optimizer:
        watch = optimizer._rails = Watch(optimizer)
    return watch


def note_zeroing(p: Variable) -> None:
    """The gradient of a parameter was set to zero, not by its optimizer."""
    if type(p._rail) is Watch:
        p._rail.zeroed = True


def stepped_by_somebody(p: Variable) -> bool:
    """Is it a parameter of a living optimizer?"""
    return any(p is q for watch in list(watches) if watch.alive for q in watch.params())
