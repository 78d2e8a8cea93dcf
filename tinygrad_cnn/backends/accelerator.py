"""PyTorch's ``accelerator``: whichever device speeds things up here; there is none."""

from __future__ import annotations

from typing import Any

from ..tensors.device import no_device


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """None: there is none."""


def synchronize(device: Any = None) -> None:
    """Nothing: every call returns when it is done."""


def empty_cache() -> None:
    """Nothing: there is no such cache."""


def current_device_index() -> int:
    """An error: there is no device to have an index."""
    raise no_device("accelerator", "accelerator.current_device_index")


def set_device_index(device: Any) -> None:  # noqa: ARG001
    """An error: there is no device to choose."""
    raise no_device("accelerator", "accelerator.set_device_index")
