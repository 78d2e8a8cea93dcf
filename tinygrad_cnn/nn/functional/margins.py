"""Losses that ask for a margin, with targets 1 and -1, as functions; their reduction is described in `reductions`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays.guarding import awake
from ...autograd.backward import cast
from ...autograd.graph import Array
from ...ops import activation
from ...ops import elementwise as e
from ...ops.watched import aside
from . import guards
from .arguments import check_array, check_floating, check_same_shape, dtype_of
from .reductions import check_pair, reduced, reduction_of


def _positive(x: Array) -> Array:
    """max(0, x), by a rule that reads x: without a reduction the result is the user's, who may overwrite it."""
    return activation.threshold(x, at=0.0, value=0.0)


def _signs(target: Array, input: Array, name: str) -> Array:
    """The target, 1 and -1, in the dtype of the input: as classes come, it may be of integers."""
    check_array(target, "target", name)
    if dtype_of(target).kind in "iu":
        check_floating(input, "input", name)
        target = cast(target, dtype=dtype_of(input))
    check_pair(input, target, name)
    return target


def hinge_loss(input: Array, target: Array, reduction: str = "mean") -> Array:
    """The hinge loss max(0, 1 - target * input) of scores, for targets -1 and 1 (Cortes and Vapnik, 1995).

    PyTorch has it for several classes alone, as `multi_margin_loss`.
    """
    name = "hinge_loss"
    reduction = reduction_of(None, None, reduction, name)
    target = _signs(target, input, name)
    return reduced(_positive(1 - target * input), reduction)


def _not_signs(t: Any) -> tuple[Any, Any]:
    """Where a target is not 1, and where it is not -1."""
    return np.asarray(t != 1), np.asarray(t != -1)


def hinge_embedding_loss(
    input: Array,
    target: Array,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """The distance x itself where target is 1, max(0, margin - x) where it is -1 (Hadsell, Chopra and LeCun, 2006)."""
    name = "hinge_embedding_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_floating(input, "input", name)
    check_array(target, "target", name)
    check_same_shape(input, target, name)
    apart, alike = aside(_not_signs, target)
    losses = e.where(apart, e.relu(margin - input), 0.0) + e.where(alike, input, 0.0)
    return reduced(losses, reduction)


def soft_margin_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """log(1 + exp(-target * input)) for targets -1 and 1, without overflow."""
    name = "soft_margin_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    target = _signs(target, input, name)
    if awake():
        guards.logits(input, name)
    return reduced(-activation.logsigmoid(target * input), reduction)


def margin_ranking_loss(
    input1: Array,
    input2: Array,
    target: Array,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """max(0, -target * (input1 - input2) + margin): a target of 1 wants input1 above input2, one of -1 below."""
    name = "margin_ranking_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_pair(input1, input2, name)
    target = _signs(target, input1, name)
    return reduced(_positive(-target * (input1 - input2) + margin), reduction)
