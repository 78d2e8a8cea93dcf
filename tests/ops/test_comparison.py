"""What the cases cannot see of `ops.comparison`: one answer, dtypes, errors."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_cnn.ops import comparison as c
from tinygrad_cnn.tensors import Tensor


def test_equal_gives_one_answer() -> None:
    x = Tensor(np.array([1.0, 2.0]))
    assert c.equal(x, Tensor(np.array([1.0, 2.0]))) is True
    assert c.equal(x, Tensor(np.array([1.0, 3.0]))) is False
    assert c.equal(x, Tensor(np.array([[1.0, 2.0]]))) is False
    with pytest.raises(TypeError, match="list"):
        c.equal(x, [1.0, 2.0])


def test_allclose() -> None:
    x = np.array([1.0, np.inf, np.nan])
    assert c.allclose(x[:2], x[:2] * (1 + 1e-6)) is True
    assert c.allclose(x[:1], x[:1] + 1e-3) is False
    assert c.allclose(x, x) is False
    assert c.allclose(Tensor(x), Tensor(x), equal_nan=True) is True
    with pytest.raises(ValueError, match="rtol"):
        c.isclose(x, x, rtol=-1)
    with pytest.raises(RuntimeError, match="one dtype"):
        c.isclose(x, x.astype(np.float32))


def test_a_number_is_compared_in_the_dtype_of_the_tensor() -> None:
    x = Tensor(np.array([0.1], np.float32))
    assert c.eq(x, 0.1).numpy().tolist() == [True]
    assert c.gt(Tensor(np.array([1])), 0.5).numpy().tolist() == [True]


def test_nothing_is_recorded() -> None:
    x = Tensor(np.ones(2), requires_grad=True)
    assert not (x > 0).requires_grad
    assert not c.isnan(x).requires_grad


def test_bits_are_for_integers() -> None:
    with pytest.raises(TypeError, match="bitwise operations take integers and booleans, got float64"):
        c.bitwise_and(Tensor(np.ones(2)), Tensor(np.ones(2)))
    with pytest.raises(TypeError, match="float"):
        c.bitwise_not(Tensor(np.ones(2, np.float32)))
    assert c.bitwise_and(Tensor(np.array([6])), 3).numpy().tolist() == [2]


def test_signs_of_zero() -> None:
    assert c.signbit(np.array([-0.0, 0.0, -1.0])).tolist() == [True, False, True]
    assert c.signbit(np.array([-1, 0])).tolist() == [True, False]
