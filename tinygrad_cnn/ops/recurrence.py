"""Linear recurrences along a dimension, and the running products that solve the simplest of them.

The gradients of running products, and of running sums of exponentials, are such recurrences, and so are theirs in
turn. They are solved without a division: zeros are no exception, and nothing overflows.
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op
from .shape import _reshape

_BACKWARDS = slice(None, None, -1)


def along(x: Any, dim: int, part: slice) -> Any:
    """x[part] along one dimension."""
    return x[(slice(None),) * dim + (part,)]


def accumulate(f: np.ufunc, x: Any, dim: int, reverse: bool) -> Any:
    """The running f of an array along a dimension, from its end if ``reverse``. Integers go on in int64."""
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.int64)
    if not x.ndim:
        return np.array(x, dtype)
    if reverse:
        return along(f.accumulate(along(x, dim, _BACKWARDS), axis=dim, dtype=dtype), dim, _BACKWARDS)
    return f.accumulate(x, axis=dim, dtype=dtype)


@op(lambda g, _y, _x, *, dim, by, fill: shift(g, dim=dim, by=-by, fill=0.0))
def shift(x: Array, *, dim: int, by: int, fill: float) -> Array:
    """x moved one place along ``dim``, to later places if ``by`` is 1, to earlier ones if -1; ``fill`` comes in."""
    y = np.full_like(x, fill)
    if x.ndim:
        along(y, dim, slice(1, None) if by > 0 else slice(None, -1))[...] = along(
            x, dim, slice(None, -1) if by > 0 else slice(1, None)
        )
    return y


@op(
    lambda g, _y, _b, a, *, dim, reverse: adjoint_recurrence(g, a, dim, reverse),
    lambda g, y, _b, a, *, dim, reverse: adjoint_recurrence(g, a, dim, reverse) * _previous(y, dim, reverse, 0.0),
)
def recurrence(b: Array, a: Array, *, dim: int, reverse: bool) -> Array:
    """y[j] = b[j] + a[j] y[j - 1] along ``dim``, or with y[j + 1] from the end if ``reverse``; 0 beyond the edge."""
    y = np.array(b)
    if y.ndim:
        ys, steps = (np.moveaxis(x, dim, 0)[_BACKWARDS if reverse else slice(None)] for x in (y, np.asarray(a)))
        for j in range(1, len(ys)):
            ys[j] += steps[j] * ys[j - 1]
    return y


def adjoint_recurrence(g: Array, a: Array, dim: int, reverse: bool) -> Array:
    """The adjoint of a recurrence is one too, the other way round."""
    return recurrence(g, shift(a, dim=dim, by=1 if reverse else -1, fill=0.0), dim=dim, reverse=not reverse)


def _previous(y: Array, dim: int, reverse: bool, first: float) -> Array:
    """Of each element, the one before it on the way along ``dim``, which begins with ``first``."""
    return shift(y, dim=dim, by=-1 if reverse else 1, fill=first)


@op(lambda g, y, x, *, dim, reverse: adjoint_recurrence(g, x, dim, reverse) * _previous(y, dim, reverse, 1.0))
def _cumprod(x: Array, *, dim: int, reverse: bool) -> Array:
    """y[j] = x[j] y[j - 1] along ``dim``, or with y[j + 1] from the end if ``reverse``; 1 beyond the edge."""
    return accumulate(np.multiply, x, dim, reverse)


def others(x: Array, dim: int | None) -> Array:
    """For each element, the product of all others along ``dim`` (None: of all): those before it times those after."""
    if dim is None:
        return _reshape(others(_reshape(x, shape=(-1,)), 0), shape=x.shape)
    before, after = (_previous(_cumprod(x, dim=dim, reverse=r), dim, r, 1.0) for r in (False, True))
    return before * after
