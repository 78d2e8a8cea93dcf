"""Losses of pairs and triplets of vectors, as functions; their reduction is described in `reductions`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd.graph import Array
from ...ops import elementwise as e
from ...ops.limits import clamp_min
from ...ops.reduce import sum as sum_over
from ...ops.watched import aside
from .activation import pairwise_distance
from .arguments import check_array, check_floating
from .reductions import reduced, reduction_of


def triplet_margin_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """max(0, |anchor - positive| - |anchor - negative| + margin): the positive should be nearer by a margin.

    Source: Balntas, Riba, Ponsa and Mikolajczyk, 2016.

    Args:
        anchor, positive, negative: (N, D) or (D,).
        margin: > 0.
        p, eps: of the distance, `pairwise_distance`.
        swap: use the distance of positive and negative, where that is less than the anchor's to the negative.
    """
    name = "triplet_margin_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)

    def distance(a: Array, b: Array) -> Array:
        return pairwise_distance(a, b, p, eps)

    return _triplets(anchor, positive, negative, distance, margin, swap, reduction, name)


def triplet_margin_with_distance_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Array:
    """`triplet_margin_loss` with a distance of one's own: a function of two tensors; `pairwise_distance` if None."""
    name = "triplet_margin_with_distance_loss"
    reduction = reduction_of(None, None, reduction, name)
    return _triplets(anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction, name)


def _triplets(
    anchor: Array, positive: Array, negative: Array, distance: Any, margin: float, swap: bool, reduction: str, name: str
) -> Array:
    for x, what in ((anchor, "anchor"), (positive, "positive"), (negative, "negative")):
        check_floating(x, what, name)
        if x.ndim != anchor.ndim:
            shapes = ", ".join(str(tuple(t.shape)) for t in (anchor, positive, negative))
            raise ValueError(f"{name}: the three tensors must have the same number of dimensions, got shapes {shapes}")
    if not margin > 0:
        raise ValueError(f"{name}: margin must be a number > 0, got {margin!r}")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = e.minimum(far, distance(positive, negative))
    return reduced(clamp_min(margin + near - far, 0), reduction)


def _signs(t: Any) -> tuple[Any, Any]:
    """Where a target is 1, and where it is -1."""
    return np.asarray(t == 1), np.asarray(t == -1)


def cosine_embedding_loss(
    input1: Array,
    input2: Array,
    target: Array,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """1 - cos(input1, input2) where target is 1, max(0, cos(input1, input2) - margin) where it is -1.

    Args:
        input1, input2: (N, D) or (D,).
        target: (N,) or (), of 1 and -1.
    """
    name = "cosine_embedding_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_floating(input1, "input1", name)
    check_floating(input2, "input2", name)
    check_array(target, "target", name)
    if target.ndim > 1 or input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise ValueError(
            f"{name}: expected inputs (N, D) with target (N,), or (D,) with (), got {tuple(input1.shape)}, "
            f"{tuple(input2.shape)} and {tuple(target.shape)}"
        )
    tiny = 1e-12  # beside the squares, so that a vector of zeros has an angle
    product, one, two = (sum_over(a * b, -1) for a, b in ((input1, input2), (input1, input1), (input2, input2)))  # (N,)
    cosine = product / e.sqrt((one + tiny) * (two + tiny))
    alike, apart = aside(_signs, target)
    losses = e.where(alike, 1 - cosine, 0.0) + e.where(apart, clamp_min(cosine - margin, 0), 0.0)
    return reduced(losses, reduction)
