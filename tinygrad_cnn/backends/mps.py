"""Apple's GPU, as ``backends.mps`` and ``mps`` in one: it is not used."""

from __future__ import annotations


def is_available() -> bool:
    """False."""
    return False


def is_built() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: there are no random numbers on that device."""


def synchronize() -> None:
    """Nothing: every call returns when it is done."""


def empty_cache() -> None:
    """Nothing: there is no such cache."""


def current_allocated_memory() -> int:
    """0."""
    return 0


def driver_allocated_memory() -> int:
    """0."""
    return 0
