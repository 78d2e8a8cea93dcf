"""What ``torch.linalg`` calls with other arguments than ``torch`` itself."""

from __future__ import annotations

from ..autograd.graph import Array
from ..ops import arrange, determinants, factors


def det(A: Array) -> Array:
    """The determinants of square matrices (..., n, n), of shape (...); the gradient is right for singular ones, too."""
    return determinants.det(A)


def slogdet(A: Array) -> determinants.SignAndLog:
    """The signs of determinants, and the logarithms of their absolute values, which neither overflow nor vanish."""
    return determinants.slogdet(A)


def cholesky(A: Array, *, upper: bool = False) -> Array:
    """The lower triangles L with L L' = A, of symmetric positive-definite matrices; or upper ones U with U' U = A."""
    return factors.cholesky(A, upper)


def diagonal(A: Array, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Array:
    """The diagonals of matrices, as the last dimension of the result; offset > 0 lies above. A view."""
    return arrange.diagonal(A, offset, dim1, dim2)
