"""Cases for `tinygrad_cnn.ops.combining`, `membership`, `parts` and `replacing`."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

import tinygrad_cnn as tg
from tests.ops.case import Case, Inputs, strict
from tests.ops.cases_elementwise import loop, one, two, two_without_ties
from tests.ops.cases_matrices import t
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes, dims, shapes


# ----------------------------------------------------------------------------------------------------------- combining
@st.composite
def vectors(draw: DrawFn) -> Inputs:
    return [draw(arrays((n,))) for n in draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))], {}


def products(*xs: Any) -> Any:
    if len(xs) == 1:
        return xs[0]
    return np.array([*itertools.product(*(x.tolist() for x in xs))], np.float64).reshape(-1, len(xs))


@st.composite
def to_combine(draw: DrawFn) -> Inputs:
    x = draw(arrays((draw(st.integers(0, 4)),)))
    return [x], {"r": draw(st.integers(1, 3)), "with_replacement": draw(st.booleans())}


def combined(x: Any, r: int, with_replacement: bool) -> Any:
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    return np.array([*choose(x.tolist(), r)], np.float64).reshape(-1, r)


@st.composite
def blocks(draw: DrawFn) -> Inputs:
    return [draw(arrays(shapes(0, 2, max_size=6))) for _ in range(draw(st.integers(1, 3)))], {}


def torch_block_diag(*xs: Any) -> Any:
    """Nothing to compare with beside a block of no elements: PyTorch's gradients of the blocks after it are shifted."""
    if any(not x.numel() for x in xs):
        raise NotImplementedError("PyTorch's gradients are shifted by a block of no elements")
    return t("block_diag")(*xs)


def block_diagonal(*xs: Any) -> Any:
    xs = tuple(np.atleast_2d(x) for x in xs)
    y = np.zeros((sum(x.shape[0] for x in xs), sum(x.shape[1] for x in xs)))
    i = j = 0
    for x in xs:
        y[i : i + x.shape[0], j : j + x.shape[1]] = x
        i, j = i + x.shape[0], j + x.shape[1]
    return y


@st.composite
def with_offset(draw: DrawFn) -> Inputs:
    return [draw(arrays(shapes(0, 2, max_size=6)))], {"offset": draw(st.integers(-2, 2))}


# ---------------------------------------------------------------------------------------------------------- membership
def whole(low: int = -3, high: int = 3) -> Any:
    return arrays(shapes(), low, high, dtype=np.int64)


@st.composite
def two_sets(draw: DrawFn) -> Inputs:
    return [draw(whole()), draw(whole())], {"invert": draw(st.booleans())}


@st.composite
def values_and_edges(draw: DrawFn) -> Inputs:
    edges = np.sort(np.round(draw(arrays((draw(st.integers(0, 5)),)))))
    return [np.round(draw(arrays(shapes()))), edges], {"right": draw(st.booleans())}


@st.composite
def runs(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(1, 2, min_side=1), 0, 1, dtype=np.int64))
    dim = draw(st.sampled_from([None, *range(x.ndim)]))
    return [x], {"return_inverse": True, "return_counts": True, "dim": dim}


def run_lengths(x: Any, dim: int | None, **_: Any) -> Any:
    rows = x.reshape(-1) if dim is None else np.moveaxis(x, dim, 0)
    values: list[Any] = []
    inverse, counts = [], []
    for row in rows:
        if not values or not np.array_equal(values[-1], row):
            values.append(row)
            counts.append(0)
        counts[-1] += 1
        inverse.append(len(values) - 1)
    found = np.array(values) if dim is None else np.moveaxis(np.array(values), 0, dim)
    return found, np.array(inverse).reshape(x.shape if dim is None else -1), np.array(counts)


@st.composite
def places(draw: DrawFn) -> Inputs:
    shape = draw(shapes(1, 3, min_side=1))
    return [draw(arrays(shapes(), 0, math.prod(shape) - 1, dtype=np.int64))], {"shape": shape}


