"""Both sides of every bound of what data are given, in their words; and what stands where nothing was given."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

from tinygrad_cnn import data
from tinygrad_cnn.data import (
    BatchSampler,
    DataLoader,
    ElasticTransform,
    Normalize,
    RandomAffine,
    RandomErasing,
    RandomHorizontalFlip,
    RandomSampler,
    RandomShift,
    SheetLayout,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)
from tinygrad_cnn.data.mnist import ImageDataset

TINY = 1e-12
TEN = TensorDataset(np.arange(10.0))
COUNT = ([1, 3, np.int64(2)], [0, -1, True, 1.5, "1", None])
FLAG = ([True, False, np.bool_(True)], [1, 0, None, "yes"])
P = ([0, TINY, 0.5, 1], [-TINY, 1 + TINY, math.nan])
NO_WEIGHTS = [[0, 0], [-TINY, 1], [math.nan, 1], [math.inf, 1], [[1, 2]], 3]


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
