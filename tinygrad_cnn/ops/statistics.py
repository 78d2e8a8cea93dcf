"""Statistics of several variables and of how often values occur: covariance, correlation, histograms, the mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..autograd.backward import cast
from ..autograd.graph import Array, array_of
from .elementwise import sqrt, true_divide
from .extremes import Selected, beside, selected
from .limits import _clip
from .linalg import _matmul, _turned
from .promotion import get_default_dtype
from .reduce import _sum
from .shape import _reshape, checked, normalise_dim
from .watched import aside


# ----------------------------------------------------------------------------------------------- several variables
def _weights(name: str, w: Any, n: int, whole: bool) -> Any:
    """Weights of observations, checked; frequencies are whole numbers."""
    w = checked(w, "cov")
    a = array_of(w)
    if a.ndim > 1 or a.size != n or (a.dtype.kind not in "iu" if whole else a.dtype.kind != "f"):
        kind = "integers" if whole else "floating numbers"
        raise RuntimeError(f"cov: {name} must be {n} {kind}, one an observation, got shape {a.shape}, dtype {a.dtype}")
    aside(_not_negative, w, name=name)
    return w


def _not_negative(a: Any, *, name: str) -> None:
    if (a < 0).any():
        raise RuntimeError(f"cov: {name} must not be negative, got {a.min()}")


def _not_nothing(total: Any) -> None:
    if not total.any():
        raise RuntimeError("cov: the weights add up to 0")


def cov(input: Array, *, correction: int = 1, fweights: Array | None = None, aweights: Array | None = None) -> Array:
    """The covariances of variables in rows, observed in columns: (v, n) makes (v, v), and a vector a variance.

    Divided by n - ``correction``; ``fweights`` says how often each observation counts, ``aweights`` how much.
    """
    x = checked(input, "cov")
    if x.ndim > 2:
        raise RuntimeError(f"cov: expected a matrix, a vector or a number, got shape {x.shape}")
    if x.dtype.kind == "b":
        raise RuntimeError("cov: needs numbers, got dtype bool")
    x = x if x.dtype.kind == "f" else cast(x, dtype=get_default_dtype())
    x = x if x.ndim == 2 else _reshape(x, shape=(1, x.shape[0] if x.ndim else 1))  # (v, n)
    v, n = x.shape
    w: Any = None
    if fweights is not None:
        w = cast(_weights("fweights", fweights, n, True), dtype=x.dtype)
    if aweights is not None:
        a = cast(_weights("aweights", aweights, n, False), dtype=x.dtype)
        w = a if w is None else w * a
    if w is None:
        total, mean = float(n), true_divide(_sum(x, dim=(1,), keepdim=True), float(n))
        weighted = centred = x - mean
        freedom: Any = np.asarray(max(total - correction, 0.0), x.dtype)
    else:
        total = _sum(w, dim=None, keepdim=False)
        if n:
            aside(_not_nothing, total)
        centred = x - _sum(x * w, dim=(1,), keepdim=True) / total
        weighted = centred * w
        freedom = total - correction
        if correction and aweights is not None:
            freedom = total - correction * _sum(w * aweights, dim=None, keepdim=False) / total
        freedom = _clip(freedom, low=0, high=None)
    y = true_divide(_matmul(weighted, _turned(centred)), freedom)
    return _reshape(y, shape=()) if v == 1 else y


def corrcoef(input: Array) -> Array:
    """The correlation coefficients of variables in rows, observed in columns: `cov`, divided by the deviations."""
    x = checked(input, "corrcoef")
    if x.ndim > 2:
        raise RuntimeError(f"corrcoef: expected a matrix, a vector or a number, got shape {x.shape}")
    c = cov(x)
    if not c.ndim:
        return true_divide(c, c)
    deviation = sqrt(c.diagonal())
    return _clip(c / deviation[:, None] / deviation[None, :], low=-1, high=1)


# ------------------------------------------------------------------------------------------------- how often, and which
class Histogram(NamedTuple):
    """How much falls into each bin, and the edges of the bins, one more."""

    hist: Array
    bin_edges: Array


def histogram(
    input: Array,
    bins: int | Array,
    *,
    range: Sequence[float] | None = None,
    weight: Array | None = None,
    density: bool = False,
) -> Histogram:
    """How many elements fall into each bin, or their weights' sum: equal parts of ``range``, or bins of given edges.

    The range is that of the data by default. Bins are open at their right end, but for the last. ``density`` makes the
    area under the histogram 1.
    """
    x = checked(input, "histogram")
    if x.dtype.kind != "f":
        raise TypeError(f"histogram: needs a floating dtype, got {x.dtype}")
    w = None if weight is None else checked(weight, "histogram")
    if w is not None and (w.shape != x.shape or w.dtype != x.dtype):
        raise RuntimeError(f"histogram: weight must have the shape and dtype of the input, got {w.shape}, {w.dtype}")
    counts, edges = aside(
        _counted, x, w, bins if isinstance(bins, int) else checked(bins, "histogram"), range=range, density=density
    )
    return Histogram(beside(x, counts), beside(x, edges))


def _counted(a: Any, w: Any, bins: Any, *, range: Sequence[float] | None, density: bool) -> tuple[Any, Any]:
    """`histogram` of an array, its weights or None, and a number of bins or their edges."""
    edges: Any
    if isinstance(bins, int):
        if bins < 1:
            raise RuntimeError(f"histogram: bins must be at least 1, got {bins}")
        low, high = (float(a.min()), float(a.max())) if range is None and a.size else range or (0.0, 1.0)
        if not (np.isfinite(low) and np.isfinite(high) and low <= high):
            raise RuntimeError(f"histogram: the range [{low}, {high}] must be finite and ascending")
        low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
        edges = np.linspace(low, high, bins + 1).astype(a.dtype)
    else:
        edges = bins
        if edges.ndim != 1 or edges.size < 2 or edges.dtype != a.dtype or (np.diff(edges) < 0).any():
            raise RuntimeError(f"histogram: edges must be an ascending vector of dtype {a.dtype}, got {edges}")
        if range is not None:
            raise TypeError("histogram: give either the edges of the bins or their number and range")
    flat = a.ravel()
    inside = (flat >= edges[0]) & (flat <= edges[-1])
    n = edges.size - 1
    i = np.minimum(np.searchsorted(edges, flat[inside], "right") - 1, n - 1)
    y = np.bincount(i, None if w is None else w.ravel()[inside], n).astype(a.dtype)
    if density:
        y = y / (y.sum() * np.diff(edges))
    return y.astype(a.dtype), edges


def mode(input: Array, dim: int = -1, keepdim: bool = False) -> Selected:
    """The value that occurs most often along ``dim``, the smallest of several, and where it occurs last."""
    x = checked(input, "mode")
    d = normalise_dim(dim, x.ndim, "mode")
    if not x.ndim:
        return Selected(x * 1 if x.dtype.kind != "b" else x, beside(x, np.zeros((), np.int64)))
    if not x.shape[d]:
        raise IndexError(f"mode: nothing to choose from over dim={dim} of a tensor of shape {tuple(x.shape)}")
    return selected(x, aside(_most_often, x, dim=d), d, bool(keepdim))


def _most_often(a: Any, *, dim: int) -> Any:
    """Where the value is last that occurs most often along ``dim``, kept at size 1."""
    n, d = a.shape[dim], dim
    rows = np.moveaxis(a, d, -1)
    order = np.argsort(rows, -1, kind="stable")
    ordered = np.take_along_axis(rows, order, -1)
    starts = np.concatenate([np.ones((*rows.shape[:-1], 1), bool), ordered[..., 1:] != ordered[..., :-1]], -1)
    place = np.arange(n)
    first = np.maximum.accumulate(np.where(starts, place, 0), -1)
    run = place - first  # how many of the same came before
    last = np.argmax(run, -1)[..., None]  # the end of the first of the longest runs
    i = np.take_along_axis(order, last, -1).astype(np.int64)
    return np.moveaxis(i, -1, d)
