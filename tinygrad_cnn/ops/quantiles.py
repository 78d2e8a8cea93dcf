"""Quantiles: what lies so far into the sorted numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.graph import Array, array_of
from .elementwise import choose
from .index import _gather
from .ordering import sort
from .shape import _reshape, checked, movedim, normalise_dim
from .special import _lerp

MODES = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(
    input: Array, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Array:
    """The q-th quantile, 0 <= q <= 1, along ``dim`` or of all elements; NaN where there is one among them.

    ``q`` is a number, or a tensor of them: then the result has its quantiles along a new first dimension. Between two
    elements, ``interpolation`` takes their weighted mean ("linear"), one of them ("lower", "higher", "nearest"), or the
    middle ("midpoint").

    >>> float(quantile(np.array([0.0, 1.0, 4.0]), 0.75))
    2.5
    """
    return _quantiles("quantile", input, q, dim, keepdim, interpolation, False)


def nanquantile(
    input: Array, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Array:
    """The q-th quantile of what is not NaN, as `quantile`; NaN where nothing else is there."""
    return _quantiles("nanquantile", input, q, dim, keepdim, interpolation, True)


def _checked_q(name: str, q: Any, x: Any) -> Any:
    """q as a vector of the dtype of x: the tensor itself, where it is one."""
    if isinstance(q, (int, float)):
        q = np.asarray(q, x.dtype)
    a = array_of(checked(q, name))
    if a.dtype != x.dtype:
        raise RuntimeError(f"{name}: q has dtype {a.dtype}, but the input {x.dtype}; cast one of them")
    if a.ndim > 1:
        raise RuntimeError(f"{name}: q must be a number or a vector, got shape {a.shape}")
    if not ((a >= 0) & (a <= 1)).all():
        raise RuntimeError(f"{name}: q must lie in [0, 1], got {a.tolist()}")
    return _reshape(q, shape=(a.size,))


def _quantiles(name: str, input: Any, q: Any, dim: Any, keepdim: bool, mode: str, ignore_nan: bool) -> Array:
    x = checked(input, name)
    if x.dtype.kind != "f" or x.dtype.itemsize < 4:
        raise RuntimeError(f"{name}: needs float32 or float64, got {x.dtype}; convert it with .float()")
    if mode not in MODES:
        raise RuntimeError(f"{name}: interpolation must be one of {', '.join(MODES)}, got {mode!r}")
    shape = tuple(x.shape)
    qs = _checked_q(name, q, x)  # (Q,)
    d = None if dim is None else normalise_dim(dim, len(shape), name)
    if d is None or not shape:
        x, kept = _reshape(x, shape=(math.prod(shape),)), (1,) * len(shape)
    else:
        x, kept = movedim(x, d, -1), (*shape[:d], 1, *shape[d + 1 :])
    n = x.shape[-1]
    if not math.prod(shape):
        raise RuntimeError(f"{name}: of nothing, a tensor of shape {shape}")
    ordered = sort(x, -1).values  # NaN at the end
    numbers = np.sum(~np.isnan(array_of(ordered)), -1, keepdims=True)
    if ignore_nan:
        ranks = qs * np.maximum(numbers - 1, 0).astype(x.dtype)  # (..., Q)
    else:
        ranks = choose(numbers < n, np.asarray(n - 1, x.dtype), qs * np.asarray(n - 1, x.dtype))
    y = _at(ordered, ranks, mode)
    y = movedim(y, -1, 0)
    rest = kept if keepdim else kept[:d] + kept[d + 1 :] if d is not None and shape else ()
    many = np.ndim(array_of(q)) > 0
    return _reshape(y, shape=(qs.shape[0], *rest) if many else rest)


def _at(ordered: Array, ranks: Array, mode: str) -> Array:
    """The elements at fractional positions along the last dimension."""
    r = array_of(ranks)
    r = np.broadcast_to(r, (*ordered.shape[:-1], r.shape[-1]))
    if mode == "nearest":
        return _gather(ordered, np.round(r).astype(np.intp), dim=ordered.ndim - 1)
    low = _gather(ordered, np.floor(r).astype(np.intp), dim=ordered.ndim - 1)
    if mode == "lower":
        return low
    high = _gather(ordered, np.ceil(r).astype(np.intp), dim=ordered.ndim - 1)
    if mode == "higher":
        return high
    return _lerp(low, high, np.asarray(0.5, ordered.dtype) if mode == "midpoint" else ranks - np.floor(r))
