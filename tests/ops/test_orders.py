"""Derivatives of higher order at special points: removable ones, kinks, far out, where a slope is 0.

The reference is mpmath, which differentiates formulas numerically with as many digits as it takes; at kinks it is
PyTorch, whose conventions we keep.
"""

# ruff: noqa: ARG005  (each of a table takes the same arguments)

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import hypothesis
import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

import tinygrad_cnn as tg
import tinygrad_cnn.nn.functional as F
from tests.ops.case import Case
from tests.ops.test_cases import CASES, array, drawn, outputs
from tinygrad_cnn import autograd
from tinygrad_cnn.ops.elementwise import _pow_slope
from tinygrad_cnn.tensors import Tensor

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # beyond the largest number
ORDER = 4


def derivative(y: Any, x: Any, n: int = 1) -> Any:
    """y, the result of an elementwise function, differentiated n times by x; 0 where nothing depends on x."""
    for _ in range(n):
        g = autograd.grad(y.sum(), x, create_graph=True, allow_unused=True)[0] if y.requires_grad else None
        y = Tensor(np.zeros(x.shape)) if g is None else g
    return y


def assert_derivative(got: float, expected: Any, what: str) -> None:
    """Equal to ten digits, or both nearly 0, or both beyond the largest number."""
    expected = float(expected)
    close = got == expected or abs(got - expected) <= 1e-10 * abs(expected) + 1e-13
    assert close, f"{what}: {got!r}, not {expected!r}"


# ------------------------------------------------------------------------------------------- smooth, of one number
REAL = [0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -2.5, 1e-3, 1e-8, -1e-8, 20.0, -20.0, 1e3, -1e3, 1e10, -1e10]
POSITIVE = [x for x in REAL if x > 0] + [1e-50, 1e50]
NOT_0 = [x for x in REAL if x]
WITHIN = [0.0, 0.5, -0.5, 1e-3, 1e-8, -0.999]  # (-1, 1)
BESSEL = [x for x in REAL if abs(x) < 1e2] + [29.0, 31.0]
ANGLES = [x for x in REAL if abs(x) <= 1e3]
SOFTPLUS = [x for x in REAL if x != 20.0]  # just below 20, where it goes over into a line, 1e-9 is cut off

Smooth = tuple[Callable[[Any], Any], Callable[[Any], Any], Sequence[float]]


def _gate(x: Any) -> Any:
    return mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf(0.044715) * x**3))


def _elu(x: Any, alpha: float = 1.0, scale: float = 1.0) -> Any:
    return mp.mpf(scale) * (x if x > 0 else mp.mpf(alpha) * mp.expm1(x))


