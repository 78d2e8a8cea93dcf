"""What the cases cannot see of `ops.reduce`: dtypes, errors, order of memory, derivatives at zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import autograd
from tinygrad_cnn.ops import reduce as r
from tinygrad_cnn.tensors import Tensor


def test_small_integers_do_not_overflow() -> None:
    assert r.sum(np.full(300, 200, np.uint8)) == 60000
    assert r.sum(Tensor(np.full(300, 200, np.uint8))).dtype == np.int64
    assert r.prod(Tensor(np.full(4, 100, np.int8))).item() == 100**4
    assert r.sum(Tensor(np.ones(3, bool))).dtype == np.int64


def test_half_precision_adds_up_in_float32() -> None:
    x = np.full((3000, 2), 1, np.float16)  # in half precision, 2048 + 1 = 2048
    assert r.sum(Tensor(x), 0).numpy().tolist() == [3000, 3000]
    assert r.mean(Tensor(x), 0).dtype == np.float16


def test_dtype_casts_first() -> None:
    x = Tensor(np.array([1, 2], np.int64))
    assert r.mean(x, dtype=np.float64).item() == 1.5
    assert r.sum(x, dtype=np.float32).dtype == np.float32
    assert r.nansum(x, dtype=np.float32).dtype == np.float32
    assert r.prod(x, dtype=np.float64).dtype == np.float64


def test_mean_of_integers_says_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"mean: needs a floating dtype, got int64; pass dtype=float32"):
        r.mean(Tensor(np.arange(3)))


def test_nothing() -> None:
    x = Tensor(np.zeros((2, 0)))
    assert r.sum(x).item() == 0
    assert r.prod(x, 1).numpy().tolist() == [1, 1]
    assert np.isnan(r.mean(x, 1).numpy()).all()
    assert np.isnan(r.nanmean(x).item())
    assert r.all(x).item() is True
    assert r.any(x).item() is False


def test_empty_tuple_means_all_dimensions() -> None:
    x = Tensor(np.arange(6.0).reshape(2, 3))
    assert r.sum(x, ()).item() == 15
    assert r.sum(x, (), True).shape == (1, 1)


@pytest.mark.parametrize(
    ("dim", "error"), [(2, IndexError), (-3, IndexError), ((0, 0), ValueError), ((0, -2), ValueError), ("a", TypeError)]
)
def test_wrong_dimensions(dim: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="dim"):
        r.sum(Tensor(np.ones((2, 3))), dim)  # type: ignore[arg-type]


def test_lists_are_refused() -> None:
    with pytest.raises(TypeError, match="list"):
        r.sum([1, 2])


def test_nan_counts_as_nothing() -> None:
    x = Tensor(np.array([[1.0, np.nan], [3.0, np.nan]]), requires_grad=True)
    assert r.nansum(x).item() == 4
    means = r.nanmean(x, 0)
    np.testing.assert_array_equal(means.numpy(), [2, np.nan])
    r.nanmean(x).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[0.5, 0], [0.5, 0]])


@pytest.mark.parametrize("zeros", [1, 2, 3])
def test_second_derivatives_of_a_product_with_zeros(zeros: int) -> None:
    """d2/dxi dxj is the product of all others, whatever is 0."""
    x = np.array([2.0, 3.0, 5.0, 7.0])
    x[:zeros] = 0
    t = Tensor(x, requires_grad=True)
    (first,) = autograd.grad(r.prod(t), t, create_graph=True)
    for i in range(4):
        (row,) = autograd.grad(first[i], t, retain_graph=True)
        expected = [0 if j == i else np.prod(np.delete(x, [i, j])) for j in range(4)]
        np.testing.assert_allclose(row.numpy(), expected)


def test_gradient_of_a_sum_copies_nothing_on_its_way() -> None:
    spread = r.spread(np.float32(1), dim=None, keepdim=False, shape=(1000, 1000))
    assert spread.strides == (0, 0)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1)])
def test_any_memory_order_gives_the_same_sums(order: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal((4, 3, 5, 6)).astype(np.float32)
    y = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    for dim in (None, (0, 2, 3), 1, (2, 3)):
        np.testing.assert_allclose(r.sum(y, dim), r.sum(x, dim), rtol=1e-5, atol=1e-5)


def test_uint8_truths_stay_uint8() -> None:
    assert r.all(Tensor(np.ones(3, np.uint8))).dtype == np.uint8
    assert r.any(Tensor(np.ones(3, np.uint8))).dtype == np.uint8
    assert r.any(Tensor(np.ones(3, np.int32))).dtype == np.bool_


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int8, np.int16, np.int32, np.int64, np.float32, np.float64])
def test_a_dtype_is_that_of_the_result(dtype: Any) -> None:
    """Also one of integers, which are added up in int64."""
    x = tg.tensor([[1.0, 2.0], [3.0, 0.0]])
    for f in (tg.sum, tg.prod, tg.nansum):
        assert f(x, dtype=dtype).dtype == dtype
        assert f(x, 0, dtype=dtype).dtype == dtype
    assert tg.cumsum(x, 0, dtype=dtype).dtype == dtype
    assert tg.cumprod(x, 0, dtype=dtype).dtype == dtype
    assert tg.sum(tg.tensor([200, 100]), dtype=np.uint8).item() == 44
