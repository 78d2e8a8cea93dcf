"""What the cases cannot see of `ops.ordering`: equals, NaN, errors, calling forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_cnn.ops import ordering as o
from tinygrad_cnn.tensors import Tensor


def test_equals_keep_their_order_and_nan_is_largest() -> None:
    x = np.array([2.0, math.nan, 1.0, 2.0, 1.0])
    assert o.argsort(x).tolist() == [2, 4, 0, 3, 1]
    assert o.argsort(x, descending=True).tolist() == [1, 0, 3, 2, 4]
    assert o.sort(x, 0, True).indices.tolist() == [1, 0, 3, 2, 4]
    assert o.topk(x, 2).indices.tolist() == [1, 0]
    assert o.kthvalue(x, 5).indices == 1


def test_few_of_many_is_the_same_as_sorting() -> None:
    x = np.random.default_rng(0).permutation(1000).astype(np.float32).reshape(4, 250)
    for largest in (True, False):
        few, all_of_them = o.topk(x, 5, 1, largest), o.sort(x, 1, largest)
        np.testing.assert_array_equal(few.values, all_of_them.values[:, :5])
        np.testing.assert_array_equal(few.indices, all_of_them.indices[:, :5])


def test_gradients_go_back_where_the_elements_were() -> None:
    x = Tensor(np.array([3.0, 1.0, 2.0]), requires_grad=True)
    (o.sort(x).values * Tensor(np.array([1.0, 10.0, 100.0]))).sum().backward()
    assert x.grad.numpy().tolist() == [100, 1, 10]


def test_unique() -> None:
    x = Tensor(np.array([3, 1, 3]))
    assert isinstance(o.unique(x), Tensor)
    values, inverse, counts = o.unique(x, return_inverse=True, return_counts=True)
    assert values.numpy()[inverse.numpy()].tolist() == [3, 1, 3]
    assert counts.numpy().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: o.topk(np.ones(3), 4), r"k=4 of the 3 elements in dimension -1"),
        (lambda: o.kthvalue(np.ones(3), 0), r"k=0 must be between 1 and 3"),
        (lambda: o.bincount(np.array([1, -2])), r"smallest element -2"),
        (lambda: o.bincount(np.array([1.0])), r"dtype float64"),
        (lambda: o.bincount(np.array([1]), np.ones(2)), r"weights of shape \(2,\)"),
        (lambda: o.bincount(np.array([1]), minlength=-1), r"minlength"),
        (lambda: o.searchsorted(np.ones((2, 3)), np.ones((3, 3))), r"shape \(2, 3\)"),
        (lambda: o.histc(np.ones(3), 0), r"bins=0"),
        (lambda: o.histc(np.array([1.0, math.inf])), r"not finite"),
        (lambda: o.unique(np.ones((2, 0)), dim=0), r"no elements to compare"),
    ],
)
def test_errors(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(RuntimeError, match=message):
        call()


def test_searchsorted_sides() -> None:
    s, v = np.array([1, 2, 2, 3]), np.array([2])
    assert o.searchsorted(s, v).tolist() == o.searchsorted(s, v, side="left").tolist() == [1]
    assert o.searchsorted(s, v, side="right").tolist() == o.searchsorted(s, v, right=True).tolist() == [3]
    assert o.searchsorted(s, 2) == 1
    assert o.searchsorted(s, v, out_int32=True).dtype == np.int32
    with pytest.raises(ValueError, match="side"):
        o.searchsorted(s, v, side="middle")
    with pytest.raises(ValueError, match="contradict"):
        o.searchsorted(s, v, side="left", right=True)
