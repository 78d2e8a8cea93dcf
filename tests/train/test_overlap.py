"""The guard rail of `Trainer.fit`: validation data that is training data."""

from __future__ import annotations

import warnings
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
from tinygrad_cnn.train.overlap import check_apart

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


class Holding(Dataset[Any]):
    """A dataset of the user's own that keeps its samples in arrays, and is told more besides."""

    def __init__(self, x: Any, y: Any, **more: Any) -> None:
        self.x, self.y = x, y
        vars(self).update(more)

    def __getitem__(self, index: int) -> Any:
        return self.x[index], self.y[index]

    def __len__(self) -> int:
        return len(self.x)


class Named(Holding):
    """One that keeps them under the usual names."""

    def __init__(self, x: Any, y: Any, **more: Any) -> None:
        super().__init__(x, y, **more)
        self.images, self.labels = self.__dict__.pop("x"), self.__dict__.pop("y")

    def __getitem__(self, index: int) -> Any:
        return self.images[index], self.labels[index]

    def __len__(self) -> int:
        return len(self.images)


def bytes_of(rows: int, columns: int) -> Any:
    return np.random.default_rng(7).integers(0, 256, (rows, columns), dtype=np.uint8)


def told(train: Any, validation: Any) -> str:
    """What is said of two loaders; "" for silence."""
    with warnings.catch_warnings(record=True) as caught, tg.guard_rails(True):
        warnings.simplefilter("always")
        check_apart(*(DataLoader(d, 8) if isinstance(d, Dataset) else d for d in (train, validation)))
    [*words] = (str(w.message) for w in caught)
    assert len(words) < 2
    return words[0].partition(": ")[2].partition(".")[0] if words else ""


MEMORY = "both read the same memory, as two slices that overlap do"
ROWS = "all of {} validation samples that were looked for are among the training samples"
SAME = "both read the same samples"
LABELS = np.arange(64) % 3
TELLS: dict[str, tuple[Any, Any, str]] = {
    "a dataset read twice": (Holding(X, Y), Holding(X.copy(), Y.copy()), SAME),
    "one of tensors read twice": (Holding(tg.tensor(X), Y), Holding(tg.tensor(X), Y), SAME),
    "one with the usual names read twice": (Named(X, Y, fold=1), Named(X.copy(), Y.copy(), fold=2), SAME),
    "one of two folds": (Holding(X, Y, fold=1), Holding(X.copy(), Y.copy(), fold=2), ROWS.format(32)),
    "two labellings": (Holding(X, Y), Holding(X.copy(), Y + 1), ROWS.format(32)),
    "another kind": (Holding(X, Y), Named(X.copy(), Y.copy()), ROWS.format(32)),
    "parts of equal arrays": (
        Subset(Holding(X, Y), range(20)), Subset(Holding(X.copy(), Y), range(18, 30)), "2 samples of 12 are in both",
    ),
    "one sample twice": (Subset(DATA, [1, 2]), Subset(DATA, [2, 2, 3]), "1 samples of 3 are in both"),
    "a part of all": (Subset(DATA, [0, 63]), DATA, "2 samples of 64 are in both"),
    "all of a part": (DATA, Subset(DATA, [0, 63]), "2 samples of 2 are in both"),
    "counted from the end": (
        DataLoader(DATA, 8, sampler=SubsetRandomSampler([-1, -64])), Subset(DATA, [0, 63, 1]),
        "2 samples of 3 are in both",
    ),
    "a sampler of a subset": (
        DataLoader(Subset(DATA, range(20, 30)), 2, sampler=SubsetRandomSampler([0, 1])), Subset(DATA, [21, 22]),
        "1 samples of 2 are in both",
    ),
    "the last of the first part": (
        ConcatDataset([DATA, Holding(X + 1, Y)]), Subset(DATA, [63]), "1 samples of 1 are in both",
    ),
    "the first of the second part": (
        Subset(ConcatDataset([Holding(X + 1, Y), DATA]), [64]), Subset(DATA, [0]), "1 samples of 1 are in both",
    ),
    "the second part, and the first of it not": (
        Subset(ConcatDataset([Holding(X + 1, Y), DATA]), [63, 65]), Subset(DATA, [0, 63]), "",
    ),
    "memory": (TensorDataset(X[:33], Y[:33]), TensorDataset(X[32:], Y[32:]), MEMORY),
    "memory side by side": (TensorDataset(X[:32], Y[:32]), TensorDataset(X[32:], Y[32:]), ""),
    "eight rows": (TensorDataset(X, Y), TensorDataset(X[:8].copy(), Y[:8]), ROWS.format(8)),
    "seven rows": (TensorDataset(X, Y), TensorDataset(X[:7].copy(), Y[:7]), ""),
    "33 rows": (TensorDataset(X, Y), TensorDataset(X[:33].copy(), Y[:33]), ROWS.format(17)),
    "one of the rows is another": (TensorDataset(X, Y), TensorDataset(np.vstack([X[:8], X[:1] + 1]), Y[:9]), ""),
    "rows of 64 bytes": (
        TensorDataset(bytes_of(64, 64), LABELS), TensorDataset(bytes_of(64, 64)[9:20], LABELS[9:20]), ROWS.format(11),
    ),
    "rows of 63 bytes": (
        TensorDataset(bytes_of(64, 63), LABELS), TensorDataset(bytes_of(64, 63)[9:20], LABELS[9:20]), "",
    ),
    "whole numbers": (TensorDataset(np.rint(9 * X), Y), TensorDataset(np.rint(9 * X)[:9], Y[:9]), ""),
    "a row of whole numbers": (
        TensorDataset(np.vstack([X, 0 * X[:1]]), np.arange(65)), TensorDataset(np.vstack([X[:9], 0 * X[:1]]), Y[:10]),
        "",
    ),
    "rows that come twice": (TensorDataset(X, Y), TensorDataset(X[[*range(8), 0]], Y[:9]), ""),
    "wider rows": (TensorDataset(X, Y), TensorDataset(np.hstack([X, X])[:9], Y[:9]), ""),
    "without labels": (TensorDataset(X, Y), TensorDataset(X[:9].copy()), ""),
    "lists of numbers": (Holding(X.tolist(), Y.tolist()), Holding(X.tolist(), Y.tolist()), ""),
    "nothing with a length": (object(), object(), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", TELLS)
def test_what_is_told_of_two_loaders(name: str) -> None:
    train, validation, words = TELLS[name]
    assert told(train, validation) == words


def test_one_loader_for_both_is_told_and_silence_is_kept_where_rails_are_off() -> None:
    loader = DataLoader(DATA, 8)
    assert told(loader, loader) == "the very same loader is given for both"
    with warnings.catch_warnings(), tg.guard_rails(False):
        warnings.simplefilter("error")
        check_apart(loader, loader)


def test_it_says_how_many() -> None:
    with pytest.warns(tg.GuardRailWarning, match="10 samples of 34 are in both"), tg.guard_rails(True):
        trainer().fit(Subset(DATA, range(40)), 1, Subset(DATA, range(30, 64)))
