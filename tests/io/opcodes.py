"""Pickles put together by hand, opcode by opcode, and the zip that torch.save would put them into."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any


def plain(value: Any) -> bytes:
    """The opcodes that push a plain value."""
    return pickle.dumps(value, 2)[2:-1]


def name(module: str, attribute: str) -> bytes:
    """Push what a global name stands for."""
    return f"c{module}\n{attribute}\n".encode()


def call(maker: bytes, *arguments: bytes) -> bytes:
    return maker + b"(" + b"".join(arguments) + b"tR"


def many(opener: bytes, items: Iterable[bytes], closer: bytes) -> bytes:
    return opener + b"(" + b"".join(items) + closer


def dictionary(items: Mapping[Any, bytes]) -> bytes:
    return many(b"}", (plain(key) + value for key, value in items.items()), b"u")


def whole(body: bytes, protocol: int = 2) -> bytes:
    return b"\x80" + bytes([protocol]) + body + b"."


V2 = name("torch._utils", "_rebuild_tensor_v2")
NO_HOOKS = name("collections", "OrderedDict") + b")R"


def storage(
    key: Any = "0", numel: Any = 6, kind: str = "FloatStorage", location: Any = "cpu", module: str = "torch"
) -> bytes:
    """Push a storage."""
    parts = plain("storage"), name(module, kind), plain(key), plain(location), plain(numel)
    return b"(" + b"".join(parts) + b"tQ"


def tensor(
    of: bytes | None = None, offset: Any = 0, size: Any = (2, 3), stride: Any = (3, 1), grad: Any = False
) -> bytes:
    """Push a tensor."""
    return call(V2, of or storage(), plain(offset), plain(size), plain(stride), plain(grad), NO_HOOKS)


NUMBERS = struct.pack("<6f", *range(6))


def archive(
    body: bytes,
    storages: Mapping[str, bytes] | None = None,
    *,
    others: Mapping[str, bytes] | None = None,
    compression: int = zipfile.ZIP_STORED,
    folder: str = "archive/",
) -> bytes:
    """The zip around the pickle of `body`; storage "0" holds 0 to 5 as float32."""
    entries = {"data.pkl": whole(body), "byteorder": b"little", "version": b"3\n", **(others or {})}
    entries |= {f"data/{key}": raw for key, raw in (storages or {"0": NUMBERS}).items()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        for entry, content in entries.items():
            made.writestr(folder + entry, content)
    return file.getvalue()
