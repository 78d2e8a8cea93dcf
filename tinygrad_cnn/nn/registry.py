"""What a module owns: parameters, buffers and children, registered by assigning them, read and written by name."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, MutableMapping, ValuesView
from typing import Any

from ..rails.attributes import SEEN, UNSEEN, look_at_attribute
from ..tensors import Tensor
from .parameter import Parameter

PARAMETER, MODULE, BUFFER, SCRATCH = "parameter", "module", "buffer", "buffer that is not saved"
_LOOKED_AT = (Tensor, *SEEN, *UNSEEN)


class Changes:
    """Counts how often an attribute or a hook of a module was set: who compiled a module looks again after that."""

    count = 0


changes = Changes()


class _Blank:
    """A module starts with nothing registered and no hooks, whether or not a subclass calls ``super().__init__()``."""

    _kinds: dict[str, str]
    _forward_hooks: dict[int, Any]
    _forward_pre_hooks: dict[int, Any]
    _backward_hooks: dict[int, Any]
    _backward_pre_hooks: dict[int, Any]

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Any:
        self = super().__new__(cls)
        self.__dict__.update(
            _kinds={}, _forward_hooks={}, _forward_pre_hooks={}, _backward_hooks={}, _backward_pre_hooks={}
        )
        return self


class Registry(_Blank):
    """Attributes, and a note which of them are registered as what.

    A value stands in one place, the attribute. The note keeps the order of registration, and the names whose value is
    None for now.
    """

    def __init__(self) -> None:
        """Nothing is left to do."""

    def __setattr__(self, name: str, value: Any) -> None:
        changes.count += 1
        held = self._kinds.get(name)
        new = PARAMETER if isinstance(value, Parameter) else MODULE if isinstance(value, Registry) else None
        if held is None and (new is None or isinstance(getattr(type(self), name, None), property)):
            object.__setattr__(self, name, value)
            if isinstance(value, _LOOKED_AT):
                look_at_attribute(self, name, value)
            return
        fits = value is None or new == PARAMETER or (new == MODULE and held != PARAMETER)
        if held is not None and not (fits or isinstance(value, _HOLDS[held])):
            raise TypeError(f"{type(self).__name__}.{name} {_REFUSES[held].format(type(value).__name__, name)}")
        self._put(name, value, new or held or "")

    def __delattr__(self, name: str) -> None:
        changes.count += 1
        object.__delattr__(self, name)
        self._kinds.pop(name, None)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """For copies and pickles. A shallow copy shares what is registered, not the note of it, and no plans."""
        self.__dict__.update(state, _kinds=dict(state["_kinds"]))
        if (again := getattr(state.get("forward"), "for_another", None)) is not None:  # it is compiled in place
            self.__dict__["forward"] = again(self)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name[:1].isdigit()]

    def _put(self, name: str, value: Any, kind: str) -> None:
        changes.count += 1
        if self._kinds.get(name) != kind:  # a new name goes to the end
            self._kinds.pop(name, None)
            self.__dict__.pop(name, None)
            self._kinds[name] = kind
        self.__dict__[name] = value

    def _register(self, name: str, value: Any, kind: str) -> None:
        what = _CALLED[kind]
        if not isinstance(name, str):
            raise TypeError(f"the name of a {what} must be a string, got {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"the name of a {what} may not be empty or contain '.', got {name!r}")
        if hasattr(self, name) and _CALLED.get(self._kinds.get(name, "")) != what:
            raise KeyError(f"attribute '{name}' already exists")
        if value is not None and not isinstance(value, _HOLDS[kind]):
            raise TypeError(f"{what} '{name}' must be {_WANTS[kind]} or None, got {type(value).__name__}")
        self._put(name, value, kind)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is part of the state (unless ``persistent`` is False) but is not trained."""
        self._register(name, tensor, BUFFER if persistent else SCRATCH)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name that need not be an identifier; None stands for one left out."""
        self._register(name, param, PARAMETER)

    def add_module(self, name: str, module: Any) -> None:
        """Add a child under a name that need not be an identifier; None stands for one left out."""
        self._register(name, module, MODULE)

    def register_module(self, name: str, module: Any) -> None:
        """As `add_module`."""
        self._register(name, module, MODULE)

    # ------------------------------------------------------------------------------------------------------- windows
    @property
    def _parameters(self) -> Registered:
        return Registered(self, PARAMETER)

    @property
    def _buffers(self) -> Registered:
        return Registered(self, BUFFER, SCRATCH)

    @property
    def _modules(self) -> Registered:
        return Registered(self, MODULE)

    @property
    def _non_persistent_buffers_set(self) -> set[str]:
        return set(Registered(self, SCRATCH))

    def _held(self, *kinds: str) -> list[tuple[str, Any]]:
        """(name, value) of what is registered as one of these kinds and not None."""
        own = self.__dict__
        return [(name, own[name]) for name, kind in self._kinds.items() if kind in kinds and own[name] is not None]

    def _loose(self) -> Iterator[tuple[str, Any]]:
        """Modules and parameters in plain lists, tuples and dicts among the attributes, as "name.0", "name.key"."""
        for name, value in self.__dict__.items():
            if (
                isinstance(value, (list, tuple, dict))
                and value
                and not (name.startswith("_") and name.endswith(("_kinds", "_hooks")))
            ):
                yield from _within(name, value, ())

    def _owned(self) -> set[int]:
        """The ids of all modules and parameters that are registered here or below."""
        owned: set[int] = set()
        todo: list[Any] = [self]
        while todo:
            module = todo.pop()
            if id(module) not in owned:
                owned.add(id(module))
                owned.update(id(p) for _, p in module._held(PARAMETER))
                todo += [child for _, child in module._held(MODULE)]
        return owned


class Registered(MutableMapping[str, Any]):
    """The parameters, the buffers or the children of a module by name: a window on its attributes.

    Scripts read and write PyTorch's dicts of these names. What one iterates over is as it was at the start, so that the
    module may be changed on the way.
    """

    def __init__(self, owner: Registry, *kinds: str) -> None:
        self._owner, self._of = owner, kinds

    def _now(self) -> dict[str, Any]:
        values = self._owner.__dict__
        return {name: values.get(name) for name, kind in self._owner._kinds.items() if kind in self._of}

    def __getitem__(self, name: str) -> Any:
        if self._owner._kinds.get(name) not in self._of:
            raise KeyError(name)
        return self._owner.__dict__[name]

    def __setitem__(self, name: str, value: Any) -> None:
        kind, held = self._of[0], self._owner._kinds.get(name)
        wanted = Tensor if kind == PARAMETER else _HOLDS[kind]  # tensors that were computed may stand for parameters
        if value is not None and not isinstance(value, wanted):
            raise TypeError(f"{_CALLED[kind]} '{name}' must be {_WANTS[kind]} or None, got {type(value).__name__}")
        self._owner._put(name, value, held if held in self._of else kind)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._owner.__delattr__(name)

    def __contains__(self, name: object) -> bool:
        return self._owner._kinds.get(name) in self._of  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._now().keys()

    def values(self) -> ValuesView[Any]:
        """What is registered; None for what was left out."""
        return self._now().values()

    def items(self) -> ItemsView[str, Any]:
        """(name, value) pairs."""
        return self._now().items()

    def copy(self) -> dict[str, Any]:
        """A plain dict of what is registered now."""
        return self._now()

    def __repr__(self) -> str:
        return repr(self._now())


_CALLED = {PARAMETER: "parameter", MODULE: "child", BUFFER: "buffer", SCRATCH: "buffer"}
_HOLDS: dict[str, type] = {PARAMETER: Parameter, MODULE: Registry, BUFFER: Tensor, SCRATCH: Tensor}
_WANTS = {PARAMETER: "an nn.Parameter", MODULE: "an nn.Module", BUFFER: "a Tensor", SCRATCH: "a Tensor"}
_A_BUFFER = "is a buffer: assign a Tensor or None, not {}"
_REFUSES = {
    PARAMETER: "is a Parameter and would no longer be trained as a {}; assign nn.Parameter(...) or None, or write "
    "into {}.data",
    MODULE: "is a module: assign a Module or None, not {}; or delete it first",
    BUFFER: _A_BUFFER,
    SCRATCH: _A_BUFFER,
}


def _within(path: str, value: Any, around: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (Parameter, Registry)):
        yield path, value
    elif isinstance(value, (list, tuple, dict)) and id(value) not in around:  # one that holds itself ends here
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in inner:
            yield from _within(f"{path}.{key}", item, (*around, id(value)))
