"""Cases for `tinygrad_cnn.ops.special`."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs, strict
from tests.ops.cases_elementwise import loop, one, two
from tests.ops.cases_shape import t
from tinygrad_cnn.autograd.backward import cast
from tinygrad_cnn.ops import special as s
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes, shapes


@st.composite
def for_logit(draw: DrawFn) -> Inputs:
    if draw(st.booleans()):
        return [draw(arrays(shapes(), 0.1, 0.9))], {}
    return [draw(arrays(shapes(), -0.5, 1.5, away_from=(0.2, 0.8), gap=0.05))], {"eps": 0.2}


@st.composite
def positive_second(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    return [draw(arrays(a)), draw(arrays(b, 0.2, 3))], {}


@st.composite
def positive_first(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    return [draw(arrays(a, 0.2, 3)), draw(arrays(b))], {}


@st.composite
def three(draw: DrawFn, away_from: tuple[float, ...] = ()) -> Inputs:
    a, b, c = draw(broadcastable_shapes(3))
    return [draw(arrays(a)), draw(arrays(b)), draw(arrays(c, away_from=away_from))], {}


@st.composite
def scaled(draw: DrawFn, away_from: tuple[float, ...] = ()) -> Inputs:
    inputs, _ = draw(three(away_from))
    return inputs, draw(st.sampled_from([{}, {"value": 2.5}]))


@st.composite
def part_of_the_way(draw: DrawFn) -> Inputs:
    inputs, _ = draw(three())
    return inputs[:2], {"weight": draw(st.sampled_from([0.25, 0.75, 1.5]))}


def _case(name: str, draw: Any, reference: Callable[..., Any], method: bool = True, **rest: Any) -> Case:
    rest.setdefault("torch", t(name))
    return Case(name, draw, getattr(s, name), reference, method=name if method else None, **rest)


def logit(x: Any, eps: float = 0.0) -> Any:
    return loop(lambda v: math.log(min(max(v, eps), 1 - eps) / (1 - min(max(v, eps), 1 - eps))))(x)


def inverse(x: float) -> float:
    """By the quantiles of the normal distribution."""
    return NormalDist().inv_cdf((x + 1) / 2) / math.sqrt(2)


def back(x: Any, dtype: Any) -> Any:
    return cast(x, dtype=dtype) if dtype.kind == "f" else x


def torch_back(x: Any, dtype: Any) -> Any:
    return x.to(dtype) if dtype.is_floating_point else x


MIXED = ("mixed dtypes", "PyTorch's slopes are computed in the narrower dtype")

CASES = [
    _case("erf", one(), loop(math.erf)),
    _case("erfc", one(), loop(math.erfc)),
    _case("erfinv", one(-0.9, 0.9), loop(inverse)),
    _case(
        "logit", for_logit(), logit, differs=(("special values", "the slope at 0 and -0 is infinite, of either sign"),)
    ),
    _case("logaddexp", two(), loop(lambda a, b: math.log(math.exp(a) + math.exp(b))), differs=(MIXED,)),
    _case("logaddexp2", two(), loop(lambda a, b: math.log2(2**a + 2**b)), differs=(MIXED,)),
    _case("xlogy", positive_second(), loop(lambda a, b: a * math.log(b))),
    _case("hypot", two(away_from=(0.0,)), loop(math.hypot)),
    _case("sinc", one(away_from=(0.0,)), loop(lambda x: math.sin(math.pi * x) / (math.pi * x))),
    _case(
        "lerp",
        three(),
        loop(lambda a, b, w: (1 - w) * a + w * b),
        differs=(
            (
                "mixed dtypes",
                "the three must have one dtype; PyTorch takes a weight of another if it has no dimensions",
            ),
        ),
    ),
    _case("lerp", part_of_the_way(), lambda a, b, weight: (1 - weight) * a + weight * b, note="a number as weight"),
    _case(
        "addcmul",
        scaled(),
        lambda a, b, c, value=1: a + value * b * c,
        torch=strict(t("addcmul")),
    ),
    _case("addcdiv", scaled((0.0,)), lambda a, b, c, value=1: a + value * b / c, differs=(MIXED,)),
    _case("deg2rad", one(-200, 200), loop(math.radians)),
    _case("rad2deg", one(), loop(math.degrees)),
    Case(
        "float_power",
        positive_first(),
        lambda a, b: back(s.float_power(a, b), a.dtype),  # its own result is float64, whatever comes
        np.power,
        torch=lambda a, b: torch_back(t("float_power")(a, b), a.dtype),
        method="float_power",
    ),
]
