"""Putting in order, choosing the first k, looking up, counting. NaN counts as larger than every number."""

# ruff: noqa: ARG001  (arguments of PyTorch's that change nothing, since every order here is stable)

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..autograd.graph import Array, array_of
from ..autograd.operation import op
from .extremes import Selected, beside, selected
from .indices import numbers, positions
from .shape import checked, normalise_dim, sizes
from .watched import aside


def _array(x: Any, name: str) -> tuple[Any, Any]:
    """The input, checked, and its array."""
    x = checked(x, name)
    return x, array_of(x)


# ------------------------------------------------------------------------------------------------------------ in order
def _order(a: Any, dim: int, descending: bool) -> Any:
    """The positions that put an array in order; equals keep theirs."""
    if not a.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(a, axis=dim, kind="stable").astype(np.int64, copy=False)
    back = np.argsort(np.flip(a, dim), axis=dim, kind="stable")
    return np.flip(a.shape[dim] - 1 - back, dim).astype(np.int64, copy=False)


@op()
def _argsort(x: Array, *, dim: int, descending: bool) -> Array:
    return _order(x, dim, descending)


@op()
def _best(x: Array, *, k: int, dim: int, largest: bool) -> Array:
    """The positions of the k largest along ``dim`` (or smallest), in order."""
    n = x.shape[dim] if x.ndim else 1
    if not x.ndim or not k or 8 * k >= n:
        i = _order(x, dim, largest)
        return i if not x.ndim else i[(slice(None),) * dim + (slice(k),)]
    part = np.argpartition(x, n - k if largest else k - 1, axis=dim)  # few of many: part them first
    part = np.sort(part[(slice(None),) * dim + (slice(n - k, None) if largest else slice(k),)], axis=dim)
    order = _order(np.take_along_axis(x, part, dim), dim, largest)
    return np.take_along_axis(part, order, dim).astype(np.int64, copy=False)


def sort(input: Array, dim: int = -1, descending: bool = False, stable: bool = False) -> Selected:
    """The elements in order along ``dim``, and the positions they had: (values, indices).

    Equal elements always keep their order, so ``stable`` changes nothing. Ascending unless ``descending``.
    """
    input, a = _array(input, "sort")
    d = normalise_dim(dim, a.ndim, "sort")
    return selected(input, _argsort(input, dim=d, descending=bool(descending)), d, True)


def argsort(input: Array, dim: int = -1, descending: bool = False, stable: bool = False) -> Array:
    """The positions that put the elements in order along ``dim``; equal elements keep their order."""
    input, a = _array(input, "argsort")
    d = normalise_dim(dim, a.ndim, "argsort")
    return _argsort(input, dim=d, descending=bool(descending))


def msort(input: Array) -> Array:
    """The elements in ascending order along the first dimension."""
    return sort(input, 0).values


