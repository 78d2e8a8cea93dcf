"""Losses, as functions. Each says how far an input is from a target.

``reduction`` is "mean" (the default), "sum" or "none" (one loss an element or a sample). The mean of nothing is NaN,
as in PyTorch. ``size_average`` and ``reduce`` are PyTorch's old spelling of ``reduction``, and take its place.
Where PyTorch would broadcast an input of one shape against a target of another, with a warning, these functions raise:
a (N, 1) prediction against a (N,) target is a mistake that trains, badly.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ...engine import Array, Variable
from ...ops import activation, softmaxes
from ...ops import elementwise as e
from ...ops import loss as ops
from ...ops.reduce import mean as mean_of
from ...ops.reduce import sum as sum_of
from .arguments import check_array, check_floating, dtype_of


# -------------------------------------------------------------------------------------------------------- at the door
def _reduction(
    size_average: bool | None, reduce: bool | None, reduction: str, name: str, more: tuple[str, ...] = ()
) -> str:
    """The reduction to do, after the old spelling has been translated."""
    if size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        warnings.warn(f"{name}: size_average and reduce are deprecated, say reduction={reduction!r}", stacklevel=3)
    allowed = ("none", "mean", *more, "sum")
    if reduction not in allowed:
        raise ValueError(f"{name}: reduction must be one of {', '.join(map(repr, allowed))}, got {reduction!r}")
    return reduction


def _reduce(losses: Array, reduction: str) -> Array:
    return losses if reduction == "none" else mean_of(losses) if reduction == "mean" else sum_of(losses)


def _check_pair(input: Array, target: Array, name: str) -> None:
    """Input and target: floating, of one dtype and of the same shape."""
    check_floating(input, "input", name)
    check_floating(target, "target", name)
    _check_same_shape(input, target, name)
    if dtype_of(input) != dtype_of(target):
        raise TypeError(
            f"{name}: input and target must have the same dtype, got {dtype_of(input)} and {dtype_of(target)}; "
            "convert the target, for example target.to(input.dtype)"
        )


def _check_same_shape(input: Array, target: Array, name: str, other: str = "target") -> None:
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"{name}: input of shape {tuple(input.shape)} and {other} of shape {tuple(target.shape)} must have the "
            "same shape, and are not broadcast; bring one to the shape of the other with squeeze, unsqueeze or expand"
        )


def _numbers(x: Array) -> Any:
    return x.data if isinstance(x, Variable) else x


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
    if dtype_of(weight) != dtype:
        raise TypeError(f"{name}: {what} must have the dtype of the input, {dtype}, got {dtype_of(weight)}")
    return _numbers(weight)


def _class_indices(input: Array, target: Array, ignore_index: int | None, name: str) -> tuple[Array, Any, Any]:
    """(input (N, C, ...), indices (N, ...), which of them count or None for all), checked.

    Indices that do not count come back as 0.
    """
    t = _numbers(target)
    if ignore_index is not None and not isinstance(ignore_index, (int, np.integer)):
        raise TypeError(f"{name}: ignore_index must be an int, got {ignore_index!r}")
    if t.dtype.kind not in "iu":
        raise TypeError(
            f"{name}: class indices must be integers, got dtype {t.dtype} and shape {tuple(t.shape)} for input of "
            f"shape {tuple(input.shape)}; convert them with .long()"
        )
    if not input.ndim:
        raise ValueError(f"{name}: input must have shape (N, C, ...) or (C,), got a single number")
    expected = tuple(input.shape[:1] + input.shape[2:]) if input.ndim > 1 else ()
    if tuple(t.shape) != expected:
        raise ValueError(
            f"{name}: input of shape {tuple(input.shape)} needs class indices of shape {expected}, "
            f"one for each set of scores, got shape {tuple(t.shape)}"
        )
    classes = input.shape[1] if input.ndim > 1 else input.shape[0]
    if not classes and t.size:
        raise ValueError(f"{name}: input of shape {tuple(input.shape)} has no classes")
    counts = None
    fits = not t.size or (t.min() >= 0 and t.max() < classes)
    if not fits or (ignore_index is not None and 0 <= ignore_index < classes):
        bad = (t < 0) | (t >= classes)
        if ignore_index is not None:
            counts = t != ignore_index
            bad &= counts
            t = np.where(counts, t, 0)
        _refuse(bad, target, classes, ignore_index, name)
    if input.ndim == 1:
        input, t = input[None], t[None]
        counts = counts if counts is None else counts[None]
    return input, t, counts


def _refuse(bad: Any, target: Array, classes: int, ignore_index: int | None, name: str) -> None:
    """Raise for the first of the class indices that are out of range, if there are any."""
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        value = int(_numbers(target)[where])
        at = f" at position {where[0] if len(where) == 1 else where}" if where else ""
        more = f" ({int(bad.sum())} such)" if bad.sum() > 1 else ""
        ignored = f"; only ignore_index={ignore_index} may lie outside" if ignore_index is not None else ""
        raise IndexError(
            f"{name}: class index {value}{at} of target is out of range{more}: "
            f"input has {classes} classes, so indices are 0 to {classes - 1}{ignored}"
        )


def _sample_weights(weight: Any, t: Any, counts: Any, dtype: np.dtype[Any]) -> Any:
    """The weight of each sample: that of its class, 0 if it does not count."""
    w = np.ones(t.shape, dtype) if weight is None else weight[t]
    return w if counts is None else w * counts


def _weighted(losses: Array, w: Any, total_is_count: bool, reduction: str, unbatched: bool) -> Array:
    """Reduce losses that carry the sample weights w; the mean is a weighted one."""
    if reduction == "none":
        return losses[0] if unbatched else losses
    if reduction == "sum":
        return sum_of(losses)
    if total_is_count:
        return mean_of(losses)
    total = w.sum()
    return sum_of(losses) / total if total else sum_of(losses) + math.nan  # a mean of nothing, with gradient 0


# -------------------------------------------------------------------------------------------------- classification
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
    reduction = _reduction(size_average, reduce, reduction, name)
    check_floating(input, "input", name)
    check_array(target, "target", name)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{name}: label_smoothing must be between 0 and 1, got {label_smoothing}")
    if not input.ndim:
        raise ValueError(f"{name}: input must have shape (N, C, ...) or (C,), got a single number")
    classes = input.shape[1 if input.ndim > 1 else 0]
    weight = _constant(weight, dtype_of(input), (classes,), name)
    if dtype_of(target).kind == "f" and tuple(target.shape) == tuple(input.shape):
        return _cross_entropy_of_probabilities(input, target, weight, ignore_index, reduction, label_smoothing)
    unbatched = input.ndim == 1
    x, t, counts = _class_indices(input, target, ignore_index, name)
    w = _sample_weights(weight, t, counts, dtype_of(x))
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
    _check_pair(input, target, "cross_entropy")
    dim = 1 if input.ndim > 1 else 0
    if smoothing:
        target = target * (1 - smoothing) + smoothing / input.shape[dim]
    products = softmaxes.log_softmax(input, dim) * target
    if weight is not None:
        products = products * (_by_class(weight, input.ndim) if dim else weight)
    return _reduce(-sum_of(products, dim), reduction)


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
    reduction = _reduction(size_average, reduce, reduction, name)
    check_floating(input, "input", name)
    check_array(target, "target", name)
    x, t, counts = _class_indices(input, target, ignore_index, name)
    weight = _constant(weight, dtype_of(x), (x.shape[1],), name)
    w = _sample_weights(weight, t, counts, dtype_of(x))
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
    reduction = _reduction(size_average, reduce, reduction, name)
    check_floating(input, "input", name)
    check_array(target, "target", name)
    if p not in (1, 2):
        raise ValueError(f"{name}: p must be 1 or 2, got {p!r}")
    if input.ndim not in (1, 2):
        raise ValueError(f"{name}: input must have shape (N, C) or (C,), got {tuple(input.shape)}")
    x, t, _ = _class_indices(input, target, None, name)
    classes = x.shape[1]
    weight = _constant(weight, dtype_of(x), (classes,), name)
    others = np.arange(classes) != t[:, None]  # (N, C)
    gaps = e.where(others, e.relu(margin - ops.pick(x, t)[:, None] + x), 0.0)
    losses = sum_of(gaps if p == 1 else e.square(gaps), 1) / classes  # (N,)
    if weight is not None:
        losses = losses * weight[t]
    return _reduce(losses[0] if input.ndim == 1 and reduction == "none" else losses, reduction)


# ------------------------------------------------------------------------------------------------------- regression
def _errors(losses: Array, weight: Array | None, reduction: str, name: str, by_weight: bool = True) -> Array:
    if weight is None:
        return _reduce(losses, reduction)
    check_floating(weight, "weight", name)
    _check_same_shape(losses, weight, name, "weight")
    losses = losses * weight
    if reduction == "mean" and by_weight:
        return sum_of(losses) / sum_of(weight)
    return _reduce(losses, reduction)


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

    >>> float(mse_loss(np.array([1.0, 2.0]), np.array([0.0, 0.0])))
    2.5
    """
    name = "mse_loss"
    reduction = _reduction(size_average, reduce, reduction, name)
    _check_pair(input, target, name)
    return _errors(ops.squared_error(input, target), weight, reduction, name)


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
    reduction = _reduction(size_average, reduce, reduction, name)
    _check_pair(input, target, name)
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
    reduction = _reduction(size_average, reduce, reduction, name)
    _check_pair(input, target, name)
    if not beta >= 0:
        raise ValueError(f"{name}: beta must be at least 0, got {beta}")
    d = input - target
    return _reduce(ops.huber(d, delta=float(beta)) / float(beta) if beta else e.abs(d), reduction)


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
    reduction = _reduction(None, None, reduction, name)
    _check_pair(input, target, name)
    if not delta > 0:
        raise ValueError(f"{name}: delta must be greater than 0, got {delta}")
    return _errors(ops.huber(input - target, delta=float(delta)), weight, reduction, name, by_weight=False)


