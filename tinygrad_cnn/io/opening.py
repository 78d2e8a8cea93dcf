"""Opening a user's file to read it, if it is one: reading from a FIFO may wait for ever, and a device may never end."""

from __future__ import annotations

import os
import stat
from typing import IO

__all__ = ["open_file"]


def open_file(path: str | os.PathLike[str], caller: str) -> IO[bytes]:
    """The regular file at `path`, open for reading bytes.

    Raises OSError with `path` as its ``filename``, in the words of `caller`: FileNotFoundError where there is none,
    IsADirectoryError for a folder, plain OSError for anything else that is no regular file.
    """
    named = os.fspath(path)
    try:
        mode = os.stat(named).st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        words = f"{caller}: there is no file {named!r} (looked from {os.getcwd()!r})"
        raise FileNotFoundError(error.errno, words, named) from None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, f"{caller}: that is a folder, no file", named)
    if not stat.S_ISREG(mode):
        words = "that is no regular file but a device, FIFO or socket; open it yourself, and read from that"
        raise OSError(22, f"{caller}: {words}", named)
    return open(named, "rb")
