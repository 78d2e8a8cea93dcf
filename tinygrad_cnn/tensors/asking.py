"""Questions about tensors that PyTorch asks by functions, each with a Python number or truth for an answer."""

from __future__ import annotations

from typing import Any

from . import Tensor


def is_tensor(obj: Any) -> bool:
    """Is it a Tensor?"""
    return isinstance(obj, Tensor)


def _tensor(input: Any, name: str) -> Tensor:
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}() takes a Tensor, got {type(input).__name__}")
    return input


def numel(input: Tensor) -> int:
    """How many elements a tensor has."""
    return _tensor(input, "numel").numel()


def is_nonzero(input: Tensor) -> bool:
    """Is the one element of a tensor not 0?"""
    return bool(_tensor(input, "is_nonzero"))


def is_floating_point(input: Tensor) -> bool:
    """Is the dtype float16, float32 or float64?"""
    return _tensor(input, "is_floating_point").is_floating_point()


def is_complex(input: Tensor) -> bool:
    """False: there are no complex tensors."""
    return _tensor(input, "is_complex").is_complex()


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Have the two the same shape?"""
    return _tensor(input, "is_same_size").is_same_size(_tensor(other, "is_same_size"))
