"""What the cases cannot see of quantiles, statistics, distances and membership: NaN, error texts, positions."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.tensors import Tensor


def test_a_nan_makes_the_quantile_nan_and_nanquantile_leaves_it_out() -> None:
    x = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0], [np.nan] * 3])
    np.testing.assert_array_equal(tg.quantile(x, 0.0, 1), [np.nan, 4, np.nan])
    np.testing.assert_array_equal(tg.nanquantile(x, 0.5, 1), [2, 5, np.nan])
    np.testing.assert_array_equal(tg.quantile(x, np.array([0.0, 1.0]), 1, keepdim=True)[:, 1], [[4], [6]])


def test_a_histogram_of_one_value_reaches_a_half_to_both_sides() -> None:
    counts, edges = tg.histogram(np.array([2.0, 2.0]), 3)
    np.testing.assert_array_equal(counts, [0, 2, 0])
    np.testing.assert_allclose(edges, [1.5, 11 / 6, 13 / 6, 2.5], rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: tg.quantile(np.ones(3), 1.5), "q must lie in [0, 1], got 1.5"),
        (lambda: tg.quantile(np.ones(3), np.ones(1, np.float32)), "q has dtype float32, but the input float64"),
        (lambda: tg.quantile(np.ones(3), np.ones((1, 1))), "a number or a vector, got shape (1, 1)"),
        (lambda: tg.quantile(np.ones(3), 0.5, interpolation="cubic"), "linear, lower, higher, midpoint, nearest"),
        (lambda: tg.quantile(np.ones(0), 0.5), "of nothing"),
        (lambda: tg.cdist(np.ones((2, 3)), np.ones((2, 4))), "(..., n, k) and (..., m, k), got (2, 3) and (2, 4)"),
        (lambda: tg.cdist(np.ones((2, 3)), np.ones((2, 3)), p=-1), "p must be a number >= 0"),
        (lambda: tg.cdist(np.ones((2, 3)), np.ones((2, 3)), compute_mode="fast"), "compute_mode must be one of"),
        (lambda: tg.renorm(np.ones((2, 2)), 2, 0, -1.0), "maxnorm must be >= 0"),
        (lambda: tg.cov(np.ones((2, 2, 2))), "a matrix, a vector or a number"),
        (lambda: tg.cov(np.ones((2, 2)), fweights=np.array([1, -1])), "must not be negative, got -1"),
        (lambda: tg.cov(np.ones((2, 2)), aweights=np.ones(3)), "must be 2 floating numbers"),
        (lambda: tg.histogram(np.ones(3), 0), "bins must be at least 1"),
        (lambda: tg.histogram(np.ones(3), np.array([1.0, 0.0])), "an ascending vector"),
        (lambda: tg.histogram(np.ones(3), 2, range=(1.0, 0.0)), "must be finite and ascending"),
        (lambda: tg.trapezoid(np.ones(3), np.ones(3), dx=1.0), "not both"),
        (lambda: tg.trapezoid(np.ones(3), np.ones(2)), "3 values along dimension"),
        (lambda: tg.gradient(np.ones(2), edge_order=2), "needs 3 samples along each dimension"),
        (lambda: tg.cartesian_prod(np.ones((2, 2))), "expected vectors, got shape (2, 2)"),
        (lambda: tg.broadcast_shapes((2,), (3,)), "(2,), (3,) do not broadcast together"),
        (lambda: tg.isin(1, 2), "got two numbers"),
        (lambda: tg.unravel_index(np.array([6]), (2, 3)), "do not lie in the 6 elements of shape (2, 3)"),
        (lambda: tg.gcd(np.ones(2), np.ones(2)), "needs integers"),
        (lambda: tg.select_scatter(np.ones((2, 3)), np.ones(2), 0, 0), "src has shape (2,), but the part"),
        (lambda: tg.select_scatter(np.ones((2, 3)), np.ones(3), 0, 5), "index 5 is out of range"),
        (lambda: tg.diagonal_scatter(np.ones((2, 3)), np.ones(3)), "src has shape (3,), but the diagonal (2,)"),
        (lambda: tg.searchsorted(np.ones(3), 1.0, sorter=np.arange(2)), "a sorter of shape (2,)"),
    ],
)
def test_errors_say_what_came(call: Callable[[], object], says: str) -> None:
    with pytest.raises((RuntimeError, TypeError, ValueError, IndexError), match=re.escape(says)):
        call()


def test_shapes_broadcast() -> None:
    assert tg.broadcast_shapes((2, 1), (3,), 1) == (2, 3)
    assert tg.broadcast_shapes() == ()


def test_the_slope_at_distance_0_is_0() -> None:
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    tg.cdist(x, x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.zeros((2, 3)))


def test_the_mode_is_the_smallest_of_the_most_frequent_and_where_it_stands_last() -> None:
    values, indices = tg.mode(np.array([3, 1, 3, 1, 2]))
    assert (int(values), int(indices)) == (1, 3)


def test_a_sequence_in_no_order_comes_with_a_sorter() -> None:
    s = np.array([3.0, 1.0, 2.0])
    np.testing.assert_array_equal(tg.searchsorted(s, np.array([0.5, 1.5, 9.0]), sorter=tg.argsort(s)), [0, 1, 3])
    with pytest.raises(IndexError):
        tg.searchsorted(s, 1.0, sorter=np.array([0, 1, 3]))


def test_slopes_at_uneven_places_are_those_of_parabolas() -> None:
    places = Tensor(np.array([0.0, 1.0, 3.0, 4.5]))
    (slopes,) = tg.gradient(places.square(), spacing=[places], edge_order=2)
    np.testing.assert_allclose(slopes.numpy(), 2 * places.numpy())
    (slopes,) = tg.gradient(places.square(), spacing=[places])
    np.testing.assert_allclose(slopes.numpy()[1:-1], 2 * places.numpy()[1:-1])


def test_of_real_numbers_the_parts_are_trivial() -> None:
    x = Tensor(np.array([[1.0, -2.0]]))
    assert not tg.is_complex(x)
    assert x.real is x
    assert x.mH.shape == x.H.shape == (2, 1)
    with pytest.raises(RuntimeError, match="use mH"):
        _ = Tensor(np.ones((1, 2, 3))).H


@pytest.mark.parametrize("dim", [-1, -2])
@pytest.mark.parametrize("function", [tg.trapezoid, tg.cumulative_trapezoid], ids=["trapezoid", "cumulative"])
def test_places_of_fewer_dimensions_hold_for_all_curves(function: Callable[..., Tensor], dim: int) -> None:
    rng = np.random.default_rng(0)
    y, x = tg.tensor(rng.normal(size=(2, 3, 4))), tg.tensor(rng.normal(size=(3, 4)))
    whole = function(y, x, dim=dim)
    for one, part in zip(y, whole, strict=True):
        np.testing.assert_array_equal(function(one, x, dim=dim).numpy(), part.numpy())
