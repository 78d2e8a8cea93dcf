"""Temporary files: how one is made so that everybody can see whether its maker lives, and how those of the dead go.

A temporary file is called ``.NAME.HOST-RANDOM.tmp``. Whoever writes it holds a lock on it (flock), which the system
takes back when the process dies, however it dies. So a temporary file that can be locked belongs to nobody, and is
removed by the next one that replaces a file in its folder: a run writes ``best-07`` once, and then ``best-09``. HOST is
a digest of the machine's name: not every network file system hands locks on to other machines, so a file of another
machine, or one on a system without locks, must also have lain untouched for an hour.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO

__all__ = ["collect", "new_temporary"]

_AGE = 3600.0  # seconds
_OURS = re.compile(r"\..+\.([0-9a-f]{6})-[0-9a-f]{12}\.tmp", re.DOTALL)
_MAX_NAME = 180  # bytes of a name that is taken into that of its temporary file: names end at 255
_TRIES = 100


def new_temporary(target: Path, open: Callable[..., IO[bytes]]) -> tuple[IO[bytes], Path]:
    """A new temporary file for what is to replace ``target``, open for writing and locked, and its path."""
    for _ in range(_TRIES):
        temporary = target.with_name(f"{_prefix(target.name)}{_host()}-{secrets.token_hex(6)}.tmp")
        file = open(temporary, "xb")  # x: never write into a file that somebody else made
        try:
            _lock(file.fileno(), wait=True)
            if temporary.exists():  # else somebody took it for a dead one's, between its making and its lock
                return file, temporary
        except BaseException:
            file.close()
            temporary.unlink(missing_ok=True)
            raise
        file.close()
    raise OSError(f"cannot keep a temporary file beside {str(target)!r}: somebody removes each of them")


def collect(target: Path) -> None:
    """Remove the temporary files that dead processes left in the folder of ``target``.

    What cannot be listed, opened or removed stays: no save fails for it.
    """
    before_locks = re.compile(re.escape(f".{target.name}.") + r"[0-9a-f]{12}\.tmp")  # as they were called once
    try:
        with os.scandir(target.parent) as entries:
            found = [(entry.path, entry.name) for entry in entries if entry.name.endswith(".tmp")]
    except OSError:
        return
    for path, name in found:
        match = _OURS.fullmatch(name)
        if match or before_locks.fullmatch(name):
            try:
                _remove_dead(path, here=match is not None and match[1] == _host())
            except OSError:
                continue


def _remove_dead(path: str, *, here: bool) -> None:
    if os.path.islink(path):
        return  # a temporary file is none
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        dead = (_lock(descriptor, wait=False) and here) or _age(path) > _AGE
        if dead and os.name != "nt":  # while the lock is held: nobody can take it for alive meanwhile
            os.unlink(path)
    finally:
        os.close(descriptor)
    if dead and os.name == "nt":  # which removes no file that is open
        os.unlink(path)


def _lock(descriptor: int, *, wait: bool) -> bool:
    """Lock a file, until it is closed; False where no locks are known. BlockingIOError if another has it."""
    if os.name == "nt":
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _age(path: str) -> float:
    """Seconds since a file was last written, by the clock of whoever keeps it."""
    import tempfile

    with tempfile.TemporaryFile(dir=os.path.dirname(path) or ".") as now:
        os.write(now.fileno(), b"x")
        return os.fstat(now.fileno()).st_mtime - os.stat(path).st_mtime


def _prefix(name: str) -> str:
    """What the names of all temporary files of a file begin with."""
    raw = os.fsencode(name)
    if len(raw) > _MAX_NAME:
        name = f"{name[:20]}~{hashlib.sha256(raw).hexdigest()[:16]}"
    return f".{name}."


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]
