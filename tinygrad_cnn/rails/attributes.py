"""What a module is given that looks like a parameter and is none."""

from __future__ import annotations

from collections import deque
from typing import Any

from ..arrays.guarding import rails, say
from ..autograd.graph import Variable
from ..autograd.modes import here
from .memory import SPOKEN_OF, Watch, is_parameter
from .naming import names_of

UNSEEN = (set, frozenset, deque)  # nobody looks into these
SEEN = (list, tuple, dict)


def look_at_attribute(module: Any, name: str, value: Any) -> None:
    """Speak of a plain tensor that requires grad, alone or in a container, and of modules and parameters in a set."""
    if not rails.on or here.mode.module is not None:  # what a forward keeps for later is no parameter
        return
    place = f"{type(module).__name__}.{name}"
    if isinstance(value, Variable):
        if _looks_learned(value):
            value._rail = value._rail or SPOKEN_OF
            say_tensor_attribute(module, name)
    elif isinstance(value, SEEN):
        items = list(value.values() if isinstance(value, dict) else value)[:100]
        if found := [item for item in items if isinstance(item, Variable) and _looks_learned(item)]:
            for item in found:
                item._rail = item._rail or SPOKEN_OF
            text = f"{place} holds Tensors {_FATE.format('require')}nn.Parameter for each{_OR}"
            say("tensor-attribute", text)
    elif isinstance(value, UNSEEN) and _hides(module, value):
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


def _hides(module: Any, values: Any) -> bool:
    """Are there modules or parameters among them that the module has nowhere else?"""
    found = [v for v in values if callable(getattr(v, "parameters", None)) or is_parameter(v)]
    if not found:
        return False
    seen = {id(x) for x in (*module.modules(), *module.parameters())}
    return any(id(v) not in seen for v in found)


def _looks_learned(x: Variable) -> bool:
    """A leaf that requires grad, or one that was only just scaled, and that is no parameter of a module."""
    if x._node is None:
        return x._wants_grad and not is_parameter(x)
    parents = [p for p in x._node.parents if p is not None]
    if not all(isinstance(p, Variable) and type(p._rail) is not Watch for p in parents):
        return False
    made = [p for p in parents if is_parameter(p)]  # nn.Parameter(...) * 0.1 is none any more
    return bool(x._node.parents) and (not made or not names_of(made))
