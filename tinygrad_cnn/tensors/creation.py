"""Making tensors: from data, of one value, in steps. Names, arguments and defaults are PyTorch's.

New tensors have the default dtype, float32 unless it was set, where neither ``dtype`` nor the data say otherwise. Sizes
are given as ``zeros(2, 3)``, ``zeros((2, 3))`` or ``zeros(size=(2, 3))``. Random tensors are made in `sampling`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.backward import cast
from ..autograd.graph import array_of
from ..ops.numbers import fitted, number_for, scalar_for
from ..ops.promotion import get_default_dtype
from ..ops.watched import aside, reading
from . import Tensor
from .device import device as _device
from .values import array_from, dtype_of, given, shape_of

_FLOAT64 = np.dtype(np.float64)


def new(a: Any, requires_grad: bool, device: Any = None) -> Tensor:
    if device is not None:
        _device(device)  # refuses what is not the CPU
    return Tensor(a, requires_grad=requires_grad)


# ----------------------------------------------------------------------------------------------------------- from data
def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of the data: numbers, nested lists, arrays or tensors (without their graph).

    Python floats become float32, integers int64, booleans bool; NumPy arrays keep their dtype.

    With a ``dtype`` of integers, numbers and lists must hold integers of its range: 1.5, NaN or 300 for uint8 are a
    ValueError. (PyTorch cuts the fraction off; ``tensor([1.5]).long()`` does, too.) Arrays and tensors are cast.

    >>> tensor([[1.0, 2.0]]).dtype
    dtype('float32')
    """
    a = array_from(data, dtype, "tensor")
    return new(aside(_copy, a) if isinstance(data, (Tensor, ndarray)) else _copy(a), requires_grad, device)


def _copy(a: Any) -> Any:
    return np.array(a, order="K")


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The data as a tensor, without a copy where there need be none; a tensor of that dtype is returned itself."""
    if isinstance(data, Tensor):
        new(data, False, device)
        return data if dtype is None or data.dtype == dtype_of(dtype) else cast(data, dtype=dtype_of(dtype))
    return new(array_from(data, dtype, "as_tensor"), False, device)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """The object as a tensor; ``copy`` True always copies, False never (and raises where it would have to)."""
    a = array_from(obj, dtype, "asarray")
    given = array_of(obj)
    shared = isinstance(given, ndarray) and np.may_share_memory(a, given)
    if copy is False and not shared and a.size:
        raise ValueError(f"asarray: {type(obj).__name__} cannot become a tensor of dtype {a.dtype} without a copy")
    return new(aside(_copy, a) if copy and shared else a, requires_grad, device)


def from_numpy(ndarray: ndarray[Any, Any]) -> Tensor:
    """A tensor that shares the memory of a NumPy array."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(
            f"from_numpy: expected a NumPy array, got {type(ndarray).__name__}; use tensor() for other data"
        )
    return Tensor(ndarray)


# ---------------------------------------------------------------------------------------------------------- one value
def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros."""
    return new(np.zeros(shape_of(size, "zeros"), dtype_of(dtype)), requires_grad, device)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones."""
    return new(np.ones(shape_of(size, "ones"), dtype_of(dtype)), requires_grad, device)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose values are whatever was in its memory."""
    return new(aside(np.empty, shape=shape_of(size, "empty"), dtype=dtype_of(dtype)), requires_grad, device)


def _number(x: Any) -> Any:
    """A Python number, of a tensor or a NumPy number, too."""
    x = array_of(reading(x, "a number from a tensor"))
    return x.item() if isinstance(x, (np.generic, ndarray)) else x


def _filled(like: Any, shape: Any, value: Any, dtype: np.dtype[Any], name: str) -> ndarray[Any, Any]:
    number = scalar_for(value, dtype, name)
    return np.full(shape, number, dtype) if like is None else np.full_like(like, number, dtype, subok=False)


def _kind_of(value: Any) -> np.dtype[Any]:
    """The dtype of a new tensor of this number."""
    if isinstance(value, bool):
        return np.dtype(np.bool_)
    return np.dtype(np.int64) if isinstance(value, int) else get_default_dtype()


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one value; its dtype is that of the value (float32, int64 or bool) unless given.

    A dtype of integers must hold the value: 1.5 or NaN are a ValueError (`ops.numbers`).
    """
    value = _number(fill_value)
    if not isinstance(size, Iterable):
        raise TypeError(f"full: size must be a tuple or a list, such as ({size},), got {size!r}")
    shape = shape_of(tuple(size), "full")
    return new(_filled(None, shape, value, dtype_of(dtype, _kind_of(value)), "full"), requires_grad, device)


