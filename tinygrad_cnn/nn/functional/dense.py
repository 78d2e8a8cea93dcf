"""The linear layer, as a function."""

from __future__ import annotations

from ...autograd.graph import Array
from ...ops import affine
from ...ops.guards import check_pixels
from .arguments import check_bias, check_floating, check_same_dtype, door


def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """y = x w^T + b.

    Args:
        input: (..., in_features).
        weight: (out_features, in_features).
        bias: (out_features,) or None.

    Returns:
        (..., out_features).
    """
    _linear((input, weight, bias))
    check_pixels(input, weight, "linear")
    return affine.linear(input, weight) if bias is None else affine.linear(input, weight, bias)


@door
def _linear(input: Array, weight: Array, bias: Array | None) -> None:
    """Raise unless the three belong together."""
    name = "linear"
    check_floating(input, "input", name)
    check_floating(weight, "weight", name)
    check_same_dtype(input, weight, name)
    if weight.ndim != 2:
        raise ValueError(f"{name}: weight must have shape (out_features, in_features), got {tuple(weight.shape)}")
    if input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"{name}: input of shape {tuple(input.shape)} has {input.shape[-1] if input.ndim else 'no'} features, "
            f"weight of shape {tuple(weight.shape)} expects {weight.shape[1]}"
        )
    check_bias(input, bias, weight.shape[0], name)
