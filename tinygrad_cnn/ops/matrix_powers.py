"""Products of many matrices: powers, chains, the exponential."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.graph import Array, array_of
from ..autograd.operation import op
from .elementwise import zero
from .linalg import _matmul, _product, _same_dtype
from .matrices import _inv, _solve, squares
from .shape import checked, clone
from .watched import aside, reading

# The Padé approximant of degree 13 of exp(x), and the norm up to which it is exact in float64: N. J. Higham, "The
# scaling and squaring method for the matrix exponential revisited" (2005).
_PADE = [math.factorial(26 - j) * math.factorial(13) // (math.factorial(13 - j) * math.factorial(j)) for j in range(14)]
_LARGEST = 5.37


@op(zero)
def _identities(x: Array) -> Array:
    return np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape).copy()


def matrix_power(input: Array, n: int) -> Array:
    """Square matrices multiplied with themselves n times; their inverses for n < 0, identities for 0.

    Raises LinAlgError where n < 0 and a matrix is singular.
    """
    x, n = checked(input, "matrix_power"), operator.index(n)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"matrix_power: expected square matrices, (..., n, n), got shape {x.shape}")
    if n < 0:
        x, n = _inv(squares(x, "matrix_power")), -n
    if not n:
        return _identities(x)
    result = None
    while n:  # by the binary digits of n
        if n & 1:
            result = x if result is None else _matmul(result, x)
        n >>= 1
        if n:
            x = _matmul(x, x)
    return clone(result) if result is input else result


def multi_dot(tensors: Sequence[Array]) -> Array:
    """The product of two or more matrices, multiplied in the order that takes the fewest multiplications.

    The first and the last may be vectors: a row, and a column.
    """
    return _chain(list(tensors), "linalg.multi_dot", vectors=True)


def chain_matmul(*matrices: Array) -> Array:
    """The product of matrices, multiplied in the order that takes the fewest multiplications."""
    return _chain(list(matrices), "chain_matmul", vectors=False)


def _chain(given: list[Array], name: str, vectors: bool) -> Array:
    """The cheapest order by dynamic programming over what is between the i-th and the j-th."""
    if len(given) < (2 if vectors else 1):
        raise RuntimeError(f"{name}: needs at least {2 if vectors else 1} matrices, got {len(given)}")
    xs = list(_same_dtype(name, *given))
    for k, x in enumerate(xs):
        if x.ndim != 2 and not (vectors and x.ndim == 1 and k in (0, len(xs) - 1)):
            ends = ", or vectors at the ends" if vectors else ""
            raise RuntimeError(f"{name}: expected matrices{ends}, got shape {x.shape} at position {k}")
    row, column = xs[0].ndim == 1, xs[-1].ndim == 1
    xs[0] = xs[0][None] if row else xs[0]
    xs[-1] = xs[-1][:, None] if column else xs[-1]
    sizes = [x.shape[0] for x in xs] + [xs[-1].shape[1]]
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(len(xs))}  # cost, where to part
    for length in range(1, len(xs)):
        for i in range(len(xs) - length):
            j = i + length
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Array:
        k = best[i, j][1]
        return xs[i] if i == j else _product(name, product(i, k), product(k + 1, j))

    y = product(0, len(xs) - 1)
    y = y[0] if row else y
    return y[..., 0] if column else y


def _too_large(x: Any) -> Any:
    """The largest sum of a column, where it is finite and the approximation is not good for it."""
    size = np.abs(x).sum(-2).max(initial=0.0)
    return np.asarray(size) if _LARGEST < size < math.inf else None


def matrix_exp(input: Array) -> Array:
    """The exponentials of square matrices, the sums of x^k / k!, by scaling and squaring (Higham 2005)."""
    x = squares(input, "matrix_exp")
    squarings = 0
    if aside(_too_large, x) is not None:
        size = _too_large(array_of(reading(x, "matrix_exp(), of large numbers")))
        squarings = max(0, math.ceil(math.log2(size / _LARGEST)))
    x = x / 2.0**squarings
    x2 = _matmul(x, x)
    x4 = _matmul(x2, x2)
    x6 = _matmul(x2, x4)
    c = [float(n / _PADE[0]) for n in _PADE]
    eye = np.eye(x.shape[-1], dtype=x.dtype)
    odd = _matmul(x6, c[13] * x6 + c[11] * x4 + c[9] * x2) + c[7] * x6 + c[5] * x4 + c[3] * x2 + c[1] * eye
    even = _matmul(x6, c[12] * x6 + c[10] * x4 + c[8] * x2) + c[6] * x6 + c[4] * x4 + c[2] * x2 + c[0] * eye
    odd = _matmul(x, odd)
    y = _solve(even - odd, even + odd)
    for _ in range(squarings):
        y = _matmul(y, y)
    return clone(y)  # so that writing into the result spoils no gradient
