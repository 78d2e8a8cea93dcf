"""How tensors lie in memory, under PyTorch's names: there is one layout, and the formats are hints."""

from __future__ import annotations

from typing import Any, Final


class layout:
    """The type of `strided`, the layout of every tensor."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"tinygrad_cnn.{self._name}"


class memory_format(layout):
    """The type of `contiguous_format` and its kin.

    Functions that PyTorch gives a ``memory_format`` take it, and it changes nothing: in what order the numbers of a
    tensor lie is chosen by the operation that makes it. `Tensor.contiguous` is what it says.
    """


strided: Final = layout("strided")
contiguous_format: Final = memory_format("contiguous_format")
channels_last: Final = memory_format("channels_last")
channels_last_3d: Final = memory_format("channels_last_3d")
preserve_format: Final = memory_format("preserve_format")


def check_format(given: Any, name: str) -> None:
    """Raise if a ``memory_format=`` is none."""
    if given is not None and not isinstance(given, memory_format):
        raise TypeError(f"{name}(): memory_format is one of contiguous_format, channels_last and kin, got {given!r}")
