"""Losses of several labels a sample, as functions; their reduction is described in `reductions`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.guarding import awake
from ...autograd.backward import cast
from ...autograd.graph import Array
from ...ops import activation
from ...ops import elementwise as e
from ...ops.index import take_along_dim
from ...ops.reduce import mean as mean_over
from ...ops.reduce import sum as sum_over
from ...ops.watched import aside
from . import guards
from .arguments import check_array, check_floating, check_same_shape, dtype_of
from .reductions import check_pair, reduced, reduction_of


def multilabel_soft_margin_loss(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """Binary cross-entropy of each class by itself, from scores, averaged over the classes.

    Args:
        input, target: (N, C) or (C,); the targets are 1 where a sample has the class, else 0; they may be
            integers.
        weight: (C,), a factor for each class.
    """
    name = "multilabel_soft_margin_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_array(target, "target", name)
    if dtype_of(target).kind in "iu":  # as classes come
        target = cast(target, dtype=dtype_of(input))
    check_pair(input, target, name)
    if not input.ndim:
        raise ValueError(f"{name}: expected input (N, C) or (C,), got a single number")
    if awake():
        guards.logits(input, name)
    losses = -(target * activation.logsigmoid(input) + (1 - target) * activation.logsigmoid(-input))
    if weight is not None:
        losses = losses * weight
    return reduced(mean_over(losses, -1), reduction)


def multilabel_margin_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """The sum of max(0, 1 - (x_j - x_i)) / C over all classes j that a sample has and all i that it has not.

    Args:
        input: scores (N, C) or (C,).
        target: of the same shape, int64: the classes that a sample has, first; -1 ends the list.

    Raises:
        ValueError: a class that is neither -1 nor in [0, C).
    """
    name = "multilabel_margin_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_floating(input, "input", name)
    check_array(target, "target", name)
    check_same_shape(input, target, name)
    if dtype_of(target) != np.int64:
        raise TypeError(f"{name}: target must hold classes, int64, got {dtype_of(target)}")
    if input.ndim not in (1, 2):
        raise ValueError(f"{name}: expected input (N, C) or (C,), got {tuple(input.shape)}")
    C = input.shape[-1]
    compared, places = aside(_compared, target, C=C, name=name)
    own = take_along_dim(input, places, -1)[..., :, None]  # (N, C of the list, 1)
    gaps = e.where(compared, 1 - own + input[..., None, :], 0.0)  # (N, C of the list, C)
    losses = sum_over(activation.threshold(gaps, at=0.0, value=0.0), (-2, -1)) / max(C, 1)
    return reduced(losses, reduction)


def _compared(t: Any, *, C: int, name: str) -> tuple[Any, Any]:
    """Which classes listed are compared with which others, (N, C of the list, C); and the list, with 0 at its end."""
    if t.size and (t.min() < -1 or t.max() >= C):
        raise ValueError(f"{name}: classes must be -1 (the end) or in [0, {C}), got {t[(t < -1) | (t >= C)][0]}")
    listed = np.logical_and.accumulate(t >= 0, axis=-1)  # (N, C): entries before the first -1
    has = np.zeros((*t.shape[:-1], C + 1), bool)
    np.put_along_axis(has, np.where(listed, t, C), True, axis=-1)
    return listed[..., :, None] & ~has[..., None, :-1], np.where(listed, t, 0)
