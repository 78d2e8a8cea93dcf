"""``Module.compile()``: plans are made in a room above, which is asked for by its name, when they are wanted."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ABOVE = ("compiler", "compile", "in_place")  # the room; what makes a compiled module; what compiles one as it stands


def compiled(model: Any) -> Any:
    """What `tg.compile` makes of a module."""
    return getattr(_room(), ABOVE[1])(model)


def compile_in_place(model: Any, **options: Any) -> None:
    """Let the calls of a module itself run by plans."""
    getattr(_room(), ABOVE[2])(model, **options)


@contextmanager
def as_it_is(model: Any) -> Iterator[None]:
    """Within, what is compiled of a module runs as if it were not: hooks that look at it are called."""
    found = [getattr(m, "_plans", None) or getattr(vars(m).get("forward"), "_plans", None) for m in model.modules()]
    plans = [(each, each.eager) for each in found if each is not None]
    for each, _ in plans:
        each.eager = "it is looked at"
    try:
        yield
    finally:
        for each, before in plans:
            each.eager = before


def _room() -> Any:
    return importlib.import_module(f"..{ABOVE[0]}", __package__)