SMOOTH: dict[str, Smooth] = {
    "neg": (tg.neg, lambda x: -x, REAL),
    "positive": (tg.positive, lambda x: x, REAL),
    "clone": (tg.clone, lambda x: x, REAL),
    "deg2rad": (tg.deg2rad, lambda x: x * math.radians(1), REAL),
    "rad2deg": (tg.rad2deg, lambda x: x * math.degrees(1), REAL),
    "square": (tg.square, lambda x: x * x, REAL),
    "sqrt": (tg.sqrt, mp.sqrt, POSITIVE),
    "rsqrt": (tg.rsqrt, lambda x: 1 / mp.sqrt(x), POSITIVE),
    "reciprocal": (tg.reciprocal, lambda x: 1 / x, NOT_0),
    "exp": (tg.exp, mp.exp, REAL),
    "exp2": (tg.exp2, lambda x: 2**x, REAL),
    "expm1": (tg.expm1, mp.expm1, REAL),
    "log": (tg.log, mp.log, POSITIVE),
    "log2": (tg.log2, lambda x: mp.log(x) / mp.log(2), POSITIVE),
    "log10": (tg.log10, mp.log10, POSITIVE),
    "log1p": (tg.log1p, lambda x: mp.log(1 + x), [x for x in REAL if x > -1]),
    "tanh": (tg.tanh, mp.tanh, REAL),
    "sigmoid": (tg.sigmoid, lambda x: 1 / (1 + mp.exp(-x)), REAL),
    "sin": (tg.sin, mp.sin, REAL),
    "cos": (tg.cos, mp.cos, REAL),
    "tan": (tg.tan, mp.tan, ANGLES),
    "asin": (tg.asin, mp.asin, WITHIN),
    "acos": (tg.acos, mp.acos, WITHIN),
    "atan": (tg.atan, mp.atan, REAL),
    "sinh": (tg.sinh, mp.sinh, REAL),
    "cosh": (tg.cosh, mp.cosh, REAL),
    "asinh": (tg.asinh, mp.asinh, REAL),
    "acosh": (tg.acosh, mp.acosh, [1.5, 2.0, 20.0, 1e3, 1e10]),
    "atanh": (tg.atanh, mp.atanh, WITHIN),
    "erf": (tg.erf, mp.erf, REAL),
    "erfc": (tg.erfc, mp.erfc, REAL),
    "erfinv": (tg.erfinv, mp.erfinv, WITHIN),
    "lgamma": (tg.lgamma, mp.loggamma, [*POSITIVE, -0.5, -2.5]),
    "digamma": (tg.digamma, mp.digamma, [*POSITIVE, -0.5, -2.5]),
    "polygamma": (lambda x: tg.polygamma(2, x), lambda x: mp.psi(2, x), [1.0, 0.5, 1e-3, 20.0, 1e3, 1e10, -2.3]),
    "mvlgamma": (lambda x: tg.mvlgamma(x, 1), mp.loggamma, POSITIVE),
    "i0": (tg.i0, lambda x: mp.besseli(0, x), BESSEL),
    "special.i1": (tg.special.i1, lambda x: mp.besseli(1, x), BESSEL),
    "special.i0e": (tg.special.i0e, lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), [x for x in BESSEL if x]),
    "special.i1e": (tg.special.i1e, lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), [x for x in BESSEL if x]),
    "special.erfcx": (tg.special.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x), [x for x in REAL if x > -20]),
    "special.ndtr": (tg.special.ndtr, mp.ncdf, REAL),
    "special.ndtri": (tg.special.ndtri, lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), [0.5, 0.25, 1e-3, 1e-8, 0.999]),
    "special.log_ndtr": (tg.special.log_ndtr, lambda x: mp.log(mp.ncdf(x)), [x for x in REAL if -3 < x < 30]),
    "special.entr": (tg.special.entr, lambda x: -x * mp.log(x), POSITIVE),
    "real": (tg.real, lambda x: x, REAL),
    "conj": (tg.conj, lambda x: x, REAL),
    "conj_physical": (tg.conj_physical, lambda x: x, REAL),
    "logit": (tg.logit, lambda x: mp.log(x / (1 - x)), [0.5, 0.25, 1e-3, 1e-8, 0.999]),
    "sinc": (tg.sinc, mp.sincpi, [*REAL, 0.1, 0.3, 0.32, 1.27, 1e-50]),
    "nn.functional.gelu": (F.gelu, lambda x: x * mp.ncdf(x), REAL),
    "nn.functional.gelu, tanh": (lambda x: F.gelu(x, approximate="tanh"), lambda x: x * (1 + _gate(x)) / 2, REAL),
    "nn.functional.silu": (F.silu, lambda x: x / (1 + mp.exp(-x)), REAL),
    "nn.functional.mish": (F.mish, lambda x: x * mp.tanh(mp.log1p(mp.exp(x))), REAL),
    "nn.functional.logsigmoid": (F.logsigmoid, lambda x: -mp.log1p(mp.exp(-x)), REAL),
    "nn.functional.softplus": (F.softplus, lambda x: mp.log1p(mp.exp(x)), SOFTPLUS),
    "nn.functional.tanhshrink": (F.tanhshrink, lambda x: x - mp.tanh(x), REAL),
    "nn.functional.softsign": (F.softsign, lambda x: x / (1 + abs(x)), NOT_0),
    "nn.functional.elu": (F.elu, _elu, NOT_0),
    "nn.functional.celu": (F.celu, _elu, NOT_0),
    "nn.functional.selu": (F.selu, lambda x: _elu(x, 1.6732632423543772, 1.0507009873554805), NOT_0),
    "pow, a number to it": (lambda x: 2.3**x, lambda x: mp.mpf(2.3) ** x, REAL),
    "pow, 1 to it": (lambda x: 1**x, lambda x: mp.mpf(1), REAL),
    **{f"pow, to the {k}": (lambda x, k=k: x**k, lambda x, k=k: x**k, REAL) for k in range(7)},
    **{f"pow, to the {p}": (lambda x, p=p: x**p, lambda x, p=p: x**p, NOT_0) for p in (-1, -2, -1.0)},
    **{f"pow, to the {p}": (lambda x, p=p: x**p, lambda x, p=p: x ** mp.mpf(p), POSITIVE) for p in (0.5, -0.5, 2.3)},
    "float_power": (lambda x: tg.float_power(x, 0) + tg.float_power(x, 3), lambda x: 1 + x**3, REAL),
}
SECOND_NAMES = {  # the case of the second has the name of the first
    "nn.functional.tanh": "tanh",
    "nn.functional.sigmoid": "sigmoid",
    **{f"arc{f}{h}": f"a{f}{h}" for f in ("sin", "cos", "tan") for h in ("", "h")},
}


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions(name: str) -> None:
    f, formula, points = SMOOTH[name]
    x = Tensor(np.array(points), requires_grad=True)
    y = f(x)
    for n in range(1, ORDER + 1):
        y = derivative(y, x)
        with mp.workdps(150):
            for at, got in zip(points, y.numpy().tolist(), strict=True):
                expected = mp.diff(formula, mp.mpf(at), n)
                assert_derivative(got, mp.re(expected), f"{name}, differentiated {n} times at {at}")


