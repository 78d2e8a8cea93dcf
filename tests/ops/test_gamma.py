"""The special functions beside mpmath over their whole range, and at their poles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import tinygrad_cnn as tg

rng = np.random.default_rng(0)
WIDE = np.concatenate([rng.uniform(0.01, 40, 40), 10.0 ** rng.uniform(-8, 8, 20)])
LEFT = -rng.uniform(0, 20, 40)
s = tg.special


@pytest.mark.parametrize(
    ("ours", "exact", "xs", "bound"),
    [
        (s.gammaln, mpmath.loggamma, WIDE, 1e-12),
        *((lambda x, n=n: s.polygamma(n, x), lambda x, n=n: mpmath.psi(n, x), WIDE, 2e-14) for n in range(6)),
        *((lambda x, n=n: s.polygamma(n, x), lambda x, n=n: mpmath.psi(n, x), LEFT, 5e-13) for n in range(6)),
        (s.i0, lambda x: mpmath.besseli(0, x), np.r_[LEFT, 29.9, 30.1, 700.0], 5e-15),
        (s.i1, lambda x: mpmath.besseli(1, x), np.r_[LEFT, 1e-9, 29.9, 30.1, 700.0], 5e-15),
        (s.i0e, lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x)), np.r_[LEFT, 1e3, 1e6], 5e-15),
        (s.i1e, lambda x: mpmath.besseli(1, x) * mpmath.exp(-abs(x)), np.r_[LEFT, 1e3, 1e6], 5e-15),
        (s.erfcx, lambda x: mpmath.exp(x * x) * mpmath.erfc(x), np.r_[WIDE[:40], -WIDE[:40] / 8], 1e-14),
        (s.ndtr, mpmath.ncdf, np.r_[LEFT, -LEFT], 1e-13),
        (s.log_ndtr, lambda x: mpmath.log(mpmath.ncdf(x)), np.r_[10 * LEFT, -LEFT / 3], 1e-13),
        (s.ndtri, lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1), rng.uniform(0.001, 0.999, 40), 1e-13),
    ],
)
def test_precision(ours: Callable[..., Any], exact: Callable[..., Any], xs: Any, bound: float) -> None:
    with mpmath.workdps(60):
        expected = np.array([float(mpmath.re(exact(mpmath.mpf(float(x))))) for x in xs])
    np.testing.assert_allclose(ours(xs), expected, rtol=bound, atol=1e-15)


def test_poles_and_ends() -> None:
    inf, nan = np.inf, np.nan
    xs = np.array([0.0, -0.0, -1.0, inf, -inf, nan])
    np.testing.assert_array_equal(s.gammaln(xs), [inf, inf, inf, inf, inf, nan])
    np.testing.assert_array_equal(s.digamma(xs), [-inf, inf, nan, inf, nan, nan])
    np.testing.assert_array_equal(s.polygamma(1, xs), [inf, inf, inf, 0, nan, nan])
    np.testing.assert_array_equal(s.ndtr(xs[3:]), [1, 0, nan])
    np.testing.assert_array_equal(s.ndtri(np.array([0.0, 1.0, 0.5, -0.1, 1.1, nan])), [-inf, inf, 0, nan, nan, nan])
    np.testing.assert_array_equal(s.entr(np.array([0.0, 1.0, -1.0, nan])), [0, 0, -inf, nan])
    np.testing.assert_array_equal(s.xlog1py(np.array([0.0, 0.0, 1.0]), np.array([-1.0, nan, 0.0])), [0, nan, 0])


def test_slopes_where_a_formula_divides_by_0() -> None:
    for f, slope in ((s.i0, 0.0), (s.i1, 0.5), (s.i1e, 0.5)):
        x = tg.tensor(0.0, dtype=tg.float64, requires_grad=True)
        f(x).backward()
        assert float(x.grad) == slope


def test_orders_are_whole_and_not_negative() -> None:
    with pytest.raises(RuntimeError, match="n must be >= 0, got -1"):
        tg.polygamma(-1, np.ones(2))
    with pytest.raises(TypeError):
        tg.polygamma(0.5, np.ones(2))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="p must be at least 1"):
        tg.mvlgamma(np.ones(2), 0)
