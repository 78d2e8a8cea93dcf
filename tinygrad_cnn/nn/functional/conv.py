"""Convolutions, as functions."""

from __future__ import annotations

from typing import Any

from ...arrays.windows import Geometry, Pads, Pair
from ...autograd.graph import Array
from ...ops import conv as ops
from ...ops.guards import check_pixels
from .arguments import (
    IntOrPair,
    batched,
    both_sides,
    check_bias,
    check_fits,
    check_floating,
    check_padding,
    check_same_dtype,
    door,
    integers,
    pair,
)


def conv2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrPair = 1,
    padding: IntOrPair | str = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Array:
    """2-D convolution (cross-correlation) of images with kernels.

    Args:
        input: (N, C, H, W) or (C, H, W).
        weight: (O, C / groups, kh, kw).
        bias: (O,) or None.
        stride: step of the window, >= 1.
        padding: zeros on each side, >= 0; or "valid" (none) or "same" (output as large as the input; stride 1 only).
        dilation: distance of kernel taps, >= 1.
        groups: input and output channels are split into this many independent groups.

    Returns:
        (N, O, oh, ow) with oh = (H + 2 padding - dilation (kh - 1) - 1) // stride + 1.

    Raises:
        ValueError: shapes or sizes that do not fit. TypeError: dtypes that differ.

    >>> import numpy as np
    >>> conv2d(np.ones((1, 1, 4, 4)), np.ones((1, 1, 3, 3))).tolist()
    [[[[9.0, 9.0], [9.0, 9.0]]]]
    """
    attributes, unbatched = _conv2d((input, weight, bias), stride, padding, dilation, groups)
    check_pixels(input, weight, "conv2d")
    x = input[None] if unbatched else input
    convolve = ops.conv2d if _even(attributes["padding"]) else ops.conv2d_uneven
    y = convolve(x, weight, **attributes) if bias is None else convolve(x, weight, bias, **attributes)
    return y[0] if unbatched else y


@door
def _conv2d(
    input: Array,
    weight: Array,
    bias: Array | None,
    stride: IntOrPair,
    padding: IntOrPair | str,
    dilation: IntOrPair,
    groups: int,
) -> tuple[dict[str, Any], bool]:
    """The checked attributes of the operation, and whether the input lacks a batch dimension."""
    name = "conv2d"
    x, unbatched = _check(input, weight, bias, groups, 2, name)
    stride, dilation = pair(stride, "stride", name, 1), pair(dilation, "dilation", name, 1)
    kernel = weight.shape[2:]
    pads = _pads(padding, kernel, stride, dilation, name)
    check_fits(Geometry(kernel, stride, pads, dilation), x.shape[2:], name)
    return {"stride": stride, "padding": pads, "dilation": dilation, "groups": groups}, unbatched


def conv1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrPair = 1,
    padding: IntOrPair | str = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Array:
    """1-D convolution: input (N, C, L) or (C, L), weight (O, C / groups, k), bias (O,); gives (N, O, length).

    Arguments as for `conv2d`, one number each.
    """
    name = "conv1d"
    x, unbatched = _check(input, weight, bias, groups, 1, name)
    (s,), (d,) = integers(stride, 1, "stride", name, 1), integers(dilation, 1, "dilation", name, 1)
    kernel = (1, weight.shape[2])
    if not isinstance(padding, str):
        padding = (0, *integers(padding, 1, "padding", name, 0))
    pads = _pads(padding, kernel, (1, s), (1, d), name)
    check_fits(Geometry(kernel, (1, s), pads, (1, d)), (1, x.shape[2]), name)
    tensors = (x[:, :, None], weight[:, :, None]) if bias is None else (x[:, :, None], weight[:, :, None], bias)
    convolve = ops.conv2d if _even(pads) else ops.conv2d_uneven
    y = convolve(*tensors, stride=(1, s), padding=pads, dilation=(1, d), groups=groups)[:, :, 0]  # (N, O, length)
    return y[0] if unbatched else y


def _pads(padding: IntOrPair | str, kernel: Pair, stride: Pair, dilation: Pair, name: str) -> Pads:
    if isinstance(padding, str):
        check_padding(padding, name)
        if padding == "valid":
            return (0, 0), (0, 0)
        if stride != (1, 1):
            raise ValueError(f"{name}: padding='same' needs stride 1, got {stride}")
        top, left = (d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True))
        return (top, dilation[0] * (kernel[0] - 1) - top), (left, dilation[1] * (kernel[1] - 1) - left)
    return both_sides(pair(padding, "padding", name, 0))


def _even(pads: Pads) -> bool:
    (top, bottom), (left, right) = pads
    return top == bottom and left == right


def _check(x: Array, w: Array, b: Array | None, groups: int, spatial: int, name: str) -> tuple[Array, bool]:
    """x as a batch, after checking that input, weight and bias belong together."""
    x, unbatched = check_layout(x, w, groups, spatial, "O, C / groups", name)
    if x.shape[1] != w.shape[1] * groups:
        raise ValueError(
            f"{name}: input has {x.shape[1]} channels, but weight of shape {tuple(w.shape)} with groups={groups} "
            f"expects {w.shape[1] * groups}; input shape is {tuple(x.shape)}"
        )
    if w.shape[0] % groups:
        raise ValueError(f"{name}: {w.shape[0]} output channels cannot be split into {groups} groups")
    check_windows(x, w, name)
    check_bias(x, b, w.shape[0], name)
    return x, unbatched


def check_layout(x: Array, w: Array, groups: int, spatial: int, channels: str, name: str) -> tuple[Array, bool]:
    """x as a batch, after checking the kinds and dimensions of both; the weight's are ``channels`` and the kernel's."""
    check_floating(x, "input", name)
    check_floating(w, "weight", name)
    check_same_dtype(x, w, name)
    x, unbatched = batched(x, spatial, name)
    if w.ndim != spatial + 2:
        kernel = "kh, kw" if spatial == 2 else "k"
        raise ValueError(f"{name}: weight must have shape ({channels}, {kernel}), got {tuple(w.shape)}")
    if not isinstance(groups, int) or groups < 1:
        raise ValueError(f"{name}: groups must be an int of at least 1, got {groups!r}")
    return x, unbatched


def check_windows(x: Array, w: Array, name: str) -> None:
    if 0 in w.shape:
        raise ValueError(f"{name}: weight must not be empty, got shape {tuple(w.shape)}")
    if x.shape[0] and 0 in x.shape[2:]:
        raise ValueError(f"{name}: input has no pixels, its shape is {tuple(x.shape)}")
