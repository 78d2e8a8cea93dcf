"""Cases for `tinygrad_cnn.ops.rounding`."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_elementwise import loop
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import rounding as r
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes, shapes

JUMPS = tuple(k / 2 for k in range(-6, 7))


@st.composite
def between_integers(draw: DrawFn) -> Inputs:
    """Away from integers, and from the middle between two."""
    return [draw(arrays(shapes(), away_from=JUMPS))], {}


@st.composite
def with_decimals(draw: DrawFn) -> Inputs:
    decimals = draw(st.integers(-1, 2))
    x = draw(arrays(shapes(), away_from=JUMPS))
    return [np.asarray(x * 0.1**decimals)], {"decimals": decimals}


@st.composite
def division(draw: DrawFn, mode: bool = False) -> Inputs:
    """A divisor, and an integer and a part of it, so that the quotient is no integer."""
    a, b = draw(broadcastable_shapes(2, max_side=3, max_size=8))
    shape = np.broadcast_shapes(a, b)
    y = draw(arrays(b, away_from=(0.0,), gap=0.5))
    whole = draw(arrays(shape, -3, 3, dtype=np.int64)) + draw(arrays(shape, 0.2, 0.8))
    options = draw(st.sampled_from([{}, {"rounding_mode": "floor"}, {"rounding_mode": "trunc"}])) if mode else {}
    return [np.asarray(whole * y), y], options


def divided(a: float, b: float, rounding_mode: str = "none") -> float:
    return {"none": lambda q: q, "floor": math.floor, "trunc": math.trunc}[rounding_mode](a / b)


def _case(name: str, draw: Any, reference: Callable[..., Any], call: Any = None, **rest: Any) -> Case:
    return Case(name, draw, call or getattr(r, name), reference, torch=t(name), method=name, **rest)


def rounded(x: Any, decimals: int = 0) -> Any:
    step = Decimal(1).scaleb(-decimals)
    return loop(lambda v: float(Decimal(v).quantize(step, ROUND_HALF_EVEN) if decimals >= 0 else round(v, decimals)))(x)


CASES = [
    _case("floor", between_integers(), loop(math.floor)),
    _case("ceil", between_integers(), loop(math.ceil)),
    _case("trunc", between_integers(), loop(math.trunc)),
    _case("fix", between_integers(), loop(math.trunc)),
    _case("frac", between_integers(), loop(lambda x: math.modf(x)[0])),
    _case("round", between_integers(), rounded),
    _case("round", with_decimals(), rounded, note="with decimals"),
    _case("div", division(mode=True), lambda a, b, **k: loop(lambda p, q: divided(p, q, **k))(a, b)),
    _case("divide", division(mode=True), lambda a, b, **k: loop(lambda p, q: divided(p, q, **k))(a, b)),
    Case(
        "floor_divide",
        division(),
        r.floor_divide,
        loop(lambda a, b: math.floor(a / b)),
        torch=lambda a, b: t("div")(
            a, b, rounding_mode="floor"
        ),  # floor_divide itself has no gradient there, not even 0
        method="floor_divide",
    ),
    _case("remainder", division(), loop(lambda a, b: a % b)),
    _case("fmod", division(), loop(math.fmod)),
]
