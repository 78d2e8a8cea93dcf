"""The tensor: an array that knows where it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from . import engine
from .engine import Variable
from .ops import elementwise as e

Number = bool | int | float


class Tensor(Variable, result=True):
    """An n-dimensional array with reverse-mode differentiation.

    ``data`` is the NumPy array, ``grad`` the accumulated gradient (a Tensor) or None. The constructor wraps an array without
    copying it; `tinygrad_cnn.tensor` copies.

    >>> x = Tensor(np.array([1.0, 2.0]), requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.], dtype=float64)
    """

    __slots__ = ()
    __array_ufunc__ = None  # so that ndarray <op> Tensor asks the Tensor
    data: Any

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        self.data = data if type(data) is ndarray else np.asarray(data.data if isinstance(data, Variable) else data)
        if self.data.dtype.kind not in "fiub":
            raise TypeError(f"a Tensor holds real numbers, not dtype {self.data.dtype}")
        if not self.data.dtype.isnative:
            self.data = self.data.astype(self.data.dtype.newbyteorder("="))
        self._node = None
        if requires_grad:
            self.requires_grad_()

    # ------------------------------------------------------------------------------------------ what it is
    shape = property(lambda self: self.data.shape)
    dtype = property(lambda self: self.data.dtype)
    ndim = property(lambda self: self.data.ndim)
