"""The windows of a convolution as columns, and columns added up to images, as functions."""

from __future__ import annotations

from ...arrays.windows import Geometry
from ...autograd.graph import Array
from ...ops import conv as ops
from ...ops.shape import apart, permute, reshape
from .arguments import IntOrPair, batched, both_sides, check_array, check_filled, check_fits, pair


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


def channel_shuffle(input: Array, groups: int) -> Array:
    """Channels (N, C, ...) dealt out anew: the first of each of ``groups`` groups, then the second of each, and so on.

    Source: Zhang, Zhou, Lin and Sun, 2018.

    Raises:
        ValueError: groups that do not divide the channels.
    """
    name = "channel_shuffle"
    check_array(input, "input", name)
    if input.ndim < 3:
        raise ValueError(f"{name}: input must have shape (N, C, ...), at least 3 dimensions, got {tuple(input.shape)}")
    N, C, *rest = input.shape
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1 or C % groups:
        raise ValueError(f"{name}: groups must be an int that divides the {C} channels, got {groups!r}")
    x = reshape(input, (N, groups, C // groups, *rest))
    x = permute(x, (0, 2, 1, *range(3, x.ndim)))  # (N, C / groups, groups, ...)
    return apart(reshape(x, (N, C, *rest)), input)


def _window(kernel: IntOrPair, dilation: IntOrPair, padding: IntOrPair, stride: IntOrPair, name: str) -> Geometry:
    return Geometry(
        pair(kernel, "kernel_size", name, 1),
        pair(stride, "stride", name, 1),
        both_sides(pair(padding, "padding", name, 0)),
        pair(dilation, "dilation", name, 1),
    )
