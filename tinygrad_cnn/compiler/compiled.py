"""Compiled modules and functions: which plan fits a call, and what is done where none does."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from ..arrays.telling import users_frame
from ..autograd.graph import Variable
from ..autograd.modes import here
from ..nn.module import Module
from ..nn.summary import leaves_in
from ..tensors import Tensor
from .record import Recorded, Stopped, attributes_of, changed, record
from .run import Plan

KINDS = 16  # of calls that plans are made for; a function that has more runs as it is


class CompileWarning(UserWarning):
    """What was to be compiled runs as it is; the message says why."""


class Plans:
    """The plans of one function, by the kind of call."""

    def __init__(self, function: Callable[..., Any], model: Module | None, name: str) -> None:
        self.function, self.model, self.name = function, model, name
        self.plans: dict[Any, Plan | Recorded] = {}
        self.eager = ""  # why it runs as it is
        self._attributes: Mapping[Any, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.eager or here.mode.watchers:
            return self.function(*args, **kwargs)
        if self.model is not None and (now := attributes_of(self.model)) and changed(self._attributes, now):
            self.plans.clear()
            self._attributes = now
        kind = self._kind(args, kwargs)
        plan = self.plans.get(kind)
        if isinstance(plan, Plan) and plan.fits():
            return plan.run([x for x in leaves_in([args, kwargs]) if isinstance(x, (Tensor, ndarray))])
        return self._record(kind, plan, args, kwargs)

    def _record(self, kind: Any, before: Plan | Recorded | None, args: Any, kwargs: Any) -> Any:
        result, recorded = record(self.function, self.model, args, kwargs)
        if isinstance(recorded, Stopped):
            self._give_up(str(recorded))
        elif len(self.plans) >= KINDS:
            self._give_up(f"it was called in {KINDS} ways, by the shapes of its arguments")
        elif recorded.constants and not isinstance(before, Recorded):
            self.plans[kind] = recorded  # seen once more, it is known if these are the same in every call
        elif isinstance(before, Recorded) and not _same_constants(before, recorded):
            self._give_up("it reads arrays that are others in each call, and that no operation made")
        else:
            settle(recorded, before)
            self.plans[kind] = Plan(recorded)
        return result

    def _give_up(self, why: str) -> None:
        self.eager = why
        self.plans.clear()
        frame = users_frame()
        text = f"compile: {self.name} runs as it is, not compiled: {why}"
        warnings.warn_explicit(text, CompileWarning, frame.f_code.co_filename, frame.f_lineno)

    def _kind(self, args: Any, kwargs: Any) -> Any:
        return (
            _kind_of(args),
            _kind_of(kwargs),
            here.mode.recording,
            () if self.model is None else tuple(p._wants_grad for p in self.model.parameters()),
        )


def _kind_of(x: Any) -> Any:
    if isinstance(x, Variable):
        a = x._array
        return a.shape, a.dtype.str, a.strides, x._wants_grad or x._node is not None
    if isinstance(x, ndarray):
        return x.shape, x.dtype.str, x.strides
    if isinstance(x, Mapping):
        return tuple((key, _kind_of(part)) for key, part in x.items())
    if isinstance(x, (tuple, list)):
        return type(x), tuple(_kind_of(part) for part in x)
    return type(x), x


def _same_constants(a: Recorded, b: Recorded) -> bool:
    return len(a.constants) == len(b.constants) and all(
        v is w or np.array_equal(x.array, y.array, equal_nan=x.dtype.kind == "f")  # type: ignore[arg-type]
        for (x, v), (y, w) in zip(a.constants.items(), b.constants.items(), strict=True)
    )


def settle(recorded: Recorded, before: Recorded | None) -> None:
    """Tensors that were the same in both calls are sources; what was made anew is a constant."""
    if before is None:
        return
    for v, (x, w) in zip(before.constants.values(), list(recorded.constants.items()), strict=True):
        if v is w and isinstance(w, Variable):
            recorded.sources[x] = w
            x.kind, x.array = "captured", None
            del recorded.constants[x]
