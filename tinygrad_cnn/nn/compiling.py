"""``Module.compile()``: plans are made in a room above, which is asked for by its name, when they are wanted."""

from __future__ import annotations

import importlib
from typing import Any

ABOVE = ("compiler", "compile", "in_place")  # the room; what makes a compiled module; what compiles one as it stands


def compiled(model: Any) -> Any:
    """What `tg.compile` makes of a module."""
    return getattr(_room(), ABOVE[1])(model)


def compile_in_place(model: Any, **options: Any) -> None:
    """Let the calls of a module itself run by plans."""
    getattr(_room(), ABOVE[2])(model, **options)


def _room() -> Any:
    return importlib.import_module(f"..{ABOVE[0]}", __package__)
