"""Areas under curves, by the trapezoidal rule, and slopes of sampled functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.backward import cast
from ..autograd.graph import Array
from .elementwise import true_divide
from .index import cut
from .joining import cat
from .promotion import get_default_dtype
from .reduce import _sum
from .scan import _cumsum
from .shape import _reshape, checked, normalise_dim, normalise_dims


def _areas(name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Array, int]:
    """The area between each two neighbours along ``dim``, and the dimension."""
    y = checked(y, name)
    if not y.ndim:
        raise IndexError(f"{name}: expected at least one dimension, got a 0-d tensor")
    if x is not None and dx is not None:
        raise TypeError(f"{name}: give x, the places, or dx, their distance; not both")
    if y.dtype.kind == "b" or (dx is not None and isinstance(dx, bool)):
        raise RuntimeError(f"{name}: needs numbers, got dtype bool")
    d = normalise_dim(dim, y.ndim, name)
    n = y.shape[d]
    heights = cut(y, d, 1, n) + cut(y, d, 0, max(n - 1, 0)) if n else y
    if x is None:
        return heights * (1 if dx is None else dx), d
    x = checked(x, name)
    if not x.ndim:
        raise IndexError(f"{name}: the places x must have at least one dimension, got a 0-d tensor")
    e = x.ndim - 1 if x.ndim == 1 else normalise_dim(dim, x.ndim, name)
    if x.shape[e] != n:
        raise RuntimeError(
            f"{name}: {n} values along dimension {dim}, of shape {y.shape}, but places of shape {x.shape}"
        )
    widths = cut(x, e, 1, n) - cut(x, e, 0, max(n - 1, 0)) if n else x
    if x.ndim == 1:
        widths = _reshape(widths, shape=tuple(widths.shape[0] if k == d else 1 for k in range(y.ndim)))
    try:
        return heights * widths, d + max(x.ndim - y.ndim, 0)
    except ValueError:
        raise RuntimeError(f"{name}: values of shape {y.shape} and places of shape {x.shape} do not fit") from None


def trapezoid(y: Array, x: Array | None = None, *, dx: float | None = None, dim: int = -1) -> Array:
    """The area under values y along ``dim``, taken at the places x, or ``dx`` apart (1 by default).

    >>> float(trapezoid(np.array([1.0, 3.0, 5.0])))
    6.0
    """
    areas, d = _areas("trapezoid", y, x, dx, dim)
    return true_divide(_sum(areas, dim=(d,), keepdim=False), 2.0)


def cumulative_trapezoid(y: Array, x: Array | None = None, *, dx: float | None = None, dim: int = -1) -> Array:
    """The area under values y up to each place along ``dim`` but the first: see `trapezoid`."""
    areas, d = _areas("cumulative_trapezoid", y, x, dx, dim)
    return true_divide(_cumsum(areas, dim=d, reverse=False), 2.0)


# -------------------------------------------------------------------------------------------------------------- slopes
def gradient(
    input: Array, *, spacing: Any = None, dim: int | Sequence[int] | None = None, edge_order: int = 1
) -> tuple[Array, ...]:
    """The slopes of a sampled function along each of the dimensions ``dim`` (all by default), by central differences.

    ``spacing`` is the distance of the samples, 1 by default: a number for all dimensions, a list of them, or of vectors
    of places. At the edges the slope is one-sided, exact for straight lines (``edge_order`` 1) or for parabolas (2).
    """
    x = checked(input, "gradient")
    if x.dtype.kind == "b":
        raise RuntimeError("gradient: needs numbers, got dtype bool")
    x = x if x.dtype.kind == "f" else cast(x, dtype=get_default_dtype())
    if edge_order not in (1, 2):
        raise RuntimeError(f"gradient: edge_order must be 1 or 2, got {edge_order!r}")
    spacing = 1 if spacing is None else spacing
    dims = tuple(range(x.ndim)) if dim is None else normalise_dims(dim, x.ndim, "gradient", "dim")
    given = list(spacing) if isinstance(spacing, (list, tuple)) else [spacing] * len(dims)
    if len(given) != len(dims):
        raise RuntimeError(f"gradient: {len(given)} spacings for {len(dims)} dimensions")
    if any(x.shape[d] < edge_order + 1 for d in dims):
        raise RuntimeError(
            f"gradient: edge_order={edge_order} needs {edge_order + 1} samples along each dimension, got {x.shape}"
        )
    return tuple(_slope(x, d, h, edge_order) for d, h in zip(dims, given, strict=True))


def _widths(spacing: Any, x: Array, d: int) -> Array:
    """The distances of neighbours along a dimension, in the shape of a line along it."""
    n = x.shape[d]
    if isinstance(spacing, (int, float)):
        widths = np.full(n - 1, spacing, x.dtype)
    else:
        places = checked(spacing, "gradient")
        if places.shape != (n,):
            raise RuntimeError(f"gradient: {n} samples along dimension {d}, but places of shape {places.shape}")
        widths = places[1:] - places[:-1]
    return _reshape(widths, shape=tuple(n - 1 if k == d else 1 for k in range(x.ndim)))


def _slope(x: Array, d: int, spacing: Any, edge_order: int) -> Array:
    """The slope of the parabola through three neighbours, at the middle one; at the edges as ``edge_order`` says."""
    n, widths = x.shape[d], _widths(spacing, x, d)
    rises = (cut(x, d, 1, n) - cut(x, d, 0, n - 1)) / widths  # slopes between neighbours
    first, last = cut(rises, d, 0, 1), cut(rises, d, n - 2, n - 1)
    if n == 2:
        return cat([first, last], d)
    h1, h2 = cut(widths, d, 0, n - 2), cut(widths, d, 1, n - 1)
    r1, r2 = cut(rises, d, 0, n - 2), cut(rises, d, 1, n - 1)
    if isinstance(spacing, (int, float)):  # the middle one itself is not needed
        inner = (cut(x, d, 2, n) - cut(x, d, 0, n - 2)) / (h1 + h2)
    else:
        inner = (h2 * r1 + h1 * r2) / (h1 + h2)
    if edge_order == 2:
        bend = (r2 - r1) / (h1 + h2)
        first = first - cut(bend * h1, d, 0, 1)
        last = last + cut(bend * h2, d, n - 3, n - 2)
    return cat([first, inner, last], d)