# --------------------------------------------------------------------------------------------------------------- parts
@st.composite
def two_integers(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    return [draw(arrays(a, -12, 12, dtype=np.int64)), draw(arrays(b, -12, 12, dtype=np.int64))], {}


@st.composite
def scaled_down(draw: DrawFn) -> Inputs:
    inputs, _ = draw(two())
    return inputs, draw(st.sampled_from([{}, {"alpha": 2.5}]))


# ----------------------------------------------------------------------------------------------------------- replacing
@st.composite
def to_select(draw: DrawFn) -> Inputs:
    shape = draw(shapes(1, 3, min_side=1))
    dim = draw(dims(len(shape)))
    part = shape[: dim % len(shape)] + shape[dim % len(shape) + 1 :]
    n = shape[dim]
    return [draw(arrays(shape)), draw(arrays(part))], {"dim": dim, "index": draw(st.integers(-n, n - 1))}


def selected(x: Any, src: Any, dim: int, index: int) -> Any:
    y = x.copy()
    np.moveaxis(y, dim, 0)[index] = src
    return y


@st.composite
def to_slice(draw: DrawFn) -> Inputs:
    shape = draw(shapes(1, 3, min_side=1))
    dim, n = draw(dims(len(shape))), st.one_of(st.none(), st.integers(-4, 4))
    part = slice(draw(n), draw(n), draw(st.integers(1, 2)))
    size = len(range(shape[dim])[part])
    at = dim % len(shape)
    src = draw(arrays((*shape[:at], size, *shape[at + 1 :])))
    return [draw(arrays(shape)), src], {"dim": dim, "start": part.start, "end": part.stop, "step": part.step}


def sliced(x: Any, src: Any, dim: int, start: Any, end: Any, step: int) -> Any:
    y = x.copy()
    np.moveaxis(y, dim, 0)[start:end:step] = np.moveaxis(src, dim, 0)
    return y


@st.composite
def to_diagonal(draw: DrawFn) -> Inputs:
    shape = draw(shapes(2, 3, min_side=1))
    a, b = draw(st.permutations(range(len(shape))))[:2]
    kwargs = {"offset": draw(st.integers(-1, 1)), "dim1": a, "dim2": b}
    x = draw(arrays(shape))
    return [x, draw(arrays(np.diagonal(x, kwargs["offset"], a, b).shape))], kwargs


def diagonal(x: Any, src: Any, offset: int, dim1: int, dim2: int) -> Any:
    y = x.copy()
    view = np.diagonal(y, offset, dim1, dim2)
    view.flags.writeable = True
    view[...] = src
    return y


@st.composite
def to_narrow(draw: DrawFn) -> Inputs:
    shape = draw(shapes(1, 3))
    dim = draw(dims(len(shape)))
    start = draw(st.integers(0, shape[dim]))
    return [draw(arrays(shape))], {"dim": dim, "start": start, "length": draw(st.integers(0, shape[dim] - start))}


@st.composite
def to_split(draw: DrawFn) -> Inputs:
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    return [draw(arrays((2, sum(sizes))))], {"split_sizes": sizes, "dim": draw(st.sampled_from([1, -1]))}


TRUTHS = (("booleans", "PyTorch has this of integers, and not of truths"), ("mixed dtypes", "likewise"))
KINDS = ("mixed dtypes", "PyTorch casts; what would lose a fraction or a gradient is refused")
UNSORTED = ("special values", "what is in no order has no buckets")

CASES = [
    Case("cartesian_prod", vectors(), tg.cartesian_prod, products, torch=t("cartesian_prod")),
    Case("combinations", to_combine(), tg.combinations, combined, torch=t("combinations")),
    Case("block_diag", blocks(), tg.block_diag, block_diagonal, torch=torch_block_diag),
    Case(
        "diagflat",
        with_offset(),
        tg.diagflat,
        lambda x, offset: np.diagflat(x, offset),
        torch=t("diagflat"),
        method="diagflat",
    ),
    Case("isin", two_sets(), tg.isin, lambda x, y, invert: np.isin(x, y) != invert, torch=t("isin"), order=0),
    Case(
        "bucketize",
        values_and_edges(),
        tg.bucketize,
        lambda x, edges, right: loop(lambda v: sum(e <= v if right else e < v for e in edges.tolist()))(x).astype(int),
        torch=t("bucketize"),
        order=0,
        differs=(UNSORTED, ("NaN", "what is in no order has no buckets")),
    ),
    Case(
        "unique_consecutive",
        runs(),
        tg.unique_consecutive,
        run_lengths,
        torch=t("unique_consecutive"),
        method="unique_consecutive",
        order=0,
        differs=(("nothing", "PyTorch finds a run in slices without elements"),),
    ),
    Case(
        "unravel_index",
        places(),
        tg.unravel_index,
        lambda x, shape: tuple(np.array(v) for v in np.unravel_index(x, shape)),
        torch=t("unravel_index"),
        order=0,
    ),
    Case("gcd", two_integers(), tg.gcd, loop(math.gcd), torch=t("gcd"), method="gcd", order=0),
    Case("lcm", two_integers(), tg.lcm, loop(math.lcm), torch=t("lcm"), method="lcm", order=0),
    Case(
        "ldexp",
        two(),
        tg.ldexp,
        loop(lambda a, b: a * 2**b),
        torch=t("ldexp"),
        method="ldexp",
        differs=(("mixed dtypes", "2 to a negative power is 0 among PyTorch's integers"),),
    ),
    Case("frexp", one(away_from=(0.0,)), tg.frexp, np.frexp, torch=t("frexp"), method="frexp"),
    Case(
        "nextafter",
        two_without_ties(),
        tg.nextafter,
        loop(math.nextafter),
        torch=t("nextafter"),
        method="nextafter",
        order=1,
    ),
    Case("sgn", one(away_from=(0.0,)), tg.sgn, loop(lambda x: (x > 0) - (x < 0)), method="sgn"),
    Case(
        "rsub",
        scaled_down(),
        tg.rsub,
        lambda x, y, alpha=1: y - alpha * x,
        torch=strict(t("rsub")),
        differs=(("booleans", "PyTorch takes no truths here"), ("mixed dtypes", "PyTorch takes no truths here")),
    ),
    Case("real", one(), tg.real, lambda x: x, torch=t("real")),
    Case("conj", one(), tg.conj, lambda x: x, torch=t("conj"), method="conj"),
    Case("conj_physical", one(), tg.conj_physical, lambda x: x, torch=t("conj_physical"), method="conj_physical"),
    Case("isreal", one(), tg.isreal, lambda x: np.ones(x.shape, bool), torch=t("isreal"), method="isreal", order=0),
    Case(
        "angle",
        one(away_from=(0.0,)),
        tg.angle,
        loop(lambda x: math.atan2(0.0, x)),
        torch=t("angle"),
        method="angle",
    ),
    Case(
        "select_scatter",
        to_select(),
        tg.select_scatter,
        selected,
        torch=t("select_scatter"),
        method="select_scatter",
        differs=(KINDS,),
    ),
    Case(
        "slice_scatter",
        to_slice(),
        tg.slice_scatter,
        sliced,
        torch=t("slice_scatter"),
        method="slice_scatter",
        differs=(KINDS,),
    ),
    Case(
        "diagonal_scatter",
        to_diagonal(),
        tg.diagonal_scatter,
        diagonal,
        torch=t("diagonal_scatter"),
        method="diagonal_scatter",
        differs=(KINDS,),
    ),
    Case(
        "narrow_copy",
        to_narrow(),
        tg.narrow_copy,
        lambda x, dim, start, length: x.take(range(start, start + length), dim),
        torch=t("narrow_copy"),
        method="narrow_copy",
        differs=(("a negative number", "PyTorch's gradient forgets that a start may count from the end"),),
    ),
    Case(
        "split_with_sizes",
        to_split(),
        tg.split_with_sizes,
        lambda x, split_sizes, dim: tuple(np.split(x, np.cumsum(split_sizes)[:-1], dim)),
        torch=t("split_with_sizes"),
        method="split_with_sizes",
    ),
    Case(
        "fill",
        one().map(lambda drawn: (drawn[0], {"value": 2.5})),
        tg.fill,
        lambda x, value: np.full(x.shape, value),
        torch=strict(t("fill")),
    ),
]
