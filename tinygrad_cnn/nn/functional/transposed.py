"""Transposed convolutions, as functions: the gradient of a convolution by its input, as a layer that enlarges."""

from __future__ import annotations

from ...arrays.windows import Geometry
from ...autograd.graph import Array
from ...ops import conv as ops
from ...ops.padding import pad as pad_with
from .arguments import IntOrPair, both_sides, check_bias, integers
from .conv import check_layout, check_windows


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
        output_padding: rows and columns added at the bottom and right; less than stride or less than dilation.

    Returns:
        (N, O, oh, ow) with oh = (H - 1) stride - 2 padding + dilation (kh - 1) + 1 + output_padding.

    >>> import numpy as np
    >>> conv_transpose2d(np.ones((1, 1, 1, 2)), np.ones((1, 1, 1, 2)), stride=2).tolist()
    [[[[1.0, 1.0, 1.0, 1.0]]]]
    """
    return _transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 2)


def conv_transpose1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: IntOrPair = 1,
    padding: IntOrPair = 0,
    output_padding: IntOrPair = 0,
    groups: int = 1,
    dilation: IntOrPair = 1,
) -> Array:
    """The transposed convolution of signals: input (N, C, L) or (C, L), weight (C, O / groups, k); (N, O, length).

    Arguments as for `conv_transpose2d`, one number each.
    """
    return _transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 1)


def _transposed(
    input: Array,
    weight: Array,
    bias: Array | None,
    stride: IntOrPair,
    padding: IntOrPair,
    output_padding: IntOrPair,
    groups: int,
    dilation: IntOrPair,
    spatial: int,
) -> Array:
    name = f"conv_transpose{spatial}d"
    x, unbatched = check_layout(input, weight, groups, spatial, "C, O / groups", name)
    if x.shape[1] != weight.shape[0] or x.shape[1] % groups:
        raise ValueError(
            f"{name}: input has {x.shape[1]} channels, weight {tuple(weight.shape)} expects {weight.shape[0]} "
            f"(and a multiple of groups={groups})"
        )
    check_windows(x, weight, name)
    check_bias(input, bias, weight.shape[1] * groups, name)
    s, d = integers(stride, spatial, "stride", name, 1), integers(dilation, spatial, "dilation", name, 1)
    pad, extra = (
        integers(value, spatial, what, name, 0)
        for value, what in ((padding, "padding"), (output_padding, "output_padding"))
    )
    if any(e >= max(step, apart) for e, step, apart in zip(extra, s, d, strict=True)):
        raise ValueError(
            f"{name}: output_padding must be less than stride or less than dilation, got {extra} for stride {s} and "
            f"dilation {d}"
        )
    if spatial == 1:  # a signal is an image of one row
        x, weight = x[:, :, None], weight[:, :, None]  # (N, C, 1, L), (C, O / groups, 1, k)
        s, d, pad, extra = (1, *s), (1, *d), (0, *pad), (0, *extra)
    geometry = Geometry(tuple(weight.shape[2:]), (s[0], s[1]), both_sides((pad[0], pad[1])), (d[0], d[1]))
    oh, ow = ((x.shape[2 + i] - 1) * s[i] - 2 * pad[i] + geometry.extent(i) + extra[i] for i in (0, 1))
    if oh < 1 or ow < 1:
        size = f"{oh}x{ow} pixels" if spatial == 2 else f"{ow} samples"
        raise ValueError(f"{name}: the output would have {size}; use less padding or a larger kernel")
    beyond = [0, 0]  # rows at the end that no kernel reaches
    if any(e >= step for e, step in zip(extra, s, strict=True)):  # as much less padding at the end
        beyond = [max(e - p, 0) for e, p in zip(extra, pad, strict=True)]
        ends = [(p, max(p - e, 0)) for e, p in zip(extra, pad, strict=True)]
        geometry = geometry._replace(padding=(ends[0], ends[1]))
    y = ops.conv2d_input(
        x,
        weight,
        size=(oh - beyond[0], ow - beyond[1]),
        stride=geometry.stride,
        padding=geometry.padding,
        dilation=geometry.dilation,
        groups=groups,
    )
    if any(beyond):
        y = pad_with(y, (0, beyond[1], 0, beyond[0]))  # (N, O, oh, ow)
    if bias is not None:
        y = y + bias[:, None, None]
    if spatial == 1:
        y = y[:, :, 0]  # (N, O, length)
    return y[0] if unbatched else y
