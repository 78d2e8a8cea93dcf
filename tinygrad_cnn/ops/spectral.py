"""Singular values and vectors, eigenvalues and eigenvectors of symmetric matrices.

Sources of the gradients: J. Townsend, "Differentiating the singular value decomposition" (2016); M. Giles (2008), for
eigenvectors.

Vectors are determined up to their sign, those of equal values up to any rotation: only what does not depend on that
choice has a meaningful gradient. That of values is always right; that of vectors of equal values is infinite or NaN.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import choose, true_divide
from .joining import cat
from .linalg import _matmul, _turned
from .matrices import attempt, matrices, squares
from .shape import _reshape
from .watched import aside


def _share(a: Array, b: Array) -> Array:
    """a / b, and 0 where both are 0: what nobody asked for has no slope, whatever it is divided by."""
    return true_divide(a, choose((a == 0) & (b == 0), 1.0, b))


def _gaps(values: Array) -> Array:
    """For each pair of places (i, j): value j minus value i."""
    return values[..., None, :] - values[..., :, None]


# ---------------------------------------------------------------------------------------------------- singular values
def _parts(packed: Array, n: int, m: int) -> tuple[Array, Array, Array]:
    """U (..., n, k), S (..., k) and V' (..., k, m) of what `_svd` put side by side."""
    k, batch = min(n, m), packed.shape[:-1]
    u, s, vh = packed[..., : n * k], packed[..., n * k : n * k + k], packed[..., n * k + k :]
    return _reshape(u, shape=(*batch, n, k)), s, _reshape(vh, shape=(*batch, k, m))


def _skew(x: Array) -> Array:
    return x - _turned(x)


def _on_diagonal(x: Array) -> Array:
    return x[..., None] * np.eye(x.shape[-1], dtype=x.dtype)


def _svd_rule(g: Array, y: Array, _x: Array) -> Array:
    """U (skew(U'gU) / E S + S skew(V'gV) / E + gS) V', E = S_j^2 - S_i^2; and what of gU and gV no column reaches."""
    n, m = _x.shape[-2:]
    (gu, gs, gvh), (u, s, vh) = _parts(g, n, m), _parts(y, n, m)
    column, row = s[..., :, None], s[..., None, :]
    e = _gaps(s) * (row + column)
    uu, vv = _matmul(_turned(u), gu), _matmul(vh, _turned(gvh))
    core = _share(_skew(uu), e) * row + column * _share(_skew(vv), e) + _on_diagonal(gs)
    gx = _matmul(u, _matmul(core, vh))
    if n > m:
        gx = gx + _matmul(_share(gu - _matmul(u, uu), row), vh)
    if m > n:
        gx = gx + _matmul(u, _share(gvh - _matmul(_turned(vv), vh), column))
    return gx


@op(_svd_rule)
def _svd(x: Array) -> Array:
    """The k = min(n, m) singular triples of matrices (..., n, m), packed: U, S, V' in one last dimension."""
    (*batch, n, m), k = x.shape, min(x.shape[-2:])
    u, s, vh = _lapack_svd(x, False)
    return np.concatenate([u.reshape(*batch, n * k), s, vh.reshape(*batch, k * m)], -1)


def _lapack_svd(x: Any, full: bool) -> Any:
    says = "svd: the algorithm did not converge; does the matrix hold NaN or infinity?"
    return attempt(lambda a: np.linalg.svd(a, full_matrices=full), x, says=says)


def _beyond_rule(g: Array, _y: Array, _x: Array, *, left: bool) -> Array:  # noqa: ARG001
    aside(_check_zero, g)
    return np.zeros(_x.shape, _x.dtype)


def _check_zero(g: Any) -> None:
    if np.any(g != 0):
        raise RuntimeError(
            "svd: the vectors beyond the first min(n, m) have no gradient, they may turn freely; "
            "take full_matrices=False, or the first columns alone"
        )


@op(_beyond_rule)
def _beyond(x: Array, *, left: bool) -> Array:
    """The singular vectors that stand on none of the k values: columns of U, or rows of V'."""
    u, s, vh = _lapack_svd(x, True)
    k = s.shape[-1]
    return u[..., k:] if left else vh[..., k:, :]


