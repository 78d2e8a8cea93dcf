"""Which of these are among those: isin, bucketize, runs of equal elements, positions in a shape."""

# ruff: noqa: ARG001  (an argument of PyTorch's that concerns speed alone)

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.graph import Array, array_of
from .extremes import beside
from .ordering import searchsorted
from .shape import checked, normalise_dim
from .watched import aside


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Array:
    """Is each element among the test elements? With ``invert``, is it not? One of the two may be a number.

    ``assume_unique`` says that no element occurs twice on either side, and changes nothing.
    """
    both = (elements, test_elements)
    numbers = [isinstance(x, (int, float)) for x in both]
    if all(numbers):
        raise TypeError("isin: one of elements and test_elements must be a Tensor or an array, got two numbers")
    like = test_elements if numbers[0] else elements
    a, b = (x if number else checked(x, "isin") for x, number in zip((elements, test_elements), numbers, strict=True))
    return beside(like, aside(_among, a, b, invert=bool(invert)))


def _among(a: Any, b: Any, *, invert: bool) -> Any:
    return np.asarray(np.isin(a, b, invert=invert))


def bucketize(input: Any, boundaries: Array, *, out_int32: bool = False, right: bool = False) -> Array:
    """The number of the bucket that each value falls into: bucket i reaches from boundary i - 1 to boundary i.

    A value equal to a boundary belongs to the bucket below it, or above it if ``right``: `searchsorted`, with the
    arguments exchanged.
    """
    edges = checked(boundaries, "bucketize")
    if edges.ndim != 1:
        raise RuntimeError(f"bucketize: boundaries must be an ascending vector, got shape {edges.shape}")
    return searchsorted(edges, input, out_int32=out_int32, right=right)


def unique_consecutive(
    input: Array, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The first of each run of equal elements; or of equal slices along ``dim``.

    With ``return_inverse`` also the number of the run that each element belongs to, with ``return_counts`` how long
    each run is.
    """
    x = checked(input, "unique_consecutive")
    if dim is not None and not x.ndim:
        raise IndexError("unique_consecutive: a 0-d tensor has no dimension; leave dim out")
    d = None if dim is None else normalise_dim(dim, x.ndim, "unique_consecutive")
    values, runs, lengths = aside(_runs, x, dim=d)
    wanted = [values] + [runs] * bool(return_inverse) + [lengths] * bool(return_counts)
    return tuple(beside(x, w) for w in wanted) if len(wanted) > 1 else beside(x, values)


def _runs(a: Any, *, dim: int | None) -> tuple[Any, Any, Any]:
    """The first of each run, the number of the run that each belongs to, and how long they are."""
    rows = a.reshape(-1) if dim is None else np.moveaxis(a, dim, 0)
    n = len(rows)
    if n and not rows.size:
        raise RuntimeError(f"unique_consecutive: slices of shape {rows.shape[1:]} have no elements to compare")
    starts = np.ones(n, bool)
    starts[1:] = (rows[1:] != rows[:-1]).reshape(max(n - 1, 0), math.prod(rows.shape[1:])).any(-1)
    run = np.cumsum(starts) - 1
    values = rows[starts]
    if dim is not None:
        values = np.moveaxis(values, 0, dim)
    lengths = np.bincount(run.reshape(-1), minlength=0).astype(np.int64)
    return values, (run.reshape(a.shape) if dim is None else run).astype(np.int64), lengths


def unravel_index(indices: Array, shape: int | tuple[int, ...]) -> tuple[Array, ...]:
    """Where positions of the flattened tensor lie in a tensor of this shape: one tensor for each dimension."""
    x = checked(indices, "unravel_index")
    a = array_of(x)
    if a.dtype.kind not in "iu":
        raise TypeError(f"unravel_index: indices must be integers, got dtype {a.dtype}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(n < 0 for n in sizes):
        raise ValueError(f"unravel_index: sizes must be >= 0, got {sizes}")
    return tuple(beside(x, i) for i in aside(_unravelled, x, sizes=sizes))


def _unravelled(a: Any, *, sizes: tuple[int, ...]) -> tuple[Any, ...]:
    """The positions along each dimension; those of the flattened tensor are checked."""
    total = int(np.prod(sizes))
    if a.size and (a.min() < -total or a.max() >= total):
        raise ValueError(f"unravel_index: {a.min()} to {a.max()} do not lie in the {total} elements of shape {sizes}")
    return tuple(np.asarray(i, np.int64) for i in np.unravel_index(a % max(total, 1), sizes))
