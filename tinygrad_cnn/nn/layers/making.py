"""Parameters and buffers as layers make them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tensors import Tensor
from ...tensors.device import device as Device
from ..parameter import Parameter


def parameter(shape: int | tuple[int, ...], device: Any, dtype: Any) -> Parameter:
    """A parameter whose values are still to be set; float32 unless a dtype is given."""
    return Parameter(_empty(shape, device, dtype))


def buffer(shape: int | tuple[int, ...], device: Any, dtype: Any) -> Tensor:
    """A buffer whose values are still to be set; float32 unless a dtype is given."""
    return Tensor(_empty(shape, device, dtype))


def _empty(shape: int | tuple[int, ...], device: Any, dtype: Any) -> Any:
    if device is not None:
        Device(device)  # refuses all but the CPU
    return np.empty(shape, np.float32 if dtype is None else dtype)
