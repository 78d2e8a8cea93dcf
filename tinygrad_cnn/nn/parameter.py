"""A tensor that a module learns, and what stands in its place while its shape is not known yet."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

import numpy as np

from ..ops.promotion import get_default_dtype
from ..rails.memory import UNWATCHED
from ..tensors import Tensor
from ..tensors.device import device as Device


class Parameter(Tensor):
    """A Tensor that a `Module` finds among its attributes and an optimizer trains; it requires grad by default.

    The array is wrapped, not copied.
    """

    __slots__ = ()
    _rail: Any = UNWATCHED

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        given = data if isinstance(data, (Tensor, np.ndarray)) else np.asarray(data, get_default_dtype())
        super().__init__(given, requires_grad=requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


_REMEDY = "call the module once with a batch of the right shape, then it has one"


class Uninitialized(Tensor):
    """A tensor without a shape, and so without numbers: whoever asks for either is told what to do.

    `materialize` gives it both, and its own class: every name of it is a name of the tensor that it becomes.
    """

    __slots__ = ()
    cls_to_become: ClassVar[type[Tensor]]
    is_uninitialized = True  # for those who know no modules

    def __init__(self, requires_grad: bool, device: Any, dtype: Any) -> None:
        if device is not None:
            Device(device)  # refuses all but the CPU
        self._node = None
        self._wants_grad = requires_grad
        self.__dict__["_dtype"] = np.dtype(np.float32 if dtype is None else dtype)

    def materialize(self, shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> None:
        """Become a tensor of this shape, whose values are still to be set."""
        if device is not None:
            Device(device)
        array = np.empty(shape, self.dtype if dtype is None else dtype)
        del self.__dict__["_dtype"]
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self._array = array  # type: ignore[misc]

    @property
    def _array(self) -> Any:  # type: ignore[override]
        raise ValueError(f"an {type(self).__name__} of a lazy module was used before it has a shape; {_REMEDY}")

    @property
    def shape(self) -> NoReturn:
        raise RuntimeError(f"an {type(self).__name__} of a lazy module has no shape yet; {_REMEDY}")

    @property
    def dtype(self) -> np.dtype[Any]:
        kind: np.dtype[Any] = self.__dict__["_dtype"]
        return kind

    def convert(self, dtype: Any) -> None:
        """Become a tensor of this dtype, later."""
        self.__dict__["_dtype"] = np.dtype(dtype)

    def to(self, *args: Any, **kwargs: Any) -> Tensor:  # type: ignore[override]
        """A tensor of no numbers, of the dtype that ``to`` would give."""
        return Tensor(np.empty(0, self.dtype)).to(*args, **kwargs)

    def detach(self) -> Tensor:
        """Itself: there are no numbers to share."""
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for the gradient of what it becomes, or no longer; returns itself."""
        self._wants_grad = bool(requires_grad)
        return self

    def __copy__(self) -> Uninitialized:
        return _uninitialized(type(self), self._wants_grad, self.dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> Uninitialized:
        new = memo[id(self)] = self.__copy__()
        return new

    def __reduce__(self) -> Any:
        return _uninitialized, (type(self), self._wants_grad, self.dtype)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(Uninitialized, Parameter):
    """A `Parameter` of a lazy module whose shape is not known yet. It may be given to an optimizer."""

    __slots__ = ()
    cls_to_become = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(requires_grad, device, dtype)


class UninitializedBuffer(Uninitialized):
    """A buffer of a lazy module whose shape is not known yet."""

    __slots__ = ()
    cls_to_become = Tensor

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> None:
        super().__init__(requires_grad, device, dtype)


def is_lazy(param: Any) -> bool:
    """Is its shape not known yet?"""
    return isinstance(param, Uninitialized)


def forget_shape(tensor: Tensor, kind: type[Uninitialized]) -> None:
    """Make a tensor again what it was before it was materialized."""
    dtype = tensor.dtype
    tensor.__class__ = kind
    tensor.__dict__["_dtype"] = dtype


def _uninitialized(kind: Any, requires_grad: bool, dtype: Any) -> Any:
    return kind(requires_grad, None, dtype)
