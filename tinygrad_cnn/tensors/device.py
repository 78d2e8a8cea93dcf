"""Devices: there is one, the CPU. Here so that scripts that name it run unchanged."""

from __future__ import annotations


class device:
    """``device("cpu")``; any other device is an error.

    >>> device("cpu")
    device(type='cpu')
    """

    def __init__(self, type: str | device = "cpu", index: int | None = None) -> None:
        name = str(type)
        if name.split(":")[0] != "cpu":
            raise RuntimeError(f"tinygrad_cnn computes on the CPU alone; there is no device {name!r}, use 'cpu'")
        self.type, self.index = "cpu", index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device)

    def __hash__(self) -> int:
        return hash("cpu")

    def __str__(self) -> str:
        return "cpu"

    def __repr__(self) -> str:
        return "device(type='cpu')"
