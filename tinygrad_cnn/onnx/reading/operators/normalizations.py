"""Normalisations and dropout: what differs between training and evaluation stands here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .... import ops
from ....autograd.graph import Array, array_of
from ....nn import functional as F
from ..steps import Step
from .arithmetic import cast_to
from .table import axis_of, like, number, operator


@operator("BatchNormalization", context=True)
def batch_norm(step: Step, run: Any, x: Array, scale: Array, b: Array, mean: Array, var: Array) -> Any:
    """By the running mean and variance; in training by the batch's, and the running ones move, in place, as PyTorch's.

    ONNX's momentum is the part that stays. A node that is itself one of training also gives what they move to.
    """
    eps, stays = step.get("epsilon", 1e-5), step.get("momentum", 0.9)
    if step.get("spatial", 1) != 1:
        raise ValueError("spatial=0 is not supported: statistics for each pixel")
    if not (step.get("training_mode", 0) or run.training):
        return F.batch_norm(x, mean, var, scale, b, False, 0.0, eps)
    if step.wants(1):
        a = array_of(x).astype(np.float64)
        dims = (0, *range(2, a.ndim))
        new = (
            like((array_of(old) * stays + now * (1 - stays)).astype(array_of(old).dtype), x)
            for old, now in ((mean, a.mean(dims)), (var, a.var(dims)))
        )
        y = F.batch_norm(x, None, None, scale, b, True, 0.0, eps)
        return (y, *new)
    if not (run.is_buffer(step.inputs[3]) and run.is_buffer(step.inputs[4])):  # then they are not ours to move
        mean = var = None
    return F.batch_norm(x, mean, var, scale, b, True, 1 - stays, eps)


@operator("Dropout", context=True)
def dropout(step: Step, run: Any, x: Array, ratio: Array = None, mode: Array = None) -> Any:
    """In training some numbers become 0 and the others larger; otherwise nothing happens. Also which ones stay."""
    p = step.get("ratio", 0.5) if ratio is None else float(number(ratio))
    if not (run.training or (mode is not None and bool(number(mode)))) or not p:
        return (x, like(np.ones(array_of(x).shape, bool), x)) if step.wants(1) else x
    if not step.wants(1):
        return F.dropout(x, p, True)
    scaled = F.dropout(like(np.ones_like(array_of(x)), x), p, True)
    return x * scaled, like(array_of(scaled) != 0, x)


@operator("InstanceNormalization")
def instance_norm(step: Step, x: Array, scale: Array, b: Array) -> Array:
    """Each channel of each sample by its own mean and variance."""
    return F.instance_norm(x, None, None, scale, b, True, 0.0, step.get("epsilon", 1e-5))


@operator("LayerNormalization")
def layer_norm(step: Step, x: Array, scale: Array, b: Array = None) -> Any:
    """Over all dimensions from an axis on; also the mean and the inverse deviation, by wish."""
    axis, eps = axis_of(step.get("axis", -1), x.ndim), step.get("epsilon", 1e-5)
    sizes = tuple(array_of(x).shape[axis:])
    if tuple(scale.shape) == sizes and (b is None or tuple(b.shape) == sizes):
        y = F.layer_norm(x, sizes, scale, b, eps)
    else:  # these broadcast
        y = F.layer_norm(x, sizes, None, None, eps) * scale
        y = y if b is None else y + b
    if not step.wants(1) and not step.wants(2):
        return y
    dims = tuple(range(axis, x.ndim))
    mean = ops.mean(x, dims, True)
    deviation = ops.reciprocal(ops.sqrt(ops.mean(ops.square(x - mean), dims, True) + eps))
    return y, mean, deviation


@operator("GroupNormalization")
def group_norm(step: Step, x: Array, scale: Array, b: Array) -> Array:
    """Groups of channels; before opset 21 one scale and bias a group, from then on one a channel."""
    groups, eps = step.get("num_groups"), step.get("epsilon", 1e-5)
    if step.version < 21:
        C = x.shape[1]
        scale, b = (ops.repeat_interleave(v, C // groups) for v in (scale, b))
    return F.group_norm(x, groups, scale, b, eps)


@operator("RMSNormalization")
def rms_norm(step: Step, x: Array, scale: Array) -> Array:
    """By the root of the mean square over all dimensions from an axis on."""
    axis, dtype = axis_of(step.get("axis", -1), x.ndim), array_of(x).dtype
    dims = tuple(range(axis, x.ndim))
    wide = cast_to(x, np.float32) if dtype == np.float16 else x
    y = wide / ops.sqrt(ops.mean(ops.square(wide), dims, True) + step.get("epsilon", 1e-5))
    return cast_to(y, dtype) * scale


@operator("LRN")
def local_response_norm(step: Step, x: Array) -> Array:
    """By the squares of neighbouring channels; an even number of them has one more ahead."""
    size, alpha = step.get("size"), step.get("alpha", 1e-4)
    N, C, *rest = array_of(x).shape
    flat = ops.reshape(ops.square(x), (N, C, math.prod(rest)))
    padded = F.pad(flat, (0, 0, (size - 1) // 2, size // 2))  # (N, C + size - 1, pixels)
    total = sum(padded[:, i : i + C] for i in range(size))
    k = total * (alpha / size) + step.get("bias", 1.0)
    return x / ops.reshape(ops.pow(k, step.get("beta", 0.75)), (N, C, *rest))


@operator("MeanVarianceNormalization")
def mean_variance_norm(step: Step, x: Array) -> Array:
    """(x - mean) / deviation along axes."""
    dims = tuple(step.get("axes", (0, 2, 3)))
    mean = ops.mean(x, dims, True)
    deviation = ops.sqrt(ops.mean(ops.square(x), dims, True) - ops.square(mean))
    return (x - mean) / (deviation + 1e-9)
