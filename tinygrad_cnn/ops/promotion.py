"""Type promotion: which dtype an operation on mixed inputs computes in. PyTorch's rules.

Three kinds, bool < integer < floating. A tensor with dimensions decides; a 0-d tensor or a Python number changes the
dtype only when it is of a higher kind. So Python numbers never widen a float32 network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ..arrays.like import NOT_KEPT, Like
from ..autograd.backward import cast
from ..autograd.graph import Variable, array_of
from .numbers import beside, scalar_for

_WEAK_NUMBERS = int(np.__version__.split(".")[0]) >= 2  # NumPy >= 2 lets a Python number take the array's dtype
_KIND = {"b": 0, "u": 1, "i": 1, "f": 2}
_HUGE = 2**1023  # an integer up to here has a float beside it
_NUMBER = {bool: np.dtype(np.bool_), int: np.dtype(np.int64), float: np.dtype(np.float32)}


def get_default_dtype() -> np.dtype[Any]:
    """The floating dtype that Python's floats get in new tensors and beside integers: float32 unless it was set."""
    return _NUMBER[float]


def set_default_dtype(d: Any, /) -> None:
    """Let Python's floats, new tensors and new layers have another floating dtype. It holds for the whole process.

    Raises:
        TypeError: no floating dtype.
    """
    kind = np.dtype(d)
    if kind.kind != "f" or kind.itemsize > 8:
        raise TypeError(f"the default dtype is float16, float32 or float64, got {kind}")
    _NUMBER[float] = np.dtype(kind.type)


def promote(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs in their common dtype; Python numbers become 0-d arrays of it."""
    if len(inputs) == 2:  # the common cases, quickly
        a, b = inputs
        if isinstance(a, Variable):
            if isinstance(b, Variable):
                if a._array.dtype is b._array.dtype:
                    return inputs
            elif _stays(a, b):
                return inputs
            elif type(b) is int and a._array.dtype.kind in "iu":
                return a, scalar_for(b, a._array.dtype)
        elif isinstance(b, Variable) and _stays(b, a):
            return inputs
    inputs = tuple(_operand(x) for x in inputs)
    dtype = result_type(*inputs)
    return tuple(_as(x, dtype) for x in inputs)


def _stays(x: Variable, number: Any) -> bool:
    """Does NumPy itself compute x with this Python number in the dtype of x?"""
    if not _WEAK_NUMBERS or x._array.dtype.kind != "f":
        return False
    return type(number) is float or (type(number) is int and -_HUGE < number < _HUGE)


def promote_to_float(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """As `promote`, with integers and booleans becoming float32: for division, exp, sin and the like."""
    a, b = inputs[0], inputs[-1]
    if len(inputs) < 3:  # the common cases, quickly
        if isinstance(a, Variable) and a._array.dtype.kind == "f":
            if a is b or _stays(a, b) or (isinstance(b, Variable) and a._array.dtype is b._array.dtype):
                return inputs
        elif isinstance(b, Variable) and _stays(b, a):
            return inputs
    inputs = tuple(_operand(x) for x in inputs)
    dtype = result_type(*inputs)
    if dtype.kind != "f":
        dtype = _NUMBER[float]
    return tuple(_as(x, dtype) for x in inputs)


def promote_to_compare(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """As `promote`, for two that are compared; integers are compared with a number exactly, whichever it is.

    Python compares so, too. PyTorch converts the number, or the integers to float32: 2**24 + 1 == 2.0**24 for it.
    A tensor without dimensions counts as a number beside integers of another dtype.
    """
    a, b = inputs
    if isinstance(a, Variable) and (_stays(a, b) or (isinstance(b, Variable) and a._array.dtype is b._array.dtype)):
        return inputs
    a, b = _operand(a), _operand(b)
    number = _number_beside(a, b)
    if number is not None:
        return beside(array_of(a), number)
    number = _number_beside(b, a)
    if number is not None:
        return beside(array_of(b), number)[::-1]
    return promote(tuple(_in_range(x) for x in (a, b)))


def _number_beside(x: Any, other: Any) -> Any:
    """The number that ``other`` is, where x holds integers; None for anything else."""
    a, b = array_of(x), array_of(other)
    if not isinstance(a, ndarray) or a.dtype.kind == "f":
        return None
    if not isinstance(b, ndarray):
        return b
    return b.item() if not b.ndim and a.dtype != b.dtype and (a.ndim or b.dtype.kind == "f") else None


def _in_range(x: Any) -> Any:
    """An integer beyond all floats counts as infinite."""
    return x if type(x) is not int or -_HUGE < x < _HUGE else float("inf") if x > 0 else float("-inf")


def result_type(*inputs: Any) -> np.dtype[Any]:
    """The dtype that the inputs (tensors, arrays, Python numbers) share by the rules above."""
    best: list[np.dtype[Any] | None] = [None, None, None]  # of arrays with dimensions, of 0-d arrays, of numbers
    for x in inputs:
        a = x._array if isinstance(x, Variable) else x
        rank = (0 if a.ndim else 1) if isinstance(a, ndarray) else 2
        dtype = a.dtype if isinstance(a, ndarray) else _NUMBER[type(a)]
        before = best[rank]
        best[rank] = dtype if before is None else wider(before, dtype)
    result = None
    for dtype in best:
        if dtype is not None and (result is None or _KIND[dtype.kind] > _KIND[result.kind]):
            result = dtype
    assert result is not None
    return np.dtype(result.type)


def wider(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the higher kind, or what holds both of one kind."""
    if _KIND[a.kind] != _KIND[b.kind]:
        return a if _KIND[a.kind] > _KIND[b.kind] else b
    return np.promote_types(a, b)


def _operand(x: Any) -> Any:
    """A tensor, a real array, or a Python number; anything else is refused."""
    if type(x) in _NUMBER:
        return x
    if isinstance(x, np.generic):
        x = x.item()  # a NumPy scalar counts as a Python number
    if isinstance(x, (int, float)):  # of a subclass as well
        return x if isinstance(x, bool) else float(x) if isinstance(x, float) else int(x)
    a = x._array if isinstance(x, Variable) else x
    if not isinstance(a, ndarray) or a.dtype.kind not in _KIND:
        what = f"an array of dtype {a.dtype}" if isinstance(a, ndarray) else type(x).__name__
        why = NOT_KEPT if isinstance(x, Like) else f"expected a Tensor, a real NumPy array or a number, got {what}"
        raise TypeError(why)
    return x


def _as(x: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(x, Variable):
        return x if x._array.dtype == dtype else cast(x, dtype=dtype)
    if isinstance(x, ndarray):
        return x.astype(dtype, copy=False)
    return scalar_for(x, dtype)
