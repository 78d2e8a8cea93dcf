"""Losses of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import ops
from ....autograd.graph import Array, array_of
from ..steps import Step
from .table import like, operator


@operator("NegativeLogLikelihoodLoss")
def nll(step: Step, x: Array, target: Array, weight: Array = None) -> Array:
    """-x of the target's class, weighted, for log-probabilities x (N, C, ...)."""
    labels = array_of(target).astype(np.int64)
    ignored = step.get("ignore_index")
    counts = np.ones(labels.shape, bool) if ignored is None else labels != ignored
    safe = np.where(counts, labels, 0)
    picked = ops.squeeze(ops.gather(x, 1, like(np.expand_dims(safe, 1), x)), 1)  # (N, ...)
    dtype = array_of(x).dtype
    w = like(counts.astype(dtype), x)
    if weight is not None:
        w = weight[safe] * w
    loss = ops.neg(picked) * w
    how = step.get("reduction", "mean")
    if how == "none":
        return loss
    return ops.sum(loss) / ops.sum(w) if how == "mean" else ops.sum(loss)


@operator("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(step: Step, x: Array, target: Array, weight: Array = None) -> Any:
    """The negative log-likelihood of the softmax of scores x (N, C, ...); and by wish its logarithm."""
    logs = ops.log_softmax(x, 1)
    loss = nll(step, logs, target, weight)
    return (loss, logs) if step.wants(1) else loss
