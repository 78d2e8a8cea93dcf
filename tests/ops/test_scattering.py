"""Examples and errors of `tinygrad_cnn.ops.scattering` and `sliding`; their properties are in `test_cases`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.ops import scattering as s
from tinygrad_cnn.ops import sliding
from tinygrad_cnn.ops.grids import sum_to_size
from tinygrad_cnn.tensors import Tensor

X = np.arange(6.0).reshape(2, 3)
I0 = np.array([[0]])


def test_what_was_there_takes_part_or_not() -> None:
    x, i, src = np.array([10.0, 20.0, 30.0]), np.array([0, 0, 2]), np.array([1.0, 2.0, 90.0])
    expected = {"sum": [13, 20, 120], "mean": [13 / 3, 20, 60], "prod": [20, 20, 2700], "amax": [10, 20, 90]}
    alone = {"sum": [3, 20, 90], "mean": [1.5, 20, 90], "prod": [2, 20, 90], "amax": [2, 20, 90]}
    for reduce in expected:
        np.testing.assert_allclose(s.scatter_reduce(x, 0, i, src, reduce), expected[reduce])
        np.testing.assert_allclose(s.scatter_reduce(x, 0, i, src, reduce, include_self=False), alone[reduce])


def test_a_tie_is_shared_by_all_that_are_counted() -> None:
    for include_self, own, sent in ((True, 1 / 3, 1 / 3), (False, 0, 1 / 2)):
        x, src = (tg.tensor(v, dtype=tg.float64, requires_grad=True) for v in ([5.0, 1.0], [5.0, 5.0, 2.0]))
        tg.scatter_reduce(x, 0, tg.tensor([0, 0, 0]), src, "amax", include_self=include_self).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), [own, 1])  # type: ignore[union-attr]
        np.testing.assert_allclose(src.grad.numpy(), [sent, sent, 0])  # type: ignore[union-attr]


def test_the_last_of_an_integer_dtype_can_win() -> None:
    x = np.array([3, 3], np.int8)
    src = np.array([-128, -128], np.int8)
    assert s.scatter_reduce(x, 0, np.array([0, 0]), src, "amax", include_self=False).tolist() == [-128, 3]
    assert s.scatter_reduce(x, 0, np.array([0, 0]), -1 - src, "amin", include_self=False).tolist() == [127, 3]


def test_the_mean_of_integers_is_rounded_down() -> None:
    y = s.scatter_reduce(np.array([0, 1]), 0, np.array([0, 1]), np.array([-5, 4]), "mean")
    assert y.tolist() == [-3, 2]
    assert y.dtype == np.int64


def test_an_index_of_nothing_changes_nothing() -> None:
    for reduce in ("sum", "prod", "mean", "amax", "amin"):
        y = s.scatter_reduce(X, 1, np.zeros((0, 0), np.int64), np.zeros((0, 0)), reduce, include_self=False)
        np.testing.assert_array_equal(y, X)


def test_repeated_entries_add_up() -> None:
    y = s.index_put(X, (np.array([0, 0]), np.array([1, 1])), np.array([5.0, 7.0]), accumulate=True)
    assert y[0].tolist() == [0, 13, 2]
    half = s.index_put(X.astype(np.float32), (np.array([0]),), np.float32([1, 1, 1]), accumulate=True)
    assert half.dtype == np.float32


def test_windows_share_memory_and_overlap() -> None:
    x = tg.zeros(6)
    apart, overlapping = x.unfold(0, 2, 2), x.unfold(0, 3, 1)
    apart[1, 0] = 5.0
    assert x.tolist() == [0, 0, 5, 0, 0, 0]
    assert overlapping[0].tolist() == [0, 0, 5]
    with pytest.raises(RuntimeError, match="read-only"):
        overlapping += 1


def test_a_write_through_a_window_is_noticed() -> None:
    """Also though NumPy puts an object of its own between a view with new strides and the memory."""
    x = tg.tensor([1.0, 2.0, 3.0], dtype=tg.float64, requires_grad=True)
    y = x.cos()
    with tg.no_grad():
        x.unfold(0, 2, 3)[0] = 5.0
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()
    z = x * 1
    windows = z.unfold(0, 1, 2)
    windows *= 3
    (z * z).sum().backward()
    assert z.tolist() == [15.0, 5.0, 9.0]
    assert x.grad.tolist() == [90.0, 10.0, 54.0]  # type: ignore[union-attr]


def test_sums_to_sizes() -> None:
    x = tg.ones(2, 3)
    assert x.sum_to_size(2, 3) is x
    assert x.sum_to_size(3).tolist() == [2, 2, 2]
    assert x.sum_to_size(()).item() == 6
    assert tg.tensor([True, True]).sum_to_size(1).dtype == np.int64


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: s.scatter(X, 1, I0, np.ones((1, 1)), reduce="mean"), ValueError, '"add" or "multiply", got \'mean\''),
        (lambda: s.scatter(X, 1, I0, reduce="add"), TypeError, "either src or value"),
        (lambda: s.scatter_reduce(X, 1, I0, np.ones((1, 1)), "add"), ValueError, "one of sum, prod, mean, amax, amin"),
        (lambda: s.scatter_reduce(X, 1, I0 + 3, np.ones((1, 1)), "sum"), IndexError, "index 3"),
        (lambda: s.scatter_reduce(X, 1, I0, np.ones((1, 1), "f4"), "sum"), TypeError, "float32, but the input float64"),
        (lambda: s.scatter_reduce(X > 1, 1, I0, I0 > 1, "mean"), TypeError, "no mean"),
        (lambda: s.index_reduce(X, 0, I0[0], X[:1], "sum"), ValueError, "one of prod, mean, amax, amin"),
        (lambda: s.index_reduce(X, 0, I0[0], X, "prod"), ValueError, "expected (1, 3)"),
        (lambda: s.index_put(X, np.array([0]), X[0]), TypeError, "a tuple of Tensors, got ndarray"),
        (lambda: s.index_put(X, (0,), X[0]), TypeError, "got int at position 0"),
        (lambda: s.index_put(X, (np.array([0]),), 5.0), TypeError, "values must be a Tensor, got float"),  # type: ignore[arg-type]
        (lambda: s.index_put(X, (np.array([0]),), X[0].astype("f4")), TypeError, "float32, but the input float64"),
        (lambda: s.index_put(X, (np.array([0]),), X[0, :2], True), ValueError, "(2,) do not broadcast"),
        (lambda: s.index_put(X, (np.array([2]),), X[0]), IndexError, "2"),
        (lambda: s.put(X, np.array([0, 1]), X[0]), IndexError, "names 2 places, but source has 3"),
        (lambda: s.put(X, np.array([6]), X[0, :1]), IndexError, "6"),
        (lambda: sliding.unfold(X, 1, 4, 1), ValueError, "size=4 is out of range for 3 entries"),
        (lambda: sliding.unfold(X, 1, 2, 0), ValueError, "step must be at least 1, got 0"),
        (lambda: sliding.unfold(X, 2, 1, 1), IndexError, "dimension=2"),
        (lambda: sum_to_size(X, 2), ValueError, "shape (2,) does not broadcast to (2, 3)"),
        (lambda: tg.where(Tensor(X) > 1, X), TypeError, "one to choose from"),
        (lambda: tg.tensor([1]).add(tg.tensor([1]), alpha=0.5), TypeError, "alpha must be an integer"),
        (lambda: tg.tensor([True]) << tg.tensor([True]), TypeError, "int()"),
        (lambda: tg.tensor([1.0]) >> 1, TypeError, "integers"),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()
