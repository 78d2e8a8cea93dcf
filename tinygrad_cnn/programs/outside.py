"""What a function reads from outside: globals, closures, defaults, and attributes and items of what it finds there.

It is found by the names in its code, and in the code that it finds there, but for that of this package and of what else
is installed. A plan holds while all of it is the same: numbers and texts by value, all else by identity.
"""

from __future__ import annotations

import builtins
import dis
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from operator import is_
from types import CellType, CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..arrays.rng import is_source
from ..autograd.graph import Variable
from ..nn.module import Module

MISSING = object()  # what stands under a name that is not there
ITEMS = 100  # of lists and dicts that are compared one by one; longer ones are told by their length
MOST = 2000  # names; who reads more than that runs as it is

TOO_MUCH = "it reads more from outside than can be looked at in each call"

PLAIN = (int, float, complex, str, bytes, type(None), type(...), type(NotImplemented), np.generic, np.dtype, range)
_OURS = __name__.partition(".")[0]
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_OTHERS = (
    *(__file__[: -len("programs/outside.py")], np.__file__[: -len("__init__.py")], "<frozen"),
    os.path.dirname(os.__file__) + os.sep,  # Python's own library
)


def of_the_user(file: str | None) -> bool:
    """Is it code of no library? What has no file was typed by someone."""
    return file is None or not (file.startswith(_OTHERS) or any(part in file for part in _INSTALLED))


def same(a: Any, b: Any) -> bool:
    """Are they one and the same, or equal numbers, texts, or tuples of these?"""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, PLAIN):
        return bool(a == b) and (bool(a) or repr(a) == repr(b))  # 0.0 and -0.0 are two
    return type(a) is tuple and len(a) == len(b) and all(map(same, a, b))


class Names(NamedTuple):
    """What a piece of code asks for by name."""

    of_globals: frozenset[str]
    attributes: frozenset[str]
    imports: frozenset[str]
    written: frozenset[str]  # attributes that it sets


@lru_cache(4096)
def names_in(code: CodeType) -> Names:
    """The names in a function's code, and in that of the functions within."""
    found: list[set[str]] = [set(), set(), set(), set()]
    for instruction in dis.get_instructions(code):
        kind, name = instruction.opname, instruction.argval
        if kind in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL"):
            found[0].add(name)
        elif kind in ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM"):
            found[1].add(name)
        elif kind == "IMPORT_NAME":
            found[2].add(name)
        elif kind == "STORE_ATTR":
            found[3].add(name)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            for mine, others in zip(found, names_in(constant), strict=True):
                mine |= others
        elif isinstance(constant, str) and constant.isidentifier() and found[0] & {"getattr", "vars", "hasattr"}:
            found[1].add(constant)
    a, b, c, d = map(frozenset, found)
    return Names(a, b, c, d)


