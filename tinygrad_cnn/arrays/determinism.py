"""PyTorch's switch for algorithms that give the same bits each time. Here all of them do, on one number of threads."""

from __future__ import annotations

_asked = [False, False]  # for deterministic algorithms, and to be only warned


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for algorithms that give the same bits for the same input. It changes nothing: there are no others here."""
    if not isinstance(mode, bool):
        raise TypeError(f"use_deterministic_algorithms: mode must be True or False, got {mode!r}")
    _asked[:] = mode, bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Was `use_deterministic_algorithms` asked for?"""
    return _asked[0]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Was it asked for with ``warn_only``?"""
    return _asked[0] and _asked[1]
