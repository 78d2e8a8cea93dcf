"""Files made by hand to mislead a reader: headers that lie about sizes, places, types and depth."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from .mutations import Damaged

HUGE = 1 << 62


def tensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with this header, an object or its text."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def one(shape: Any = (2,), offsets: Any = (0, 8), dtype: Any = "F32", **more: Any) -> dict[str, Any]:
    """A header with one array."""
    return {"x": {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}}


def safetensors_lies() -> Iterator[Damaged]:
    """Files that are no safetensors files, each for another reason."""
    data = bytes(8)
    both = json.dumps(one())[1:-1]
    yield "a length of 2**63", tensors(one(), data, 1 << 63)
    yield "a length of 2**64 - 1", tensors(one(), data, (1 << 64) - 1)
    yield "a length of 99 MB", tensors(one(), data, 99_000_000)
    yield "a length one too long", tensors(one(), data, len(json.dumps(one())) + 1)
    yield "no header", tensors(b"")
    yield "a header of spaces", tensors(b" " * 1000)
    yield "a header that is a list", tensors([one()], data)
    yield "a header that is a number", tensors(b"1e999", data)
    yield "200 dimensions of 1", tensors(one([1] * 200, (0, 4)), data[:4])
    yield "200 dimensions of 2", tensors(one([2] * 200), data)
    yield "2000 dimensions of 0", tensors(one([0] * 2000, (0, 0)))
    yield "a size of 2**62", tensors(one([HUGE]), data)
    yield "sizes whose product wraps around to 2", tensors(one([1 << 63, 2, 2, (1 << 62) + 1]), data)
    yield "an empty array too large for any", tensors(one([HUGE, HUGE, 0], (0, 0)))
    yield "a negative size", tensors(one([-2]), data)
    yield "two negative sizes", tensors(one([-1, -2]), data)
    yield "a fraction as a size", tensors(one([2.0]), data)
    yield "true as a size", tensors(one([True, 2]), data)
    yield "null as a size", tensors(one([None]), data)
    yield "a text as a shape", tensors(one("2"), data)
    yield "NaN as a size", tensors(b'{"x":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}', data)
    yield "Infinity as an offset", tensors(b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,Infinity]}}', data)
    yield "1e400 as a size", tensors(b'{"x":{"dtype":"F32","shape":[1e400],"data_offsets":[0,8]}}', data)
    yield "a size of 5000 digits", tensors(b'{"x":{"dtype":"F32","shape":[' + b"9" * 5000 + b"]}}", data)
    yield "a size of 4000 digits", tensors(b'{"x":{"dtype":"F32","shape":[' + b"9" * 4000 + b"]}}", data)
    yield "a million digits", tensors(b'{"x":{"dtype":"F32","shape":[' + b"9" * 1_000_000 + b"]}}", data)
    yield "offsets behind the end", tensors(one([4], (0, 16)), data)
    yield "offsets that end before they begin", tensors(one([2], (8, 0)), data)
    yield "offsets that are negative", tensors(one([2], (-8, 0)), data)
    yield "offsets of another size", tensors(one([2], (0, 4)), data)
    yield "a place larger than its array", tensors(one([1], (0, 8)), data)
    yield "three offsets", tensors(one([2], (0, 4, 8)), data)
    yield "a gap before the first array", tensors(one([2], (4, 12)), bytes(12))
    yield "bytes behind the last array", tensors(one(), bytes(12))
    yield "overlapping arrays", tensors({"x": one()["x"], "y": {**one()["x"], "data_offsets": [4, 12]}}, bytes(12))
    yield "two arrays in one place", tensors({"x": one()["x"], "y": one()["x"]}, data)
    yield "one array twice", tensors(f"{{{both},{both}}}".encode(), data)
    yield "one key twice", tensors(b'{"x":{"dtype":"F32","shape":[4],"shape":[2],"data_offsets":[0,8]}}', data)
    yield "an unknown dtype", tensors(one(dtype="Q99"), data)
    yield "a dtype of NumPy's", tensors(one(dtype="<f4"), data)
    yield "a dtype of objects", tensors(one([1], dtype="O"), data)
    yield "a dtype that is a list", tensors(one(dtype=["F32"]), data)
    yield "no dtype", tensors({"x": {"shape": [2], "data_offsets": [0, 8]}}, data)
    yield "an array that is a number", tensors({"x": 1}, data)
    yield "booleans of 7", tensors(one([8], dtype="BOOL"), b"\x07" * 8)
    yield "metadata that is a list", tensors({"__metadata__": [], **one()}, data)
    yield "metadata that is a number", tensors({"__metadata__": {"a": 1}, **one()}, data)
    yield "metadata twice", tensors(f'{{"__metadata__":{{}},"__metadata__":{{}},{both}}}'.encode(), data)
    yield "nesting 100,000 deep", tensors(b"[" * 100_000, data)
    yield "objects 100,000 deep", tensors(b'{"x":' * 100_000, data)
    yield "objects 100,000 deep, closed", tensors(b'{"x":' * 100_000 + b"1" + b"}" * 100_000, data)
    yield "nesting in a shape", tensors(b'{"x":{"dtype":"F32","shape":' + b"[" * 90_000 + b"]" * 90_000 + b"}}", data)
    yield "a million empty lists", tensors(b'{"x":[' + b"[]," * 1_000_000 + b"[]]}", data)
    yield "half a surrogate", tensors(b'{"\\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', data)
    yield "a name that is no UTF-8", tensors(b'{"\xff":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', data)
    yield "a text that does not end", tensors(b'{"x' + b"\\\\" * 300_000, data)
    yield "a megabyte of backslashes", tensors(b'{"' + b"\\" * 1_000_001 + b'":1}', data)
    yield "300,000 quotes", tensors(b'{"' + b'\\"' * 300_000, data)
    yield "40 MB of quotes", tensors(b'{"' + b'\\"' * (20 << 20), data)
    yield "a name of a megabyte", tensors({"x" * 1_000_000: one()["x"]}, data)
    yield "20,000 empty arrays", tensors({str(i): one([0], (0, 0))["x"] for i in range(20_000)})
    yield "a comment", tensors(b'{/* */"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', data)
    yield "a comma too many", tensors(f"{{{both},}}".encode(), data)
    yield "a second object", tensors(f"{{{both}}}{{}}".encode(), data)


def with_true_digest(content: bytes) -> bytes:
    """A checkpoint of ours whose state was changed, with the digest that belongs to it now."""
    at = content.index(b'{\\"sha256\\":\\"') + len(b'{\\"sha256\\":\\"')
    zeros = content[:at] + b"0" * 64 + content[at + 64 :]
    return content[:at] + hashlib.sha256(zeros).hexdigest().encode() + content[at + 64 :]


def checkpoint_lies(content: bytes) -> Iterator[Damaged]:
    """Checkpoints with a right digest that are not laid out as `save` does it. ``content`` is one of {"w": array}."""
    said = b'{\\"w\\":{\\"$tensor\\":\\"w\\"}}'
    assert content.count(said) == 1

    def saying(text: str) -> bytes:
        inside = json.dumps(text)[1:-1].encode()
        length = int.from_bytes(content[:8], "little") - len(said) + len(inside)
        return with_true_digest(length.to_bytes(8, "little") + content[8:].replace(said, inside))

    for text in (
        '{"$tensor":"v"}', '{"$tensor":["w",[-1],[0]]}', '{"$tensor":["w",[9],[0]]}', '{"$tensor":["w",[3],[1]]}',
        '{"$tensor":["w",[1,3],[0,0]]}', '{"$tensor":["w",[3]]}', '{"$tensor":{"a":1}}', '{"$tensor":null}',
        '{"$nonsense":1}', '{"$int":"x"}', '{"$int":1}', '{"$float":"one"}', '{"$scalar":["<f4","00"]}',
        '{"$scalar":["O","0000000000000000"]}', '{"$scalar":["V9","00"]}', '{"$scalar":["<f4",""]}', '{"$tuple":1}',
        '{"$dict":[1]}', '{"$dict":[[{"a":1},2]]}', '{"$dict":[[[],2]]}', '{"$ordered":[[1,2,3]]}', "", "{", "]",
        "[" * 50_000, "[" * 50_000 + "]" * 50_000, '{"a":' * 50_000, "nul", '{"$tensor":["w",[1e400],[0]]}',
        '{"$tensor":["w",' + "[" * 900 + "3" + "]" * 900 + ",[0]]}",
    ):  # fmt: skip
        yield f"the state {text[:40]}", saying(text)


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def npy(header: str, data: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    text = header.encode()
    size = (len(text) if length is None else length).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + data


def npy_lies() -> Iterator[Damaged]:
    """.npy files, each of which lies."""

    def said(descr: Any = "'<f4'", shape: Any = "(2,)", fortran: Any = "False") -> str:
        return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"

    data = bytes(8)
    yield "a size of 2**62", npy(said(shape=f"({HUGE},)"), data)
    yield "200 dimensions", npy(said(shape=str((1,) * 200)), data[:4])
    yield "an empty array too large for any", npy(said(shape=f"({HUGE}, {HUGE}, 0)"))
    yield "a negative size", npy(said(shape="(-2,)"), data)
    yield "true as a size", npy(said(shape="(True, 2)"), data)
    yield "a size too few", npy(said(shape="(1,)"), data)
    yield "a size too many", npy(said(shape="(3,)"), data)
    yield "objects", npy(said("'|O'"), data)
    yield "a pickle", npy(said("'|O'", "()"), b"cos\nsystem\n(S'exit 1'\ntR.")
    yield "records", npy(said("[('a', '<f4'), ('b', 'O')]"), data)
    yield "a text", npy(said("'<U1'"), data)
    yield "a date", npy(said("'<M8[s]'", "(1,)"), data)
    yield "complex", npy(said("'<c8'", "(1,)"), data)
    yield "a void of 2 GB", npy(said("'V2147483647'", "(1,)"), data)
    yield "no dtype", npy(said("'<f3'"), data)
    yield "code", npy(said("__import__('os').getcwd()"), data)
    yield "a deep header", npy("(" * 9000 + ")" * 900, data)
    yield "minus signs", npy("-" * 9000 + "1", data)
    yield "a header of 2 GB", npy(said(), data, version=2, length=1 << 31)
    yield "a header beyond the end", npy(said(), data, length=9000)
    yield "version 9", npy(said(), data, version=9)
    yield "order that is none", npy(said(fortran="2"), data)
    yield "no shape", npy("{'descr': '<f4', 'fortran_order': False}", data)
    yield "booleans of 7", npy(said("'|b1'", "(8,)"), b"\x07" * 8)
    yield "the magic alone", b"\x93NUMPY"


def npz_lies() -> Iterator[Damaged]:
    """.npz archives: each of the lies above in one, and those of zips."""
    good = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", bytes(8))
    for name, content in npy_lies():
        yield f"in a zip: {name}", zipped({"good.npy": good, "bad.npy": content})
    zeros = npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({1 << 26},), }}\n", bytes(1 << 26))
    bomb = zipped({"x.npy": zeros}, zipfile.ZIP_DEFLATED)
    yield "64 MB of zeros", bomb
    yield "the same, and said to be small", _other_size(bomb, 1000)
    yield "a small one, said to be large", _other_size(zipped({"x.npy": good}, zipfile.ZIP_DEFLATED), 1 << 30)
    yield "something else in it", zipped({"x.npy": good, "notes.txt": b""})
    both = io.BytesIO()
    with zipfile.ZipFile(both, "w") as archive:
        archive.writestr("x.npy", good)
        archive.infolist()[0].filename = "x.npy"
        archive.NameToInfo.clear()
        archive.writestr("x.npy", good)
    yield "one name twice", both.getvalue()


def _other_size(content: bytes, size: int) -> bytes:
    """An archive of one entry that says another size of it, in both of its headers."""
    damaged = bytearray(content)
    at = content.index(b"PK\x01\x02")
    damaged[at + 24 : at + 28] = size.to_bytes(4, "little")
    damaged[22:26] = size.to_bytes(4, "little")
    return bytes(damaged)


def idx_lies() -> Iterator[Damaged]:
    """IDX files, plain and gzipped, each of which lies."""

    def idx(code: int, sizes: list[int], data: bytes = b"", ndim: int | None = None) -> bytes:
        start = bytes([0, 0, code, len(sizes) if ndim is None else ndim])
        return start + b"".join(size.to_bytes(4, "big") for size in sizes) + data

    plain = {
        "200 dimensions of 1": idx(8, [1] * 200, b"x"),
        "255 dimensions, no sizes": idx(8, [], b"", 255),
        "sizes of 2**32 - 1": idx(8, [(1 << 32) - 1] * 4, b"x"),
        "sizes whose product wraps around to 0": idx(8, [1 << 31, 1 << 31, 4], b""),
        "an empty array too large for any": idx(0x0E, [(1 << 32) - 1] * 3 + [0]),
        "a size too many": idx(8, [3], b"xx"),
        "a size too few": idx(8, [1], b"xx"),
        "no such type": idx(7, [1], b"x"),
        "no zeros in front": b"\x01" + idx(8, [1], b"x")[1:],
        "cut in its sizes": idx(8, [1, 1], b"")[:-1],
        "3 bytes": b"\0\0\x08",
    }
    for name, content in plain.items():
        yield name, content
        yield f"gzipped: {name}", gzip.compress(content, mtime=0)
    good = gzip.compress(idx(8, [1000], bytes(1000)), mtime=0)
    yield "gzipped: 64 MB of zeros", bomb(idx(8, [1 << 26]), 1 << 26)
    yield "gzipped: 64 MB where 10 bytes are announced", bomb(idx(8, [10]), 1 << 26)
    yield "gzipped: 64 MB that are none", bomb(b"", 1 << 26)
    yield "gzipped: another check sum", good[:-8] + b"\0\0\0\0" + good[-4:]
    yield "gzipped: another length", good[:-4] + b"\1\0\0\0"
    yield "gzipped: no check sum", good[:-8]
    yield "gzipped: no end", good[: len(good) // 2]
    yield "gzipped: something behind it", good + b"x"
    yield "gzipped: 200,000 empty members behind it", good + gzip.compress(b"", mtime=0) * 200_000
    yield "gzipped: the beginning alone", b"\x1f\x8b"
    yield "gzipped: a name that does not end", b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * 1_000_000


def bomb(start: bytes, zeros: int) -> bytes:
    """A gzip stream of `start` and so many zeros, made without holding them."""
    packing = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packing.compress(start)]
    parts += [packing.compress(bytes(1 << 20)) for _ in range(zeros >> 20)]
    return b"".join([*parts, packing.flush()])
