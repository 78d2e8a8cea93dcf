"""New tensors of the dtype of one that is there: ``x.new_zeros(3)`` and its kin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.graph import wrap
from ..ops.numbers import scalar_for
from ..ops.watched import aside
from .device import device as _device
from .kinds import Kinds
from .typed import made
from .values import array_from, dtype_of, shape_of

if TYPE_CHECKING:
    from typing_extensions import Self


class New(Kinds):
    """Methods that make another tensor. It shares no memory with this one and is a leaf."""

    __slots__ = ()

    def new(self, *data: Any, device: Any = None) -> Self:
        """As `Tensor` in the dtype of this one: ``x.new(2, 3)`` are zeros of that shape, ``x.new([1, 2])`` values."""
        if device is not None:
            _device(device)
        return made(data, self._array.dtype, "new")

    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Self:
        """A copy of the data, as `tinygrad_cnn.tensor` makes one, in the dtype of this tensor."""
        a = array_from(data, dtype_of(dtype, self._array.dtype), "new_tensor")
        return _leaf(aside(np.array, a, order="K"), device, requires_grad)

    def new_zeros(
        self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **hints: Any
    ) -> Self:
        """Zeros, of this dtype unless another is given; ``size`` as for `tinygrad_cnn.zeros`."""
        return self._filled("new_zeros", size, 0, dtype, device, requires_grad, hints)

    def new_ones(
        self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **hints: Any
    ) -> Self:
        """Ones; the arguments are those of `new_zeros`."""
        return self._filled("new_ones", size, 1, dtype, device, requires_grad, hints)

    def new_empty(
        self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **hints: Any
    ) -> Self:
        """Values still to be set: they are 0. The arguments are those of `new_zeros`."""
        return self._filled("new_empty", size, 0, dtype, device, requires_grad, hints)

    def new_full(
        self,
        size: Any,
        fill_value: Any,
        *,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        **hints: Any,
    ) -> Self:
        """One number everywhere, which the dtype must hold; the other arguments are those of `new_zeros`."""
        return self._filled("new_full", (size,), fill_value, dtype, device, requires_grad, hints)

    def _filled(
        self, name: str, size: Any, value: Any, dtype: Any, device: Any, requires_grad: bool, hints: dict[str, Any]
    ) -> Self:
        if "size" in hints and not size:
            size = (hints.pop("size"),)
        if unknown := hints.keys() - {"layout", "pin_memory"}:
            raise TypeError(f"{name}() has no argument {min(unknown)!r}; it takes size, dtype, device, requires_grad")
        kind = dtype_of(dtype, self._array.dtype)
        return _leaf(np.full(shape_of(size, name), scalar_for(value, kind, name)), device, requires_grad)


def _leaf(a: Any, device: Any, requires_grad: bool) -> Any:
    if device is not None:
        _device(device)  # refuses what is not the CPU
    t = wrap(a, None)
    return t.requires_grad_() if requires_grad else t
