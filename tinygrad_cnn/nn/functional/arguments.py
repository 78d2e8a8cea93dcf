"""What the functional layer checks at the door: tensors, pairs, windows. The messages name what came and what to do."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ...arrays.like import Like
from ...arrays.windows import Geometry, Pads, Pair
from ...autograd.graph import Array, Variable, array_of

IntOrPair = int | Sequence[int]
T = TypeVar("T")


def door(check: Callable[..., T]) -> Callable[..., T]:
    """Let a check remember its answers: in training, the same layers ask the same questions again and again.

    ``check(*arrays, *settings)`` becomes ``ask(arrays, *settings)``. It is given a `Like` for each tensor or array, so
    all it can read is shapes, dtypes and settings; its answer is shared by all who ask, and must not be changed. What
    it raises is not remembered. Settings are what they are and not what they equal: 2, 2.0 and True differ.
    """

    @functools.lru_cache(maxsize=4096, typed=True)  # conv2d: 1.6 us for an answer instead of 10
    def remembered(n: int, _kinds: tuple[type, ...], *key: Any) -> T:
        pairs = zip(key[:n:2], key[1:n:2], strict=True)
        return check(*(shape if dtype is None else Like(shape, dtype) for shape, dtype in pairs), *key[n:])

    @functools.wraps(check)
    def ask(arrays: tuple[Any, ...], *settings: Any) -> T:
        key: list[Any] = []
        for x in arrays:
            a = x._array if isinstance(x, Variable) else x
            key += (a.shape, a.dtype) if isinstance(a, np.ndarray) else (a, None)
        kinds: list[type] = []
        for setting in settings:
            if isinstance(setting, tuple):
                kinds += map(type, setting)
        try:
            return remembered(len(key), tuple(kinds), *key, *settings)
        except TypeError:  # of the check, or of a key that cannot be hashed, such as a list
            pass
        return remembered.__wrapped__(len(key), (), *key, *settings)

    return ask


def dtype_of(x: Array) -> np.dtype[Any]:
    """The dtype of a tensor or array, in the machine's byte order."""
    dtype: np.dtype[Any] = x._array.dtype if isinstance(x, Variable) else x.dtype
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def check_array(x: Any, name: str, function: str) -> None:
    """x must be a Tensor or an ndarray."""
    if not isinstance(x, (Variable, np.ndarray, Like)):
        raise TypeError(f"{function}: {name} must be a Tensor or an ndarray, got {type(x).__name__}")


def check_floating(x: Any, name: str, function: str) -> None:
    """x must be a Tensor or an ndarray of a floating dtype."""
    if isinstance(x, Variable) and x._array.dtype.kind == "f":
        return
    check_array(x, name, function)
    if dtype_of(x).kind != "f":
        raise TypeError(f"{function}: {name} must be floating point, got dtype {dtype_of(x)}; convert it with .float()")


def check_same_shape(input: Array, target: Array, name: str, other: str = "target") -> None:
    """Two tensors that are taken element by element, and not broadcast."""
    if array_of(input).shape != array_of(target).shape:
        raise ValueError(
            f"{name}: input of shape {tuple(input.shape)} and {other} of shape {tuple(target.shape)} must have the "
            "same shape, and are not broadcast; bring one to the shape of the other with squeeze, unsqueeze or expand"
        )


def check_same_dtype(x: Array, w: Array, function: str, what: str = "weight") -> None:
    """Input and weight (or bias: ``what``) must have one dtype."""
    if dtype_of(x) != dtype_of(w):
        raise TypeError(
            f"{function}: input and {what} must have the same dtype, got {dtype_of(x)} and {dtype_of(w)}; "
            f"convert one, for example input.to({what}.dtype)"
        )


def check_dtype_of_input(x: Array, name: str, dtype: np.dtype[Any], function: str) -> None:
    """x must have the input's dtype, which is the one handed in."""
    if dtype_of(x) != dtype:
        raise TypeError(f"{function}: {name} must have the dtype of the input, {dtype}, got {dtype_of(x)}")


def check_bias(x: Array, bias: Any, n: int, function: str) -> None:
    """A bias must be None, or n numbers of the input's dtype."""
    if bias is None:
        return
    check_array(bias, "bias", function)
    check_same_dtype(x, bias, function, "bias")
    if tuple(bias.shape) != (n,):
        raise ValueError(f"{function}: bias must have shape ({n},), one number a channel, got {tuple(bias.shape)}")


def check_filled(x: Array, kept: int, function: str) -> None:
    """The last ``kept`` dimensions must not be empty: windows need pixels."""
    if 0 in x.shape[x.ndim - kept :]:
        raise ValueError(f"{function}: of input, only the batch may be empty, got shape {tuple(x.shape)}")


def integers(value: IntOrPair, n: int, name: str, function: str, least: int) -> tuple[int, ...]:
    """One integer for each of n dimensions, from an int or a sequence of 1 or n; each at least ``least``."""
    if type(value) is int and value >= least:
        return (value,) * n
    values = (value,) if isinstance(value, (int, np.integer)) else tuple(value) if isinstance(value, Sequence) else None
    if values is None or len(values) not in (1, n) or not all(_is_int(v) for v in values):
        wants = "an int" if n == 1 else f"an int or {n} of them"
        raise TypeError(f"{function}: {name} must be {wants}, got {value!r}")
    if min(values) < least:
        raise ValueError(f"{function}: {name} must be at least {least}, got {value!r}")
    values = tuple(int(v) for v in values)
    return values * n if len(values) == 1 else values


def _is_int(v: Any) -> bool:
    return isinstance(v, (int, np.integer)) and not isinstance(v, bool)


def pair(value: IntOrPair, name: str, function: str, least: int) -> Pair:
    """An int or two of them, as (for H, for W)."""
    first, second = integers(value, 2, name, function, least)
    return first, second


def check_padding(padding: Any, function: str) -> None:
    """A padding in words must be one of the two that there are."""
    if isinstance(padding, str) and padding not in ("same", "valid"):
        raise ValueError(f"{function}: padding must be a number, 'same' or 'valid', got {padding!r}")


def both_sides(padding: Pair) -> Pads:
    """The same padding at the start and the end of each axis."""
    return (padding[0], padding[0]), (padding[1], padding[1])


def batched(x: Array, spatial: int, function: str, layout: str = "") -> tuple[Array, bool]:
    """x with a batch dimension, and whether it lacked one. ``layout`` names the others, if not those of an image."""
    if x.ndim == spatial + 2:
        return x, False
    layout = layout or ("C, H, W" if spatial == 2 else "C, L")
    if x.ndim == spatial + 1:
        return Like((1, *x.shape), x.dtype) if isinstance(x, Like) else x[None], True
    raise ValueError(f"{function}: input must have shape (N, {layout}) or ({layout}), got {tuple(x.shape)}")


def check_fits(geometry: Geometry, size: Pair, function: str) -> None:
    """Every window must fit on the padded image."""
    extent, padded = (geometry.extent(0), geometry.extent(1)), geometry.padded(size)
    if extent[0] > padded[0] or extent[1] > padded[1]:
        dilated = f" with dilation {geometry.dilation}" if geometry.dilation != (1, 1) else ""
        raise ValueError(
            f"{function}: a {geometry.kernel[0]}x{geometry.kernel[1]} window{dilated} spans {extent[0]}x{extent[1]} "
            f"pixels, more than the padded image of {padded[0]}x{padded[1]}; use a smaller kernel, more padding or a "
            "larger image"
        )
