"""What the losses share: the reduction, and what two tensors of one shape must have in common.

``reduction`` is "mean" (the default), "sum" or "none" (one loss an element or a sample). The mean of nothing is NaN,
as in PyTorch. ``size_average`` and ``reduce`` are PyTorch's old spelling of ``reduction``, and take its place.
Where PyTorch would broadcast an input of one shape against a target of another, with a warning, the losses raise:
a (N, 1) prediction against a (N,) target is a mistake that trains, badly.
"""

from __future__ import annotations

import warnings

from ...autograd.graph import Array, array_of
from ...ops.reduce import mean as mean_of
from ...ops.reduce import sum as sum_of
from .arguments import check_floating, dtype_of


def reduction_of(
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


def reduced(losses: Array, reduction: str) -> Array:
    return losses if reduction == "none" else mean_of(losses) if reduction == "mean" else sum_of(losses)


def check_pair(input: Array, target: Array, name: str) -> None:
    """Input and target: floating, of one dtype and of the same shape."""
    check_floating(input, "input", name)
    check_floating(target, "target", name)
    check_same_shape(input, target, name)
    if dtype_of(input) != dtype_of(target):
        raise TypeError(
            f"{name}: input and target must have the same dtype, got {dtype_of(input)} and {dtype_of(target)}; "
            "convert the target, for example target.to(input.dtype)"
        )


def check_same_shape(input: Array, target: Array, name: str, other: str = "target") -> None:
    if array_of(input).shape != array_of(target).shape:
        raise ValueError(
            f"{name}: input of shape {tuple(input.shape)} and {other} of shape {tuple(target.shape)} must have the "
            "same shape, and are not broadcast; bring one to the shape of the other with squeeze, unsqueeze or expand"
        )
