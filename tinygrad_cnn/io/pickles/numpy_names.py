"""The names by which pickles say NumPy's arrays, scalars and dtypes, from NumPy 1 and 2."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .machine import Maker, Pending, PickleError, Word, kind_of

_CODES = frozenset(("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"))
_MAX_DIMS = 32


class _Type(Pending):
    """A dtype; its byte order comes with its state."""

    def __init__(self, code: Any, _align: Any = False, _copy: Any = True) -> None:
        if type(code) is bytes:  # of Python 2
            code = code.decode("latin1")
        if type(code) is not str or code.lstrip("<>|=") not in _CODES:
            shown = repr(code[:20]) if type(code) is str else kind_of(code)
            raise PickleError(f"an array of NumPy's dtype {shown}; real and complex numbers are read")
        self.dtype = np.dtype(code)

    def set_state(self, state: Any) -> None:
        order = state[1] if type(state) is tuple and len(state) >= 3 else None
        order = order.decode("latin1") if type(order) is bytes else order
        if type(order) is not str or order not in ("<", ">", "|", "="):
            raise PickleError("the state of a NumPy dtype has no byte order")
        self.dtype = np.dtype(order + self.dtype.str[1:])

    def result(self) -> np.dtype[Any]:
        return self.dtype


class _Array(Pending):
    """An array; shape, dtype and numbers come with its state."""

    def __init__(self, _kind: Any, _shape: Any, _code: Any) -> None:
        self.array: np.ndarray[Any, Any] | None = None

    def set_state(self, state: Any) -> None:
        if type(state) is not tuple or len(state) != 5 or type(state[3]) not in (bool, int):
            raise PickleError("the state of a NumPy array is not one")
        _version, shape, dtype, is_fortran, content = state
        self.array = _filled(content, dtype, shape, "F" if is_fortran else "C")

    def result(self) -> np.ndarray[Any, Any]:
        if self.array is None:
            raise PickleError("a NumPy array has no state")
        return self.array


def _filled(content: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray[Any, Any]:
    """A new array of the machine's byte order."""
    if type(dtype) is not _Type or type(content) not in (bytes, bytearray) or type(order) is not str:
        raise PickleError(f"a NumPy array of {kind_of(dtype)} and {kind_of(content)}")
    if type(shape) is not tuple or len(shape) > _MAX_DIMS or not all(type(n) is int and n >= 0 for n in shape):
        raise PickleError("the shape of a NumPy array is no tuple of sizes")
    code = dtype.dtype
    if math.prod(shape) * code.itemsize != len(content):  # Python integers: they do not overflow
        raise PickleError(f"a NumPy array of {code} lies: its shape and its {len(content):,} bytes do not fit")
    made = np.frombuffer(content, code) if content else np.empty(0, code)
    return made.astype(code.newbyteorder("=")).reshape(shape, order="F" if order == "F" else "C")


def _scalar(dtype: Any, content: Any) -> Any:
    return _filled(content, dtype, (), "C")[()]


_MULTIARRAY: dict[str, Callable[..., Any]] = {"_reconstruct": _Array, "scalar": _scalar}
_CORES = ("numpy.core", "numpy._core")  # of NumPy 1 and 2
NUMPY_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): Word(np.ndarray),
    ("numpy", "dtype"): Maker(_Type),
    **{(f"{core}.multiarray", name): Maker(make) for core in _CORES for name, make in _MULTIARRAY.items()},
    **{(f"{core}.numeric", "_frombuffer"): Maker(_filled) for core in _CORES},
}
