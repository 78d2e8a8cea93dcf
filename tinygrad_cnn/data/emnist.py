"""EMNIST: letters and digits in MNIST's form, six splits in one archive."""

from __future__ import annotations

import functools
import os
import string
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from ..io.unpacking import most_unpacked
from .finding import ENVIRONMENT, check_md5, fetch_file
from .mnist import MNIST

_MERGED = "cijklmopsuvwxyz"  # small letters that look like their capitals
_ALL = tuple(sorted(string.digits + string.ascii_letters))
_BY_LOOKS = tuple(c for c in _ALL if c not in _MERGED)
_ARCHIVE = "gzip.zip"

SPLITS: dict[str, tuple[tuple[str, ...], tuple[int, int]]] = {  # labels, and how many images to train on and to test
    "byclass": (_ALL, (697932, 116323)),
    "bymerge": (_BY_LOOKS, (697932, 116323)),
    "balanced": (_BY_LOOKS, (112800, 18800)),
    "letters": (("N/A", *string.ascii_lowercase), (124800, 20800)),
    "digits": (tuple(string.digits), (240000, 40000)),
    "mnist": (tuple(string.digits), (60000, 10000)),
}


class EMNIST(MNIST):
    """Handwritten letters and digits, 28x28 (Cohen et al., 2017), the images transposed, as they lie in the files.

    ``split`` is one of "byclass" (62 classes), "bymerge" and "balanced" (47: small letters that look like their
    capitals are one class with them), "letters" (labels 1 to 26), "digits" and "mnist". The other arguments are those
    of `MNIST`. Files ``emnist-<split>-train-images-idx3-ubyte`` and so on are looked for in the same places, gzipped,
    plain, or in the archive ``gzip.zip`` in which they are published, and which ``download=True`` fetches (560 MB).
    The archive has a known digest, the files in it have none: ``verify=True`` checks their shapes and labels.
    """

    names = ("EMNIST", "emnist")
    mirrors = ("https://biometrics.nist.gov/cs_links/EMNIST/",)
    shared_environment = True  # no other dataset has files of these names
    max_bytes = 1 << 30
    sha256: ClassVar[dict[str, str]] = {}
    archive_md5: ClassVar[str] = "58c8d27c78d21e728a6bc7b3cc06412e"
    splits: ClassVar[dict[str, tuple[tuple[str, ...], tuple[int, int]]]] = SPLITS

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        split: str = "balanced",
        train: bool = True,
        transform: None = None,
        download: bool = True,
        verify: bool = True,
    ) -> None:
        if split not in self.splits:
            raise ValueError(
                f"Unknown value {split!r} for argument split. Valid values are {{{', '.join(self.splits)}}}."
            )
        self.split = split
        self.labels, self.sizes = self.splits[split]
        super().__init__(root, train, transform, download, verify)

    def _files(self, train: bool) -> tuple[str, str]:
        prefix = f"emnist-{self.split}-{'train' if train else 'test'}"
        return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"

    def _read(self, folder: Path, verify: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        archive = folder / _ARCHIVE
        try:
            return super()._read(folder, verify)
        except FileNotFoundError as error:
            if not archive.is_file():
                raise FileNotFoundError(f"{error}, nor {_ARCHIVE}" if folder.is_dir() else str(error)) from None
        with tempfile.TemporaryDirectory() as unpacked:
            for name in self._files(self.train):
                self._unpack(archive, f"gzip/{name}.gz", Path(unpacked) / f"{name}.gz")
            try:
                return super()._read(Path(unpacked), verify)
            except ValueError as error:
                raise ValueError(str(error).replace(unpacked, f"{archive}/gzip")) from None

    def _unpack(self, archive: Path, member: str, target: Path) -> None:
        """One file of the archive, of no more bytes than one of this form can have, or the archive be believed."""
        most = min(self.max_bytes, most_unpacked(archive.stat().st_size))
        with open(target, "wb") as out:
            for piece in _pieces(archive, member):
                if out.tell() + len(piece) > most:
                    raise ValueError(f"{archive}: {member} has more than {most:,} bytes")
                out.write(piece)

    def _fetch(self, root: Any, wanted: bool, verify: bool) -> tuple[Path | None, list[str]]:
        if not wanted or (target := self._target(root)) is None:
            return super()._fetch(root, wanted, verify)
        check = functools.partial(check_md5, md5=self.archive_md5) if verify else lambda _: None
        failures = fetch_file(self.mirrors, _ARCHIVE, target / _ARCHIVE, check, max_bytes=self.max_bytes)
        return (None, failures) if failures else (target, [])

    def _way_out(self) -> str:
        return (
            f"Put {_ARCHIVE} (from {', '.join(self.mirrors)}), or the files in it, into a folder and name it: "
            f"EMNIST(root=...), or set the environment variable {ENVIRONMENT}."
        )


def _pieces(archive: Path, member: str) -> Iterator[bytes]:
    """One file of an archive, a piece at a time."""
    try:
        with zipfile.ZipFile(archive) as files, files.open(member) as file:
            while piece := file.read(1 << 20):
                yield piece
    except KeyError:
        raise ValueError(f"{archive}: there is no {member} in it") from None
    except Exception as error:  # damaged, encrypted, packed by an unknown method, or whatever such bytes lead to
        raise ValueError(f"{archive}: not a readable zip file ({error})") from None
