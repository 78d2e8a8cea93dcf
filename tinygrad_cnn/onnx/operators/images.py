"""Convolutions, pools and windows. A signal is an image of one row for us; for ONNX it is made a signal again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops.pool import spans
from ...programs import Extent, Step
from ..graph import Graph, Translation, Untranslatable
from .elementwise import number
from .shapes import sliced


def _windows(s: Step, kernel: Any, row: bool) -> dict[str, Any]:
    """The attributes of windows that slide."""
    a = s.attributes
    (top, bottom), (left, right) = a["padding"]
    every = {
        "kernel_shape": list(kernel),
        "strides": list(a["stride"]),
        "dilations": list(a["dilation"]),
        "pads": [top, left, bottom, right],
    }
    if row:
        every = {key: value[1::2] for key, value in every.items()}
    return every


def _as_signal(g: Graph, x: str, *others: str) -> tuple[str, ...] | None:
    """The signals that were made images of one row, if all were."""
    found = [g.signal(name) for name in (x, *others)]
    return None if None in found else tuple(name for name in found if name is not None)


def _conv(g: Graph, s: Step, x: str, w: str, b: str = "") -> str:
    row = _as_signal(g, x, w)
    settings = _windows(s, s.inputs[1].shape[2:], row is not None)
    x, w = row or (x, w)
    y: str = g.node("Conv", x, w, b, group=s.attributes["groups"], **settings)
    return g.unsqueeze(y, [2]) if row else y


def _conv_transpose(g: Graph, s: Step, x: str, w: str) -> str:
    """The gradient of a convolution by its input."""
    a = s.attributes
    row = _as_signal(g, x, w)
    kernel = s.inputs[1].shape[2:]
    settings = _windows(s, kernel, row is not None)
    extra = _left_over(g, s, s.inputs[0].shape[2:], kernel)[row is not None :]
    x, w = row or (x, w)
    y: str = g.node("ConvTranspose", x, w, group=a["groups"], output_padding=extra, **settings)
    return g.unsqueeze(y, [2]) if row else y


def _left_over(g: Graph, s: Step, small: Any, kernel: Any) -> list[int]:
    """How many pixels of an image the windows of a small one do not reach; where both grow with the batch, they do
    alike."""
    a, extra = s.attributes, []
    for i, sides in enumerate(zip(a["size"], small, strict=True)):
        n, m = (side.at(g.program.batch) if isinstance(side, Extent) else side for side in sides)
        extra.append(n - (m - 1) * a["stride"][i] + sum(a["padding"][i]) - a["dilation"][i] * (kernel[i] - 1) - 1)
    return extra


def _max_pool(g: Graph, s: Step, x: str) -> str:
    row = _as_signal(g, x)
    settings = _windows(s, s.attributes["kernel"], row is not None)
    dtype = s.output.dtype
    source = row[0] if row else x
    if dtype.kind != "f":
        source = g.cast(source, np.float64 if dtype.itemsize > 2 else np.float32)
    y: str = g.node("MaxPool", source, **settings)
    y = y if dtype.kind == "f" else g.cast(y, dtype)
    return g.unsqueeze(y, [2]) if row else y


def _max_pool_and_places(g: Graph, s: Step, x: str) -> tuple[str, str]:
    """The maxima, and where in its plane each was; ONNX counts through the whole batch."""
    row = s.op.endswith("1d")
    plane = _pixels_of(s.inputs[0].shape[2:])
    y, places = g.node("MaxPool", x, outputs=2, **_windows(s, s.attributes["kernel"], row))
    return y, g.node("Mod", places, g.constant(plane, np.int64))


def _pixels_of(sides: Any) -> int:
    if any(isinstance(n, Extent) for n in sides):
        raise Untranslatable("of sides that depend on the batch")
    return math.prod(sides)


def _unpooled(g: Graph, s: Step, x: str, places: str) -> str:
    """Zeros, with what a pool gave put back to where it was found."""
    batch, channels, *size = s.output.shape
    plane, small = _pixels_of(size), _pixels_of(s.inputs[0].shape[2:])
    zeros = g.node("Expand", g.constant(0, s.output.dtype), g.ints((batch, channels, plane)))
    x, places = (g.reshape(v, (batch, channels, small)) for v in (x, places))
    return g.reshape(g.node("ScatterElements", zeros, places, x, axis=2), s.output.shape)


def _window_sum(g: Graph, s: Step, x: str) -> str:
    """The sum of windows: their mean, times how many pixels they have."""
    a = s.attributes
    row = _as_signal(g, x)
    settings = _windows(s, a["kernel"], row is not None)
    del settings["dilations"]
    (source,) = row or (x,)
    y: str = g.node("AveragePool", source, count_include_pad=1, **settings)
    y = g.node("Mul", y, number(g, s, math.prod(a["kernel"])))
    return g.unsqueeze(y, [2]) if row else y


def _even(old: Any, new: Any) -> list[int] | None:
    """The size of the windows of a grid, if all are of one size."""
    if any(isinstance(n, Extent) or n % m for n, m in zip(old, new, strict=True)):
        return None
    return [n // m for n, m in zip(old, new, strict=True)]


def _grid_mean(g: Graph, s: Step, x: str) -> str:
    """Means over a grid: where its windows differ in size, a product with each window's share of each pixel."""
    old, new = s.inputs[0].shape[2:], s.attributes["size"]
    row = _as_signal(g, x)
    kernel = _even(old, new)
    first, source = (1, row[0]) if row else (0, x)
    if tuple(new) == (1, 1):
        y: str = g.node("GlobalAveragePool", source)
        return g.unsqueeze(y, [2]) if row else y
    if kernel is not None:
        y = g.node("AveragePool", source, kernel_shape=kernel[first:], strides=kernel[first:])
        return g.unsqueeze(y, [2]) if row else y
    if any(isinstance(n, Extent) for n in old):
        raise Untranslatable("of sides that depend on the batch")
    down, across = (_shares(n, m).astype(s.output.dtype) for n, m in zip(old, new, strict=True))
    return g.node("MatMul", g.node("MatMul", g.constant(down), x), g.constant(across.T))