def zeros_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and dtype of a tensor."""
    a = given(input, "zeros_like")
    return new(np.zeros_like(a, dtype_of(dtype, a.dtype), subok=False), requires_grad, device)


def ones_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and dtype of a tensor."""
    a = given(input, "ones_like")
    return new(np.ones_like(a, dtype_of(dtype, a.dtype), subok=False), requires_grad, device)


def empty_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of the shape and dtype of another, whose values are whatever was in its memory."""
    a = given(input, "empty_like")
    return new(aside(np.empty_like, a, dtype=dtype_of(dtype, a.dtype), subok=False), requires_grad, device)


def full_like(
    input: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One value, in the shape and dtype of a tensor, which must hold it: see `full`."""
    a = given(input, "full_like")
    return new(_filled(a, None, fill_value, dtype_of(dtype, a.dtype), "full_like"), requires_grad, device)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A matrix with ones on the diagonal and zeros elsewhere."""
    shape = shape_of((n, n if m is None else m), "eye")
    return new(np.eye(*shape, dtype=dtype_of(dtype)), requires_grad, device)


# ------------------------------------------------------------------------------------------------------------ in steps
def _whole(x: Any) -> Any:
    """A number of which an `arange` of integers is made, as an integer if it is a whole one."""
    if isinstance(x, float) and math.isfinite(x):
        number_for(x, np.dtype(np.int64), "arange")
        return int(x)
    return x


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... up to but without ``end``; ``arange(end)`` starts from 0. Integers give int64.

    A ``dtype`` of integers wants whole numbers: ``arange(0, 2, 0.5, dtype=int64)`` is a ValueError, and so is
    ``arange(2.5, dtype=int64)``, for which PyTorch cuts the fraction off.
    """
    if end is None:
        start, end = 0, start
    start, end, step = (_number(x) for x in (start, end, step))
    if dtype is not None and dtype_of(dtype, get_default_dtype()).kind in "iu":
        start, end, step = (_whole(x) for x in (start, end, step))
    whole = all(isinstance(x, int) for x in (start, end, step))
    if not whole:
        start, end, step = (number_for(x, _FLOAT64, "arange") for x in (start, end, step))
    if step == 0 or (end - start) * step < 0:
        raise ValueError(f"arange: cannot go from {start} to {end} in steps of {step}")
    if not whole and not all(math.isfinite(x) for x in (start, end, step)):
        raise ValueError(f"arange: start, end and step must be finite, got {start}, {end}, {step}")
    n = -(-(end - start) // step) if whole else math.ceil((end - start) / step)
    kind = dtype_of(dtype, np.int64 if whole else get_default_dtype())
    ends = (start, start + step * (n - 1)) if n else ()
    if whole:
        for x in ends:  # before the numbers between them are made
            number_for(x, kind, "arange")
        if not all(-(2**63) <= x < 2**63 for x in ends):
            start, step = float(start), float(step)
    return new(fitted(start + step * np.arange(n), kind, "arange"), requires_grad, device)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` numbers at equal distances from ``start`` to ``end``, both included; ``dtype`` must hold each.

    PyTorch cuts fractions off for a dtype of integers; here they are a ValueError. Round what you want rounded:
    ``linspace(0, 10, 5).round().long()``.
    """
    n = shape_of((steps,), "linspace")[0]
    first, last = (number_for(x, _FLOAT64, "linspace") for x in (start, end))
    values = np.linspace(first, last, n)
    return new(fitted(values, dtype_of(dtype), "linspace"), requires_grad, device)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` powers of ``base``, with exponents at equal distances from ``start`` to ``end``.

    ``dtype`` must hold each of them, as for `linspace`.
    """
    n = shape_of((steps,), "logspace")[0]
    first, last, root = (number_for(x, _FLOAT64, "logspace") for x in (start, end, base))
    with np.errstate(over="ignore"):
        values = np.power(root, np.linspace(first, last, n))
    return new(fitted(values, dtype_of(dtype), "logspace"), requires_grad, device)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64, device: Any = None) -> Tensor:
    """The rows and columns, (2, n), of the elements on and below a diagonal of a (row, col) matrix."""
    shape = shape_of((row, col), "tril_indices")
    return new(
        fitted(np.stack(np.tril_indices(shape[0], offset, shape[1])), dtype_of(dtype), "tril_indices"), False, device
    )


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64, device: Any = None) -> Tensor:
    """The rows and columns, (2, n), of the elements on and above a diagonal of a (row, col) matrix."""
    shape = shape_of((row, col), "triu_indices")
    return new(
        fitted(np.stack(np.triu_indices(shape[0], offset, shape[1])), dtype_of(dtype), "triu_indices"), False, device
    )
