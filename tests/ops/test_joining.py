"""What the cases of `tinygrad_cnn.ops.joining` cannot see: promotion, memory, messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.ops import joining as j
from tinygrad_cnn.tensors import Tensor

X = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ((np.int64, np.float32), np.float32),
        ((np.float32, np.float64), np.float64),
        ((np.bool_, np.int8), np.int8),
        ((np.float16, np.int64), np.float16),
        ((np.uint8, np.int8), np.int16),
    ],
)
def test_joining_promotes_as_pytorch(dtypes: tuple[Any, ...], expected: Any, torch: Any) -> None:
    arrays = [np.ones((2, 2), d) for d in dtypes]
    for join in (j.cat, j.stack):
        theirs = getattr(torch, join.__name__)([torch.tensor(x) for x in arrays])
        assert theirs.numpy().dtype == expected
        assert join([Tensor(x) for x in arrays]).dtype == join(arrays).dtype == expected


def test_the_gradient_goes_back_in_each_dtype() -> None:
    a = Tensor(np.ones(2, np.float32), requires_grad=True)
    b = Tensor(np.ones(2, np.float64), requires_grad=True)
    j.cat([a, b]).backward(Tensor(np.arange(4.0)))
    assert a.grad is not None
    assert b.grad is not None
    assert (a.grad.dtype, b.grad.dtype) == (np.float32, np.float64)
    assert (a.grad.numpy().tolist(), b.grad.numpy().tolist()) == ([0.0, 1.0], [2.0, 3.0])


def test_arrays_and_tensors_mix() -> None:
    assert isinstance(j.cat([X, Tensor(X)]), Tensor)
    assert isinstance(j.cat([X, X]), np.ndarray)


def test_empty_vectors_fit_everywhere() -> None:
    assert j.cat([X, np.zeros(0)], 1).shape == (3, 4)
    assert j.cat([np.zeros(0), X], -2).shape == (3, 4)
    assert j.cat([np.zeros(0), np.zeros(0)]).shape == (0,)
    e = Tensor(np.zeros(0), requires_grad=True)
    j.cat([Tensor(X), e]).sum().backward()
    assert e.grad is not None
    assert e.grad.shape == (0,)


def test_cat_keeps_a_memory_order_that_all_share() -> None:
    x = np.moveaxis(np.zeros((2, 3, 4, 5)), -1, 0)
    assert j.cat([x, x], 1).strides[0] == 8


def test_parts_are_views() -> None:
    x = Tensor(X.copy())
    for parts in (j.split(x, 2), j.split(x, [1, 2]), j.chunk(x, 2, 1), j.tensor_split(x, 2), j.unbind(x)):
        assert all(np.shares_memory(p.numpy(), x.numpy()) for p in parts)


def test_the_number_of_parts() -> None:
    assert [p.shape[0] for p in j.chunk(np.zeros((5, 1)), 4)] == [2, 2, 1]
    assert [p.shape[0] for p in j.tensor_split(np.zeros((5, 1)), 4)] == [2, 1, 1, 1]
    assert [p.shape[0] for p in j.tensor_split(np.zeros((5, 1)), Tensor(np.array([1, 3])))] == [1, 2, 2]
    assert [p.shape[0] for p in j.tensor_split(np.zeros((5, 1)), np.array(2))] == [3, 2]
    assert [p.shape[0] for p in j.chunk(np.zeros((0, 1)), 3)] == [0, 0, 0]
    assert j.unbind(np.zeros((0, 2))) == ()


def test_many_parts_add_up_in_one_gradient() -> None:
    x = Tensor(X.copy(), requires_grad=True)
    total = 0.0
    for k, part in enumerate(j.split(x, 1, 1)):
        total = total + (part * float(k)).sum()
    total.backward()  # type: ignore[attr-defined]
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), np.broadcast_to(np.arange(4.0), (3, 4)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: j.cat([]), ValueError, "at least one"),
        (lambda: j.cat(X), TypeError, "list or tuple of tensors, got ndarray"),
        (lambda: j.cat(Tensor(X)), TypeError, "got Tensor"),
        (lambda: j.cat([X, [1.0]]), TypeError, "list"),
        (lambda: j.cat([X, X[:, :2]]), ValueError, r"tensor 1 has shape \(3, 2\).*\(3, 4\) along dimension 0"),
        (lambda: j.cat([X, X[0]]), ValueError, r"tensor 1 has shape \(4,\)"),
        (lambda: j.cat([np.array(1.0)]), ValueError, "0-d"),
        (lambda: j.cat([X], 2), IndexError, "dim=2"),
        (lambda: j.stack([X, X[:2]]), ValueError, r"tensor 1 has shape \(2, 4\), but tensor 0 has \(3, 4\)"),
        (lambda: j.stack([X], 3), IndexError, "-3 to 2"),
        (lambda: j.split(X, 0), ValueError, "positive, got 0"),
        (lambda: j.split(X, [1, 1]), ValueError, r"\(1, 1\) do not add up to the 3"),
        (lambda: j.split(X, [4, -1]), ValueError, "do not add up"),
        (lambda: j.split(X, 1.5), TypeError, "1.5"),
        (lambda: j.split(np.array(1.0), 1), ValueError, "0-d"),
        (lambda: j.chunk(X, 0), ValueError, "positive, got 0"),
        (lambda: j.tensor_split(X, 0), ValueError, "positive, got 0"),
        (lambda: j.unbind(np.array(1.0)), ValueError, "0-d"),
        (lambda: j.hsplit(X, 3), ValueError, "4 entries do not make 3 equal parts"),
        (lambda: j.hsplit(X, 0), ValueError, "0 equal parts"),
        (lambda: j.vsplit(X[0], 1), ValueError, "at least 2"),
        (lambda: j.dsplit(X, 1), ValueError, "at least 3"),
    ],
)
def test_errors_say_what_came_and_what_was_expected(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
