"""Cases for `tinygrad_cnn.ops.vectors`, and for vector norms and diagonals under the names of `tg.linalg`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

import tinygrad_cnn as tg
from tests.ops.case import Case, Inputs
from tests.ops.cases_linalg import cross
from tests.ops.cases_matrices import t, vectors_along
from tests.ops.cases_moments import INFINITE, p_norm, with_p
from tinygrad_cnn.testing.strategies import arrays, shapes


@st.composite
def with_power(draw: DrawFn, min_dims: int = 0, least: int = 2) -> Inputs:
    x = draw(arrays(shapes(min_dims, 1 if min_dims else 2), away_from=(0.0,)))
    return [x], draw(st.sampled_from([{}, {"N": least}, {"N": 4}]))


@st.composite
def ascending(draw: DrawFn) -> Inputs:
    (x,), kwargs = draw(with_power(1))
    return [x], {**kwargs, "increasing": draw(st.booleans())}


def powers(x: Any, N: int | None = None) -> Any:
    x = x if x.ndim else x[None]
    n = x.shape[-1] if N is None else N
    y = np.ones((*x.shape, n))
    for k in range(1, n):
        y[..., k] = y[..., k - 1] * x
    return y


@st.composite
def with_ord(draw: DrawFn, ords: tuple[float, ...] = (2, 1, 3, 1.5, 0.5)) -> Inputs:
    (x,), kwargs = draw(with_p(ords))
    return [x], {"ord": kwargs.pop("p"), **kwargs}


@st.composite
def with_offset(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(2, 3, min_side=1)))
    return [x], {"offset": draw(st.integers(-1, 1))}


CASES = [
    Case(
        "linalg.vecdot",
        vectors_along(),
        lambda x, y, dim: tg.linalg.vecdot(x, y, dim=dim),
        lambda x, y, dim: (x * y).sum(dim),
        torch=t("linalg.vecdot"),
        differs=(
            ("mixed dtypes", "PyTorch does not look at dtypes where there is nothing to multiply"),
            ("a large number", "of vectors PyTorch does not look at dim"),
            ("another size", "PyTorch does not broadcast vectors"),
            ("nothing", "PyTorch does not broadcast vectors"),
        ),
    ),
    Case(
        "linalg.cross",
        vectors_along(3),
        lambda x, y, dim: tg.linalg.cross(x, y, dim=dim),
        cross,
        torch=t("linalg.cross"),
    ),
    Case("linalg.vander", with_power(), lambda x, **k: tg.linalg.vander(x, **k), powers),  # PyTorch's lose gradients
    Case(
        "vander",
        ascending(),
        tg.vander,
        lambda x, N=None, increasing=False: powers(x, N)[..., :: 1 if increasing else -1],
    ),
    Case(
        "linalg.vector_norm",
        with_ord(),
        lambda x, **k: tg.linalg.vector_norm(x, **k),
        lambda x, ord, **k: p_norm(x, ord, **k),
        torch=t("linalg.vector_norm"),
        differs=INFINITE,
    ),
    Case(
        "linalg.vector_norm",
        with_ord((math.inf, -math.inf)),
        lambda x, **k: tg.linalg.vector_norm(x, **k),
        lambda x, ord, **k: p_norm(x, ord, **k),
        torch=t("linalg.vector_norm"),
        note="infinite ord",
    ),
    Case(
        "linalg.diagonal",
        with_offset(),
        lambda x, **k: tg.linalg.diagonal(x, **k),
        lambda x, offset: np.diagonal(x, offset, -2, -1),
        torch=t("linalg.diagonal"),
    ),
]