def test_float32_far_out() -> None:
    """What overflows on the way leaves no NaN."""
    x = Tensor(np.array([-1e30, -1e10, 0.0, 1e10, 1e30], np.float32), requires_grad=True)
    for f in (tg.erf, tg.tanh, tg.atan, F.gelu, lambda x: F.gelu(x, approximate="tanh"), F.silu, F.mish, tg.sinc):
        y = f(x)
        for _ in range(3):
            y = derivative(y, x)
            assert np.isfinite(y.numpy()).all()


# ----------------------------------------------------------------------------------------------- smooth, of two numbers
PLANE = [(1.5, 0.7), (-0.5, 2.0), (1.0, 1.0), (1e-8, 1.0), (0.0, 0.5), (1e3, 0.5)]
BASES = [(1.5, 0.7), (1.0, 2.0), (2.0, 0.0), (0.5, 1.0), (3.0, 2.0), (1e-3, 3.0), (20.0, -1.0), (1e10, 0.5)]

SMOOTH_OF_TWO: dict[str, tuple[Callable[..., Any], Callable[..., Any], Sequence[tuple[float, float]]]] = {
    "add": (tg.add, lambda a, b: a + b, PLANE),
    "sub": (tg.sub, lambda a, b: a - b, PLANE),
    "mul": (tg.mul, lambda a, b: a * b, PLANE),
    "true_divide": (tg.true_divide, lambda a, b: a / b, PLANE),
    "pow": (tg.pow, lambda a, b: a**b, BASES),
    "float_power": (tg.float_power, lambda a, b: a**b, BASES),
    "hypot": (tg.hypot, lambda a, b: mp.sqrt(a * a + b * b), PLANE),
    "atan2": (tg.atan2, mp.atan2, PLANE),
    "logaddexp": (tg.logaddexp, lambda a, b: mp.log(mp.exp(a) + mp.exp(b)), [*PLANE, (-1e3, 1e3)]),
    "logaddexp2": (tg.logaddexp2, lambda a, b: mp.log(2**a + 2**b) / mp.log(2), [*PLANE, (-1e3, 1e3)]),
    "xlogy": (tg.xlogy, lambda a, b: a * mp.log(b), PLANE),
    "special.xlog1py": (tg.special.xlog1py, lambda a, b: a * mp.log1p(b), PLANE),
    "ldexp": (tg.ldexp, lambda a, b: a * 2**b, PLANE),
    "rsub": (tg.rsub, lambda a, b: b - a, PLANE),
    "lerp": (lambda a, b: tg.lerp(a, b, 0.25), lambda a, b: 0.75 * a + 0.25 * b, PLANE),
    "addcmul": (lambda a, b: tg.addcmul(a, a, b, value=2), lambda a, b: a + 2 * a * b, PLANE),
    "addcdiv": (lambda a, b: tg.addcdiv(a, a, b, value=2), lambda a, b: a + 2 * a / b, PLANE),
    "binary_cross_entropy_with_logits": (
        lambda a, b: F.binary_cross_entropy_with_logits(a, b, reduction="none"),
        lambda a, b: mp.log1p(mp.exp(-a)) * b + mp.log1p(mp.exp(a)) * (1 - b),
        [(a, b) for a in (0.0, 1.5, -20.0, 1e3, -1e3, 1e10, -1e10) for b in (0.0, 1.0, 0.3)],
    ),
    "poisson_nll_loss": (
        lambda a, b: F.poisson_nll_loss(a, b, full=True, reduction="none"),
        lambda a, b: mp.exp(a) - a * b + (b * mp.log(b) - b + mp.log(2 * mp.pi * b) / 2 if b > 1 else 0),
        [(0.0, 0.0), (1.5, 0.5), (-20.0, 3.0), (-1e3, 0.0)],
    ),
    "kl_div": (
        lambda a, b: F.kl_div(a, b, reduction="none"),
        lambda a, b: b * (mp.log(b) - a),
        [(-1.0, 0.5), (-1e3, 1e-8), (0.0, 1.0)],
    ),
}
SECOND_NAMES |= {"div": "true_divide", "divide": "true_divide", "arctan2": "atan2"}


