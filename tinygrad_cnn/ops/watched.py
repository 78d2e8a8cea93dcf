"""What those who watch operations are told beyond them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.modes import here


def as_one(name: str, function: Callable[..., Any], *inputs: Any, **attributes: Any) -> Any:
    """``function(*inputs, **attributes)``, which watchers may take for one operation of that name.

    For what is composed of operations and of NumPy: whoever writes down what a model computes sees a whole.
    """
    watchers = here.mode.watchers
    for watcher in watchers:
        if (told := getattr(watcher, "begins", None)) is not None:
            told(name, inputs, attributes)
    y = None
    try:
        y = function(*inputs, **attributes)
    finally:
        for watcher in watchers:
            if (told := getattr(watcher, "ends", None)) is not None:
                told(name, y)
    return y
