"""Parameters and buffers as layers make them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops.promotion import get_default_dtype
from ...tensors import Tensor
from ...tensors.device import device as Device
from .. import init
from ..parameter import Parameter


def parameter(shape: int | tuple[int, ...], device: Any, dtype: Any) -> Parameter:
    """A parameter whose values are still to be set; of the default dtype unless one is given."""
    return Parameter(_empty(shape, device, dtype))


def buffer(shape: int | tuple[int, ...], device: Any, dtype: Any) -> Tensor:
    """A buffer whose values are still to be set; of the default dtype unless one is given."""
    return Tensor(_empty(shape, device, dtype))


def _empty(shape: int | tuple[int, ...], device: Any, dtype: Any) -> Any:
    if device is not None:
        Device(device)  # refuses all but the CPU
    return np.empty(shape, get_default_dtype() if dtype is None else dtype)


def spread_by_fan_in(weight: Parameter, bias: Parameter | None) -> None:
    """Draw new values for both, uniform in +-1 / sqrt(fan_in); fan_in is how many numbers weight[0] has."""
    init.kaiming_uniform_(weight, a=math.sqrt(5))  # with this a, He's bound is 1 / sqrt(fan_in)
    if bias is not None:
        fan_in = math.prod(weight.shape[1:])
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        init.uniform_(bias, -bound, bound)
