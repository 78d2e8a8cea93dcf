"""Compiled modules and functions: which plan fits a call, and what is done where none does."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy import ndarray

from ..arrays import rng
from ..arrays.telling import users_frame
from ..autograd.backward import walk
from ..autograd.graph import Node, Variable
from ..autograd.modes import enable_grad, here
from ..nn.module import Module
from ..nn.registry import changes
from ..nn.summary import leaves_in, same_buffers
from ..tensors import Tensor
from .record import Recorded, Stopped, attributes_of, changed, record
from .run import Plan, wants

KINDS = 16  # of calls that plans are made for; a function that has more runs as it is


class CompileWarning(UserWarning):
    """What was to be compiled runs as it is; the message says why."""


class Plans:
    """The plans of one function, by the kind of call.

    Attributes:
        eager: why the function runs as it is; "" where nothing stands in the way.
        plans: by kind of call; of one kind there may be several, for parameters of which others are frozen.
    """

    def __init__(self, function: Callable[..., Any], model: Module | None, name: str) -> None:
        self.function, self.model, self.name = function, model, name
        self.plans: dict[Any, list[Plan]] = {}
        self.eager = ""
        self._once: dict[Any, Recorded] = {}  # calls that are to be seen once more before there is a plan
        self._looked = -1  # at the model's attributes, after so many changes of any module
        self._attributes: Mapping[Any, Any] = {}
        self._modes: tuple[bool, ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns, by a plan where one fits."""
        if self.eager or here.mode.watchers:
            return self.function(*args, **kwargs)
        if self.model is not None and self._looked != changes.count:
            self._look()
        kind = _kind_of(args), _kind_of(kwargs), here.mode.recording, self._modes
        for plan in self.plans.get(kind, ()):
            if plan.fits():
                break
        else:
            return self._recorded(kind, args, kwargs)
        inputs = [x for x in leaves_in([args, kwargs]) if isinstance(x, (Tensor, ndarray))]
        try:
            return plan.run(inputs, lambda node, given: self._again(plan, node, given, args, kwargs))
        except Exception:  # nothing has changed: the function itself says best what is wrong
            return self.function(*args, **kwargs)

    def _look(self) -> None:
        """Throw the plans away if an attribute of a module is another; see which modules are in training."""
        now = attributes_of(self.model)
        if changed(self._attributes, now) is not None:
            self.plans.clear()
            self._once.clear()
        self._attributes, self._looked = now, changes.count
        self._modes = () if self.model is None else tuple(module.training for module in self.model.modules())

    def _recorded(self, kind: Any, args: Any, kwargs: Any) -> Any:
        """What the function returns; and a plan for the next call, where there can be one."""
        if sum(map(len, self.plans.values())) >= KINDS:
            self._stop(f"it is called in more than {KINDS} ways: shapes, dtypes or settings keep changing")
            return self.function(*args, **kwargs)
        result, recorded = record(self.function, self.model, args, kwargs)
        before = self._once.pop(kind, None)
        if isinstance(recorded, Stopped):
            self._stop(str(recorded))
        elif recorded.constants and before is None:
            self._once[kind] = recorded
        elif before is not None and not recorded.same_constants(before):
            self._stop("it reads an array that is another in each call, and that no operation has made")
        else:
            self.plans.setdefault(kind, []).append(Plan(recorded))
        return result

    def _stop(self, why: str) -> None:
        self.eager = why
        self.plans.clear()
        self._once.clear()
        frame = users_frame()
        text = f"compile: {self.name} runs as it is, not compiled: {why}"
        warnings.warn_explicit(text, CompileWarning, frame.f_code.co_filename, frame.f_lineno)

    def _again(
        self, plan: Plan, node: Node, given: dict[int, Any], args: Any, kwargs: Any
    ) -> Iterator[tuple[Any, Any]]:
        """The way back recorded itself: of the same call, made once more as it is."""
        state = node.attributes["state"]
        dice = nullcontext() if state is None else rng.standing_in(rng.Generator.at(state))
        kept = nullcontext() if self.model is None else same_buffers(self.model)
        with dice, kept, plan.same_targets(), enable_grad():
            result = self.function(*args, **kwargs)
        ys = list({id(y): y for y in leaves_in(result) if isinstance(y, Variable) and wants(y)}.values())
        inputs = [x for x in leaves_in([args, kwargs]) if isinstance(x, (Tensor, ndarray))]
        targets = plan.targets(inputs)
        roots = [(y, given[k]) for k, y in enumerate(ys) if k in given]
        found = walk(roots, retain=True, create=True, targets=targets, within=True)
        for x, parent in zip(targets, node.parents, strict=True):
            if (g := found.get(x if x._node is None else x._node)) is not None:
                yield parent, g


def _kind_of(x: Any) -> Any:
    """What a plan hangs on, of an argument: not its numbers."""
    if isinstance(x, Variable):
        a = x._array
        return a.shape, a.dtype.str, a.strides, wants(x)
    if isinstance(x, ndarray):
        return x.shape, x.dtype.str, x.strides
    if isinstance(x, Mapping):
        return type(x), tuple((key, _kind_of(part)) for key, part in x.items())
    if isinstance(x, (tuple, list)):
        return type(x), tuple(_kind_of(part) for part in x)
    return type(x), x if x.__hash__ else id(x)
