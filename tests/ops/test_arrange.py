"""What the cases of `tinygrad_cnn.ops.arrange` cannot see: copies, messages, calling forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.ops import arrange as a
from tinygrad_cnn.tensors import Tensor

X = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    "copy",
    [
        lambda x: a.flip(x, 0),
        lambda x: a.flip(x, ()),
        lambda x: a.fliplr(x),
        lambda x: a.roll(x, 0, 0),
        lambda x: a.rot90(x, 0),
        lambda x: a.rot90(x),
        lambda x: a.tril(x, 9),
        lambda x: a.diag(x),
    ],
)
def test_copies_have_their_own_memory(copy: Any) -> None:
    x = Tensor(X.copy())
    y = copy(x)
    assert not np.shares_memory(x.numpy(), y.numpy())
    assert y._view is None


def test_flip_keeps_the_memory_order_and_goes_forward() -> None:
    x = np.moveaxis(np.zeros((2, 3, 4, 5)), -1, 0)
    assert a.flip(x, (0, 2)).strides == x.strides


def test_diagonal_is_a_view() -> None:
    x = Tensor(X.copy())
    assert np.shares_memory(a.diagonal(x).numpy(), x.numpy())


def test_repeat_interleave_of_counts_alone() -> None:
    assert a.repeat_interleave(np.array([1, 0, 2])).tolist() == [0, 2, 2]
    assert isinstance(a.repeat_interleave(Tensor(np.array([1, 0, 2]))), Tensor)


def test_repeat_interleave_by_a_tensor_of_counts_adds_up_in_the_gradient() -> None:
    x = Tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    y = a.repeat_interleave(x, Tensor(np.array([1, 0, 2])), output_size=3)
    assert y.numpy().tolist() == [1.0, 3.0, 3.0]
    y.backward(Tensor(np.array([1.0, 10.0, 100.0])))
    assert x.grad is not None
    assert x.grad.numpy().tolist() == [1.0, 0.0, 110.0]


def test_tril_keeps_integers_and_booleans() -> None:
    assert a.tril(np.ones((2, 2), np.int32)).dtype == np.int32
    assert a.triu(np.ones((2, 2), bool)).tolist() == [[True, True], [False, True]]


def test_methods_take_numbers_apart_or_as_a_tuple() -> None:
    x = Tensor(X.copy())
    np.testing.assert_array_equal(x.flip(0, 1).numpy(), X[::-1, ::-1])
    np.testing.assert_array_equal(x.flip((0, 1)).numpy(), X[::-1, ::-1])
    assert x.repeat(2, 1, 1).shape == x.repeat((2, 1, 1)).shape == (2, 3, 4)
    assert x.tile(2).shape == x.tile((2,)).shape == (3, 8)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: a.flip(X, (0, 0)), ValueError, "twice"),
        (lambda: a.flip(X, 2), IndexError, "dims=2"),
        (lambda: a.fliplr(X[0]), ValueError, r"shape \(4,\)"),
        (lambda: a.flipud(np.float64(1)), ValueError, "0-d"),
        (lambda: a.roll(X, (1, 2), 0), ValueError, "one shift for each"),
        (lambda: a.roll(X, (), ()), ValueError, "one shift for each"),
        (lambda: a.roll(X, (1, 2)), ValueError, "one shift for each"),
        (lambda: a.roll(np.float64(1), 1, 0), IndexError, "0-d"),
        (lambda: a.roll(X[:0], 1, 5), IndexError, "dims=5"),
        (lambda: a.rot90(X, 1, (0, -2)), ValueError, "twice"),
        (lambda: a.rot90(X, 1, (0, 1, 2)), ValueError, "plane"),
        (lambda: a.rot90(X[0]), ValueError, "at least 2"),
        (lambda: a.repeat(X, 2), ValueError, r"\(2,\) has fewer"),
        (lambda: a.repeat(X, -1, 1), ValueError, "negative"),
        (lambda: a.repeat(X[:0], -1, 1), ValueError, "negative"),
        (lambda: a.repeat_interleave(X, -1), ValueError, "-1"),
        (lambda: a.repeat_interleave(X, np.array([1, 2]), 0), ValueError, "2 repeats for the 3"),
        (lambda: a.repeat_interleave(X, np.array([1.0]), 0), TypeError, "float64"),
        (lambda: a.repeat_interleave(X, np.ones((1, 1), int), 0), ValueError, r"\(1, 1\)"),
        (lambda: a.repeat_interleave(X, 2, 0, output_size=5), ValueError, "make 6"),
        (lambda: a.repeat_interleave(np.array([1, -1])), ValueError, "not negative"),
        (lambda: a.repeat_interleave(np.float64(1), 2, 0), IndexError, "0-d"),
        (lambda: a.tril(X[0]), ValueError, "at least 2"),
        (lambda: a.triu(X, 0.5), TypeError, "float"),
        (lambda: a.diagonal(X, 0, 0, -2), ValueError, "same dimension"),
        (lambda: a.diagonal(X[0]), IndexError, "dim2=1"),
        (lambda: a.diag(X[None]), ValueError, "vector or a matrix"),
        (lambda: a.diag_embed(np.float64(1)), IndexError, "0-d"),
        (lambda: a.diag_embed(X, 0, 1, 1), ValueError, "same dimension"),
    ],
)
def test_errors_say_what_came_and_what_was_expected(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
