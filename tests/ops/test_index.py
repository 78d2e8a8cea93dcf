"""What the cases of `tinygrad_cnn.ops.index` cannot see: repeated positions, memory, messages, writing in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cnn.autograd.modes import no_grad
from tinygrad_cnn.ops import index as ix
from tinygrad_cnn.ops.repeats import sum_rows
from tinygrad_cnn.tensors import Tensor

X = np.arange(12.0).reshape(3, 4)


def test_repeated_positions_add_up_in_the_gradient() -> None:
    x = Tensor(X.copy(), requires_grad=True)
    x[[0, 0, -3, 2], 1].sum().backward()
    assert x.grad is not None
    expected = np.zeros((3, 4))
    expected[:, 1] = 3, 0, 1
    np.testing.assert_array_equal(x.grad.numpy(), expected)


@pytest.mark.parametrize(
    "index",
    [
        (slice(None), [0, 1, 1], slice(None), [2, 0, 0]),  # arrays apart: their dimension comes first
        (slice(None), [0, 1, 1], None, [2, 0, 0]),
        (slice(None), [[0], [1]], [2, 2, 0]),
        ([1, 1], slice(None), slice(1, None), [3, 3]),
    ],
)
def test_the_gradient_finds_arrays_that_stand_apart(index: Any) -> None:
    shape = (2, 3, 4, 5)
    x = Tensor(np.zeros(shape), requires_grad=True)
    y = x[index]
    g = np.random.default_rng(0).standard_normal(y.shape)
    y.backward(Tensor(g))
    expected = np.zeros(shape)
    np.add.at(expected, index, g)
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), expected)


@given(st.integers(0, 6), st.integers(1, 5), st.sampled_from((0, 1, 3, 8, 9)), st.booleans(), st.integers(0, 2**32 - 1))
def test_sums_of_rows(m: int, n: int, width: int, distinct: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.permutation(n)[:m] if distinct else rng.integers(0, n, m)
    x = rng.integers(-9, 9, (rows.size, width)).astype(np.float32)[:, ::-1]
    expected = np.zeros((n, width))
    for row, line in zip(rows, x, strict=True):
        expected[row] += line
    found = sum_rows(x, rows, n)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_sums_of_integers_are_exact() -> None:
    big = np.array([[2**53], [1]], np.int64)
    assert sum_rows(big, np.array([0, 0]), 1).tolist() == [[2**53 + 1]]
    collected = ix.scatter_add(np.zeros(1, np.int64), 0, np.array([0, 0]), big[:, 0])
    assert collected.tolist() == [2**53 + 1]


def test_the_gradient_of_a_cut_keeps_the_memory_order() -> None:
    x = Tensor(np.moveaxis(np.zeros((2, 3, 4, 5)), -1, 0), requires_grad=True)
    x[:, :1].backward(Tensor(np.moveaxis(np.ones((1, 3, 4, 5)), -1, 0)))
    assert x.grad is not None
    assert x.grad.numpy().strides == x.numpy().strides


# ------------------------------------------------------------------------------------------------------------- writing
def test_setitem_of_a_tensor_has_both_gradients() -> None:
    x = Tensor(X.copy(), requires_grad=True)
    v = Tensor(np.array([10.0, 20.0]), requires_grad=True)
    y = x * 2
    y[[0, 2], 1] = v
    (y * Tensor(X)).sum().backward()
    assert x.grad is not None
    assert v.grad is not None
    expected = 2 * X
    expected[[0, 2], 1] = 0
    np.testing.assert_array_equal(x.grad.numpy(), expected)
    assert v.grad.numpy().tolist() == [X[0, 1], X[2, 1]]


def test_the_last_one_written_stays_and_has_the_gradient() -> None:
    v = Tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    y = ix.setitem(Tensor(np.zeros(2)), ([0, 1, 0],), v)
    assert y.numpy().tolist() == [3.0, 2.0]
    y.sum().backward()
    assert v.grad is not None
    assert v.grad.numpy().tolist() == [0.0, 1.0, 1.0]


def test_setitem_changes_no_input() -> None:
    x = X.copy()
    y = ix.setitem(x, 0, 7.0)
    np.testing.assert_array_equal(x, X)
    assert y[0].tolist() == [7.0] * 4


def test_writing_in_place_and_in_other_dtypes() -> None:
    x = Tensor(np.zeros((2, 3), np.float32))
    with no_grad():
        x[0] = [1, 2, 3]
        x[1, 1:] = np.float64(5)
        x[x == 2] = True
    assert x.numpy().tolist() == [[1.0, 1.0, 3.0], [0.0, 5.0, 5.0]]
    assert x.dtype == np.float32
    assert ix.setitem(np.zeros(2, np.int64), 0, 2.0).tolist() == [2, 0]
    with pytest.raises(ValueError, match=r"setitem\(\): 1.9 is no number of dtype int64"):
        ix.setitem(np.zeros(2, np.int64), 0, 1.9)
    assert ix.setitem(np.zeros(2, np.int64), 0, np.array(1.9)).tolist() == [1, 0]  # an array is cast


def test_read_only_memory_is_not_written() -> None:
    x = Tensor(np.zeros((1, 3))).expand(2, 3)
    with pytest.raises(RuntimeError, match="read-only"):
        x[0] = 1.0
    assert not x.numpy().any()


def test_a_gradient_is_not_lost_in_integers() -> None:
    v = Tensor(np.array(1.0), requires_grad=True)
    with pytest.raises(TypeError, match=r"requires grad cannot be written into a tensor of dtype int64.*detach"):
        ix.setitem(Tensor(np.zeros(2, np.int64)), 0, v)
    with no_grad():
        assert ix.setitem(Tensor(np.zeros(2, np.int64)), 0, v).numpy().tolist() == [1, 0]


@pytest.mark.parametrize("index", [0, [0, 1], np.array([], np.int64), slice(0, 0)])
@pytest.mark.parametrize("shape", [(2, 1, 4), (3,), (0, 1, 1), (5, 0)])
def test_values_that_do_not_fit(index: Any, shape: tuple[int, ...]) -> None:
    x = Tensor(X.copy())
    with pytest.raises(ValueError, match="does not broadcast to the indexed shape"):
        x[index] = np.ones(shape)
    np.testing.assert_array_equal(x.numpy(), X)


# ---------------------------------------------------------------------------------------------------- along a dimension
def test_gather_and_scatter_take_small_integer_dtypes() -> None:
    x = np.arange(400.0).reshape(100, 4)
    i = np.full((100, 1), 3, np.uint8)
    np.testing.assert_array_equal(ix.gather(x, 1, i)[:, 0], x[:, 3])
    y = ix.scatter_add(np.zeros((100, 4)), 1, i, np.ones((100, 1)))
    np.testing.assert_array_equal(y, np.eye(4)[3] * np.ones((100, 1)))


def test_an_empty_index_gathers_nothing_in_its_own_shape() -> None:
    assert ix.gather(X, 1, np.zeros((5, 0), np.int64)).shape == (5, 0)
    assert ix.gather(X, 1, np.zeros(0, np.int64)).shape == (0,)
    np.testing.assert_array_equal(ix.scatter(X, 1, np.zeros(0, np.int64), np.ones(0)), X)


def test_0d_counts_as_one_entry() -> None:
    assert ix.gather(np.array(3.0), 0, np.array(0)).shape == ()
    assert ix.gather(np.array(3.0), 0, np.array([0, 0])).tolist() == [3.0, 3.0]
    assert ix.scatter(np.array(3.0), 0, np.array(0), np.array(5.0)).item() == 5.0


I0 = np.array([[0]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ix.gather(X, 1, np.array([[0], [4]])), IndexError, r"index 4 at position \(1, 0\).*expected 0 to 3"),
        (lambda: ix.gather(X, 1, np.array([[-1]])), IndexError, "index -1"),
        (lambda: ix.gather(X, 1, np.zeros((4, 1), int)), ValueError, r"\(4, 1\).*\(3, 4\)"),
        (lambda: ix.gather(X, 1, np.zeros(1, int)), ValueError, "as many dimensions"),
        (lambda: ix.gather(X, 2, I0), IndexError, "dim=2"),
        (lambda: ix.gather(X, 1, I0.astype(float)), TypeError, "float64"),
        (lambda: ix.gather(X, 1, [[0]]), TypeError, "list"),
        (lambda: ix.scatter(X, 1, I0), TypeError, "either src or value"),
        (lambda: ix.scatter(X, 1, I0, np.ones((1, 1)), value=1), TypeError, "either src or value"),
        (lambda: ix.scatter(X, 1, I0, np.ones((1, 1), np.float32)), TypeError, "float32, but the input float64"),
        (lambda: ix.scatter(X, 1, np.array([[0, 1]]), np.ones((1, 1))), ValueError, "smaller than the index"),
        (lambda: ix.scatter_add(X, 1, I0 + 9, np.ones((1, 1))), IndexError, "index 9"),
        (lambda: ix.take_along_dim(X, np.array([1]), 1), ValueError, "same number of dimensions"),
        (lambda: ix.take_along_dim(X, np.zeros((2, 1), int), 1), ValueError, "do not broadcast"),
        (lambda: ix.take_along_dim(X, np.array([[-5]]), 1), IndexError, "index -5"),
        (lambda: ix.narrow(X, 0, 2, 2), ValueError, "start=2 and length=2 do not fit in size 3"),
        (lambda: ix.narrow(X, 0, 4, 0), IndexError, "start=4"),
        (lambda: ix.narrow(X, 0, 0, -1), ValueError, "length=-1"),
        (lambda: ix.narrow(np.array(1.0), 0, 0, 1), ValueError, "0-d"),
        (lambda: ix.select(X, 1, 4), IndexError, "index 4 is out of range for dimension 1 of size 4"),
        (lambda: ix.select(np.array(1.0), 0, 0), IndexError, "0-d"),
    ],
)
def test_errors_say_what_came_and_what_was_expected(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
