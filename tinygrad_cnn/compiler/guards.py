"""What a call hangs on besides its arguments: the attributes of the modules that it meets, and other people's dice."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..nn.module import Module


def other_dice() -> Any:
    """Where the generators of `random` and `np.random` stand."""
    state: Any = np.random.get_state(legacy=False)
    return random.getstate(), state["state"]["pos"], state["state"]["key"].tobytes()


def attributes_of(*modules: Module) -> dict[tuple[Any, str], Any]:
    """What modules are told by their attributes, their hooks among them; not which mode they are in."""
    return {(m, name): _seen(name, value) for m in modules for name, value in vars(m).items() if name != "training"}


def _seen(name: str, value: Any) -> Any:
    if name.endswith("_hooks") and isinstance(value, dict):
        return tuple(value)
    if isinstance(value, dict):
        return tuple((key, id(part)) for key, part in value.items())
    return tuple(map(id, value)) if isinstance(value, (list, tuple)) else value


def changed(before: Mapping[tuple[Any, str], Any], now: Mapping[tuple[Any, str], Any]) -> str | None:
    """The name of an attribute that is another than before."""
    for key in before.keys() | now.keys():
        old, new = before.get(key, _NOTHING), now.get(key, _NOTHING)
        if old is not new and not (type(old) is type(new) is tuple and old == new):
            return f"{type(key[0]).__name__}.{key[1]}"
    return None


_NOTHING = object()
