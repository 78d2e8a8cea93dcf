"""Replacing a file whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from .leftovers import collect, new_temporary

__all__ = ["Replacement", "replace_file", "replacing"]


def replace_file(path: str | os.PathLike[str], content: bytes | bytearray | memoryview) -> None:
    """Make `content` the content of the file at `path`, as a whole or not at all: see `replacing`."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Replacement]:
    """Within this block a new content for the file at `path` is written; behind it the file is the new one.

    The bytes go into a temporary file in the same folder, reach the disk (fsync), and take the old file's place in one
    step (rename); then the folder is fsynced, so that the new name outlives a power cut as well. A failed write, or an
    error in the block, leaves the old file and nothing else behind. A process killed on the way leaves its temporary
    file, `.NAME.*.tmp`, which the next one that replaces a file in that folder removes (`leftovers`). A symbolic link
    stays a link: the file it points at is replaced. The file keeps its permissions.

    Raises OSError with `path` as its `filename`: FileNotFoundError, NotADirectoryError or IsADirectoryError where no
    file can stand at that path, plain OSError for what is no regular file, and whatever the system refuses.
    """
    named = os.fspath(path)
    target, mode = _place(named)
    collect(target)
    with _blamed(named, _UNTOUCHED):
        file, temporary = new_temporary(target, open)
    with ExitStack() as held:
        try:
            if mode is not None:  # before a byte is there that not everybody may read
                with _blamed(named, _UNTOUCHED):
                    os.chmod(temporary, mode)
            yield Replacement(file, temporary, named)
            with _blamed(named, _UNTOUCHED):
                file.flush()
                os.fsync(file.fileno())
                if os.name == "nt":  # which renames no open file; elsewhere it stays locked until it has its name
                    file.close()
                folder = _open_folder(target.parent, held)
                os.replace(temporary, target)
        except BaseException:
            _discard(file, temporary)
            raise
        with _blamed(named, "the new file stands there, but a power cut might still undo it"):
            file.close()
            _sync_folder(folder)


_UNTOUCHED = "what stood there before is unchanged"


class Replacement:
    """The new content of a file while it is written: `write` and `patch`, whose errors name the user's path."""

    def __init__(self, file: IO[bytes], temporary: Path, named: str | bytes) -> None:
        self._file, self._named = file, named
        self.temporary = temporary  # where the bytes are until the block ends

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """Add all of these bytes."""
        with _blamed(self._named, _UNTOUCHED):
            self._file.write(content)

    def patch(self, start: int, content: bytes) -> None:
        """Put other bytes in the place of those from `start` on."""
        with _blamed(self._named, _UNTOUCHED):
            end = self._file.tell()
            self._file.seek(start)
            self._file.write(content)
            self._file.seek(end)

    def flush(self) -> None:
        """Hand all bytes to the system, so that whoever opens `temporary` finds them."""
        with _blamed(self._named, _UNTOUCHED):
            self._file.flush()


@contextmanager
def _blamed(path: str | bytes, consequence: str = "") -> Iterator[None]:
    """An OSError of the system, which knows the temporary file at best, becomes one about the user's path."""
    try:
        yield
    except OSError as error:
        words = f"cannot write this file: {error.strerror or error}" + (f"; {consequence}" if consequence else "")
        raise OSError(error.errno or errno.EIO, words, path) from error


def _discard(file: IO[bytes], temporary: Path) -> None:
    """Remove a temporary file: the error on the way is the one that counts, not what happens here."""
    for step in (temporary.unlink, file.close) if os.name != "nt" else (file.close, temporary.unlink):
        try:
            step()
        except OSError:  # a buffer that a full disk does not take; a folder that is gone
            continue


_KINDS = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def _place(path: str | bytes) -> tuple[Path, int | None]:
    """The file that a path means, all links followed, and its permissions if it is there.

    Raises where no file can be, with what to do about it.
    """
    text = os.fsdecode(path)
    if "\0" in text:
        raise ValueError(f"cannot write a file to {path!r}: a path holds no NUL")
    with _blamed(path):
        target = Path(os.path.realpath(text))
        try:
            there = os.stat(text)  # by the user's name: a link such as /dev/stdout has no target with a path
        except (FileNotFoundError, NotADirectoryError):
            there = None
    folder = target.parent
    ends = text.endswith(os.sep) or bool(os.altsep and text.endswith(os.altsep))
    if not text or ends or (there is not None and stat.S_ISDIR(there.st_mode)):
        raise _no_file(errno.EISDIR, "that is a folder; add the name of a file to it", path)
    if there is not None and not stat.S_ISREG(there.st_mode):
        kind = _KINDS.get(stat.S_IFMT(there.st_mode), "something else")
        advice = "a file would take its place; to write into it, open it yourself"
        raise _no_file(errno.EINVAL, f"that is {kind}, no regular file, and {advice}", path)
    if not folder.exists():
        make = f"make it first, with os.makedirs({str(folder)!r}, exist_ok=True)"
        raise _no_file(errno.ENOENT, f"there is no folder {str(folder)!r}; {make}", path)
    if not folder.is_dir():
        raise _no_file(errno.ENOTDIR, f"{str(folder)!r} is a file, not a folder", path)
    return target, None if there is None else stat.S_IMODE(there.st_mode)


def _no_file(code: int, words: str, path: str | bytes) -> OSError:
    return OSError(code, f"cannot write a file here: {words}", path)


def _open_folder(folder: Path, held: ExitStack) -> int | None:
    """The folder's descriptor, to have its names reach the disk; None where that cannot be had."""
    if os.name == "nt":  # Windows opens no folders; its rename needs no such help
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # files may be made in it, and it may not be read
        return None
    held.callback(os.close, descriptor)
    return descriptor


def _sync_folder(descriptor: int | None) -> None:
    if descriptor is None:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems know no fsync of a folder
            raise
