"""Cases for `tinygrad_cnn.ops.moments`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_reduce import reducible, slices
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import moments as m


@st.composite
def with_correction(draw: DrawFn) -> Inputs:
    """Slices of at least two different elements, and a correction that leaves some."""
    inputs, kwargs = draw(reducible(min_side=2, distinct=True).filter(lambda drawn: drawn[0][0].ndim > 0))
    return inputs, {**kwargs, **draw(st.sampled_from([{}, {"correction": 0}, {"correction": 1}, {"correction": 0.5}]))}


def variance(x: Any, dim: Any = None, keepdim: bool = False, correction: float = 1) -> Any:
    def of_slice(v: Any) -> float:
        mean = sum(v.tolist()) / len(v)
        return sum((a - mean) ** 2 for a in v.tolist()) / (len(v) - correction) if len(v) > 1 else 0.0

    return slices(of_slice)(x, dim, keepdim)


def average(x: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
    return slices(lambda v: sum(v.tolist()) / len(v))(x, dim, keepdim)


def deviation(x: Any, **kwargs: Any) -> Any:
    return np.sqrt(variance(x, **kwargs))


@st.composite
def with_p(draw: DrawFn, ps: tuple[float, ...] = (2, 1, 3, 1.5, 0.5)) -> Inputs:
    """Elements of both signs, whose sizes all differ."""
    inputs, kwargs = draw(reducible(min_side=1, min_value=0.2, max_value=3, distinct=True))
    signs = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).choice([-1, 1], inputs[0].shape)
    return [np.asarray(inputs[0] * signs)], {"p": draw(st.sampled_from(ps)), **kwargs}


def p_norm(x: Any, p: float = 2, dim: Any = None, keepdim: bool = False) -> Any:
    def of_slice(v: Any) -> float:
        sizes = [abs(a) for a in v.tolist()]
        if math.isinf(p):
            return max(sizes) if p > 0 else min(sizes)
        return float(sum(a != 0 for a in sizes)) if p == 0 else sum(a**p for a in sizes) ** (1 / p)

    return slices(of_slice)(x, dim, keepdim)


FEW = ("a large number", "where n < correction, PyTorch's gradient divides by a negative number, its variance by 0")
RUNNING = (
    FEW,
    ("ties and kinks", "PyTorch's running mean is off by rounding where that of integers is 0"),
    ("special values", "PyTorch's running mean of infinities is NaN"),
)

INFINITE = (("special values", "where the norm is infinite, PyTorch multiplies it by 0 for the slope at 0"),)

CASES = [
    Case("var", with_correction(), m.var, variance, torch=t("var"), method="var", differs=(FEW,)),
    Case("std", with_correction(), m.std, deviation, torch=t("std"), method="std", differs=(FEW,)),
    Case(
        "var_mean",
        with_correction(),
        m.var_mean,
        lambda x, **k: (variance(x, **k), average(x, **k)),
        torch=t("var_mean"),
        differs=RUNNING,
    ),
    Case(
        "std_mean",
        with_correction(),
        m.std_mean,
        lambda x, **k: (deviation(x, **k), average(x, **k)),
        torch=t("std_mean"),
        differs=RUNNING,
    ),
    Case("norm", with_p(), m.norm, p_norm, torch=t("norm"), method="norm", differs=INFINITE),
    Case("norm", with_p((math.inf, -math.inf)), m.norm, p_norm, torch=t("norm"), note="infinite p"),
    Case("norm", with_p((0,)), m.norm, p_norm, torch=t("norm"), order=1, note="p = 0"),
]