@pytest.mark.parametrize("name", SMOOTH_OF_TWO)
def test_smooth_functions_of_two(name: str) -> None:
    f, formula, points = SMOOTH_OF_TWO[name]
    a, b = (Tensor(np.array(values), requires_grad=True) for values in zip(*points, strict=True))
    for i in range(ORDER + 1):
        for j in range(ORDER + 1 - i):
            y = derivative(derivative(f(a, b), a, i), b, j) if i + j else f(a, b)
            with mp.workdps(60):
                for at, got in zip(points, y.numpy().tolist(), strict=True):
                    expected = mp.diff(formula, (mp.mpf(at[0]), mp.mpf(at[1])), (i, j))
                    assert_derivative(got, mp.re(expected), f"{name}, differentiated {i}, {j} times at {at}")


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
def test_powers_of_0_come_near_their_neighbours(p: float) -> None:
    """The derivatives of x ** p at x = 0 are those at a tiny x, where these are tiny or huge; by p alone they are 0."""
    x, tiny = np.array([0.0]), mp.mpf("1e-60")
    for k in range(5):
        for m in range(4):
            got = _pow_slope(x, np.array([p]), k=k, m=m).item() if k or m else 0.0**p
            with mp.workdps(160):
                near = mp.re(mp.diff(lambda a, b: a**b, (tiny, mp.mpf(p)), (k, m)))
            if m and not k:
                assert got == 0
            elif abs(near) > 100:  # a power of 1e60, or of its logarithm
                assert got == math.inf * mp.sign(near)
            else:
                assert_derivative(got, near, f"x ** {p}, differentiated {k}, {m} times at 0")


