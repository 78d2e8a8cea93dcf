"""Normalisation by the root of the mean square, as a function."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...autograd.backward import cast
from ...autograd.graph import Array
from ...ops.elementwise import rsqrt, square
from ...ops.reduce import mean
from .arguments import check_array, check_floating, dtype_of


def rms_norm(
    input: Array, normalized_shape: Sequence[int], weight: Array | None = None, eps: float | None = None
) -> Array:
    """x / sqrt(mean(x^2) + eps) * weight, the mean over the last dimensions (Zhang and Sennrich, 2019).

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the sizes of the dimensions that share a mean.
        weight: of shape ``normalized_shape`` and any dtype, or None; the result has the input's.
        eps: added to the mean; by default the smallest number that changes 1 in the input's dtype.
    """
    name = "rms_norm"
    check_floating(input, "input", name)
    sizes = (int(normalized_shape),) if isinstance(normalized_shape, (int, np.integer)) else tuple(normalized_shape)
    k = len(sizes)
    if not k or input.ndim < k or tuple(input.shape[-k:]) != sizes:
        raise ValueError(
            f"{name}: normalized_shape {sizes} must be the last sizes of the input, whose shape is {tuple(input.shape)}"
        )
    eps = float(np.finfo(dtype_of(input)).eps) if eps is None else float(eps)
    y = input * rsqrt(mean(square(input), tuple(range(input.ndim - k, input.ndim)), keepdim=True) + eps)
    if weight is None:
        return y
    check_array(weight, "weight", name)
    if tuple(weight.shape) != sizes:
        raise ValueError(f"{name}: weight must have shape {sizes}, got {tuple(weight.shape)}")
    y = y * weight
    return y if dtype_of(y) == dtype_of(input) else cast(y, dtype=dtype_of(input))
