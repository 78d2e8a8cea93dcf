"""Cases for `tinygrad_cnn.ops.gamma`, `bessel` and `gaussian`, and for `tg.special`."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import mpmath
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

import tinygrad_cnn as tg
from tests.ops.case import Case, Inputs
from tests.ops.cases_elementwise import loop, one
from tests.ops.cases_matrices import t
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes, shapes

POLES = tuple(float(-k) for k in range(4))


def exact(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function of mpmath's, element after element."""
    return loop(lambda *xs: float(f(*xs).real))


@st.composite
def with_order(draw: DrawFn) -> Inputs:
    return [draw(arrays(shapes(), -2.8, 3, away_from=POLES, gap=0.2))], {"n": draw(st.integers(0, 3))}


@st.composite
def with_dimension(draw: DrawFn) -> Inputs:
    p = draw(st.integers(1, 3))
    return [draw(arrays(shapes(), (p - 1) / 2 + 0.2, 4))], {"p": p}


@st.composite
def above_minus_one(draw: DrawFn) -> Inputs:
    a, b = draw(broadcastable_shapes(2))
    return [draw(arrays(a)), draw(arrays(b, -0.8, 3))], {}


def many(x: Any, p: int) -> Any:
    gamma = loop(math.lgamma)
    return sum((gamma(x - j / 2) for j in range(p)), np.zeros(x.shape)) + p * (p - 1) / 4 * math.log(math.pi)


def special(name: str, draw: Any, reference: Callable[..., Any], **rest: Any) -> Case:
    name = f"special.{name}"
    function = getattr(tg.special, name.partition(".")[2])
    return Case(name, draw, function, reference, torch=t(name), **rest)


POLE = "at a pole the slope has a limit, where PyTorch gives NaN or a large number"
DOMAIN = "what is not above (p - 1) / 2 is refused; PyTorch leaves open what comes out"
FAR = ("special values", "at infinity the slope has a limit, where PyTorch gives NaN")
TRUTHS = "PyTorch has this of integers, and not of truths"

CASES = [
    Case("lgamma", one(-2.8, 4, away_from=POLES), tg.lgamma, loop(math.lgamma), torch=t("lgamma"), method="lgamma"),
    Case(
        "digamma",
        one(-2.8, 4, away_from=POLES),
        tg.digamma,
        exact(mpmath.digamma),
        torch=t("digamma"),
        method="digamma",
        differs=(("ties and kinks", POLE), ("special values", POLE)),
    ),
    Case(
        "polygamma",
        with_order(),
        lambda x, n: tg.polygamma(n, x),
        lambda x, n: exact(lambda v: mpmath.psi(n, v))(x),
        torch=lambda x, n: t("polygamma")(n, x),
        method="polygamma",
        differs=tuple((probe, POLE) for probe in ("ties and kinks", "special values", "integers", "mixed dtypes")),
    ),
    Case(
        "mvlgamma",
        with_dimension(),
        tg.mvlgamma,
        many,
        torch=t("mvlgamma"),
        method="mvlgamma",
        differs=(
            ("booleans", TRUTHS),
            ("mixed dtypes", TRUTHS),
            *((probe, DOMAIN) for probe in ("ties and kinks", "special values", "integers", "a large number")),
        ),
    ),
    Case("i0", one(), tg.i0, exact(lambda x: mpmath.besseli(0, x)), torch=t("i0"), method="i0"),
    special("i1", one(), exact(lambda x: mpmath.besseli(1, x))),
    special("i0e", one(away_from=(0.0,)), exact(lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x)))),
    special("i1e", one(away_from=(0.0,)), exact(lambda x: mpmath.besseli(1, x) * mpmath.exp(-abs(x)))),
    special("erfcx", one(), exact(lambda x: mpmath.exp(mpmath.mpf(x) ** 2) * mpmath.erfc(x)), differs=(FAR,)),
    special("ndtr", one(), loop(NormalDist().cdf)),
    special("ndtri", one(0.05, 0.95), exact(lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.mpf(p) - 1))),
    special("log_ndtr", one(), exact(lambda x: mpmath.log(mpmath.ncdf(x))), differs=(FAR,)),
    special("entr", one(0.1, 3), loop(lambda x: -x * math.log(x))),
    special("xlog1py", above_minus_one(), loop(lambda a, b: a * math.log1p(b))),
]
