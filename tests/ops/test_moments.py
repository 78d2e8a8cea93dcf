"""What the cases cannot see of `ops.moments`: calling forms, exactness, kinks, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_cnn.ops import moments as m
from tinygrad_cnn.tensors import Tensor

x = np.arange(12.0).reshape(3, 4) ** 2


@pytest.mark.parametrize("f", [m.var, m.std])
def test_calling_forms(f: object) -> None:
    assert callable(f)
    assert f(x, False) == f(x, unbiased=False) == f(x, correction=0)
    assert f(x) == f(x, True) == f(x, None, True) == f(x, correction=1)
    np.testing.assert_array_equal(f(x, 1, False, True), f(x, dim=(1,), correction=0, keepdim=True))
    with pytest.raises(TypeError, match="unbiased and correction"):
        f(x, unbiased=True, correction=1)
    with pytest.raises(TypeError, match="int64"):
        f(x.astype(np.int64))


def test_no_cancellation() -> None:
    assert m.var(np.array([1e8 + 1, 1e8 + 2, 1e8 + 3])) == 1.0
    assert m.var(np.array([4097, 4098, 4099], np.float32)) == 1.0


def test_too_few_elements() -> None:
    assert math.isnan(m.var(Tensor(np.array([3.0]))).item())
    assert m.var(Tensor(np.array([3.0, 4.0])), correction=2).item() == math.inf
    assert math.isnan(m.std(Tensor(np.zeros(0))).item())


def test_slope_of_std_is_0_where_it_is_0() -> None:
    t = Tensor(np.array([[2.0, 2.0], [1.0, 3.0]]), requires_grad=True)
    m.std(t, 1).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), [[0, 0], [-math.sqrt(0.5), math.sqrt(0.5)]])


@pytest.mark.parametrize("p", [2, 1, 3, 0.5, math.inf, -math.inf, 0])
def test_slope_of_a_norm_at_0_is_finite(p: float) -> None:
    t = Tensor(np.zeros(3), requires_grad=True)
    y = m.norm(t, p)
    y.backward()
    assert y.item() == 0
    assert np.array_equal(t.grad.numpy(), np.zeros(3))


def test_ties_of_the_largest_share() -> None:
    t = Tensor(np.array([2.0, -2.0, 1.0]), requires_grad=True)
    m.norm(t, math.inf).backward()
    assert t.grad.numpy().tolist() == [0.5, -0.5, 0]


def test_default_is_the_length() -> None:
    assert m.norm(Tensor(np.array([[3.0], [4.0]]))).item() == m.norm(np.array([3.0, 4.0]), None) == 5
    assert m.norm(np.array([3, 4]), dtype=np.float32).dtype == np.float32


@pytest.mark.parametrize("p", ["nuc", "2", True])
def test_what_is_no_p(p: object) -> None:
    with pytest.raises(ValueError, match="p must be a number"):
        m.norm(x, p)  # type: ignore[arg-type]


def test_largest_of_nothing() -> None:
    assert m.norm(np.zeros(0)) == 0
    with pytest.raises(ValueError, match="nothing"):
        m.norm(np.zeros(0), math.inf)


def test_fields() -> None:
    assert m.var_mean(x)._fields == ("var", "mean")
    assert m.std_mean(x, 0).std.shape == (4,)
