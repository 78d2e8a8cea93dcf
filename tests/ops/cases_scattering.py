"""Cases for `tinygrad_cnn.ops.scattering`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs, strict
from tests.ops.cases_index import NO_GRADIENT, REPEATS, reordered, scattered, to_gather
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import scattering as s
from tinygrad_cnn.testing.strategies import arrays, dims, shapes

OF_ONE_PLACE: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "prod": math.prod,
    "mean": lambda found: math.fsum(found) / len(found),
    "amax": max,
    "amin": min,
}


# ------------------------------------------------------------------------------------------------- with a reduction
@st.composite
def to_reduce(draw: DrawFn, zeros: bool = False) -> Inputs:
    inputs, kwargs = draw(to_gather("source"))
    x, index, src = inputs
    # one number in all, and no two alike: an extreme is no tie
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.permutation(np.linspace(-2, 2, x.size + src.size + 1))[: x.size + src.size] + 0.03
    x, src = values[: x.size].reshape(x.shape), values[x.size :].reshape(src.shape)
    if zeros:
        x, src = (np.where(rng.random(a.shape) < 0.4, 0, a) for a in (x, src))
    reduce = "prod" if zeros else draw(st.sampled_from(sorted(OF_ONE_PLACE)))
    return [x, index, src], {**kwargs, "reduce": reduce, "include_self": draw(st.booleans())}


def reduced(x: Any, index: Any, src: Any, *, dim: int, reduce: str, include_self: bool = True) -> Any:
    found: dict[tuple[int, ...], list[float]] = {}
    for place in np.ndindex(index.shape):
        to = list(place)
        if to:
            to[dim] = index[place]
        found.setdefault(tuple(to), []).append(src[place])
    y = x.copy()
    for to, values in found.items():
        y[to] = OF_ONE_PLACE[reduce](values + [x[to]] * include_self)
    return y


def added_or_multiplied(x: Any, index: Any, src: Any = None, *, dim: int, reduce: str, value: Any = None) -> Any:
    src = np.full(index.shape, value) if src is None else src
    return reduced(x, index, src, dim=dim, reduce={"add": "sum", "multiply": "prod"}[reduce])


def by_scatter_reduce(x: Any, index: Any, src: Any = None, *, dim: int, reduce: str, value: Any = None) -> Any:
    """PyTorch's scatter has no gradient with a reduction; its scatter_reduce has."""
    import torch

    kinds = {"add": "sum", "multiply": "prod"}
    src = torch.full(index.shape, value).to(x.dtype) if src is None else src
    return torch.scatter_reduce(x, dim, index, src, kinds[reduce])


@st.composite
def to_scatter(draw: DrawFn, number: bool = False) -> Inputs:
    inputs, kwargs = draw(to_gather("value" if number else "source"))
    return inputs, {**kwargs, "reduce": draw(st.sampled_from(("add", "multiply")))}


@st.composite
def to_index_reduce(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(1, 3, min_side=1, max_side=3, max_size=12)))
    dim = draw(dims(x.ndim))
    n = draw(st.integers(0, 4))
    index = draw(arrays((n,), 0, x.shape[dim] - 1, dtype=np.int64))
    d = dim % x.ndim
    source = draw(arrays((*x.shape[:d], n, *x.shape[d + 1 :])))
    reduce = draw(st.sampled_from(("prod", "mean", "amax", "amin")))
    return [x, index, source + 0.01], {"dim": dim, "reduce": reduce, "include_self": draw(st.booleans())}


def index_reduced(x: Any, index: Any, source: Any, *, dim: int, reduce: str, include_self: bool = True) -> Any:
    x, source = np.moveaxis(x.copy(), dim, 0), np.moveaxis(source, dim, 0)
    for k in set(index.tolist()):
        rows = [source[i] for i in range(len(index)) if index[i] == k] + [x[k].copy()] * include_self
        for place in np.ndindex(x.shape[1:]):
            x[(k, *place)] = OF_ONE_PLACE[reduce]([row[place] for row in rows])
    return np.moveaxis(x, 0, dim)


# ----------------------------------------------------------------------------------------------- by several indices
@st.composite
def to_put_by_indices(draw: DrawFn, accumulate: bool) -> Inputs:
    x = draw(arrays(shapes(1, 3, min_side=1, max_side=3, max_size=12)))
    k = draw(st.integers(1, x.ndim))
    n = draw(st.integers(0, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if k == x.ndim and draw(st.booleans()):  # one mask
        mask = rng.random(x.shape) < 0.5
        indices: list[Any] = [mask]
        shape: tuple[int, ...] = (int(mask.sum()),)
    elif accumulate:
        indices = [rng.integers(-m, m, n) for m in x.shape[:k]]
        shape = (n, *x.shape[k:])
    else:  # none twice: PyTorch leaves open which one stays
        flat = rng.permutation(math.prod(x.shape[:k]))[:n]
        indices = list(np.unravel_index(flat, x.shape[:k]))
        shape = (len(flat), *x.shape[k:])
    values = draw(arrays(shape if draw(st.booleans()) else shape[draw(st.integers(0, len(shape))) :]))
    return [x, values, *indices], {"accumulate": accumulate}


def put_by_indices(x: Any, values: Any, *indices: Any, accumulate: bool) -> Any:
    y = x.copy()
    if accumulate:
        np.add.at(y, indices, values)
    else:
        y[indices] = values
    return y


@st.composite
def to_put(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 3, min_side=1, max_side=3, max_size=12)))
    accumulate = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(0, x.size))
    index = rng.integers(-x.size, x.size, n) if accumulate else rng.permutation(x.size)[:n]
    if n and draw(st.booleans()):
        index = index.reshape(1, n)
    return [x, index, draw(arrays(index.shape))], {"accumulate": accumulate}


