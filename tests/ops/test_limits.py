"""What the cases cannot see of `ops.limits`: slopes at the bounds, dtypes, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_cnn.ops import limits as m
from tinygrad_cnn.tensors import Tensor


def test_slope_at_the_bounds_is_1() -> None:
    x = Tensor(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), requires_grad=True)
    m.clamp(x, -1, 1).sum().backward()
    assert x.grad.numpy().tolist() == [0, 1, 1, 1, 0]


def test_at_a_tensor_bound_the_input_gets_the_gradient() -> None:
    for f in (m.clamp_min, m.clamp_max, lambda t, b: m.clamp(t, b, b)):
        x, bound = Tensor(np.ones(1), requires_grad=True), Tensor(np.ones(1), requires_grad=True)
        f(x, bound).sum().backward()
        assert x.grad.item() == 1
        assert bound.grad.item() == 0


def test_bounds_get_what_they_replace() -> None:
    x, low, high = (Tensor(np.array(v), requires_grad=True) for v in ([0.0, 1.0, 5.0], 0.5, [2.0, 2.0, 0.0]))
    y = m.clamp(x, low, high)
    assert y.numpy().tolist() == [0.5, 1, 0]
    y.sum().backward()
    assert x.grad.numpy().tolist() == [0, 1, 0]
    assert low.grad.item() == 1
    assert high.grad.numpy().tolist() == [0, 0, 1]


def test_dtypes() -> None:
    x = Tensor(np.arange(4))
    assert m.clamp(x, 1, 2).dtype == np.int64
    assert m.clamp(x, max=1.5).dtype == np.float32
    assert m.clamp(Tensor(np.ones(2, np.float32)), np.float64(0.5)).dtype == np.float32


def test_errors() -> None:
    x = Tensor(np.ones(2))
    with pytest.raises(ValueError, match="min, max, or both"):
        m.clamp(x)
    with pytest.raises(TypeError, match="str"):
        m.clamp(x, "0")
    with pytest.raises(RuntimeError, match="one dtype"):
        m.heaviside(x, Tensor(np.ones(2, np.float32)))
    with pytest.raises(RuntimeError, match="sign"):
        m.positive(Tensor(np.ones(2, bool)))


def test_nan() -> None:
    nan, one = np.array([math.nan]), np.array([1.0])
    assert m.fmax(nan, one) == m.fmin(one, nan) == 1
    assert np.isnan(m.clamp(nan, 0, 1))
    x = Tensor(np.array([math.nan, math.inf, -math.inf, 2.0], np.float32), requires_grad=True)
    y = m.nan_to_num(x)
    assert y.numpy().tolist() == [0, np.finfo(np.float32).max, np.finfo(np.float32).min, 2]
    y.sum().backward()
    assert x.grad.numpy().tolist() == [0, 0, 0, 1]


def test_a_tie_of_fmax_goes_to_the_first() -> None:
    a, b = Tensor(np.ones(1), requires_grad=True), Tensor(np.ones(1), requires_grad=True)
    m.fmax(a, b).sum().backward()
    assert (a.grad.item(), b.grad.item()) == (1, 0)
