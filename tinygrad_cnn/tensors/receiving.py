"""A tensor takes another shape: that of a result, as ``out=``, or one that it is told."""

from __future__ import annotations

import warnings
from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..autograd.graph import Variable, array_of, wrap
from ..ops.watched import aside
from .layouts import check_format
from .values import shape_of
from .writing import in_place

if TYPE_CHECKING:
    from typing_extensions import Self


def _fitted(a: Any, *, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    return np.broadcast_to(a, shape).astype(dtype)


class Receiving(Variable):
    """What a tensor does that is handed to a function as ``out=``."""

    __slots__ = ()

    def _receive(self, y: Any, name: str) -> Self:
        """Take the values of y; and its shape, with a warning where this tensor had elements."""
        if any(isinstance(t, Variable) and (t._node is not None or t._wants_grad) for t in (self, y)):
            raise RuntimeError(
                f"{name}(): out= records no gradient; assign the result (y = {name}(...)), or use no_grad"
            )
        a = np.asarray(array_of(y))
        if not np.can_cast(a.dtype, self._array.dtype, "same_kind"):
            raise RuntimeError(
                f"{name}(): a result of dtype {a.dtype} cannot be written into out, of {self._array.dtype}"
            )
        if a.shape != self._array.shape:
            if self._array.size:
                warnings.warn(
                    f"{name}(): out has shape {self._array.shape} and becomes one of the result's shape, {a.shape}; "
                    "give a tensor of that shape, or an empty one",
                    stacklevel=4,
                )
            self._array = np.empty(a.shape, self._array.dtype)
            self._view = self._aliases = None
        return in_place(self, lambda x: wrap(aside(_fitted, y, shape=tuple(x.shape), dtype=x.dtype), None))

    def resize_(self, *size: Any, memory_format: Any = None) -> Self:
        """Another shape for this tensor: its elements in order, as many as fit, and zeros for what is new.

        Of as many elements it shares the memory with what shared it before; of fewer or more it has memory of its own.

        Raises:
            RuntimeError: a tensor that requires grad, or has a way back to one that does.
        """
        check_format(memory_format, "resize_")
        if self._node is not None or self._wants_grad:
            raise RuntimeError("resize_(): no gradient goes through it; use reshape(), or x.detach() first")
        shape, a = shape_of(size, "resize_"), self._array
        new = a
        if prod(shape) != a.size:
            new = np.zeros(prod(shape), a.dtype)
            kept = min(new.size, a.size)
            new[:kept] = a.reshape(-1)[:kept]
        cast(Any, self).data = new.reshape(shape)
        return self

    def resize_as_(self, the_template: Variable, *, memory_format: Any = None) -> Self:
        """`resize_` to the shape of another tensor."""
        return self.resize_(tuple(the_template._array.shape), memory_format=memory_format)
