"""What happens to a gradient that arrives: hooks see it, and may change it; ``.grad`` adds it up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.locks import shared_lock
from ..arrays.writes import mutated
from .graph import Extra, Variable, wrap

_adding = shared_lock()  # two threads that train one model add to the same gradients


def call_hook(hook: Callable[[Any], Any], g: Any, create: bool) -> Any:
    tensor = g if isinstance(g, Variable) else wrap(np.array(g, order="K"), None)  # a hook may keep it
    new = hook(tensor)
    if new is None:
        return g
    if not isinstance(new, Variable) or new._array.shape != tensor._array.shape:
        got = f"shape {new._array.shape}" if isinstance(new, Variable) else type(new).__name__
        raise RuntimeError(f"a gradient hook must return None or a Tensor of shape {tensor._array.shape}, got {got}")
    return new if create else new._array.copy(order="K")


def through_hooks(extra: Extra, g: Any, create: bool) -> Any:
    for hook in list(extra.hooks.values()):
        g = call_hook(hook, g, create)
    if extra.retain is not None and (retaining := extra.retain()) is not None:
        accumulate(retaining, g if create else np.array(g))
    return g


def accumulate(leaf: Variable, g: Any) -> None:
    """Add to ``leaf._grad``; the first gradient becomes it. Backward passes of several threads take turns."""
    with _adding:
        before, create = leaf._grad, isinstance(g, Variable)
        if before is not None and not create and before._node is None and before._array.flags.writeable:
            np.add(before._array, g, out=before._array)
            mutated(before._array)
        else:
            new = g if create else wrap(np.asarray(g), None)
            leaf._grad = new if before is None else before + new
