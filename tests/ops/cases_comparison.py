"""Cases for `tinygrad_cnn.ops.comparison`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import comparison as c
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes, shapes


@st.composite
def two_of(draw: DrawFn, dtype: Any = np.float64) -> Inputs:
    """Two arrays with equals among them."""
    a, b = draw(broadcastable_shapes(2))
    return [
        draw(arrays(a, -2, 2, dtype=np.int64)).astype(dtype),
        draw(arrays(b, -2, 2, dtype=np.int64)).astype(dtype),
    ], {}


@st.composite
def one_of(draw: DrawFn, dtype: Any = np.float64) -> Inputs:
    return [draw(arrays(shapes(), -2, 2, dtype=np.int64)).astype(dtype)], {}


@st.composite
def odd(draw: DrawFn) -> Inputs:
    """Numbers, and what is none."""
    x = draw(arrays(shapes()))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return [np.where(rng.random(x.shape) < 0.5, rng.choice([math.nan, math.inf, -math.inf, 0.0, -0.0], x.shape), x)], {}


@st.composite
def nearly_equal(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    x, y = draw(arrays(a, -2, 2, dtype=np.int64)) * 1.0, draw(arrays(b, -2, 2, dtype=np.int64)) * 1.0
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = np.asarray(y + rng.choice([0, 1e-9, 1e-6, 1e-3, math.inf, math.nan], y.shape))
    x = np.asarray(np.where(rng.random(x.shape) < 0.2, rng.choice([math.inf, math.nan], x.shape), x))
    some = st.sampled_from([{}, {"rtol": 1e-2}, {"atol": 1e-5, "rtol": 0.0}, {"equal_nan": True}])
    return [x, y], draw(some)


def bools(f: Callable[..., bool]) -> Callable[..., Any]:
    """A question about numbers, asked for each element."""

    def reference(*inputs: Any, **kwargs: Any) -> Any:
        broadcast = np.broadcast_arrays(*inputs)
        answers = [f(*(x.item() for x in xs), **kwargs) for xs in zip(*(b.reshape(-1) for b in broadcast), strict=True)]
        return np.array(answers, np.bool_).reshape(broadcast[0].shape)

    return reference


def close(a: float, b: float, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    if math.isnan(a) or math.isnan(b):
        return equal_nan and math.isnan(a) and math.isnan(b)
    return a == b if math.isinf(a) or math.isinf(b) else abs(a - b) <= atol + rtol * abs(b)


def _case(name: str, draw: Any, reference: Callable[..., Any]) -> Case:
    return Case(name, draw, getattr(c, name), reference, torch=t(name), method=name, order=0)


ORDER: dict[str, Callable[[float, float], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a < b or b < a,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: not b < a,
    "gt": lambda a, b: b < a,
    "ge": lambda a, b: not a < b,
}
LONG = {"ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
LOGIC: dict[str, Callable[[float, float], bool]] = {
    "logical_and": lambda a, b: a != 0 and b != 0,
    "logical_or": lambda a, b: a != 0 or b != 0,
    "logical_xor": lambda a, b: (a != 0) != (b != 0),
}
KINDS: dict[str, Callable[[float], bool]] = {
    "isnan": math.isnan,
    "isinf": math.isinf,
    "isfinite": math.isfinite,
    "isposinf": lambda x: x == math.inf,
    "isneginf": lambda x: x == -math.inf,
    "signbit": lambda x: math.copysign(1, x) < 0,
}
BITS: dict[str, Callable[[Any, Any], Any]] = {
    "bitwise_and": lambda a, b: a & b,
    "bitwise_or": lambda a, b: a | b,
    "bitwise_xor": lambda a, b: a ^ b,
}

SHIFTS: dict[str, Callable[[Any, Any], Any]] = {  # in int64: what is moved out at the top is gone
    "bitwise_left_shift": lambda a, b: wrapped(a << b) if 0 <= b < 64 else 0,
    "bitwise_right_shift": lambda a, b: a >> b if 0 <= b < 64 else a >> 63,
}


def wrapped(n: int) -> int:
    return (n + 2**63) % 2**64 - 2**63


@st.composite
def to_shift(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    far = draw(st.sampled_from((1, 2**40)))
    return [far * draw(arrays(a, -100, 100, dtype=np.int64)), draw(arrays(b, -2, 66, dtype=np.int64))], {}


def of_integers(f: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def reference(a: Any, b: Any) -> Any:
        a, b = np.broadcast_arrays(a, b)
        values = [f(p, q) for p, q in zip(a.reshape(-1).tolist(), b.reshape(-1).tolist(), strict=True)]
        return np.array(values, a.dtype).reshape(a.shape)

    return reference


CASES = [
    *(_case(name, two_of(), bools(f)) for name, f in ORDER.items()),
    *(_case(LONG[name], two_of(), bools(f)) for name, f in ORDER.items() if name in LONG),
    *(_case(name, two_of(), bools(f)) for name, f in LOGIC.items()),
    _case("logical_not", one_of(), bools(lambda x: x == 0)),
    *(_case(name, odd(), bools(f)) for name, f in KINDS.items()),
    _case("isclose", nearly_equal(), bools(close)),
    *(_case(name, two_of(np.int64), of_integers(f)) for name, f in BITS.items()),
    *(_case(name, two_of(bool), of_integers(f)) for name, f in BITS.items()),
    *(_case(name, to_shift(), of_integers(f)) for name, f in SHIFTS.items()),
    _case("bitwise_not", one_of(np.int64), lambda x: -x - 1),
    _case("bitwise_not", one_of(bool), lambda x: x == 0),
]
