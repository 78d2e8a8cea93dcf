"""All combinations of what vectors hold, and matrices put together of blocks."""

from __future__ import annotations

import itertools
import operator

import numpy as np

from ..autograd.graph import Array
from .arrange import diag_embed
from .extremes import beside
from .grids import meshgrid
from .index import _getitem
from .indices import Index
from .joining import cat, stack
from .promotion import promote
from .shape import _reshape, checked


def cartesian_prod(*tensors: Array) -> Array:
    """All ways to take one element of each vector, a row each: (n, k) for k vectors, the last one running fastest.

    >>> cartesian_prod(np.array([1, 2]), np.array([3, 4])).tolist()
    [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    xs = [checked(x, "cartesian_prod") for x in tensors]
    if not xs:
        raise RuntimeError("cartesian_prod: needs at least one tensor")
    for x in xs:
        if x.ndim != 1:
            raise RuntimeError(f"cartesian_prod: expected vectors, got shape {x.shape}")
    if len(xs) == 1:
        return xs[0]
    return stack([_reshape(grid, shape=(-1,)) for grid in meshgrid(*xs)], 1)


def combinations(input: Array, r: int = 2, with_replacement: bool = False) -> Array:
    """All ways to take r elements of a vector without regard to their order, a row each: as in `itertools`."""
    x, r = checked(input, "combinations"), operator.index(r)
    if x.ndim != 1:
        raise RuntimeError(f"combinations: expected a vector, got shape {x.shape}")
    if r < 0:
        raise RuntimeError(f"combinations: r must be >= 0, got {r}")
    if not r:
        return beside(x, np.zeros(0, x.dtype))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array([*choose(range(x.shape[0]), r)], np.intp).reshape(-1, r)
    return _getitem(x, index=Index((...,), (rows,), unique=False))


def block_diag(*tensors: Array) -> Array:
    """A matrix with these matrices along its diagonal, and 0 elsewhere; a vector counts as a row."""
    xs = [checked(x, "block_diag") for x in tensors]
    for k, x in enumerate(xs):
        if x.ndim > 2:
            raise RuntimeError(f"block_diag: expected matrices, got shape {x.shape} at position {k}")
    xs = [_reshape(x, shape=(1,) * (2 - x.ndim) + tuple(x.shape)) for x in promote(tuple(xs))]
    width, before, rows = sum(x.shape[1] for x in xs), 0, []
    for x in xs:
        n, m = x.shape
        sides = [np.zeros((n, k), x.dtype) for k in (before, width - before - m)]
        rows.append(cat([sides[0], x, sides[1]], 1))
        before += m
    return cat(rows, 0)


def diagflat(input: Array, offset: int = 0) -> Array:
    """A matrix with all elements of the input on its diagonal; offset > 0 lies above."""
    x = checked(input, "diagflat")
    return diag_embed(_reshape(x, shape=(int(np.prod(x.shape)),)), offset)


def broadcast_shapes(*shapes: int | tuple[int, ...]) -> tuple[int, ...]:
    """The shape that tensors of these shapes broadcast to; a number counts as a vector's size."""
    given = [(operator.index(s),) if isinstance(s, int) else tuple(s) for s in shapes]
    if any(n < 0 for shape in given for n in shape):
        raise RuntimeError(f"broadcast_shapes: sizes must be >= 0, got {', '.join(map(str, given))}")
    try:
        return np.broadcast_shapes(*given)
    except ValueError:
        raise RuntimeError(f"broadcast_shapes: {', '.join(map(str, given))} do not broadcast together") from None