def topk(input: Array, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Selected:
    """The ``k`` largest elements along ``dim`` (or smallest), in order, and their positions: (values, indices)."""
    input, a = _array(input, "topk")
    d, k = normalise_dim(dim, a.ndim, "topk"), operator.index(k)
    n = a.shape[d] if a.ndim else 1
    if not 0 <= k <= n:
        raise RuntimeError(f"topk: k={k} of the {n} elements in dimension {dim} of shape {a.shape}")
    return selected(input, _best(input, k=k, dim=d, largest=bool(largest)), d, True)


def kthvalue(input: Array, k: int, dim: int = -1, keepdim: bool = False) -> Selected:
    """The ``k``-th smallest element along ``dim``, counted from 1, and its position: (values, indices)."""
    input, a = _array(input, "kthvalue")
    d, k = normalise_dim(dim, a.ndim, "kthvalue"), operator.index(k)
    n = a.shape[d] if a.ndim else 1
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue: k={k} must be between 1 and {n}, the size of dimension {dim} of shape {a.shape}")
    return selected(input, aside(_kth, input, k=k, dim=d), d, bool(keepdim))


def _kth(a: Any, *, k: int, dim: int) -> Any:
    """Where the k-th smallest element is, with ``dim`` kept at size 1."""
    i = _order(a, dim, False)
    return i[(slice(None),) * dim + (slice(k - 1, k),)] if a.ndim else i


# ------------------------------------------------------------------------------------------------- looking up, counting
def unique(
    input: Array,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different elements, in ascending order; or the different slices along ``dim``.

    With ``return_inverse`` also where each element of the input is among them, with ``return_counts`` how often each
    occurs.
    """
    input, a = _array(input, "unique")
    axis = None if dim is None else normalise_dim(dim, a.ndim, "unique")
    if axis is not None and a.ndim and a.shape[axis] and not a.size:
        raise RuntimeError(f"unique: slices of a tensor of shape {a.shape} along dim={dim} have no elements to compare")
    values, inverse, counts = aside(_different, input, axis=axis)
    wanted = [values] + [inverse] * bool(return_inverse) + [counts] * bool(return_counts)
    return tuple(beside(input, x) for x in wanted) if len(wanted) > 1 else beside(input, values)


def _different(a: Any, *, axis: int | None) -> tuple[Any, Any, Any]:
    """The different elements or slices, where each element is among them, and how often they occur."""
    values, inverse, counts = np.unique(a, return_inverse=True, return_counts=True, axis=axis)
    inverse = inverse.reshape(a.shape if axis is None else -1)
    return values, inverse.astype(np.int64, copy=False), counts.astype(np.int64, copy=False)


def searchsorted(
    sorted_sequence: Array,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Array | None = None,
) -> Array:
    """Where each value of ``input`` would go in an ascending sequence, so that it stays in order.

    Before equal elements, or after them with ``right=True`` (``side="right"``). A sequence of shape (..., n) takes
    values of shape (..., m): row by row. One that is in no order comes with a ``sorter``, what `argsort` gives of it.
    """
    if side not in (None, "left", "right"):
        raise ValueError(f'searchsorted: side must be "left" or "right", got {side!r}')
    if side == "left" and right:
        raise ValueError('searchsorted: side="left" and right=True contradict each other')
    sorted_sequence, s = _array(sorted_sequence, "searchsorted")
    if sorter is not None and s.ndim:
        order = numbers(sorter, "searchsorted", "sorter")
        if order.shape != s.shape:
            raise RuntimeError(f"searchsorted: a sorter of shape {order.shape} for a sequence of shape {s.shape}")
    found = aside(_found, sorted_sequence, input, sorter, right=right or side == "right")
    return beside(sorted_sequence, aside(_in_int32, found) if out_int32 else found)


def _in_int32(i: Any) -> Any:
    return i.astype(np.int32)


def _found(s: Any, v: Any, order: Any, *, right: bool) -> Any:
    """Where the values would go in the sequence, taken in this order or (None) as it is."""
    if order is not None and s.ndim:
        s = np.take_along_axis(s, positions(order, s.shape[-1], -1, least=0), -1)
    v = np.asarray(v)
    where: Any = "right" if right else "left"
    if s.ndim == 1:
        i = np.asarray(np.searchsorted(s, v, where))
    elif s.ndim > 1 and s.shape[:-1] == v.shape[:-1]:
        i = np.empty(v.shape, np.int64)
        for row in np.ndindex(v.shape[:-1]):
            i[row] = np.searchsorted(s[row], v[row], where)
    else:
        raise RuntimeError(
            f"searchsorted: a sequence of shape {s.shape} takes values of the same shape but for the last dimension, "
            f"got {v.shape}; only a 1-d sequence takes values of any shape"
        )
    return i.astype(np.int64, copy=False)


def bincount(input: Array, weights: Array | None = None, minlength: int = 0) -> Array:
    """How often each of 0, 1, 2, ... occurs in a 1-d tensor of integers; or the sum of the weights where it does."""
    input, a = _array(input, "bincount")
    aside(_check_counted, input)
    if minlength < 0:
        raise RuntimeError(f"bincount: minlength must be >= 0, got {minlength}")
    if weights is None:
        return beside(input, aside(_counts, input, None, minlength=minlength))
    weights, w = _array(weights, "bincount")
    if w.shape != a.shape:
        raise RuntimeError(
            f"bincount: weights of shape {w.shape} for an input of shape {a.shape}; they must be the same"
        )
    return beside(input, aside(_counts, input, weights, minlength=minlength))


def _check_counted(a: Any) -> None:
    if a.ndim != 1 or a.dtype.kind not in "iu" or (a.size and a.min() < 0):
        raise RuntimeError(
            f"bincount: expected a 1-d tensor of integers >= 0, got shape {a.shape}, dtype {a.dtype}"
            + (f", smallest element {a.min()}" if a.size else "")
        )


def _counts(a: Any, w: Any, *, minlength: int) -> Any:
    if w is None:
        return np.bincount(a, minlength=minlength).astype(np.int64, copy=False)
    return np.bincount(a, w, minlength).astype(w.dtype if w.dtype == np.float32 else np.float64, copy=False)


def histc(input: Array, bins: int = 100, min: float = 0, max: float = 0) -> Array:
    """How many elements fall into each of ``bins`` equal parts of [min, max]; by default, of the data's range."""
    input, a = _array(input, "histc")
    if a.dtype.kind != "f":
        raise TypeError(f"histc: needs a floating dtype, got {a.dtype}")
    (bins,) = sizes((bins,), "histc")
    if bins < 1 or max < min:
        raise RuntimeError(f"histc: needs bins > 0 and max >= min, got bins={bins}, min={min}, max={max}")
    return beside(input, aside(_parts, input, bins=bins, min=min, max=max))


def _parts(a: Any, *, bins: int, min: float, max: float) -> Any:
    """`histc` of an array."""
    low, high = (float(a.min()), float(a.max())) if min == max and a.size else (float(min), float(max))
    if low == high:
        low, high = low - 1, high + 1
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"histc: the range [{low}, {high}] is not finite; pass min and max")
    return np.histogram(a, bins, (low, high))[0].astype(a.dtype)
