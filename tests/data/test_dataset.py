"""Datasets and random_split: what is indexed is what comes out, one by one or in batches."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_cnn.arrays.rng as rng
from tinygrad_cnn.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)
from tinygrad_cnn.data.dataset import batch_access, targets_of
from tinygrad_cnn.tensors import Tensor


class Squares(Dataset[int]):
    """No get_batch."""

    def __init__(self, n: int = 10) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < self.n:
            raise IndexError(index)
        return index**2


def pair(n: int, offset: int = 0) -> TensorDataset:
    rows = np.arange(offset, offset + n)
    return TensorDataset(np.repeat(rows[:, None], 3, axis=1).astype(np.float32), rows)


def test_tensor_dataset_gives_rows() -> None:
    x, y = np.arange(12.0).reshape(4, 3), Tensor(np.arange(4))
    data = TensorDataset(x, y)
    assert len(data) == 4
    assert data.tensors == (x, y) or data.tensors[0] is x
    np.testing.assert_array_equal(data[2][0], [6, 7, 8])
    assert data[-1][1].item() == 3
    a, b = data.get_batch(np.array([3, 0, 3]))
    np.testing.assert_array_equal(a, x[[3, 0, 3]])
    assert type(b) is np.ndarray
    np.testing.assert_array_equal(b, [3, 0, 3])
    a[:] = -1
    assert x.min() == 0  # a batch is a copy


def test_tensor_dataset_refuses() -> None:
    with pytest.raises(ValueError, match="at least one"):
        TensorDataset()
    with pytest.raises(ValueError, match=r"same length, got lengths \[3, 4\]"):
        TensorDataset(np.zeros(3), np.zeros(4))
    with pytest.raises(TypeError, match="got list as argument 1"):
        TensorDataset(np.zeros(3), [1, 2, 3])
    with pytest.raises(ValueError, match="no axis to index"):
        TensorDataset(np.zeros(()))
    with pytest.raises(ValueError, match="requires grad"):
        TensorDataset(Tensor(np.zeros(3), requires_grad=True))


def test_dataset_without_methods_says_so() -> None:
    class Empty(Dataset[int]):
        pass

    class Stream(IterableDataset[int]):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define __getitem__"):
        Empty()[0]
    with pytest.raises(NotImplementedError, match="Stream must define __iter__"):
        iter(Stream())
    with pytest.raises(TypeError, match="Empty has no __len__"):
        Subset(Empty(), [0])
    with pytest.raises(TypeError, match="a stream cannot be indexed"):
        random_split(Stream(), [1])  # type: ignore[arg-type]


@given(st.lists(st.integers(-7, 6), max_size=12))
def test_subset_is_the_dataset_at_indices(indices: list[int]) -> None:
    data = pair(7)
    part = Subset(data, indices)
    assert len(part) == len(indices)
    for k, i in enumerate(indices):
        assert part[k][1] == data[i][1]
    if indices:
        batch = part.get_batch(np.arange(len(indices)))
        np.testing.assert_array_equal(batch[1], np.arange(7)[indices])


class FromTheFront(Squares):
    """Knows no indices below 0, as `Dataset` has it."""

    def __getitem__(self, index: int) -> int:
        assert index >= 0
        return super().__getitem__(index)

    def get_batch(self, indices: np.ndarray) -> np.ndarray:
        assert (indices >= 0).all()
        return indices**2


def test_a_subset_counts_from_the_end_by_itself() -> None:
    part = Subset(FromTheFront(10), [-1, 0, -10])
    assert part.indices.tolist() == [9, 0, 0]
    assert [part[i] for i in range(3)] == [81, 0, 0]
    assert part.get_batch(np.arange(3)).tolist() == [81, 0, 0]
    assert part[-3] == 81  # here Python's own way of counting from the end
    assert Subset(part, [-3, -1])[0] == 81


@pytest.mark.parametrize(
    ("indices", "error", "match"),
    [
        ([0, 7], IndexError, r"indices\[1\] is 7, out of range for a dataset of 7"),
        ([-8], IndexError, "is -8"),
        ([0.5], TypeError, "integers"),
        ([[1]], TypeError, "1-d"),
        ([True], TypeError, "integers"),
    ],
)
def test_subset_refuses(indices: list, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        Subset(pair(7), indices)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.data())
def test_concat_is_one_after_the_other(sizes: list[int], data: st.DataObject) -> None:
    n = sum(sizes)
    starts = np.cumsum([0, *sizes])
    whole = ConcatDataset([pair(k, int(s)) for k, s in zip(sizes, starts, strict=False)])
    assert len(whole) == n
    assert [int(whole[i][1]) for i in range(n)] == list(range(n))
    assert [int(whole[i - n][1]) for i in range(n)] == list(range(n))
    for bad in (n, -n - 1):
        with pytest.raises(IndexError, match=f"index {bad} is out of range"):
            whole[bad]
    assume(n)
    wanted = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=9)))
    x, y = whole.get_batch(wanted)
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(x, wanted[:, None] * np.ones(3))


def test_plus_concatenates() -> None:
    whole = Squares(3) + Squares(2)
    assert [whole[i] for i in range(5)] == [0, 1, 4, 0, 1]


def test_concat_refuses() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ConcatDataset([])
    odd = ConcatDataset([pair(2), TensorDataset(np.zeros((2, 4), np.float32), np.arange(2))])
    with pytest.raises(ValueError, match=r"array 0 of a sample differs.*\(3,\) float32, \(4,\) float32"):
        odd.get_batch(np.arange(4))
    with pytest.raises(ValueError, match="different lengths"):
        ConcatDataset([pair(2), TensorDataset(np.zeros(2))]).get_batch(np.arange(4))


def test_batch_access_follows_the_newest_definition() -> None:
    class Doubled(TensorDataset):
        def __getitem__(self, index: int):
            return (super().__getitem__(index)[0] * 2,)

    class Batched(Doubled):
        def get_batch(self, indices):
            return (self.tensors[0][indices] * 2,)

    x = np.arange(4.0)
    assert batch_access(TensorDataset(x)) is not None
    assert batch_access(Doubled(x)) is None
    assert batch_access(Batched(x)) is not None
    assert batch_access([1, 2]) is None
    assert batch_access(Subset(TensorDataset(x), [0])) is not None
    assert batch_access(Subset(Doubled(x), [0])) is None
    assert batch_access(ConcatDataset([TensorDataset(x), Squares()])) is None
    assert batch_access(Subset(ConcatDataset([TensorDataset(x), TensorDataset(x)]), [0])) is not None
    for data in (Doubled(x), Batched(x), Subset(Doubled(x), range(4))):
        (batch,) = next(iter(DataLoader(data, batch_size=4)))
        np.testing.assert_array_equal(batch.numpy(), x * 2)


def test_targets_of() -> None:
    labelled = TensorDataset(np.zeros((3, 2)), np.array([5, 6, 7]))
    np.testing.assert_array_equal(targets_of(labelled), [5, 6, 7])
    np.testing.assert_array_equal(targets_of(Subset(labelled, [2, 0])), [7, 5])
    np.testing.assert_array_equal(targets_of(labelled + labelled), [5, 6, 7, 5, 6, 7])
    assert targets_of(TensorDataset(np.zeros((3, 2)))) is None
    assert targets_of(TensorDataset(np.zeros(3))) is None
    assert targets_of(labelled + Squares()) is None
    assert targets_of(Squares()) is None
    own = Squares(2)
    own.targets = ["a", "b"]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(targets_of(own), ["a", "b"])


# ------------------------------------------------------------------------------------------------ random_split


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(0, 2**32))
def test_split_by_counts_is_a_partition(counts: list[int], seed: int) -> None:
    assume(sum(counts) != 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = random_split(Squares(sum(counts)), counts, generator=rng.Generator(seed))
        again = random_split(Squares(sum(counts)), counts, generator=rng.Generator(seed))
    assert [len(p) for p in parts] == counts
    assert sorted(i for p in parts for i in p.indices) == list(range(sum(counts)))
    for p, q in zip(parts, again, strict=True):
        np.testing.assert_array_equal(p.indices, q.indices)


@given(st.integers(0, 200), st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_split_by_fractions_rounds_as_pytorch(n: int, weights: list[int]) -> None:
    fractions = [w / sum(weights) for w in weights]
    assume(sum(fractions) <= 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = [len(p) for p in random_split(Squares(n), fractions)]
    wanted = [int(np.floor(n * f)) for f in fractions]
    for i in range(n - sum(wanted)):
        wanted[i % len(wanted)] += 1
    assert got == wanted


def test_split_lengths_beside_pytorch(torch) -> None:
    for n, lengths in [(10, [1]), (10, [0.33, 0.33, 0.34]), (7, [0.5, 0.5]), (9, [4, 5]), (11, [0.7, 0.2, 0.1])]:
        theirs = torch.utils.data.random_split(range(n), lengths)
        assert [len(p) for p in random_split(Squares(n), lengths)] == [len(p) for p in theirs]


def test_split_follows_the_package_seed() -> None:
    rng.manual_seed(3)
    first = random_split(Squares(50), [25, 25])[0].indices
    second = random_split(Squares(50), [25, 25])[0].indices
    rng.manual_seed(3)
    np.testing.assert_array_equal(random_split(Squares(50), [25, 25])[0].indices, first)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, np.sort(first))


@given(st.lists(st.integers(0, 4), min_size=2, max_size=120), st.integers(2, 5), st.data())
def test_stratified_split_is_proportional(labels: list[int], k: int, data: st.DataObject) -> None:
    n = len(labels)
    cuts = sorted(data.draw(st.lists(st.integers(0, n), min_size=k - 1, max_size=k - 1)))
    counts = np.diff([0, *cuts, n]).tolist()
    targets = np.array(labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = random_split(Squares(n), counts, stratify=labels)
    assert [len(p) for p in parts] == counts
    assert sorted(i for p in parts for i in p.indices) == list(range(n))
    for part, size in zip(parts, counts, strict=True):
        for label in set(labels):
            exact = labels.count(label) * size / n
            assert abs((targets[part.indices] == label).sum() - exact) < 1 + 1e-9


def test_stratified_parts_are_shuffled_and_differ_by_seed() -> None:
    labels = np.repeat(np.arange(4), 50)
    data = TensorDataset(np.zeros(200), labels)
    one, _ = random_split(data, [0.5, 0.5], generator=rng.Generator(1), stratify=True)
    two, _ = random_split(data, [0.5, 0.5], generator=rng.Generator(2), stratify=labels)
    assert np.bincount(labels[one.indices]).tolist() == [25] * 4
    assert not np.array_equal(np.sort(one.indices), np.sort(two.indices))
    assert (np.diff(labels[one.indices]) != 0).sum() > 40  # the classes are mixed


def test_stratify_takes_words_and_tensors() -> None:
    for labels in (["cat", "dog"] * 4, Tensor(np.arange(8) % 2)):
        parts = random_split(Squares(8), [4, 4], stratify=labels)
        assert [sum(int(i) % 2 for i in p.indices) for p in parts] == [2, 2]


@pytest.mark.parametrize(
    ("lengths", "stratify", "match"),
    [
        ([], None, "lengths is empty"),
        ([5, 4], None, r"\[5, 4\] add up to 9, but the dataset has 10"),
        ([-1, 11], None, ">= 0"),
        ([0.5, 0.2], None, "fractions must add up to 1"),
        ([float("nan"), 1], None, ">= 0"),
        ([5, 5], True, "Squares has none"),
        ([5, 5], [1, 2], r"shape \(10,\), got shape \(2,\)"),
    ],
)
def test_split_refuses(lengths: list, stratify: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        random_split(Squares(10), lengths, stratify=stratify)  # type: ignore[arg-type]


def test_an_empty_part_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="part 1 of"):
        random_split(Squares(3), [3, 0])


@pytest.mark.parametrize(
    ("lengths", "match"),
    [
        (
            0.5,
            r"lengths must be a list with the size or the fraction .*, got 0.5; for this part and the rest \[0.5, 0",
        ),
        (0.8, r"got 0.8; for this part and the rest \[0.8, 0.2\]"),
        (3, r"got 3; for this part and the rest \[3, 7\]"),
        (30, r"got 30; such as \[0.8, 0.2\]"),
        (None, r"got None; such as \[0.8, 0.2\]"),
        ({"a": 5, "b": 5}, "lengths must be a list"),
        (["a", "b"], r"lengths must be counts or fractions, such as \[0.8, 0.2\], got \['a', 'b'\]"),
        ([[5], [5]], "lengths must be counts or fractions"),
    ],
)
def test_split_says_what_lengths_are(lengths: object, match: str) -> None:
    with pytest.raises(TypeError, match=match):
        random_split(TensorDataset(np.zeros(10)), lengths)  # type: ignore[arg-type]


def test_split_takes_lengths_of_numpy() -> None:
    assert [len(part) for part in random_split(TensorDataset(np.zeros(10)), np.array([4, 6]))] == [4, 6]


TEN = TensorDataset(np.arange(10.0))


def test_parts_of_a_concatenation_begin_where_the_one_before_ends() -> None:
    parts = [np.arange(3), np.arange(3, 3), np.arange(3, 4), np.arange(4, 6)]
    whole = ConcatDataset([TensorDataset(p) for p in parts])
    assert whole.cumulative_sizes == [3, 3, 4, 6]
    for indices in itertools.product(range(6), repeat=2):
        assert whole.get_batch(np.array(indices))[0].tolist() == list(indices)
        assert [int(whole[i][0]) for i in indices] == list(indices)


class Alone(Dataset[Any]):
    """One array, not in a tuple, for a batch."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        return self.x[index]

    def get_batch(self, indices: Any) -> Any:
        return self.x[indices]


