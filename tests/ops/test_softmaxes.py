"""What the cases cannot see of `ops.softmaxes`: large numbers, infinities, dtypes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_cnn.ops import softmaxes as s
from tinygrad_cnn.tensors import Tensor


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_numbers(dtype: type) -> None:
    x = np.array([1000, 1001, -1000], dtype)
    p = 1 / (1 + math.exp(-1))
    np.testing.assert_allclose(s.softmax(x, 0), [1 - p, p, 0], rtol=1e-5)
    np.testing.assert_allclose(s.log_softmax(x, 0), [math.log(1 - p), math.log(p), -2001 + math.log(p)], rtol=1e-5)
    np.testing.assert_allclose(s.logsumexp(x, 0), 1001 + math.log1p(math.exp(-1)), rtol=1e-6)


def test_infinities() -> None:
    x = Tensor(np.array([[-math.inf, 0.0], [-math.inf, -math.inf], [math.inf, 0.0]]), requires_grad=True)
    y = s.logsumexp(x, 1)
    assert y.numpy().tolist() == [0, -math.inf, math.inf]
    y[:2].sum().backward()
    assert x.grad.numpy()[:2].tolist() == [[0, 1], [0, 0]]
    assert s.softmax(x, 1).numpy()[0].tolist() == [0, 1]
    assert np.isnan(s.softmax(x, 1).numpy()[1]).all()


def test_nothing() -> None:
    assert s.logsumexp(Tensor(np.zeros((2, 0))), 1).numpy().tolist() == [-math.inf] * 2
    assert s.softmax(Tensor(np.zeros((2, 0))), 1).shape == (2, 0)


def test_dtypes() -> None:
    x = Tensor(np.array([1, 2]))
    assert s.softmax(x, 0, dtype=np.float32).dtype == np.float32
    assert s.logsumexp(x, 0).dtype == np.float32
    with pytest.raises(TypeError, match="softmax: needs a floating dtype, got int64"):
        s.softmax(x, 0)
    with pytest.raises(IndexError, match="dim"):
        s.log_softmax(np.ones((2, 2)), 2)


def test_rows_add_up_to_1_in_any_memory_order() -> None:
    x = np.random.default_rng(0).standard_normal((5, 7, 3)).astype(np.float32)
    for y in (x, np.asfortranarray(x), x[::-1]):
        np.testing.assert_allclose(s.softmax(y, 1).sum(1), 1, rtol=1e-6)
        np.testing.assert_allclose(s.softmax(y, 1), s.softmax(np.ascontiguousarray(y), 1), rtol=1e-6)
