"""What each opcode of a pickle does, protocols 0 to 5. Those that are not here are refused: classes of Python 2
(INST, OBJ), the extension registry (EXT1 to EXT4), buffers out of band, persistent ids as text."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Any

from .machine import Machine, PickleError

_MAX_DIGITS = 4000  # of a number written as text


def _protocol(m: Machine) -> None:
    if (version := m.number("<B")) > 5:
        raise PickleError(f"a pickle of protocol {version}; up to 5 are read")


def _frame(m: Machine) -> None:
    if (n := m.number("<Q")) > len(m.content) - m.at:
        raise PickleError(f"it is cut short, or lies: a frame of {n:,} bytes, and {len(m.content) - m.at:,} follow")


def _drop(m: Machine) -> None:
    if m.marks and m.marks[-1] == len(m.stack):
        m.marks.pop()
    else:
        m.pop()


def _digits(m: Machine) -> bytes:
    """A number as text."""
    text = m.line()
    if len(text) > _MAX_DIGITS:
        raise PickleError(f"a number of {len(text):,} digits; {_MAX_DIGITS:,} are the most")
    return text


def _integer(m: Machine) -> None:
    text = _digits(m)
    m.push(text == b"01" if text in (b"00", b"01") else int(text.removesuffix(b"L")))


def _byte_string(m: Machine, raw: bytes) -> None:
    m.push(raw if m.dialect.strings == "bytes" else raw.decode(m.dialect.strings))


def _quoted(m: Machine) -> None:
    text = m.line()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise PickleError("a string without its quotes")
    _byte_string(m, codecs.escape_decode(text[1:-1])[0])


def _text(form: str) -> Callable[[Machine], None]:
    return lambda m: m.push(m.counted(form).decode("utf-8", "surrogatepass"))


def _set(m: Machine) -> None:
    m.spend(24)  # an empty set takes a byte of the file, and two hundred of memory
    m.push(set())


def _tuple(n: int) -> Callable[[Machine], None]:
    def make(m: Machine) -> None:
        values = [m.pop() for _ in range(n)]
        m.push(tuple(reversed(values)))

    return make


def _dict(m: Machine) -> None:
    values, made = m.items(), dict[Any, Any]()
    m.fill(made, values)
    m.push(made)


def _frozen(m: Machine) -> None:
    made = set[Any]()
    m.extend(made, m.items())
    m.push(frozenset(made))


def _append(m: Machine) -> None:
    value = m.pop()
    m.extend(m.top(), [value])


def _extend(m: Machine) -> None:
    values = m.items()
    m.extend(m.top(), values)


def _set_item(m: Machine) -> None:
    value, key = m.pop(), m.pop()
    m.fill(m.top(), [key, value])


def _set_items(m: Machine) -> None:
    values = m.items()
    m.fill(m.top(), values)


def _global(m: Machine) -> None:
    module = m.line().decode()
    m.name(module, m.line().decode())


def _stack_global(m: Machine) -> None:
    name, module = m.pop(), m.pop()
    m.name(module, name)


def _call(m: Machine) -> None:
    arguments, maker = m.pop(), m.pop()
    m.call(maker, arguments)


def _call_by_keyword(m: Machine) -> None:
    keywords, arguments, maker = m.pop(), m.pop(), m.pop()
    if type(keywords) is not dict or keywords:
        raise PickleError("it calls with arguments by keyword")
    m.call(maker, arguments)


OPCODES: dict[bytes, Callable[[Machine], None]] = {
    b"\x80": _protocol,
    b"\x95": _frame,
    # the stack and the memo
    b"(": lambda m: m.marks.append(len(m.stack)),
    b"0": _drop,
    b"1": lambda m: m.items().clear(),
    b"2": lambda m: m.push(m.top()),
    b"p": lambda m: m.memorize(int(_digits(m))),
    b"q": lambda m: m.memorize(m.number("<B")),
    b"r": lambda m: m.memorize(m.number("<I")),
    b"\x94": lambda m: m.memorize(len(m.memo)),
    b"g": lambda m: m.recall(int(_digits(m))),
    b"h": lambda m: m.recall(m.number("<B")),
    b"j": lambda m: m.recall(m.number("<I")),
    # plain values
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": _integer,
    b"L": _integer,
    b"J": lambda m: m.push(m.number("<i")),
    b"K": lambda m: m.push(m.number("<B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"\x8a": lambda m: m.push(m.integer("<B")),
    b"\x8b": lambda m: m.push(m.integer("<i")),
    b"F": lambda m: m.push(float(_digits(m))),
    b"G": lambda m: m.push(m.number(">d")),
    b"S": _quoted,
    b"T": lambda m: _byte_string(m, m.counted("<i")),
    b"U": lambda m: _byte_string(m, m.counted("<B")),
    b"V": lambda m: m.push(m.line().decode("raw-unicode-escape")),
    b"X": _text("<I"),
    b"\x8c": _text("<B"),
    b"\x8d": _text("<Q"),
    b"B": lambda m: m.push(m.counted("<I")),
    b"C": lambda m: m.push(m.counted("<B")),
    b"\x8e": lambda m: m.push(m.counted("<Q")),
    b"\x96": lambda m: m.push(bytearray(m.counted("<Q"))),
    # containers
    b"]": lambda m: m.push([]),
    b"}": lambda m: m.push({}),
    b")": lambda m: m.push(()),
    b"\x8f": _set,
    b"l": lambda m: m.push(m.items()),
    b"d": _dict,
    b"t": lambda m: m.push(tuple(m.items())),
    b"\x85": _tuple(1),
    b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"\x91": _frozen,
    b"a": _append,
    b"e": _extend,
    b"\x90": _extend,
    b"s": _set_item,
    b"u": _set_items,
    # names
    b"c": _global,
    b"\x93": _stack_global,
    b"R": _call,
    b"\x81": _call,
    b"\x92": _call_by_keyword,
    b"b": lambda m: m.build(m.pop()),
    b"Q": lambda m: m.persist(m.pop()),
}
