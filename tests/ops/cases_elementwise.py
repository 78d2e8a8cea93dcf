"""Cases for `tinygrad_cnn.ops.elementwise`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.ops.case import Case, Inputs
from tinygrad_cnn.ops import elementwise as e
from tinygrad_cnn.ops import lookup
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes, shapes


@st.composite
def one(draw: DrawFn, low: float = -3, high: float = 3, away_from: tuple[float, ...] = ()) -> Inputs:
    return [draw(arrays(shapes(), low, high, away_from))], {}


@st.composite
def two(draw: DrawFn, low: float = -3, high: float = 3, away_from: tuple[float, ...] = ()) -> Inputs:
    """Two arrays that broadcast; the second keeps away from poles."""
    a, b = draw(broadcastable_shapes(2))
    return [draw(arrays(a, -3, 3)), draw(arrays(b, low, high, away_from))], {}


@st.composite
def two_without_ties(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    return [np.round(draw(arrays(a)), 1), np.round(draw(arrays(b)), 1) + 0.05], {}


@st.composite
def base_and_exponent(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    return [draw(arrays(a, 0.2, 3)), draw(arrays(b, -2, 3))], {}


@st.composite
def choice(draw: DrawFn) -> Inputs:
    c, a, b = draw(broadcastable_shapes(3))
    return [draw(arrays(c, dtype=bool)), draw(arrays(a)), draw(arrays(b))], {}


@st.composite
def two_and_a_factor(draw: DrawFn) -> Inputs:
    inputs, _ = draw(two())
    return inputs, {"alpha": draw(st.sampled_from((0.5, -2, 2, 1, 0)))}


@st.composite
def of_a_condition(draw: DrawFn) -> Inputs:
    return [draw(arrays(shapes(), dtype=draw(st.sampled_from((bool, np.int64)))))], {}


def loop(f: Callable[..., float]) -> Callable[..., Any]:
    """A function of numbers, called element after element."""

    def reference(*inputs: Any) -> Any:
        broadcast = np.broadcast_arrays(*inputs)
        values = [f(*(x.item() for x in xs)) for xs in zip(*(b.reshape(-1) for b in broadcast), strict=True)]
        return np.array(values, np.float64).reshape(broadcast[0].shape)

    return reference


def t(name: str) -> Callable[..., Any]:
    """PyTorch's function of this name; imported when it is called."""

    def call(*inputs: Any, **kwargs: Any) -> Any:
        import torch

        return getattr(torch, name)(*inputs, **kwargs)

    return call


def _case(
    f: Callable[..., Any], draw: SearchStrategy[Inputs], reference: Callable[..., Any], name: str = "", **rest: Any
) -> Case:
    name = name or f.__name__
    return Case(name, draw, f, reference, torch=t(name), method=rest.pop("method", name), **rest)


def with_a_factor(sign: int) -> Callable[..., Any]:
    return lambda a, b, alpha: np.asarray(a + sign * alpha * b)


MASKS = (("mixed dtypes", "numbers minus a mask are plain arithmetic, as in NumPy; PyTorch refuses them"),)
CASES = [
    _case(e.add, two(), loop(lambda a, b: a + b)),
    _case(
        e.sub,
        two(),
        loop(lambda a, b: a - b),
        differs=MASKS,
    ),
    _case(e.mul, two(), loop(lambda a, b: a * b)),
    _case(e.true_divide, two(away_from=(0.0,)), loop(lambda a, b: a / b)),
    _case(e.neg, one(), loop(lambda x: -x)),
    _case(
        e.pow,
        base_and_exponent(),
        loop(lambda a, b: a**b),
        differs=(
            ("integers", "NumPy refuses a negative power of an integer, where PyTorch rounds 1/2 to 0"),
            ("mixed dtypes", "a mask as exponent is plain arithmetic, as in NumPy; PyTorch refuses it"),
        ),
    ),
    Case(
        "pow",
        one(away_from=(0.0,)),
        lambda x: e.pow(x, 3) + e.pow(x, -2.0) + e.pow(x, 2) + e.pow(x, 1) + e.pow(x, 0),
        loop(lambda x: x**3 + 1 / x**2 + x**2 + x + 1),
        note="numbers as exponents",
    ),
    Case("pow", one(-2, 2), lambda x: e.pow(2.5, x), loop(lambda x: 2.5**x), note="a number as base"),
    _case(e.square, one(), loop(lambda x: x * x)),
    _case(e.sqrt, one(0.2, 5), loop(math.sqrt)),
    _case(e.rsqrt, one(0.2, 5), loop(lambda x: 1 / math.sqrt(x))),
    _case(e.reciprocal, one(away_from=(0.0,)), loop(lambda x: 1 / x)),
    _case(e.exp, one(), loop(math.exp)),
    _case(e.exp2, one(), loop(lambda x: 2**x)),
    _case(e.expm1, one(), loop(math.expm1)),
    _case(e.log, one(0.2, 5), loop(math.log)),
    _case(e.log2, one(0.2, 5), loop(math.log2)),
    _case(e.log10, one(0.2, 5), loop(math.log10)),
    _case(e.log1p, one(-0.8, 5), loop(math.log1p)),
    _case(e.tanh, one(), loop(math.tanh)),
    _case(e.sigmoid, one(), loop(lambda x: 1 / (1 + math.exp(-x)))),
    _case(e.relu, one(away_from=(0.0,)), loop(lambda x: max(x, 0.0))),
    _case(e.abs, one(away_from=(0.0,)), loop(abs)),
    _case(e.sign, one(away_from=(0.0,)), loop(lambda x: math.copysign(1, x))),
    _case(e.maximum, two_without_ties(), loop(max)),
    _case(e.minimum, two_without_ties(), loop(min)),
    *(
        Case(
            name,
            two_and_a_factor(),
            getattr(e, name),
            with_a_factor(sign),
            torch=t(name),
            method=name,
            note="alpha",
            differs=MASKS if name == "sub" else (),
        )
        for name, sign in (("add", 1), ("sub", -1))
    ),
    Case(
        "where",
        of_a_condition(),
        lookup.where,
        lambda condition: tuple(np.asarray(i, np.int64) for i in np.nonzero(np.atleast_1d(condition))),
        torch=t("where"),
        order=0,
        note="of a condition alone",
        method=lambda condition: condition.nonzero(as_tuple=True),
    ),
    Case(
        "where",
        choice(),
        lookup.where,
        loop(lambda c, a, b: a if c else b),
        torch=t("where"),
        method=lambda condition, a, b: a.where(condition, b),
    ),
]
