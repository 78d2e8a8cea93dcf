"""What the cases of `tinygrad_cnn.ops.lookup` cannot see: masks with inf, calling forms, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.ops import lookup as lo
from tinygrad_cnn.tensors import Tensor

X = np.arange(12.0).reshape(3, 4)


def test_filling_with_inf_leaves_the_gradient_finite() -> None:
    x = Tensor(np.array([1.0, np.nan, 3.0]), requires_grad=True)
    y = lo.masked_fill(x, Tensor(np.array([False, True, False])), -np.inf)
    assert y.numpy().tolist() == [1.0, -np.inf, 3.0]
    y.backward(Tensor(np.array([1.0, np.inf, 2.0])))
    assert x.grad is not None
    assert x.grad.numpy().tolist() == [1.0, 0.0, 2.0]


def test_fills_keep_the_dtype() -> None:
    assert lo.masked_fill(np.array([1, 2]), np.array([True, False]), 3.0).tolist() == [3, 2]
    assert lo.masked_fill(np.ones(2, np.float32), np.array([True, False]), np.array(2.0)).dtype == np.float32
    assert lo.index_fill(np.array([1, 2]), 0, np.array([0]), 5.0).tolist() == [5, 2]
    with pytest.raises(ValueError, match=r"masked_fill\(\): 1.5 is no number of dtype int64"):
        lo.masked_fill(np.array([1, 2]), np.array([True, False]), 1.5)
    with pytest.raises(ValueError, match=r"index_fill\(\): 5.9 is no number of dtype int64"):
        lo.index_fill(np.array([1, 2]), 0, np.array([0]), 5.9)


def test_a_scaled_index_add_of_integers_stays_integer() -> None:
    y = lo.index_add(np.zeros(3, np.int64), 0, np.array([1, 1]), np.array([3, 4]), alpha=2)
    assert y.tolist() == [0, 14, 0]


def test_nonzero_as_a_tuple_indexes() -> None:
    x = Tensor(np.array([[0.0, 1.0], [2.0, 0.0]]))
    rows, columns = lo.nonzero(x, as_tuple=True)
    assert (rows.numpy().tolist(), columns.numpy().tolist()) == ([0, 1], [1, 0])
    assert x[rows, columns].numpy().tolist() == [1.0, 2.0]
    assert [i.tolist() for i in lo.nonzero(np.array(3.0), as_tuple=True)] == [[0]]
    assert lo.nonzero(np.array(3.0)).shape == (1, 0)
    assert lo.nonzero(np.array(0.0)).shape == (0, 0)


def test_one_hot_finds_the_number_of_classes() -> None:
    y = lo.one_hot(Tensor(np.array([0, 2])))
    assert isinstance(y, Tensor)
    assert y.dtype == np.int64
    assert y.numpy().tolist() == [[1, 0, 0], [0, 0, 1]]
    assert lo.one_hot(np.zeros(0, np.int64), 3).shape == (0, 3)


TRUE = np.ones((3, 4), bool)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lo.index_select(X, 0, np.array([0, 3])), IndexError, "index 3 at position 1.*expected 0 to 2"),
        (lambda: lo.index_select(X, 0, np.array([-1])), IndexError, "index -1"),
        (lambda: lo.index_select(X, 0, np.array([[0]])), ValueError, r"\(1, 1\)"),
        (lambda: lo.index_select(X, 0, np.array([0.0])), TypeError, "float64"),
        (lambda: lo.index_select(np.array(1.0), 0, np.array([0, 0])), ValueError, "got 2 indices"),
        (lambda: lo.index_add(X, 0, np.array([0, 1]), X[:1]), ValueError, r"\(1, 4\), expected \(2, 4\) for 2 indices"),
        (lambda: lo.index_add(X[0], 0, np.array([0]), np.array(1.0)), ValueError, "0 dimensions, but the input 1"),
        (lambda: lo.index_add(np.array(1.0), 0, np.array([0]), X[0, :1]), ValueError, "1 dimensions, but the input 0"),
        (lambda: lo.index_add(X, 0, np.array([0]), X[:1].astype(int)), TypeError, "int64, but the input float64"),
        (lambda: lo.index_copy(X, 0, np.array([3]), X[:1]), IndexError, "index 3"),
        (lambda: lo.index_fill(X, 0, np.array([-4]), 0), IndexError, "expected -3 to 2"),
        (lambda: lo.index_fill(X, 0, np.array([0]), np.ones(1)), ValueError, r"0-d tensor as value, got shape \(1,\)"),
        (lambda: lo.take(X, np.array([12])), IndexError, "index 12 at position 0.*size 12"),
        (lambda: lo.masked_fill(X, TRUE.astype(int), 0), TypeError, "int64"),
        (lambda: lo.masked_fill(X, TRUE, np.ones(1)), ValueError, "0-d tensor"),
        (lambda: lo.masked_fill(X.astype(int), TRUE, np.inf), ValueError, "inf is no number of dtype int64"),
        (lambda: lo.masked_fill(X, TRUE[:2], 0), ValueError, r"\(2, 4\) does not fit the shape \(3, 4\)"),
        (lambda: lo.masked_select(X, [True]), TypeError, "list"),
        (lambda: lo.masked_scatter(X, TRUE, np.ones(11)), ValueError, "12 True entries, but source only 11"),
        (lambda: lo.masked_scatter(X, TRUE, np.ones(12, int)), TypeError, "int64, but the input float64"),
        (lambda: lo.one_hot(np.array([0, 3]), 3), ValueError, "class index 3 at position 1 is not in 0 to 2"),
        (lambda: lo.one_hot(np.array([[0, -1]])), ValueError, r"-1 at position \(0, 1\)"),
        (lambda: lo.one_hot(np.zeros(0, np.int64)), ValueError, "num_classes must be positive"),
        (lambda: lo.one_hot(np.zeros(2)), TypeError, "float64"),
    ],
)
def test_errors_say_what_came_and_what_was_expected(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
