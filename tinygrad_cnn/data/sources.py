"""What draws random numbers, or has a state, in what a loader is made of."""

from __future__ import annotations

import copy
import functools
import types
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..arrays.rng import go_to, is_source, position
from .dataset import ConcatDataset, Subset
from .sampler import BatchSampler, knows_order

_DEPTH, _ITEMS, _THINGS = 5, 100, 1000  # how deep generators are looked for, in how long lists, among how many things
_METHODS = ("__getitem__", "__getitems__", "get_batch", "__iter__", "__call__", "run", "forward")
_PACKAGE = __name__.partition(".")[0]


def reading_sources(loader: Any) -> dict[str, Any]:
    """The generators of their own from which a loader's dataset and transforms may draw, by where they are."""
    return _sources({name: getattr(loader, name, None) for name in ("dataset", "transform", "collate_fn")}, set())


def order_sources(loader: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """The generators that a loader and its samplers hold, by where they are; ``known`` are found already."""
    samplers = {"sampler": getattr(loader, "sampler", None), "batch_sampler": getattr(loader, "batch_sampler", None)}
    samplers["batch_sampler.sampler"] = getattr(samplers["batch_sampler"], "sampler", None)
    holders = {"loader": loader, **samplers}
    found = {name: source for name, h in holders.items() if is_source(source := getattr(h, "generator", None))}
    seen = {id(source) for source in (*found.values(), *known.values())}
    more = _sources({name: sampler for name, sampler in samplers.items() if sampler is not None}, seen)
    return {**found, **more}


def sources_within(thing: Any) -> dict[str, Any]:
    """The generators among the attributes of anything that gives batches."""
    found = order_sources(thing, {})
    return {**found, **_sources({"loader": thing}, {id(source) for source in found.values()})}


def _sources(roots: Mapping[str, Any], seen: set[int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting = deque((name, thing, _DEPTH) for name, thing in roots.items())
    while waiting and len(seen) < _THINGS:
        name, thing, depth = waiting.popleft()
        if id(thing) in seen or thing is None:
            continue
        seen.add(id(thing))
        if is_source(thing):
            found[name] = thing
        elif depth:
            waiting.extend((f"{name}.{key}", inner, depth - 1) for key, inner in _inside(thing))
    return found


def _inside(thing: Any) -> Iterator[tuple[str, Any]]:
    """What may hold a generator: attributes, items, what a function closes over or names."""
    if isinstance(thing, (type, types.ModuleType, np.ndarray, str, bytes, int, float)) or hasattr(thing, "_array"):
        return
    if isinstance(thing, (list, tuple)) and len(thing) <= _ITEMS:
        yield from ((str(i), item) for i, item in enumerate(thing))
    elif isinstance(thing, dict) and len(thing) <= _ITEMS:
        yield from ((str(key), item) for key, item in thing.items())
    elif isinstance(thing, types.FunctionType):
        yield from _in_function(thing)
    elif isinstance(thing, types.MethodType):
        yield from (("self", thing.__self__), ("function", thing.__func__))
    elif isinstance(thing, functools.partial):
        yield from (("function", thing.func), ("args", thing.args), ("keywords", thing.keywords))
    elif hasattr(thing, "__dict__"):
        yield from vars(thing).items()
        if not type(thing).__module__.startswith(_PACKAGE):
            for name in _METHODS:
                function = getattr(type(thing), name, None)
                if isinstance(function, types.FunctionType):
                    yield name, function


def _in_function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue
    yield "defaults", function.__defaults__
    yield "kwdefaults", function.__kwdefaults__
    for name in function.__code__.co_names:
        if is_source(value := function.__globals__.get(name)):
            yield name, value


def stateful(thing: Any) -> bool:
    """Has it a state that can be asked for and put back?"""
    return callable(getattr(thing, "state_dict", None)) and callable(getattr(thing, "load_state_dict", None))


def stateful_data(dataset: Any, name: str = "dataset") -> dict[str, Any]:
    """The dataset, or those that it is made of, if they have a state of their own, by name."""
    if stateful(dataset):
        return {name: dataset}
    found: dict[str, Any] = {}
    if isinstance(dataset, Subset):
        found.update(stateful_data(dataset.dataset, f"{name}.dataset"))
    elif isinstance(dataset, ConcatDataset):
        for i, part in enumerate(dataset.datasets):
            found.update(stateful_data(part, f"{name}.datasets.{i}"))
    return found


def stateful_samplers(loader: Any) -> dict[str, Any]:
    """The samplers of a loader that have a state of their own, by name."""
    places = {"batch_sampler": loader.batch_sampler, "sampler": loader.sampler}
    places["batch_sampler.sampler"] = getattr(loader.batch_sampler, "sampler", None)
    found = {name: sampler for name, sampler in places.items() if stateful(sampler)}
    return {name: s for i, (name, s) in enumerate(found.items()) if s not in list(found.values())[:i]}


def states(things: Mapping[str, Any]) -> dict[str, Any]:
    """The state of each, as a copy."""
    return {name: copy.deepcopy(thing.state_dict()) for name, thing in things.items()}


def alike(a: Any, b: Any) -> bool:
    """Are two states the same, bit for bit?"""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(alike, a, b))
    x, y = (getattr(value, "_array", value) for value in (a, b))
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
    return bool(type(x) is type(y) and (x == y or repr(x) == repr(y)))


def positions(sources: Mapping[str, Any]) -> dict[str, Any]:
    """Where each generator stands."""
    return {name: position(source) for name, source in sources.items()}


def put_back(sources: Mapping[str, Any], where: Mapping[str, Any]) -> None:
    """Each generator to its place."""
    for name, source in sources.items():
        if name in where:
            go_to(source, where[name])


def draws_by_itself(sampler: Any) -> bool:
    """Is it a sampler of the user's, whose draws come one at a time, between the steps of the training?"""
    if isinstance(sampler, BatchSampler) and type(sampler).__iter__ is BatchSampler.__iter__:
        return draws_by_itself(sampler.sampler)
    return not (knows_order(sampler) or isinstance(sampler, (list, tuple, range, np.ndarray)))


def reads_by_itself(dataset: Any) -> bool:
    """Is it a dataset whose ``get_batch`` the user wrote?"""
    if isinstance(dataset, Subset):
        return reads_by_itself(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        return any(map(reads_by_itself, dataset.datasets))
    owner = next((cls for cls in type(dataset).__mro__ if "get_batch" in vars(cls)), object)
    return not owner.__module__.startswith(f"{_PACKAGE}.")


def length(thing: Any) -> int | None:
    """How long it is, where it knows."""
    try:
        return len(thing)
    except TypeError:
        return None
