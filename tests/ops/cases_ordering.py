"""Cases for `tinygrad_cnn.ops.ordering`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import ordering as o
from tinygrad_cnn.testing.strategies import arrays, dims, shapes


@st.composite
def to_sort(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 3), distinct=True))
    return [x], {"dim": draw(dims(x.ndim)), "descending": draw(st.booleans())}


@st.composite
def to_choose(draw: DrawFn, side: int = 4) -> Inputs:
    x = draw(arrays(shapes(0, 3, 1, side), distinct=True))
    dim = draw(dims(x.ndim))
    k = draw(st.integers(0, x.shape[dim] if x.ndim else 1))
    return [x], {"k": k, "dim": dim, "largest": draw(st.booleans())}


@st.composite
def few_of_many(draw: DrawFn) -> Inputs:
    x = draw(arrays((draw(st.integers(17, 24)),), distinct=True))
    return [x], {"k": draw(st.integers(1, 2)), "largest": draw(st.booleans())}


@st.composite
def kth(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 3, 1), distinct=True))
    dim = draw(dims(x.ndim))
    return [x], {
        "k": draw(st.integers(1, x.shape[dim] if x.ndim else 1)),
        "dim": dim,
        "keepdim": draw(st.booleans()),
    }


@st.composite
def repeating(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 3), 0, 3, dtype=np.int64))
    return [x], {"return_inverse": draw(st.booleans()), "return_counts": draw(st.booleans())}


@st.composite
def slices_repeat(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(1, 2, 1), 0, 1, dtype=np.int64))
    return [x], {"dim": draw(dims(x.ndim)), "return_inverse": True, "return_counts": True}


@st.composite
def to_look_up(draw: DrawFn) -> Inputs:
    rows = draw(shapes(0, 1, 1)) if draw(st.booleans()) else ()
    s = np.sort(draw(arrays((*rows, draw(st.integers(0, 4))), 0, 4, dtype=np.int64)), -1)
    v = draw(arrays((*rows, draw(st.integers(0, 4))), -1, 5, dtype=np.int64))
    return [s, v], {"right": draw(st.booleans())}


@st.composite
def to_count(draw: DrawFn) -> Inputs:
    weighted = draw(st.booleans())
    n = draw(st.integers(weighted, 8))
    x = draw(arrays((n,), 0, 5, dtype=np.int64))
    weights = [draw(arrays((n,)))] if weighted else []
    return [x, *weights], {"minlength": draw(st.integers(0, 8))}


@st.composite
def to_histogram(draw: DrawFn) -> Inputs:
    edges = draw(st.sampled_from([{}, {"min": -2, "max": 2}]))
    return [draw(arrays(shapes(1, 2, 2)))], {"bins": draw(st.integers(1, 4)), **edges}


def order(x: Any, dim: int = -1, descending: bool = False) -> Any:
    """Positions by Python's sort, slice after slice."""
    if not x.ndim:
        return np.zeros((), np.int64)
    y = np.moveaxis(np.empty(x.shape, np.int64), dim, -1)
    moved = np.moveaxis(x, dim, -1)
    for place in np.ndindex(moved.shape[:-1]):
        v = moved[place].tolist()
        y[place] = sorted(range(len(v)), key=lambda k, v=v: -v[k] if descending else v[k])  # type: ignore[misc]
    return np.moveaxis(y, -1, dim)


def ordered(x: Any, dim: int = -1, descending: bool = False) -> Any:
    i = order(x, dim, descending)
    return (np.take_along_axis(x, i, dim) if x.ndim else x), i


def first(x: Any, k: int, dim: int = -1, largest: bool = True) -> Any:
    return tuple(np.take(a, range(k), dim) if a.ndim else a for a in ordered(x, dim, largest))


