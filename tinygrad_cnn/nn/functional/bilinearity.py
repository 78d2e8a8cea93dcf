"""A map that is linear in each of two inputs, as a function."""

from __future__ import annotations

import math

from ...autograd.graph import Array
from ...ops.linalg import matmul
from ...ops.reduce import sum as sum_over
from ...ops.shape import _reshape, transpose
from .arguments import check_array, check_bias, check_same_dtype


def bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None) -> Array:
    """y[o] = sum_ij x1[i] weight[o, i, j] x2[j] + bias[o].

    Args:
        input1: (..., in1_features).
        input2: (..., in2_features), with the same leading sizes.
        weight: (out_features, in1_features, in2_features).
        bias: (out_features,) or None.

    Returns:
        (..., out_features).
    """
    name = "bilinear"
    for x, what in ((input1, "input1"), (input2, "input2"), (weight, "weight")):
        check_array(x, what, name)
        check_same_dtype(input1, x, name, what)
    if weight.ndim != 3:
        raise ValueError(
            f"{name}: weight must have shape (out_features, in1_features, in2_features), got {tuple(weight.shape)}"
        )
    if not input1.ndim or not input2.ndim or tuple(input1.shape[:-1]) != tuple(input2.shape[:-1]):
        raise ValueError(
            f"{name}: the inputs must agree in all sizes but the last, got {tuple(input1.shape)} and "
            f"{tuple(input2.shape)}"
        )
    outputs, *features = weight.shape
    if [input1.shape[-1], input2.shape[-1]] != features:
        raise ValueError(
            f"{name}: inputs of shapes {tuple(input1.shape)} and {tuple(input2.shape)} do not fit a weight of shape "
            f"{tuple(weight.shape)}"
        )
    check_bias(input1, bias, outputs, name)
    lead = tuple(input1.shape[:-1])
    rows = math.prod(lead)
    columns = _reshape(transpose(weight, 0, 1), shape=(features[0], outputs * features[1]))  # (in1, out * in2)
    y = _reshape(matmul(_reshape(input1, shape=(rows, features[0])), columns), shape=(rows, outputs, features[1]))
    y = sum_over(y * _reshape(input2, shape=(rows, 1, features[1])), 2)  # (rows, out)
    y = _reshape(y, shape=(*lead, outputs))
    return y if bias is None else y + bias