def put_flat(x: Any, index: Any, source: Any, accumulate: bool) -> Any:
    y = x.reshape(-1).copy()
    for i, value in zip(index.reshape(-1), source.reshape(-1), strict=True):
        y[i] = y[i] + value if accumulate else value
    return y.reshape(x.shape)


MORE = (("ties and kinks", "of entries that tie PyTorch leaves the one that is not included a share"),)
INFINITE = (("special values", "PyTorch divides the product by the factor, which is NaN where that is infinite"),)
LEADING = (
    ("a dimension more", "values may have more dimensions of size 1 in front, as in x[index] = values"),
    *(
        (probe, "of several values for one place, the last is written and has the slope")
        for probe in ("a dimension fewer", "another size")
    ),
    ("mixed dtypes", "PyTorch casts the values for a mask, and refuses to for positions"),
)
INSIDE = (("a dimension fewer", "of a mask without dimensions PyTorch fails inside"),)

CASES = [
    Case(
        "scatter",
        to_gather("source", repeats=False),
        reordered(s.scatter),
        scattered(add=False),
        reordered(t("scatter")),
        differs=NO_GRADIENT + REPEATS,
        method=lambda x, index, src=None, *, dim, **kw: x.scatter(dim, index, src, **kw),
    ),
    Case(
        "scatter",
        to_gather("larger source"),
        reordered(s.scatter),
        scattered(add=False),
        note="last one stays",
        method=lambda x, index, src=None, *, dim, **kw: x.scatter(dim, index, src, **kw),
    ),
    Case(
        "scatter",
        to_gather("value"),
        lambda x, index, dim, value: s.scatter(x, dim, index, value=value),
        scattered(add=False),
        strict(lambda x, index, dim, value: t("scatter")(x, dim, index, value=value)),
        note="a number",
        method=lambda x, index, src=None, *, dim, **kw: x.scatter(dim, index, src, **kw),
    ),
    Case(
        "scatter",
        to_scatter(),
        reordered(s.scatter),
        added_or_multiplied,
        by_scatter_reduce,
        note="add or multiply",
        differs=NO_GRADIENT + INFINITE,
        method=lambda x, index, src=None, *, dim, **kw: x.scatter(dim, index, src, **kw),
    ),
    Case(
        "scatter",
        to_scatter(number=True),
        reordered(s.scatter),
        added_or_multiplied,
        strict(by_scatter_reduce),
        note="add or multiply by a number",
        differs=INFINITE,
        method=lambda x, index, *, dim, **kw: x.scatter(dim, index, **kw),
    ),
    Case(
        "scatter_reduce",
        to_reduce(),
        reordered(s.scatter_reduce),
        reduced,
        reordered(t("scatter_reduce")),
        differs=NO_GRADIENT + MORE + INFINITE,
        method=lambda x, index, src, *, dim, **kw: x.scatter_reduce(dim, index, src, **kw),
    ),
    Case(
        "scatter_reduce",
        to_reduce(zeros=True),
        reordered(s.scatter_reduce),
        reduced,
        reordered(t("scatter_reduce")),
        note="of zeros",
        differs=NO_GRADIENT + INFINITE,
        method=lambda x, index, src, *, dim, **kw: x.scatter_reduce(dim, index, src, **kw),
    ),
    Case(
        "index_reduce",
        to_index_reduce(),
        reordered(s.index_reduce),
        index_reduced,
        reordered(t("index_reduce")),
        differs=(*MORE, *INFINITE, ("booleans", "booleans have no mean, be there none to take it of")),
        method=lambda x, index, source, *, dim, **kw: x.index_reduce(dim, index, source, **kw),
    ),
    *(
        Case(
            "index_put",
            to_put_by_indices(accumulate),
            lambda x, values, *indices, accumulate: s.index_put(x, indices, values, accumulate),
            put_by_indices,
            lambda x, values, *indices, accumulate: t("index_put")(x, indices, values, accumulate),
            note="accumulate" if accumulate else "",
            differs=INSIDE if accumulate else LEADING,
            method=lambda x, values, *indices, accumulate: x.index_put(indices, values, accumulate=accumulate),
        )
        for accumulate in (False, True)
    ),
    Case("put", to_put(), s.put, put_flat, lambda x, i, src, accumulate: x.put(i, src, accumulate), method="put"),
]
