"""Both sides of every bound of what data are given, in their words; and what stands where nothing was given."""

from __future__ import annotations

import gzip
import inspect
import itertools
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import data
from tinygrad_cnn.arrays.rng import Generator
from tinygrad_cnn.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    ElasticTransform,
    IterableDataset,
    Normalize,
    RandomAffine,
    RandomErasing,
    RandomHorizontalFlip,
    RandomSampler,
    RandomShift,
    SequentialSampler,
    SheetLayout,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    random_split,
    read_idx,
    write_idx,
)
from tinygrad_cnn.data.mnist import ImageDataset
from tinygrad_cnn.data.pictures import MAX_PIXELS, _check_size, _size_of_pixels
from tinygrad_cnn.data.reading import checked_indices, get_worker_info
from tinygrad_cnn.data.transforms import Compose, apply, draws_itself, is_random

TINY = 1e-12
TEN = TensorDataset(np.arange(10.0))
COUNT = ([1, 3, np.int64(2)], [0, -1, True, 1.5, "1", None])
FLAG = ([True, False, np.bool_(True)], [1, 0, None, "yes"])
P = ([0, TINY, 0.5, 1], [-TINY, 1 + TINY, math.nan])
NO_WEIGHTS = [[0, 0], [-TINY, 1], [math.nan, 1], [math.inf, 1], [[1, 2]], 3]


class Stream(IterableDataset[int]):
    def __iter__(self) -> Any:
        return iter(range(5))

    def __len__(self) -> int:
        return 5


def labelled(labels: Any, classes: int = 3) -> ImageDataset:
    return ImageDataset(np.zeros((2, 4, 5), np.uint8), np.array(labels), tuple("abc"[:classes]), "here")


