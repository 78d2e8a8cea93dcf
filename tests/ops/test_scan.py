"""What the cases cannot see of `ops.scan`: ties, NaN, zeros, stability, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_cnn import autograd
from tinygrad_cnn.ops import scan as s
from tinygrad_cnn.tensors import Tensor


def test_second_derivatives_of_cumprod_with_zeros() -> None:
    x = np.array([2.0, 0.0, 3.0, 0.0, 5.0])
    weights = np.array([1.0, 10.0, 100.0, 1000.0, 1e4])

    def total(v: np.ndarray) -> float:
        return float((weights * np.cumprod(v)).sum())

    t = Tensor(x, requires_grad=True)
    (first,) = autograd.grad((s.cumprod(t, 0) * Tensor(weights)).sum(), t, create_graph=True)
    for i in range(5):
        (row,) = autograd.grad(first[i], t, retain_graph=True)
        for j in range(5):  # a product is linear in each factor: differences are exact
            a, b = np.eye(5)[i], np.eye(5)[j]
            exact = 0 if i == j else total(x + a + b) - total(x + a) - total(x + b) + total(x)
            assert row.numpy()[j] == pytest.approx(exact, abs=1e-9)


def test_logcumsumexp_does_not_overflow_either_way() -> None:
    x = Tensor(np.array([-1000.0, 1000.0, -1000.0]), requires_grad=True)
    y = s.logcumsumexp(x, 0)
    assert y.numpy().tolist() == [-1000, 1000, 1000]
    y.sum().backward()
    assert x.grad.numpy().tolist() == [1, 2, 0]


def test_the_last_of_equals_and_nan() -> None:
    values, indices = s.cummax(np.array([1.0, 1.0, 0.0, 1.0, math.nan, 9.0]), 0)
    np.testing.assert_array_equal(values, [1, 1, 1, 1, math.nan, math.nan])
    assert indices.tolist() == [0, 1, 1, 3, 4, 4]
    x = Tensor(np.array([3.0, 3.0, 5.0, 4.0]), requires_grad=True)
    s.cummin(x, 0).values.sum().backward()
    assert x.grad.numpy().tolist() == [1, 3, 0, 0]


def test_integers() -> None:
    assert s.cumsum(Tensor(np.full(3, 200, np.uint8)), 0).numpy().tolist() == [200, 400, 600]
    assert s.cumprod(Tensor(np.full(3, True)), 0).dtype == np.int64
    assert s.cumsum(Tensor(np.ones(3, np.int64)), 0, dtype=np.float32).dtype == np.float32
    assert s.diff(Tensor(np.array([True, False, False]))).numpy().tolist() == [True, False]


def test_errors() -> None:
    x = np.ones((2, 3))
    with pytest.raises(RuntimeError, match="n must be >= 0"):
        s.diff(x, -1)
    with pytest.raises(RuntimeError, match="0-d"):
        s.diff(np.ones(()))
    with pytest.raises(RuntimeError, match="number of dimensions"):
        s.diff(x, prepend=np.ones(3))
    with pytest.raises(IndexError, match="dim"):
        s.cumsum(x, 2)
