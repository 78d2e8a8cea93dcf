"""Lookups by integer, as functions."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ...arrays.writes import mutated
from ...autograd.backward import cast
from ...autograd.graph import Array, Variable, array_of
from ...ops import embedding as ops
from ...ops.watched import aside, reading
from .arguments import check_array, dtype_of


def embedding(
    input: Array,
    weight: Array,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Array:
    """The rows of a table that integers name.

    Args:
        input: integers of any shape, 0 to V - 1.
        weight: the table, (V, D).
        padding_idx: the row that gets no gradient; negative counts from the end.
        max_norm: rows that are looked up and longer than this are shortened to it first, in the table itself.
        norm_type: the order of the norm that ``max_norm`` is about.
        scale_grad_by_freq: divide the gradient of a row by how often it was looked up.
        sparse: a hint, which changes nothing: gradients are dense.

    Returns:
        (..., D): the input's shape, and D.

    Raises:
        IndexError: a number without a row, named with its position.

    >>> embedding(np.array([1, 0]), np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    del sparse
    if isinstance(input, Variable) and input.dtype.kind in "iu" and input.dtype != np.intp:  # type: ignore[attr-defined]
        input = cast(input, dtype=np.dtype(np.intp))
    i, padding = looked_up(input, weight, padding_idx, "embedding")
    if max_norm is not None:
        shorten(weight, i, max_norm, norm_type)
    y = ops.embedding(weight, i, padding=padding, blank=False)
    return shared_out(y, i, weight.shape[0]) if scale_grad_by_freq else y


def looked_up(input: Array, weight: Array, padding_idx: int | None, name: str) -> tuple[Any, int | None]:
    """The numbers of the rows as an array, and of the padding, counted from the start; both checked."""
    check_array(input, "input", name)
    check_array(weight, "weight", name)
    if dtype_of(input).kind not in "iu":
        raise TypeError(f"{name}: input must hold integers, got dtype {dtype_of(input)}; convert it with .long()")
    if weight.ndim != 2:
        raise ValueError(f"{name}: weight must have shape (rows, features), got {tuple(weight.shape)}")
    rows = weight.shape[0]
    if padding_idx is not None:
        padding_idx = operator.index(padding_idx)
        if not -rows <= padding_idx < rows:
            raise ValueError(f"{name}: padding_idx {padding_idx} is no row of weight {tuple(weight.shape)}")
        padding_idx %= rows
    return aside(_numbers, input, rows=rows, name=name), padding_idx


def _numbers(i: Any, *, rows: int, name: str) -> Any:
    """The numbers of rows, checked."""
    bad = (i < 0) | (i >= rows)
    if bad.any():
        where = tuple(int(k) for k in np.argwhere(bad)[0])
        at = f" at position {where[0] if len(where) == 1 else where}" if where else ""
        raise IndexError(
            f"{name}: index {int(i[where])}{at} is out of range for a weight of {rows} rows: expected 0 to {rows - 1}"
        )
    return i.astype(np.intp, copy=False)


def shorten(weight: Array, i: Any, max_norm: float, norm_type: float) -> None:
    """Scale those rows i of the table whose norm is above ``max_norm`` down to it, in place and off the record."""
    table: Any = array_of(reading(weight, "max_norm"))
    rows = np.unique(i)
    norms = np.linalg.norm(table[rows], norm_type, axis=1)
    long = norms > max_norm
    if long.any():
        table[rows[long]] *= (max_norm / (norms[long] + 1e-7)).astype(table.dtype)[:, None]
        mutated(table)


def shared_out(y: Array, i: Any, rows: int) -> Array:
    """y, with the gradient of each entry divided by how often its row was looked up."""
    return ops.scale_gradient(y, aside(_shares, i, rows=rows, dtype=dtype_of(y)))


def _shares(i: Any, *, rows: int, dtype: np.dtype[Any]) -> Any:
    counts = np.bincount(i.ravel(), minlength=rows)
    return (1 / counts[i]).astype(dtype)[..., None]