def test_a_base_of_0_has_no_slope_by_the_exponent() -> None:
    p = Tensor(np.array([0.0, 0.5, 2.0]), requires_grad=True)
    y = 0.0**p
    for _ in range(3):
        y = derivative(y, p)
        assert y.numpy().tolist() == [0, 0, 0]


# --------------------------------------------------------------------------------- functions that look at their edge
def test_xlogy_at_0() -> None:
    """By its first input the slope at (0, 0) is taken as 0, as in PyTorch, and goes on as 0."""
    a, c = (Tensor(np.array([v, v]), requires_grad=True) for v in (0.0, 2.0))
    b = Tensor(np.array([0.0, 3.0]))
    y = tg.xlogy(a, b) * c
    (g,) = autograd.grad(y.sum(), a, create_graph=True)
    np.testing.assert_allclose(g.numpy(), [0, 2 * math.log(3)])
    np.testing.assert_allclose(derivative(g, c).numpy(), [0, math.log(3)])
    assert derivative(g, a).numpy().tolist() == [0, 0]


def test_logit_beyond_its_bounds_is_flat() -> None:
    x = Tensor(np.array([-1.0, 0.0, 0.05, 0.5, 1.0, 2.0]), requires_grad=True)
    for eps in (0.1, 0.0):
        y = tg.logit(x, eps)
        for _ in range(3):
            y = derivative(y, x)
            outside = np.abs(x.numpy() - 0.5) > 0.5 - eps
            assert y.numpy()[outside].tolist() == [0.0] * int(outside.sum())


@pytest.mark.parametrize("p", [3, 4, 5, 6.0])
def test_p_norms_where_an_element_is_0(p: float) -> None:
    """(3^p + |x|^p)^(1/p) is as smooth at x = 0 as |x|^p."""
    x = Tensor(np.array(0.0), requires_grad=True)
    y = tg.norm(tg.stack([x, Tensor(np.array(3.0))]), p)
    for n in range(1, math.ceil(p)):
        y = derivative(y, x)
        assert_derivative(y.item(), 0.0, f"differentiated {n} times")
    if p in (4, 6.0):
        expected = mp.diff(lambda v: (3**p + v**p) ** (mp.mpf(1) / p), 0, int(p))
        assert_derivative(derivative(y, x).item(), expected, f"differentiated {p} times")


def test_where_all_elements_are_equal_the_slopes_of_norm_and_std_are_0() -> None:
    """They have a corner there: 0 is PyTorch's choice, and stays 0 when differentiated. The variance has none."""
    for f in (tg.norm, lambda x: tg.norm(x, 3), lambda x: tg.norm(x, 0.5)):
        x = Tensor(np.zeros(3), requires_grad=True)
        y = f(x)
        for _ in range(3):
            y = derivative(y, x)
            assert y.numpy().tolist() == [0, 0, 0]
    x = Tensor(np.full(3, 1.25), requires_grad=True)
    y = tg.std(x)
    for _ in range(3):
        y = derivative(y, x)
        assert y.numpy().tolist() == [0, 0, 0]
    (g,) = autograd.grad(tg.var(x), x, create_graph=True)
    np.testing.assert_allclose([derivative(g[i], x).numpy() for i in range(3)], np.eye(3) - 1 / 3, atol=1e-15)


