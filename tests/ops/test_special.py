"""What the cases cannot see of `ops.special`: how exact it is, its edges, and errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.ops import special as s
from tinygrad_cnn.ops.gaussian import xlog1py
from tinygrad_cnn.tensors import Tensor


def test_erf_is_exact_to_the_last_digits() -> None:
    x = np.concatenate([np.linspace(-7, 7, 5001), 10.0 ** np.arange(-300, -1), -(10.0 ** np.arange(-300, -1))])
    np.testing.assert_allclose(s.erf(x), [math.erf(v) for v in x.tolist()], rtol=1e-15)


def test_erfc_is_exact_far_out() -> None:
    x = np.linspace(-7, 26, 5001)
    np.testing.assert_allclose(s.erfc(x), [math.erfc(v) for v in x.tolist()], rtol=2e-15)


def test_erfinv_undoes_erf_up_to_the_edge() -> None:
    near_1 = 1 - 10.0 ** -np.arange(1, 16)
    y = s.erfinv(near_1)
    np.testing.assert_allclose([math.erfc(v) for v in y.tolist()], 1 - near_1, rtol=1e-13)
    small = np.concatenate([np.linspace(-0.9, 0.9, 1001), 10.0 ** np.arange(-300, -1)])
    np.testing.assert_allclose([math.erf(v) for v in s.erfinv(small).tolist()], small, rtol=1e-14)


def test_edges() -> None:
    np.testing.assert_array_equal(s.erf(np.array([np.nan, np.inf, -np.inf, 0.0])), [np.nan, 1, -1, 0])
    np.testing.assert_array_equal(s.erfc(np.array([np.nan, np.inf, -np.inf, 0.0])), [np.nan, 0, 2, 1])
    np.testing.assert_array_equal(s.erfinv(np.array([1.0, -1.0, 1.5, np.nan])), [np.inf, -np.inf, np.nan, np.nan])
    assert math.copysign(1, s.erf(np.array(-0.0))) == -1
    np.testing.assert_array_equal(s.xlogy(np.array([0.0, 0.0, 0.0]), np.array([0.0, -1.0, np.nan])), [0, 0, np.nan])
    np.testing.assert_array_equal(s.logaddexp(np.array([1000.0]), np.array([1000.0])), [1000 + math.log(2)])
    assert s.sinc(np.zeros(())) == 1


@pytest.mark.parametrize("f", [s.xlogy, xlog1py])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_number_beside_an_array_has_its_dtype(f: Any, dtype: Any) -> None:
    x = np.array([0.0, 0.5, 3.0], dtype)
    for y in (f(x, 2.0), f(x, 2), f(2.0, x), f(Tensor(x), 2.0), f(x, np.array(2.0, dtype))):
        assert y.dtype == dtype
    np.testing.assert_allclose(f(x, 2.0), f(x, np.full(3, 2.0, dtype)), rtol=1e-6)


@pytest.mark.parametrize("f", [s.erf, s.erfc, s.erfinv, s.sinc, s.deg2rad, s.rad2deg, s.softplus])
def test_integers_become_float32(f: object) -> None:
    assert callable(f)
    assert f(Tensor(np.array([0, 1]))).dtype == np.float32


def test_slopes_at_kinks() -> None:
    x = Tensor(np.zeros(1), requires_grad=True)
    s.sinc(x).sum().backward()
    assert x.grad.numpy().tolist() == [0]
    y = Tensor(np.array([-0.1, 0.2, 0.5, 1.2]), requires_grad=True)
    s.logit(y, 0.2).sum().backward()
    np.testing.assert_allclose(y.grad.numpy(), [0, 6.25, 4, 0])


def test_softplus_is_linear_above_the_threshold() -> None:
    x = Tensor(np.array([19.0, 21.0, 1000.0, -1000.0]), requires_grad=True)
    y = s.softplus(x)
    assert y.numpy().tolist() == [math.log1p(math.exp(19)), 21, 1000, 0]
    y.sum().backward()
    assert x.grad.numpy()[1:].tolist() == [1, 1, 0]


def test_errors() -> None:
    with pytest.raises(TypeError, match="integers do not divide"):
        s.addcdiv(np.ones(2), np.ones(2, int), np.ones(2, int))
    with pytest.raises(TypeError, match="lerp: needs one floating dtype"):
        s.lerp(np.ones(2), np.ones(2, np.float32), 0.5)


def test_lerp_is_exact_at_both_ends() -> None:
    a, b = np.array([0.1]), np.array([1e16])
    assert s.lerp(a, b, 0.0) == a
    assert s.lerp(a, b, 1.0) == b


def test_float_power_is_float64() -> None:
    assert s.float_power(Tensor(np.array([2], np.int64)), 3).dtype == np.float64
    assert s.float_power(2, Tensor(np.array([0.5], np.float32))).numpy().tolist() == [math.sqrt(2)]