BOUNDS: list[tuple[str, Any, Any, type[Exception], str]] = [  # what, how, taken and refused, error, words
    ("batch_size", lambda v: DataLoader(TEN, v), ([1, 3, None], COUNT[1][:-1]),
     ValueError, "batch_size must be an integer"),
    ("num_workers", lambda v: DataLoader(TEN, num_workers=v), ([0, 2], [-1, True, 1.5]),
     ValueError, "num_workers must be"),
    ("timeout", lambda v: DataLoader(TEN, num_workers=1, timeout=v), ([0, 0.5], [-TINY, True, "1", math.nan]),
     ValueError,
     "timeout is a number of seconds >= 0"),
    ("prefetch_factor", lambda v: DataLoader(TEN, num_workers=1, prefetch_factor=v), ([1, None], [0, True, 1.5]),
     ValueError,
     "prefetch_factor is a number of batches >= 1"),
    ("prefetch", lambda v: DataLoader(TEN, prefetch=v), ([0, 1], [-1, True, 1.5, None]),
     ValueError, "prefetch is the numb"),
    ("shuffle", lambda v: DataLoader(TEN, shuffle=v), ([True, False, None], ["yes", 2]),
     ValueError, "shuffle must be True"),
    ("context", lambda v: DataLoader(TEN, multiprocessing_context=v), (["fork", "spawn", "forkserver", None],
     ["thread"]),
     ValueError, "must be 'fork', 'spawn' or 'forkserver'"),
    ("num_samples", lambda v: RandomSampler(TEN, num_samples=v), ([*COUNT[0], None], COUNT[1][:-1]),
     ValueError, "num_samples"),
    ("replacement", lambda v: RandomSampler(TEN, v), FLAG, TypeError, "replacement must be True or False, got"),
    ("draws", lambda v: WeightedRandomSampler([1, 2], v), COUNT,
     ValueError, "num_samples must be an integer >= 1, got"),
    ("putting back", lambda v: WeightedRandomSampler([1, 2], 1, v), FLAG,
     TypeError, "replacement must be True or False"),
    ("weights", lambda v: WeightedRandomSampler(v, 1), ([[0, 1], [TINY]], NO_WEIGHTS), ValueError, "weights must be"),
    ("draws without", lambda v: WeightedRandomSampler([1, 0, 2], v, False), ([1, 2], [3]), ValueError,
     "cannot draw 3 indices without replacement from 2 with a weight above 0"),
    ("size of lists", lambda v: BatchSampler(range(4), v, False), COUNT,
     ValueError, "batch_size must be an integer >= 1, got"),
    ("drop_last", lambda v: BatchSampler(range(4), 2, v), FLAG, TypeError, "drop_last must be True or False, got"),
    ("subset", lambda v: Subset(TEN, [v]), ([0, 9, -10, -1], [10, -11]),
     IndexError, r"indices\[0\] is -?1\d, out of range"),
    ("part of both", lambda v: (TEN + TEN)[v], ([0, 19, -20], [20, -21]),
     IndexError, "out of range for a ConcatDataset of 20"),
    ("p", RandomHorizontalFlip, P, ValueError, r"RandomHorizontalFlip: p is a probability in \[0, 1\]"),
    ("p of erasing", RandomErasing, P, ValueError, r"RandomErasing: p is a probability in \[0, 1\]"),
    ("area", lambda v: RandomErasing(1, v), ([(0, 1), (0.5, 0.5)], [(-TINY, 1), (0, 1 + TINY), (1, 0), (1,), (0,
     math.inf)]),
     ValueError, "RandomErasing: scale"),
    ("form", lambda v: RandomErasing(1, ratio=v), ([(TINY, 2)], [(0, 1), (-1, 1), (2, 1)]),
     ValueError, "RandomErasing: ratio"),
    ("shift", RandomShift, ([0, 3, np.int64(1)], [-1, True, 1.5]), ValueError, "max_shift must be an integer >= 0"),
    ("deviation", lambda v: Normalize(0, v), ([TINY, [1, 2]], [0, -TINY, math.nan, math.inf, [1, 0], [[1]]]),
     ValueError, "std"),
    ("mean", lambda v: Normalize(v, 1), ([-1, [0, 1]], [math.nan, math.inf, [[0]]]), ValueError, "mean"),
    ("degrees", RandomAffine, ([0, TINY, (-3, -2), (5, 5)], [-TINY, math.nan, math.inf, (2, 1), (1,), (1, 2, 3)]),
     ValueError,
     "RandomAffine: degrees"),
    ("translate", lambda v: RandomAffine(0, v), ([(0, 0), (1, 1)], [(-TINY, 0), (0, 1 + TINY), (0,), (0, 0, 0)]),
     ValueError,
     "RandomAffine: translate"),
    ("scale", lambda v: RandomAffine(0, scale=v), ([(TINY, 1)], [(0, 1), (-1, 1), (2, 1), (1, math.inf)]),
     ValueError, "scale"),
    ("shear", lambda v: RandomAffine(0, shear=v), ([0, 89.9, (-89, 89), (0, 1, 2, 3)], [-1, 90, (-90, 0), (0, 1, 0,
     90), (1,)]),
     ValueError, "shear"),
    ("alpha", ElasticTransform, ([0, TINY], [-TINY, math.nan, math.inf]), ValueError, "alpha must be a number >= 0"),
    ("sigma", lambda v: ElasticTransform(1, v), ([TINY], [0, -1, math.nan, math.inf]),
     ValueError, "sigma must be a number ab"),
    ("columns", SheetLayout, ([1, 100, np.int64(2)], [0, 101, True, 2.5]),
     ValueError, r"columns must be an integer in 1\.\.100"),
    ("cell", lambda v: SheetLayout(3, v), ([32, 400], [31, 401, True, 40.5]),
     ValueError, r"cell must be an integer in 32\.\.400"),
    ("labels", labelled, ([[0, 2], [2, 0]], [[0, 3], [-1, 0]]),
     ValueError, r"labels must lie in 0\.\.2, but label [01] is"),
    ("as many", labelled, ([[0, 1]], [[0], [0, 1, 2], [0.0, 1.0], [[0, 1]]]),
     ValueError, r"integer labels of shape \(2,\)"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "bounds", "error", "words"), [pytest.param(*case[1:], id=case[0]) for case in BOUNDS])
