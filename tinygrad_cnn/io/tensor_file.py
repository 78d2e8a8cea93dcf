"""The safetensors format: a header in JSON that says where each array's bytes lie, then the bytes.

The first 8 bytes are the header's length, little-endian. The header is an object: ``__metadata__``, an object of
strings, and for each array its name and ``{"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}``, the first byte
and that behind the last one, counted from the header's end. The arrays cover the rest of the file, without a gap.

Nothing that a header says is believed. It is read entry by entry, so that no text can unfold into many times its size;
all sizes are Python integers, held against the file's own size before memory is taken; then each array is read into the
memory in which it stays.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any, NamedTuple

import numpy as np

__all__ = ["DTYPES", "MAX_HEADER", "Flaw", "Header", "NoDtype", "chunks", "lay_out", "read_arrays", "read_header"]

MAX_HEADER = 100_000_000  # bytes; safetensors readers refuse more
DTYPES = {
    "BOOL": "?", "I8": "<i1", "U8": "<u1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4",
    "I64": "<i8", "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
_NAMES = {code: name for name, code in DTYPES.items()} | {"|b1": "BOOL", "|i1": "I8", "|u1": "U8"}
_CHUNK = 1 << 20  # bytes that are read, or copied for the disk, at a time
_MAX_ENTRY = 4096  # bytes of what a header says about one array
_MAX_NAME = 1 << 16  # bytes
_MAX_FOREIGN = 10_000  # arrays in a file that no digest vouches for
_MAX_FOREIGN_HEADER = 15 << 20  # bytes: to be read it is copied twice
_SPACE = re.compile(rb"[ \t\r\n]*")


class Flaw(Exception):
    """What is wrong with a file, in words that do not know its name."""


class NoDtype(Flaw):
    """A file with an array of a dtype that NumPy has no type for."""

    def __init__(self, name: str, dtype: str) -> None:
        super().__init__(f"{name!r} has dtype {dtype}")
        self.name, self.dtype = name, dtype


class Entry(NamedTuple):
    """What a header says about one array."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Header(NamedTuple):
    """A header that agrees with itself and with the size of its file."""

    raw: bytes  # with the 8 bytes of its length
    entries: dict[str, Entry]  # in the header's order
    metadata: dict[str, slice]  # where in `raw` each text stands, in JSON, quotes included


# ---------------------------------------------------------------------------------------------------------- writing


