"""Which models a graph is of, and what their modules and parameters are called in it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ...arrays.telling import described
from ...nn.module import Module
from .structure import shared

Model = Module | Mapping[str, Module] | Sequence[Module]


def given_models(model: Model | None) -> dict[str, Module]:
    """One model as {"": model}, several by their names, or by their types.

    Raises TypeError for what is no module, and for nothing in a dict or list.
    """
    if model is None:
        return {}
    if isinstance(model, Module):
        return {"": model}
    found = dict(model) if isinstance(model, Mapping) else model
    parts = list(found.values()) if isinstance(found, dict) else found
    if not isinstance(parts, (list, tuple)) or not parts or not all(isinstance(m, Module) for m in parts):
        got = described(model if not isinstance(parts, (list, tuple)) else next(iter(parts), model))
        raise TypeError(
            f"draw_graph: model must be an nn.Module, a list of them or a dict {{'name': module}}, got {got}"
        )
    return {str(name): m for name, m in found.items()} if isinstance(found, dict) else by_type(parts)


def by_type(models: Iterable[Module]) -> dict[str, Module]:
    """Models that nobody named: one with parameters (beside losses and the like) needs no name, others have their
    type's."""
    models = list(dict.fromkeys(models))
    large = [m for m in models if next(iter(m.parameters()), None) is not None]
    found: dict[str, Module] = {}
    for m in models:
        if large == [m] or (not large and len(models) == 1):
            found[""] = m
            continue
        name, number = type(m).__name__, 2
        while name in found:
            name, number = f"{type(m).__name__} {number}", number + 1
        found[name] = m
    return found


def variables_of(function: Callable[..., Any]) -> dict[str, Module]:
    """The modules that a function's variables are: those it closes over and global ones, by the variables' names."""
    if isinstance(function, Module):
        return {}
    try:
        seen = inspect.getclosurevars(function)
    except (TypeError, ValueError):  # no function of Python; a variable that has no value yet
        return {}
    return {name: x for name, x in {**seen.globals, **seen.nonlocals}.items() if isinstance(x, Module)}


def by_variable(models: Iterable[Module], variables: Mapping[str, Module]) -> dict[str, Module]:
    """As `by_type`, but several models are called as the variable that holds them, or a list of them, is."""
    found: dict[str, Module] = {}
    for name, m in by_type(models).items():
        owners = [(v, x) for v, x in variables.items() if x is m] or [
            (v, x) for v, x in variables.items() if m in set(x.modules())
        ]
        if name and owners:
            found[owners[0][0]] = owners[0][1]
        else:
            found[name] = m
    return found


def roots_of(noted: Iterable[Module]) -> list[Module]:
    """Of modules in whose forwards something was computed, those that are part of no other."""
    noted = list(dict.fromkeys(noted))
    inner = {child for m in noted for child in m.modules() if child is not m}
    return [m for m in noted if m not in inner]


def models_in(
    given: dict[str, Module],
    noted: Sequence[Module],
    called: Sequence[Module] | None,
    known: Sequence[Module],
    variables: Mapping[str, Module],
) -> dict[str, Module]:
    """The models of a graph, by name.

    Args:
        given: those that the user named.
        noted: the modules in which something was computed.
        called: those that were called while somebody watched; None if nobody did.
        known: others that may be in it, called or not.
        variables: those that the function that was watched knows, by its names for them.
    """
    if not given:
        return by_variable(roots_of([*known, *noted]) if called is None else called, variables)
    others = [m for m in called or () if not any(m in named.modules() for named in given.values())]
    return {**given, **{name or type(m).__name__: m for name, m in by_type(others).items()}}


class Names:
    """Qualified names in a graph of one or several models: "features.0", "G.net.0"."""

    def __init__(self, models: Mapping[str, Module]) -> None:
        self.models = dict(models)
        self._paths: dict[Module, list[tuple[str, list[Module]]]] = {}  # each with the modules along it
        for root, model in self.models.items():
            found = dict(model.named_modules(remove_duplicate=False))
            for path, module in found.items():
                parts = path.split(".") if path else []
                ways = [".".join(parts[:k]) for k in range(len(parts) + 1)]
                within = [found[way] for way in ways if way in found]  # a list attribute is no module
                along = [m for m in within if type(m).forward is not Module.forward]  # a ModuleList is never called
                self._paths.setdefault(module, []).append((_joined(root, path), along))

    def path(self, module: Module) -> str | None:
        """The first name of a module; None if it is part of no model."""
        return self._paths[module][0][0] if module in self._paths else None

    def around(self, module: Module) -> list[Module]:
        """From the model to the module: what it stands in under all of its names, and itself."""
        common = shared(along for _, along in self._paths.get(module, [("", [module])]))
        return common if common and common[-1] is module else [*common, module]

    def of_tensors(self) -> dict[int, tuple[str, bool]]:
        """Names of parameters (True) and buffers, by id of the tensor and of its array."""
        found: dict[int, tuple[str, bool]] = {}
        for root, model in self.models.items():
            pairs: list[tuple[bool, Iterable[tuple[str, Any]]]] = [
                (False, model.named_buffers()),
                (True, model.named_parameters()),
            ]
            for own, tensors in pairs:
                for path, tensor in tensors:
                    found.setdefault(id(tensor), (_joined(root, path), own))
                    found.setdefault(id(tensor._array), (_joined(root, path), own))
        return found


def _joined(root: str, path: str) -> str:
    return f"{root}.{path}" if root and path else root or path