def _shares(n: int, m: int) -> Any:
    """How much each of n pixels has in the mean of each of m windows: (m, n)."""
    shares = np.zeros((m, n))
    for i, (start, stop) in enumerate(spans(n, m)):
        shares[i, start:stop] = 1 / (stop - start)
    return shares


def _adaptive_max(g: Graph, s: Step, x: str) -> str:
    """The maxima of a grid, of signals (N, C, L) or images (N, C, H, W), or of one without a batch."""
    shape, size = s.inputs[0].shape, s.output.shape
    n = 1 if s.op.endswith("1d") else 2
    old, new = shape[-n:], size[-n:]
    if len(shape) == n + 1:
        x = g.unsqueeze(x, [0])
    kernel = _even(old, new)
    if all(m == 1 for m in new):
        x = g.node("GlobalMaxPool", x)
    elif kernel is not None:
        x = g.node("MaxPool", x, kernel_shape=kernel, strides=kernel)
    elif any(isinstance(m, Extent) for m in old):
        raise Untranslatable("of sides that depend on the batch")
    else:
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            parts = [sliced(g, x, 2 + i, start, stop) for start, stop in spans(a, b)]  # type: ignore[arg-type]
            x = g.node("Concat", *(g.reduce("ReduceMax", part, [2 + i], True) for part in parts), axis=2 + i)
    return g.squeeze(x, [0]) if len(shape) == n + 1 else x


def _pixels(channels: Any, kernel: Any, dtype: Any) -> Any:
    """Kernels that each pick one pixel of one channel's window: (channels * kh * kw, channels, kh, kw)."""
    n = channels * math.prod(kernel)
    return np.eye(n, dtype=dtype).reshape(n, channels, *kernel)


def _unfold(g: Graph, s: Step, x: str) -> str:
    """Windows as columns: a convolution with kernels that each pick a pixel."""
    kernel, channels = s.attributes["kernel"], s.inputs[0].shape[1]
    _pixels_of((channels,))
    w = g.constant(_pixels(channels, kernel, s.output.dtype))
    y: str = g.node("Conv", x, w, **_windows(s, kernel, False))
    return g.reshape(y, s.output.shape)


def _fold(g: Graph, s: Step, x: str) -> str:
    """Columns added up to an image: the transposed convolution with the same kernels."""
    a = s.attributes
    kernel, channels = a["kernel"], s.output.shape[1]
    batch, rows, _ = s.inputs[0].shape
    _pixels_of((channels, *a["size"]))
    out = [
        (n + sum(a["padding"][i]) - a["dilation"][i] * (kernel[i] - 1) - 1) // a["stride"][i] + 1
        for i, n in enumerate(a["size"])
    ]
    x = g.reshape(x, (batch, rows, *out), s.inputs[0].shape)
    w = g.constant(_pixels(channels, kernel, s.output.dtype))
    extra = _left_over(g, s, out, kernel)
    return g.node("ConvTranspose", x, w, output_padding=extra, **_windows(s, kernel, False))


def _grid_sample(g: Graph, s: Step, x: str, grid: str) -> str:
    mode, padding, align = (s.attributes[key] for key in ("mode", "padding", "align"))
    if g.opset >= 20:
        mode = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    y: str = g.node("GridSample", x, grid, mode=mode, padding_mode=padding, align_corners=int(align))
    return y


TABLE: dict[str, Translation] = {
    "grid_sample": _grid_sample,
    "conv2d": _conv,
    "conv2d_input": _conv_transpose,
    "max_pool2d": _max_pool,
    "MaxPool1d": _max_pool_and_places,
    "MaxPool2d": _max_pool_and_places,
    "MaxUnpool1d": _unpooled,
    "MaxUnpool2d": _unpooled,
    "window_sum": _window_sum,
    "grid_mean": _grid_mean,
    "grid_max": _adaptive_max,
    "AdaptiveMaxPool1d": _adaptive_max,
    "AdaptiveMaxPool2d": _adaptive_max,
    "unfold": _unfold,
    "fold": _fold,
}
