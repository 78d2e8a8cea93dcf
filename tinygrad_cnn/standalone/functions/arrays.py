"""Moving numbers about, and a few sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.graph import Array


def given(x: Any, name: str, shape: tuple[int | None, ...], dtype: Any) -> Array:
    """An input as an array, after a look at its shape, in which None is any number."""
    x = np.asarray(x)
    fits = x.ndim == len(shape) and all(m in (None, n) for n, m in zip(x.shape, shape, strict=True))
    if not fits or not np.can_cast(x.dtype, dtype, "same_kind"):
        wanted = str(shape).replace("None", "N")
        raise ValueError(f"{name} must be {np.dtype(dtype)} of shape {wanted}, got {x.dtype} of shape {x.shape}")
    return x.astype(dtype, copy=False)


def product(a: Array, b: Array) -> Array:
    """a @ b, added up in double precision, in parts: in float32, sums of thousands of numbers lose digits."""
    size = 2048
    parts = range(0, max(a.shape[-1], 1), size)
    y = sum(np.matmul(a[..., k : k + size], b[..., k : k + size, :], dtype=np.float64) for k in parts)
    return y.astype(a.dtype)


def pad(x: Array, widths: Any, value: float = 0) -> Array:
    """Rows of a value around x: (before, after) for each dimension. Negative widths cut off."""
    x = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(widths, x.shape, strict=True))]
    return np.pad(x, [(max(a, 0), max(b, 0)) for a, b in widths], constant_values=value)


def changed(x: Array, index: Any, value: Any) -> Array:
    """A copy of x with x[index] = value."""
    x = np.array(x)
    x[index] = value
    return x


def added(shape: Any, index: Any, x: Array, view: Any = ...) -> Array:
    """Zeros of that shape, to a view of which x is added at an index, as often as that names a place."""
    y = np.zeros(shape, x.dtype)
    np.add.at(y[view], index, x)
    return y


def on_diagonal(x: Array, shape: Any, offset: int, first: int, second: int) -> Array:
    """Zeros of that shape, with x on a diagonal of the matrices in two of its dimensions."""
    y = np.zeros(shape, x.dtype)
    k = np.arange(x.shape[-1])
    np.moveaxis(y, (first, second), (-2, -1))[..., k + max(-offset, 0), k + max(offset, 0)] = x
    return y


def norm(x: Array, p: float, axis: Any = None, keepdims: bool = False) -> Array:
    """The p-norm: the p-th root of the sum of |x| ** p."""
    x = np.abs(x)
    if p == np.inf:
        return x.max(axis, keepdims=keepdims)
    if p == -np.inf:
        return x.min(axis, keepdims=keepdims)
    if p == 0:
        return (x != 0).sum(axis, keepdims=keepdims).astype(x.dtype)
    return (x**p).sum(axis, keepdims=keepdims) ** x.dtype.type(1 / p)


def gather(x: Array, index: Array, axis: int) -> Array:
    """x[..., index, ...]: of each place, the entry that the index names along the axis."""
    corner = tuple(slice(None) if d == axis else slice(n) for d, n in enumerate(index.shape))
    return np.take_along_axis(x[corner], index, axis)


def order(x: Array, axis: int, descending: bool = False) -> Array:
    """The positions that put x in order along an axis; equal numbers stay as they stand."""
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)


def places(index: Array, axis: int) -> Any:
    """What x[...] takes for: of each place, the entry that the index names along the axis."""
    found = list(np.indices(index.shape))
    found[axis] = index
    return tuple(found)


def scatter(x: Array, index: Array, source: Array, axis: int) -> Array:
    """A copy of x with the source's numbers where the index says."""
    x = np.array(x)
    x[places(index, axis)] = source
    return x


def scatter_sum(source: Array, index: Array, shape: tuple[int, ...], axis: int) -> Array:
    """Zeros, with the source's numbers added where the index says."""
    x = np.zeros(shape, source.dtype)
    np.add.at(x, places(index, axis), source)
    return x


def embedding(weight: Array, ids: Array, blank: int | None = None) -> Array:
    """The row of each id; of the blank one zeros."""
    y = weight[ids]
    return y if blank is None else np.where(ids[..., None] == blank, y.dtype.type(0), y)


def embedding_bag(
    ids: Array, weight: Array, mode: str, factors: Array | None = None, blank: int | None = None
) -> Array:
    """The rows of all ids of a bag, ids (N, per bag), as one: their "sum", "mean" or "max". The blank id counts for
    nothing."""
    rows = weight[ids]  # (N, per bag, features)
    there = np.ones(ids.shape, bool) if blank is None else ids != blank
    count = there.sum(1)[:, None]
    if mode == "max":
        most = np.where(there[..., None], rows, -np.inf).max(1)
        return np.where(count > 0, most, 0).astype(rows.dtype)
    factors = there if factors is None else there * factors
    y = (rows * factors[..., None]).sum(1)  # (N, features)
    return y / np.maximum(count, 1).astype(y.dtype) if mode == "mean" else y
