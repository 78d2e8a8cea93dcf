"""Products and powers of vectors along one dimension, and equations whose unknown is a whole tensor."""

from __future__ import annotations

import math
import operator

import numpy as np

from ..autograd.graph import Array
from .elementwise import mul, pow
from .linalg import _cross, _same_dtype
from .matrices import _inv, _solve, floats, one_dtype
from .reduce import _sum
from .shape import _reshape, checked, movedim, normalise_dim, normalise_dims, unsqueeze


def _broadcast_ndim(a: Array, b: Array, name: str) -> int:
    try:
        return len(np.broadcast_shapes(a.shape, b.shape))
    except ValueError:
        raise RuntimeError(f"{name}: shapes {a.shape} and {b.shape} do not broadcast") from None


def vecdot(x: Array, y: Array, *, dim: int = -1) -> Array:
    """The sums of products along ``dim``, of two tensors that broadcast."""
    a, b = _same_dtype("linalg.vecdot", floats(x, "linalg.vecdot"), y)
    ndim = _broadcast_ndim(a, b, "linalg.vecdot")
    d = normalise_dim(dim, ndim, "linalg.vecdot")
    return _sum(mul(a, b), dim=(d,) if ndim else (), keepdim=False)


def cross_of(input: Array, other: Array, *, dim: int = -1) -> Array:
    """The cross product of 3-vectors along ``dim``, the last one by default."""
    a, b = _same_dtype("linalg.cross", input, other)
    if a.ndim != b.ndim:
        raise RuntimeError(
            f"linalg.cross: the inputs must have the same number of dimensions, got shapes {a.shape} and {b.shape}"
        )
    _broadcast_ndim(a, b, "linalg.cross")
    d = normalise_dim(dim, a.ndim, "linalg.cross")
    if not a.ndim or a.shape[d] != 3 or b.shape[d] != 3:
        raise RuntimeError(f"linalg.cross: dimension {dim} must have size 3, got shapes {a.shape} and {b.shape}")
    return _cross(a, b, dim=d)


def powers(x: Array, *, N: int | None = None) -> Array:
    """The powers 0, 1, ..., N - 1 of each element, in a new last dimension; N is the size of the last by default.

    >>> powers(np.array([1, 2, 3]))
    array([[1, 1, 1],
           [1, 2, 4],
           [1, 3, 9]])
    """
    x = checked(x, "linalg.vander")
    x = x if x.ndim else _reshape(x, shape=(1,))
    n = x.shape[-1] if N is None else operator.index(N)
    if N is not None and n < 2:
        raise RuntimeError(f"linalg.vander: N must be more than 1, got {N}")
    exponents = np.arange(n, dtype=x.dtype if x.dtype.kind != "b" else np.int64)
    return pow(unsqueeze(x if x.dtype.kind != "b" else x * 1, -1), exponents)


def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """The powers N - 1, ..., 1, 0 of each element of a vector, a row each; ascending if ``increasing``."""
    x = checked(x, "vander")
    if x.ndim != 1:
        raise RuntimeError(f"vander: expected a vector, got shape {x.shape}")
    n = x.shape[0] if N is None else operator.index(N)
    if n < 0:
        raise RuntimeError(f"vander: N must be >= 0, got {N}")
    exponents = np.arange(n, dtype=x.dtype if x.dtype.kind != "b" else np.int64)
    return pow(unsqueeze(x if x.dtype.kind != "b" else x * 1, -1), exponents if increasing else exponents[::-1])


# ------------------------------------------------------------------------------------------ tensors as unknowns
def tensorinv(A: Array, ind: int = 2) -> Array:
    """What undoes A under `tensordot`: its inverse, the first ``ind`` dimensions being rows, the others columns."""
    x, ind = floats(A, "linalg.tensorinv"), operator.index(ind)
    if not 1 <= ind <= x.ndim:
        raise RuntimeError(f"linalg.tensorinv: ind must lie between 1 and the dimensions of shape {x.shape}, got {ind}")
    rows, columns = tuple(x.shape[:ind]), tuple(x.shape[ind:])
    if math.prod(rows) != math.prod(columns):
        raise RuntimeError(
            f"linalg.tensorinv: the first {ind} dimensions of shape {x.shape} make {math.prod(rows)} rows, the others "
            f"{math.prod(columns)} columns; they must be as many"
        )
    n = math.prod(rows)
    return _reshape(_inv(_reshape(x, shape=(n, n))), shape=(*columns, *rows))


def tensorsolve(A: Array, B: Array, dims: tuple[int, ...] | None = None) -> Array:
    """X with ``tensordot(A, X, X.ndim) == B``; the dimensions ``dims`` of A are moved behind the others first."""
    name = "linalg.tensorsolve"
    a, b = floats(A, name), floats(B, name)
    one_dtype(name, a, b)
    if dims is not None:
        given = normalise_dims(dims, a.ndim, name, "dims")
        a = movedim(a, given, tuple(range(a.ndim - len(given), a.ndim)))
    unknowns = tuple(a.shape[b.ndim :])
    n = math.prod(unknowns)
    if math.prod(b.shape) != n or math.prod(a.shape[: b.ndim]) != n:
        raise RuntimeError(f"{name}: A of shape {a.shape} and B of shape {b.shape} make no square system")
    y = _solve(_reshape(a, shape=(n, n)), _reshape(b, shape=(n, 1)))
    return _reshape(y, shape=unknowns)
