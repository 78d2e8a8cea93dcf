"""Saving and loading: one .safetensors file, no pickle, every damaged bit found. PyTorch's files are read as well.

How a file is laid out (the safetensors format, so every safetensors reader opens it):

- Each array is stored under its path in what was saved: a state_dict's entries under their own names
  (``conv1.weight``), nested ones with dots (``optimizer.state.0.momentum_buffer``).
- The metadata has one entry, ``tinygrad_cnn``, a JSON text: ``sha256``, ``format`` and ``state``, which is the object
  that was saved with each array replaced by its name. JSON says most of it as it is; for the rest there are objects
  with one key that begins with ``$`` (see `_pack`).
- ``sha256`` is taken over the whole file, byte for byte, with its own 64 digits replaced by zeros.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import IO, Any, TypeAlias

import numpy as np

from .atomic import replace_file
from .locations import checked_location
from .torch_zip import read_torch_zip

__all__ = ["load", "save"]

PathOrFile: TypeAlias = "str | os.PathLike[str] | IO[bytes]"

_MARK = "tinygrad_cnn"  # in the metadata twice, as key and in the format: one damaged bit cannot hide whose file it is
_FORMAT = f"{_MARK} checkpoint 1"
_MAX_DEPTH = 100  # nesting beyond this is a loop, or no checkpoint
_MAX_HEADER = 100_000_000  # bytes; safetensors readers refuse more
_DTYPES = {
    "BOOL": "?", "I8": "<i1", "U8": "<u1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4",
    "I64": "<i8", "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
_STORABLE = frozenset(np.dtype(code).newbyteorder("=") for code in _DTYPES.values())
_OLD_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # a pickle of its magic number
_ADVICE = "save tensors, NumPy arrays, numbers, strings, None, and dicts, lists or tuples of them"


def save(obj: object, f: PathOrFile) -> None:
    """Save `obj` to the file `f`, as one safetensors file with a digest.

    `obj` is a ``state_dict()`` or any nesting of dicts, lists and tuples that holds Tensors, NumPy arrays and scalars,
    Python numbers of any size, strings, booleans and None. `load` gives it back with the same values, types, key types
    and order. What does not come back: `requires_grad`, byte order (always the machine's), memory order, the
    sharing of one array by two names (both get a copy), and dict subclasses other than OrderedDict (plain dicts).

    `f` is a path, whose file is replaced as a whole or not at all, even in a crash, or a file open for writing bytes.
    No file ending is added, and the content is safetensors whatever the ending.

    Raises TypeError for anything else, with its place in the nesting, before a byte is written;
    ValueError for a loop or nesting deeper than 100; OSError when the disk says no.

    >>> import tempfile, os
    >>> import numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "run.safetensors")
    >>> save({"epoch": 3, "weights": {0: np.ones((2, 2), np.float32)}, "best": float("inf")}, path)
    >>> load(path)["weights"][0].shape, load(path)["best"]
    ((2, 2), inf)
    """
    raw = _encode(obj)
    if _is_path(f, "write", "save"):
        replace_file(f, raw)  # type: ignore[arg-type]
    else:
        f.write(raw)  # type: ignore[union-attr]


def load(
    f: PathOrFile,
    map_location: Any = None,
    pickle_module: Any = None,  # noqa: ARG001
    *,
    weights_only: bool | None = True,
    mmap: bool | None = None,
    encoding: str = "utf-8",
) -> Any:
    """Load what `save` wrote, what PyTorch's ``torch.save`` wrote, or any other safetensors file.

    From a file of `save`, tensors come back as Tensors, arrays as arrays, all in memory of their own and writable.
    Another safetensors file is a flat dict of Tensors.

    From a file of ``torch.save`` (the zip that PyTorch writes since 1.6) come Tensors and Parameters, with their
    `requires_grad`, in dicts, OrderedDicts, lists, tuples and sets, beside numbers, strings, bytes, None, dtypes and
    NumPy arrays; a ``torch.Size`` comes as a tuple. Tensors that shared a storage share memory here, but one whose own
    elements overlap (of ``expand``) becomes a copy. Attributes that were set on tensors and dicts are dropped. Its
    pickle is interpreted, never run: whole modules and other objects are refused, and a file can run no code.

    bfloat16 comes as float32, which holds it exactly. `map_location` may be None, the CPU, a dict whose values are the
    CPU, or a callable, which is called for each storage of ``torch.save``'s file with its numbers (a Tensor) and where
    they were ("cuda:0"), and returns them or None: all tensors come to the CPU, wherever they were. `weights_only`,
    `pickle_module` and `mmap` make no difference. `encoding` is that of Python 2's strings, or "bytes".

    Raises ValueError with the file's name for a file that is damaged (in one of `save`: any bit), cut short, of another
    format, or holds something else; FileNotFoundError where there is none.
    """
    place = checked_location(map_location)
    for name, flag in (("weights_only", weights_only), ("mmap", mmap)):
        if flag not in (True, False, None):
            raise TypeError(f"load: {name} must be True or False, got {flag!r}")
    if _is_path(f, "read", "load"):
        where = os.fspath(f)  # type: ignore[arg-type]
        if not os.path.exists(where):
            raise FileNotFoundError(f"load: there is no file {where!r} (looked from {os.getcwd()!r})")
        with open(where, "rb") as file:
            raw = file.read()
    else:
        where = str(getattr(f, "name", f))
        raw = f.read()  # type: ignore[union-attr]
        if not isinstance(raw, bytes):
            raise TypeError(f"load: {where!r} is open as text; open it with mode 'rb'")
    if raw[:2] == b"PK":
        return read_torch_zip(raw, f"load: {where!r}", place=place, encoding=encoding)
    return _decode(raw, where)


def _is_path(f: object, method: str, caller: str) -> bool:
    if isinstance(f, (str, os.PathLike)):
        return True
    if not hasattr(f, method):
        raise TypeError(f"{caller}: expected a path or a file open for binary {method[:4]}ing, got {type(f).__name__}")
    return False


# ---------------------------------------------------------------------------------------------------------- writing


def _encode(obj: object) -> bytes:
    """The whole file."""
    from safetensors.numpy import save as serialize

    arrays: dict[str, np.ndarray] = {}
    state = _pack(obj, (), arrays)
    digest = os.urandom(32).hex()  # in place of the digest until it is known: a text that occurs nowhere else
    text = json.dumps({"sha256": digest, "format": _FORMAT, "state": state}, separators=(",", ":"))
    raw = bytearray(serialize(arrays, metadata={_MARK: text}))
    start, header = raw.index(digest.encode()), int.from_bytes(raw[:8], "little")
    if header > _MAX_HEADER:
        raise ValueError(
            f"save: {header:,} bytes of names and plain values, but safetensors allows {_MAX_HEADER:,}; "
            "turn long lists of numbers into arrays"
        )
    raw[start : start + 64] = _digest(raw, start).encode()
    return bytes(raw)


def _digest(raw: bytes | bytearray, start: int) -> str:
    """SHA-256 of the file with the 64 digits from `start` taken as zeros."""
    view = memoryview(raw)
    sha = hashlib.sha256(view[:start])
    sha.update(b"0" * 64)
    sha.update(view[start + 64 :])
    return sha.hexdigest()


def _pack(value: Any, path: tuple[object, ...], arrays: dict[str, np.ndarray]) -> Any:
    """`value` as JSON can say it; its arrays go into `arrays`. Numbers, strings and None stay, lists stay lists, and
    dicts with plain string keys stay dicts; the rest becomes one of the objects that `_UNPACK` lists."""
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
        return {"$tensor": _store(value._array, path, arrays)}
    if kind is np.ndarray or kind is np.memmap:
        return {"$array": _store(value, path, arrays)}
    if isinstance(value, np.generic) and value.dtype in _STORABLE:
        scalar = np.asarray(value).astype(value.dtype.newbyteorder("<"))
        return {"$scalar": [scalar.dtype.str, scalar.tobytes().hex()]}
    if len(path) >= _MAX_DEPTH:
        raise ValueError(f"save: nested deeper than {_MAX_DEPTH} at {_show(path[:6])}...; does it contain itself?")
    if kind is list:
        return [_pack(item, (*path, i), arrays) for i, item in enumerate(value)]
    if kind is tuple or kind is Size:
        return {"$tuple": [_pack(item, (*path, i), arrays) for i, item in enumerate(value)]}
    if isinstance(value, dict):
        items = [(_check_key(key, path), _pack(item, (*path, key), arrays)) for key, item in value.items()]
        if kind is OrderedDict:
            return {"$ordered": [[_pack(key, path, arrays), item] for key, item in items]}
        if all(type(key) is str and not key.startswith("$") for key, _ in items):
            return dict(items)
        return {"$dict": [[_pack(key, path, arrays), item] for key, item in items]}
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


def _store(value: np.ndarray, path: tuple[object, ...], arrays: dict[str, np.ndarray]) -> str:
    """Put `value` into `arrays`, C-contiguous and little-endian, under a free name made from `path`; the name."""
    if value.dtype.newbyteorder("=") not in _STORABLE:
        raise TypeError(
            f"save: cannot store {_show(path)}, an array of dtype {value.dtype}; "
            "convert it with .astype to bool, int8 to int64, uint8 to uint64 or float16 to float64"
        )
    wanted = ".".join(str(part) for part in path) if path else "value"
    name = wanted = wanted.encode("utf-8", "backslashreplace").decode()  # lone surrogates have no UTF-8
    count = 2
    while name in arrays or name == "__metadata__":  # {"a.b": x, "a": {"b": y}}, and the format's own key
        name, count = f"{wanted}#{count}", count + 1
    # order="C", since np.ascontiguousarray would make a 0-d array 1-d; safetensors scrambles other orders in silence
    arrays[name] = np.asarray(value).astype(value.dtype.newbyteorder("<"), order="C", copy=False)
    return name


def _show(path: tuple[object, ...]) -> str:
    return "state" + "".join(f"[{part!r}]" for part in path)


# ---------------------------------------------------------------------------------------------------------- reading


def _decode(raw: bytes, where: str) -> Any:
    """The object saved in the file `raw`; ValueError naming `where` for any other content."""
    import safetensors

    from ..tensors import Tensor

    try:
        stored = dict(safetensors.deserialize(raw))
    except Exception as error:  # the package's own error type, or whatever damaged bytes lead to
        raise ValueError(_explain(raw, where, error)) from error
    header = raw[8 : 8 + int.from_bytes(raw[:8], "little")]
    described = json.loads(header)
    metadata = described.pop("__metadata__", None) or {}
    ours = any(_MARK in key or f"{_MARK} checkpoint" in text for key, text in metadata.items())
    text = _checked(raw, metadata, where) if ours else ""

    arrays = {name: _array(stored[name], name, where) for name in described}
    if not ours:
        return {name: Tensor(array) for name, array in arrays.items()}
    try:
        return _unpack(json.loads(text)["state"], arrays)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"load: {where!r} is intact, but not laid out as save writes it ({error!r})") from error


def _checked(raw: bytes, metadata: dict[str, str], where: str) -> str:
    """Our metadata text, once the digest and the format are found right."""
    text = metadata.get(_MARK, "")
    found = re.match(r'\{"sha256":"([0-9a-f]{64})","format":"([^"]*)"', text)
    start = raw.find(found[1].encode()) if found else -1
    if found is None or start < 0 or _digest(raw, start) != found[1]:
        raise ValueError(
            f"load: {where!r} is damaged: its content does not agree with its SHA-256 digest. "
            "Some of its bytes changed after it was saved; use another copy"
        )
    if found[2] != _FORMAT:
        raise ValueError(f"load: {where!r} has the format {found[2]!r}, and this version reads {_FORMAT!r}; upgrade")
    return text


def _array(entry: dict[str, Any], name: str, where: str) -> np.ndarray:
    kind, shape, data = entry["dtype"], entry["shape"], entry["data"]
    if kind == "BF16":  # the upper half of a float32
        wide = np.frombuffer(data, "<u2").astype(np.uint32) << np.uint32(16)
        return wide.view(np.float32).reshape(shape)
    if kind not in _DTYPES:
        raise ValueError(f"load: tensor {name!r} in {where!r} has dtype {kind}, which NumPy has no type for")
    array = np.frombuffer(data, _DTYPES[kind]).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="), copy=not array.flags.writeable)


def _unpack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """What `_pack` packed."""
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    tag = next(iter(value), "")
    if tag.startswith("$"):
        return _UNPACK[tag](value[tag], arrays)
    return {key: _unpack(item, arrays) for key, item in value.items()}


def _tensor(name: str, arrays: dict[str, np.ndarray]) -> object:
    from ..tensors import Tensor

    return Tensor(arrays[name])


def _pairs(items: list[list[Any]], arrays: dict[str, np.ndarray]) -> list[tuple[Any, Any]]:
    return [(_unpack(key, arrays), _unpack(item, arrays)) for key, item in items]


_UNPACK: dict[str, Callable[[Any, dict[str, np.ndarray]], Any]] = {
    "$int": lambda digits, _: int(digits, 16),
    "$float": lambda text, _: float(text),
    "$scalar": lambda pair, _: np.frombuffer(bytes.fromhex(pair[1]), pair[0])[0],
    "$tensor": _tensor,
    "$array": lambda name, arrays: arrays[name],
    "$tuple": lambda items, arrays: tuple(_unpack(item, arrays) for item in items),
    "$dict": lambda items, arrays: dict(_pairs(items, arrays)),
    "$ordered": lambda items, arrays: OrderedDict(_pairs(items, arrays)),
}


def _explain(raw: bytes, where: str, error: Exception) -> str:
    """Why these bytes are no safetensors file, in words."""
    convert = "; in PyTorch, write it again with safetensors.torch.save_file(state_dict, path)"
    if not raw:
        return f"load: {where!r} is empty"
    if raw.startswith(_OLD_TORCH) or raw[257:262] == b"ustar":
        return (
            f"load: {where!r} has the form in which torch.save wrote before PyTorch 1.6; in PyTorch, write it again "
            "with torch.save(torch.load(path), path)"
        )
    if raw[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return f"load: {where!r} is a pickle, which could run any code when loaded, no safetensors file{convert}"
    if raw[:6] == b"\x93NUMPY":
        return f"load: {where!r} is a NumPy .npy file; read it with np.load"
    return f"load: {where!r} is damaged, cut short, or no safetensors file ({error})"
