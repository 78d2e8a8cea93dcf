"""Norms of vectors and of matrices, and condition numbers, which are made of them."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from ..autograd.backward import cast
from ..autograd.graph import Array
from .elementwise import abs, choose, true_divide
from .extremes import amax, amin
from .matrices import _inv, floats, matrices
from .moments import _norm
from .reduce import Dims, count, many_dims
from .reduce import _sum as sum_over
from .shape import _reshape, checked, movedim, normalise_dims
from .spectral import singular_values
from .watched import aside


def _floating(x: Any, dtype: Any, name: str) -> Any:
    """x in ``dtype`` if one is given, checked to be floating."""
    x = checked(x, name)
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise RuntimeError(f"{name}: dtype must be floating, got {np.dtype(dtype)}")
    if x.dtype.kind != "f":
        raise RuntimeError(f"{name}: needs a floating dtype, got {x.dtype}; convert it with .float()")
    if dtype is not None and np.dtype(dtype).itemsize < x.dtype.itemsize:
        raise RuntimeError(f"{name}: dtype={np.dtype(dtype)} is narrower than the input's, {x.dtype}")
    return x if dtype is None else cast(x, dtype=np.dtype(dtype))


def vector_norm(x: Array, ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """(sum |x|^ord)^(1/ord) over ``dim``, or of all elements; see `norm`, which allows the same numbers as ``p``.

    inf is the largest and -inf the smallest absolute value, 0 the number of elements that are not 0.
    """
    name = "linalg.vector_norm"
    x = _floating(x, dtype, name)
    if isinstance(ord, (str, bool)) or not isinstance(ord, (int, float, np.number)):
        raise RuntimeError(f"{name}: ord must be a number, got {ord!r}")
    dims = many_dims(dim, x.ndim, name)
    if (ord < 0 or math.isinf(ord)) and not count(x.shape, dims):
        raise RuntimeError(f"{name}: ord={ord} of nothing, over dim={dim} of a tensor of shape {x.shape}")
    return _norm(x, p=float(ord), dim=dims, keepdim=bool(keepdim))


def matrix_norm(A: Array, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Array:
    """A norm of the matrices that lie in two dimensions.

    ``ord`` is "fro" (the root of the sum of squares), "nuc" (the sum of singular values), 2 or -2 (the largest or
    smallest singular value), inf or -inf (of the sums of absolute values of rows), 1 or -1 (of columns).
    """
    name = "linalg.matrix_norm"
    x = _floating(A, dtype, name)
    if x.ndim < 2:
        raise RuntimeError(f"{name}: expected a tensor of at least 2 dimensions, got shape {x.shape}")
    dims = normalise_dims(dim, x.ndim, name, "dim")
    if len(dims) != 2:
        raise RuntimeError(f"{name}: dim must name two dimensions, got {dim}")
    return _of_matrices(x, ord, dims, bool(keepdim), name)


def _of_matrices(x: Array, ord: Any, dims: tuple[int, int], keepdim: bool, name: str) -> Array:
    if ord == "fro":
        return _norm(x, p=2.0, dim=dims, keepdim=keepdim)
    if ord not in ("nuc", 1, -1, 2, -2, math.inf, -math.inf) or isinstance(ord, bool):
        raise RuntimeError(f'{name}: ord must be "fro", "nuc", 1, -1, 2, -2, inf or -inf, got {ord!r}')
    x = movedim(x, dims, (-2, -1))
    spectral = ord == "nuc" or builtins.abs(ord) == 2
    sizes = (
        singular_values(floats(x, name))
        if spectral
        else sum_over(abs(x), dim=(x.ndim - (2 if builtins.abs(ord) == 1 else 1),), keepdim=False)
    )
    if ord == "nuc" or (not sizes.shape[-1] and ord > 0):
        y = sum_over(sizes, dim=(sizes.ndim - 1,), keepdim=False)
    elif sizes.shape[-1]:
        y = (amax if ord > 0 else amin)(sizes, -1)
    else:
        raise RuntimeError(f"{name}: ord={ord} of matrices without elements, in shape {x.shape}")
    if keepdim:
        shape = list(y.shape)
        for d in sorted(dims):
            shape.insert(d, 1)
        y = _reshape(y, shape=tuple(shape))
    return y


def matrix_or_vector_norm(
    A: Array, ord: Any = None, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None
) -> Array:
    """A vector norm over one dimension, or a matrix norm over two: see `vector_norm` and `matrix_norm` for ``ord``.

    Without ``ord``, the root of the sum of squares over ``dim``, or of all elements. With ``ord`` and no ``dim``, the
    tensor must be a vector or a matrix.
    """
    name = "linalg.norm"
    x = _floating(A, dtype, name)
    if ord is None:
        return vector_norm(x, 2, dim, keepdim)
    if dim is None:
        if x.ndim not in (1, 2):
            raise RuntimeError(f"{name}: ord={ord!r} without dim is for a vector or a matrix, got shape {x.shape}")
        dim = tuple(range(x.ndim))
    dims = normalise_dims(dim, x.ndim, name, "dim")
    if len(dims) == 2:
        return _of_matrices(x, ord, (dims[0], dims[1]), bool(keepdim), name)
    if isinstance(ord, str):
        raise RuntimeError(f"{name}: ord={ord!r} is a norm of matrices, and needs two dimensions; got dim={dim}")
    return vector_norm(x, ord, dims, keepdim)


def _singular(x: Any) -> tuple[Any, Any]:
    """Which matrices are singular, and that as (..., 1, 1)."""
    singular = np.asarray(np.linalg.slogdet(x)[0] == 0)
    return singular, singular[..., None, None]


def cond(A: Array, p: Any = None) -> Array:
    """Condition numbers: ``norm(A, p) * norm(inverse of A, p)``; p None is 2, the ratio of singular values.

    p -2 is that ratio's inverse; these two take matrices of any shape, the other norms (see `matrix_norm`) square ones.
    Infinite for a singular matrix.
    """
    name = "linalg.cond"
    x = matrices(A, name)
    if p in (None, 2, -2):
        s = singular_values(x)
        if not s.shape[-1]:
            return s.sum(-1)
        first, last = s[..., 0], s[..., -1]
        return true_divide(last, first) if p == -2 else true_divide(first, last)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"{name}: p={p!r} takes square matrices, (..., n, n), got shape {x.shape}")
    singular, for_matrices = aside(_singular, x)
    x = choose(for_matrices, np.eye(x.shape[-1], dtype=x.dtype), x)
    both = [_of_matrices(a, p, (x.ndim - 2, x.ndim - 1), False, name) for a in (x, _inv(x))]
    return choose(singular, np.asarray(np.inf, x.dtype), both[0] * both[1])