@pytest.mark.parametrize("values", [[0.0, 0.0, 2.0, 5.0], [1e-200, 2.0, 3.0, 5.0], [1e-200, 1e-200, 7.0, 1e200]])
def test_products_are_linear_in_each_factor(values: list[float]) -> None:
    """Whatever is 0 or tiny: the mixed derivative by some factors is the product of the others, and once is enough."""
    for f in (tg.prod, lambda x: tg.cumprod(x, 0)[-1]):
        x = Tensor(np.array(values), requires_grad=True)
        first = derivative(f(x), x)
        (plain,) = autograd.grad(f(x), x)
        for g in (first, plain):
            np.testing.assert_allclose(g.numpy(), [np.prod(np.delete(values, i)) for i in range(4)], rtol=1e-14)
        for i in range(4):
            second = derivative(first[i], x)
            expected = [0 if j == i else np.prod(np.delete(values, [i, j])) for j in range(4)]
            np.testing.assert_allclose(second.numpy(), expected, rtol=1e-14)
            for j in range(4):
                third = derivative(second[j], x).numpy()
                expected = [0 if len({i, j, k}) < 3 else np.prod(np.delete(values, [i, j, k])) for k in range(4)]
                np.testing.assert_allclose(third, expected, rtol=1e-14)


def test_a_product_may_overflow_where_its_slopes_do_not() -> None:
    x = Tensor(np.array([1e200, 1e200, 1e-200]), requires_grad=True)
    tg.prod(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), [1, 1, math.inf])


# --------------------------------------------------------------------------------------------------------------- kinks
Piecewise = tuple[Callable[[Any, Any, Any], Any], Sequence[float]]  # called with tg or torch, and its functional

