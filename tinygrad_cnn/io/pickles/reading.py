"""Running a pickle from its first opcode to its last, and looking at what came out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .machine import Dialect, Machine, Maker, Pending, PickleError, Word
from .opcodes import OPCODES

_MAX_OPCODES = 5_000_000
_MAX_DEPTH = 100  # as in checkpoints
_ALLOWANCE, _FACTOR = 1_000_000, 64  # elements and characters of the object: some, and so many a byte
_SURPRISES = (  # text that is no number or no UTF-8, wrong arguments for a maker: all of them are wrong files
    ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError,
)  # fmt: skip


def read_pickle(content: bytes, where: str, dialect: Dialect | None = None) -> Any:
    """The object in the pickle `content`, of protocol 0 to 5, built of plain values and the names of `dialect` alone.

    Raises PickleError, a ValueError, that begins with `where`, for anything else: another name or opcode, a broken or
    cut pickle, bytes behind its end, a loop, nesting deeper than 100, or objects that grow out of proportion to the
    file because they contain the same one over and over.

    >>> import pickle
    >>> read_pickle(pickle.dumps({"lr": 0.1, "steps": [1, 2]}), "file")
    {'lr': 0.1, 'steps': [1, 2]}
    >>> read_pickle(pickle.dumps(print), "file")
    Traceback (most recent call last):
    ...
    tinygrad_cnn.io.pickles.machine.PickleError: file: it names 'builtins.print', ...
    """
    machine = Machine(content, dialect or Dialect())
    try:
        value = _run(machine)
        _measure(value, _ALLOWANCE + _FACTOR * len(content))
        return _settled(value, {}) if machine.pending else value
    except PickleError as error:
        raise PickleError(f"{where}: {error} (its pickle was read up to byte {machine.at:,})") from None
    except _SURPRISES as error:
        what = f"{type(error).__name__}: {str(error)[:200]}"
        raise PickleError(f"{where}: {what} (its pickle was read up to byte {machine.at:,})") from None


def _run(machine: Machine) -> Any:
    for _ in range(_MAX_OPCODES):
        code = machine.take(1)
        if code == b".":
            break
        if code not in OPCODES:
            raise PickleError(f"the opcode 0x{code.hex()} is not read")
        OPCODES[code](machine)
    else:
        raise PickleError(f"it has more than {_MAX_OPCODES:,} opcodes")
    value = machine.pop()
    if machine.stack or machine.marks:
        raise PickleError("it ends, and more than its one object is on the stack")
    if machine.at != len(machine.content):
        raise PickleError(f"{len(machine.content) - machine.at:,} bytes follow its end")
    return value


def _measure(root: Any, limit: int) -> None:
    """Refuse a loop, deep nesting, a name left over, and more than `limit` elements and characters, where what is
    shared counts each time it is met: whoever prints or copies the object would pay for all of them."""
    sizes: dict[int, tuple[int, int]] = {}  # of finished containers, by id: all that is in them, and their depth
    above: set[int] = set()
    todo = [(root, False)]
    while todo:
        value, finished = todo.pop()
        if finished:
            size, depth = 1, 1
            for part in _parts(value):
                inside, below = sizes[id(part)] if _is_container(part) else (_weight(part), 0)
                size, depth = size + inside, max(depth, below + 1)
            if size > limit:
                raise PickleError("it holds far more than a file of its size, the same objects over and over")
            if depth > _MAX_DEPTH:
                raise PickleError(f"it is nested deeper than {_MAX_DEPTH}")
            sizes[id(value)] = size, depth
            above.discard(id(value))
        elif not _is_container(value):
            _weight(value)  # the root
        elif id(value) in above:
            raise PickleError("it contains itself")
        elif id(value) not in sizes:
            above.add(id(value))
            todo.append((value, True))
            todo += ((part, False) for part in _parts(value) if _is_container(part))


def _is_container(value: Any) -> bool:
    return isinstance(value, (dict, list, tuple)) and type(value) not in (Maker, Word)


def _parts(value: Any) -> Iterator[Any]:
    yield from value  # of a dict the keys
    if isinstance(value, dict):
        yield from value.values()


def _weight(value: Any) -> int:
    if type(value) in (Maker, Word):
        raise PickleError("a global name or a storage stands where a value is expected")
    return 1 + (len(value) if isinstance(value, (str, bytes, bytearray, set, frozenset)) else 0)


def _settled(value: Any, done: dict[int, Any]) -> Any:
    """`value` with what was pending in its place; what was shared still is."""
    if isinstance(value, Pending):
        if id(value) not in done:
            done[id(value)] = value.result()
    elif not _is_container(value):
        return value
    elif id(value) not in done:
        done[id(value)] = value
        if type(value) is tuple:
            parts = tuple(_settled(part, done) for part in value)
            if any(new is not old for new, old in zip(parts, value, strict=True)):
                done[id(value)] = parts
        elif type(value) is list:
            value[:] = [_settled(part, done) for part in value]
        else:
            for key, part in value.items():
                value[key] = _settled(part, done)
    return done[id(value)]
