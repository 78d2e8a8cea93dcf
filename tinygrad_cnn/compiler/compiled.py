"""Compiled modules and functions: which plan fits a call, and what is done where none does."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache, update_wrapper
from types import MethodType
from typing import Any, cast

from numpy import ndarray

from ..arrays.telling import users_frame
from ..autograd.backward import walk
from ..autograd.graph import Node, Variable
from ..autograd.modes import enable_grad, here
from ..nn.module import Module
from ..nn.registry import changes
from ..nn.summary import leaves_in, same_buffers
from ..tensors import Tensor
from .guards import attributes_of, changed
from .record import record
from .recorded import Recorded, Stopped, wants
from .run import Plan, set_back
from .show import Shown, latest, listings
from .timing import only_profiles

KINDS = 16  # of calls that plans are made for; a function that has more runs as it is


class CompileWarning(UserWarning):
    """What was to be compiled runs as it is; the message says why."""


class Plans:
    """The plans of one function, by the kind of call.

    Attributes:
        eager: why the function runs as it is; "" where nothing stands in the way.
        plans: by kind of call; of one kind there may be several, for parameters of which others are frozen.
        latest: the plan that was run, or made, last.
    """

    def __init__(self, function: Callable[..., Any], model: Module | None, name: str) -> None:
        self.function, self.model, self.name = function, model, name
        self.plans: dict[Any, list[Plan]] = {}
        self.latest: Plan | None = None
        self.eager = ""
        self._once: dict[Any, Recorded] = {}  # calls that are to be seen once more before there is a plan
        self._looked = -1  # at the model's attributes, after so many changes of any module
        self._attributes: Mapping[Any, Any] = {}
        self._modules: dict[Module, None] = {}  # those that calls have met
        self._modes: tuple[bool, ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns, by a plan where one fits."""
        watched = here.mode.watchers
        if self.eager or (watched and not only_profiles()):
            return self.function(*args, **kwargs)
        kind = self._kind(args, kwargs)
        for plan in self.plans.get(kind, ()):
            if plan.fits():
                break
        else:
            return self.function(*args, **kwargs) if watched else self._recorded(args, kwargs)
        self.latest = plan
        inputs = [x for x in leaves_in([args, kwargs]) if isinstance(x, (Tensor, ndarray))]
        try:
            return plan.run(inputs, lambda node, given, create: self._again(plan, node, given, create, args, kwargs))
        except Exception:  # nothing has changed: the function itself says best what is wrong
            return self.function(*args, **kwargs)

    def _kind(self, args: Any, kwargs: Any) -> Any:
        """What plans are found by."""
        if self._looked != changes.count:  # of whatever module: an attribute was set since
            now = attributes_of(*self._modules)
            if changed(self._attributes, now) is not None:
                self.plans.clear()
                self._once.clear()
            self._attributes, self._looked = now, changes.count
            self._modes = tuple(module.training for module in self._modules)
        return _kind_of(args), _kind_of(kwargs), here.mode.recording, self._modes

    def _recorded(self, args: Any, kwargs: Any) -> Any:
        """What the function returns; and a plan for the next call, where there can be one."""
        if sum(map(len, self.plans.values())) >= KINDS:
            self._stop(f"it is called in more than {KINDS} ways: shapes, dtypes or settings keep changing")
            return self.function(*args, **kwargs)
        result, recorded, modules = record(self.function, self.model, args, kwargs)
        if not self._modules.keys() >= set(modules):
            self._modules.update(dict.fromkeys(modules))
            self._attributes, self._looked = attributes_of(*self._modules), -1
        kind = self._kind(args, kwargs)
        before = self._once.pop(kind, None)
        if isinstance(recorded, Stopped):
            self._stop(str(recorded))
        elif recorded.constants and before is None:
            self._once[kind] = recorded
        elif before is not None and not recorded.same_constants(before):
            self._stop(recorded.other_than(before))
        else:
            self.latest = Plan(recorded)
            self.plans.setdefault(kind, []).append(self.latest)
        return result

    def _stop(self, why: str) -> None:
        self.eager = why
        self.plans.clear()
        self._once.clear()
        frame = users_frame()
        text = f"compile: {self.name} runs as it is, not compiled: {why}"
        warnings.warn_explicit(text, CompileWarning, frame.f_code.co_filename, frame.f_lineno)

    def _again(
        self, plan: Plan, node: Node, given: dict[int, Any], create: bool, args: Any, kwargs: Any
    ) -> Iterator[tuple[Any, Any]]:
        """The way back of the same call, made once more as it is: recorded itself, or where it goes another way."""
        with ExitStack() as around:
            for module in self._modules:
                around.enter_context(same_buffers(module))
            for context in (set_back(node.attributes["stood"]), plan.same_targets(), enable_grad()):
                around.enter_context(context)
            result = self.function(*args, **kwargs)
        ys = list({id(y): y for y in leaves_in(result) if isinstance(y, Variable) and wants(y)}.values())
        inputs = [x for x in leaves_in([args, kwargs]) if isinstance(x, (Tensor, ndarray))]
        targets = plan.targets(inputs)
        roots = [(y, given[k]) for k, y in enumerate(ys) if k in given]
        found = walk(roots, retain=True, create=create, targets=targets, within=True)
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


# --------------------------------------------------------------------------------------------- what users are given
LOOKS = {"plan": Shown(latest), "plans": Shown(listings)}


class CompiledModule:
    """What a compiled module is besides its own class, of which it is an instance that shares all attributes."""

    _plans: Plans
    _orig_mod: Module  # PyTorch's name for the module itself

    __slots__ = ()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module's forward returns."""
        return self._plans(*args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return compiled_module, (self._orig_mod,)


@cache
def _compiled_class(kind: Any) -> Any:
    slots = {"__slots__": ("_plans", "_orig_mod"), "__module__": kind.__module__, "__doc__": kind.__doc__}
    looks = {name: look for name, look in LOOKS.items() if not hasattr(kind, name)}  # the user's own comes first
    return type(kind.__name__, (CompiledModule, kind), {**slots, **looks})


def compiled_module(model: Module) -> Module:
    """The module, compiled: one that shares all it owns, and computes by plans."""
    new = object.__new__(_compiled_class(cast(Any, type(model))))
    object.__setattr__(new, "__dict__", model.__dict__)
    object.__setattr__(new, "_plans", Plans(model.forward, model, type(model).__name__))
    object.__setattr__(new, "_orig_mod", model)
    return new


class CompiledFunction:
    """A compiled function; as a method it is bound to its object as any."""

    plan, plans = LOOKS["plan"], LOOKS["plans"]

    def __init__(self, function: Callable[..., Any]) -> None:
        self._plans = Plans(function, None, getattr(function, "__name__", type(function).__name__))
        update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._plans(*args, **kwargs)

    def __get__(self, of: Any, kind: Any = None) -> Any:
        return self if of is None else MethodType(self, of)
