"""Matrices as products of triangles and of orthogonal columns: Cholesky and QR, and what is solved with them.

Sources of the gradients: I. Murray, "Differentiation of the Cholesky decomposition" (2016); S. F. Walter and
L. Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum experimental design"
(2010), for QR; M. Seeger et al., "Auto-differentiating linear algebra" (2017), for both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .arrange import _tril, _triu
from .extremes import beside
from .joining import cat
from .linalg import _matmul, _turned
from .matrices import _inv, _solve, attempt, matrices, one_dtype, solved, squares


# ------------------------------------------------------------------------------------------------------------ Cholesky
def _cholesky_rule(g: Array, y: Array, _x: Array) -> Array:
    """L^-T P L^-1, symmetric, where P is the lower triangle of L^T g with half its diagonal."""
    n = _x.shape[-1]
    half = np.tril(np.ones((n, n), _x.dtype)) - np.eye(n, dtype=_x.dtype) / 2
    upper = _turned(y)
    s = _solve(upper, _matmul(upper, g) * half)
    s = _turned(_solve(upper, _turned(s)))
    return (s + _turned(s)) / 2


@op(_cholesky_rule)
def _cholesky(x: Array) -> Array:
    says = "cholesky: the matrix is not positive-definite (or not symmetric: only its lower triangle is read)"
    return attempt(np.linalg.cholesky, x, says=says)


def _triangle(x: Array, upper: bool, name: str) -> Array:
    x = squares(x, name)
    return _turned(_cholesky(_turned(x))) if upper else _cholesky(x)


def cholesky(input: Array, upper: bool = False) -> Array:
    """The lower triangles L with L L' = input, of symmetric positive-definite matrices; or upper ones U with U' U.

    Only the triangle of the input that has the name is read. Raises LinAlgError where a matrix is not
    positive-definite. The gradient is symmetric.

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
    array([[2., 0.],
           [1., 2.]])
    """
    return _triangle(input, bool(upper), "cholesky")


def cholesky_inverse(L: Array, upper: bool = False) -> Array:
    """The inverse of a positive-definite matrix, of which this is the Cholesky factor."""
    factor = squares(L, "cholesky_inverse")
    i = _inv(_triu(factor, diagonal=0) if upper else _tril(factor, diagonal=0))
    return _matmul(i, _turned(i)) if upper else _matmul(_turned(i), i)


def cholesky_solve(B: Array, L: Array, upper: bool = False) -> Array:
    """X with A X = B, of a positive-definite A, of which ``L`` is the Cholesky factor."""
    name = "cholesky_solve"
    b, factor = matrices(B, name), squares(L, name)
    one_dtype(name, b, factor)
    lower = _turned(_triu(factor, diagonal=0)) if upper else _tril(factor, diagonal=0)
    return solved(lambda a, b: _solve(_turned(a), _solve(a, b)), lower, b, True, name)


def solve_triangular(A: Array, B: Array, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Array:
    """X with A X = B (or X A = B with ``left=False``), where A is the upper or the lower triangle of what is given.

    With ``unitriangular`` its diagonal counts as ones. Raises LinAlgError where there is a 0 on the diagonal.
    """
    name = "linalg.solve_triangular"
    a, b = squares(A, name), matrices(B, name)
    one_dtype(name, a, b)
    if unitriangular:
        a = _triu(a, diagonal=1) if upper else _tril(a, diagonal=-1)
        a = a + np.eye(a.shape[-1], dtype=a.dtype)
    else:
        a = _triu(a, diagonal=0) if upper else _tril(a, diagonal=0)
    return solved(_solve, a, b, left, name)


# ------------------------------------------------------------------------------------------------------------------ QR
def _q_rule(g: Array, y: Array, x_: Array) -> Array:
    """(g + Q M) R^-T, where M is -g' Q with its upper triangle replaced by the mirrored lower one."""
    m = _matmul(_turned(g), y)
    mirrored = _tril(m, diagonal=0) + _turned(_tril(m, diagonal=-1))
    r = _triu(_matmul(_turned(y), x_), diagonal=0)
    return _turned(_solve(r, _turned(g - _matmul(y, mirrored))))


@op(_q_rule)
def _q(x: Array) -> Array:
    """The orthogonal columns of a QR decomposition of (..., n, m), n >= m."""
    return np.linalg.qr(x)[0]


@op(lambda g, _y, _q, x_: _matmul(x_, _turned(g)), lambda g, _y, q_, _x: _matmul(q_, g))
def _coordinates(q: Array, x: Array) -> Array:
    """What the columns of x are in terms of those of q: q' x."""
    return np.matmul(q.swapaxes(-1, -2), x)


def _refused(what: str) -> Any:
    raise RuntimeError(f"qr: {what} has no gradient; take mode='reduced'")


@op(lambda g, _y, _x: _refused("mode='complete' of matrices with more rows than columns"))  # noqa: ARG005
def _complete(x: Array) -> Array:
    """Q, with all its n columns, and R side by side."""
    return np.concatenate(np.linalg.qr(x, "complete"), -1)


@op(lambda g, _y, _x: _refused("mode='r'"))  # noqa: ARG005
def _r(x: Array) -> Array:
    return np.linalg.qr(x, "r")


class QR(NamedTuple):
    """Orthogonal columns and an upper triangle, whose product is the matrix."""

    Q: Array
    R: Array


def qr(A: Array, mode: str = "reduced") -> QR:
    """Matrices (..., n, m) as Q R: orthogonal columns times an upper triangle. Signs are as LAPACK chooses them.

    ``mode`` "reduced" gives Q (..., n, k) and R (..., k, m) with k = min(n, m), "complete" gives (..., n, n) and
    (..., n, m), and "r" an empty Q. Differentiable where the first k columns are independent. A Q with more columns
    than the matrix, and mode "r", have no gradient: `backward` refuses, as PyTorch's does.
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f'qr: mode must be "reduced", "complete" or "r", got {mode!r}')
    x = matrices(A, "qr")
    n, m = x.shape[-2:]
    if mode == "r":
        return QR(beside(x, np.zeros(0, x.dtype)), _r(x))
    if mode == "complete" and n > m:
        both = _complete(x)
        return QR(both[..., :n], both[..., n:])
    first = x if n >= m else x[..., :n]
    q = _q(first)
    r = _triu(_coordinates(q, first), diagonal=0)  # (..., k, k)
    return QR(q, r if n >= m else cat([r, _coordinates(q, x[..., n:])], -1))
