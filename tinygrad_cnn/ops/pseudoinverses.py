"""Pseudo-inverses, least squares, ranks and condition numbers: linear algebra where a matrix may lack its full rank.

The gradient of the pseudo-inverse is that of G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and
nonlinear least squares problems whose variables separate" (1973): the rank stays as it is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import square
from .extremes import beside
from .linalg import _matmul, _turned
from .matrices import attempt, floats, matrices, one_dtype, squares
from .reduce import _sum
from .watched import aside


def _pinv_rule(g: Array, y: Array, x: Array, **_cut: Any) -> Array:
    """-P'gP' + (I - XP) g' P P' + P'P g' (I - PX)"""
    p, gt = _turned(y), _turned(g)
    left, right = _matmul(gt, _matmul(y, p)), _matmul(_matmul(p, y), gt)
    gx = -_matmul(p, _matmul(g, p))
    gx = gx + left - _matmul(x, _matmul(y, left))
    return gx + right - _matmul(_matmul(right, y), x)


@op(_pinv_rule)
def _pinv(x: Array, *, atol: Any, rtol: Any, hermitian: bool) -> Array:
    u, s, vh = _triples(x, hermitian)
    size = np.abs(s)
    kept = size > _least(size, atol, rtol)
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(x.dtype)
    return np.matmul(vh.swapaxes(-1, -2) * inverse[..., None, :], u.swapaxes(-1, -2))


def _triples(x: Any, hermitian: bool) -> tuple[Any, Any, Any]:
    """x as U diag(s) V'; the s of a symmetric matrix have signs."""
    says = "the algorithm did not converge; does the matrix hold NaN or infinity?"
    if not hermitian:
        u, s, vh = attempt(lambda a: np.linalg.svd(a, full_matrices=False), x, says=says)
        return u, s, vh
    w, v = attempt(np.linalg.eigh, x, says=says)
    return v, w, v.swapaxes(-1, -2)


def _least(size: Any, atol: Any, rtol: Any) -> Any:
    """What singular values must be above to count: atol, or rtol times the largest."""
    largest = size.max(-1, initial=0)
    return np.maximum(atol, rtol * largest)[..., None]


def _tolerances(x: Any, atol: Any, rtol: Any) -> dict[str, Any]:
    """The two tolerances as numbers or arrays; rtol is max(n, m) epsilons, or 0 where there is an atol, by default."""
    both = aside(_both, 0.0 if atol is None else atol, rtol, size=max(x.shape[-2:]), dtype=x.dtype)
    return {"atol": both[0], "rtol": both[1]}


def _both(atol: Any, rtol: Any, *, size: int, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """The tolerances as arrays."""
    atol = np.asarray(atol)
    return atol, np.asarray(np.where(atol > 0, 0.0, size * np.finfo(dtype).eps) if rtol is None else rtol)


def _ranks(x: Any, *, hermitian: bool, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """How many singular values count, and the singular values."""
    size = np.abs(_triples(x, hermitian)[1])
    return np.asarray(np.sum(size > _least(size, atol, rtol), -1, dtype=np.int64)), size


def pinv(A: Array, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Array:
    """The pseudo-inverses (Moore and Penrose) of matrices (..., n, m): (..., m, n).

    Singular values up to ``atol``, or ``rtol`` times the largest, count as 0; by default rtol is max(n, m) times the
    dtype's epsilon, or 0 where an atol above 0 is given. ``hermitian`` says that the matrices are symmetric. The
    gradient takes the rank for constant.
    """
    x = squares(A, "linalg.pinv") if hermitian else matrices(A, "linalg.pinv")
    return _pinv(x, hermitian=bool(hermitian), **_tolerances(x, atol, rtol))


def pinverse(input: Array, rcond: float = 1e-15) -> Array:
    """The pseudo-inverses of matrices; singular values up to ``rcond`` times the largest count as 0."""
    return pinv(input, rtol=rcond)


def matrix_rank(A: Array, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Array:
    """How many singular values are above ``atol`` and ``rtol`` times the largest, as int64; tolerances as in `pinv`.

    ``tol`` is an older name of atol, with rtol 0.
    """
    x = squares(A, "matrix_rank") if hermitian else matrices(A, "matrix_rank")
    cut = _tolerances(x, tol if atol is None else atol, 0.0 if tol is not None and rtol is None else rtol)
    return beside(x, aside(_ranks, x, hermitian=bool(hermitian), **cut)[0])


def _lacking(rank: Any, *, m: int) -> Any:
    """Which ranks are not full, if any is."""
    return None if (rank == m).all() else rank != m


class LeastSquares(NamedTuple):
    """The solution, its squared residuals, the rank of the matrix and its singular values."""

    solution: Array
    residuals: Array
    rank: Array
    singular_values: Array


def lstsq(A: Array, B: Array, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """X for which the squares of A X - B have the least sum, and X itself too, of A (..., n, m) and B (..., n, k).

    Singular values up to ``rcond`` times the largest count as 0; by default max(n, m) times the dtype's epsilon. All
    drivers of LAPACK give the same solution; as in PyTorch, "gelsy" (the default) gives no residuals and no singular
    values, "gels" no rank and no singular values. Residuals, one for each column of B, are there where n > m and every
    A has its full rank. What is not there is empty.
    """
    name = "linalg.lstsq"
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f'{name}: driver must be "gels", "gelsy", "gelsd" or "gelss", got {driver!r}')
    a, b = matrices(A, name), floats(B, name)
    one_dtype(name, a, b)
    n, m = a.shape[-2:]
    vectors = a.ndim == b.ndim + 1
    right = b[..., None] if vectors else b
    if right.ndim < 2 or right.shape[-2] != n:
        raise RuntimeError(f"{name}: A of shape {a.shape} and B of shape {b.shape} do not fit: their rows must agree")
    rtol = max(n, m) * np.finfo(a.dtype).eps if rcond is None else float(rcond)
    x = _matmul(_pinv(a, atol=np.asarray(0.0), rtol=np.asarray(rtol), hermitian=False), right)
    rank, size = aside(_ranks, a, hermitian=False, atol=0.0, rtol=rtol)
    nothing = beside(a, np.zeros(0, a.dtype))
    full = n > m and driver not in (None, "gelsy") and aside(_lacking, rank, m=m) is None
    residuals = _sum(square(_matmul(a, x) - right), dim=(x.ndim - 2,), keepdim=False) if full else nothing
    return LeastSquares(
        x[..., 0] if vectors else x,
        residuals[..., 0] if vectors and full else residuals,
        beside(a, np.zeros(0, np.int64)) if driver == "gels" else beside(a, rank),
        beside(a, size) if driver in ("gelsd", "gelss") else nothing,
    )
