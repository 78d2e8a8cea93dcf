"""Distances between rows, in any p-norm, and rows cut back to a length."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.graph import Array
from .elementwise import choose
from .index import _getitem
from .indices import Index
from .linalg import _same_dtype
from .moments import _norm
from .moments import norm as norm_of
from .promotion import promote
from .shape import checked, normalise_dim

MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


def _checked_p(name: str, p: Any) -> float:
    if isinstance(p, bool) or not isinstance(p, (int, float, np.number)) or not p >= 0:
        raise RuntimeError(f"{name}: p must be a number >= 0, got {p!r}")
    return float(p)


def _lengths(d: Array, p: float) -> Array:
    """The p-norms along the last dimension; 0 where there is nothing in it."""
    return _norm(d, p=p if d.shape[-1] else 2.0, dim=(d.ndim - 1,), keepdim=False)


def cdist(
    x1: Array, x2: Array, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary"
) -> Array:
    """The distances of each row of x1 (..., n, k) from each row of x2 (..., m, k) in the p-norm: (..., n, m).

    ``p`` is 0 (how many elements differ) to inf (the largest difference). The slope at distance 0 is taken as 0.
    Differences are formed in every ``compute_mode``: for PyTorch it is a question of speed against exactness.
    """
    a, b = _same_dtype("cdist", x1, x2)
    if a.dtype.kind != "f":
        raise RuntimeError(f"cdist: needs a floating dtype, got {a.dtype}")
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise RuntimeError(f"cdist: expected shapes (..., n, k) and (..., m, k), got {a.shape} and {b.shape}")
    if compute_mode is not None and compute_mode not in MODES:
        raise ValueError(f"cdist: compute_mode must be one of {', '.join(MODES)}, got {compute_mode!r}")
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise RuntimeError(f"cdist: the batches of shapes {a.shape} and {b.shape} do not broadcast") from None
    return _lengths(a[..., :, None, :] - b[..., None, :, :], _checked_p("cdist", p))


def pdist(input: Array, p: float = 2.0) -> Array:
    """The distances of each pair of different rows of a matrix (n, k), those of row 0 first: (n (n - 1) / 2,)."""
    x = checked(input, "pdist")
    if x.ndim != 2 or x.dtype.kind != "f":
        raise RuntimeError(f"pdist: expected a floating matrix (n, k), got shape {x.shape}, dtype {x.dtype}")
    i, j = np.triu_indices(x.shape[0], 1)
    first, second = (_getitem(x, index=Index((...,), (rows,), unique=False)) for rows in (i, j))
    return _lengths(first - second, _checked_p("pdist", p))


def dist(input: Array, other: Array, p: float = 2) -> Array:
    """The p-norm of ``input - other``, which broadcast."""
    a, b = promote((checked(input, "dist"), checked(other, "dist")))
    return norm_of(a - b, p)


def renorm(input: Array, p: float, dim: int, maxnorm: float) -> Array:
    """Each slice along ``dim`` whose p-norm is above ``maxnorm`` scaled down to it; the others as they are."""
    x = checked(input, "renorm")
    if x.dtype.kind != "f":
        raise RuntimeError(f"renorm: needs a floating dtype, got {x.dtype}")
    if x.ndim < 2:
        raise RuntimeError(f"renorm: expected at least 2 dimensions, got shape {x.shape}")
    if not p > 0:
        raise RuntimeError(f"renorm: p must be above 0, got {p}")
    if not maxnorm >= 0:
        raise RuntimeError(f"renorm: maxnorm must be >= 0, got {maxnorm}")
    d = normalise_dim(dim, x.ndim, "renorm")
    size = _norm(x, p=float(p), dim=tuple(k for k in range(x.ndim) if k != d), keepdim=True)
    return x * choose(size > maxnorm, maxnorm / (size + 1e-7), np.asarray(1, x.dtype))