def test_both_sides_of_a_bound(make: Any, bounds: Any, error: type[Exception], words: str) -> None:
    for value in bounds[0]:
        make(value)
    for value in bounds[1]:
        with pytest.raises(error, match=words):
            make(value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_workers": 1, "prefetch": 1}, "num_workers=1 reads ahead already: leave prefetch=1 out"),
        ({"timeout": 1}, "timeout=1 is about workers: give num_workers=1 or more, or leave it out"),
        ({"prefetch_factor": 2}, "prefetch_factor=2 is about workers"),
        ({"persistent_workers": True}, "persistent_workers=True is about workers"),
        ({"sampler": [1], "shuffle": True}, "give sampler or shuffle=True, not both"),
        (
            {"batch_sampler": [[1]], "batch_size": 2},
            "a batch_sampler excludes batch_size, shuffle, sampler and drop_last",
        ),
        ({"batch_sampler": [[1]], "shuffle": True}, "a batch_sampler excludes"),
        ({"batch_sampler": [[1]], "sampler": [1]}, "a batch_sampler excludes"),
        ({"batch_sampler": [[1]], "drop_last": True}, "a batch_sampler excludes"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None makes no batches, so drop_last has no meaning"),
        ({"batch_size": None, "transform": abs}, "a transform acts on batches, but batch_size=None makes none"),
        ({"transform": abs, "collate_fn": list}, "give transform or collate_fn, not both"),
        ({"dataset": Stream(), "shuffle": True}, "an IterableDataset sets its own order"),
        ({"dataset": Stream(), "sampler": [1]}, "an IterableDataset sets its own order"),
        ({"dataset": Stream(), "batch_sampler": [[1]]}, "an IterableDataset sets its own order"),
    ],
)
def test_arguments_of_a_loader_that_exclude_each_other(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"DataLoader: {words}"):
        DataLoader(**{"dataset": TEN, **arguments})


def test_arguments_of_a_loader_that_go_together() -> None:
    for arguments in (
        {"num_workers": 2, "timeout": 3, "prefetch_factor": 2, "persistent_workers": True},
        {"batch_sampler": [[1], [2, 3]], "transform": abs},
        {"batch_sampler": [[1]], "batch_size": 1, "shuffle": False},
        {"sampler": [1], "shuffle": False},
        {"batch_size": None, "sampler": [1]},
        {"transform": abs, "collate_fn": default_collate},
    ):
        loader = DataLoader(TEN, **arguments)  # type: ignore[arg-type]
        assert len(loader) == len(list(loader))
    DataLoader(Stream(), shuffle=False, transform=abs)
    for odd, what in ((3, "got 3"), ("abs", "got 'abs'")):
        for name in ("transform", "collate_fn", "worker_init_fn"):
            with pytest.raises(TypeError, match=f"DataLoader: {name} must be callable, {what}"):
                DataLoader(TEN, **{name: odd})
    for odd in (3, {1, 2}, iter([1]), object()):
        with pytest.raises(TypeError, match="a dataset has __getitem__ and __len__, or is an IterableDataset; got"):
            DataLoader(odd)  # type: ignore[arg-type]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 6, None])
def test_lengths_are_the_numbers_of_batches(batch_size: int | None, drop_last: bool) -> None:
    if batch_size is None and drop_last:
        return
    for dataset in (TensorDataset(np.arange(5.0)), Stream()):
        loader = DataLoader(dataset, batch_size, drop_last=drop_last)
        batches = list(loader)
        assert len(loader) == len(batches)
        numbers = [np.atleast_1d(np.asarray(getattr(b[0] if isinstance(b, list) else b, "_array", b))) for b in batches]
        seen = [int(x) for b in numbers for x in b]
        kept = 5 if not drop_last or batch_size is None else 5 // batch_size * batch_size
        assert seen == list(range(kept))
        assert [len(b) for b in numbers][:-1] == [batch_size or 1] * max(len(batches) - 1, 0)


def test_where_nothing_is_given_each_sample_comes_alone_and_in_order() -> None:
    loader = DataLoader(TEN)
    assert [x.tolist() for (x,) in loader] == [[float(i)] for i in range(10)]
    for name, value in {
        "batch_size": 1, "num_workers": 0, "prefetch": 0, "prefetch_factor": None, "timeout": 0, "drop_last": False,
        "persistent_workers": False, "pin_memory": False, "in_order": True, "transform": None, "generator": None,
    }.items():  # fmt: skip
        assert getattr(loader, name) == value
    assert DataLoader(TEN, num_workers=2).prefetch_factor == 2
    assert DataLoader(TEN, num_workers=2, prefetch_factor=5).prefetch_factor == 5


