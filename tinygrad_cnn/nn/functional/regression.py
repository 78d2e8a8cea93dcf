"""Losses of the distance from a target, as functions; how they are reduced is described in `reductions`."""

from __future__ import annotations

from ...autograd.graph import Array
from ...ops import elementwise as e
from ...ops import loss as ops
from ...ops.reduce import sum as sum_of
from .arguments import check_floating, check_same_shape
from .reductions import check_pair, reduced, reduction_of


def _errors(losses: Array, weight: Array | None, reduction: str, name: str, by_weight: bool = True) -> Array:
    if weight is None:
        return reduced(losses, reduction)
    check_floating(weight, "weight", name)
    check_same_shape(losses, weight, name, "weight")
    losses = losses * weight
    if reduction == "mean" and by_weight:
        return sum_of(losses) / sum_of(weight)
    return reduced(losses, reduction)


def mse_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Array | None = None,
) -> Array:
    """The squared error (input - target)^2, elementwise.

    Args:
        input, target: of the same shape and dtype; they are not broadcast.
        weight: of the same shape; the mean is then a weighted one.

    >>> import numpy as np
    >>> float(mse_loss(np.array([1.0, 2.0]), np.array([0.0, 0.0])))
    2.5
    """
    name = "mse_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_pair(input, target, name)
    errors = ops.squared_error(input, target) if weight is None else e.square(input - target)
    return _errors(errors, weight, reduction, name)


def l1_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Array | None = None,
) -> Array:
    """The absolute error abs(input - target), elementwise; its slope at 0 is 0. Arguments as for `mse_loss`."""
    name = "l1_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_pair(input, target, name)
    return _errors(e.abs(input - target), weight, reduction, name)


def smooth_l1_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Array:
    """d^2 / (2 beta) where abs(d) < beta, abs(d) - beta / 2 elsewhere, d = input - target (Girshick, 2015).

    Args:
        input, target: of the same shape and dtype; they are not broadcast.
        beta: where the parabola becomes a line, >= 0; 0 gives `l1_loss`.
    """
    name = "smooth_l1_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_pair(input, target, name)
    if not beta >= 0:
        raise ValueError(f"{name}: beta must be at least 0, got {beta}")
    d = input - target
    return reduced(ops.huber(d, delta=float(beta)) / float(beta) if beta else e.abs(d), reduction)


def huber_loss(
    input: Array, target: Array, reduction: str = "mean", delta: float = 1.0, weight: Array | None = None
) -> Array:
    """d^2 / 2 where abs(d) <= delta, delta (abs(d) - delta / 2) elsewhere, d = input - target (Huber, 1964).

    Args:
        input, target: of the same shape and dtype; they are not broadcast.
        delta: where the parabola becomes a line, > 0.
        weight: of the same shape; multiplies each loss (the mean stays the plain one, as in PyTorch).
    """
    name = "huber_loss"
    reduction = reduction_of(None, None, reduction, name)
    check_pair(input, target, name)
    if not delta > 0:
        raise ValueError(f"{name}: delta must be greater than 0, got {delta}")
    return _errors(ops.huber(input - target, delta=float(delta)), weight, reduction, name, by_weight=False)
