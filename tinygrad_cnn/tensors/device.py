"""Devices: there is one, the CPU. Here so that scripts that name it run unchanged."""

from __future__ import annotations

from typing import Any


def no_device(name: object, asked: str = "") -> RuntimeError:
    """The one error for every device that is not here."""
    start = f"{asked}: " if asked else ""
    return RuntimeError(
        f"{start}there is no device {str(name)!r}, tinygrad_cnn computes on the CPU alone. A script that runs "
        'everywhere asks first: device = tg.device("cuda" if tg.cuda.is_available() else "cpu"), then x.to(device)'
    )


class device:
    """``device("cpu")``; any other device is an error.

    >>> device("cpu")
    device(type='cpu')
    """

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        kind, colon, number = str(type).partition(":")
        if kind != "cpu" or not (number.isdigit() if colon else not number):
            raise no_device(type)
        own = type.index if isinstance(type, device) else int(number) if colon else None
        if own is not None and index is not None:
            raise RuntimeError(f"device {str(type)!r} has an index already, got index={index} as well")
        self.type = "cpu"
        self.index: int | None = index if own is None else own

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and self.index == other.index

    def __hash__(self) -> int:
        return hash(("cpu", self.index))

    def __enter__(self) -> device:
        return self

    def __exit__(self, *error: object) -> None:
        """Within, new tensors are made on the CPU, as everywhere."""

    def __str__(self) -> str:
        return "cpu" if self.index is None else f"cpu:{self.index}"

    def __repr__(self) -> str:
        return "device(type='cpu')" if self.index is None else f"device(type='cpu', index={self.index})"
