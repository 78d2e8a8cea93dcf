"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...tensors import Tensor
from ..module import Module
from ..parameter import Parameter


def _at(index: int, n: int, what: str) -> int:
    """A position from the end or the start, as one from the start."""
    if not -n <= index < n:
        raise IndexError(f"index {index} is out of range for a {what} of {n}")
    return index % n


class _Listed(Module):
    """Children under the names "0", "1", ...; what Sequential and ModuleList share."""

    def _children(self) -> list[Any]:
        return [v for k, v in self.__dict__.items() if k.isdigit()]

    def _renumber(self, items: Iterable[Any]) -> None:
        items = list(items)
        for item in items:
            if not isinstance(item, Module):
                raise TypeError(f"{type(self).__name__} holds Modules, got {type(item).__name__}")
        for k in [k for k in self.__dict__ if k.isdigit()]:
            del self.__dict__[k]
        self.__dict__.update({str(i): item for i, item in enumerate(items)})

    def __len__(self) -> int:
        return len(self._children())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._children())

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)._of(self._children()[index])
        return self._children()[_at(index, len(self), type(self).__name__)]

    def __setitem__(self, index: int, module: Module) -> None:
        items = self._children()
        items[_at(index, len(items), type(self).__name__)] = module
        self._renumber(items)

    def __delitem__(self, index: int | slice) -> None:
        items = self._children()
        del items[index]
        self._renumber(items)

    def append(self, module: Module) -> _Listed:
        """Add a module at the end; returns itself."""
        self._renumber([*self._children(), module])
        return self

    def extend(self, modules: Iterable[Module]) -> _Listed:
        """Add modules at the end; returns itself."""
        self._renumber([*self._children(), *modules])
        return self

    def insert(self, index: int, module: Module) -> None:
        """Put a module before position ``index``."""
        items = self._children()
        items.insert(index, module)
        self._renumber(items)

    @classmethod
    def _of(cls, items: Iterable[Module]) -> _Listed:
        new = cls()
        new._renumber(items)
        return new


class Sequential(_Listed):
    """Modules one after another: the output of each is the input of the next.

    Takes modules, or one ordered dict of names to modules.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            self._renumber(args)

    def _children(self) -> list[Any]:
        return [v for v in self.__dict__.values() if isinstance(v, Module)]

    def forward(self, input: Tensor) -> Any:
        for module in self._children():
            input = module(input)
        return input


class ModuleList(_Listed):
    """A list of modules."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self._renumber(modules or ())

    def __repr__(self) -> str:
        """As PyTorch's: equal neighbours are counted, "(0-2): 3 x ReLU()"."""
        runs: list[tuple[int, int, str]] = []
        for i, module in enumerate(self):
            text = repr(module)
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], i, text)
            else:
                runs.append((i, i, text))
        if not runs:
            return "ModuleList()"
        lines = [f"({a}): {text}" if a == b else f"({a}-{b}): {b - a + 1} x {text}" for a, b, text in runs]
        return "ModuleList(\n  " + "\n  ".join(line.replace("\n", "\n  ") for line in lines) + "\n)"


class ModuleDict(Module):
    """A dict of modules."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def _items(self) -> dict[str, Module]:
        return {k: v for k, v in self.__dict__.items() if isinstance(v, Module)}

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add or replace modules by name."""
        for name, module in modules.items() if isinstance(modules, Mapping) else modules:
            self[name] = module

    def __getitem__(self, key: str) -> Module:
        return self._items()[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._items()[key], self.__dict__[key]

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[str]:
        return iter(self._items())

    def __contains__(self, key: str) -> bool:
        return key in self._items()

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._items().keys()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._items().values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """(name, module) pairs."""
        return self._items().items()

    def pop(self, key: str) -> Module:
        """Take a module out."""
        module = self[key]
        del self[key]
        return module


class ParameterList(Module):
    """A list of parameters; plain tensors and arrays become parameters."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def _items(self) -> list[Parameter]:
        return [v for k, v in self.__dict__.items() if k.isdigit()]

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._items())

    def __getitem__(self, index: int) -> Parameter:
        return self._items()[_at(index, len(self), "ParameterList")]

    def __setitem__(self, index: int, value: Any) -> None:
        self.__dict__[str(_at(index, len(self), "ParameterList"))] = _parameter(value)

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end; returns itself."""
        self.__dict__[str(len(self))] = _parameter(value)
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add parameters at the end; returns itself."""
        for value in values:
            self.append(value)
        return self

    def __repr__(self) -> str:
        lines = [f"({i}): Parameter of shape {p.shape}, {p.dtype}" for i, p in enumerate(self)]
        return "ParameterList(" + "".join(f"\n  {line}" for line in lines) + ("\n)" if lines else ")")


def _parameter(value: Any) -> Parameter:
    return value if isinstance(value, Parameter) else Parameter(value)