class SVD(NamedTuple):
    """Left vectors in columns, singular values in descending order, right vectors in rows."""

    U: Array
    S: Array
    Vh: Array


def svd(A: Array, full_matrices: bool = True, *, driver: str | None = None) -> SVD:
    """Matrices (..., n, m) as U diag(S) Vh: S descending and >= 0, columns of U and rows of Vh orthogonal.

    U is (..., n, n) and Vh (..., m, m), or (..., n, k) and (..., k, m) with ``full_matrices=False``, k = min(n, m).
    The signs of vectors are as LAPACK chooses them, and where singular values are equal, so are the vectors: a function
    that depends on the choice has no gradient. Nor do the vectors beyond the first k: `backward` refuses them.
    ``driver`` concerns graphics cards and must be None.
    """
    if driver is not None:
        raise RuntimeError(f"svd: driver={driver!r} is for graphics cards; leave it at None")
    x = matrices(A, "svd")
    n, m = x.shape[-2:]
    u, s, vh = _parts(_svd(x), n, m)
    if full_matrices and n > m:
        u = cat([u, _beyond(x, left=True)], -1)
    if full_matrices and m > n:
        vh = cat([vh, _beyond(x, left=False)], -2)
    return SVD(u, s, vh)


def svdvals(A: Array, *, driver: str | None = None) -> Array:
    """The singular values of matrices (..., n, m), in descending order: (..., min(n, m))."""
    if driver is not None:
        raise RuntimeError(f"svdvals: driver={driver!r} is for graphics cards; leave it at None")
    return singular_values(matrices(A, "svdvals"))


def singular_values(x: Array) -> Array:
    """`svdvals` of what has been checked."""
    return _parts(_svd(x), *x.shape[-2:])[1]


# ---------------------------------------------------------------------------------------------------------- eigenvalues
def _eigh_rule(g: Array, y: Array, _x: Array, **_which: str) -> Array:
    """V (gL + skew(V'gV) / (2 E)) V', E = L_j - L_i: the symmetric one of all gradients that do."""
    n = _x.shape[-1]
    (gw, gv), (w, v) = _pair(g, n), _pair(y, n)
    core = _share(_skew(_matmul(_turned(v), gv)) / 2, _gaps(w)) + _on_diagonal(gw)
    return _matmul(v, _matmul(core, _turned(v)))


@op(_eigh_rule)
def _eigh(x: Array, *, uplo: Any) -> Array:
    """Eigenvalues (..., n) and eigenvectors (..., n, n), packed in one last dimension."""
    says = "eigh: the algorithm did not converge; does the matrix hold NaN or infinity?"
    w, v = attempt(lambda a: np.linalg.eigh(a, uplo), x, says=says)
    n = x.shape[-1]
    return np.concatenate([w, v.reshape(*x.shape[:-2], n * n)], -1)


def _pair(packed: Array, n: int) -> tuple[Array, Array]:
    return packed[..., :n], _reshape(packed[..., n:], shape=(*packed.shape[:-1], n, n))


class Eigen(NamedTuple):
    """Eigenvalues in ascending order, and their vectors in columns."""

    eigenvalues: Array
    eigenvectors: Array


def eigh(A: Array, UPLO: str = "L") -> Eigen:
    """The eigenvalues, ascending, and eigenvectors of symmetric matrices (..., n, n): A = V diag(L) V'.

    Only the lower triangle is read, or the upper one with ``UPLO="U"``; the gradient is that of a symmetric matrix.
    The signs of vectors are as LAPACK chooses them, and where eigenvalues are equal, so are the vectors: a function
    that depends on the choice has no gradient.
    """
    return Eigen(*_pair(_eigen(A, UPLO, "eigh"), A.shape[-1]))


def eigvalsh(A: Array, UPLO: str = "L") -> Array:
    """The eigenvalues of symmetric matrices (..., n, n), in ascending order: (..., n)."""
    return _pair(_eigen(A, UPLO, "eigvalsh"), A.shape[-1])[0]


def _eigen(x: Array, uplo: Any, name: str) -> Array:
    if not isinstance(uplo, str) or uplo.upper() not in ("L", "U"):
        raise RuntimeError(f'{name}: UPLO must be "L" or "U", got {uplo!r}')
    return _eigh(squares(x, name), uplo=uplo.upper())
