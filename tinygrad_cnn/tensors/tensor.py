"""The tensor: an array that knows where it came from. Its methods under PyTorch's names stand in `methods`."""

from __future__ import annotations

import builtins
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from .. import autograd
from ..arrays.writes import mutated
from ..autograd.graph import Extra, Node, Variable
from ..autograd.handle import RemovableHandle
from ..autograd.inplace import alias
from ..ops import comparison, elementwise, linalg, rounding
from ..ops import index as indexing
from ..ops.guards import check_total
from ..ops.watched import reading
from .device import device as Device
from .inplace import InPlace
from .numpy_protocol import array_function, array_ufunc
from .printing import written
from .size import Size, new_size
from .values import constructed
from .writing import assign


class Tensor(InPlace, result=True):
    """An n-dimensional array with reverse-mode differentiation.

    ``numpy()`` is the array behind it, ``grad`` the accumulated gradient (a Tensor) or None. ``Tensor(2, 3)`` are zeros
    of that shape and ``Tensor([1, 2])`` values, in the default dtype; an array is wrapped, without a copy and in its
    own dtype (PyTorch copies it to float32). `tinygrad_cnn.tensor` copies.

    >>> x = Tensor(np.array([1.0, 2.0]), requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.], dtype=float64)
    """

    __slots__ = ()
    __array_ufunc__, __array_function__ = array_ufunc, array_function

    def __init__(self, *data: Any, requires_grad: bool = False, device: Any = None, volatile: bool = False) -> None:  # noqa: ARG002
        if len(data) == 2 and isinstance(data[-1], bool):
            data, requires_grad = data[:1], data[-1]
        if device is not None:
            Device(device)  # refuses what is not the CPU
        self._array: ndarray[Any, Any] = constructed(data, None, type(self).__name__)
        self._node = None
        if data and isinstance(data[0], Variable):
            alias(self, data[0], None)
        elif data and self._array is data[0]:
            self._handed_out = True
        if requires_grad:
            self.requires_grad_()

    # ------------------------------------------------------------------------------------------------ what it is
    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return new_size(Size, self._array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements, as NumPy's."""
        return self._array.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    @property
    def device(self) -> Device:
        """The CPU."""
        return Device("cpu")

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this tensor, or None for a leaf."""
        return self._node

    @property
    def is_leaf(self) -> bool:
        """Was it made by the user, rather than by a recorded operation?"""
        return self._node is None

    @property
    def requires_grad(self) -> bool:
        """Is a gradient wanted for it, or for something it came from?"""
        return self._node is not None or self._wants_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for the gradient of this leaf, or no longer; returns itself. Floating dtypes only."""
        if self._node is not None:
            if not requires_grad:
                raise RuntimeError("requires_grad can be turned off for leaf tensors only; use detach()")
            return self
        if requires_grad and self._array.dtype.kind != "f":
            raise RuntimeError(
                f"only floating-point tensors can require a gradient, got {self._array.dtype}; convert with .float()"
            )
        self._wants_grad = bool(requires_grad)
        return self

    @property
    def data(self) -> Tensor:
        """The values without the graph: a tensor that shares the memory, as `detach`. Setting it exchanges them."""
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        a = value._array if isinstance(value, Variable) else value
        if not isinstance(a, ndarray) or (
            a.dtype.kind != "f" and (self.requires_grad or self._array.dtype.kind == "f")
        ):
            got = f"a {type(value).__name__} of dtype {a.dtype}" if isinstance(a, ndarray) else type(value).__name__
            raise TypeError(f".data takes a Tensor or an array of a floating dtype, got {got}")
        fresh = Tensor(a)
        mutated(self._array)  # a gradient that needs the old values is refused
        for v in self._aliases or ():
            v._view, v._handed_out = None, True  # they go on sharing the old memory
        self._array, self._view, self._aliases, self._handed_out = fresh._array, None, None, True
        if isinstance(value, Variable):
            value._handed_out = True

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` added up, of the shape and dtype of this tensor; None before."""
        grad: Tensor | None = self._grad
        return grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is self:
            raise RuntimeError("a tensor cannot be its own gradient; assign a copy: x.detach().clone()")
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f".grad takes None or a Tensor, got {type(value).__name__}; wrap it with tg.tensor(...)")
        if value is not None and (value.shape != self.shape or value.dtype != self.dtype):
            raise GradientError(
                f".grad takes None or a Tensor of shape {self.shape} and dtype {self.dtype}, as the tensor itself; got "
                f"shape {value.shape} and dtype {value.dtype}"
            )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    # ----------------------------------------------------------------------------------------------- gradients
    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Tensor] | None = None,
    ) -> None:
        """Add the gradients of this tensor to ``.grad`` of the leaves it came from.

        Args:
            gradient: the gradient of this tensor, of its shape; may be left out for a single number.
            retain_graph: keep what a second backward would need; by default as ``create_graph``.
            create_graph: record the gradients, so that they can be differentiated.
            inputs: only these tensors get a gradient.
        """
        autograd.backward([self], [gradient], retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        """The same memory, as a leaf that requires no gradient."""
        return Tensor(self)

    def detach_(self) -> Tensor:
        """Become a leaf that requires no gradient; returns itself. A view cannot: detach() it."""
        if self._view is not None and self._view[1] is not None:
            raise RuntimeError("a view cannot leave the graph in place, its base would go on; use detach()")
        self._node, self._wants_grad = None, False
        return self

    def retain_grad(self) -> None:
        """Keep ``.grad`` of this tensor too, though it is no leaf."""
        if not self.requires_grad:
            raise RuntimeError("retain_grad() needs a tensor that requires grad")
        if self._node is not None:
            self._extra().retain = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        """Was `retain_grad` called on it, and is it no leaf?"""
        return self._node is not None and self._extra().retain is not None

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook(grad)`` with the whole gradient of this tensor; what it returns, if not None, replaces it."""
        if not self.requires_grad:
            raise RuntimeError("register_hook() needs a tensor that requires grad")
        if self._node is not None:
            return RemovableHandle(self._extra().hooks, hook)
        if self._hooks is None:
            self._hooks = {}
        return RemovableHandle(self._hooks, hook)

    def _extra(self) -> Extra:
        assert self._node is not None
        if self._node.extra is None:
            self._node.extra = Extra()
        return self._node.extra

    # ------------------------------------------------------------------------------------------------ to NumPy
    def numpy(self, *, force: bool = False) -> ndarray[Any, Any]:  # noqa: ARG002  (it is always given)
        """The array, sharing memory and without the graph; also of a tensor that requires grad."""
        t: Variable | None = self
        while t is not None:  # all that share the memory
            t._handed_out, t = True, None if t._view is None else t._view[0]
        return reading(self, "numpy()")._array

    def item(self) -> Any:
        """The one element, as a Python number."""
        if self._array.size != 1:
            raise RuntimeError(f"item() needs a tensor of one element, got shape {self.shape}; use tolist() or numpy()")
        return reading(self, "item()")._array.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return reading(self, "tolist()")._array.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> ndarray[Any, Any]:
        if copy:
            return np.array(reading(self, "an array of it")._array, dtype, copy=True)
        return np.asarray(self.numpy(), dtype)

    def __len__(self) -> int:
        if self._array.ndim == 0:
            raise TypeError("a 0-d tensor has no length")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if self._array.ndim == 0:
            raise TypeError("a 0-d tensor cannot be iterated over")
        return (self[i] for i in range(len(self._array)))

    def __bool__(self) -> bool:
        if self._array.size != 1:
            raise RuntimeError(f"the truth of a tensor of shape {self.shape} is ambiguous; use .any() or .all()")
        return bool(reading(self, "bool()")._array.item())

    def __float__(self) -> float:
        return builtins.float(self.item())

    def __int__(self) -> int:
        return builtins.int(self.item())

    def __index__(self) -> int:
        if self._array.dtype.kind not in "iub":
            raise TypeError(f"only an integer tensor can be an index, got dtype {self.dtype}")
        return builtins.int(self.item())

    def __contains__(self, value: Any) -> bool:
        found = comparison.eq(self, value)._array if _comparable(value) else self._array == value
        reading(self, "`in`")
        return bool(found.any())

    __hash__ = object.__hash__

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self._array.size == 1 else str(self)

    def __repr__(self) -> str:
        return written(reading(self, "its text"))

    # ------------------------------------------------------------------------------------------------ indexing
    def __getitem__(self, index: Any) -> Tensor:
        return indexing.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        assign(self, index, value)

    # ----------------------------------------------------------------------------------------------- operators
    # fmt: off
    def __neg__(self) -> Tensor: return elementwise.neg(self)
    def __pos__(self) -> Tensor: return self
    def __abs__(self) -> Tensor: return elementwise.abs(self)
    def __invert__(self) -> Tensor: return comparison.bitwise_not(self)
    def __add__(self, other: Any) -> Tensor:
        if not self._array.ndim:
            check_total(self, other)
        return elementwise.add(self, other)
    def __radd__(self, other: Any) -> Tensor: return elementwise.add(other, self)
    def __sub__(self, other: Any) -> Tensor: return elementwise.sub(self, other)
    def __rsub__(self, other: Any) -> Tensor: return elementwise.sub(other, self)
    def __mul__(self, other: Any) -> Tensor: return elementwise.mul(self, other)
    def __rmul__(self, other: Any) -> Tensor: return elementwise.mul(other, self)
    def __truediv__(self, other: Any) -> Tensor: return elementwise.true_divide(self, other)
    def __rtruediv__(self, other: Any) -> Tensor: return elementwise.true_divide(other, self)
    def __floordiv__(self, other: Any) -> Tensor: return rounding.floor_divide(self, other)
    def __rfloordiv__(self, other: Any) -> Tensor: return rounding.floor_divide(other, self)
    def __mod__(self, other: Any) -> Tensor: return rounding.remainder(self, other)
    def __rmod__(self, other: Any) -> Tensor: return rounding.remainder(other, self)
    def __pow__(self, other: Any) -> Tensor: return elementwise.pow(self, other)
    def __rpow__(self, other: Any) -> Tensor: return elementwise.pow(other, self)
    def __matmul__(self, other: Any) -> Tensor: return linalg.matmul(self, other)
    def __rmatmul__(self, other: Any) -> Tensor: return linalg.matmul(other, self)
    def __and__(self, other: Any) -> Tensor: return comparison.bitwise_and(self, other)
    def __rand__(self, other: Any) -> Tensor: return comparison.bitwise_and(other, self)
    def __or__(self, other: Any) -> Tensor: return comparison.bitwise_or(self, other)
    def __ror__(self, other: Any) -> Tensor: return comparison.bitwise_or(other, self)
    def __xor__(self, other: Any) -> Tensor: return comparison.bitwise_xor(self, other)
    def __rxor__(self, other: Any) -> Tensor: return comparison.bitwise_xor(other, self)
    def __lshift__(self, other: Any) -> Tensor: return comparison.bitwise_left_shift(self, other)
    def __rlshift__(self, other: Any) -> Tensor: return comparison.bitwise_left_shift(other, self)
    def __rshift__(self, other: Any) -> Tensor: return comparison.bitwise_right_shift(self, other)
    def __rrshift__(self, other: Any) -> Tensor: return comparison.bitwise_right_shift(other, self)
    def __lt__(self, other: Any) -> Tensor: return comparison.lt(self, other)
    def __le__(self, other: Any) -> Tensor: return comparison.le(self, other)
    def __gt__(self, other: Any) -> Tensor: return comparison.gt(self, other)
    def __ge__(self, other: Any) -> Tensor: return comparison.ge(self, other)
    # fmt: on
    def __eq__(self, other: Any) -> Any:
        return comparison.eq(self, other) if _comparable(other) else NotImplemented

    def __ne__(self, other: Any) -> Any:
        return comparison.ne(self, other) if _comparable(other) else NotImplemented


class GradientError(TypeError, RuntimeError):
    """A gradient of another shape or dtype than its tensor: a TypeError, and a RuntimeError as in PyTorch."""


def _comparable(other: Any) -> bool:
    return isinstance(other, (Variable, ndarray, np.generic, bool, int, builtins.float))
