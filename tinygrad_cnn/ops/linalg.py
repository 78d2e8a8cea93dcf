"""Products of matrices and vectors. Their gradients are products again, with the factors transposed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.threads import product
from ..autograd.graph import Array, Variable, array_of
from ..autograd.operation import op
from .elementwise import mul
from .guards import check_pixels
from .reduce import sum
from .shape import _reshape, checked, normalise_dim


# ------------------------------------------------------------------------------------------------ matrix products
@op(lambda g, _y, _x: _turned(g), view=True)
def _turned(x: Array) -> Array:
    """Each matrix transposed: a view."""
    return x.swapaxes(-1, -2)


def _for_blas(a: Any) -> Any:
    """The array, copied where neither of the last two dimensions is contiguous: BLAS cannot read that."""
    return a if a.itemsize in a.strides[-2:] else np.ascontiguousarray(a)


def _right_rule(g: Array, _y: Array, a: Array, _b: Array) -> Array:
    """dL/db = a^T g; of one b for a whole batch, as one product."""
    if _b.ndim == 2 and a.ndim > 2 and g.shape[:-2] == a.shape[:-2]:
        rows = math.prod(a.shape[:-1])
        a, g = _reshape(a, shape=(rows, a.shape[-1])), _reshape(g, shape=(rows, g.shape[-1]))
    return _matmul(_turned(a), g)


@op(lambda g, _y, _a, b: _matmul(g, _turned(b)), _right_rule)
def _matmul(a: Array, b: Array) -> Array:
    """Matrices, or batches of them: (..., n, k) times (..., k, m) is (..., n, m)."""
    a, b = _for_blas(a), _for_blas(b)
    if b.ndim == 2 and a.ndim > 2 and a.size:  # one product instead of many
        return product(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[-1])
    return product(a, b)


_matmul_by_batch = op(  # of one a and a batch of b, PyTorch keeps a copy of b where that folds to a matrix
    lambda g, _y, _a, b_: _matmul(g, _turned(b_)), _right_rule
)(_matmul.__wrapped__)  # type: ignore[attr-defined]


def _same_dtype(name: str, *inputs: Array) -> tuple[Array, ...]:
    """The inputs, checked to be of one dtype."""
    xs = tuple(checked(x, name) for x in inputs)
    if any(x.dtype != xs[0].dtype for x in xs):
        raise RuntimeError(
            f"{name}: the inputs must have one dtype, got {' and '.join(str(x.dtype) for x in xs)}; "
            "convert one with .to(dtype)"
        )
    return xs


def _ranks(name: str, ranks: tuple[int, ...], *inputs: Array) -> tuple[Array, ...]:
    """The inputs, checked to be of one dtype and of these numbers of dimensions."""
    xs = _same_dtype(name, *inputs)
    if tuple(x.ndim for x in xs) != ranks:
        raise RuntimeError(
            f"{name}: expected tensors of {' and '.join(map(str, ranks))} dimensions, "
            f"got shapes {' and '.join(format(x.shape) for x in xs)}"
        )
    return xs


def _product(name: str, a: Array, b: Array) -> Array:
    """a @ b for tensors of at least one dimension each; a vector is a row on the left, and a column on the right."""
    shape = array_of(b).shape
    inner = shape[-2] if len(shape) > 1 else shape[0]
    if array_of(a).shape[-1] != inner:
        raise RuntimeError(
            f"{name}: shapes {a.shape} and {b.shape} do not fit: the last dimension of the first ({a.shape[-1]}) "
            f"must equal {'dimension -2' if b.ndim > 1 else 'the length'} of the second ({inner})"
        )
    if a.ndim == 1 or b.ndim == 1:
        left = _reshape(a, shape=(1, inner)) if a.ndim == 1 else a
        right = _reshape(b, shape=(inner, 1)) if b.ndim == 1 else b
        y = (_matmul_by_batch if b.ndim > 2 else _matmul)(left, right)
        shape = y.shape[:-2] + y.shape[-2:-1] * (a.ndim > 1) + y.shape[-1:] * (b.ndim > 1)
        return _reshape(y, shape=shape)
    if a.ndim > 2 and b.ndim > 2:
        for d, (m, n) in enumerate(zip(a.shape[-3::-1], b.shape[-3::-1], strict=False)):
            if m != n and m != 1 and n != 1:
                raise RuntimeError(
                    f"{name}: the batches of shapes {a.shape} and {b.shape} do not broadcast: "
                    f"{m} and {n} in dimension {-3 - d}"
                )
    return _matmul_by_batch(a, b) if a.ndim == 2 < b.ndim else _matmul(a, b)


def matmul(input: Array, other: Array) -> Array:
    """The matrix product of (..., n, k) and (..., k, m), over broadcast batches: shape (..., n, m).

    A 1-d tensor is a row on the left and a column on the right, and that dimension is gone from the result.
    Raises RuntimeError when shapes do not fit or dtypes differ.

    >>> matmul(np.ones((5, 2, 3)), np.ones((3, 4))).shape
    (5, 2, 4)
    """
    a, b = _same_dtype("matmul", input, other)
    if not a.ndim or not b.ndim:
        raise RuntimeError(f"matmul: both need at least one dimension, got shapes {a.shape} and {b.shape}")
    if isinstance(b, Variable) and b._wants_grad:  # a net written by hand
        check_pixels(a, b, "@")
    return _product("matmul", a, b)


def mm(input: Array, mat2: Array) -> Array:
    """The product of two matrices, (n, k) and (k, m)."""
    return _product("mm", *_ranks("mm", (2, 2), input, mat2))


def mv(input: Array, vec: Array) -> Array:
    """The product of a matrix (n, k) and a vector (k,)."""
    return _product("mv", *_ranks("mv", (2, 1), input, vec))


def bmm(input: Array, mat2: Array) -> Array:
    """The products of two batches of matrices of the same length, (b, n, k) and (b, k, m)."""
    a, b = _ranks("bmm", (3, 3), input, mat2)
    if a.shape[0] != b.shape[0]:
        raise RuntimeError(f"bmm: batches of {a.shape[0]} and {b.shape[0]} matrices, shapes {a.shape} and {b.shape}")
    return _product("bmm", a, b)


def dot(input: Array, tensor: Array) -> Array:
    """The sum of the products of two vectors of the same length."""
    return _product("dot", *_ranks("dot", (1, 1), input, tensor))


vdot = dot  # the same, of real numbers


def outer(input: Array, vec2: Array) -> Array:
    """The product of each element of one vector with each of another: (n,) and (m,) make (n, m)."""
    a, b = checked(input, "outer"), checked(vec2, "outer")
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"outer: expected two vectors, got shapes {a.shape} and {b.shape}")
    return mul(_reshape(a, shape=(*a.shape, 1)), b)


ger = outer


# ------------------------------------------------------------------------------------------- a product and something
def _plus(name: str, input: Array, product: Array, beta: float, alpha: float) -> Array:
    """beta * input + alpha * product; beta = 0 leaves the input out, whatever it holds."""
    input, product = _same_dtype(name, input, product)
    behind = product.shape[max(product.ndim - input.ndim, 0) :]
    if input.ndim > product.ndim or any(m not in (1, n) for m, n in zip(input.shape, behind, strict=True)):
        raise RuntimeError(
            f"{name}: an input of shape {input.shape} does not broadcast to the product's, {product.shape}"
        )
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product
    return (input if beta == 1 else input * beta) + product


def addmm(input: Array, mat1: Array, mat2: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """beta * input + alpha * (mat1 @ mat2), of matrices; the input may broadcast."""
    return _plus("addmm", input, mm(mat1, mat2), beta, alpha)


def addmv(input: Array, mat: Array, vec: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """beta * input + alpha * (mat @ vec), of a matrix and a vector; the input may broadcast."""
    return _plus("addmv", input, mv(mat, vec), beta, alpha)


def addbmm(input: Array, batch1: Array, batch2: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """beta * input + alpha * (the sum of the products of two batches of matrices)."""
    return _plus("addbmm", input, sum(bmm(batch1, batch2), 0), beta, alpha)


def baddbmm(input: Array, batch1: Array, batch2: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """beta * input + alpha * (batch1 @ batch2), of two batches of matrices; the input may broadcast."""
    return _plus("baddbmm", input, bmm(batch1, batch2), beta, alpha)


def addr(input: Array, vec1: Array, vec2: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """beta * input + alpha * (the outer product of two vectors); the input may broadcast."""
    return _plus("addr", input, outer(vec1, vec2), beta, alpha)


# --------------------------------------------------------------------------------------------------- cross product
@op(
    lambda g, _y, _a, b, *, dim: _cross(b, g, dim=dim),
    lambda g, _y, a, _b, *, dim: _cross(g, a, dim=dim),
)
def _cross(a: Array, b: Array, *, dim: int) -> Array:
    (a0, a1, a2), (b0, b1, b2) = np.moveaxis(a, dim, 0), np.moveaxis(b, dim, 0)
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], dim)


def cross(input: Array, other: Array, dim: int | None = None) -> Array:
    """The cross product of 3-vectors along ``dim``; by default the first dimension of size 3."""
    a, b = _same_dtype("cross", input, other)
    if a.ndim != b.ndim:
        raise RuntimeError(
            f"cross: the inputs must have the same number of dimensions, got shapes {a.shape} and {b.shape}"
        )
    if dim is None:
        dim = next((d for d, n in enumerate(a.shape) if n == 3), -1)
    d = normalise_dim(dim, a.ndim, "cross")
    if not a.ndim or a.shape[d] != 3 or b.shape[d] != 3:
        raise RuntimeError(f"cross: dimension {dim} must have size 3 in both, got shapes {a.shape} and {b.shape}")
    return _cross(a, b, dim=d)
