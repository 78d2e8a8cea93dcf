"""The source of the functions that a file uses, as they stand in `functions`, those that they call included."""

from __future__ import annotations

import ast
import importlib
import inspect
from functools import cache
from types import FunctionType

FILES = ("activations", "images", "layers", "arrays")


@cache
def functions() -> dict[str, FunctionType]:
    """All functions that a file may take, by name, in the order in which they stand there."""
    found: dict[str, FunctionType] = {}
    for name in FILES:
        module = importlib.import_module(f"{__package__}.functions.{name}")
        mine = (f for f in vars(module).values() if isinstance(f, FunctionType) and f.__module__ == module.__name__)
        found.update((f.__name__, f) for f in mine)
    return found


def called(text: str) -> list[str]:
    """The functions whose names are read in a text of code, and those that they read in turn, in their order."""
    known, wanted, todo = functions(), set[str](), [text]
    while todo:
        names = (names_in(todo.pop()) & known.keys()) - wanted
        wanted |= names
        todo += [inspect.getsource(known[name]) for name in names]
    return [name for name in known if name in wanted]


def names_in(text: str) -> set[str]:
    """The variables and functions that a text of code reads or sets."""
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def source(name: str) -> str:
    """The text of one function."""
    return inspect.getsource(functions()[name])
