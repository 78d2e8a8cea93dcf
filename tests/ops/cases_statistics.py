"""Cases for `tinygrad_cnn.ops.quantiles`, `statistics`, `distances` and `integration`."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

import tinygrad_cnn as tg
from tests.ops.case import Case, Inputs
from tests.ops.cases_matrices import t
from tinygrad_cnn.ops.quantiles import MODES
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes, dims, shapes


# ----------------------------------------------------------------------------------------------------------- quantiles
@st.composite
def with_quantile(draw: DrawFn, many: bool = False) -> Inputs:
    shape = draw(shapes(0, 3, min_side=1))
    x = draw(arrays(shape, distinct=True))
    kwargs: dict[str, Any] = {"interpolation": draw(st.sampled_from(MODES))}
    if draw(st.booleans()):
        kwargs.update(dim=draw(dims(len(shape))), keepdim=draw(st.booleans()))
    if many:  # not at the elements themselves, where the slope by q changes
        kwargs["interpolation"] = "linear"
        q = arrays((draw(st.integers(0, 3)),), 0.03, 0.97, away_from=fractions(shape, kwargs), gap=0.01)
        return [x, draw(q)], kwargs
    return [x], {"q": draw(st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0])), **kwargs}


def fractions(shape: tuple[int, ...], kwargs: dict[str, Any]) -> tuple[float, ...]:
    """Where the elements lie between 0 and 1."""
    n = math.prod(shape) if kwargs.get("dim") is None else (shape[kwargs["dim"]] if shape else 1)
    return tuple(k / max(n - 1, 1) for k in range(n))


def quantile(x: Any, q: Any, dim: Any = None, keepdim: bool = False, interpolation: str = "linear") -> Any:
    rows = x.reshape(-1) if dim is None else np.moveaxis(x, dim, -1) if x.ndim else x.reshape(1)
    qs = np.atleast_1d(q)
    y = np.zeros((len(qs), *rows.shape[:-1]))
    for place in np.ndindex(rows.shape[:-1]):
        ordered = sorted(v for v in rows[place].tolist() if not math.isnan(v))
        for k, share in enumerate(qs.tolist()):
            rank = share * (len(ordered) - 1)
            low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
            part = {"linear": rank - math.floor(rank), "lower": 0, "higher": 1, "midpoint": 0.5}
            y[(k, *place)] = (
                ordered[round(rank)] if interpolation == "nearest" else low + part[interpolation] * (high - low)
            )
    if keepdim and x.ndim:
        y = y.reshape(
            len(qs), *((1,) * x.ndim if dim is None else np.expand_dims(np.empty(rows.shape[:-1]), dim).shape)
        )
    return y if np.ndim(q) else y[0]


# ----------------------------------------------------------------------------------------------------------- distances
@st.composite
def rows(draw: DrawFn, *ps: float) -> Inputs:
    """Rows no two elements of which are equal, nor are two columns' differences."""
    a, b = draw(broadcastable_shapes(2, max_dims=1, max_side=2, max_size=2))
    n, m, k = draw(st.integers(0, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 3))
    return [draw(arrays((*a, n, k), 2, 5)), draw(arrays((*b, m, k), -5, -0.5))], {"p": draw(st.sampled_from(ps))}


def length(d: Any, p: float) -> Any:
    d = np.abs(d)
    if math.isinf(p):
        return d.max(-1)
    return (d != 0).sum(-1).astype(float) if p == 0 else (d**p).sum(-1) ** (1 / p)


@st.composite
def one_set_of_rows(draw: DrawFn, *ps: float) -> Inputs:
    n, k = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    steps = draw(arrays((n, k), 0.5, 3))
    return [np.cumsum(steps, 0)], {"p": draw(st.sampled_from(ps))}


def distances(x: Any, y: Any, p: float) -> Any:
    return length(x[..., :, None, :] - y[..., None, :, :], p)


def pairs(x: Any, p: float) -> Any:
    return np.array([length(x[i] - x[j], p) for i, j in itertools.combinations(range(len(x)), 2)]).reshape(-1)


