"""What a dtype holds, and which dtype follows from others: ``finfo``, ``iinfo``, ``can_cast``, ``promote_types``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops.promotion import get_default_dtype, wider
from .values import dtype_of

ABSENT = {  # dtypes that NumPy does not have, or that tensors do not hold
    "bfloat16": "NumPy has no such dtype; float32 holds its numbers, float16 takes as little memory",
    **dict.fromkeys(("complex32", "complex64", "complex128", "cfloat", "cdouble"), "tensors hold real numbers"),
    **dict.fromkeys(("uint16", "uint32", "uint64"), "of the unsigned dtypes there is uint8; int32 and int64 hold more"),
}


class finfo:
    """The limits of a floating dtype, as Python's floats; of the default dtype where none is given.

    ``eps`` is the distance from 1 to the next number, ``tiny`` (also ``smallest_normal``) the least number of full
    precision, ``resolution`` ten to the power of the digits that can be trusted.

    >>> finfo(np.float32).eps, finfo(np.float64).bits
    (1.1920928955078125e-07, 64)
    """

    def __init__(self, dtype: Any = None, /) -> None:
        kind = dtype_of(dtype, get_default_dtype())
        if kind.kind != "f":
            raise TypeError(f"finfo() is of floating dtypes, got {kind}; iinfo() is of integers")
        of = np.finfo(kind)
        self.bits, self.dtype = int(of.bits), str(kind)
        self.max, self.min, self.eps = float(of.max), float(of.min), float(of.eps)
        self.tiny = self.smallest_normal = float(of.smallest_normal)
        self.resolution = 10.0 ** -int(of.precision)

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{name}={getattr(self, name):.6g}' for name in names)}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype.

    >>> iinfo(np.int8)
    iinfo(min=-128, max=127, dtype=int8)
    """

    def __init__(self, dtype: Any, /) -> None:
        kind = dtype_of(dtype)
        if kind.kind not in "iu":
            raise TypeError(f"iinfo() is of integer dtypes, got {kind}; finfo() is of floating ones")
        of = np.iinfo(kind)
        self.bits, self.max, self.min, self.dtype = int(of.bits), int(of.max), int(of.min), str(kind)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


_RANK = {"b": 0, "u": 1, "i": 1, "f": 2}


def can_cast(from_: Any, to: Any) -> bool:
    """May a result of the first dtype be written into a tensor of the second: is its kind no higher?

    The kinds are bool < integer < floating; within one, every dtype may be written into every other.
    """
    return _RANK[dtype_of(from_).kind] <= _RANK[dtype_of(to).kind]


def promote_types(type1: Any, type2: Any) -> np.dtype[Any]:
    """The dtype of an operation on tensors of these two: the one of the higher kind, or the wider of one kind."""
    return np.dtype(wider(dtype_of(type1), dtype_of(type2)).type)
