"""What parameters are called. Looked for among all living modules: only when something is about to be said of one."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any


def living_nets() -> list[Any]:
    """All modules there are, known by what they can do."""
    kinds: dict[type, bool] = {}
    found = []
    for thing in gc.get_objects():
        kind = type(thing)
        if kind not in kinds:
            kinds[kind] = callable(getattr(kind, "named_parameters", None)) and callable(
                getattr(kind, "named_modules", None)
            )
        if kinds[kind] and "_kinds" in getattr(thing, "__dict__", ()):
            found.append(thing)
    return found


def names_of(params: Sequence[Any]) -> dict[int, tuple[str, Any]]:
    """For each that stands in a living module, by id: its longest name, and the module in which it is that."""
    wanted = {id(p) for p in params}
    found: dict[int, tuple[str, Any]] = {}
    for net in living_nets():
        for name, p in net.named_parameters():
            if id(p) in wanted and len(name) > len(found.get(id(p), ("",))[0]):
                found[id(p)] = name, net
    return found


def called(params: Sequence[Any], watch: Any = None) -> str:
    """Parameters in words: their names, else their places in the optimizer, with shapes; three at most."""
    names = {key: name for key, (name, _) in names_of(params).items()}
    optimizer = None if watch is None or watch.optimizer is None else watch.optimizer()
    if optimizer is not None:
        for k, group in enumerate(optimizer.param_groups):
            for i, p in enumerate(group["params"]):
                given = group.get("param_names")
                names.setdefault(id(p), given[i] if given else f"number {i} of param_groups[{k}]")
    said = [
        f"{names[id(p)]!r} {p._array.shape}".replace("'number", "number").replace("]'", "]")
        if id(p) in names
        else f"one of shape {p._array.shape}"
        for p in params[:3]
    ]
    return ", ".join(said) + (f" and {len(params) - 3} more" if len(params) > 3 else "")
