"""Convolutions and their sliding windows, as functions."""

from __future__ import annotations

from typing import Any

from ...arrays.windows import Geometry, Pads, Pair
from ...autograd.graph import Array
from ...ops import conv as ops
from ...ops.shape import apart
from .arguments import (
    IntOrPair,
    batched,
    both_sides,
    check_bias,
    check_filled,
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


def conv_transpose2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrPair = 1,
    padding: IntOrPair = 0,
    output_padding: IntOrPair = 0,
    groups: int = 1,
    dilation: IntOrPair = 1,
) -> Array:
    """The transposed convolution: the gradient of `conv2d` by its input, used as a layer that enlarges images.

    Args:
        input: (N, C, H, W) or (C, H, W).
        weight: (C, O / groups, kh, kw): the layout of the convolution it transposes.
        bias: (O,) or None.
        stride, padding, dilation, groups: those of the convolution it transposes.
        output_padding: rows and columns added at the bottom and right; less than stride.

    Returns:
        (N, O, oh, ow) with oh = (H - 1) stride - 2 padding + dilation (kh - 1) + 1 + output_padding.
    """
    name = "conv_transpose2d"
    x, unbatched = _check_layout(input, weight, groups, 2, "C, O / groups", name)
    if x.shape[1] != weight.shape[0] or x.shape[1] % groups:
        raise ValueError(
            f"{name}: input has {x.shape[1]} channels, weight {tuple(weight.shape)} expects {weight.shape[0]} "
            f"(and a multiple of groups={groups})"
        )
    _check_filled(x, weight, name)
    check_bias(input, bias, weight.shape[1] * groups, name)
    s, d = pair(stride, "stride", name, 1), pair(dilation, "dilation", name, 1)
    pad, extra = pair(padding, "padding", name, 0), pair(output_padding, "output_padding", name, 0)
    if extra[0] >= s[0] or extra[1] >= s[1]:
        raise ValueError(f"{name}: output_padding must be less than stride, got {extra} for stride {s}")
    geometry = Geometry(weight.shape[2:], s, both_sides(pad), d)
    oh, ow = ((x.shape[2 + i] - 1) * s[i] - 2 * pad[i] + geometry.extent(i) + extra[i] for i in (0, 1))
    if oh < 1 or ow < 1:
        raise ValueError(f"{name}: the output would have {oh}x{ow} pixels; use less padding or a larger kernel")
    y = ops.conv2d_input(
        x, weight, size=(oh, ow), stride=s, padding=geometry.padding, dilation=d, groups=groups
    )  # (N, O, oh, ow)
    if bias is not None:
        y = y + bias[:, None, None]
    return y[0] if unbatched else y


def unfold(
    input: Array, kernel_size: IntOrPair, dilation: IntOrPair = 1, padding: IntOrPair = 0, stride: IntOrPair = 1
) -> Array:
    """im2col: every window of input (N, C, H, W) as a column, (N, C * kh * kw, oh * ow)."""
    name = "unfold"
    x, unbatched = batched(input, 2, name)
    check_filled(x, 3, name)
    geometry = _window(kernel_size, dilation, padding, stride, name)
    check_fits(geometry, x.shape[2:], name)
    y = apart(ops.unfold(x, **geometry._asdict()), x)
    return y[0] if unbatched else y


def fold(
    input: Array,
    output_size: IntOrPair,
    kernel_size: IntOrPair,
    dilation: IntOrPair = 1,
    padding: IntOrPair = 0,
    stride: IntOrPair = 1,
) -> Array:
    """col2im: columns (N, C * kh * kw, oh * ow) added up to images (N, C, H, W), (H, W) = output_size."""
    name = "fold"
    x, unbatched = batched(input, 1, name, "C * kh * kw, windows")
    check_filled(x, 2, name)
    size = pair(output_size, "output_size", name, 1)
    geometry = _window(kernel_size, dilation, padding, stride, name)
    check_fits(geometry, size, name)
    (kh, kw), (oh, ow) = geometry.kernel, geometry.out(size)
    if x.shape[1] % (kh * kw) or x.shape[2] != oh * ow:
        raise ValueError(
            f"{name}: expected columns of shape (N, C * {kh * kw}, {oh * ow}) for {oh}x{ow} windows of {kh}x{kw} on "
            f"an image of {size[0]}x{size[1]}, got {tuple(x.shape)}"
        )
    y = ops.fold(x, size=size, **geometry._asdict())
    return y[0] if unbatched else y


def _window(kernel: IntOrPair, dilation: IntOrPair, padding: IntOrPair, stride: IntOrPair, name: str) -> Geometry:
    return Geometry(
        pair(kernel, "kernel_size", name, 1),
        pair(stride, "stride", name, 1),
        both_sides(pair(padding, "padding", name, 0)),
        pair(dilation, "dilation", name, 1),
    )


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
    x, unbatched = _check_layout(x, w, groups, spatial, "O, C / groups", name)
    if x.shape[1] != w.shape[1] * groups:
        raise ValueError(
            f"{name}: input has {x.shape[1]} channels, but weight of shape {tuple(w.shape)} with groups={groups} "
            f"expects {w.shape[1] * groups}; input shape is {tuple(x.shape)}"
        )
    if w.shape[0] % groups:
        raise ValueError(f"{name}: {w.shape[0]} output channels cannot be split into {groups} groups")
    _check_filled(x, w, name)
    check_bias(x, b, w.shape[0], name)
    return x, unbatched


def _check_layout(x: Array, w: Array, groups: int, spatial: int, channels: str, name: str) -> tuple[Array, bool]:
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


def _check_filled(x: Array, w: Array, name: str) -> None:
    if 0 in w.shape:
        raise ValueError(f"{name}: weight must not be empty, got shape {tuple(w.shape)}")
    if x.shape[0] and 0 in x.shape[2:]:
        raise ValueError(f"{name}: input has no pixels, its shape is {tuple(x.shape)}")
