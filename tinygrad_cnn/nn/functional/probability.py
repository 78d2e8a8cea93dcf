"""Losses of probabilities and likelihoods, as functions; how they are reduced is described in `reductions`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...arrays.guarding import awake
from ...autograd.graph import Array
from ...ops import activation
from ...ops import elementwise as e
from ...ops import loss as ops
from ...ops.reduce import mean as mean_of
from ...ops.reduce import sum as sum_of
from ...ops.watched import aside
from . import guards
from .arguments import check_floating, dtype_of
from .reductions import check_pair, reduced, reduction_of


def binary_cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """-t log(x) - (1 - t) log(1 - x) for probabilities x and t; logarithms are cut off at -100.

    Args:
        input: probabilities, each in 0..1. For scores use `binary_cross_entropy_with_logits`: it is exact where a
            sigmoid rounds to 0 or 1.
        target: probabilities of the same shape and dtype.
        weight: multiplies the losses; broadcast against them.

    Raises:
        RuntimeError: an input or target outside 0..1, or NaN.
    """
    name = "binary_cross_entropy"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_pair(input, target, name)
    aside(_check_probabilities, input, target, name=name)
    if awake():
        guards.binary_order_of(input, target, name)
    losses = ops.binary_cross_entropy(input, target)
    return reduced(losses if weight is None else losses * _fitting(weight, losses, name, "weight"), reduction)


def _check_probabilities(input: Any, target: Any, *, name: str) -> None:
    for what, x in (("input", input), ("target", target)):
        inside = (x >= 0) & (x <= 1)
        if not inside.all():
            where = tuple(int(i) for i in np.argwhere(~inside)[0])
            hint = "; put a sigmoid before it, or use binary_cross_entropy_with_logits" if what == "input" else ""
            raise RuntimeError(
                f"{name}: {what} must be probabilities between 0 and 1, got {float(x[where])} at {where}{hint}"
            )


def _fitting(weight: Array, losses: Array, name: str, what: str) -> Array:
    """A weight that broadcasts against the losses without making them larger."""
    check_floating(weight, what, name)
    shape, full = tuple(weight.shape), tuple(losses.shape)
    tail = full[len(full) - len(shape) :]
    if len(shape) > len(full) or any(n not in (1, m) for n, m in zip(shape, tail, strict=True)):
        raise ValueError(f"{name}: {what} of shape {shape} does not broadcast to the input's shape {full}")
    return weight


def binary_cross_entropy_with_logits(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Array | None = None,
) -> Array:
    """`binary_cross_entropy` of sigmoid(input), without overflow.

    Args:
        input: scores (logits), any shape.
        target: probabilities of the same shape and dtype.
        weight: multiplies the losses; broadcast against them.
        pos_weight: multiplies the part of the positive class, -t log(sigmoid(x)); broadcast against the losses.
    """
    name = "binary_cross_entropy_with_logits"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_pair(input, target, name)
    if awake():
        guards.logits(input, name)
        guards.zero_or_one(target, name)
        guards.binary_order_of(input, target, name)
    if pos_weight is None:
        losses = ops.logistic_loss(input, target)
    else:
        positive = (_fitting(pos_weight, input, name, "pos_weight") - 1) * target + 1
        losses = (1 - target) * input - positive * activation.logsigmoid(input)
    return reduced(losses if weight is None else losses * _fitting(weight, losses, name, "weight"), reduction)


def kl_div(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Array:
    """The Kullback-Leibler divergence t (log(t) - input), elementwise; 0 where t is 0.

    Args:
        input: log-probabilities.
        target: probabilities of the same shape and dtype; their logarithms with ``log_target``.
        reduction: "batchmean", the sum divided by the first size, is the divergence itself; "mean" divides by the
            number of elements.
    """
    name = "kl_div"
    reduction = reduction_of(size_average, reduce, reduction, name, ("batchmean",))
    check_pair(input, target, name)
    if awake():
        guards.logarithms(input, name)
    losses = e.exp(target) * (target - input) if log_target else ops.self_log(target) - target * input
    if reduction == "batchmean" and input.ndim:
        return sum_of(losses) / input.shape[0] if input.shape[0] else mean_of(losses)
    return reduced(losses, reduction)


def gaussian_nll_loss(
    input: Array, target: Array, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Array:
    """The negative log-likelihood of targets under normal distributions: (log(var) + (input - target)^2 / var) / 2.

    Args:
        input: the means. target: what was seen, of the same shape and dtype.
        var: the variances, >= 0: of the input's shape, or with 1 as its last size or without it, or one number.
        full: add the constant log(2 pi) / 2.
        eps: no variance counts as less; that clamp has no gradient of its own.
    """
    name = "gaussian_nll_loss"
    reduction = reduction_of(None, None, reduction, name)
    check_pair(input, target, name)
    if not eps > 0:
        raise ValueError(f"{name}: eps must be greater than 0, got {eps}")
    if isinstance(var, (int, float)):
        var = np.full((1,) * input.ndim, var, dtype_of(input))
    check_floating(var, "var", name)
    if tuple(var.shape) == tuple(input.shape[:-1]) and var.ndim != input.ndim:
        var = var[..., None]
    elif var.ndim != input.ndim or any(n not in (1, m) for n, m in zip(var.shape, input.shape, strict=True)):
        raise ValueError(f"{name}: var of shape {tuple(var.shape)} does not fit input of shape {tuple(input.shape)}")
    var = var + aside(_lacking, var, least=dtype_of(input).type(eps), name=name)
    losses = 0.5 * (e.log(var) + e.square(input - target) / var)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def _lacking(var: Any, *, least: Any, name: str) -> Any:
    """What variances lack to be the least that counts."""
    if (var < 0).any():
        raise ValueError(f"{name}: var has a negative entry, {float(var.min())}")
    return np.asarray(np.maximum(least - var, 0))


def poisson_nll_loss(
    input: Array,
    target: Array,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """The negative log-likelihood of counts under Poisson distributions, without its constant.

    exp(input) - target input for ``log_input``, else input - target log(input + eps). ``full`` adds Stirling's
    approximation of log(target!) where target > 1.
    """
    name = "poisson_nll_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_pair(input, target, name)
    losses = e.exp(input) - target * input if log_input else input - target * e.log(input + eps)
    if full:
        t = e.where(target > 1, target, 1.0)
        stirling = ops.self_log(t) - t + 0.5 * e.log(2 * math.pi * t)
        losses = losses + e.where(target > 1, stirling, 0.0)
    return reduced(losses, reduction)
