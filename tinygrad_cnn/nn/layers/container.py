"""Modules made of modules."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..module import Module
from ..registry import MODULE

if TYPE_CHECKING:
    from typing_extensions import Self


class _Listed(Module):
    """Children in an order; what Sequential and ModuleList share."""

    def _items(self) -> list[tuple[str, Any]]:
        return [(name, self.__dict__[name]) for name, kind in self._kinds.items() if kind == MODULE]

    def _children(self) -> list[Any]:
        return [self.__dict__[name] for name, kind in self._kinds.items() if kind == MODULE]

    def _set(self, items: Iterable[tuple[str, Any]]) -> None:
        """Have these children, and no others."""
        items = list(items)
        for _, item in items:
            self._check(item)
        for name in self._modules:
            delattr(self, name)
        for name, item in items:
            self._put(name, item, MODULE)

    def _number(self, modules: Iterable[Any]) -> None:
        self._set((str(i), module) for i, module in enumerate(modules))

    def _check(self, item: Any) -> None:
        if not (item is None or isinstance(item, Module)):
            what = f"the class {item.__name__}; write {item.__name__}()" if isinstance(item, type) else ""
            got = what or f"{type(item).__name__}; what is no Module is called in forward()"
            raise TypeError(f"{type(self).__name__} holds Modules, got {got}")

    def _name(self, index: Any) -> str:
        names = [name for name, kind in self._kinds.items() if kind == MODULE]
        i = operator.index(index)
        if not -len(names) <= i < len(names):
            raise IndexError(f"index {i} is out of range for a {type(self).__name__} of {len(names)}")
        return names[i]

    def __len__(self) -> int:
        return len(self._children())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._children())

    def __getitem__(self, index: int | slice) -> Any:
        return self._part(index) if isinstance(index, slice) else self.__dict__[self._name(index)]

    def _part(self, index: slice) -> Any:
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        self._check(module)
        self._put(self._name(index), module, MODULE)

    def __delitem__(self, index: int | slice) -> None:
        if not isinstance(index, slice):
            self._name(index)
        modules = self._children()
        del modules[index]
        self._number(modules)

    def append(self, module: Module) -> Self:
        """Add a module at the end; returns itself."""
        return self.extend([module])

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end; returns itself."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"{type(self).__name__}.extend takes modules, got {type(modules).__name__}")
        items, n = self._items(), len(self)
        self._set([*items, *((str(n + i), module) for i, module in enumerate(modules))])
        return self

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def pop(self, key: int | slice) -> Any:
        """Take a module, or several, out."""
        taken = self[key]
        del self[key]
        return taken


class Sequential(_Listed):
    """Modules one after another: the output of each is the input of the next.

    Takes modules, or one ordered dict of names to modules.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self._check(module)
                self.add_module(name, module)
        else:
            self._number(args)

    def _part(self, index: slice) -> Any:
        return type(self)(dict(self._items()[index]))  # under their names

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before position ``index``; returns itself."""
        n = len(self)
        if not -n <= index <= n:
            raise IndexError(f"index {index} is out of range for a Sequential of {n}")
        modules = self._children()
        modules.insert(index, module)
        self._number(modules)
        return self

    def __add__(self, other: Any) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"a Sequential can be joined with a Sequential, got {type(other).__name__}")
        return Sequential(*self, *other)

    def __iadd__(self, other: Any) -> Self:
        if not isinstance(other, Sequential):
            raise ValueError(f"a Sequential can be joined with a Sequential, got {type(other).__name__}")
        return self.extend(other)

    def __mul__(self, times: int) -> Sequential:
        return Sequential(*self._times(times))

    def __rmul__(self, times: int) -> Sequential:
        return self * times

    def __imul__(self, times: int) -> Self:
        return self.extend(self._times(times)[len(self) :])

    def _times(self, times: Any) -> list[Any]:
        if not isinstance(times, int):
            raise TypeError(f"a Sequential can be repeated an int times, got {type(times).__name__}")
        if times <= 0:
            raise ValueError(f"a Sequential can be repeated 1 time or more, got {times}")
        return self._children() * times

    def forward(self, input: Any) -> Any:
        for module in self._children():
            input = module(input)
        return input


class ModuleList(_Listed):
    """A list of modules."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(() if modules is None else modules)

    def _part(self, index: slice) -> Any:
        return type(self)(self._children()[index])

    def insert(self, index: int, module: Module) -> None:
        """Put a module before position ``index``."""
        modules = self._children()
        modules.insert(index, module)
        self._number(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

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
            return f"{self._get_name()}()"
        lines = [f"({a}): {text}" if a == b else f"({a}-{b}): {b - a + 1} x {text}" for a, b, text in runs]
        return f"{self._get_name()}(\n  " + "\n  ".join(line.replace("\n", "\n  ") for line in lines) + "\n)"


class ModuleDict(Module):
    """A dict of modules."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        self.update({} if modules is None else modules)

    def update(self, modules: Any) -> None:
        """Add or replace modules by name; takes a mapping, a ModuleDict, or (name, module) pairs."""
        if not isinstance(modules, (Iterable, ModuleDict)):
            raise TypeError(f"ModuleDict.update takes a mapping or (name, module) pairs, got {type(modules).__name__}")
        for pair in modules.items() if isinstance(modules, (Mapping, ModuleDict)) else modules:
            if not isinstance(pair, Iterable):
                raise TypeError(f"ModuleDict.update takes (name, module) pairs, got {type(pair).__name__}")
            if len(pair) != 2:  # type: ignore[arg-type]
                raise ValueError(f"ModuleDict.update takes (name, module) pairs, got {pair!r}")
            name, module = pair
            self[name] = module

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """(name, module) pairs."""
        return self._modules.items()

    def pop(self, key: str) -> Any:
        """Take a module out."""
        module = self[key]
        del self[key]
        return module

    def clear(self) -> None:
        """Take all out."""
        self._modules.clear()
