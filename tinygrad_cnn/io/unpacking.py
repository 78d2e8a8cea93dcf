"""How much a compressed file may unpack to: a small one can hold a thousand times its size, and a bomb does."""

from __future__ import annotations

__all__ = ["most_unpacked", "too_large"]

_RATIO = 32  # times its own size; images of digits unpack to 5 times theirs
_SPARE = 32 << 20  # bytes that are always allowed


def most_unpacked(packed: int) -> int:
    """How many bytes `packed` ones may unpack to."""
    return _SPARE + _RATIO * packed


def too_large(unpacked: int, packed: int) -> str:
    """Why `packed` bytes may not unpack to so many, or ""."""
    if unpacked <= most_unpacked(packed):
        return ""
    return f"its {packed:,} bytes claim to unpack to {unpacked:,}, far more than such files do"
