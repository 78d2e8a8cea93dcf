"""Type promotion: which dtype an operation on mixed inputs computes in. PyTorch's rules.

Three kinds, bool < integer < floating. A tensor with dimensions decides; a 0-d tensor or a Python number changes the
dtype only when it is of a higher kind. So Python numbers never widen a float32 network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.backward import cast
from ..autograd.graph import NOT_KEPT, Like, Variable

default_dtype = np.dtype(np.float32)
_WEAK_NUMBERS = int(np.__version__.split(".")[0]) >= 2  # NumPy >= 2 lets a Python number take the array's dtype
_KIND = {"b": 0, "u": 1, "i": 1, "f": 2}
_NUMBER = {bool: np.dtype(np.bool_), int: np.dtype(np.int64), float: default_dtype}


def array_of(x: Any) -> Any:
    """The array of a tensor; anything else as it is. (What every operation passes says it inline: a call costs.)"""
    return x._array if isinstance(x, Variable) else x


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
        elif isinstance(b, Variable) and _stays(b, a):
            return inputs
    inputs = tuple(_operand(x) for x in inputs)
    dtype = result_type(*inputs)
    return tuple(_as(x, dtype) for x in inputs)


def _stays(x: Variable, number: Any) -> bool:
    """Does NumPy itself compute x with this Python number in the dtype of x?"""
    return _WEAK_NUMBERS and (type(number) is float or type(number) is int) and x._array.dtype.kind == "f"


def promote_to_float(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """As `promote`, with integers and booleans becoming float32: for division, exp, sin and the like."""
    if len(inputs) == 1 and inputs[0]._array.dtype.kind == "f":
        return inputs
    inputs = promote(inputs)
    dtype = result_type(*inputs)
    return inputs if dtype.kind == "f" else tuple(_as(x, default_dtype) for x in inputs)


def result_type(*inputs: Any) -> np.dtype[Any]:
    """The dtype that the inputs (tensors, arrays, Python numbers) share by the rules above."""
    best: list[np.dtype[Any] | None] = [None, None, None]  # of arrays with dimensions, of 0-d arrays, of numbers
    for x in inputs:
        a = x._array if isinstance(x, Variable) else x
        rank = (0 if a.ndim else 1) if isinstance(a, ndarray) else 2
        dtype = a.dtype if isinstance(a, ndarray) else _NUMBER[type(a)]
        before = best[rank]
        best[rank] = dtype if before is None else _wider(before, dtype)
    result = None
    for dtype in best:
        if dtype is not None and (result is None or _KIND[dtype.kind] > _KIND[result.kind]):
            result = dtype
    assert result is not None
    return np.dtype(result.type)


def _wider(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    if _KIND[a.kind] != _KIND[b.kind]:
        return a if _KIND[a.kind] > _KIND[b.kind] else b
    return np.promote_types(a, b)


def _operand(x: Any) -> Any:
    """A tensor, a real array, or a Python number; anything else is refused."""
    if isinstance(x, (bool, int, float)) and not isinstance(x, np.generic):
        return x
    if isinstance(x, np.generic):
        x = x.item()  # a NumPy scalar counts as a Python number
        if isinstance(x, (bool, int, float)):
            return x
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
    return np.asarray(x, dtype)