SIGNATURES = {  # PyTorch's, and ours where there is none
    "Subset": "dataset, indices",
    "ConcatDataset": "datasets",
    "RandomSampler": "data_source, replacement=False, num_samples=None, generator=None",
    "SequentialSampler": "data_source",
    "SubsetRandomSampler": "indices, generator=None",
    "WeightedRandomSampler": "weights, num_samples, replacement=True, generator=None",
    "BatchSampler": "sampler, batch_size, drop_last",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_and_defaults_are_torchs(name: str) -> None:
    parameters = inspect.signature(getattr(data, name)).parameters.values()
    assert (
        ", ".join(p.name + ("" if p.default is p.empty else f"={p.default!r}") for p in parameters) == SIGNATURES[name]
    )


# ------------------------------------------------------------------------------------------------------- samplers
@pytest.mark.parametrize("wanted", [1, 3, 4, 5, 8, 9])
def test_permutations_one_after_another(wanted: int) -> None:
    order = RandomSampler(range(4), num_samples=wanted, generator=Generator(2)).order()
    assert len(order) == len(list(RandomSampler(range(4), num_samples=wanted))) == wanted
    for start in range(0, wanted, 4):
        part = order[start : start + 4].tolist()
        assert len(set(part)) == len(part)
        assert len(part) < 4 or sorted(part) == [0, 1, 2, 3]


def test_draws_with_replacement_are_of_all_indices() -> None:
    sampler = RandomSampler(range(3), replacement=True, num_samples=300, generator=Generator(0))
    assert set(sampler) == {0, 1, 2}
    assert len(sampler) == 300
    assert len(list(RandomSampler(range(3), replacement=True))) == 3
    with pytest.raises(ValueError, match="nothing to draw from, the dataset is empty"):
        RandomSampler([])


def test_weights_are_shares() -> None:
    drawn = list(WeightedRandomSampler([1, 0, 3], 4000, generator=Generator(0)))
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


def test_indices_of_a_batch_are_counted_from_the_end_too() -> None:
    assert checked_indices([0, -1, 4, -5], 5).tolist() == [0, 4, 4, 0]
    given = np.array([0, 4])
    assert checked_indices(given, 5) is given
    assert checked_indices([], 5).dtype == np.int64
    for bad in (5, -6):
        with pytest.raises(IndexError, match=f"the sampler gave index {bad}, out of range for a dataset of 5 samples"):
            checked_indices([0, bad, 99], 5)


def test_who_reads_is_told_to_a_reader_alone() -> None:
    class Asking(Dataset[int]):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> int:
            seen.append(get_worker_info())
            return index

    seen: list[Any] = []
    dataset = Asking()
    list(DataLoader(dataset))
    list(DataLoader(dataset, prefetch=1))
    assert seen == [None] * 4
    seen.clear()
    list(DataLoader(dataset, num_workers=3))
    assert [(i.id, i.num_workers, i.dataset) for i in seen] == [(0, 1, dataset)] * 2
    assert all(isinstance(i.seed, int) for i in seen)
    assert get_worker_info() is None


# ------------------------------------------------------------------------------------------------------- datasets
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


def test_pictures_with_labels() -> None:
    pixels = np.arange(40, dtype=np.uint8).reshape(2, 4, 5) * 6
    digits = ImageDataset(pixels, np.array([2, 0], np.uint8), tuple("abc"), "here")
    assert repr(digits) == "ImageDataset(2 images of 4x5, from here)"
    image, label = digits[1]
    assert (image.shape, image.dtype, label, type(label)) == ((1, 4, 5), np.float32, 0, int)
    np.testing.assert_array_equal(image[0], pixels[1] / np.float32(255))
    for images, labels in (digits.get_batch(np.array([1, 0, 1])), digits.arrays()):
        assert (images.shape[1:], images.dtype, labels.dtype) == ((1, 4, 5), np.float32, np.int64)
    np.testing.assert_array_equal(digits.get_batch(np.array([1, 0, 1]))[1], [0, 2, 0])
    labels[:] = 7
    assert digits.targets.tolist() == [2, 0]
    for odd in (pixels.astype(np.int64), pixels[0], pixels[None]):
        with pytest.raises(ValueError, match=r"images must be uint8 of shape \(N, H, W\), got"):
            ImageDataset(odd, np.zeros(len(odd), int), tuple("abc"), "here")


# ------------------------------------------------------------------------------------------------------ transforms
def test_windows_of_a_shift_reach_as_far_as_was_said() -> None:
    """With one pixel lit, all the places where it may come to lie, and no others."""
    x = np.zeros((400, 1, 7, 7), np.float32)
    x[:, 0, 3, 3] = 1
    for m in (0, 1, 2):
        seen = RandomShift(m)(x, Generator(0)).sum((0, 1)) > 0
        expected = np.zeros((7, 7), bool)
        expected[3 - m : 4 + m, 3 - m : 4 + m] = True
        np.testing.assert_array_equal(seen, expected)
    assert RandomShift().max_shift == 2
    assert (RandomShift(1, fill=3)(x, Generator(0)) >= 0).all()
    assert (RandomShift(1, fill=3)(x, Generator(0)) == 3).any()
    assert RandomShift().fill == 0


def test_defaults_of_transforms() -> None:
    assert repr(RandomHorizontalFlip()) == "RandomHorizontalFlip(p=0.5)"
    erasing = RandomErasing()
    assert (erasing.p, erasing.scale, erasing.ratio, erasing.value) == (0.5, (0.02, 0.33), (0.3, 3.3), 0)
    elastic = ElasticTransform()
    assert (elastic.alpha, elastic.sigma, elastic.fill) == (34.0, 4.0, 0)  # the paper's
    affine = RandomAffine(0)
    assert (affine.degrees, affine.translate, affine.scale) == ((-0.0, 0.0), (0.0, 0.0), (1.0, 1.0))
    assert (affine.shear, affine.fill) == ((0.0, 0.0, 0.0, 0.0), 0)
    assert RandomAffine(0, shear=5).shear == (-5.0, 5.0, 0.0, 0.0)
    assert RandomAffine(0, shear=(1, 2, 3, 4)).shear == (1.0, 2.0, 3.0, 4.0)


class Ends:
    """A generator whose numbers are the ends of what is asked for."""

    def __init__(self, high: bool) -> None:
        self.high = high

    def uniform(self, low: float, high: float, size: Any) -> Any:
        return np.full(size, high if self.high else low)

    def random(self, size: Any = None, dtype: Any = np.float64) -> Any:
        return np.zeros(size, dtype)

    def integers(self, low: Any, high: Any = None, size: Any = None) -> Any:
        top = np.asarray(low if high is None else high) - 1
        return np.broadcast_to(top if self.high else 0 * top, np.shape(top) if size is None else size)


@pytest.mark.parametrize(
    ("side", "high", "tall", "wide", "top", "left"),
    [
        (0.25, False, 5, 5, 0, 0),  # 25 of 10 x 10
        (0.25, True, 5, 5, 5, 5),
        (0.81, True, 9, 9, 1, 1),
        (1.0, True, 0, 0, 0, 0),  # not as high as the image
    ],
)
def test_the_place_of_an_erased_part(side: float, high: bool, tall: int, wide: int, top: int, left: int) -> None:
    x = np.ones((2, 3, 10, 10), np.float32)
    got = RandomErasing(1, (side, side), (1, 1), value=5).run(x, Ends(high))
    expected = x.copy()
    expected[:, :, top : top + tall, left : left + wide] = 5
    np.testing.assert_array_equal(got, expected)


def test_an_erased_part_is_neither_as_high_nor_as_wide_as_the_image() -> None:
    for shape, ratio in (((10, 20), 1.0), ((20, 10), 1.0)):
        x = np.ones((1, 1, *shape), np.float32)
        np.testing.assert_array_equal(RandomErasing(1, (0.5, 0.5), (ratio, ratio), 5).run(x, Ends(True)), x)
        got = RandomErasing(1, (0.4, 0.4), (ratio, ratio), 5).run(x, Ends(True))  # 80 of 200 pixels: 9 x 9
        assert (got == 5).sum() == 81


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
@pytest.mark.parametrize("shape", [(5, 5), (4, 4)])
def test_quarter_turns_clockwise(angle: int, shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).random((2, 3, *shape))
    got = RandomAffine((angle, angle))(x)
    np.testing.assert_allclose(got, np.rot90(x, -angle // 90, (2, 3)), atol=1e-12)


def test_maps_at_the_ends_of_their_ranges() -> None:
    x = np.random.default_rng(0).random((1, 2, 6, 8))
    for high, across, down in ((False, -2, -3), (True, 2, 3)):
        got = RandomAffine(0, (0.25, 0.5), fill=9).run(x, Ends(high))
        expected = np.full_like(x, 9)
        expected[..., max(down, 0) : 6 + min(down, 0), max(across, 0) : 8 + min(across, 0)] = x[
            ..., max(-down, 0) : 6 + min(-down, 0), max(-across, 0) : 8 + min(-across, 0)
        ]
        np.testing.assert_allclose(got, expected, atol=1e-12)
    twice = RandomAffine(0, scale=(2, 2)).run(x[..., :5, :5], Ends(True))
    np.testing.assert_allclose(twice[..., ::2, ::2], x[..., 1:4, 1:4], atol=1e-12)  # about the middle
    sheared = RandomAffine(0, shear=(45, 45)).run(x[..., :5, :5], Ends(True))
    np.testing.assert_allclose(sheared[..., 2, :], x[..., 2, :5], atol=1e-12)
    np.testing.assert_allclose(sheared[..., 3, 1:], x[..., 3, :4], atol=1e-12)  # a row below moves to the right
    np.testing.assert_allclose(sheared[..., 0, :3], x[..., 0, 2:5], atol=1e-12)
    upright = RandomAffine(0, shear=(0, 0, 45, 45)).run(x[..., :5, :5], Ends(True))
    np.testing.assert_allclose(upright[..., 1:, 3], x[..., :4, 3], atol=1e-12)


def test_no_displacement_without_strength() -> None:
    x = np.random.default_rng(0).random((2, 1, 9, 9))
    np.testing.assert_allclose(ElasticTransform(0)(x), x)
    away = ElasticTransform(34, 4).run(x, Ends(False))  # all the noise is -1: towards the upper left
    smooth = np.exp(-0.5 * (np.arange(-32, 33) / 4) ** 2)
    smooth /= smooth.sum()
    weight = np.array([[smooth[32 + i - j] for j in range(9)] for i in range(9)]).sum(1)
    displaced = -34 * np.outer(weight, weight)
    y, x_ = np.mgrid[:9, :9] + displaced
    expected = np.zeros((9, 9))
    for i in range(9):
        for j in range(9):
            top, left = math.floor(y[i, j]), math.floor(x_[i, j])
            for a, b in itertools.product((0, 1), repeat=2):
                if 0 <= top + a < 9 and 0 <= left + b < 9:
                    share = (1 - abs(y[i, j] - top - a)) * (1 - abs(x_[i, j] - left - b))
                    expected[i, j] += share * x[0, 0, top + a, left + b]
    np.testing.assert_allclose(away[0, 0], expected, atol=1e-9)


def test_what_a_transform_returns_is_as_many_images() -> None:
    x = np.zeros((3, 1, 2, 2))
    assert apply(np.negative, x, None).shape == x.shape
    for odd, words in (
        (lambda a: a[:2], r"shape \(2, 1, 2, 2\)"),
        (lambda a: a.tolist(), "list"),
        (lambda _: None, "NoneType"),
    ):
        with pytest.raises(TypeError, match=f"a transform returns an array of 3 images, .* returned {words}"):
            apply(odd, x, None)


def test_which_transforms_draw() -> None:
    rows = [  # a transform, is it given a generator, may it draw by itself
        (None, False, False), (abs, False, True), (RandomShift(1), True, False), (Normalize(0, 1), False, False),
        (Compose([Normalize(0, 1)]), False, False), (Compose([Normalize(0, 1), RandomShift(1)]), True, False),
        (Compose([abs]), False, True), (Compose([Compose([RandomShift(1), abs])]), True, True), (Compose([]), False,
         False),
    ]  # fmt: skip
    for transform, given, by_itself in rows:
        assert is_random(transform) is given
        assert draws_itself(transform) is by_itself


# ----------------------------------------------------------------------------------------------------------- files
def test_the_largest_picture_and_one_pixel_more() -> None:
    _check_size(1 << 13, 1 << 13)
    assert MAX_PIXELS == 1 << 26
    with pytest.raises(Exception, match=r"wrong size: 67108865 x 1 pixels. Scale it down"):
        _check_size((1 << 26) + 1, 1)


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (3, 1), (4, 2), (6, 4)])
@pytest.mark.parametrize("bits", [1, 2, 8, 16])
def test_bytes_of_the_pixels_of_a_png(bits: int, colour: int, channels: int, interlaced: int) -> None:
    for width, height in ((1, 1), (8, 8), (9, 5), (4, 17), (5, 3)):
        header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
        passes = [(0, 0, 1, 1)]
        if interlaced:  # ISO/IEC 15948, 8.2
            passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        total = 0
        for x, y, across, down in passes:
            columns, rows = len(range(x, width, across)), len(range(y, height, down))
            total += rows * (1 + math.ceil(columns * bits * channels / 8)) if columns else 0
        assert _size_of_pixels(header) == total


@pytest.mark.parametrize(
    "header",
    [
        struct.pack(">IIBBBBB", 1, 1, 8, 1, 0, 0, 0),  # no such type of colours
        struct.pack(">IIBBBBB", 1, 1, 8, 5, 0, 0, 0),
        struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 2),  # no such way of interlacing
        struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)[:-1],
        struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0) + b"\0",
        b"",
    ],
)
def test_headers_that_are_none(header: bytes) -> None:
    with pytest.raises(Exception, match="this image is damaged: its header is none"):
        _size_of_pixels(header)


