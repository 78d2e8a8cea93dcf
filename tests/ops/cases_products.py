"""Cases of what layers do with a table or a product of their own: bags, bilinear maps, root-mean-square norms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.case import Case, Inputs
from tests.ops.cases_activation import torch_f
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing.strategies import arrays, shapes


# -------------------------------------------------------------------------------------------------------------- inputs
@st.composite
def rms_inputs(draw: st.DrawFn) -> Inputs:
    k = draw(st.integers(1, 2))
    shape = draw(shapes(min_dims=k, max_dims=3, min_side=1, max_size=12))
    x = draw(arrays(shape, away_from=(0.0,)))
    sizes = tuple(x.shape[-k:])
    one = math.prod(sizes) == 1  # a number alone becomes its sign, whose slope is rounding (see test_distance.py)
    eps = 0.1 if one else draw(st.sampled_from([None, 0.1]))
    return [x, sizes, draw(arrays(sizes)) if draw(st.booleans()) else None, eps], {}


@st.composite
def bilinear_inputs(draw: st.DrawFn) -> Inputs:
    lead = draw(shapes(max_dims=2, max_side=2))
    i, j, o = (draw(st.integers(1, 3)) for _ in range(3))
    bias = draw(arrays((o,))) if draw(st.booleans()) else None
    return [draw(arrays((*lead, i))), draw(arrays((*lead, j))), draw(arrays((o, i, j))), bias], {}


@st.composite
def bag_inputs(draw: st.DrawFn) -> Inputs:
    rows, mode = draw(st.integers(1, 4)), draw(st.sampled_from(["sum", "mean", "max"]))
    kwargs: dict[str, Any] = {"mode": mode, "padding_idx": draw(st.sampled_from([None, 0, -1]))}
    if draw(st.booleans()):
        n, offsets = draw(st.integers(0, 5)), None
        shape: tuple[int, ...] = (draw(st.integers(1, 2)), draw(st.integers(1, 3)))
    else:
        n = draw(st.integers(0, 5))
        shape = (n,)
        offsets = np.array([0, *sorted(draw(st.lists(st.integers(0, n), max_size=2)))])
        if draw(st.booleans()):
            offsets, kwargs["include_last_offset"] = np.append(offsets, n), True
    i = draw(arrays(shape, dtype=np.int64, min_value=0, max_value=rows - 1))
    table = draw(arrays((rows, draw(st.integers(1, 3))), distinct=True))
    weights = draw(arrays(shape)) if mode == "sum" and draw(st.booleans()) else None
    return [i, table, offsets, weights], kwargs


# ---------------------------------------------------------------------------------------------------------- references
def rms_norm(x: Any, sizes: tuple[int, ...], weight: Any, eps: float | None) -> Any:
    rows = x.reshape(-1, math.prod(sizes))
    y = np.array([row / math.sqrt((row * row).mean() + (2.0**-52 if eps is None else eps)) for row in rows])
    return y.reshape(x.shape) * (1 if weight is None else weight)


def bilinear(a: Any, b: Any, w: Any, bias: Any) -> Any:
    y = np.zeros((*a.shape[:-1], len(w)))
    for place in np.ndindex(*y.shape):
        *row, o = place
        y[place] = a[tuple(row)] @ w[o] @ b[tuple(row)] + (0 if bias is None else bias[o])
    return y


def embedding_bag(
    i: Any,
    table: Any,
    offsets: Any,
    weights: Any,
    mode: str,
    padding_idx: int | None,
    include_last_offset: bool = False,
) -> Any:
    if i.ndim == 2:
        bags = [list(zip(row, [1.0] * i.shape[1] if weights is None else weights[k])) for k, row in enumerate(i)]  # noqa: B905
    else:
        ends = [*offsets[1:]] if include_last_offset else [*offsets[1:], len(i)]
        starts = offsets[:-1] if include_last_offset else offsets
        w = np.ones(len(i)) if weights is None else weights
        bags = [list(zip(i[a:b], w[a:b], strict=True)) for a, b in zip(starts, ends, strict=True)]
    left_out = None if padding_idx is None else padding_idx % len(table)
    y = np.zeros((len(bags), table.shape[1]))
    for k, bag in enumerate(bags):
        rows = [table[n] * w for n, w in bag if n != left_out]
        if rows:
            y[k] = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode](rows, 0)
    return y


def bag(i: Any, table: Any, offsets: Any, weights: Any, **kwargs: Any) -> Any:
    return F.embedding_bag(i, table, offsets, per_sample_weights=weights, **kwargs)


def torch_bag(i: Any, table: Any, offsets: Any, weights: Any, **kwargs: Any) -> Any:
    """PyTorch's, where it does not read beyond its memory."""
    if weights is not None and weights.shape != i.shape:
        raise ValueError("one weight for each number")
    if offsets is not None and not len(offsets):
        raise NotImplementedError("PyTorch reads beyond the end of no offsets")
    if kwargs.get("include_last_offset") and offsets is not None and offsets[-1] != len(i):
        raise ValueError("the last offset is no length")
    return torch_f("embedding_bag")(i, table, offsets, per_sample_weights=weights, **kwargs)


CASES = [
    Case("nn.functional.rms_norm", rms_inputs(), F.rms_norm, rms_norm, torch=torch_f("rms_norm")),
    Case(
        "nn.functional.bilinear",
        bilinear_inputs(),
        F.bilinear,
        bilinear,
        torch=torch_f("bilinear"),
        differs=(
            ("booleans", "numbers; PyTorch says whether there is any"),
            ("a dimension more", "PyTorch lets the bias have a dimension of size 1 more"),
        ),
    ),
    Case(
        "nn.functional.embedding_bag",
        bag_inputs(),
        bag,
        embedding_bag,
        torch=torch_bag,
        differs=(
            ("another size", "PyTorch cannot step through bags of no size"),
            ("NaN", "the largest of NaN and others is NaN here; in PyTorch only where NaN comes first"),
        ),
    ),
]
