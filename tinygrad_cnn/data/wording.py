"""A transform, or another function of the user's, as text: the same in another process, and another for another."""

from __future__ import annotations

import functools
import re
import sys
import types
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays.rng import is_source

_PACKAGE = __name__.partition(".")[0] + "."
_DEPTH = 6  # how far what a thing holds is followed
_ITEMS = 100  # of a list, that are looked at
_SAMPLE = 1 << 12  # elements of a large array that are looked at


def in_words(thing: Any) -> str | None:
    """A transform by its ``repr``; where it has none, and in what it holds besides, by what it holds. What a function
    does is told by its code, its defaults and what it closes over. Generators are left out: they move."""
    return None if thing is None else _words(thing, _DEPTH)


def _words(thing: Any, depth: int) -> str:
    if depth == 0:
        return type(thing).__name__
    if isinstance(thing, types.MethodType):
        return f"{_words(thing.__func__, depth)} of {_words(thing.__self__, depth - 1)}"
    if isinstance(thing, types.FunctionType) and str(thing.__module__).startswith(_PACKAGE):
        return thing.__qualname__  # which does the same in the next version
    if isinstance(thing, types.FunctionType):
        return f"{thing.__qualname__} {_code(thing.__code__)}{_with(_held(thing), depth)}"
    if isinstance(thing, functools.partial):
        return f"partial {_words(thing.func, depth)}{_with({'args': thing.args, **thing.keywords}, depth)}"
    if isinstance(array := getattr(thing, "_array", thing), np.ndarray):
        return _array(array)
    if isinstance(thing, dict):
        return f"{{{', '.join(f'{key!r}: {_words(value, depth - 1)}' for key, value in _some(thing.items()))}}}"
    if isinstance(thing, (list, tuple)):
        return f"[{', '.join(_words(value, depth - 1) for value in _some(thing))}]"
    name = type(thing).__name__
    inner = getattr(thing, "transforms", None)
    if isinstance(inner, (list, tuple)):
        return f"{name}({', '.join(_words(t, depth - 1) for t in inner)})"
    own: Any = type(thing).__repr__
    if own is object.__repr__:
        found = {key: value for key, value in _attributes(thing) if not is_source(value)}
        return f"{name}({', '.join(f'{key}={_words(value, depth - 1)}' for key, value in found.items())})"
    more = {key: value for key, value in _attributes(thing) if _is_code(value)}
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing)) + _with(more, depth)


def _with(held: dict[str, Any], depth: int) -> str:
    """What a function holds, as eight digits: it may be much."""
    held = {key: value for key, value in held.items() if not is_source(value)}
    return f" with {zlib.crc32(_words(held, depth - 1).encode()):08x}" if held else ""


def _held(function: types.FunctionType) -> dict[str, Any]:
    found: dict[str, Any] = dict(function.__kwdefaults__ or {})
    if function.__defaults__:
        found["defaults"] = function.__defaults__
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:  # not bound yet
            continue
        if value is not function:
            found[name] = value
    return found


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(thing, "__dict__", {}).items()
    for cls in type(thing).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                yield name, getattr(thing, name)


def _some(items: Any) -> list[Any]:
    return list(items)[:_ITEMS]


def _is_code(value: Any) -> bool:
    return isinstance(value, (types.FunctionType, types.MethodType, functools.partial))


def _array(array: np.ndarray) -> str:
    sample = array.ravel(order="K")  # (elements,)
    sample = sample[:: max(sample.size // _SAMPLE, 1)]  # (some elements,)
    bits = repr(sample.tolist()).encode() if sample.dtype.hasobject else sample.tobytes()
    return f"{array.dtype}{list(array.shape)} {zlib.crc32(bits):08x}"


def _code(code: types.CodeType) -> str:
    """Ten digits that change with what a function does; and with Python's version, which stands before them."""

    def crc(part: types.CodeType, start: int) -> int:
        start = zlib.crc32(part.co_code, start)
        for constant in part.co_consts:
            if isinstance(constant, types.CodeType):
                start = crc(constant, start)
            else:
                start = zlib.crc32(repr(constant).encode(), start)
        return zlib.crc32(repr(part.co_names).encode(), start)

    return f"({sys.version_info[0]}.{sys.version_info[1]}:{crc(code, 0):08x})"