@st.composite
def two_apart(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    return [draw(arrays(a, 1, 4)), draw(arrays(b, -4, 0.5))], {"p": draw(st.sampled_from([1, 2, 3, 1.5]))}


@st.composite
def to_shorten(draw: DrawFn) -> Inputs:
    shape = draw(shapes(2, 3, min_side=1))
    x = draw(arrays(shape, away_from=(0.0,)))
    return [x], {
        "p": draw(st.sampled_from([1, 2, 3])),
        "dim": draw(dims(len(shape))),
        "maxnorm": 0.05 + draw(st.integers(0, 4)),
    }


def shortened(x: Any, p: float, dim: int, maxnorm: float) -> Any:
    size = (np.abs(x) ** p).sum(tuple(d for d in range(x.ndim) if d != dim % x.ndim), keepdims=True) ** (1 / p)
    return np.where(size > maxnorm, x * maxnorm / (size + 1e-7), x)


# ---------------------------------------------------------------------------------------------------- several variables
@st.composite
def observations(draw: DrawFn) -> Inputs:
    n = draw(st.integers(3, 5))
    x = draw(arrays(draw(st.sampled_from([(n,), (1, n), (2, n), (3, n)])), distinct=True))
    kwargs: dict[str, Any] = {"correction": draw(st.sampled_from([0, 1]))}
    return [x], kwargs


@st.composite
def weighted(draw: DrawFn) -> Inputs:
    (x,), kwargs = draw(observations())
    n = x.shape[-1]
    counts = draw(arrays((n,), 1, 3, dtype=np.int64))
    return [x, counts, draw(arrays((n,), 0.5, 2))], kwargs


def covariance(x: Any, f: Any = None, a: Any = None, correction: int = 1) -> Any:
    y = np.atleast_2d(x)
    f, a = np.ones(y.shape[1], int) if f is None else f, np.ones(y.shape[1]) if a is None else a
    c = np.zeros((len(y), len(y)))
    w = f * a
    for i, j in np.ndindex(c.shape):
        (p, q) = (v - (w * v).sum() / w.sum() for v in (y[i], y[j]))
        c[i, j] = (w * p * q).sum() / (w.sum() - correction * (w * a).sum() / w.sum())
    return c.reshape(()) if c.size == 1 else c


def correlation(x: Any) -> Any:
    c = covariance(x)
    return (
        c / c
        if not c.ndim
        else np.array([[c[i, j] / math.sqrt(c[i, i] * c[j, j]) for j in range(len(c))] for i in range(len(c))])
    )


@st.composite
def to_count(draw: DrawFn) -> Inputs:
    x, bins = draw(arrays(shapes(min_side=1))), draw(st.integers(1, 5))
    if x.min() == x.max():  # it would lie on an edge of an even number of bins, and rounding decide
        x = np.append(x, x.reshape(-1)[0] + 1.5)
    return [x, draw(arrays(x.shape, 0.5, 2))], {"bins": bins, "density": draw(st.booleans())}


def counted(x: Any, w: Any, bins: int, density: bool) -> Any:
    low, high = (x.min(), x.max()) if x.min() < x.max() else (x.min() - 0.5, x.max() + 0.5)
    edges = np.array([low + (high - low) * k / bins for k in range(bins + 1)])
    y = np.zeros(bins)
    for v, share in zip(x.reshape(-1), w.reshape(-1), strict=True):
        y[min(int(np.searchsorted(edges, v, "right")) - 1, bins - 1)] += share
    return (y / y.sum() / np.diff(edges) if density else y), edges


@st.composite
def with_repeats(draw: DrawFn) -> Inputs:
    shape = draw(shapes(0, 3, min_side=1))
    return [draw(arrays(shape, -2, 2, dtype=np.int64))], {"dim": draw(dims(len(shape))), "keepdim": draw(st.booleans())}


@st.composite
def without_repeats(draw: DrawFn) -> Inputs:
    (x,), kwargs = draw(with_repeats())
    return [draw(arrays(x.shape, distinct=True))], kwargs


def most_frequent(x: Any, dim: int, keepdim: bool) -> Any:
    if not x.ndim:
        return x
    y = np.apply_along_axis(lambda v: min(set(v.tolist()), key=lambda a: (-v.tolist().count(a), a)), dim, x)
    return np.expand_dims(y, dim) if keepdim else y


# ---------------------------------------------------------------------------------------------------------------- areas
@st.composite
def under_a_curve(draw: DrawFn, places: bool = False) -> Inputs:
    shape = draw(shapes(1, 3, min_side=1))
    dim = draw(dims(len(shape)))
    y = draw(arrays(shape))
    if places:
        return [y, draw(arrays((shape[dim],)))], {"dim": dim}
    return [y], {"dim": dim, **draw(st.sampled_from([{}, {"dx": 0.5}]))}


def area(y: Any, x: Any = None, dx: float = 1, dim: int = -1) -> Any:
    return running_area(y, x, dx, dim).take(-1, dim) if y.shape[dim] > 1 else np.zeros(np.delete(y.shape, dim))


def running_area(y: Any, x: Any = None, dx: float = 1, dim: int = -1) -> Any:
    z = np.moveaxis(y, dim, -1)
    x = np.arange(z.shape[-1]) * dx if x is None else x
    total, rest = np.zeros(z.shape[:-1]), []
    for k in range(1, z.shape[-1]):
        total = total + (x[k] - x[k - 1]) * (z[..., k] + z[..., k - 1]) / 2
        rest.append(total)
    return np.moveaxis(np.stack(rest, -1) if rest else z[..., :0], -1, dim)


@st.composite
def sampled(draw: DrawFn) -> Inputs:
    shape = draw(shapes(1, 2, min_side=3, max_side=4))
    return [draw(arrays(shape))], {
        "spacing": draw(st.sampled_from([1, 0.5])),
        "edge_order": draw(st.sampled_from([1, 2])),
    }


def slopes(x: Any, spacing: float, edge_order: int) -> Any:
    y: Any = np.gradient(x, spacing, edge_order=edge_order)
    return tuple(y) if isinstance(y, (tuple, list)) else (y,)


WEIGHTS = (
    ("integers", "weights of another kind"),
    ("mixed dtypes", "PyTorch adds up float32 weights of float64 numbers in float32"),
    ("special values", "of infinite weights PyTorch gives other NaN"),
    ("NaN", "of NaN weights PyTorch gives other NaN"),
)
WHOLE = ("a fraction", "a correction need not be whole")
TIES = tuple((probe, "PyTorch's largest difference does not share its gradient") for probe in ("ties and kinks", "NaN"))
INFINITE = ("special values", "PyTorch's slope of an infinite distance is NaN")
EMPTY = ("mixed dtypes", "PyTorch does not look at dtypes where there is nothing")
ONE = tuple((probe, "there is no area under one value, be it NaN or infinite") for probe in ("NaN", "special values"))
NO_AREA = (*ONE, ("nothing", "the area under nothing has a gradient here"), ("another size", "likewise"))
PLACES = tuple(
    (probe, "PyTorch takes places of shapes that do not fit") for probe in ("a dimension more", "a dimension fewer")
)

SLOPE_OF_NAN = ("special values", "the slope of |NaN| is 0, in PyTorch too, but not in this function of it")
CRASHES = (("nothing", "PyTorch crashes"), ("another size", "PyTorch crashes"))
EQUALS = tuple((probe, "which of equals gets the gradient is free") for probe in ("ties and kinks", "special values"))

CASES = [
    Case("quantile", with_quantile(), tg.quantile, quantile, t("quantile"), 1, method="quantile", differs=EQUALS),
    Case(
        "quantile",
        with_quantile(True),
        lambda x, q, **k: tg.quantile(x, q[:], **k),  # a vector, and no number
        quantile,
        torch=lambda x, q, **k: t("quantile")(x, q[:], **k),
        order=1,
        note="many",
        differs=EQUALS,
    ),
    Case(
        "nanquantile",
        with_quantile(),
        tg.nanquantile,
        quantile,
        torch=t("nanquantile"),
        method="nanquantile",
        order=1,
        differs=EQUALS,
    ),
    Case("cdist", rows(2, 3, 1.5), tg.cdist, distances, torch=t("cdist"), differs=(EMPTY,)),
    Case("cdist", rows(1), tg.cdist, distances, t("cdist"), note="p = 1", differs=(SLOPE_OF_NAN, EMPTY)),
    Case("cdist", rows(math.inf), tg.cdist, distances, t("cdist"), note="p = inf", differs=(*TIES, INFINITE, EMPTY)),
    Case(
        "cdist",
        rows(0),
        tg.cdist,
        distances,
        t("cdist"),
        1,
        note="p = 0",
        differs=(("NaN", "NaN is not 0"), ("special values", "NaN is not 0"), EMPTY),
    ),
    Case("pdist", one_set_of_rows(2, 3), tg.pdist, pairs, torch=t("pdist"), differs=CRASHES),
    Case("pdist", one_set_of_rows(1), tg.pdist, pairs, t("pdist"), note="p = 1", differs=(SLOPE_OF_NAN, *CRASHES)),
    Case(
        "dist",
        two_apart(),
        tg.dist,
        lambda x, y, p: length((x - y).reshape(-1), p),
        torch=t("dist"),
        method="dist",
        differs=(
            ("zero", "PyTorch's gradient of p = 0 fails"),
            ("mixed dtypes", "PyTorch does not promote here"),
        ),
    ),
    Case("renorm", to_shorten(), tg.renorm, shortened, torch=t("renorm"), method="renorm"),
    Case("cov", observations(), tg.cov, covariance, torch=t("cov"), method="cov", differs=(WHOLE,)),
    Case(
        "cov",
        weighted(),
        lambda x, f, a, correction: tg.cov(x, correction=correction, fweights=f, aweights=a),
        covariance,
        torch=lambda x, f, a, correction: t("cov")(x, correction=correction, fweights=f, aweights=a),
        wanted=(0,),
        differs=(*WEIGHTS, WHOLE),
        note="weighted",
    ),
    Case(
        "corrcoef",
        observations().map(lambda drawn: (drawn[0], {})),
        tg.corrcoef,
        correlation,
        torch=t("corrcoef"),
        method="corrcoef",
    ),
    Case(
        "histogram",
        to_count(),
        lambda x, w, **k: tg.histogram(x, weight=w, **k),
        counted,
        torch=lambda x, w, **k: t("histogram")(x, weight=w, **k),
        method=lambda x, w, **k: x.histogram(weight=w, **k),
        order=0,
        wanted=(),
        differs=(
            ("a dimension more", "weights have the shape of the input"),
            ("a dimension fewer", "weights have the shape of the input"),
        ),
    ),
    Case(
        "mode",
        with_repeats(),
        lambda x, **k: tg.mode(x, **k).values,
        most_frequent,
        torch=lambda x, **k: t("mode")(x, **k).values,
        method=lambda x, **k: x.mode(**k).values,
        order=0,
    ),
    Case(
        "mode",
        without_repeats(),
        lambda x, **k: tg.mode(x, **k).values,
        lambda x, dim, keepdim: x.min(dim, keepdims=keepdim) if x.ndim else x,
        torch=lambda x, **k: t("mode")(x, **k).values,
        note="without repeats",
        differs=tuple(
            (probe, "which of equals gets the gradient is free, and PyTorch's NaN may be equal")
            for probe in ("ties and kinks", "special values", "NaN")
        ),
    ),
    Case("trapezoid", under_a_curve(), tg.trapezoid, area, torch=t("trapezoid"), differs=NO_AREA),
    Case(
        "trapezoid",
        under_a_curve(True),
        tg.trapezoid,
        area,
        torch=t("trapezoid"),
        note="places",
        differs=(*NO_AREA, *PLACES),
    ),
    Case("cumulative_trapezoid", under_a_curve(), tg.cumulative_trapezoid, running_area, t("cumulative_trapezoid")),
    Case(
        "cumulative_trapezoid",
        under_a_curve(True),
        tg.cumulative_trapezoid,
        running_area,
        torch=t("cumulative_trapezoid"),
        note="places",
        differs=(*NO_AREA, *PLACES),
    ),
    Case(
        "gradient",
        sampled(),
        tg.gradient,
        slopes,
        torch=t("gradient"),
        differs=(("zero", "with a spacing of 0, inf - inf is NaN, or not, with the order of the sums"),),
    ),
]