def idx(shape: tuple[int, ...], body: bytes, code: int = 8) -> bytes:
    return bytes([0, 0, code, len(shape)]) + b"".join(s.to_bytes(4, "big") for s in shape) + body


def test_limits_of_idx_files(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_idx(path, np.arange(12, dtype=np.int32))  # 48 bytes
    for packed in (False, True):
        if packed:
            path.write_bytes(gzip.compress(path.read_bytes()))
        assert read_idx(path, max_bytes=48).tolist() == list(range(12))
        with pytest.raises(
            ValueError, match=r"a: declares shape \(12,\) of int32, 56 bytes with the header, above the limit of 47"
        ):
            read_idx(path, max_bytes=47)


def test_an_idx_file_of_32_axes_and_of_none(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(idx((1,) * 32, b"\7"))
    assert read_idx(path).shape == (1,) * 32
    path.write_bytes(idx((1,) * 33, b"\7"))
    with pytest.raises(ValueError, match="declares 33 axes, more than the 32 an array can have"):
        read_idx(path)
    path.write_bytes(idx((), b"\7"))
    assert read_idx(path).shape == ()
    path.write_bytes(idx((1 << 31, 0, 1 << 31), b""))
    assert read_idx(path).shape == (1 << 31, 0, 1 << 31)
    path.write_bytes(idx(((1 << 32) - 1, 0, (1 << 32) - 1), b""))
    with pytest.raises(ValueError, match="which no array can have"):
        read_idx(path)


def test_a_gzip_stream_grows_by_1032_at_most(tmp_path: Path) -> None:
    """So a file that declares more than that is lying, whatever limit is given."""
    path = tmp_path / "a"
    packed = gzip.compress(idx((5, 1000), bytes(5000)))
    path.write_bytes(packed)
    assert read_idx(path, max_bytes=1 << 30).shape == (5, 1000)
    most = 1032 * len(packed)
    for declared, words in (
        (most, "truncated: declares"),
        (most + 1, f"more than {len(packed):,} compressed bytes can hold"),
    ):
        lying = gzip.compress(idx((1, declared), bytes(5000)))
        lying += bytes(len(packed) - len(lying))  # zeros behind a gzip stream are passed over
        path.write_bytes(lying)
        assert len(lying) == len(packed)
        with pytest.raises(ValueError, match=words):
            read_idx(path, max_bytes=1 << 30)


@pytest.mark.parametrize("empty", [999, 1000])
def test_a_thousand_members_without_content_are_too_many(empty: int, tmp_path: Path) -> None:
    path, whole = tmp_path / "a", idx((3,), b"\1\2\3")
    path.write_bytes(gzip.compress(whole[:5]) + gzip.compress(b"") * empty + gzip.compress(whole[5:]))
    if empty < 1000:
        assert read_idx(path).tolist() == [1, 2, 3]
    else:
        with pytest.raises(ValueError, match="one empty member after the other"):
            read_idx(path)


def test_the_digest_of_a_file_is_that_of_its_plain_content(tmp_path: Path) -> None:
    import hashlib

    plain = idx((3,), b"\1\2\3")
    right = hashlib.sha256(plain).hexdigest()
    for content in (plain, gzip.compress(plain)):
        (tmp_path / "a").write_bytes(content)
        assert read_idx(tmp_path / "a", sha256=right.upper()).tolist() == [1, 2, 3]
        with pytest.raises(
            ValueError, match=f"its content has the SHA-256 {right}, expected {'0' * 64}: corrupt, or another"
        ):
            read_idx(tmp_path / "a", sha256="0" * 64)


# ------------------------------------------------------------------------------------------------ samples of a batch
@pytest.mark.parametrize(
    ("batch", "error", "words"),
    [
        ([], ValueError, "cannot make a batch of no samples"),
        ([np.zeros(2), np.zeros(3)], ValueError, r"differ in shape: \(2,\) in sample 0, \(3,\) in sample 1; pass"),
        ([np.zeros(2), np.zeros(2), 3], TypeError, "sample 0 is an array, sample 2 is int"),
        ([np.zeros(2), np.zeros(2, complex)], TypeError, "holds real numbers, sample 1 has dtype complex128"),
        ([np.array(["a"])], TypeError, "holds real numbers, sample 0 has dtype <U1"),
        ([1, "a"], TypeError, "sample 0 is a number, sample 1 is str"),
        ([1, 2, None], TypeError, "sample 0 is a number, sample 2 is NoneType"),
        ([{"a": 1}, {"b": 1}], ValueError, r"differ in their keys: \['a'\] in sample 0, \['b'\] in sample 1"),
        ([{"a": 1}, {"a": 1}, 5], ValueError, r"differ in their keys: \['a'\] in sample 0, int in sample 2"),
        ([(1, 2), (1,)], ValueError, "differ in their number of parts: 2 in sample 0, 1 in 1"),
        ([(1, 2), [1, 2], 7], ValueError, "differ in their number of parts: 2 in sample 0, int in 2"),
        ([None], TypeError, "cannot make a batch of NoneType"),
        ([{1}], TypeError, "cannot make a batch of set"),
    ],
)
def test_samples_that_make_no_batch(batch: list[Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        default_collate(batch)


@pytest.mark.parametrize(
    ("batch", "dtype", "values"),
    [
        ([1, 2], np.int64, [1, 2]), ([1.5, 2.5], np.float32, [1.5, 2.5]), ([1, 2.5], np.float32, [1, 2.5]),
        ([True, False], np.bool_, [True, False]), ([np.float64(1), np.float64(2)], np.float64, [1, 2]),
        ([np.float64(1), 2], np.float64, [1, 2]), ([np.int8(1), np.int8(2)], np.int8, [1, 2]),
        ([np.array(1, np.int16)] * 2, np.int16, [1, 1]), ([tg.tensor([1, 2])] * 2, np.int64, [[1, 2]] * 2),
        ([np.zeros(1), np.zeros(1, np.float32)], np.float64, [[0], [0]]), ([np.bool_(True)], np.bool_, [True]),
    ],
)  # fmt: skip
def test_dtypes_of_a_batch(batch: list[Any], dtype: Any, values: Any) -> None:
    found = default_collate(batch)
    assert isinstance(found, tg.Tensor)
    assert (found.dtype, found.tolist()) == (dtype, values)


def test_what_is_gone_into() -> None:
    from collections import namedtuple

    Pair = namedtuple("Pair", "x y")
    found = default_collate([Pair(1, "a"), Pair(2, "b")])
    assert (type(found), found.x.tolist(), found.y) == (Pair, [1, 2], ["a", "b"])
    found = default_collate([{"x": (1, b"c")}, {"x": [2, b"d"]}])
    assert (list(found), found["x"][0].tolist(), found["x"][1]) == (["x"], [1, 2], [b"c", b"d"])
    plain = data.default_convert({"x": np.ones(2), "y": (np.float32(3), "a", None, np.array(["b"]))})
    assert (plain["x"].tolist(), plain["y"][0].item(), plain["y"][1:3]) == ([1, 1], 3.0, ["a", None])
    assert isinstance(plain["y"][3], np.ndarray)
