"""What all of linear algebra shares: the checks at its door, its error, and inverses and solutions.

Batches throughout: a matrix is the last two dimensions, (..., n, m). NumPy's LAPACK does the work; the gradients are
made of products and solutions, so that they have gradients themselves. They are those of M. Giles, "An extended
collection of matrix derivative results for forward and reverse mode algorithmic differentiation" (2008).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .linalg import _matmul, _turned
from .shape import checked


class LinAlgError(RuntimeError):
    """A matrix that has no such thing: no inverse, no Cholesky factor, no finite singular values."""


# ------------------------------------------------------------------------------------------------------------- checks
def floats(x: Any, name: str) -> Any:
    """x, checked to hold float32 or float64: LAPACK knows no others."""
    x = checked(x, name)
    if x.dtype.kind != "f" or x.dtype.itemsize < 4:
        raise TypeError(f"{name}: needs float32 or float64, got {x.dtype}; convert it with .float() or .double()")
    return x


def matrices(x: Any, name: str) -> Any:
    """x, checked to be a matrix or a batch of them."""
    x = floats(x, name)
    if x.ndim < 2:
        raise RuntimeError(f"{name}: expected a matrix or a batch of them, (..., n, m), got shape {x.shape}")
    return x


def squares(x: Any, name: str) -> Any:
    """x, checked to be a square matrix or a batch of them."""
    x = matrices(x, name)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"{name}: expected square matrices, (..., n, n), got shape {x.shape}")
    return x


def one_dtype(name: str, *xs: Array) -> None:
    """Refuse matrices of different dtypes."""
    if len({x.dtype for x in xs}) > 1:
        raise RuntimeError(
            f"{name}: the inputs must have one dtype, got {' and '.join(str(x.dtype) for x in xs)}; "
            "convert one with .to(dtype)"
        )


def attempt(f: Callable[..., Any], x: Any, *rest: Any, says: str) -> Any:
    """f(x, *rest) by LAPACK; where that fails, an error that names the first matrix of the batch to blame."""
    try:
        return f(x, *rest)
    except np.linalg.LinAlgError:
        where = ""
        for place in np.ndindex(x.shape[:-2]) if x.ndim > 2 else ():
            try:
                f(x[place], *(r[place] for r in rest))
            except np.linalg.LinAlgError:
                where = f", at {place[0] if len(place) == 1 else place} of the batch {x.shape[:-2]}"
                break
        raise LinAlgError(says + where) from None


# --------------------------------------------------------------------------------------------- inverses and solutions
@op(lambda g, y, _x: -_matmul(_turned(y), _matmul(g, _turned(y))))
def _inv(x: Array) -> Array:
    return attempt(np.linalg.inv, x, says="inv: the matrix is singular, it has no inverse")


@op(
    lambda g, y, a, _b: -_matmul(_solve(_turned(a), g), _turned(y)),
    lambda g, _y, a, _b: _solve(_turned(a), g),
)
def _solve(a: Array, b: Array) -> Array:
    """X with a X = b, of (..., n, n) and (..., n, k), over broadcast batches."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
    return attempt(np.linalg.solve, a, b, says="solve: the matrix is singular, the solution is not unique")


def inv(A: Array) -> Array:
    """The inverses of square matrices (..., n, n).

    To solve a system use `solve`, which is quicker and more exact. Raises LinAlgError where a matrix is singular.

    >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return _inv(squares(A, "linalg.inv"))


def inverse(input: Array) -> Array:
    """The inverses of square matrices, as `linalg.inv`."""
    return _inv(squares(input, "inverse"))


def is_vectors(a: Array, b: Array) -> bool:
    """Is b one vector, or a batch of them, one for each matrix of a, rather than matrices?"""
    return b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])


def solve(A: Array, B: Array, *, left: bool = True) -> Array:
    """X with A X = B, or X A = B with ``left=False``, of square A (..., n, n) and B (..., n, k); batches broadcast.

    B may be one vector (n,), or one for each matrix of A, (..., n); so is X then. Raises LinAlgError where a matrix is
    singular.

    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([1.0, 1.0]))
    array([0.5 , 0.25])
    """
    name = "linalg.solve"
    a, b = squares(A, name), floats(B, name)
    one_dtype(name, a, b)
    if not b.ndim:
        raise RuntimeError(f"{name}: B must have at least one dimension, got shape {b.shape}")
    vectors = is_vectors(a, b)
    if vectors and not left:
        raise RuntimeError(f"{name}: left=False takes matrices as B, got vectors of shape {b.shape}")
    b = b[..., None] if vectors else b  # (..., n, k)
    return solved(_solve, a, b, left, name)[..., 0] if vectors else solved(_solve, a, b, left, name)


def solved(f: Callable[[Any, Any], Any], a: Array, b: Array, left: bool, name: str) -> Array:
    """f(a, b), the X of a X = b; or of X a = b. Shapes that do not fit are refused."""
    if b.shape[-2 if left else -1] != a.shape[-1]:
        raise RuntimeError(f"{name}: a matrix of shape {a.shape} and a right side of shape {b.shape} do not fit")
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise RuntimeError(f"{name}: the batches of shapes {a.shape} and {b.shape} do not broadcast") from None
    return f(a, b) if left else _turned(f(_turned(a), _turned(b)))