PIECES: dict[str, Piecewise] = {
    "relu": (lambda m, f, x: m.relu(x), [0.0, -1.0, 1.0]),
    "abs": (lambda m, f, x: m.abs(x), [0.0, -1.0, 1.0]),
    "sign": (lambda m, f, x: m.sign(x), [0.0, -1.0, 1.0]),
    "sgn": (lambda m, f, x: m.sgn(x) + 0 * x, [0.0, -1.0, 1.0]),
    "fill": (lambda m, f, x: m.fill(x, 2.0) + 0 * x, [0.0, -1.0, 1.0]),
    "angle": (lambda m, f, x: m.angle(x) + 0 * x, [-1.0, 1.0]),
    "nextafter": (lambda m, f, x: m.nextafter(x, 0 * x + 9), [-1.0, 0.0, 9.0]),
    "nan_to_num": (lambda m, f, x: m.nan_to_num(x), [0.0, math.nan, math.inf, -math.inf]),
    "clamp": (lambda m, f, x: m.clamp(x, -1.0, 2.0), [-2.0, -1.0, 0.0, 2.0, 3.0]),
    "clip": (lambda m, f, x: m.clip(x, max=2.0), [-2.0, 2.0, 3.0]),
    "clamp_min": (lambda m, f, x: m.clamp_min(x, 0.0), [-2.0, 0.0, 3.0]),
    "clamp_max": (lambda m, f, x: m.clamp_max(x, 0.0), [-2.0, 0.0, 3.0]),
    "maximum": (lambda m, f, x: m.maximum(x, 1 - x), [0.0, 0.5, 1.0]),
    "minimum": (lambda m, f, x: m.minimum(x, 1 - x), [0.0, 0.5, 1.0]),
    "fmax": (lambda m, f, x: m.fmax(x, 1 - x), [0.0, 0.5, 1.0]),
    "fmin": (lambda m, f, x: m.fmin(x, 1 - x), [0.0, 0.5, 1.0]),
    "copysign": (lambda m, f, x: m.copysign(x, x - 1), [-1.0, 0.5, 2.0]),
    "where": (lambda m, f, x: m.where(x > 0, x * x, x), [-1.0, 0.0, 1.0]),
    "masked_fill": (lambda m, f, x: (x * x).masked_fill(x > 0, 2.0), [-1.0, 0.0, 1.0]),
    "floor": (lambda m, f, x: m.floor(x), [0.0, 0.5, 1.0]),
    "ceil": (lambda m, f, x: m.ceil(x), [0.0, 0.5, 1.0]),
    "trunc": (lambda m, f, x: m.trunc(x), [0.0, 0.5, 1.0]),
    "fix": (lambda m, f, x: m.fix(x), [0.0, 0.5, 1.0]),
    "frac": (lambda m, f, x: m.frac(x), [0.0, 0.5, 1.0]),
    "round": (lambda m, f, x: m.round(x), [0.0, 0.5, 1.0]),
    "floor_divide": (lambda m, f, x: m.floor_divide(x, 0.5).detach() + x, [0.0, 0.5, 0.75]),  # PyTorch: no gradient
    "remainder": (lambda m, f, x: m.remainder(x, 0.5), [0.0, 0.5, 0.75]),
    "fmod": (lambda m, f, x: m.fmod(x, 0.5), [0.0, 0.5, 0.75]),
    "nn.functional.relu": (lambda m, f, x: f.relu(x), [0.0, -1.0, 1.0]),
    "nn.functional.relu6": (lambda m, f, x: f.relu6(x), [0.0, -1.0, 1.0, 6.0, 7.0]),
    "nn.functional.leaky_relu": (lambda m, f, x: f.leaky_relu(x, 0.3), [0.0, -1.0, 1.0]),
    "nn.functional.prelu": (lambda m, f, x: f.prelu(x, m.tensor([0.3], dtype=m.float64)), [0.0, -1.0, 1.0]),
    "nn.functional.elu": (lambda m, f, x: f.elu(x, 0.7), [0.0, -1.0, 1.0]),
    "nn.functional.selu": (lambda m, f, x: f.selu(x), [0.0, -1.0, 1.0]),
    "nn.functional.celu": (lambda m, f, x: f.celu(x, 0.7), [0.0, -1.0, 1.0]),
    "nn.functional.softsign": (lambda m, f, x: f.softsign(x), [0.0, -1.0, 1.0]),
    "nn.functional.softplus": (lambda m, f, x: f.softplus(x, 2.0, 4.0), [1.9, 2.1]),
    "nn.functional.hardtanh": (lambda m, f, x: f.hardtanh(x, -1.0, 2.0), [-2.0, -1.0, 0.0, 2.0, 3.0]),
    "nn.functional.hardsigmoid": (lambda m, f, x: f.hardsigmoid(x), [-4.0, -3.0, 0.0, 3.0, 4.0]),
    "nn.functional.hardswish": (lambda m, f, x: f.hardswish(x), [-4.0, -3.0, 0.0, 3.0, 4.0]),
    "nn.functional.hardshrink": (lambda m, f, x: f.hardshrink(x, 0.5), [-1.0, -0.5, 0.0, 0.5, 1.0]),
    "nn.functional.softshrink": (lambda m, f, x: f.softshrink(x, 0.5), [-1.0, -0.5, 0.0, 0.5, 1.0]),
    "nn.functional.threshold": (lambda m, f, x: f.threshold(x, 0.5, 7.0), [0.0, 0.5, 1.0]),
    "huber_loss": (lambda m, f, x: f.huber_loss(x, x.detach() * 0, "none", 0.5), [-1.0, -0.5, 0.0, 0.5, 1.0]),
    "smooth_l1_loss": (
        lambda m, f, x: f.smooth_l1_loss(x, x.detach() * 0, beta=0.5, reduction="none"),
        [-1.0, 0.0, 0.2],
    ),
    "l1_loss": (lambda m, f, x: f.l1_loss(x, x.detach() * 0, reduction="none"), [-1.0, 0.0, 1.0]),
}
NOT_TWICE = {"nn.functional.hardsigmoid"}  # in PyTorch
SECOND_NAMES |= {"max": "maximum", "min": "minimum", "Tensor.expand_as": "clone"}


def torch_derivative(y: Any, x: Any, n: int) -> Any:
    import torch

    for _ in range(n):
        g = torch.autograd.grad(y.sum(), x, create_graph=True, allow_unused=True)[0] if y.requires_grad else None
        y = torch.zeros_like(x) if g is None else g
    return y


