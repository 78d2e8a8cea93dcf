"""Cases for `tinygrad_cnn.ops.sliding`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tinygrad_cnn.ops import sliding
from tinygrad_cnn.testing.strategies import arrays, dims, shapes


@st.composite
def to_slide(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 3, max_side=6)))
    dimension = draw(dims(x.ndim))
    n = x.shape[dimension] if x.ndim else 1
    return [x], {"dimension": dimension, "size": draw(st.integers(0, n)), "step": draw(st.integers(1, 4))}


def windows(x: Any, dimension: int, size: int, step: int) -> Any:
    if not x.ndim:
        return x.reshape(1)[:size]
    starts = range(0, x.shape[dimension] - size + 1, step)
    rows = [np.moveaxis(np.take(x, np.arange(k, k + size), dimension), dimension, -1) for k in starts]
    return np.stack(rows, dimension % x.ndim)


CASES = [
    Case(
        "Tensor.unfold",
        to_slide(),
        sliding.unfold,
        windows,
        lambda x, dimension, size, step: x.unfold(dimension, size, step),
        method="unfold",
    ),
]
