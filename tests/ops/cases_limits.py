"""Cases for `tinygrad_cnn.ops.limits`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_comparison import odd
from tests.ops.cases_elementwise import loop, two_without_ties
from tests.ops.cases_shape import any_array, t
from tinygrad_cnn.ops import limits as m
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes, shapes


@st.composite
def with_numbers(draw: DrawFn, *names: str) -> Inputs:
    low, high = draw(st.sampled_from([(-1.0, 1.0), (0.5, 2.0), (1.0, -1.0)]))
    x = draw(arrays(shapes(), away_from=(low, high)))
    bounds = {"min": low, "max": high}
    chosen = names or draw(st.sampled_from([("min",), ("max",), ("min", "max")]))
    return [x], {name: bounds[name] for name in chosen}


@st.composite
def with_tensors(draw: DrawFn, n: int = 3) -> Inputs:
    """An input and bounds that broadcast, no two equal."""
    bounds = draw(broadcastable_shapes(n - 1))
    made = [draw(arrays(shape)) for shape in (np.broadcast_shapes(*bounds), *bounds)]
    return [np.asarray(np.round(x, 1) + 0.03 * k) for k, x in enumerate(made)], {}


@st.composite
def signs(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    return [draw(arrays(a, away_from=(0.0,))), draw(arrays(b, away_from=(0.0,)))], {}


@st.composite
def steps(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    return [draw(arrays(a, -2, 2, dtype=np.int64)) * 1.0, draw(arrays(b))], {}


@st.composite
def replacements(draw: DrawFn) -> Inputs:
    (x,), _ = draw(odd())
    return [x], draw(st.sampled_from([{"posinf": 5.0, "neginf": -6.0}, {"nan": 2.0, "posinf": 1.0, "neginf": 1.5}]))


def clamped(x: Any, min: Any = -math.inf, max: Any = math.inf) -> Any:
    return loop(lambda v, low, high: high if v > high or low > high else low if v < low else v)(x, min, max)


def replaced(x: Any, nan: float = 0.0, posinf: float = math.inf, neginf: float = -math.inf) -> Any:
    return loop(lambda v: nan if math.isnan(v) else posinf if v == math.inf else neginf if v == -math.inf else v)(x)


def _case(name: str, draw: Any, reference: Callable[..., Any], **rest: Any) -> Case:
    return Case(name, draw, getattr(m, name), reference, torch=t(name), method=name, **rest)


WIDER = tuple(
    (probe, "PyTorch has no gradient where the bounds are of a larger shape than the input")
    for probe in ("a dimension more", "a dimension fewer", "another size", "nothing", "no dimensions")
)

CASES = [
    _case("clamp", with_numbers(), clamped),
    _case("clamp", with_tensors(), clamped, note="tensors", differs=WIDER),
    _case("clip", with_numbers(), clamped),
    _case("clamp_min", with_numbers("min"), clamped),
    _case("clamp_max", with_numbers("max"), clamped),
    _case("clamp_min", with_tensors(2), clamped, note="tensors"),
    _case("clamp_max", with_tensors(2), lambda x, high: clamped(x, max=high), note="tensors"),
    _case("fmax", two_without_ties(), loop(max)),
    _case("fmin", two_without_ties(), loop(min)),
    _case("heaviside", steps(), loop(lambda x, v: 0.0 if x < 0 else 1.0 if x > 0 else v), order=0, wanted=()),
    _case(
        "copysign",
        signs(),
        loop(math.copysign),
        differs=(("special values", "PyTorch divides inf by inf to find the slope"),),
    ),
    _case("nan_to_num", replacements(), replaced),
    _case("positive", any_array(), lambda x: x),
]