@pytest.mark.parametrize("name", PIECES)
def test_kinks_follow_pytorch(name: str, torch: Any) -> None:
    f, points = PIECES[name]
    for n in range(2 if name in NOT_TWICE else 3):
        x = Tensor(np.array(points), requires_grad=True)
        x_torch = torch.tensor(points, dtype=torch.float64, requires_grad=True)
        ours = derivative(f(tg, F, x), x, n).numpy()
        theirs = torch_derivative(f(torch, torch.nn.functional, x_torch), x_torch, n).numpy(force=True)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, err_msg=f"differentiated {n} times at {points}")


@pytest.mark.parametrize("name", sorted({*PIECES} - {"relu", "nn.functional.relu"}))  # see `elementwise.gate`
def test_what_is_cut_off_takes_no_infinite_gradient(name: str, torch: Any) -> None:
    """The square root has an infinite slope at 0: where a function is flat PyTorch gives 0, and not 0 * inf."""
    f, points = PIECES[name]
    x = Tensor(np.array(points), requires_grad=True)
    x_torch = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    y = f(tg, F, x)
    ours = derivative((y - y.detach()).sqrt(), x).numpy()
    y_torch = f(torch, torch.nn.functional, x_torch)
    theirs = torch_derivative((y_torch - y_torch.detach()).sqrt(), x_torch, 1).numpy(force=True)
    known = ~np.isnan(theirs)  # PyTorch itself multiplies in `nan_to_num` and softsign
    np.testing.assert_allclose(ours[known], theirs[known], rtol=1e-6, err_msg=f"at {points}")


# -------------------------------------------------------------------------------------------------------- completeness
def is_elementwise(case: Case) -> bool:
    """Does the last element of the result depend on the last of each input alone, in all that is drawn?"""
    seen: list[bool] = []

    @hypothesis.settings(max_examples=25, derandomize=True, database=None)
    @given(data=st.data())
    def look(data: st.DataObject) -> None:
        inputs, kwargs = drawn(case, data)
        arrays = [x for x in inputs if isinstance(x, ndarray)]
        if any(x.size < 2 for x in arrays if x.dtype.kind == "f") or not any(x.dtype.kind == "f" for x in arrays):
            return
        seen.append(last_alone(case, inputs, kwargs, arrays))

    look()
    return bool(seen) and all(seen)


def moves(case: Case) -> bool:
    """Does it put numbers elsewhere, and compute none? Of one small tensor, `hstack` is elementwise."""
    module = getattr(getattr(tg, case.name, None), "__module__", "")
    return module.rpartition(".")[2] in ("arrange", "index", "joining", "lookup", "shape")


def last_alone(case: Case, inputs: list[Any], kwargs: dict[str, Any], arrays: list[Any]) -> bool:
    try:
        shape = np.broadcast_shapes(*(x.shape for x in arrays))
        last = [np.broadcast_to(x, shape).reshape(-1)[-1:] if isinstance(x, ndarray) else x for x in inputs]
        (whole,), (alone,) = (outputs(case.call(*xs, **kwargs)) for xs in (inputs, last))
    except (ValueError, TypeError, RuntimeError, IndexError):
        return False
    whole, alone = array(whole), array(alone)
    return whole.shape == shape and np.array_equal(whole.reshape(-1)[-1:], alone.reshape(-1), equal_nan=True)


def test_every_elementwise_function_is_held() -> None:
    listed = {name.partition(",")[0] for name in (*SMOOTH, *SMOOTH_OF_TWO, *PIECES)}
    assert set(SECOND_NAMES.values()) <= listed
    rest = {case.name: case for case in CASES.values() if case.order and case.name not in listed | set(SECOND_NAMES)}
    missing = [name for name, case in rest.items() if not moves(case) and is_elementwise(case)]
    assert not missing, "elementwise, but their higher derivatives are in no list of this file"


def test_an_elementwise_function_is_seen() -> None:
    assert all(is_elementwise(CASES[name]) for name in ("tanh", "mul", "clamp", "nn.functional.gelu"))
    assert not any(is_elementwise(CASES[name]) for name in ("cumsum", "softmax", "sort", "flip", "sum"))
