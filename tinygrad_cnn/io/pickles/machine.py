"""The stack machine that pickles are programs for: what its opcodes have in common, and the limits they keep."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_MAX_INT = 1024  # bytes of one integer: its decimal digits stay below what Python prints
_MAX_KEY = 10_000  # characters: comparing two keys takes no time
_MAX_TUPLE_KEYS = 4096  # in the whole file: their hashes can be made equal on purpose
_ALLOWANCE, _WORTH = 200_000, 4  # the budget for calls: elements and characters, some and so many a byte


class PickleError(ValueError):
    """A file holds something that is not read, or is no whole pickle."""


class Maker(NamedTuple):
    """What stands for a global name that a pickle calls: ``make(*arguments)`` gives the object, or raises. `cost` is
    what a call takes from the budget, besides the lengths of its arguments; a byte of the file brings 4."""

    make: Callable[..., Any]
    cost: int = 16


class Word(NamedTuple):
    """What stands for a global name that makes sense only as an argument: a type of storage, say."""

    meaning: Any


class Pending:
    """An object whose state comes after it; `result` is asked for it when the pickle has been read."""

    def set_state(self, state: Any) -> None:
        """Take the state that the opcode BUILD brings."""
        raise PickleError(f"it gives {kind_of(state)} to {type(self).__name__}, which has no state")

    def result(self) -> Any:
        """What it is, complete."""
        raise NotImplementedError


def _never(_module: str, _name: str) -> str:
    return "which is not read: a file's names could run any code"


class Dialect(NamedTuple):
    """What pickles of one kind may say beyond plain values.

    `names`: what each global name stands for, (module, name) -> a `Maker`, a `Word`, or a plain value. `persistent`:
    what a persistent id stands for. `strings`: how Python 2's byte strings are decoded, or "bytes". `unknown`: how the
    error about any other name goes on, from module and name.
    """

    names: Mapping[tuple[str, str], Any] = {}
    persistent: Callable[[Any], Any] | None = None
    strings: str = "utf-8"
    unknown: Callable[[str, str], str] = _never


class Machine:
    """A stack, marks on it, a memo, a place in the file, and a budget of what may still be built."""

    def __init__(self, content: bytes, dialect: Dialect) -> None:
        self.content, self.dialect = content, dialect
        self.at = 0  # the next byte to read
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.budget = _ALLOWANCE + _WORTH * len(content)
        self.tuple_keys = 0
        self.pending = False  # was anything made whose state comes later?

    # ------------------------------------------------------------------------------------------------------- the file
    def take(self, n: int) -> bytes:
        """The next n bytes."""
        piece = self.content[self.at : self.at + n]
        if len(piece) != n:
            raise PickleError(f"it is cut short, or lies: {n:,} bytes should follow, and {len(piece):,} do")
        self.at += n
        return piece

    def number(self, form: str) -> Any:
        """A number in the form of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def counted(self, form: str) -> bytes:
        """A length in that form, and so many bytes."""
        n = self.number(form)
        if n < 0:
            raise PickleError(f"a length of {n:,}")
        return self.take(n)

    def integer(self, form: str) -> int:
        """A length in that form, and an integer of so many bytes."""
        raw = self.counted(form)
        if len(raw) > _MAX_INT:
            raise PickleError(f"an integer of {len(raw):,} bytes; {_MAX_INT:,} are the most")
        return int.from_bytes(raw, "little", signed=True)

    def line(self) -> bytes:
        """The bytes up to the end of the line."""
        end = self.content.find(b"\n", self.at)
        if end < 0:
            raise PickleError("a line of text has no end")
        piece, self.at = self.content[self.at : end], end + 1
        return piece

    # ------------------------------------------------------------------------------------------------------ the stack
    def push(self, value: Any) -> None:
        """Put `value` on the stack."""
        self.stack.append(value)

    def pop(self) -> Any:
        """Take the top of the stack, which lies above the last mark."""
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise PickleError("it takes an object from the stack, and there is none")
        return self.stack.pop()

    def top(self) -> Any:
        """The top of the stack, which stays."""
        value = self.pop()
        self.stack.append(value)
        return value

    def items(self) -> list[Any]:
        """Take all above the last mark, and the mark."""
        if not self.marks:
            raise PickleError("it goes back to a mark, and there is none")
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def spend(self, n: int) -> None:
        """Note that n more elements are built or gone through."""
        self.budget -= n
        if self.budget < 0:
            raise PickleError("it asks for far more work than its size is worth, the same objects over and over")

    def memorize(self, index: int) -> None:
        """Put the top of the stack into the memo."""
        if index < 0:
            raise PickleError(f"a place {index} in the memo")
        self.memo[index] = self.top()

    def recall(self, index: int) -> None:
        """Push what is in the memo."""
        if index not in self.memo:
            raise PickleError(f"it asks for place {index} of the memo, where nothing is")
        self.push(self.memo[index])

    # ----------------------------------------------------------------------------------------------------- containers
    def fill(self, target: Any, values: list[Any]) -> None:
        """Put keys and values, in turn, into a dict."""
        if type(target) not in (dict, OrderedDict):
            raise PickleError(f"it puts keys and values into {kind_of(target)}")
        if len(values) % 2:
            raise PickleError("a key has no value")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if type(key) is tuple:
                self.tuple_keys += 1
                if len(key) > 16 or self.tuple_keys > _MAX_TUPLE_KEYS:
                    raise PickleError("its keys are tuples that are too long or too many")
                for part in key:
                    check_key(part)
            else:
                check_key(key)
            target[key] = value

    def extend(self, target: Any, values: list[Any]) -> None:
        """Add values to a list or set."""
        if type(target) is list:
            target.extend(values)
        elif type(target) is set:
            target.update(map(check_key, values))
        else:
            raise PickleError(f"it adds elements to {kind_of(target)}")

    # ------------------------------------------------------------------------------------------------- others' names
    def name(self, module: Any, name: Any) -> None:
        """Push what a global name stands for."""
        if type(module) is not str or type(name) is not str:
            raise PickleError(f"a global name made of {kind_of(module)} and {kind_of(name)}")
        if (module, name) not in self.dialect.names:
            full = f"{module}.{name}"
            shown = full if len(full) <= 100 else full[:100] + "..."
            raise PickleError(f"it names {shown!r}, {self.dialect.unknown(module, name)}")
        self.push(self.dialect.names[module, name])

    def call(self, maker: Any, arguments: Any) -> None:
        """Push what a maker makes."""
        if type(maker) is not Maker:
            raise PickleError(f"it calls {kind_of(maker)}")
        if type(arguments) is not tuple:
            raise PickleError(f"it calls with {kind_of(arguments)}, not with a tuple of arguments")
        self.spend(maker.cost)
        for argument in arguments:
            if isinstance(argument, (str, bytes, bytearray, tuple, list, dict, set, frozenset)):
                self.spend(len(argument))
        made = maker.make(*arguments)
        self.pending = self.pending or isinstance(made, Pending)
        self.push(made)

    def build(self, state: Any) -> None:
        """Give the top of the stack its state."""
        target = self.top()
        if isinstance(target, Pending):
            target.set_state(state)
        elif type(target) is not OrderedDict:  # whose attributes, such as a state_dict's _metadata, are dropped
            raise PickleError(f"it sets the state of {kind_of(target)}")

    def persist(self, identity: Any) -> None:
        """Push what a persistent id stands for."""
        if self.dialect.persistent is None:
            raise PickleError("it refers to something outside of the file, by a persistent id")
        self.push(self.dialect.persistent(identity))


def check_key(key: Any) -> Any:
    """`key`, once it is found to be a plain value that hashes and compares quickly."""
    kind = type(key)
    if kind in (str, bytes):
        if len(key) > _MAX_KEY:
            raise PickleError(f"a key or element of a set has {len(key):,} characters; {_MAX_KEY:,} are the most")
    elif kind is int:
        if key.bit_length() > 64:
            raise PickleError(f"a key or element of a set has {key.bit_length():,} bits; 64 are the most")
    elif key is not None and kind not in (bool, float):
        raise PickleError(f"{kind_of(key)} is a key, or an element of a set")
    return key


def kind_of(value: Any) -> str:
    """What a value is, in words; never its content, which may be endless."""
    return "a global name" if type(value) in (Maker, Word) else f"an object of type {type(value).__name__}"
