"""Losses that take class indices, as functions; how they are reduced is described in `reductions`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...arrays.guarding import awake, rails
from ...autograd.graph import Array, Variable, array_of
from ...ops import elementwise as e
from ...ops import loss as ops
from ...ops import softmaxes
from ...ops.reduce import mean as mean_of
from ...ops.reduce import sum as sum_of
from ...ops.watched import aside
from . import guards
from .arguments import check_array, check_dtype_of_input, check_floating, dtype_of
from .reductions import check_pair, reduced, reduction_of

_USUAL = None, None, "mean", 0.0  # what most calls of `cross_entropy` say


def _constant(
    weight: Array | None, dtype: np.dtype[Any], shape: tuple[int, ...], name: str, what: str = "weight"
) -> Any:
    """Class weights as a plain array, checked."""
    if weight is None:
        return None
    check_floating(weight, what, name)
    if isinstance(weight, Variable) and (weight._wants_grad or weight._node is not None):
        raise RuntimeError(f"{name}: {what} has no gradient here; pass {what}.detach()")
    if tuple(weight.shape) != shape:
        raise ValueError(
            f"{name}: {what} must have shape {shape}, one number for each class, got shape {tuple(weight.shape)}"
        )
    check_dtype_of_input(weight, what, dtype, name)
    return array_of(weight)


def _class_indices(input: Array, target: Array, ignore_index: int | None, name: str) -> tuple[Array, Any, Any]:
    """(input (N, C, ...), indices (N, ...), which of them count or None for all), checked.

    Indices that do not count come back as 0.
    """
    if ignore_index is not None and not isinstance(ignore_index, (int, np.integer)):
        raise TypeError(f"{name}: ignore_index must be an int, got {ignore_index!r}")
    dtype, given = dtype_of(target), tuple(target.shape)
    if dtype.kind not in "iu":
        raise TypeError(
            f"{name}: class indices must be integers, got dtype {dtype} and shape {given} for input of "
            f"shape {tuple(input.shape)}; convert them with .long()"
        )
    if not input.ndim:
        raise ValueError(f"{name}: input must have shape (N, C, ...) or (C,), got a single number")
    shape = array_of(input).shape
    expected = shape[:1] + shape[2:] if len(shape) > 1 else ()
    if given != expected:
        raise ValueError(
            f"{name}: input of shape {tuple(input.shape)} needs class indices of shape {expected}, "
            f"one for each set of scores, got shape {given}"
        )
    classes = shape[1] if len(shape) > 1 else shape[0]
    if not classes and array_of(target).size:
        raise ValueError(f"{name}: input of shape {tuple(input.shape)} has no classes")
    t, counts = aside(_indices, target, classes=classes, ignore_index=ignore_index, name=name)
    return (input if input.ndim > 1 else input[None]), t, counts


def _indices(t: Any, *, classes: int, ignore_index: int | None, name: str) -> tuple[Any, Any]:
    """Class indices as a batch, those that do not count as 0; and which count, or None for all."""
    counts, given = None, t
    unsigned = t.view(t.dtype.str.replace("i", "u"))  # in which what is below 0 is large
    fits = not t.size or np.maximum.reduce(unsigned, axis=None) < classes
    if not fits or (ignore_index is not None and 0 <= ignore_index < classes):
        bad = (t < 0) | (t >= classes)
        if ignore_index is not None:
            counts = t != ignore_index
            bad &= counts
            t = np.where(counts, t, 0)
        _refuse(bad, given, classes, ignore_index, name)
    if t.ndim:
        return t, counts
    return t[None], None if counts is None else counts[None]


def _refuse(bad: Any, target: Any, classes: int, ignore_index: int | None, name: str) -> None:
    """Raise for the first of the class indices that are out of range, if there are any."""
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        value = int(target[where])
        at = f" at position {where[0] if len(where) == 1 else where}" if where else ""
        more = f" ({int(bad.sum())} such)" if bad.sum() > 1 else ""
        ignored = f"; only ignore_index={ignore_index} may lie outside" if ignore_index is not None else ""
        raise IndexError(
            f"{name}: class index {value}{at} of target is out of range{more}: "
            f"input has {classes} classes, so indices are 0 to {classes - 1}{ignored}"
        )


def _sample_weights(t: Any, weight: Any, counts: Any, *, dtype: np.dtype[Any]) -> Any:
    """The weight of each sample: that of its class, 0 if it does not count."""
    w = np.ones(t.shape, dtype) if weight is None else weight[t]
    return w if counts is None else w * counts


def _shares(t: Any, weight: Any, counts: Any, *, dtype: np.dtype[Any], mean: bool) -> Any:
    """`_sample_weights`, for a mean as shares of their sum; None where that is 0."""
    if mean and weight is None and counts is None and t.size:
        even = np.empty(t.shape, dtype)
        even.fill(dtype.type(1) / t.size)
        return even
    w = _sample_weights(t, weight, counts, dtype=dtype)
    total = w.sum() if mean else 1
    return w / total if total else None


def _total(w: Any) -> Any:
    """The sum of the weights; None where it is 0."""
    total = w.sum()
    return np.asarray(total) if total else None


def _weighted(losses: Array, w: Any, total_is_count: bool, reduction: str, unbatched: bool) -> Array:
    """Reduce losses that carry the sample weights w; the mean is a weighted one."""
    if reduction == "none":
        return losses[0] if unbatched else losses
    if reduction == "sum":
        return sum_of(losses)
    if total_is_count:
        return mean_of(losses)
    total = aside(_total, w)
    return sum_of(losses) + math.nan if total is None else sum_of(losses) / total  # a mean of nothing, with gradient 0


def _are_usual(x: Any, target: Any) -> bool:
    """Are these scores (N, C) and N class indices, in tensors? Then nothing else is to be looked at but the indices."""
    if not (isinstance(x, Variable) and isinstance(target, Variable)):
        return False
    a, t = x._array, target._array
    fits = a.ndim == 2 and t.ndim == 1 and len(a) == len(t) > 0 and a.shape[1] > 0
    return fits and a.dtype.kind == "f" and a.dtype.isnative and t.dtype.kind in "iu"


def _usual(t: Any, *, classes: int, dtype: np.dtype[Any], ignore_index: int, name: str) -> tuple[Any, Any, Any]:
    """`_indices` and `_shares` of a mean without weights, at once."""
    t, counts = _indices(t, classes=classes, ignore_index=ignore_index, name=name)
    return t, counts, _shares(t, None, counts, dtype=dtype, mean=True)


def _guard(x: Array, t: Any, counts: Any, ignore_index: int, reduction: str, name: str) -> None:
    if counts is not None and t.size and not counts.any():
        guards.all_ignored(ignore_index, name, reduction)
    guards.order_of(x, t, name)


def cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Array:
    """The cross-entropy between scores and the right classes: -log(softmax(input)[target]).

    Args:
        input: scores (logits), (N, C), (C,) or (N, C, d1, ...).
        target: class indices, integers of shape (N,), () or (N, d1, ...); or probabilities, of the input's shape.
        weight: (C,), a weight for each class. With class indices the mean is weighted too.
        ignore_index: samples of this class do not count. For class indices only.
        reduction: "mean", "sum" or "none".
        label_smoothing: in 0..1: this much of the target is spread evenly over all classes (Szegedy et al., 2015).

    Raises:
        IndexError: a class index out of range, named with its position.
        ValueError: shapes that do not fit. TypeError: dtypes that do not.

    >>> float(cross_entropy(np.zeros((3, 4)), np.array([0, 1, 2])).round(4))  # log(4)
    1.3863
    """
    name = "cross_entropy"
    settings = size_average, reduce, reduction, label_smoothing
    if weight is None and settings == _USUAL and type(ignore_index) is int and _are_usual(input, target):
        if awake():
            guards.scores(input, name)
        a = array_of(input)
        given = {"classes": a.shape[1], "dtype": a.dtype, "ignore_index": ignore_index, "name": name}
        t, counts, shares = aside(_usual, target, **given)
        if shares is not None:
            if rails.on:
                _guard(input, t, counts, ignore_index, reduction, name)
            return ops.cross_entropy(input, t, shares)
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_floating(input, "input", name)
    check_array(target, "target", name)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{name}: label_smoothing must be between 0 and 1, got {label_smoothing}")
    if not input.ndim:
        raise ValueError(f"{name}: input must have shape (N, C, ...) or (C,), got a single number")
    classes = array_of(input).shape[1 if input.ndim > 1 else 0]
    weight = _constant(weight, dtype_of(input), (classes,), name)
    if awake():
        guards.scores(input, name)
    if dtype_of(target).kind == "f" and tuple(target.shape) == tuple(input.shape):
        return _cross_entropy_of_probabilities(input, target, weight, ignore_index, reduction, label_smoothing)
    unbatched = input.ndim == 1
    x, t, counts = _class_indices(input, target, ignore_index, name)
    if rails.on:
        _guard(x, t, counts, ignore_index, reduction, name)
    if reduction != "none" and not label_smoothing:
        shares = aside(_shares, t, weight, counts, dtype=dtype_of(x), mean=reduction == "mean")
        if shares is not None:
            return ops.cross_entropy(x, t, shares)
    w = aside(_sample_weights, t, weight, counts, dtype=dtype_of(x))
    plain = weight is None and counts is None
    losses = ops.softmax_nll(x, t, w)
    if not label_smoothing:
        return _weighted(losses, w, plain, reduction, unbatched)
    logs = softmaxes.log_softmax(x, 1)
    if weight is not None:
        logs = logs * _by_class(weight, x.ndim)
    spread = -sum_of(logs, 1)
    if counts is not None:
        spread = e.where(counts, spread, 0.0)
    losses = losses * (1 - label_smoothing) + spread * (label_smoothing / classes)
    return _weighted(losses, w, plain, reduction, unbatched)


def _by_class(weight: Any, ndim: int) -> Any:
    return weight.reshape((-1,) + (1,) * (ndim - 2))  # (C, 1, ..., 1)


def _cross_entropy_of_probabilities(
    input: Array, target: Array, weight: Any, ignore_index: int, reduction: str, smoothing: float
) -> Array:
    if ignore_index >= 0:
        raise ValueError(
            f"cross_entropy: ignore_index={ignore_index} has no meaning for a target of probabilities; leave it out"
        )
    check_pair(input, target, "cross_entropy")
    dim = 1 if input.ndim > 1 else 0
    if awake():
        guards.distributions(target, dim, "cross_entropy")
        guards.rows_order_of(input, target, "cross_entropy")
    if smoothing:
        target = target * (1 - smoothing) + smoothing / input.shape[dim]
    products = softmaxes.log_softmax(input, dim) * target
    if weight is not None:
        products = products * (_by_class(weight, input.ndim) if dim else weight)
    return reduced(-sum_of(products, dim), reduction)


def nll_loss(
    input: Array,
    target: Array,
    weight: Array | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """The negative log-likelihood of the right classes: -input[target], for log-probabilities as of `log_softmax`.

    Args:
        input: log-probabilities, (N, C), (C,) or (N, C, d1, ...).
        target: class indices, integers of shape (N,), () or (N, d1, ...).
        weight, ignore_index, reduction: as for `cross_entropy`.
    """
    name = "nll_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_floating(input, "input", name)
    check_array(target, "target", name)
    x, t, counts = _class_indices(input, target, ignore_index, name)
    weight = _constant(weight, dtype_of(x), (x.shape[1],), name)
    if awake():
        guards.log_probabilities(input, name)
    if rails.on:
        _guard(x, t, counts, ignore_index, reduction, name)
    w = aside(_sample_weights, t, weight, counts, dtype=dtype_of(x))
    chosen = ops.pick(x, t)
    losses = -chosen * w if counts is None else e.where(counts, -chosen * w, 0.0)
    return _weighted(losses, w, weight is None and counts is None, reduction, input.ndim == 1)


def multi_margin_loss(
    input: Array,
    target: Array,
    p: int = 1,
    margin: float = 1.0,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """The multi-class hinge loss: for each other class i, max(0, margin - x[target] + x[i])^p, divided by C.

    Args:
        input: scores (N, C) or (C,).
        target: class indices (N,) or ().
        p: 1 or 2.
        weight: (C,), multiplies the loss of each sample by the weight of its class; the mean stays over N.
    """
    name = "multi_margin_loss"
    reduction = reduction_of(size_average, reduce, reduction, name)
    check_floating(input, "input", name)
    check_array(target, "target", name)
    check_power(p, name)
    if input.ndim not in (1, 2):
        raise ValueError(f"{name}: input must have shape (N, C) or (C,), got {tuple(input.shape)}")
    x, t, _ = _class_indices(input, target, None, name)
    classes = x.shape[1]
    weight = _constant(weight, dtype_of(x), (classes,), name)
    others = aside(_others, t, classes=classes)  # (N, C)
    gaps = e.where(others, e.relu(margin - ops.pick(x, t)[:, None] + x), 0.0)
    losses = sum_of(gaps if p == 1 else e.square(gaps), 1) / classes  # (N,)
    if weight is not None:
        losses = losses * aside(_sample_weights, t, weight, None, dtype=dtype_of(x))
    return reduced(losses[0] if input.ndim == 1 and reduction == "none" else losses, reduction)


def _others(t: Any, *, classes: int) -> Any:
    return np.arange(classes) != t[:, None]


def check_power(p: Any, name: str) -> None:
    """The power of a margin must be one of the two that there are."""
    if p not in (1, 2):
        raise ValueError(f"{name}: p must be 1 or 2, got {p!r}")
