"""What the layers have in common: settings, and how the repr shows them."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from ..module import Module
from .settings import checked

_HERE = __name__.rpartition(".")[0]


class Layer(Module):
    """A module with settings: attributes under the names of the constructor's parameters.

    ``_shown`` lists what the repr shows of them, in PyTorch's order: "dim" shows the value alone, "dim=" shows
    dim=value, and "dim?" that only where it is not the constructor's default. What the constructor is told is checked
    by its annotations, see `settings`.
    """

    _shown = ""
    _least: ClassVar[dict[str, float]] = {}  # how small numbers may be, where `settings.LEAST` is too strict
    _probabilities: ClassVar[tuple[str, ...]] = ("dropout",)  # settings from 0 to 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and cls.__module__.startswith(_HERE):  # a user's subclass has arguments of its own
            cls.__init__ = checked(cls.__init__)  # type: ignore[method-assign]

    def extra_repr(self) -> str:
        return ", ".join(text for entry in self._shown.split(", ") if entry and (text := self._text(entry)) is not None)

    def _text(self, entry: str) -> str | None:
        name = entry.rstrip("=?")
        value = getattr(self, name)
        if name == "bias" and not isinstance(value, bool):
            value = value is not None  # what the constructor was told; the attribute is the parameter itself
        if entry.endswith("?") and _is(value, _default(type(self), name)):
            return None
        return str(value) if entry == name else f"{name}={value}"


def _default(layer: type, name: str) -> Any:
    """The first default of a setting in the constructors, from the base on; those of subclasses may have others."""
    constructors = (inspect.signature(vars(c)["__init__"]) for c in reversed(layer.__mro__) if "__init__" in vars(c))
    found = (c.parameters[name].default for c in constructors if name in c.parameters)
    return next((default for default in found if default is not inspect.Parameter.empty), True)  # as bias of a cell


def _is(value: Any, default: Any) -> bool:
    """Is it the default, or one default for each dimension?"""
    return bool(value == default or (isinstance(value, tuple) and value == (default,) * len(value)))
