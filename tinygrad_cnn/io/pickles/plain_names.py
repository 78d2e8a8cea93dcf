"""The names by which pickles of older protocols say plain values."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from .machine import Maker, PickleError, check_key, kind_of


def _encode(text: str, encoding: str = "utf-8") -> bytes:
    """Bytes, as protocols 0 to 2 write them."""
    if type(text) is not str or type(encoding) is not str or encoding not in ("latin1", "utf-8"):
        raise PickleError(f"bytes of {kind_of(text)}")
    return text.encode(encoding)


def _bytes() -> bytes:
    """Empty ones."""
    return b""


def _bytearray(content: Any = b"", encoding: str = "") -> bytearray:
    return bytearray(_encode(content, encoding) if encoding else _a(bytes, content))


def _set(elements: Any) -> set[Any]:
    return set(map(check_key, _a(list, elements)))


def _frozenset(elements: Any) -> frozenset[Any]:
    return frozenset(_set(elements))


def _ordered(pairs: Any = ()) -> OrderedDict[Any, Any]:
    """Its keys and values follow it, or are its argument in Python 2."""
    if type(pairs) not in (list, tuple):
        raise PickleError(f"an OrderedDict of {kind_of(pairs)}")
    made = OrderedDict[Any, Any]()
    for pair in pairs:
        if type(pair) not in (list, tuple) or len(pair) != 2:
            raise PickleError(f"{kind_of(pair)} in place of a key and a value")
        made[check_key(pair[0])] = pair[1]
    return made


def _counter(counts: Any = None) -> Counter[Any]:
    """The milestones of a scheduler, for one."""
    return Counter({check_key(key): n for key, n in _a(dict, {} if counts is None else counts).items()})


def _complex(real: Any, imag: Any) -> complex:
    return complex(_a(float, real), _a(float, imag))


def _a(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise PickleError(f"{kind_of(value)} in place of one of type {kind.__name__}")
    return value


_BUILTINS: dict[str, Callable[..., Any]] = {
    "bytes": _bytes, "bytearray": _bytearray, "set": _set, "frozenset": _frozenset, "complex": _complex,
}  # fmt: skip
PLAIN_NAMES: dict[tuple[str, str], Any] = {
    ("_codecs", "encode"): Maker(_encode),
    ("collections", "OrderedDict"): Maker(_ordered),
    ("collections", "Counter"): Maker(_counter),
    **{(module, name): Maker(make) for module in ("builtins", "__builtin__") for name, make in _BUILTINS.items()},
}
