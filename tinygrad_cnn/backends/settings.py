"""Settings of the whole package that choose among devices and precisions: here there is one of each."""

from __future__ import annotations

from typing import Any

from ..tensors.device import device as Device

_PRECISIONS = ("highest", "high", "medium")
_precision = "highest"


def set_default_device(device: Any) -> None:
    """Where new tensors are made: on the CPU. RuntimeError for any other device."""
    if device is not None:
        Device(device)


def get_default_device() -> Device:
    """The CPU."""
    return Device("cpu")


def set_float32_matmul_precision(precision: str) -> None:
    """How exact products of float32 must be: "highest", "high" or "medium". They are always float32's own."""
    global _precision
    if precision not in _PRECISIONS:
        raise RuntimeError(f"the precision of matmul is one of {', '.join(_PRECISIONS)}, got {precision!r}")
    _precision = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was told."""
    return _precision
