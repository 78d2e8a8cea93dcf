"""What those who watch operations are told beyond them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.graph import array_of
from ..autograd.modes import here


def aside(function: Callable[..., Any], *inputs: Any, **attributes: Any) -> Any:
    """``function`` on the arrays of the inputs: what NumPy computes beside the operations, which has no gradient.

    Masks, positions, random choices, checks: watchers are told, so that a plan does it again in each call. It returns
    an array, a tuple of arrays and None, or None.
    """
    watchers = here.mode.watchers
    if not watchers:
        return function(*map(array_of, inputs), **attributes)
    here.mode.watchers = ()  # what the function does is its own business
    try:
        made = function(*map(array_of, inputs), **attributes)
    finally:
        here.mode.watchers = watchers
    for watcher in watchers:
        if (told := getattr(watcher, "aside", None)) is not None:
            made = told(function, inputs, attributes, made, False)
    return made


def afterwards(function: Callable[..., None], *inputs: Any) -> None:
    """``function`` on the arrays of the inputs, some of which it changes: buffers that no operation reads.

    As `aside`; a plan does it when the whole call has succeeded.
    """
    for watcher in here.mode.watchers:
        if (told := getattr(watcher, "aside", None)) is not None:
            told(function, inputs, {}, None, True)
    function(*map(array_of, inputs))


def reading(x: Any, how: str) -> Any:
    """x, whose numbers Python is about to look at: watchers are told that what follows may hang on them."""
    for watcher in here.mode.watchers:
        if (told := getattr(watcher, "reads", None)) is not None:
            told(x, how)
    return x


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
