"""Where the files of a dataset are looked for, in which order, and what is said when they are nowhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..arrays.telling import warn_of
from .download import download

ENVIRONMENT = "TINYGRAD_CNN_DATA"

T = TypeVar("T")


class Place(NamedTuple):
    """A folder, or a file, to look in; are bad files there an error, and if not, are they passed over in silence?"""

    folder: Path
    strict: bool = False
    quiet: bool = False


def find(
    name: str,
    places: Iterable[Place],
    read: Callable[[Path], T],
    fetch: Callable[[], tuple[Path | None, list[str]]],
    *,
    hint: str,
    way_out: str,
) -> tuple[T, Path]:
    """What ``read`` makes of the first folder that has it, and that folder.

    ``read`` raises FileNotFoundError where the files are not, ValueError or OSError where they are bad. Where no place
    has them, ``fetch`` is asked: it returns the folder into which it put them, or None and what went wrong, line by
    line. ``hint`` ends the error of a strict place, ``way_out`` the one that lists everything that was tried.
    """
    tried: list[str] = []
    for folder, strict, quiet in places:
        try:
            return read(folder), folder
        except FileNotFoundError as error:
            tried.append(f"{folder}: {error}")
        except (ValueError, OSError) as error:
            if strict:
                raise ValueError(f"{name} in root: {error}{hint}") from None
            tried.append(f"{folder}: {error}")
            if not quiet:
                warn_of(f"{name}: passing over {folder}: {error}")
    target, failures = fetch()
    if target is not None:
        return read(target), target
    tried += failures
    listed = "\n".join("  - " + t.replace("\n", "\n    ") for t in tried)
    raise FileNotFoundError(f"{name} was not found. Looked in:\n{listed}\n{way_out}")


def fetch_file(
    mirrors: Iterable[str], name: str, target: Path, check: Callable[[Path], Any], **limits: Any
) -> list[str]:
    """Download a file from the first mirror that has it, as ``target``; what went wrong, or an empty list."""
    failures = []
    for mirror in mirrors:
        try:
            download(f"{mirror}{name}", target, check=check, **limits)
            return []
        except (OSError, ValueError) as error:
            failures.append(f"{mirror}{name}: {error}")
    return failures or [f"download: no mirror has {name}"]


def check_md5(path: Path, md5: str) -> None:
    """Raise ValueError if the MD5 of a file, as its publisher gives it, is another."""
    import hashlib

    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    if digest.hexdigest() != md5:
        raise ValueError(f"its MD5 is {digest.hexdigest()}, expected {md5}: corrupt, or another file")


def cache_folder() -> Path | None:
    """Where the package keeps what it downloads; None if the user has no home."""
    if (xdg := os.environ.get("XDG_CACHE_HOME")) and os.path.isabs(xdg):
        return Path(xdg) / "tinygrad_cnn"
    try:
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "tinygrad_cnn" / "Cache"
        return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "tinygrad_cnn"
    except RuntimeError:  # no home folder
        return None
