"""The guard rail of `Trainer.fit`: validation data that is training data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hearing import Programs, check_speaks_once, heard

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    random_split,
)
from tinygrad_cnn.train import Trainer

programs = Programs()
speaks, silent = programs.speaks, programs.silent
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(64, 4)).astype(np.float32), RNG.integers(0, 3, 64)
DATA = TensorDataset(X, Y)
GRID = np.stack(np.unravel_index(np.arange(16), (2, 2, 2, 2)), 1).astype(np.float32)  # (16, 4)


class OneByOne(Dataset[Any]):
    """A dataset that tells nothing of what it holds."""

    def __init__(self, first: int = 0) -> None:
        self.first = first

    def __getitem__(self, index: int) -> Any:
        return X[index + self.first], Y[index + self.first]

    def __len__(self) -> int:
        return 32


def trainer() -> Trainer:
    model = nn.Linear(4, 3)
    return Trainer(model, tg.optim.SGD(model.parameters(), lr=0.1), progress=False)


# Each entry: training data, validation data. The programs are made of them below.
WRONG: dict[str, Any] = {
    "the same arrays": lambda: ((X, Y), (X, Y)),
    "the same dataset": lambda: (DATA, DATA),
    "two loaders of one dataset": lambda: (DataLoader(DATA, 8, shuffle=True), DataLoader(DATA, 16)),
    "one loader": lambda: (DataLoader(DATA, 8),) * 2,
    "one list of batches": lambda: ([(tg.tensor(X), tg.tensor(Y))],) * 2,
    "subsets that overlap": lambda: (Subset(DATA, range(40)), Subset(DATA, range(39, 64))),
    "a subset of a subset": lambda: (DATA, Subset(Subset(DATA, range(10, 20)), [3])),
    "slices that overlap": lambda: ((X[:40], Y[:40]), (X[30:], Y[30:])),
    "samplers that overlap": lambda: tuple(
        DataLoader(DATA, 8, sampler=SubsetRandomSampler(range(a, b))) for a, b in ((0, 40), (32, 64))
    ),
    "a part of a concatenation": lambda: (ConcatDataset([DATA, TensorDataset(X + 1, Y)]), Subset(DATA, [5])),
    "copies": lambda: ((X, Y), (X.copy(), Y.copy())),
    "a copy of a part": lambda: ((X, Y), (X[20:40].copy(), Y[20:40].copy())),
    "a dataset that tells nothing, twice": lambda: (data := OneByOne(), data),
}
RIGHT: dict[str, Any] = {
    "a random split": lambda: tuple(random_split(DATA, [50, 14])),
    "a fraction": lambda: (DATA, 0.25),
    "slices": lambda: ((X[:40], Y[:40]), (X[40:], Y[40:])),
    "every other sample": lambda: ((X[::2], Y[::2]), (X[1::2], Y[1::2])),
    "samplers": lambda: tuple(
        DataLoader(DATA, 8, sampler=SubsetRandomSampler(range(a, b))) for a, b in ((0, 40), (40, 64))
    ),
    "a sampler of one's own": lambda: (DataLoader(DATA, 8, sampler=[1, 2, 3]), DataLoader(DATA, 8, sampler=[4, 5])),
    "two readings of the same, split": lambda: (
        Subset(DATA, range(40)),
        Subset(TensorDataset(X.copy(), Y.copy()), range(40, 64)),
    ),
    "other arrays": lambda: ((X, Y), (X[:20] + 1, Y[:20])),
    "a subset of a subset": lambda: (Subset(DATA, [10, 11]), Subset(Subset(DATA, range(10, 20)), [3])),
    "a part of a concatenation": lambda: (
        Subset(ConcatDataset([TensorDataset(X + 1, Y), DATA]), range(60, 70)),
        Subset(DATA, range(6, 64)),
    ),
    "the few rows that there are": lambda: (
        (GRID[np.arange(64) % 16], Y),
        (GRID, Y[:16]),
    ),
    "datasets that tell nothing": lambda: (OneByOne(), OneByOne(32)),
    "another order, read in order": lambda: (
        DataLoader(Subset(DATA, range(32)), 8, sampler=SequentialSampler(range(32))),
        DataLoader(Subset(DATA, range(32, 64)), 8),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_it_speaks_once_of_the_line(name: str) -> None:
    train, validation = WRONG[name]()

    def program() -> None:
        mine = trainer()
        for epochs in (1, 2, 3):
            mine.fit(train, epochs, validation)  # here

    check_speaks_once("validation-is-training", program)


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_silent_on_what_is_right(name: str) -> None:
    train, validation = RIGHT[name]()
    assert heard(lambda: trainer().fit(train, 2, validation)) == []


def test_the_accuracy_on_training_data_may_be_asked_for() -> None:
    def program() -> None:
        mine = trainer()
        mine.fit(DATA, 1)
        mine.evaluate(DATA)

    assert heard(program) == []


def test_it_says_how_many() -> None:
    with pytest.warns(tg.GuardRailWarning, match="10 samples of 34 are in both"), tg.guard_rails(True):
        trainer().fit(Subset(DATA, range(40)), 1, Subset(DATA, range(30, 64)))
