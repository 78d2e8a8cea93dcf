"""What a module is given that looks like a parameter and is none."""

from __future__ import annotations

from collections import deque
from typing import Any

from ..arrays.guarding import rails, say
from ..autograd.graph import Variable
from ..autograd.modes import here
from .memory import is_parameter

UNSEEN = (set, frozenset, deque)  # nobody looks into these
SEEN = (list, tuple, dict)


def look_at_attribute(module: Any, name: str, value: Any) -> None:
    """Speak of a plain tensor that requires grad, alone or in a container, and of modules and parameters in a set."""
    if not rails.on or here.mode.module is not None:  # what a forward keeps for later is no parameter
        return
    place = f"{type(module).__name__}.{name}"
    if isinstance(value, Variable):
        if _looks_learned(value):
            say_tensor_attribute(module, name)
    elif isinstance(value, SEEN):
        items = list(value.values() if isinstance(value, dict) else value)[:100]
        if any(isinstance(item, Variable) and _looks_learned(item) for item in items):
            say("tensor-attribute", f"{place} holds Tensors {_FATE.format('require')}nn.Parameter for each{_OR}")
    elif isinstance(value, UNSEEN) and any(callable(getattr(v, "parameters", None)) or is_parameter(v) for v in value):
        kind = type(value).__name__
        say(
            "hidden-layers",
            f"{place} holds modules or parameters in a {kind}, where nobody finds them: they are not in parameters(), "
            "not trained and not saved. Use a list, nn.ModuleList or nn.ParameterList",
        )


def say_tensor_attribute(module: Any, name: str) -> None:
    """A tensor is an attribute of a module, gets gradients, and is no Parameter."""
    place = f"{type(module).__name__}.{name}"
    say("tensor-attribute", f"{place} is a Tensor {_FATE.format('requires')}self.{name} = nn.Parameter(...){_OR}")


_FATE = (
    "that {} grad, but no Parameter: it is not in parameters(), so no optimizer trains it, and state_dict() does "
    "not save it. Write "
)
_OR = ", or register_buffer(name, tensor) for one that is not trained"


def _looks_learned(x: Variable) -> bool:
    """A leaf that requires grad, or one that was only just scaled, and that is no Parameter."""
    if x._node is None:
        return x._wants_grad and not is_parameter(x)
    parents = x._node.parents
    return bool(parents) and all(
        p is None or (isinstance(p, Variable) and not is_parameter(p) and p._rail is None) for p in parents
    )
