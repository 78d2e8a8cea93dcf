"""Zip archives whose entries are stored as they are: each a part of the file, found without unpacking anything."""

from __future__ import annotations

import io
import zipfile
import zlib

__all__ = ["stored_entries"]

_MAX_ENTRIES = 100_000
_LOCAL = 30  # bytes of an entry's own header, before its name


def stored_entries(raw: bytes, where: str) -> dict[str, memoryview]:
    """The content of each entry of the zip archive `raw`, by name, as a view of it.

    Nothing that the archive says is believed: each entry must lie within the file, apart from the others, under one
    name in both of its headers, uncompressed, and with its CRC-32 (an archive whose check sums are all 0 was written
    without). Raises ValueError, which begins with `where`.
    """
    if raw.count(b"PK\x01\x02") > _MAX_ENTRIES:
        raise ValueError(f"{where} is a zip archive of more than {_MAX_ENTRIES:,} entries, which are not read")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            infos = archive.infolist()
            end = archive.start_dir
    except Exception as error:  # BadZipFile, or whatever damaged bytes lead to
        raise ValueError(f"{where} is a zip archive that is damaged or cut short ({error})") from error
    found: dict[str, memoryview] = {}
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
        head = raw[at : at + _LOCAL] if at >= 0 else b""
        start = at + _LOCAL + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        if head[:4] != b"PK\x03\x04" or at < free or size != info.compress_size or start + size > end:
            raise ValueError(f"{this} is damaged, or lies about its place: {size:,} bytes at {at:,}")
        if raw[at + _LOCAL : at + _LOCAL + int.from_bytes(head[26:28], "little")] != _encoded(info):
            raise ValueError(f"{this} has another name where it lies")
        content = memoryview(raw)[start : start + size]
        if not unchecked and zlib.crc32(content) != info.CRC:
            raise ValueError(f"{this} is damaged: its content does not agree with its check sum")
        found[name], free = content, start + size
    return found


def _encoded(info: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry's name."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
