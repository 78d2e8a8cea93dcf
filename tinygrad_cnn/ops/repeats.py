"""Sums where an index repeats: the adjoint of reading by arrays of positions. Plain NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray


def picked_dims(picks: tuple[Any, ...]) -> tuple[int, tuple[int, ...]]:
    """Where the dimensions of the picking arrays stand in the result, and their common shape."""
    where = [i for i, p in enumerate(picks) if not isinstance(p, slice)]
    together = where[-1] - where[0] == len(where) - 1
    return (where[0] if together else 0), np.broadcast_shapes(*(picks[i].shape for i in where))


def rows_of(shape: tuple[int, ...], picks: tuple[Any, ...]) -> tuple[ndarray, int, list[int]]:
    """The picked dimensions joined into one: the rows picked, how many rows there are, and which dimensions."""
    dims = [i for i, p in enumerate(picks) if not isinstance(p, slice)]
    rows: Any = 0
    for d in dims:
        rows = rows * shape[d] + picks[d]
    return np.ravel(rows), math.prod(shape[d] for d in dims), dims


def add_at(out: ndarray, picks: tuple[Any, ...], x: ndarray) -> None:
    """out[picks] = the sum of the entries of x for each place."""
    rows, n, dims = rows_of(out.shape, picks)
    front, picked = picked_dims(picks)
    table = np.transpose(out, dims + [d for d in range(out.ndim) if d not in dims])
    moved = np.moveaxis(x, range(front, front + len(picked)), range(len(picked)))
    width = math.prod(table.shape[len(dims) :])
    table[...] = sum_rows(moved.reshape(rows.size, width), rows, n).reshape(table.shape)


def sum_rows(x: ndarray, rows: ndarray, n: int) -> ndarray:
    """An (n, D) array whose row k is the sum of those rows of x, (M, D), that ``rows`` sends to k."""
    out = np.zeros((n, x.shape[1]), x.dtype)
    if x.shape[1] >= 8 and (not rows.size or np.bincount(rows).max() == 1):
        out[rows] = x
    else:  # one flat index: ufunc.at is some 6 times faster there than on rows
        width = x.shape[1]
        flat = rows if width == 1 else (rows[:, None] * width + np.arange(width)).ravel()
        np.add.at(out.reshape(-1), flat, np.ascontiguousarray(x).ravel())
    return out