def smallest(x: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    return tuple(np.take(a, [k - 1] if keepdim else k - 1, dim) if a.ndim else a for a in ordered(x, dim))


def different(x: Any, return_inverse: bool = False, return_counts: bool = False) -> Any:
    flat = x.reshape(-1).tolist()
    values = sorted(set(flat))
    inverse = np.array([values.index(v) for v in flat], np.int64).reshape(x.shape)
    counts = np.array([flat.count(v) for v in values], np.int64)
    return (np.array(values, np.int64), *[inverse] * return_inverse, *[counts] * return_counts)


def different_slices(x: Any, dim: int, **_: Any) -> Any:
    rows = [tuple(np.take(x, k, dim).reshape(-1).tolist()) for k in range(x.shape[dim])]
    values = sorted(set(rows))
    where = [rows.index(v) for v in values]
    return np.take(x, where, dim), np.array([values.index(v) for v in rows]), np.array([rows.count(v) for v in values])


def places(s: Any, v: Any, right: bool) -> Any:
    rows = np.broadcast_to(s, (*v.shape[:-1], s.shape[-1]))
    y = np.empty(v.shape, np.int64)
    for place in np.ndindex(v.shape):
        y[place] = sum(1 for a in rows[place[:-1]].tolist() if a < v[place] or (right and a == v[place]))
    return y


def counts(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    y = np.zeros(max([minlength, *(n + 1 for n in x.tolist())]), np.int64 if weights is None else np.float64)
    for k, n in enumerate(x.tolist()):
        y[n] += 1 if weights is None else weights[k]
    return y


def histogram(x: Any, bins: int, min: float = 0, max: float = 0) -> Any:
    low, high = (min, max) if min < max else (x.min(), x.max())
    if low == high:
        low, high = low - 1, high + 1
    y = np.zeros(bins)
    for v in x.reshape(-1).tolist():
        if low <= v <= high:
            k = int((v - low) / (high - low) * bins)
            y[k if k < bins else bins - 1] += 1
    return y


OPEN = "which of equal elements comes first is left open"
TIES = (
    ("ties and kinks", OPEN),
    ("special values", OPEN),
    ("integers", OPEN),
    ("booleans", OPEN),
    ("mixed dtypes", OPEN),
)
NAN = ("NaN", "which NaN comes first is left open")


FORGETS = tuple((p, "of nothing, PyTorch forgets the weights and their dtype") for p in ("nothing", "another size"))


def torch_stable(name: str) -> Any:
    return lambda x, **kwargs: t(name)(x, stable=True, **kwargs)


CASES = [
    Case("sort", to_sort(), o.sort, ordered, torch=torch_stable("sort"), method="sort"),
    Case("argsort", to_sort(), o.argsort, order, torch=torch_stable("argsort"), method="argsort", order=0),
    Case(
        "msort",
        to_sort().map(lambda d: (d[0], {})).filter(lambda d: d[0][0].ndim > 0),
        o.msort,
        lambda x: np.sort(x, 0),
        torch=t("msort"),
    ),
    Case("topk", to_choose(), o.topk, first, torch=t("topk"), method="topk", differs=(*TIES, NAN)),
    Case("topk", few_of_many(), o.topk, first, torch=t("topk"), note="few of many", differs=(*TIES, NAN)),
    Case("kthvalue", kth(), o.kthvalue, smallest, torch=t("kthvalue"), method="kthvalue", differs=(*TIES, NAN)),
    Case("unique", repeating(), o.unique, different, torch=t("unique"), method="unique", order=0),
    Case("unique", slices_repeat(), o.unique, different_slices, torch=t("unique"), order=0, note="slices"),
    Case("searchsorted", to_look_up(), o.searchsorted, places, torch=t("searchsorted"), order=0),
    Case(
        "bincount",
        to_count(),
        o.bincount,
        counts,
        torch=t("bincount"),
        method="bincount",
        order=0,
        wanted=(),
        differs=FORGETS,
    ),
    Case("histc", to_histogram(), o.histc, histogram, torch=t("histc"), method="histc", order=0),
]
