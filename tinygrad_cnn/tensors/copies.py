"""What Python makes of a tensor when it copies or pickles one."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ..autograd.graph import Variable
from ..autograd.inplace import alias

if TYPE_CHECKING:
    from typing_extensions import Self


class Copies(Variable):
    """A shallow copy shares the memory, a deep copy and a pickle are leaves of their own."""

    __slots__ = ()

    def __copy__(self) -> Self:
        new = _leaf(type(self), self._array, self._wants_grad, self._grad)
        alias(new, self, None)
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if self._node is not None:
            raise RuntimeError("only leaf tensors can be deep-copied; use detach().clone() of this one")
        new = memo[id(self)] = _leaf(type(self), self._array.copy(order="K"), self._wants_grad, None)
        new._grad = copy.deepcopy(self._grad, memo)
        return new

    def __reduce__(self) -> Any:
        if self._node is not None:
            raise RuntimeError("only leaf tensors can be pickled; use detach() of this one")
        return _leaf, (type(self), self._array, self._wants_grad, self._grad)


def _leaf(kind: Any, array: Any, wants_grad: bool, grad: Any) -> Any:
    new = kind.__new__(kind)
    new._array, new._node, new._wants_grad, new._grad = array, None, wants_grad, grad
    return new
