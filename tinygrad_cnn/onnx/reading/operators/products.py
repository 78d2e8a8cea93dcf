"""Products of matrices, floating and of small integers."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from .... import ops
from ....autograd.graph import Array, array_of
from ....nn import functional as F
from ..steps import Step
from .table import like, operator


@operator("MatMul")
def matmul(_step: Step, a: Array, b: Array) -> Array:
    """The product of matrices, or of stacks of them."""
    if array_of(a).dtype.kind != "f":
        return like(np.matmul(array_of(a), array_of(b)), a, b)
    return ops.matmul(a, b)


@operator("Gemm")
def gemm(step: Step, a: Array, b: Array, c: Array = None) -> Array:
    """alpha a b + beta c, either matrix turned by wish; a layer's x w^T + b is one operation."""
    alpha, beta = step.get("alpha", 1.0), step.get("beta", 1.0)
    if array_of(a).ndim != 2 or array_of(b).ndim != 2:
        raise ValueError(f"Gemm multiplies matrices, got shapes {tuple(a.shape)} and {tuple(b.shape)}")
    a = ops.transpose(a, 0, 1) if step.get("transA", 0) else a
    if array_of(a).dtype.kind != "f":
        b = ops.transpose(b, 0, 1) if step.get("transB", 0) else b
        product = array_of(a) @ array_of(b)
        alpha, beta = (int(v) if v.is_integer() else v for v in map(float, (alpha, beta)))  # exact where it can be
        total = product * alpha + (0 if c is None else array_of(c) * beta)
        return like(total.astype(product.dtype), a, b)
    if step.get("transB", 0) and alpha == beta == 1 and (c is None or tuple(c.shape) == (b.shape[0],)):
        return F.linear(a, b, c)
    y = ops.matmul(a, ops.transpose(b, 0, 1) if step.get("transB", 0) else b)
    y = y if alpha == 1 else y * alpha
    return y if c is None else y + (c if beta == 1 else c * beta)


@operator("Einsum")
def einsum(step: Step, *xs: Array) -> Array:
    """Einstein's sums."""
    return ops.einsum(step.get("equation"), *xs)


def less_zero(x: Array, zero: Array | None, axis: int | None = None) -> ndarray:
    """Small integers less their zero point, in int32; ``axis`` is that of zero points which are several."""
    whole = array_of(x).astype(np.int32)
    if zero is None:
        return whole
    point = array_of(zero).astype(np.int32)
    if point.ndim == 1 and point.size > 1 and axis is not None:
        point = point.reshape([-1 if d == axis % whole.ndim else 1 for d in range(whole.ndim)])  # (n with ones around)
    return whole - (point.reshape(()) if point.size == 1 else point)  # (*x.shape)


@operator("MatMulInteger")
def matmul_integer(_step: Step, a: Array, b: Array, a_zero: Array = None, b_zero: Array = None) -> Array:
    """A product of small integers, in int32."""
    return like(np.matmul(less_zero(a, a_zero, -2), less_zero(b, b_zero, -1)), a)
