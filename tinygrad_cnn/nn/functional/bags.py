"""Bags of rows of a table: their sums, means and largest values, as a function."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.graph import Array, array_of
from ...ops import embedding as ops
from ...ops.extremes import max as largest
from ...ops.index import cut
from ...ops.joining import stack
from ...ops.lookup import index_add, index_select
from ...ops.reduce import sum as sum_over
from ...ops.shape import _reshape
from ...ops.watched import aside, reading
from .arguments import check_array, check_floating, dtype_of
from .sparse import looked_up, shared_out, shorten


def embedding_bag(
    input: Array,
    weight: Array,
    offsets: Array | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Array | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Array:
    """Look up bags of rows of a table, and make one row of each bag.

    Args:
        input: integers: (bags, length), or (n,) with ``offsets``.
        weight: the table, (V, D).
        offsets: (bags,), where in the input each bag begins; the first is 0, and none is less than the one before.
        max_norm, norm_type, scale_grad_by_freq, sparse: as for `embedding`.
        mode: "sum", "mean" or "max".
        per_sample_weights: of the input's shape, what each row is multiplied by; for "sum" alone.
        include_last_offset: does ``offsets`` end with the length of the input, where no bag begins?
        padding_idx: the row that does not count and gets no gradient; negative counts from the end.

    Returns:
        (bags, D); zeros for a bag of nothing.
    """
    name = "embedding_bag"
    del sparse
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"{name}: mode must be 'sum', 'mean' or 'max', got {mode!r}")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError(f"{name}: scale_grad_by_freq is for the modes 'sum' and 'mean'")
    check_floating(weight, "weight", name)
    i, padding = looked_up(input, weight, padding_idx, name)
    if i.ndim == 1:
        reading(offsets, f"{name}() with offsets")  # how much lies in a bag
    starts = _starts(i, offsets, include_last_offset, name)  # (bags + 1,)
    if per_sample_weights is not None:
        check_array(per_sample_weights, "per_sample_weights", name)
        if mode != "sum":
            raise NotImplementedError(f"{name}: per_sample_weights is for mode='sum', got mode={mode!r}")
        if per_sample_weights.shape != i.shape or dtype_of(per_sample_weights) != dtype_of(weight):
            raise ValueError(
                f"{name}: per_sample_weights must have the input's shape {i.shape} and the weight's dtype "
                f"{dtype_of(weight)}, got {tuple(per_sample_weights.shape)} and {dtype_of(per_sample_weights)}"
            )
        per_sample_weights = _reshape(per_sample_weights, shape=(i.size, 1))
    i = aside(np.ravel, i)
    if max_norm is not None:
        shorten(weight, i, max_norm, norm_type)
    bag = np.repeat(np.arange(len(starts) - 1), np.diff(starts))  # of each row looked up
    if padding is not None:
        counted, i, bag = aside(_counted, i, bag, padding=padding)
        if per_sample_weights is not None:
            per_sample_weights = index_select(per_sample_weights, 0, counted)
    rows = ops.embedding(weight, i, padding=None, blank=False)  # (n, D)
    if scale_grad_by_freq:
        rows = shared_out(rows, i, weight.shape[0])
    counts, many = aside(_sizes, bag, bags=len(starts) - 1, dtype=dtype_of(weight))
    if mode == "max":
        return _largest(rows, counts if padding is None else reading(counts, f"{name}() with padding_idx"))
    if per_sample_weights is not None:
        rows = rows * per_sample_weights
    y = index_add(np.zeros((len(counts), weight.shape[1]), dtype_of(weight)), 0, bag, rows)
    return y / many if mode == "mean" else y


def _counted(i: Any, bag: Any, *, padding: int) -> tuple[Any, Any, Any]:
    """Where no padding is looked up; what is there, and for which bags."""
    counted = np.flatnonzero(i != padding)
    return counted, i[counted], bag[counted]


def _sizes(bag: Any, *, bags: int, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """How much each bag holds; and what to divide its sum by, (bags, 1)."""
    counts = np.bincount(bag, minlength=bags)
    return counts, np.maximum(counts, 1).astype(dtype)[:, None]


def _starts(i: np.ndarray, offsets: Array | None, include_last: bool, name: str) -> np.ndarray:
    """Where each bag begins among all numbers, and where the last one ends."""
    if i.ndim == 2:
        if offsets is not None:
            raise ValueError(f"{name}: an input of shape {i.shape} has its bags as rows, so offsets must be None")
        return np.arange(len(i) + 1) * i.shape[1]
    if i.ndim != 1:
        raise ValueError(f"{name}: input must have shape (bags, length), or (n,) with offsets, got {i.shape}")
    at = None if offsets is None else np.asarray(array_of(offsets))
    if at is None or at.ndim != 1 or at.dtype.kind not in "iu":
        got = "None" if at is None else f"{at.dtype} of shape {at.shape}"
        raise ValueError(f"{name}: an input of shape {i.shape} needs offsets, a vector of integers, got {got}")
    if include_last and not at.size:
        raise ValueError(f"{name}: with include_last_offset=True, offsets must hold at least one number")
    at = at if include_last else np.append(at, i.size)
    if at[0] != 0 or at[-1] != i.size or (np.diff(at) < 0).any():
        raise ValueError(
            f"{name}: offsets must begin with 0, never go down, and end within the {i.size} numbers of the input, got "
            f"{at.tolist()}"
        )
    return at


def _largest(rows: Array, counts: np.ndarray) -> Array:
    """The largest values of each bag; zeros for one of nothing."""
    ends = np.cumsum(counts)
    bags = [cut(rows, 0, int(end - n), int(end)) for n, end in zip(counts, ends, strict=True)]
    if not bags:
        return cut(rows, 0, 0, 0)
    return stack([largest(bag, 0)[0] if bag.shape[0] else sum_over(bag, 0) for bag in bags])