# --------------------------------------------------------------------------------------------- probabilities
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
    reduction = _reduction(size_average, reduce, reduction, name)
    _check_pair(input, target, name)
    for what, x in (("input", _numbers(input)), ("target", _numbers(target))):
        inside = (x >= 0) & (x <= 1)
        if not inside.all():
            where = tuple(int(i) for i in np.argwhere(~inside)[0])
            hint = "; put a sigmoid before it, or use binary_cross_entropy_with_logits" if what == "input" else ""
            raise RuntimeError(
                f"{name}: {what} must be probabilities between 0 and 1, got {float(x[where])} at {where}{hint}"
            )
    losses = ops.binary_cross_entropy(input, target)
    return _reduce(losses if weight is None else losses * _fitting(weight, losses, name, "weight"), reduction)


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
    reduction = _reduction(size_average, reduce, reduction, name)
    _check_pair(input, target, name)
    if pos_weight is None:
        losses = ops.logistic_loss(input, target)
    else:
        positive = (_fitting(pos_weight, input, name, "pos_weight") - 1) * target + 1
        losses = (1 - target) * input - positive * activation.logsigmoid(input)
    return _reduce(losses if weight is None else losses * _fitting(weight, losses, name, "weight"), reduction)


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
    reduction = _reduction(size_average, reduce, reduction, name, ("batchmean",))
    _check_pair(input, target, name)
    losses = e.exp(target) * (target - input) if log_target else ops.self_log(target) - target * input
    if reduction == "batchmean" and input.ndim:
        return sum_of(losses) / input.shape[0] if input.shape[0] else mean_of(losses)
    return _reduce(losses, reduction)


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
    reduction = _reduction(None, None, reduction, name)
    _check_pair(input, target, name)
    if not eps > 0:
        raise ValueError(f"{name}: eps must be greater than 0, got {eps}")
    if isinstance(var, (int, float)):
        var = np.full((1,) * input.ndim, var, dtype_of(input))
    check_floating(var, "var", name)
    if tuple(var.shape) == tuple(input.shape[:-1]) and var.ndim != input.ndim:
        var = var[..., None]
    elif var.ndim != input.ndim or any(n not in (1, m) for n, m in zip(var.shape, input.shape, strict=True)):
        raise ValueError(f"{name}: var of shape {tuple(var.shape)} does not fit input of shape {tuple(input.shape)}")
    if (_numbers(var) < 0).any():
        raise ValueError(f"{name}: var has a negative entry, {float(_numbers(var).min())}")
    var = var + np.maximum(dtype_of(input).type(eps) - _numbers(var), 0)
    losses = 0.5 * (e.log(var) + ops.squared_error(input, target) / var)
    return _reduce(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


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
    reduction = _reduction(size_average, reduce, reduction, name)
    _check_pair(input, target, name)
    losses = e.exp(input) - target * input if log_input else input - target * e.log(input + eps)
    if full:
        t = e.where(target > 1, target, 1.0)
        stirling = ops.self_log(t) - t + 0.5 * e.log(2 * math.pi * t)
        losses = losses + e.where(target > 1, stirling, 0.0)
    return _reduce(losses, reduction)


# ---------------------------------------------------------------------------------------------------------- margins
def hinge_loss(input: Array, target: Array, reduction: str = "mean") -> Array:
    """The hinge loss max(0, 1 - target * input) of scores, for targets -1 and 1 (Cortes and Vapnik, 1995).

    PyTorch has it for several classes alone, as `multi_margin_loss`.
    """
    name = "hinge_loss"
    reduction = _reduction(None, None, reduction, name)
    _check_pair(input, target, name)
    return _reduce(e.relu(1 - target * input), reduction)


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
    reduction = _reduction(size_average, reduce, reduction, name)
    check_floating(input, "input", name)
    check_array(target, "target", name)
    _check_same_shape(input, target, name)
    t = _numbers(target)
    losses = e.where(t != 1, e.relu(margin - input), 0.0) + e.where(t != -1, input, 0.0)
    return _reduce(losses, reduction)


def soft_margin_loss(
    input: Array,
    target: Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """log(1 + exp(-target * input)) for targets -1 and 1, without overflow."""
    name = "soft_margin_loss"
    reduction = _reduction(size_average, reduce, reduction, name)
    _check_pair(input, target, name)
    return _reduce(-activation.logsigmoid(target * input), reduction)


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
    reduction = _reduction(size_average, reduce, reduction, name)
    _check_pair(input1, input2, name)
    _check_pair(input1, target, name)
    return _reduce(e.relu(-target * (input1 - input2) + margin), reduction)
