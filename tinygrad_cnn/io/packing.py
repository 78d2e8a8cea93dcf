"""What a checkpoint says beside its arrays: any nesting of plain values as JSON, each array replaced by its name.

JSON says most of it as it is; the rest are objects with one key that begins with ``$`` (`_UNPACK` lists them). Arrays
that share their memory are stored once: ``{"$tensor": "w"}`` comes twice if two names stand for one array, and
``{"$tensor": ["w", [3, 2], [1, 0]]}`` is all of the memory of ``w`` in another shape, whose axes lie in memory in that
order (a transposed or flattened weight).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .tensor_file import DTYPES

__all__ = ["pack", "unpack"]

_MAX_DEPTH = 100  # nesting beyond this is a loop, or no checkpoint
_STORABLE = frozenset(np.dtype(code).newbyteorder("=") for code in DTYPES.values())
_ADVICE = "save tensors, NumPy arrays, numbers, strings, None, and dicts, lists or tuples of them"


def pack(obj: object) -> tuple[Any, dict[str, np.ndarray]]:
    """`obj` as JSON can say it, and its arrays by name, none of them copied.

    Raises TypeError for what is no plain value, and ValueError for a loop.
    """
    store = _Store()
    state = _pack(obj, (), store)
    return state, store.named()


def _pack(value: Any, path: tuple[object, ...], store: _Store) -> Any:
    """Numbers, strings and None stay, lists stay lists, and dicts with plain string keys stay dicts; the rest becomes
    one of the objects that `_UNPACK` lists."""
    from ..tensors import Tensor
    from ..tensors.size import Size

    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:  # hexadecimal beyond 64 bits: Python limits the digits of a decimal
        return value if -(2**63) <= value < 2**63 else {"$int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, Tensor):
        return store.add("$tensor", value._array, path)
    if kind is np.ndarray or kind is np.memmap:
        return store.add("$array", value, path)
    if isinstance(value, np.generic) and value.dtype in _STORABLE:
        scalar = np.asarray(value).astype(value.dtype.newbyteorder("<"))
        return {"$scalar": [scalar.dtype.str, scalar.tobytes().hex()]}
    if len(path) >= _MAX_DEPTH:
        raise ValueError(f"save: nested deeper than {_MAX_DEPTH} at {_show(path[:6])}...; does it contain itself?")
    if kind is list:
        return [_pack(item, (*path, i), store) for i, item in enumerate(value)]
    if kind is tuple or kind is Size:
        return {"$tuple": [_pack(item, (*path, i), store) for i, item in enumerate(value)]}
    if isinstance(value, dict):
        items = [(_check_key(key, path), _pack(item, (*path, key), store)) for key, item in value.items()]
        if kind is OrderedDict:
            return {"$ordered": [[_pack(key, path, store), item] for key, item in items]}
        if all(type(key) is str and not key.startswith("$") for key, _ in items):
            return dict(items)
        return {"$dict": [[_pack(key, path, store), item] for key, item in items]}
    raise TypeError(f"save: cannot store {_show(path)}, a {kind.__module__}.{kind.__qualname__}; {_ADVICE}")


def _check_key(key: Any, path: tuple[object, ...]) -> Any:
    parts = key if type(key) is tuple else (key,)
    for part in parts:
        if type(part) not in (str, int, float, bool, type(None)) and not isinstance(part, np.generic):
            raise TypeError(
                f"save: cannot store the key {key!r} of {_show(path)}, a {type(key).__qualname__}; "
                "keys may be strings, numbers, booleans, None, and tuples of these"
            )
    return key


def _show(path: tuple[object, ...]) -> str:
    return "state" + "".join(f"[{part!r}]" for part in path)


# ---------------------------------------------------------------------------------------------------------- sharing


class _Found(NamedTuple):
    """An array that was met: where, its axes in the order of memory if it fills it, and what JSON says of it."""

    array: np.ndarray
    path: tuple[object, ...]
    order: tuple[int, ...] | None
    said: dict[str, Any]  # {"$tensor": ...}, filled in when all arrays are known
    tag: str


class _Store:
    """The arrays that were met. Those that fill one piece of memory are stored once."""

    def __init__(self) -> None:
        self.pieces: dict[Any, list[_Found]] = {}

    def add(self, tag: str, array: np.ndarray, path: tuple[object, ...]) -> dict[str, Any]:
        """What JSON will say of an array; TypeError for one of another dtype."""
        if array.dtype.newbyteorder("=") not in _STORABLE:
            raise TypeError(
                f"save: cannot store {_show(path)}, an array of dtype {array.dtype}; "
                "convert it with .astype to bool, int8 to int64, uint8 to uint64 or float16 to float64"
            )
        found = _Found(array, path, _memory_order(array), {}, tag)
        at = array.__array_interface__["data"][0]
        piece: Any = (at, array.size, array.dtype.str)
        if found.order is None:
            piece = (*piece, array.shape, array.strides)  # a part of something: the same part only
        self.pieces.setdefault(piece, []).append(found)
        return found.said

    def named(self) -> dict[str, np.ndarray]:
        """Each piece of memory under a free name, made from the path of the array that stands for it."""
        arrays: dict[str, np.ndarray] = {}
        for sharing in self.pieces.values():
            while sharing:
                whole = next((found for found in sharing if found.array.flags.c_contiguous), sharing[0])
                name = _free_name(whole.path, arrays)
                arrays[name] = whole.array
                sharing = [found for found in sharing if not _say(found, whole, name)]
        return arrays


def _say(found: _Found, whole: _Found, name: str) -> bool:
    """Let JSON say that an array is the one stored as `name`, or all of its memory in another form; if it is."""
    array = found.array
    if (array.shape, array.strides) == (whole.array.shape, whole.array.strides):
        found.said[found.tag] = name
    elif found.order is not None and whole.array.flags.c_contiguous:
        found.said[found.tag] = [name, list(array.shape), list(found.order)]
    return bool(found.said)


def _memory_order(array: np.ndarray) -> tuple[int, ...] | None:
    """The axes of an array from the outermost in memory to the innermost, if it fills its memory without gaps."""
    order = tuple(sorted(range(array.ndim), key=lambda axis: (-array.strides[axis], -array.shape[axis])))
    step = array.itemsize
    for axis in reversed(order):
        if array.shape[axis] != 1:
            if array.strides[axis] != step:
                return None
            step *= array.shape[axis]
    return order


def _free_name(path: tuple[object, ...], taken: dict[str, np.ndarray]) -> str:
    wanted = ".".join(str(part) for part in path) if path else "value"
    name = wanted = wanted.encode("utf-8", "backslashreplace").decode()  # lone surrogates have no UTF-8
    count = 2
    while name in taken or name == "__metadata__":  # {"a.b": x, "a": {"b": y}}, and the format's own key
        name, count = f"{wanted}#{count}", count + 1
    return name


# ---------------------------------------------------------------------------------------------------------- reading


def unpack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """What `pack` packed. Raises LookupError, ValueError, TypeError or RecursionError for anything else."""
    if isinstance(value, list):
        return [unpack(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    tag = next(iter(value), "")
    if tag.startswith("$"):
        return _UNPACK[tag](value[tag], arrays)
    return {key: unpack(item, arrays) for key, item in value.items()}


def _array(said: Any, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """An array by its name, or its memory in another form."""
    if type(said) is str:
        return arrays[said]
    name, shape, order = said
    if sorted(order) != list(range(len(shape))) or min(shape, default=0) < 0:
        raise ValueError(f"no shape with its axes in an order: {shape}, {order}")
    return arrays[name].reshape([shape[axis] for axis in order]).transpose(np.argsort(order).tolist())  # shape


def _tensor(said: Any, arrays: dict[str, np.ndarray]) -> object:
    from ..tensors import Tensor

    return Tensor(_array(said, arrays))


def _pairs(items: list[list[Any]], arrays: dict[str, np.ndarray]) -> list[tuple[Any, Any]]:
    return [(unpack(key, arrays), unpack(item, arrays)) for key, item in items]


_UNPACK: dict[str, Callable[[Any, dict[str, np.ndarray]], Any]] = {
    "$int": lambda digits, _: int(digits, 16),
    "$float": lambda text, _: float(text),
    "$scalar": lambda pair, _: np.frombuffer(bytes.fromhex(pair[1]), pair[0])[0],
    "$tensor": _tensor,
    "$array": _array,
    "$tuple": lambda items, arrays: tuple(unpack(item, arrays) for item in items),
    "$dict": lambda items, arrays: dict(_pairs(items, arrays)),
    "$ordered": lambda items, arrays: OrderedDict(_pairs(items, arrays)),
}
