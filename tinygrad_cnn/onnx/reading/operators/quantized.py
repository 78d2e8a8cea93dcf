"""Numbers as small integers with a scale and a zero point. They are computed with NumPy, and have no gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ....autograd.graph import Array, array_of
from ..steps import Step
from ..tensors import dtype_named
from .products import less_zero
from .table import axis_of, like, operator
from .windows import conv


def _along(v: Any, ndim: int, axis: int, size: int, block: int) -> ndarray:
    """A scale or zero point so that it broadcasts: one number, one for each entry of an axis, or one for each block."""
    a = array_of(v)
    if a.size == 1 and a.ndim < 2:
        return a.reshape(())
    if block:
        return np.repeat(a, block, axis).take(range(size), axis)
    return a.reshape([-1 if d == axis else 1 for d in range(ndim)]) if a.ndim == 1 else a  # (n with ones around)


def _quantized(x: ndarray, scale: Any, zero: Any, dtype: np.dtype[Any]) -> ndarray:
    """x / scale to the nearest integer, halves to even, plus the zero point, within the dtype."""
    limits = np.iinfo(dtype)
    whole = np.rint(x / scale) + np.asarray(zero, np.float64)
    return whole.clip(limits.min, limits.max).astype(dtype)


@operator("QuantizeLinear")
def quantize(step: Step, x: Array, scale: Array, zero: Array = None) -> Array:
    """Floating numbers as small integers."""
    array = array_of(x)
    uint8 = 2
    dtype = dtype_named(step.get("output_dtype", 0) or uint8) if zero is None else array_of(zero).dtype
    axis = axis_of(step.get("axis", 1), array.ndim) if array_of(scale).ndim else 0
    size, block = array.shape[axis] if array.ndim else 1, step.get("block_size", 0)
    s = _along(scale, array.ndim, axis, size, block).astype(array.dtype)
    z = 0 if zero is None else _along(zero, array.ndim, axis, size, block)
    return like(_quantized(array, s, z, dtype), x)


@operator("DequantizeLinear")
def dequantize(step: Step, x: Array, scale: Array, zero: Array = None) -> Array:
    """Small integers as floating numbers: (x - zero) scale."""
    array, kind = array_of(x), array_of(scale).dtype
    axis = axis_of(step.get("axis", 1), array.ndim) if array_of(scale).ndim else 0
    size, block = array.shape[axis] if array.ndim else 1, step.get("block_size", 0)
    s = _along(scale, array.ndim, axis, size, block)
    z = 0 if zero is None else _along(zero, array.ndim, axis, size, block).astype(np.int64)
    y = (array.astype(np.int64) - z).astype(kind) * s
    return like(y.astype(dtype_named(step.get("output_dtype"))) if step.get("output_dtype") else y, x)


@operator("DynamicQuantizeLinear")
def dynamic_quantize(_step: Step, x: Array) -> tuple[Array, ...]:
    """As uint8, with the scale and zero point that the range of x asks for; these come too."""
    a = array_of(x)
    low, high = min(float(a.min(initial=0)), 0.0), max(float(a.max(initial=0)), 0.0)
    scale = np.float32((high - low) / 255)
    zero = np.uint8(np.rint(-low / scale).clip(0, 255)) if scale else np.uint8(0)
    return (
        like(_quantized(a, scale if scale else np.float32(1), zero, np.dtype(np.uint8)), x),
        like(scale, x),
        like(zero, x),
    )


@operator("QLinearMatMul")
def quantized_matmul(
    _step: Step, a: Array, a_scale: Array, a_zero: Array, b: Array, b_scale: Array, b_zero: Array, scale: Array,
    zero: Array,
) -> Array:  # fmt: skip
    """A product of quantized matrices, quantized."""
    whole = np.matmul(less_zero(a, a_zero, -2).astype(np.float64), less_zero(b, b_zero, -1).astype(np.float64))
    ratio = array_of(a_scale).astype(np.float64) * array_of(b_scale) / array_of(scale)
    return like(_quantized(whole * ratio, np.float64(1), array_of(zero), array_of(zero).dtype), a)


@operator("QLinearConv")
def quantized_conv(
    step: Step, x: Array, x_scale: Array, x_zero: Array, w: Array, w_scale: Array, w_zero: Array, scale: Array,
    zero: Array, b: Array = None,
) -> Array:  # fmt: skip
    """A convolution of quantized numbers, quantized."""
    a, k = less_zero(x, x_zero).astype(np.float64), less_zero(w, w_zero, 0).astype(np.float64)
    y = array_of(conv(step, a, k, None if b is None else array_of(b).astype(np.float64)))
    each = array_of(w_scale).astype(np.float64)
    each = each.reshape(-1, *[1] * (y.ndim - 2)) if each.size > 1 else each.reshape(())  # (O, 1, ...)
    ratio = array_of(x_scale).astype(np.float64).reshape(()) * each / array_of(scale).reshape(())  # (O, 1, ...)
    return like(_quantized(y * ratio, np.float64(1), array_of(zero), array_of(zero).dtype), x)
