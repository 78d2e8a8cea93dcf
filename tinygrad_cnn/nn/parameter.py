"""A tensor that a module learns."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops.promotion import get_default_dtype
from ..tensors import Tensor


class Parameter(Tensor):
    """A Tensor that a `Module` finds among its attributes and an optimizer trains; it requires grad by default.

    The array is wrapped, not copied.
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        given = data if isinstance(data, (Tensor, np.ndarray)) else np.asarray(data, get_default_dtype())
        super().__init__(given, requires_grad=requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
