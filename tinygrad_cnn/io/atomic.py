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
    """
    target = Path(os.path.realpath(path))
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
