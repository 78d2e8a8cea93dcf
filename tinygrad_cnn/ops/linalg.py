"""Products of matrices and vectors. Their gradients are products again, with the factors transposed."""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine import Array, op
from .reduce import _sum, sum
from .shape import _reshape, checked


# ------------------------------------------------------------------------------------------------ matrix products
@op(lambda g, _y, _x: _turned(g), view=True)
def _turned(x: Array) -> Array:
    """Each matrix transposed: a view."""
    return x.swapaxes(-1, -2)


def _for_blas(a: Any) -> Any:
    """The array, copied where neither of the last two dimensions is contiguous: NumPy would leave BLAS for a slow loop."""
    return a if a.itemsize in a.strides[-2:] else np.ascontiguousarray(a)


def _right_rule(g: Array, _y: Array, a: Array, b: Array) -> Array:
    """dL/db = a^T g; of one b for a whole batch, as one product."""
    if b.ndim == 2 and a.ndim > 2 and g.shape[:-2] == a.shape[:-2]:
        a, g = _reshape(a, shape=(-1, a.shape[-1])), _reshape(g, shape=(-1, g.shape[-1]))
    return _matmul(_turned(a), g)


@op(lambda g, _y, _a, b: _matmul(g, _turned(b)), _right_rule)
def _matmul(a: Array, b: Array) -> Array:
    """Matrices, or batches of them: (..., n, k) times (..., k, m) is (..., n, m)."""
    a, b = _for_blas(a), _for_blas(b)
    if b.ndim == 2 and a.ndim > 2 and a.size:  # one product instead of many
        return np.matmul(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[-1])
    return np.matmul(a, b)


def _same_dtype(name: str, *inputs: Array) -> None:
    for x in inputs:
        if checked(x, name).dtype != inputs[0].dtype:
            raise RuntimeError(
                f"{name}: the inputs must have one dtype, got {' and '.join(str(x.dtype) for x in inputs)}; "
                "convert one with .to(dtype)"
            )


def _ranks(name: str, ranks: tuple[int, ...], *inputs: Array) -> None:
    _same_dtype(name, *inputs)
    if tuple(x.ndim for x in inputs) != ranks:
        shapes = " and ".join(str(x.shape) for x in inputs)
        raise RuntimeError(f"{name}: expected tensors of {' and '.join(map(str, ranks))} dimensions, got shapes {shapes}")


def _product(name: str, a: Array, b: Array) -> Array:
    """a @ b for tensors of at least one dimension each; a vector is a row on the left, and a column on the right."""
    inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise RuntimeError(
            f"{name}: shapes {a.shape} and {b.shape} do not fit: the last dimension of the first ({a.shape[-1]}) "
            f"must equal {'dimension -2' if b.ndim > 1 else 'the length'} of the second ({inner})"
        )
    if a.ndim == 1 or b.ndim == 1:
        left = _reshape(a, shape=(1, inner)) if a.ndim == 1 else a
        right = _reshape(b, shape=(inner, 1)) if b.ndim == 1 else b
        y = _matmul(left, right)
        shape = y.shape[:-2] + y.shape[-2:-1] * (a.ndim > 1) + y.shape[-1:] * (b.ndim > 1)
        return _reshape(y, shape=shape)
    if a.ndim > 2 and b.ndim > 2:
        for d, (m, n) in enumerate(zip(a.shape[-3::-1], b.shape[-3::-1], strict=False)):
            if m != n and m != 1 and n != 1:
                raise RuntimeError(
                    f"{name}: the batches of shapes {a.shape} and {b.shape} do not broadcast: {m} and {n} in dimension {-3 - d}"
                )
    return _matmul(a, b)


def matmul(input: Array, other: Array) -> Array:
    """The matrix product of (..., n, k) and (..., k, m), over broadcast batches: shape (..., n, m).

    A 1-d tensor is a row on the left and a column on the right, and that dimension is gone from the result.
    Raises RuntimeError when shapes do not fit or dtypes differ.

    >>> matmul(np.ones((5, 2, 3)), np.ones((3, 4))).shape
    (5, 2, 4)
    """
    _same_dtype("matmul", input, other)
    if not input.ndim or not other.ndim:
        raise RuntimeError(f"matmul: both need at least one dimension, got shapes {input.shape} and {other.shape}")
    return _product("matmul", input, other)