def lay_out(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> tuple[bytes, list[np.ndarray]]:
    """The header for these arrays, padded so that each is aligned, and the arrays in the order of their bytes."""
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    described: dict[str, Any] = {"__metadata__": dict(metadata)}
    at = 0
    for name in order:
        array = arrays[name]
        code = _NAMES[array.dtype.newbyteorder("<").str]
        described[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(described, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, [arrays[name] for name in order]


def chunks(arrays: Iterable[np.ndarray]) -> Iterator[bytes]:
    """The bytes of arrays in any memory and byte order, row by row, little-endian: copies, a piece at a time."""
    for array in arrays:
        little = array.dtype.newbyteorder("<")
        if array.flags.c_contiguous and array.dtype == little:
            view = array.reshape(-1).view(np.uint8).data  # (bytes,)
            for start in range(0, len(view), _CHUNK):
                yield bytes(view[start : start + _CHUNK])
        elif array.size:
            how: Any = {"order": "C", "casting": "equiv", "buffersize": max(_CHUNK // array.itemsize, 1)}
            parts: Any = np.nditer(array, ["external_loop", "buffered"], op_dtypes=[little], **how)
            for part in parts:
                yield part.tobytes()


# ---------------------------------------------------------------------------------------------------------- reading


def read_header(file: IO[bytes], size: int, trusted: Callable[[bytes], bool]) -> Header:
    """The header of a file of `size` bytes, which stands at its beginning; raises Flaw.

    `trusted` takes the header's bytes, and says whether a digest will be held against the file: then it may describe
    any number of arrays.
    """
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > min(size - 8, MAX_HEADER):
        raise Flaw(f"a header of {length:,} bytes in a file of {size:,}" if len(start) == 8 else "too short a header")
    file.seek(-8, os.SEEK_CUR)
    raw = file.read(8 + length)
    if len(raw) < 8 + length:
        raise Flaw("it ends within its header")
    vouched = trusted(raw)
    if not vouched and length > _MAX_FOREIGN_HEADER:
        raise Flaw(f"a header of {length:,} bytes, far too long")
    try:
        entries, metadata = _parse(raw, length if vouched else _MAX_FOREIGN)
    except (ValueError, RecursionError) as error:  # of JSON, UTF-8 or an integer of too many digits
        raise Flaw(f"its header is no JSON of arrays: {error}") from None
    at = 0
    for entry in sorted(entries.values(), key=lambda entry: (entry.begin, entry.end)):
        if entry.begin != at:
            raise Flaw(f"the bytes of its arrays overlap, or leave a gap, at {min(at, entry.begin):,}")
        at = entry.end
    if at != size - 8 - length:
        raise Flaw(f"its header announces {at:,} bytes of arrays, and the file has {size - 8 - length:,}")
    return Header(raw, entries, metadata)


def read_arrays(
    file: IO[bytes], header: Header, update: Callable[[Any], object] = lambda _: None
) -> dict[str, np.ndarray]:
    """All arrays, in memory of their own, in the header's order; `file` stands behind the header.

    `update` is called with all bytes that are read, in the file's order: a digest's. BF16 comes as float32, which holds
    it. Raises Flaw.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, entry in sorted(header.entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        dtype = np.dtype("<u2" if entry.dtype == "BF16" else DTYPES[entry.dtype])
        try:
            array = np.empty(entry.shape, dtype)
        except (ValueError, OverflowError) as error:  # too many dimensions, or one that is too large, beside a 0
            raise Flaw(f"no array has the shape of {name[:100]!r}: {error}") from None
        view = array.reshape(-1).view(np.uint8).data  # (bytes,)
        for start in range(0, len(view), _CHUNK):
            piece = view[start : start + _CHUNK]
            if _fill(file, piece) < len(piece):
                raise Flaw("it ends before its last array")
            update(piece)
        if entry.dtype == "BOOL" and array.view(np.uint8).max(initial=0) > 1:
            raise Flaw(f"the booleans of {name[:100]!r} are other numbers than 0 and 1")
        if entry.dtype == "BF16":  # the upper half of a float32
            array = (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
        arrays[name] = array.astype(array.dtype.newbyteorder("="), copy=False)
    return {name: arrays[name] for name in header.entries}


def _fill(file: IO[bytes], view: memoryview) -> int:
    """Read as many bytes as there is room for, however few a file gives at a time; how many there were."""
    got = 0
    while got < len(view) and (more := file.readinto(view[got:])):  # type: ignore[attr-defined]
        got += more
    return got


def _parse(raw: bytes, most: int) -> tuple[dict[str, Entry], dict[str, slice]]:
    """The entries of a header, and where its metadata stands; ValueError or Flaw."""
    scan = _Scan(raw, 8)
    entries: dict[str, Entry] = {}
    metadata: dict[str, slice] | None = None
    for key in scan.members():
        name = _name(raw[key])
        if name == "__metadata__" and metadata is None:
            metadata = {}
            for inner in () if scan.null() else scan.members():
                label, text = _name(raw[inner]), scan.string()
                if label in metadata or len(metadata) >= most:
                    raise Flaw(f"its metadata has {label[:100]!r} twice, or far too many texts")
                metadata[label] = text
        elif name in entries or name == "__metadata__" or len(entries) >= most:
            raise Flaw(f"it describes {name[:100]!r} twice, or far too many arrays")
        else:
            entries[name] = _entry(name, raw[scan.flat_object()])
    if not scan.done():
        raise Flaw("something follows its header's last bracket")
    return entries, metadata or {}


class _Scan:
    """A walk through JSON that builds nothing: objects, their keys, and where texts begin and end."""

    def __init__(self, raw: bytes, at: int) -> None:
        # without escapes, in a copy of the same length, each quote begins or ends a text
        self.text = raw.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in raw else raw
        self.at = at

    def take(self, word: bytes) -> bool:
        """Go past spaces, and past `word` if it is next."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        if not self.text.startswith(word, self.at):
            return False
        self.at += len(word)
        return True

    def need(self, word: bytes) -> None:
        """Go past `word`, which must be next."""
        if not self.take(word):
            raise Flaw(f"its header has no {word.decode()} at byte {self.at:,}")

    def null(self) -> bool:
        """Whether a null was next."""
        return self.take(b"null")

    def string(self) -> slice:
        """Where the next text stands, quotes included."""
        self.need(b'"')
        start, end = self.at - 1, self.text.find(b'"', self.at)
        if end < 0:
            raise Flaw("its header ends within a text")
        self.at = end + 1
        return slice(start, self.at)

    def members(self) -> Iterator[slice]:
        """The keys of the object that is next; whoever asks goes past each value."""
        self.need(b"{")
        if self.take(b"}"):
            return
        while True:
            key = self.string()
            self.need(b":")
            yield key
            if self.take(b"}"):
                return
            self.need(b",")

    def flat_object(self) -> slice:
        """Where the next object stands, which holds no other."""
        self.need(b"{")
        start, end = self.at - 1, self.text.find(b"}", self.at, self.at + _MAX_ENTRY)
        if end < 0:
            raise Flaw("its header says far too much of an array")
        self.at = end + 1
        return slice(start, self.at)

    def done(self) -> bool:
        """Whether nothing but spaces follows."""
        self.take(b"")
        return self.at == len(self.text)


def _name(text: bytes) -> str:
    """A key, from its JSON."""
    if len(text) > _MAX_NAME:
        raise Flaw(f"its header has a name of {len(text):,} bytes")
    name = str(json.loads(text))
    name.encode()  # half a surrogate is no text
    return name


def _entry(name: str, text: bytes) -> Entry:
    """What is said about one array, found possible."""
    this = f"what it says about {name[:100]!r}"
    described = _JSON.decode(text.decode())
    dtype, shape, offsets = (described.get(key) for key in ("dtype", "shape", "data_offsets"))
    if type(dtype) is not str or not _numbers(shape) or not _numbers(offsets) or len(offsets) != 2:
        raise Flaw(f"{this} is made of the wrong things")
    if dtype not in DTYPES and dtype != "BF16":
        raise NoDtype(name[:100], dtype[:20])
    size = math.prod(shape) * (2 if dtype == "BF16" else np.dtype(DTYPES[dtype]).itemsize)
    if offsets[1] - offsets[0] != size:
        raise Flaw(f"{this} is a lie: {size:,} bytes of {dtype} in the place of {offsets[1] - offsets[0]:,}")
    return Entry(dtype, tuple(shape), *offsets)


def _numbers(value: Any) -> bool:
    return type(value) is list and all(type(n) is int and n >= 0 for n in value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text[:20]} is no size")


_JSON = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse, parse_float=_refuse)
