"""What users write between brackets: its meaning, and the message when it has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn.ops.index import getitem
from tinygrad_cnn.ops.indices import parse
from tinygrad_cnn.tensors import Tensor

X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("index", "shape"),
    [
        ((0, slice(None), [1, 2]), (3, 2)),  # a number is no array: NumPy gives (2, 3)
        (([0, 1], slice(None), [1, 2]), (2, 3)),
        ((slice(None), [0, 1], [1, 2]), (2, 2)),
        ((slice(None), [[0], [1]], [1, 2]), (2, 2, 2)),
        (([0, 1], None, [1, 2]), (2, 1, 4)),
        ((True,), (1, 2, 3, 4)),
        ((False,), (0, 2, 3, 4)),
        ((slice(None), True), (2, 1, 3, 4)),
        (np.array(1), (3, 4)),
        (np.array(True), (1, 2, 3, 4)),
        ((np.int8(1), ...), (3, 4)),
        (([True, False], [0]), (1, 4)),
        ([], (0, 3, 4)),
        (range(2), (2, 3, 4)),
        ([[0, 1], [1, 0]], (2, 2, 3, 4)),
        ((..., np.array([], np.int64)), (2, 3, 0)),
        (np.ones((2, 3), bool), (6, 4)),
        ((slice(None), np.ones((3, 4), bool)), (2, 12)),
        ((), (2, 3, 4)),
    ],
)
def test_shapes(index: Any, shape: tuple[int, ...]) -> None:
    assert getitem(X, index).shape == shape
    assert getitem(Tensor(X), index).shape == shape


def test_tensors_index_tensors() -> None:
    x = Tensor(X)
    assert x[Tensor(np.array([1, 0]))].numpy().tolist() == X[[1, 0]].tolist()
    assert x[Tensor(np.array(1)), [Tensor(np.array(2))]].numpy().tolist() == X[1, [2]].tolist()
    assert x[x > 20].numpy().tolist() == [21.0, 22.0, 23.0]
    assert x[0, Tensor(np.array(1)) : Tensor(np.array(3))].shape == (2, 4)


def test_only_basic_indices_are_views() -> None:
    x = Tensor(X.copy())
    for basic in (0, slice(1, None), (..., 2), None, (0, 1, 2)):
        assert np.shares_memory(x[basic].numpy(), x.numpy())
    for advanced in ([0, 1], x > 3, True):
        assert not np.shares_memory(x[advanced].numpy(), x.numpy())


def test_an_index_array_is_copied() -> None:
    x = Tensor(np.zeros(3), requires_grad=True)
    i = np.array([0, 1])
    y = x[i]
    i[:] = 2
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.numpy().tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (2, IndexError, "index 2 is out of range for dimension 0 of size 2: expected -2 to 1"),
        ((0, -4), IndexError, "index -4 is out of range for dimension 1 of size 3: expected -3 to 2"),
        ((..., 7), IndexError, "index 7 is out of range for dimension 2"),
        ((0, 0, 0, 0), IndexError, r"4 for the 3 dimensions of shape \(2, 3, 4\)"),
        ((..., ...), IndexError, "one Ellipsis"),
        (slice(None, None, -1), ValueError, r"got -1; flip"),
        (slice(None, None, 0), ValueError, "at least 1, got 0"),
        (slice("a", None), TypeError, "str"),
        (1.5, IndexError, "float"),
        ("a", IndexError, "str"),
        ([0.5], IndexError, "float64"),
        ([0, 5], IndexError, "index 5 at position 1 of the index array is out of range for dimension 0 of size 2"),
        (
            (0, [[0, 1], [-4, 0]]),
            IndexError,
            r"index -4 at position \(1, 0\) .* dimension 1 of size 3: expected -3 to 2",
        ),
        (([0, 1], [0, 1, 2]), IndexError, r"\(2,\), \(3,\) do not broadcast"),
        (np.ones(3, bool), IndexError, r"mask of shape \(3,\) does not match the sizes \(2,\)"),
        ((0, np.ones((2, 4), bool)), IndexError, r"\(2, 4\) does not match the sizes \(3, 4\)"),
        (np.ones(2, np.uint8), IndexError, "uint8"),
    ],
)
def test_errors_say_what_came_and_what_was_expected(index: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(index, X.shape)


def test_a_dimension_without_entries() -> None:
    with pytest.raises(IndexError, match="dimension 0 of size 0: it has no entries"):
        getitem(X[:0], 0)
