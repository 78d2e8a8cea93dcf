"""CIFAR's files: pickles of dicts with images and labels, in a folder or in the .tar.gz that comes from the network."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..io.pickles import NUMPY_NAMES, PLAIN_NAMES, Dialect, read_pickle
from ..io.unpacking import most_unpacked

_MAX_BYTES = 1 << 28  # of a file, and of all that is unpacked from an archive: the real ones have 186 million
_BYTES = ("_codecs", "encode")  # by which Python 3 says bytes in an old protocol
_DIALECT = Dialect({**NUMPY_NAMES, _BYTES: PLAIN_NAMES[_BYTES]}, strings="bytes")


def read_folder(folder: Path, names: Collection[str]) -> dict[str, bytes]:
    """The content of files of a folder, by name. Raises FileNotFoundError where one is missing."""
    found = {}
    for name in names:
        path = folder / name
        if not path.is_file():
            raise FileNotFoundError(f"no {name}" if folder.is_dir() else "no such folder")
        found[name] = read_whole(path)
    return found


def read_whole(path: Path) -> bytes:
    """The content of a file. Raises ValueError for one that is larger than any of CIFAR's."""
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"{path} has more than {_MAX_BYTES:,} bytes: not the file expected")
    return path.read_bytes()


def read_archive(path: Path, folder: str, names: Collection[str]) -> dict[str, bytes]:
    """The content of files of a folder in a .tar.gz, by name; nothing is written to the disk.

    Raises ValueError for an archive that is damaged, lacks one of them, or unpacks to more than could be.
    """
    found: dict[str, bytes] = {}
    wanted = {f"{folder}/{name}": name for name in names}
    try:
        with _Limited(path) as packed, tarfile.open(fileobj=packed, mode="r|") as archive:
            for member in archive:
                name = wanted.get(member.name.removeprefix("./"))
                if name is None:
                    continue
                if not member.isfile() or name in found or not 0 <= member.size <= _MAX_BYTES:
                    raise ValueError(f"{member.name} in it is no file, or is there twice")
                content = archive.extractfile(member)
                assert content is not None  # it is a file
                found[name] = content.read()
            while packed.read(1 << 20):  # up to the check sum at the end
                pass
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise ValueError(f"{path}: {error or type(error).__name__}") from None
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"{path} holds no {folder}/{missing[0]}")
    return found


class _Limited(gzip.GzipFile):
    """Unpacks no more than a real archive holds, or one of its size may, whatever a small file would unpack to."""

    most = _MAX_BYTES

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.left = min(self.most, most_unpacked(path.stat().st_size))

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes."""
        most = self.left + 1
        piece = super().read(most if size is None or size < 0 else min(size, most))
        self.left -= len(piece)
        if self.left < 0:
            raise ValueError("it unpacks to more than such a file holds: not the one expected")
        return piece


def check_md5(content: bytes, name: str, md5: Mapping[str, str]) -> None:
    """Raise ValueError if the digest of a file is known, and another."""
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5.get(name, digest) != digest:
        raise ValueError(f"{name}: its content has the MD5 {digest}, expected {md5[name]}: corrupt, or another file")


def read_batch(content: bytes, name: str, key: str, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 3, 32, 32) and labels (N,) from the pickle of one batch, whose labels stand under `key`."""
    batch = _dict(content, name)
    images, labels = batch.get("data"), batch.get(key)
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != 3072:
        raise ValueError(f"{name}: expected images as uint8 of shape (N, 3072) under 'data'")
    if type(labels) is not list or len(labels) != len(images) or not all(type(label) is int for label in labels):
        raise ValueError(f"{name}: expected a list of {len(images)} labels under {key!r}")
    bad = [i for i, label in enumerate(labels) if not 0 <= label < classes]
    if bad:
        raise ValueError(f"{name}: labels must lie in 0..{classes - 1}, but label {bad[0]} is {labels[bad[0]]}")
    return images.reshape(-1, 3, 32, 32), np.array(labels, np.int64)


def read_classes(content: bytes, name: str, key: str) -> tuple[str, ...]:
    """The names of the classes, from the pickle that tells about all batches."""
    names = _dict(content, name).get(key)
    if type(names) is not list or not names or not all(type(n) in (bytes, str) for n in names):
        raise ValueError(f"{name}: expected a list of names under {key!r}")
    return tuple(n if type(n) is str else n.decode("utf-8", "replace") for n in names)


def _dict(content: bytes, name: str) -> dict[str, Any]:
    """The dict in a pickle; its keys, byte strings in those of Python 2, as text."""
    read = read_pickle(content, name, _DIALECT)
    if type(read) is not dict:
        raise ValueError(f"{name}: expected a dict, it holds an object of type {type(read).__name__}")
    return {key.decode("latin1") if type(key) is bytes else str(key): value for key, value in read.items()}
