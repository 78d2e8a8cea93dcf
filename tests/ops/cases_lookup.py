"""Cases for `tinygrad_cnn.ops.lookup`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs, strict
from tests.ops.cases_index import reordered
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import lookup as lo
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes, dims, shapes


@st.composite
def rows(draw: DrawFn, source: bool = False, unique: bool = False, negative: bool = False) -> Inputs:
    """An array, a vector of row numbers, and maybe a source with a row for each."""
    x = draw(arrays(shapes(1, 3, min_side=1, max_side=3)))
    dim = draw(dims(x.ndim))
    n = x.shape[dim]
    count = draw(st.integers(0, n if unique else 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    index = rng.permutation(n)[:count] if unique else rng.integers(-n if negative else 0, n, count)
    inputs: list[Any] = [x, index]
    if source:
        d = dim % x.ndim
        inputs.append(draw(arrays((*x.shape[:d], count, *x.shape[d + 1 :]))))
    return inputs, {"dim": dim}


@st.composite
def rows_and_alpha(draw: DrawFn) -> Inputs:
    inputs, kwargs = draw(rows(source=True))
    return inputs, {**kwargs, **draw(st.sampled_from(({}, {"alpha": 2.5}, {"alpha": -1})))}


@st.composite
def rows_and_number(draw: DrawFn, negative: bool = False) -> Inputs:
    inputs, kwargs = draw(rows(negative=negative))
    return [*inputs, draw(st.sampled_from((1.5, -2, draw(arrays(())))))], kwargs


def added(x: Any, index: Any, source: Any, dim: int, alpha: float = 1) -> Any:
    y = np.moveaxis(x.copy(), dim, 0)
    for i, row in zip(index, np.moveaxis(source, dim, 0), strict=True):
        y[i] += alpha * row
    return np.moveaxis(y, 0, dim)


def copied(x: Any, index: Any, source: Any, dim: int) -> Any:
    y = np.moveaxis(x.copy(), dim, 0)
    for i, row in zip(index, np.moveaxis(source, dim, 0), strict=True):
        y[i] = row
    return np.moveaxis(y, 0, dim)


def filled(x: Any, index: Any, value: Any, dim: int) -> Any:
    y = np.moveaxis(x.copy(), dim, 0)
    for i in index:
        y[i] = value
    return np.moveaxis(y, 0, dim)


@st.composite
def places(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 3, min_side=1)))
    return [x, draw(arrays(shapes(0, 2), -x.size, x.size - 1, dtype=np.int64))], {}


@st.composite
def masks(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    return [draw(arrays(a)), draw(arrays(b, dtype=bool))], {}


@st.composite
def masks_and_number(draw: DrawFn) -> Inputs:
    inputs, _ = draw(masks())
    return [*inputs, draw(st.sampled_from((1.5, -2, draw(arrays(())))))], {}


@st.composite
def masks_and_source(draw: DrawFn) -> Inputs:
    (x, mask), _ = draw(masks())
    count = int(np.broadcast_to(mask, np.broadcast_shapes(x.shape, mask.shape)).sum())
    return [x, mask, draw(arrays((count + draw(st.integers(0, 2)),)))], {}


def masked(x: Any, mask: Any, values: Any) -> Any:
    """Loop over the elements; ``values`` is an iterator or a number."""
    shape = np.broadcast_shapes(x.shape, mask.shape)
    y = np.broadcast_to(x, shape).copy()
    for place in np.ndindex(shape):
        if np.broadcast_to(mask, shape)[place]:
            y[place] = next(values) if hasattr(values, "__next__") else values
    return y


@st.composite
def with_zeros(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 3)))
    return [np.where(draw(arrays(x.shape, dtype=bool)), x, 0.0)], {}


@st.composite
def labels(draw: DrawFn) -> Inputs:
    n = draw(st.integers(1, 4))
    return [draw(arrays(shapes(0, 2), 0, n - 1, dtype=np.int64))], {"num_classes": n + draw(st.integers(0, 1))}


def torch_one_hot(x: Any, num_classes: int) -> Any:
    import torch

    return torch.nn.functional.one_hot(x, num_classes)


NO_GRADIENT = tuple(
    (probe, "PyTorch has no gradient for filling no entry of a 0-d tensor")
    for probe in ("no dimensions", "a dimension fewer")
)

CASES = [
    Case(
        "index_select",
        rows(),
        reordered(lo.index_select),
        lambda x, index, dim: np.take(x, index, dim),
        reordered(t("index_select")),
        wanted=(0,),
        method=lambda x, index, dim: x.index_select(dim, index),
    ),
    Case(
        "index_add",
        rows_and_alpha(),
        reordered(lo.index_add),
        added,
        strict(reordered(t("index_add"))),
        method=lambda x, index, source, dim, **kw: x.index_add(dim, index, source, **kw),
    ),
    Case(
        "index_copy",
        rows(True, unique=True),
        reordered(lo.index_copy),
        copied,
        reordered(t("index_copy")),
        method=lambda x, index, source, dim: x.index_copy(dim, index, source),
    ),
    Case(
        "index_copy",
        rows(True),
        reordered(lo.index_copy),
        copied,
        note="last one stays",
        method=lambda x, index, source, dim: x.index_copy(dim, index, source),
    ),
    Case(
        "index_fill",
        rows_and_number(),
        reordered(lo.index_fill),
        filled,
        strict(reordered(t("index_fill"))),
        differs=NO_GRADIENT,
        method=lambda x, index, value, dim: x.index_fill(dim, index, value),
    ),
    Case(
        "index_fill",
        rows_and_number(negative=True),
        reordered(lo.index_fill),
        filled,
        note="negative positions, for which PyTorch has no gradient",
        method=lambda x, index, value, dim: x.index_fill(dim, index, value),
    ),
    Case("take", places(), lo.take, lambda x, index: x.ravel()[index], t("take"), method="take"),
    Case("masked_fill", masks_and_number(), lo.masked_fill, masked, strict(t("masked_fill")), method="masked_fill"),
    Case(
        "masked_select",
        masks(),
        lo.masked_select,
        lambda x, mask: np.broadcast_to(x, np.broadcast_shapes(x.shape, mask.shape))[
            np.broadcast_to(mask, np.broadcast_shapes(x.shape, mask.shape))
        ],
        t("masked_select"),
        method="masked_select",
    ),
    Case(
        "masked_scatter",
        masks_and_source(),
        lo.masked_scatter,
        lambda x, mask, source: masked(x, mask, iter(source)),
        t("masked_scatter"),
        method="masked_scatter",
    ),
    Case("nonzero", with_zeros(), lo.nonzero, lambda x: np.argwhere(x), t("nonzero"), order=0, method="nonzero"),
    Case("argwhere", with_zeros(), lo.argwhere, lambda x: np.argwhere(x), t("argwhere"), order=0, method="argwhere"),
    Case(
        "nn.functional.one_hot",
        labels(),
        lo.one_hot,
        lambda x, num_classes: np.eye(num_classes, dtype=np.int64)[x],
        torch_one_hot,
        order=0,
    ),
]
