"""Compiled modules and functions: which plan fits a call, and what is done where none does."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, update_wrapper
from types import MethodType
from typing import Any, cast

from ..arrays.telling import users_frame
from ..arrays.writes import tickets
from ..autograd.graph import Node
from ..autograd.modes import here
from ..nn.module import Module
from ..ops.promotion import get_default_dtype
from ..programs.timing import only_profiles
from .again import Before, made_again
from .guards import World
from .kinds import kind_of, memory, objects_in, shared, tensors_in
from .recorded import SHARED, Recorded, Stopped
from .run import Plan
from .show import Shown, latest, listings
from .watched import record

KINDS = 16  # of calls that plans are made for; a function that has more runs as it is, unless plans serve most calls
WORLDS = 4  # that plans are kept for
MANY = f"it is called in more than {KINDS} ways: shapes, dtypes or settings keep changing"


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
        self._world: World | None = None
        self._worlds: list[World] = []  # it, and those before that plans are kept for, the oldest first
        self._other = ""  # what made the world another
        self._objects: dict[int, Any] = {}  # arguments that are neither tensors nor plain values
        self._used: dict[Any, int] = {}  # when a kind of call had its last turn
        self._won = 0  # calls that plans have served
        self._lost: Counter[str] = Counter()  # those that took longer than without plans, by what was the matter

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns, by a plan where one fits."""
        watched = here.mode.watchers
        if self.eager or (watched and not only_profiles()):
            return self.function(*args, **kwargs)
        inputs = tensors_in(args, kwargs)
        world = self._world
        if world is None or not world.holds():
            world = self._other_world()
        kind = self._kind(world, args, kwargs, inputs)
        for plan in self.plans.get(kind, ()):
            if (sources := plan.sources()) is not None:
                break
        else:
            if watched:
                return self.function(*args, **kwargs)
            return self._recorded(world, kind, args, kwargs, inputs)
        try:
            result = self._done(plan, sources, world, inputs, args, kwargs)
        except Exception:  # nothing has changed: the function itself says best what is wrong
            pass
        else:
            self._won += 1
            self._used[kind] = self._won
            return result
        result = self.function(*args, **kwargs)
        self._lose("its results have shapes that hang on the numbers in its arguments")
        return result

    def _done(self, plan: Plan, sources: list[Any], world: World, inputs: list[Any], args: Any, kwargs: Any) -> Any:
        """A call by a plan. Where it fails nothing has changed."""
        self.latest = plan
        before = Before(plan.recorded, inputs, world) if here.mode.recording and plan.recorded.cotangents else None
        if plan.recorded.effects and shared(inputs, plan.recorded):
            raise RuntimeError("what is written into lies in an argument's memory")
        again = lambda node, given, create: self._again(plan, before, node, given, create, args, kwargs)  # noqa: E731
        result = plan.run(inputs, sources, again)
        if before is not None:
            before.order = next(tickets)
        return result

    def _kind(self, world: World, args: Any, kwargs: Any, inputs: list[Any]) -> Any:
        """What plans are found by."""
        mode = here.mode.recording, here.mode.inference, get_default_dtype()
        return world, kind_of(args), kind_of(kwargs), memory(inputs), mode, world.modes

    def _other_world(self) -> World:
        """The world as it is now; plans of one that was long ago go."""
        what = "" if self._world is None else self._world.other()
        world = next((w for w in self._worlds if w.holds()), None)
        if world is None:
            world = self._enter(World(self._begin(), ()))
            self._other = what and f"{what} is another in many calls; what changes is to be an argument, in a tensor"
        self._world = world
        return world

    def _begin(self) -> list[Any]:
        return [self.function if self.model is None else self.model, *self._objects.values()]

    def _enter(self, world: World, instead: World | None = None) -> World:
        self._worlds = [*[w for w in self._worlds if w is not instead][1 - WORLDS :], world]
        for kind in [kind for kind in list(self.plans) if kind[0] not in self._worlds]:
            self._drop(kind)
        self._once = {kind: once for kind, once in self._once.items() if kind[0] in self._worlds}
        return world

    def _drop(self, kind: Any) -> None:
        self.plans.pop(kind, None)
        self._used.pop(kind, None)

    def _recorded(self, world: World, kind: Any, args: Any, kwargs: Any, inputs: list[Any]) -> Any:
        """What the function returns; and a plan for the next call, where there can be one."""
        if sum(map(len, list(self.plans.values()))) >= KINDS:
            self._drop(min(list(self.plans), key=lambda kind: self._used.get(kind, 0)))
        self._lose(self._other or MANY)
        self._other = ""
        if self.eager:
            return self.function(*args, **kwargs)
        for x in objects_in([args, kwargs]):
            if id(x) not in self._objects:
                self._objects[id(x)] = x
                world = self._world = self._enter(World(self._begin(), world.modules), world)
        if world.why:
            self._stop(world.why)
            return self.function(*args, **kwargs)
        result, recorded, modules = record(self.function, self.model, args, kwargs)
        known = recorded.constants.values() if isinstance(recorded, Recorded) else ()
        if isinstance(recorded, Stopped) and not recorded.may_pass:
            pass
        elif other := world.other():
            recorded = Stopped(f"{other} is set in each call", may_pass=True)
        elif drawn := world.drawn(known):
            recorded = Stopped(f"it draws random numbers from '{drawn}', where no operation sees it")
        if not world.modules.keys() >= set(modules):
            world = self._world = self._enter(World(self._begin(), [*world.modules, *modules]), world)
        kind = self._kind(world, args, kwargs, inputs)
        before = self._once.pop(kind, None)
        if isinstance(recorded, Stopped):
            if not recorded.may_pass or self._lost[str(recorded)]:
                self._stop(str(recorded))
            self._lost[str(recorded)] += 1
        elif shared(inputs, recorded):
            self._lose("an argument is a parameter, or another tensor that it reads, or lies in the memory of one")
        elif recorded.constants and before is None:
            self._once[kind] = recorded
        elif before is not None and not recorded.same_constants(before):
            self._stop(recorded.other_than(before))
        elif recorded.returns_what_it_writes():
            self._stop(SHARED)
        elif all(plan.sources() is None for plan in self.plans.get(kind, ())):  # of another thread
            plan = self.latest = Plan(recorded.with_memory_of_its_own())
            self.plans.setdefault(kind, []).append(plan)
            if recorded.only_computes and (sources := plan.sources()) is not None:
                with suppress(Exception):  # once more, so that this call has the bits of those that follow
                    return self._done(plan, sources, world, inputs, args, kwargs)
        return result

    def _lose(self, why: str) -> None:
        """A call that took longer than without plans; where most do, there are to be none."""
        self._lost[why] += 1
        lost = self._lost.total()
        if lost > KINDS and lost * 4 > self._won and not self.eager:
            self._stop(self._lost.most_common(1)[0][0])

    def _stop(self, why: str) -> None:
        self.eager = why
        for kept in (self.plans, self._once, self._used, self._objects, self._worlds):
            kept.clear()
        self._world = None
        frame = users_frame()
        text = f"compile: {self.name} runs as it is, not compiled: {why}"
        warnings.warn_explicit(text, CompileWarning, frame.f_code.co_filename, frame.f_lineno)

    def _again(
        self, plan: Plan, before: Before | None, node: Node, given: dict[int, Any], create: bool, args: Any, kwargs: Any
    ) -> Iterator[tuple[Any, Any]]:
        """The way back of the same call, made once more as it is: recorded itself, or where it goes another way."""
        assert before is not None
        yield from made_again(self.function, plan, before, node, given, create, args, kwargs)
        how = "with create_graph=True, which makes the call once more" if create else "on ways that hang on numbers"
        if not self.eager:
            self._lose(f"its gradients are taken {how}")


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


def plans_of(model: Module) -> Plans:
    """Those of a module's forward, which may be replaced."""
    return Plans(lambda *args, **kwargs: model.forward(*args, **kwargs), model, type(model).__name__)


def compiled_module(model: Module) -> Module:
    """The module, compiled: one that shares all it owns, and computes by plans."""
    new = object.__new__(_compiled_class(cast(Any, type(model))))
    object.__setattr__(new, "__dict__", model.__dict__)
    object.__setattr__(new, "_plans", plans_of(model))
    object.__setattr__(new, "_orig_mod", model)
    return new


class InPlace:
    """A module's forward, compiled: it stands among its attributes, in front of that of its class."""

    def __init__(self, model: Module | None = None, own: Any = None) -> None:
        self._own = own  # what stood there before
        if model is not None:  # a copy or a pickle gets its module afterwards
            there: Any = type(model)
            forward = there.forward.__get__(model) if own is None else own
            self._plans = Plans(forward, model, there.__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._plans(*args, **kwargs)

    def for_another(self, model: Module) -> InPlace:
        """The same for a copy of the module, or once more for this one."""
        return InPlace(model, self._own)

    def __reduce__(self) -> Any:
        return InPlace, (None, self._own)


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