def test_arrays_that_come_alone_stay_alone() -> None:
    whole = Alone(np.arange(3)) + Alone(np.arange(3, 5))
    assert whole.get_batch(np.array([4, 0, 3])).tolist() == [4, 0, 3]
    assert whole.get_batch(np.array([4, 3])).tolist() == [4, 3]
    odd = Alone(np.arange(3)) + Alone(np.arange(2.0))
    with pytest.raises(ValueError, match=r"array 0 of a sample differs between the datasets: \(\) int64, \(\) float64"):
        odd.get_batch(np.array([0, 4]))


@pytest.mark.parametrize(
    ("lengths", "counts"),
    [
        ([10], [10]), ([4, 6], [4, 6]), ([1.0], [10]), ([0.5, 0.5], [5, 5]), ([0.25, 0.75], [3, 7]), ([4.0, 6.0], [4,
         6]),
        ([0.33, 0.33, 0.34], [4, 3, 3]), ([0.15] * 4 + [0.4], [2, 2, 1, 1, 4]), ([1 / 3] * 3, [4, 3, 3]), ((2, 8), [2,
         8]),
    ],
)  # fmt: skip
def test_what_lengths_of_a_split_mean(lengths: Any, counts: list[int]) -> None:
    for stratify in (None, False, [0] * 10):
        assert [len(p) for p in random_split(TEN, lengths, stratify=stratify)] == counts


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([0.5, 0.4], r"fractions must add up to 1, got \[0.5, 0.4\], which add up to 0.9"),
        ([0.5, 0.6], r"fractions must add up to 1, got \[0.5, 0.6\], which add up to 1.1"),
        ([0.5, 0.5 + 1e-8], "fractions must add up to 1"),
        ([4.5, 5.5], "fractions must add up to 1"),
        ([11], r"lengths \[11\] add up to 11, but the dataset has 10 samples; fractions \(adding up to 1\) work too"),
        ([5, 4], r"lengths \[5, 4\] add up to 9"),
        ([math.inf, 1], r"lengths must be numbers >= 0, got \[inf, 1\]"),
        ([-1e-9, 1.0], "lengths must be numbers >= 0"),
    ],
)
def test_lengths_that_do_not_add_up(lengths: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"random_split: {words}"):
        random_split(TEN, lengths)


def test_words_for_one_length() -> None:
    for length, words in (
        (0.25, "for this part and the rest [0.25, 0.75]"), (9, "for this part and the rest [9, 1]"),
        (1, "for this part and the rest [1, 9]"), (10, "such as [0.8, 0.2]"), (0, "such as [0.8, 0.2]"),
        (1.0, "such as [0.8, 0.2]"), (0.0, "such as [0.8, 0.2]"), ("5", "such as [0.8, 0.2]"),
    ):  # fmt: skip
        with pytest.raises(TypeError) as caught:
            random_split(TEN, length)  # type: ignore[arg-type]
        assert str(caught.value).endswith(f"got {length!r}; {words}")


def test_each_empty_part_is_warned_of_at_the_callers_line() -> None:
    with pytest.warns(UserWarning, match="is empty") as caught:
        random_split(TEN, [0, 10, 0])
    assert [str(w.message) for w in caught] == [f"random_split: part {i} of [0, 10, 0] is empty" for i in (0, 2)]
    assert {w.filename for w in caught} == {__file__}
