"""Determinants, their signs and logarithms. The gradient of a determinant is made of cofactors, also where it is 0."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..autograd.graph import Array
from ..autograd.operation import op
from .elementwise import choose, zero
from .linalg import _matmul, _turned
from .matrices import _inv, squares
from .reduce import _sum


def _but_one(s: Any) -> Any:
    """For each element along the last dimension, the product of all the others."""
    before, after = np.ones_like(s), np.ones_like(s)
    np.cumprod(s[..., :-1], axis=-1, out=before[..., 1:])
    np.cumprod(s[..., :0:-1], axis=-1, out=after[..., -2::-1])
    return before * after


def _but_two(s: Any) -> Any:
    """For each pair of different places the product of all other elements; 0 for a place with itself."""
    n = s.shape[-1]
    y = _but_one(np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).astype(s.dtype))  # (..., n, n)
    y[..., range(n), range(n)] = 0
    return y


def _turn(x: Any) -> tuple[Any, Any, Any, Any]:
    """x as U diag(s) V', and det(U) det(V), 1 or -1."""
    u, s, vh = np.linalg.svd(x)
    return u, s, vh, np.round(np.linalg.det(u) * np.linalg.det(vh))[..., None, None]


def _cofactors_rule(g: Array, y: Array, x: Array) -> Array:
    """Exact at every rank, through the cofactors of diag(s): where a second derivative is wanted, no more.

    Cofactors of products are products of cofactors, and those of U are det(U) U. Of diag(s) + X to first order in X,
    cofactor (i, i) has the sum over j of X_jj, and cofactor (i, j) has -X_ji, times the product of all s but those two.
    """
    if not isinstance(x, ndarray) or not isinstance(g, ndarray):  # for third derivatives: det(x) x^-T, differentiated
        b = _turned(_inv(x))
        return y * _sum(g * b, dim=(-2, -1), keepdim=True) - _matmul(y, _matmul(_turned(g), b))
    u, s, vh, sign = _turn(x)
    w = np.matmul(np.matmul(_turned(u), g), _turned(vh))
    p = _but_two(s)
    d = -p * _turned(w)
    n = s.shape[-1]
    d[..., range(n), range(n)] = np.matmul(p, w[..., range(n), range(n), None])[..., 0]
    return sign * np.matmul(u, np.matmul(d, vh))


@op(_cofactors_rule)
def _cofactors(x: Array) -> Array:
    """Each element's cofactor: the slope of the determinant by that element."""
    u, s, vh, sign = _turn(x)
    return sign * np.matmul(u * _but_one(s)[..., None, :], vh)


@op(lambda g, _y, x: g[..., None, None] * _cofactors(x))
def _det(x: Array) -> Array:
    return np.linalg.det(x)


@op(lambda g, _y, x: g[..., None, None] * _turned(_inv(x)))
def _logabsdet(x: Array) -> Array:
    return np.linalg.slogdet(x)[1]


@op(zero)
def _sign_of_det(x: Array) -> Array:
    return np.linalg.slogdet(x)[0]


class SignAndLog(NamedTuple):
    """The sign of a determinant, and the logarithm of its absolute value."""

    sign: Array
    logabsdet: Array


def det(input: Array) -> Array:
    """The determinants of square matrices (..., n, n), of shape (...); the gradient is right for singular ones, too.

    >>> float(det(np.array([[2.0, 1.0], [0.0, 4.0]])))
    8.0
    """
    return _det(squares(input, "det"))


def slogdet(input: Array) -> SignAndLog:
    """The signs of determinants, and the logarithms of their absolute values, which neither overflow nor vanish.

    A singular matrix has sign 0 and logarithm -inf; its gradient is refused with a LinAlgError.
    """
    x = squares(input, "slogdet")
    return SignAndLog(_sign_of_det(x), _logabsdet(x))


def logdet(input: Array) -> Array:
    """The logarithms of determinants; NaN where one is negative, -inf where it is 0."""
    sign, log = slogdet(input)
    return choose(sign < 0, np.asarray(np.nan, log.dtype), log)
