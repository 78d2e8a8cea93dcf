"""Cases for `tinygrad_cnn.ops.scan`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_shape import t
from tests.ops.cases_softmaxes import along_one
from tinygrad_cnn.ops import scan as s
from tinygrad_cnn.testing.strategies import arrays, dims, shapes


@st.composite
def without_ties(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 3, 1), distinct=True))
    return [x], {"dim": draw(dims(x.ndim))}


@st.composite
def differences(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(1, 3)))
    return [x], {"n": draw(st.integers(0, 3)), "dim": draw(dims(x.ndim))}


@st.composite
def with_edges(draw: DrawFn) -> Inputs:
    """Something to put before and after along a dimension, of other sizes there."""
    shape = list(draw(shapes(1, 3, 1, 3, 12)))
    dim = draw(st.integers(0, len(shape) - 1))
    parts = []
    for _ in range(3):
        shape[dim] = draw(st.integers(0, 3))
        parts.append(draw(arrays(tuple(shape))))
    return parts, {"n": draw(st.integers(1, 2)), "dim": dim}


def running(f: Callable[[list[float]], float], dtype: Any = np.float64) -> Callable[..., Any]:
    """f of the elements up to each one, in a loop."""

    def reference(x: Any, dim: int) -> Any:
        if not x.ndim:
            return np.asarray(f([x.item()]), dtype)
        y = np.moveaxis(np.empty(x.shape, dtype), dim, -1)
        moved = np.moveaxis(x, dim, -1)
        for place in np.ndindex(moved.shape):
            y[place] = f(moved[place[:-1]][: place[-1] + 1].tolist())
        return np.moveaxis(y, -1, dim)

    return reference


def both(f: Callable[[list[float]], float]) -> Callable[..., Any]:
    places = running(lambda v: len(v) - 1 - v[::-1].index(f(v)), np.int64)
    return lambda x, dim: (running(f)(x, dim), places(x, dim))


def joined(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda before, x, after, n, dim: f(x, n=n, dim=dim, prepend=before, append=after)


NOTHING = tuple(
    (probe, "of nothing, PyTorch's indices require a gradient")
    for probe in ("nothing", "another size", "a dimension fewer")
)

INFINITE = (("special values", "PyTorch divides by infinite elements, which makes NaN of finite slopes"),)

CASES = [
    Case("cumsum", along_one(), s.cumsum, running(sum), torch=t("cumsum"), method="cumsum"),
    Case("cumprod", along_one(), s.cumprod, running(math.prod), torch=t("cumprod"), method="cumprod", differs=INFINITE),
    Case(
        "cumprod",
        along_one().map(lambda drawn: ([np.asarray(np.trunc(drawn[0][0]))], drawn[1])),
        s.cumprod,
        running(math.prod),
        torch=t("cumprod"),
        note="of zeros",
        differs=INFINITE,
    ),
    Case(
        "logcumsumexp",
        along_one(),
        s.logcumsumexp,
        running(lambda v: math.log(sum(map(math.exp, v)))),
        torch=t("logcumsumexp"),
        method="logcumsumexp",
        differs=(("special values", "PyTorch's slope is NaN while the sum is still -inf"),),
    ),
    Case("cummax", without_ties(), s.cummax, both(max), torch=t("cummax"), method="cummax", differs=NOTHING),
    Case("cummin", without_ties(), s.cummin, both(min), torch=t("cummin"), method="cummin", differs=NOTHING),
    Case("diff", differences(), s.diff, lambda x, n, dim: np.diff(x, n=n, axis=dim), torch=t("diff"), method="diff"),
    Case(
        "diff",
        with_edges(),
        joined(s.diff),
        lambda before, x, after, n, dim: np.diff(np.concatenate([before, x, after], dim), n=n, axis=dim),
        torch=joined(t("diff")),
        note="with edges",
    ),
]
