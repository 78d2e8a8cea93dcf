"""What a call did, as it was recorded."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy import ndarray

from ..arrays.copying import as_it_lies
from ..autograd.graph import Variable, wrap
from ..programs.outside import PLAIN
from ..programs.program import Step, Value


@dataclass(eq=False)
class Aside(Step):
    """A step that counts whether or not its results are read: it may check something, draw, or change a buffer.

    What is ``last`` is done when the whole call has succeeded.
    """

    last: bool = False


SHARED = "it returns a tensor in memory that was there before and that it writes into"


@dataclass(frozen=True)
class Given:
    """In a result: an argument itself, by its position, or a tensor that was there before."""

    of: Any


@dataclass
class Recorded:
    """What one call did.

    Attributes:
        inputs: the values of the tensors and arrays among the arguments, in their order.
        sources: the tensors that were there before and were read: parameters, buffers, what a function had at hand.
        steps: those of the call, and those of the way back.
        result: what it returned, with Values in the places of tensors.
        cotangents: the gradients of the results that have one, each with its result's value.
        slopes: the tensors that want a gradient, an input by its position, with the gradient's value.
        effects: tensors that were there before and were written into, an input by its position, with their last values.
        draws: were random numbers drawn?
        constants: tensors and arrays that came from somewhere else: the same in each call, or made anew.
        shown: those constants whose memory results lie in.
        tied: what was written into and shares its memory with a result.
    """

    inputs: list[Value]
    sources: dict[Value, Variable]
    forward: list[Step]
    back: list[Step]
    result: Any
    cotangents: list[tuple[Value, Value]]
    slopes: list[tuple[Any, Value]]
    effects: list[tuple[Any, Value]]
    draws: bool
    constants: dict[Value, Any] = field(default_factory=dict)
    shown: list[Value] = field(default_factory=list)
    tied: list[Any] = field(default_factory=list)

    @cached_property
    def read(self) -> tuple[list[Variable], list[Variable]]:
        """The tensors besides the inputs that the results are made of; and those that the call itself overwrites."""
        needed = {y for y, _ in self.cotangents}
        for step in reversed(self.forward):
            if any(v in needed for v in step.outputs):
                needed.update(step.values())
        read = [x for v, x in self.sources.items() if v in needed]
        own = {id(x) for x, _ in self.effects if type(x) is not int}
        return read, [x for x in read if id(x) in own]

    @property
    def only_computes(self) -> bool:
        """Does the call leave all as it was, so that it may be made once more?"""
        acts = any((isinstance(s, Aside) and s.last) or any(map(callable, s.attributes.values())) for s in self.forward)
        dice = any(v.kind == "generator" for v in self.constants)
        return not (acts or dice or self.draws or self.effects)

    def same_constants(self, before: Recorded) -> bool:
        """Are they those of a call before? Then they are told apart: tensors that were there, and what is made anew."""
        if len(before.constants) != len(self.constants):
            return False
        effects = {id(x): v for x, v in self.effects}
        for (x, thing), (y, other) in zip(list(self.constants.items()), before.constants.items(), strict=True):
            if thing is other and wants(thing) and id(thing) in effects:
                return False
            if thing is other and isinstance(thing, (Variable, ndarray)):
                self.sources[x] = thing if isinstance(thing, Variable) else wrap(thing, None)
                x.kind, x.array = "captured", None
                del self.constants[x]
            elif thing is not other and (
                x.array is None or not np.array_equal(x.array, y.array, equal_nan=x.dtype.kind == "f")  # type: ignore[arg-type]
            ):
                return False
        anew = set(map(id, self.constants.values()))
        self.effects = [(x, v) for x, v in self.effects if id(x) not in anew]
        self.slopes = [(x, g) for x, g in self.slopes if type(x) is int or id(x) not in anew]
        return True

    def with_memory_of_its_own(self) -> Recorded:
        """The same, where results lie in no constant's memory, which users might write into."""
        for shown in self.shown:
            if shown.kind == "constant":
                there = Value(-1, "constant", shown.shape, shown.dtype, array=shown.array)
                shown.kind, shown.array = "result", None
                self.forward.insert(0, Step("copied", (there,), {}, (shown,), forward=as_it_lies))
        return self

    def returns_what_it_writes(self) -> bool:
        """Does a result lie in the memory of a tensor that was there before and is written into?"""
        return any(x is y for x in self.tied for y in self.sources.values())

    def other_than(self, before: Recorded) -> str:
        """What is another in each call, in words."""
        pairs = zip(self.constants.items(), before.constants.items(), strict=False)
        if any(x.kind == "generator" and thing is not other for (x, thing), (_, other) in pairs):
            return "it draws from another generator in each call"
        return "it reads an array that is another in each call, and that no operation has made"


class Stopped(Exception):
    """No plan can be made of a call; the message says why.

    Attributes:
        may_pass: may it be otherwise in the next call?
    """

    def __init__(self, why: str, may_pass: bool = False) -> None:
        super().__init__(why)
        self.may_pass = may_pass


def wants(x: Any) -> bool:
    """Is it a tensor that requires a gradient?"""
    return isinstance(x, Variable) and (x._wants_grad or x._node is not None)


def itself(a: ndarray) -> ndarray:
    """The same numbers in the same memory."""
    return a.view()


def copied(a: ndarray, axes: tuple[int, ...], dtype: np.dtype[Any]) -> ndarray:
    """The same numbers in memory of their own, which lie there along the axes in this order."""
    new = np.empty([a.shape[i] for i in axes], dtype).transpose(np.argsort(axes))
    new[...] = a
    return new


def odd(thing: Any) -> str:
    """What of a result a plan cannot make anew: it might hold tensors; "" where nothing is."""
    if isinstance(thing, (Variable, *PLAIN)):
        return ""
    if type(thing) in (dict, OrderedDict, list, tuple) or isinstance(thing, (list, tuple)):
        parts = thing.values() if isinstance(thing, dict) else thing
        return next(filter(None, map(odd, parts)), "")
    return f"something of the type {type(thing).__name__}"
