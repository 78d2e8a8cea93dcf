"""Python's numbers at the door of a tensor: what they become in its dtype, and how they compare with what it holds.

One rule for every door. An integer dtype holds the whole numbers of its range, 3.0 among them; a fraction, NaN, an
infinity or a number out of range is a ValueError. (PyTorch cuts fractions off, and wraps some numbers around.) A
boolean dtype takes any number as its truth, NaN as true, and a floating one the nearest that it has, as in PyTorch.

NumPy's scalars count as Python's numbers. Arrays and tensors do not: where one is written, it is cast as by
``.to(dtype)``; only where a single number is asked for, one of no dimensions stands for its number.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.graph import Variable
from .watched import reading

_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)
_KEPT = 2**53  # whole numbers up to here are kept exactly in float64
_BELOW, _LEVEL, _ABOVE = (np.array(n, np.int8) for n in (-1, 0, 1))
_NAN = np.array(math.nan)


# ------------------------------------------------------------------------------------------------------- one number
def number_for(value: Any, dtype: np.dtype[Any], name: str = "", where: str = "") -> Any:
    """A number that is to stand in an array of this dtype, as Python's bool, int or float.

    Args:
        value: a Python number, a NumPy scalar, or a tensor or array of no dimensions.
        name: the function that it was given to, for the message.
        where: its place among several, for the message.

    Raises:
        TypeError: no number came.
        ValueError: the dtype does not hold it.
    """
    kind = dtype.kind
    if type(value) is float and kind == "f":
        return value
    if type(value) not in (int, float, bool):
        value = _plain(value, name, where)
    if kind == "b":
        return bool(value)
    if kind == "f":
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{_door(name)}{_text(value)}{where} is too large for a floating number") from None
    least, largest = limits(dtype)
    if least <= value <= largest and value == int(value):
        return int(value)
    raise ValueError(_refusal(value, dtype, name, where))


def array_for(value: Any, dtype: np.dtype[Any], name: str = "") -> ndarray[Any, Any]:
    """A number, or nested lists of numbers, as an array of this dtype; each is held to `number_for`."""
    if type(value) in (int, float, bool) or isinstance(value, _NUMBERS):
        return scalar_for(value, dtype, name)
    return fitted(gathered(value, name, exact=dtype.kind in "iu"), dtype, name)


def scalar_for(value: Any, dtype: np.dtype[Any], name: str = "", where: str = "") -> ndarray[Any, Any]:
    """`number_for` as an array of no dimensions; what is too large for a floating dtype becomes infinite."""
    number = number_for(value, dtype, name, where)
    if type(number) is float and (number > 6e4 or number < -6e4):
        with np.errstate(over="ignore"):
            return np.asarray(number, dtype)
    return np.asarray(number, dtype)


@functools.lru_cache
def limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    """The least and the largest number of an integer or boolean dtype."""
    if dtype.kind == "b":
        return 0, 1
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def _plain(value: Any, name: str, where: str) -> Any:
    """A NumPy scalar, a 0-d tensor or an array of no dimensions, as a Python number."""
    if isinstance(value, (int, float)):  # of a subclass
        return float(value) if isinstance(value, float) else int(value)
    a = reading(value, f"{name}()" if name else "a number")._array if isinstance(value, Variable) else value
    if isinstance(a, (ndarray, np.generic)) and a.dtype.kind in "fiub":
        if a.ndim:
            raise ValueError(f"{_door(name)}expected a number or a 0-d tensor as value{where}, got shape {a.shape}")
        return float(a) if a.dtype.kind == "f" else a.item()
    raise TypeError(f"{_door(name)}expected a number{where}, got {_text(value)}")


def _door(name: str) -> str:
    return f"{name}(): " if name else ""


def _text(value: Any) -> str:
    """What came, in a few words."""
    if type(value) is int and value.bit_length() > 400:  # Python refuses to write out the largest ones
        digits = int(value.bit_length() * math.log10(2))
        return f"{'-' if value < 0 else ''}10**{digits} or more"
    if value is None or isinstance(value, (bool, int, float, complex)):
        return str(value)
    if isinstance(value, (str, bytes)):
        return f"the {'string' if isinstance(value, str) else 'bytes'} {value[:40]!r}"
    if isinstance(value, ndarray):
        return f"an array of dtype {value.dtype}"
    return type(value).__name__


def _refusal(value: Any, dtype: np.dtype[Any], name: str, where: str) -> str:
    least, largest = limits(dtype)
    if type(value) is float and not math.isfinite(value):
        advice = "take a floating dtype, as with .float(), which holds it"
    elif value != int(value):
        advice = "take a floating dtype, as with .float(), or round the number yourself"
    elif dtype.itemsize < 8 and -(2**63) <= value < 2**63:
        advice = "take a wider dtype, as with .long() or .float()"
    else:
        advice = "take a floating dtype, as with .float()"
    return (
        f"{_door(name)}{_text(value)}{where} is no number of dtype {dtype}, which holds the integers from {least} to "
        f"{largest}; {advice}"
    )


# -------------------------------------------------------------------------------------------------- lists of numbers
def gathered(data: Any, name: str, exact: bool) -> ndarray[Any, Any]:
    """Nested lists of numbers as one array; of objects, where NumPy has no dtype that keeps them all.

    Floats make floats of the integers beside them; ``exact`` keeps those integers that float64 would round.

    Raises:
        TypeError: something else than a number came; the message has it and its place.
        ValueError: the lists differ in length.
    """
    a = _collected(data, name)
    if a.dtype.kind in "iub":
        return a
    if a.dtype.kind == "f":
        if not exact and _has_float(data):
            return a
        large = a.dtype.itemsize == 8 and a.size and not (np.abs(a) < _KEPT).all()  # integers may have been rounded
        return np.array(data, object) if large and _has_large_integers(data) else a
    stranger = _stranger(data)
    if stranger is not None:
        thing, place = stranger
        raise TypeError(f"{_door(name)}expected numbers, got {_text(thing)}{_at(place)}")
    if a.dtype.kind != "O":
        raise TypeError(f"{_door(name)}a Tensor holds real numbers, got {type(data).__name__} of dtype {a.dtype}")
    return a


def _collected(data: Any, name: str) -> ndarray[Any, Any]:
    try:
        return np.asarray(data)
    except (ValueError, TypeError, OverflowError):
        stranger = _stranger(data)
        if stranger is None:
            raise ValueError(f"{_door(name)}nested lists must have one length in each dimension") from None
        thing, place = stranger
        raise TypeError(f"{_door(name)}expected numbers, got {_text(thing)}{_at(place)}") from None


def _stranger(data: Any, place: tuple[int, ...] = ()) -> tuple[Any, tuple[int, ...]] | None:
    """The first thing in nested lists that is no number, and where it stands."""
    if isinstance(data, (list, tuple)):
        found = (_stranger(x, (*place, i)) for i, x in enumerate(data))
        return next((f for f in found if f is not None), None)
    a = data._array if isinstance(data, Variable) else data
    real = a.dtype.kind in "fiub" if isinstance(a, ndarray) else isinstance(a, _NUMBERS)
    return None if real else (data, place)


def _has_float(data: Any) -> bool:
    if isinstance(data, (list, tuple)):
        return any(map(_has_float, data))
    return isinstance(data, (float, np.generic, ndarray, Variable))


def _has_large_integers(data: Any) -> bool:
    if isinstance(data, (list, tuple)):
        return any(map(_has_large_integers, data))
    return isinstance(data, int) and not -_KEPT <= data <= _KEPT


def _at(place: tuple[int, ...]) -> str:
    """Where in nested lists: the words for the message."""
    return f" at position {place[0] if len(place) == 1 else place}" if place else ""


def fitted(a: ndarray[Any, Any], dtype: np.dtype[Any], name: str) -> ndarray[Any, Any]:
    """An array of numbers in another dtype, each held to `number_for`; the array itself where the dtype is the same."""
    if a.dtype == dtype:
        return a
    if a.dtype.kind == "O":
        each = [scalar_for(x, dtype, name, _at(place)) for place, x in np.ndenumerate(a)]
        return np.array(each, dtype).reshape(a.shape)
    if dtype.kind in "iu" and a.size:
        least, largest = limits(dtype)
        if a.dtype.kind == "f":
            exact = a.astype(np.float64, copy=False)
            good = (exact == np.trunc(exact)) & (exact >= float(least)) & (exact < float(largest + 1))
        else:
            good = np.asarray((a >= least) & (a <= largest))
        if not good.all():
            place = tuple(int(i) for i in np.argwhere(~good)[0])
            raise ValueError(_refusal(a[place].item(), dtype, name, _at(place)))
    with np.errstate(over="ignore"):
        return a.astype(dtype)


def written(value: Any, dtype: np.dtype[Any], name: str = "") -> ndarray[Any, Any]:
    """What is written into an array of this dtype: a number, a list of them, or an array, which is cast without a word.

    That cast gives fractions cut off, and for NaN and numbers out of range whatever the machine makes of them.
    """
    if type(value) is float and dtype.kind == "f":  # the common cases, quickly
        return np.asarray(value)
    if type(value) is int and dtype.kind in "iu":
        least, largest = limits(dtype)
        if least <= value <= largest:
            return np.asarray(value, dtype)
    if not isinstance(value, ndarray):
        return array_for(value, dtype, name)
    if value.dtype.kind == "f" and dtype.kind in "iu":
        with np.errstate(invalid="ignore"):
            return value.astype(dtype)
    return value


# --------------------------------------------------------------------------------------------------------- comparing
def beside(x: ndarray[Any, Any], number: Any) -> tuple[Any, Any]:
    """Two operands of NumPy's comparisons that compare as x, integers or booleans, and the number do: exactly.

    A whole number that x can hold takes its dtype. Any other is nowhere equal to x, and where x lies, below it or
    above, is all that counts.
    """
    if type(number) is float:
        if math.isnan(number):
            return np.broadcast_to(_NAN, x.shape), _NAN
        if math.isinf(number):
            return np.broadcast_to(_BELOW if number > 0 else _ABOVE, x.shape), _LEVEL
        whole = math.floor(number)
        if whole != number:
            return np.where(np.greater(*beside(x, whole)), _ABOVE, _BELOW), _LEVEL
        number = whole
    least, largest = limits(x.dtype)
    if least <= number <= largest:
        return x, np.asarray(number, x.dtype)
    return np.broadcast_to(_BELOW if number > largest else _ABOVE, x.shape), _LEVEL
