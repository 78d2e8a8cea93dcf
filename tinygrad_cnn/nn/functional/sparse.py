"""Lookups by integer, as functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.graph import Array, array_of
from ...ops import embedding as ops
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
        max_norm, norm_type, scale_grad_by_freq, sparse: not supported; anything but the default is an error.

    Returns:
        (..., D): the input's shape, and D.

    Raises:
        IndexError: a number without a row, named with its position.

    >>> embedding(np.array([1, 0]), np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    name = "embedding"
    refuse_what_is_not_supported(
        name, max_norm=max_norm, norm_type=norm_type, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse
    )
    check_array(input, "input", name)
    check_array(weight, "weight", name)
    if dtype_of(input).kind not in "iu":
        raise TypeError(f"{name}: input must hold integers, got dtype {dtype_of(input)}; convert it with .long()")
    if weight.ndim != 2:
        raise ValueError(f"{name}: weight must have shape (rows, features), got {tuple(weight.shape)}")
    rows = weight.shape[0]
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise ValueError(f"{name}: padding_idx {padding_idx} is no row of weight {tuple(weight.shape)}")
        padding_idx %= rows
    i: Any = array_of(input)
    bad = (i < 0) | (i >= rows)
    if bad.any():
        where = tuple(int(k) for k in np.argwhere(bad)[0])
        at = f" at position {where[0] if len(where) == 1 else where}" if where else ""
        raise IndexError(
            f"{name}: index {int(i[where])}{at} is out of range for a weight of {rows} rows: expected 0 to {rows - 1}"
        )
    return ops.embedding(weight, i.astype(np.intp, copy=False), padding=padding_idx, blank=False)


_SUPPORTED = {"max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False, "sparse": False}


def refuse_what_is_not_supported(name: str, **settings: Any) -> None:
    """Raise for PyTorch's other settings of an embedding, unless they are at their defaults."""
    if settings != _SUPPORTED:
        what, value = next((what, value) for what, value in settings.items() if value != _SUPPORTED[what])
        raise NotImplementedError(f"{name}: {what}={value} is not supported; leave it at {_SUPPORTED[what]}")
