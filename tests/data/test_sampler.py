"""Samplers: every index as often as it should come, and the same order for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn.arrays.rng as rng
from tinygrad_cnn.data import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


@given(st.integers(0, 50))
def test_sequential(n: int) -> None:
    sampler = SequentialSampler(range(n))
    assert list(sampler) == list(range(n))
    assert len(sampler) == n


@given(st.integers(1, 30), st.integers(1, 100), st.integers(0, 2**31))
def test_random_takes_each_index_equally_often(n: int, wanted: int, seed: int) -> None:
    sampler = RandomSampler(range(n), num_samples=wanted, generator=rng.Generator(seed))
    order = list(sampler)
    assert len(order) == len(sampler) == wanted
    for start in range(0, wanted, n):  # one permutation after the other
        piece = order[start : start + n]
        assert len(set(piece)) == len(piece)
        assert set(piece) <= set(range(n))
    assert all(type(i) is int for i in order)


def test_random_order_and_seed() -> None:
    generator = rng.Generator(5)
    first, second = (list(RandomSampler(range(100), generator=generator)) for _ in range(2))
    assert first != second
    assert sorted(first) == list(range(100))
    assert list(RandomSampler(range(100), generator=generator.manual_seed(5))) == first
    rng.manual_seed(1)
    a = list(RandomSampler(range(100)))
    rng.manual_seed(1)
    assert list(RandomSampler(range(100))) == a


def test_random_with_replacement_repeats() -> None:
    order = list(RandomSampler(range(20), replacement=True, num_samples=4000, generator=rng.Generator(0)))
    counts = np.bincount(order, minlength=20)
    assert counts.min() > 120  # 200 expected, standard deviation 14
    assert counts.max() < 280
    assert len(set(order[:20])) < 20


def test_weighted_follows_its_weights() -> None:
    sampler = WeightedRandomSampler([1.0, 0.0, 3.0], 4000, generator=rng.Generator(0))
    counts = np.bincount(list(sampler), minlength=3)
    assert len(sampler) == 4000
    assert counts[1] == 0
    assert 850 < counts[0] < 1150
    alone = WeightedRandomSampler(np.array([5, 1, 0, 2]), 3, replacement=False, generator=rng.Generator(0))
    assert sorted(alone) == [0, 1, 3]


@given(st.integers(0, 40), st.integers(1, 12), st.booleans(), st.booleans())
def test_batches_cut_the_order(n: int, size: int, drop_last: bool, known: bool) -> None:
    inner = SequentialSampler(range(n)) if known else range(n)
    sampler = BatchSampler(inner, size, drop_last)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    wanted = [list(range(i, min(i + size, n))) for i in range(0, n, size)]
    assert batches == [b for b in wanted if len(b) == size or not drop_last]
    assert all(type(i) is int for b in batches for i in b)


def test_a_subclass_that_iterates_differently_is_asked() -> None:
    class Backwards(SequentialSampler):
        def __iter__(self):
            return iter(range(len(self) - 1, -1, -1))

    assert list(BatchSampler(Backwards(range(5)), 2, False)) == [[4, 3], [2, 1], [0]]


def test_refusals() -> None:
    class Nothing(Sampler[int]):
        pass

    with pytest.raises(NotImplementedError, match="Nothing must define __iter__"):
        iter(Nothing())
    with pytest.raises(ValueError, match="the dataset is empty"):
        RandomSampler([])
    for bad in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="num_samples must be an integer >= 1"):
            RandomSampler([1], num_samples=bad)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="batch_size must be an integer >= 1"):
            BatchSampler([1], bad, False)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="drop_last must be True or False"):
        BatchSampler([1], 1, 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="replacement must be True or False"):
        RandomSampler([1], replacement=1)  # type: ignore[arg-type]
    for weights in ([-1.0, 2.0], [0.0, 0.0], [float("nan"), 1.0]):
        with pytest.raises(ValueError, match="weights must be finite"):
            WeightedRandomSampler(weights, 1)
    with pytest.raises(ValueError, match="1-d"):
        WeightedRandomSampler([[1.0]], 1)
    with pytest.raises(ValueError, match="cannot draw 2 indices without replacement from 1"):
        WeightedRandomSampler([1.0, 0.0], 2, replacement=False)
    with pytest.raises(TypeError, match="generator must be"):
        list(RandomSampler([1], generator=np.random.RandomState(0)))  # type: ignore[arg-type]


def test_a_subset_in_random_order() -> None:
    sampler = SubsetRandomSampler([3, 5, 9, 3], generator=rng.Generator(0))
    orders = [list(sampler) for _ in range(20)]
    assert all(sorted(order) == [3, 3, 5, 9] for order in orders)
    assert len({tuple(order) for order in orders}) > 1
    assert (len(sampler), sampler.indices.tolist()) == (4, [3, 5, 9, 3])
    assert list(SubsetRandomSampler([])) == []
    again = SubsetRandomSampler(np.array([3, 5, 9, 3]), generator=rng.Generator(0))
    assert [list(again) for _ in range(20)] == orders


@pytest.mark.parametrize("indices", [[0.5], [[1, 2]], ["a"]])
def test_a_subset_of_no_indices_is_refused(indices) -> None:
    with pytest.raises(TypeError, match="SubsetRandomSampler: indices must be a 1-d sequence of integers"):
        SubsetRandomSampler(indices)


@pytest.mark.parametrize("wanted", [1, 3, 4, 5, 8, 9])
def test_permutations_one_after_another(wanted: int) -> None:
    order = RandomSampler(range(4), num_samples=wanted, generator=rng.Generator(2)).order()
    assert len(order) == len(list(RandomSampler(range(4), num_samples=wanted))) == wanted
    for start in range(0, wanted, 4):
        part = order[start : start + 4].tolist()
        assert len(set(part)) == len(part)
        assert len(part) < 4 or sorted(part) == [0, 1, 2, 3]


def test_draws_with_replacement_are_of_all_indices() -> None:
    sampler = RandomSampler(range(3), replacement=True, num_samples=300, generator=rng.Generator(0))
    assert set(sampler) == {0, 1, 2}
    assert len(sampler) == 300
    assert len(list(RandomSampler(range(3), replacement=True))) == 3
    with pytest.raises(ValueError, match="nothing to draw from, the dataset is empty"):
        RandomSampler([])


def test_weights_are_shares() -> None:
    drawn = list(WeightedRandomSampler([1, 0, 3], 4000, generator=rng.Generator(0)))
    assert set(drawn) == {0, 2}
    assert abs(drawn.count(2) / 4000 - 0.75) < 0.04
    assert sorted(WeightedRandomSampler([1, 0, 3], 2, replacement=False)) == [0, 2]


@pytest.mark.parametrize("indices", [[0.5], [[1]], ["a"], [True]])
def test_indices_are_whole_numbers_in_a_row(indices: Any) -> None:
    with pytest.raises(TypeError, match=r"indices must be a 1-d sequence of integers, got shape \(1"):
        SubsetRandomSampler(indices)
    assert list(SubsetRandomSampler([])) == []
    assert sorted(SubsetRandomSampler(np.array([5, 2], np.uint8))) == [2, 5]
    assert len(SubsetRandomSampler([7, 7, 8])) == 3


@pytest.mark.parametrize("sampler", [SequentialSampler(range(5)), list(range(5)), range(5)])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_lists_of_indices(sampler: Any, size: int, drop_last: bool) -> None:
    expected = [list(range(i, min(i + size, 5))) for i in range(0, 5, size)]
    expected = [b for b in expected if len(b) == size or not drop_last]
    batches = BatchSampler(sampler, size, drop_last)
    assert (list(batches), len(batches)) == (expected, len(expected))
    assert list(batches) == expected  # and again