class Outside:
    """What the functions and modules that a call begins with find outside, as it is now.

    Attributes:
        modules: those it comes upon.
        dice: sources of random numbers that it comes upon, with where they stand.
        why: what stands in the way of noticing a change; "" where nothing does.
    """

    def __init__(self, begin: Iterable[Any]) -> None:
        self.modules: dict[Module, None] = {}
        self.dice: list[tuple[Any, str]] = []
        self.why = ""
        self._names: list[tuple[Callable[..., Any], Any, Any]] = []  # (get, name, what it gave)
        self._called: list[str] = []  # how each of them is called
        self._cells: list[tuple[CellType, str, Any]] = []
        self._items: list[tuple[Any, Callable[[], Any], str, list[Any], list[Any]]] = []  # lists, dicts: what they held
        begin = list(begin)
        homes = {str(getattr(x, "__module__", None)).partition(".")[0] for x in begin}
        self._homes = homes - {"builtins", "functools", _OURS}  # their packages, installed or not, are the user's
        self._attributes: set[str] = set()
        self._written: set[str] = set()
        self._seen: dict[int, Any] = {}
        self._open: list[tuple[Any, set[str], str]] = []  # things with attributes, and those that were looked at
        todo = [(x, getattr(x, "__name__", type(x).__name__)) for x in begin]
        while todo:
            while todo and not self.why:
                todo += self._look(*todo.pop())
            again = [] if self.why else self._open
            todo = [pair for thing, done, name in again for pair in self._into(thing, done, name)]
            if len(self._names) > MOST:
                self.why = TOO_MUCH

    # ---------------------------------------------------------------------------------------------- is it the same?
    def holds(self) -> bool:
        """Is all of it as it was?"""
        for get, name, value in self._names:
            if get(name, MISSING) is not value:
                return not self.changed()
        for cell, _, value in self._cells:
            if _content(cell) is not value:
                return not self.changed()
        for thing, each, _, keys, values in self._items:
            if len(thing) != len(values) or not all(map(is_, each(), values)):
                return not self.changed()
            if keys and not all(map(is_, thing, keys)):
                return not self.changed()
        return True

    def changed(self) -> str:
        """What is another than it was, in words; "" where nothing is."""
        for (get, name, value), called in zip(self._names, self._called, strict=True):
            if not same(get(name, MISSING), value):
                return f"'{called}'"
        for cell, name, value in self._cells:
            if not same(_content(cell), value):
                return f"'{name}'"
        for thing, each, name, keys, values in self._items:
            if len(thing) != len(values) or not all(map(same, each(), values)):
                return f"what lies in '{name}'"
            if keys and not all(map(same, thing, keys)):
                return f"what lies in '{name}'"
        return ""

    # ------------------------------------------------------------------------------------------------ what there is
    def _users(self, file: str | None, module: str | None) -> bool:
        """Is it code that is to be looked into?"""
        home = str(module).partition(".")[0]
        return home in self._homes or (home not in sys.builtin_module_names and of_the_user(file))

    def _users_class(self, kind: type) -> bool:
        home = sys.modules.get(kind.__module__)
        return self._users(getattr(home, "__file__", None), kind.__module__)

    def _look(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        """Note what lies behind a thing, and give what is to be looked at next."""
        if isinstance(x, (*PLAIN, Variable, np.ndarray)) or id(x) in self._seen:
            return
        self._seen[id(x)] = x
        if len(self._names) + len(self._items) > MOST:
            self.why = TOO_MUCH
        if isinstance(x, FunctionType):
            yield from self._function(x)
        elif isinstance(x, (MethodType, partial)):
            parts = (x.__func__, x.__self__) if isinstance(x, MethodType) else (x.func, x.args, x.keywords)
            yield from ((part, name) for part in parts)
        elif isinstance(x, (list, tuple, set, frozenset, deque, Mapping)):
            yield from self._container(x, name)
        elif isinstance(x, (staticmethod, classmethod)):
            yield x.__func__, name
        elif isinstance(x, property):
            yield from ((f, name) for f in (x.fget,) if f is not None)
        elif is_source(x):
            self.dice.append((x, name))
        elif isinstance(x, ModuleType):
            if self._users(getattr(x, "__file__", None), x.__name__):
                self._open.append((x, set(), name))
        elif isinstance(x, type):
            if self._users_class(x):
                self._open.append((x, set(), name))
        else:
            yield from self._object(x, name)

    def _function(self, f: FunctionType) -> Iterator[tuple[Any, str]]:
        if not self._users(f.__code__.co_filename, f.__module__):
            return
        names, room = names_in(f.__code__), f.__globals__
        self._attributes |= names.attributes | names.written
        self._written |= names.written
        for name in sorted(names.of_globals):
            if name in room or not hasattr(builtins, name):
                yield self._note(room.get, name, name)
        for name in sorted(names.imports):
            yield self._note(sys.modules.get, name, name)
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            self._cells.append((cell, name, _content(cell)))
            yield _content(cell), name
        if f.__defaults__ or f.__kwdefaults__:
            for key in ("__defaults__", "__kwdefaults__"):
                yield self._note(partial(getattr, f), key, f"{f.__name__}.{key}")

    def _note(self, get: Callable[..., Any], key: Any, name: str) -> tuple[Any, str]:
        value = get(key, MISSING)
        self._names.append((get, key, value))
        self._called.append(name)
        return value, name

    def _container(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        if isinstance(x, (list, set, deque, dict)) and len(x) <= ITEMS:
            each = x.values if isinstance(x, dict) else x.__iter__
            self._items.append((x, each, name, list(x) if isinstance(x, dict) else [], list(each())))
        elif not isinstance(x, (tuple, frozenset)):
            self._note(lambda _, __: len(x), "", f"len({name})")
        if len(x) <= ITEMS:
            yield from ((part, name) for part in _values(x))

    def _object(self, x: Any, name: str) -> Iterator[tuple[Any, str]]:
        if isinstance(x, Module):
            self.modules.setdefault(x)
            loose = [(k, v) for k, v in vars(x).items() if not (k.startswith("_") and k.endswith(("_kinds", "_hooks")))]
            yield from ((v, f"{type(x).__name__}.{k}") for k, v in loose if not isinstance(v, (*PLAIN, Variable)))
            yield type(x), type(x).__name__
            if self._users_class(type(x)):
                yield self._note(partial(getattr, type(x)), "forward", f"{type(x).__name__}.forward")
        elif hasattr(x, "__next__"):
            self.why = f"it takes from the iterator '{name}'"
        elif hasattr(x, "_plans"):  # compiled itself
            yield x._plans.function, name
        else:
            self._open.append((x, set(), name))
            if self._users_class(type(x)):
                yield type(x), type(x).__name__

    def _into(self, x: Any, done: set[str], name: str) -> Iterator[tuple[Any, str]]:
        """The attributes that the code asks for by name, and that were not looked at before."""
        own = getattr(x, "__dict__", {})
        ours = not isinstance(x, (type, ModuleType)) and type(x).__module__.partition(".")[0] == _OURS
        wanted = {*own, *self._written} if ours else self._attributes
        new, before = wanted - done, set(done)
        done |= new
        kinds = [c for c in x.__mro__ if self._users_class(c)] if isinstance(x, type) else []
        for key in sorted(new):
            if isinstance(x, type):
                yield from (self._note(c.__dict__.get, key, f"{name}.{key}") for c in kinds if key in c.__dict__)
            elif key in own or key in self._written:
                yield self._note(own.get, key, f"{name}.{key}")
            elif isinstance(getattr(type(x), key, None), MemberDescriptorType):
                yield self._note(partial(getattr, x), key, f"{name}.{key}")
        if kinds and not before:  # what Python calls by itself
            special = {k: f for c in reversed(kinds) for k, f in vars(c).items() if k.startswith("__")}
            yield from ((f, f"{name}.{k}") for k, f in special.items() if isinstance(f, FunctionType))
            done.add("__dict__")


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet
        return MISSING


def _values(x: Any) -> Iterable[Any]:
    return x.values() if isinstance(x, Mapping) else x
