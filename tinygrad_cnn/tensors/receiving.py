"""``out=``: a tensor takes the result of a function."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.graph import Variable, array_of, wrap
from .writing import in_place

if TYPE_CHECKING:
    from typing_extensions import Self


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
        return in_place(self, lambda x: wrap(np.broadcast_to(a, x.shape).astype(x.dtype), None))
