"""Zip archives: what their entries are called, and those stored as they are, each found without unpacking anything."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

__all__ = ["Part", "entry_names", "stored_entries"]

_MAX_ENTRIES = 100_000
_CENTRAL = b"PK\x01\x02"  # begins what the directory at the end says about each entry
_LOCAL = 30  # bytes of an entry's own header, before its name
_CHUNK = 1 << 20
_ZIP64 = 0xFFFF  # entries, where the number stands elsewhere


class Part:
    """Some bytes of a file, read when they are asked for."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size

    def __len__(self) -> int:
        return self._size

    def pieces(self) -> Iterator[bytes]:
        """All of them, a piece at a time; fewer if the file has become shorter."""
        for at in range(0, self._size, _CHUNK):
            self._file.seek(self._start + at)
            yield self._file.read(min(_CHUNK, self._size - at))

    def read(self) -> bytes:
        """All of them."""
        self._file.seek(self._start)
        return self._file.read(self._size)

    def array(self, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """All of them as numbers in memory of their own, an array with one dimension."""
        array = np.empty(self._size // dtype.itemsize, dtype)
        view, at = array.view(np.uint8).data, 0  # (bytes,)
        for piece in self.pieces():
            view[at : at + len(piece)] = piece
            at += len(piece)
        if at < len(view):
            raise ValueError("the file has become shorter while it was read")
        return array


def entry_names(file: IO[bytes], where: str) -> list[str]:
    """The names of all entries of the archive `file`. Raises ValueError, which begins with `where`."""
    infos, _ = _directory(file, where)
    return [info.filename for info in infos]


def stored_entries(file: IO[bytes], where: str) -> dict[str, Part]:
    """The content of each entry of the zip archive `file`, which begins where the file does, by name.

    Nothing that the archive says is believed: each entry must lie within the file, apart from the others, under one
    name in both of its headers, uncompressed, and with its CRC-32 (an archive whose check sums are all 0 was written
    without). Raises ValueError, which begins with `where`.
    """
    infos, end = _directory(file, where)
    found: dict[str, Part] = {}
    unchecked = not any(info.CRC for info in infos)
    free = 0  # the first byte behind the entries looked at
    for info in sorted(infos, key=lambda info: info.header_offset):
        name, size = info.orig_filename, info.file_size
        this = f"{where}: entry {name[:100]!r}"
        if name in found:
            raise ValueError(f"{this} is there twice")
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise ValueError(f"{this} is compressed or encrypted; entries stored as they are are read")
        at = info.header_offset
        head = Part(file, at, _LOCAL).read() if at >= 0 else b""
        named = int.from_bytes(head[26:28], "little")
        start = at + _LOCAL + named + int.from_bytes(head[28:30], "little")
        if head[:4] != b"PK\x03\x04" or at < free or size != info.compress_size or start + size > end:
            raise ValueError(f"{this} is damaged, or lies about its place: {size:,} bytes at {at:,}")
        if Part(file, at + _LOCAL, named).read() != _encoded(info):
            raise ValueError(f"{this} has another name where it lies")
        content = Part(file, start, size)
        if not unchecked and _crc32(content) != info.CRC:
            raise ValueError(f"{this} is damaged: its content does not agree with its check sum")
        found[name], free = content, start + size
    return found


def _directory(file: IO[bytes], where: str) -> tuple[list[zipfile.ZipInfo], int]:
    """What the archive's directory says about each entry, and where the directory begins."""
    file.seek(0)
    count, tail = 0, b""
    while piece := file.read(_CHUNK):
        count += (tail + piece).count(_CENTRAL)
        tail = piece[1 - len(_CENTRAL) :]
    if count > _MAX_ENTRIES:
        raise ValueError(f"{where} is a zip archive of more than {_MAX_ENTRIES:,} entries, which are not read")
    try:
        with zipfile.ZipFile(file) as archive:
            infos, begin = archive.infolist(), archive.start_dir
    except Exception as error:  # BadZipFile, or whatever damaged bytes lead to
        raise ValueError(f"{where} is a zip archive that is damaged or cut short ({error})") from error
    if _announced(file) not in (len(infos), _ZIP64):
        raise ValueError(f"{where} is a zip archive that is damaged: some of its entries are gone from its directory")
    return infos, begin


def _announced(file: IO[bytes]) -> int:
    """How many entries the end of an archive says that there are."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - (1 << 16) - 22, 0))  # the end has 22 bytes, and a comment of up to 64 KB
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06") + 10
    return int.from_bytes(tail[at : at + 2], "little")


def _crc32(content: Part) -> int:
    crc = 0
    for piece in content.pieces():
        crc = zlib.crc32(piece, crc)
    return crc


def _encoded(info: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry's name."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
