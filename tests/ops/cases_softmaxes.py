"""Cases for `tinygrad_cnn.ops.softmaxes`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_reduce import reducible, slices
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import softmaxes as s
from tinygrad_cnn.testing.strategies import arrays, dims, shapes


@st.composite
def along_one(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 3)))
    return [x], {"dim": draw(dims(x.ndim))}


def shares(x: Any, dim: int) -> Any:
    """Each exponential, over the sum of those along ``dim``, one slice after the other."""
    if not x.ndim:
        return np.ones(())
    y = np.moveaxis(np.empty_like(x), dim, -1)
    moved = np.moveaxis(x, dim, -1)
    for place in np.ndindex(moved.shape[:-1]):
        powers = [math.exp(v) for v in moved[place].tolist()]
        y[place] = [p / sum(powers) for p in powers]
    return np.moveaxis(y, -1, dim)


INTEGERS = tuple(
    (probe, "of nothing, PyTorch makes an exception and takes integers")
    for probe in ("integers", "booleans", "mixed dtypes")
)

CASES = [
    Case("softmax", along_one(), s.softmax, shares, torch=t("softmax"), method="softmax", differs=INTEGERS),
    Case(
        "log_softmax",
        along_one(),
        s.log_softmax,
        lambda x, dim: np.log(shares(x, dim)),
        torch=t("log_softmax"),
        method="log_softmax",
        differs=INTEGERS,
    ),
    Case(
        "logsumexp",
        reducible(min_side=1, everything=False),
        s.logsumexp,
        slices(lambda v: math.log(sum(map(math.exp, v.tolist())))),
        torch=t("logsumexp"),
        method="logsumexp",
        differs=(("special values", "PyTorch's slope is NaN where the sum is 0, and so its logarithm -inf"),),
    ),
]
