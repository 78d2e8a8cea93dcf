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
from .watched import aside

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
    aside(_check_shares, q, name=name)
    return _reshape(q, shape=(a.size,))


def _check_shares(a: Any, *, name: str) -> None:
    if not ((a >= 0) & (a <= 1)).all():
        raise RuntimeError(f"{name}: q must lie in [0, 1], got {a.tolist()}")


def _missing(ordered: Any) -> Any:
    """Is a NaN among the last dimension?"""
    return np.isnan(ordered).any(-1, keepdims=True)


def _last_number(ordered: Any) -> Any:
    """Where the last number stands, before the NaN at the end of the last dimension."""
    return np.maximum(np.sum(~np.isnan(ordered), -1, keepdims=True) - 1, 0).astype(ordered.dtype)


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
    if ignore_nan:
        ranks = qs * aside(_last_number, ordered)  # (..., Q)
    else:
        ranks = choose(aside(_missing, ordered), np.asarray(n - 1, x.dtype), qs * np.asarray(n - 1, x.dtype))
    y = _at(ordered, ranks, mode)
    y = movedim(y, -1, 0)
    rest = kept if keepdim else kept[:d] + kept[d + 1 :] if d is not None and shape else ()
    many = np.ndim(array_of(q)) > 0
    return _reshape(y, shape=(qs.shape[0], *rest) if many else rest)


def _at(ordered: Array, ranks: Array, mode: str) -> Array:
    """The elements at fractional positions along the last dimension."""
    d, rest = ordered.ndim - 1, tuple(ordered.shape[:-1])
    if mode == "nearest":
        return _gather(ordered, aside(_nearest, ranks, rest=rest), dim=d)
    low, high, floor = aside(_below_and_above, ranks, rest=rest)
    if mode != "higher":
        below = _gather(ordered, low, dim=d)
    if mode == "lower":
        return below
    above = _gather(ordered, high, dim=d)
    if mode == "higher":
        return above
    return _lerp(below, above, np.asarray(0.5, ordered.dtype) if mode == "midpoint" else ranks - floor)


def _nearest(ranks: Any, *, rest: tuple[int, ...]) -> Any:
    return np.round(np.broadcast_to(ranks, (*rest, ranks.shape[-1]))).astype(np.intp)


def _below_and_above(ranks: Any, *, rest: tuple[int, ...]) -> tuple[Any, ...]:
    """The whole positions below and above, and those below as floating numbers."""
    r = np.broadcast_to(ranks, (*rest, ranks.shape[-1]))
    floor = np.floor(r)
    return floor.astype(np.intp), np.ceil(r).astype(np.intp), floor
