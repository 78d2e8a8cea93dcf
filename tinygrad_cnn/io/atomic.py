"""Replacing a file whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

__all__ = ["replace_file"]


def replace_file(path: str | os.PathLike[str], content: bytes | bytearray | memoryview) -> None:
    """Make `content` the content of the file at `path`: afterwards the file is the new one, or still the old one.

    The bytes go into a temporary file in the same folder, reach the disk (fsync), and take the old file's place in one
    step (rename); then the folder is fsynced, so that the new name outlives a power cut as well. A failed write raises
    its OSError and leaves nothing behind; a process killed on the way may leave the temporary file, `.NAME.*.tmp`.
    A symbolic link stays a link: the file it points at is replaced. The file keeps its permissions.

    Raises FileNotFoundError, NotADirectoryError or IsADirectoryError where no file can stand at that path.
    """
    target = Path(os.path.realpath(path))
    _check_place(os.fspath(path), target)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    with open(temporary, "xb") as file:  # x: never write into a file that somebody else made
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            file.close()  # before the rename, which Windows refuses for an open file
            if target.exists():
                os.chmod(temporary, target.stat().st_mode & 0o7777)
            os.replace(temporary, target)
        except BaseException:
            file.close()
            temporary.unlink()
            raise
    _sync_folder(target.parent)


def _check_place(path: str | bytes, target: Path) -> None:
    """Raise where the folder of a file is missing, or is none, or the file is a folder: with what to do about it."""
    folder = target.parent
    if not path or target.is_dir():
        raise IsADirectoryError(f"cannot write a file to {path!r}: that is a folder; add the name of a file to it")
    if not folder.exists():
        raise FileNotFoundError(
            f"cannot write {path!r}: there is no folder {str(folder)!r}; make it first, with "
            f"os.makedirs({str(folder)!r}, exist_ok=True)"
        )
    if not folder.is_dir():
        raise NotADirectoryError(f"cannot write {path!r}: {str(folder)!r} is a file, not a folder")


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows opens no folders; its rename needs no such help
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems know no fsync of a folder
            raise
    finally:
        os.close(descriptor)
