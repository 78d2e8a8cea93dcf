"""What users give for a tensor to be made of, as an array: data, sizes, dtypes. Each is checked here, once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.graph import Variable, array_of
from ..ops.numbers import fitted, gathered, written
from ..ops.promotion import get_default_dtype
from ..ops.shape import sizes
from ..ops.watched import aside
from .size import Size


def dtype_of(dtype: Any, default: Any = None) -> np.dtype[Any]:
    """A dtype that tensors can have, or the default."""
    kind = np.dtype(dtype if dtype is not None else default if default is not None else get_default_dtype())
    if kind.kind not in "fiub":
        raise TypeError(f"a Tensor holds real numbers, not dtype {kind}")
    return np.dtype(kind.type)  # NumPy's own object, in native order: a comparison by `is` is enough for the quick path


def shape_of(size: Any, name: str) -> tuple[int, ...]:
    """The sizes of ``f(2, 3)`` or ``f((2, 3))``, none of which may be negative."""
    shape = sizes(size, name)
    if any(n < 0 for n in shape):
        raise ValueError(f"{name}: a size cannot be negative, got {shape}")
    return shape


def given(x: Any, name: str) -> Any:
    """The array of a tensor, or an array; anything else is refused."""
    a = array_of(x)
    if not isinstance(a, ndarray):
        raise TypeError(f"{name}: expected a Tensor or a NumPy array, got {type(x).__name__}")
    return a


def array_from(data: Any, dtype: Any, name: str) -> ndarray[Any, Any]:
    """Data as an array, shared where it can be. Python's floats get the default dtype, its integers int64."""
    if isinstance(data, (Variable, ndarray)) and dtype is not None:
        kind = dtype_of(dtype)
        if kind != data.dtype:  # type: ignore[union-attr]
            return aside(_in_dtype, data, kind=kind)
    if isinstance(data, Variable):
        data = data._array
    if hasattr(data, "__array__") and not isinstance(data, np.generic):
        a = np.asarray(data)
        if a.dtype.kind not in "fiub":
            raise TypeError(f"{name}(): a Tensor holds real numbers, got {type(data).__name__} of dtype {a.dtype}")
        kind = dtype_of(dtype, a.dtype)
        return np.asarray(written(a, kind)).astype(kind, copy=False)
    a = gathered(data, name, exact=dtype is not None and dtype_of(dtype).kind in "iu")
    if dtype is None:
        leaf = data
        while isinstance(leaf, (list, tuple)) and leaf:
            leaf = leaf[0]
        if a.dtype.kind == "O":  # of Python's numbers, some very large
            dtype = get_default_dtype() if any(isinstance(x, float) for x in a.flat) else np.int64
        elif not isinstance(leaf, (ndarray, np.generic, Variable)):
            dtype = get_default_dtype() if a.dtype.kind == "f" else np.int64 if a.dtype.kind in "iu" else None
    return fitted(a, dtype_of(dtype, a.dtype), name)


def _in_dtype(a: ndarray[Any, Any], *, kind: np.dtype[Any]) -> ndarray[Any, Any]:
    return np.asarray(written(a, kind)).astype(kind, copy=False)


def constructed(data: tuple[Any, ...], dtype: Any, name: str) -> ndarray[Any, Any]:
    """What ``Tensor(...)`` and its kin read in their arguments: sizes, values, or nothing, which is empty.

    Integers, one or several, and a `Size` are sizes, of zeros; a list or another sequence holds values. What is an
    array already is that array, of its own dtype where none is asked for.
    """
    if len(data) != 1 or isinstance(data[0], (int, np.integer, Size)):
        if any(isinstance(n, bool) for n in data):
            raise TypeError(f"{name}() takes sizes, or one sequence of values, got {data!r}")
        return np.zeros(shape_of(data or (0,), name), dtype_of(dtype))
    (x,) = data
    if isinstance(x, Variable):
        if dtype is not None and x._array.dtype != dtype_of(dtype):
            raise TypeError(
                f"{name}() takes a tensor of dtype {dtype_of(dtype)}, got {x._array.dtype}; convert it first"
            )
        return x._array
    if isinstance(x, (float, complex, str, bytes)) and not isinstance(x, np.generic):
        raise TypeError(
            f"{name}() takes sizes, or a sequence of values, got {x!r}; tensor({x!r}) makes one of a number"
        )
    if dtype is None and (hasattr(x, "__array__") or isinstance(x, np.generic)):
        a = np.asarray(x)
        if a.dtype.kind not in "fiub":
            raise TypeError(f"a Tensor holds real numbers, not dtype {a.dtype}")
        return a if a.dtype.isnative else a.astype(a.dtype.newbyteorder("="))
    if not hasattr(x, "__array__") and not (hasattr(x, "__len__") and hasattr(x, "__getitem__")):
        raise TypeError(f"{name}() takes sizes, or a sequence of values, got {type(x).__name__}")
    return array_from(x if isinstance(x, (list, tuple)) or hasattr(x, "__array__") else list(x), dtype_of(dtype), name)
