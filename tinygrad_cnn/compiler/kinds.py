"""What a call hangs on in its arguments: all but the numbers in its tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import BuiltinFunctionType
from typing import Any

from numpy import ndarray

from ..arrays.writes import owner_of
from ..autograd.graph import Variable, array_of
from ..nn.summary import leaves_in
from ..programs.outside import PLAIN
from .recorded import Recorded, wants


def kind_of(x: Any) -> Any:
    """What a plan hangs on, of an argument: not its numbers."""
    if isinstance(x, Variable):
        a = x._array
        return type(x), a.shape, a.dtype, a.strides, wants(x)
    if isinstance(x, ndarray):
        return x.shape, x.dtype, x.strides
    if type(x) is tuple:
        return tuple(map(kind_of, x))
    if type(x) is dict:
        return tuple([(kind_of(key), kind_of(part)) for key, part in x.items()]), dict
    if isinstance(x, PLAIN):
        return type(x), x or repr(x)  # 0.0 and -0.0 are two
    if isinstance(x, Mapping):
        return type(x), tuple((kind_of(key), kind_of(part)) for key, part in x.items())
    if isinstance(x, (tuple, list, set, frozenset)):
        return type(x), tuple(kind_of(part) for part in x)
    if isinstance(x, slice):
        return slice, kind_of((x.start, x.stop, x.step))
    if is_dataclass(x) and not isinstance(x, type):
        return type(x), tuple(kind_of(getattr(x, field.name)) for field in fields(x))
    return Same(x)


def tensors_in(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The tensors and arrays among the arguments, however nested."""
    for x in args:
        if type(x) is not Variable._result:
            break
    else:
        if not kwargs:
            return list(args)
    return [x for x in leaves_in([args, kwargs]) if isinstance(x, (Variable, ndarray))]


class Same:
    """A key for one thing, whatever it is equal to."""

    __slots__ = ("of",)

    def __init__(self, of: Any) -> None:
        self.of = of

    def __hash__(self) -> int:
        return id(self.of)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.of is self.of


def objects_in(x: Any) -> Iterator[Any]:
    """Arguments, however nested, whose attributes or globals may change."""
    if isinstance(x, Mapping):
        x = list(x.values())
    if isinstance(x, (tuple, list, set, frozenset)):
        for part in x:
            yield from objects_in(part)
    elif is_dataclass(x) and not isinstance(x, type):
        yield type(x)
        for field in fields(x):
            yield from objects_in(getattr(x, field.name))
    elif not isinstance(x, (Variable, ndarray, BuiltinFunctionType, slice, *PLAIN)):
        yield x


def memory(inputs: list[Any]) -> Any:
    """Which of the inputs are the same, or lie in the same memory, and how."""
    if len(inputs) < 2:
        return ()
    owners = [id(a if (a := array_of(x)).base is None else owner_of(a)) for x in inputs]
    if len(set(owners)) == len(owners):
        return ()
    ids = [id(x) for x in inputs]
    at = [array_of(x).__array_interface__["data"][0] for x in inputs]
    first = [owners.index(owner) for owner in owners]
    return tuple((ids.index(i), k, a - at[k]) for i, k, a in zip(ids, first, at, strict=True))


def shared(inputs: Iterable[Any], recorded: Recorded) -> bool:
    """Does an input lie in the memory of a tensor that the call reads, or writes into, besides the inputs?"""
    mine = {id(owner_of(array_of(x))) for x in inputs}
    written = (x for x, _ in recorded.effects if type(x) is not int)
    arrays = map(array_of, (*recorded.sources.values(), *recorded.constants.values(), *written))
    return any(isinstance(a, ndarray) and id(owner_of(a)) in mine for a in arrays)
