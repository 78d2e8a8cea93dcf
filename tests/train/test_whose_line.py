"""A warning names the line of the user's that led to it, however deep in the package it arises."""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from train.nets import At, blobs, net, trainer

import tinygrad_cnn as tg
from tinygrad_cnn import data, optim
from tinygrad_cnn.data import CIFAR10, EMNIST, MNIST, DataLoader, TensorDataset
from tinygrad_cnn.optim import lr_scheduler as s
from tinygrad_cnn.train import EarlyStopping

X, Y = blobs()


def optimizer() -> optim.Optimizer:
    return optim.SGD(net().parameters(), lr=1.0)


def bad_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are none, where nobody asked for them by name."""
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (folder / f"{name}.gz").write_bytes(b"none")
        (folder / f"emnist-balanced-{name}.gz").write_bytes(b"none")
    (folder / "cifar-10-batches-py").mkdir()
    for name in ("batches.meta", *(f"data_batch_{i}" for i in range(1, 6))):
        (folder / "cifar-10-batches-py" / name).write_bytes(b"none")
    monkeypatch.setenv("TINYGRAD_CNN_DATA", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))


def tried(call: Callable[[], Any]) -> None:
    """Nothing is found in the end."""
    with pytest.raises(FileNotFoundError):
        call()


def loads_another(_: Path) -> None:
    state = DataLoader(TensorDataset(X), 2).state_dict()
    DataLoader(TensorDataset(X), 3).load_state_dict(state)  # here


def trains_enough(_: Path) -> None:
    mine = trainer()
    mine.fit((X, Y), 1)
    mine.fit((X, Y), 1)  # here


def trains_enough_in_one_call(_: Path) -> None:
    mine = trainer()
    mine.epoch = 3
    tg.train.trainer.Trainer.fit(mine, (X, Y), 1)  # here


def saves_in_a_step(folder: Path) -> None:
    class Saving(tg.train.Callback):
        def on_backward_end(self, trainer: Any) -> None:
            trainer.save(folder / "state")  # here

    trainer(callbacks=Saving()).fit((X, Y), 1, batch_size=60)


def goes_on_with_others(folder: Path) -> None:
    mine = trainer(callbacks=EarlyStopping("loss"))
    mine.fit((X, Y), 1)
    mine.save(folder / "state")
    other = trainer(callbacks=[EarlyStopping("loss"), tg.train.BestCheckpoint(folder / "b", "loss")])
    other.load(folder / "state")  # here


def begins_an_epoch_anew(_: Path) -> None:
    mine = trainer()
    mine.callbacks.append(At(lambda: mine.stop("enough"), 1, 1))
    mine.fit((X, Y), 1, batch_size=10)
    mine.fit((X, Y), 1, batch_size=20)  # here


def steps_too_early(_: Path) -> None:
    scheduler = s.StepLR(optimizer(), 3)
    scheduler.step()  # here


def steps_a_chain_too_early(_: Path) -> None:
    o = optimizer()
    scheduler = s.ChainedScheduler([s.StepLR(o, 3)])
    scheduler.step()  # here


def steps_a_sequence_too_early(_: Path) -> None:
    o = optimizer()
    scheduler = s.SequentialLR(o, [s.StepLR(o, 3), s.ExponentialLR(o, 0.9)], [5])
    scheduler.step()  # here


PROGRAMS: list[Callable[[Path], Any]] = [
    lambda _: data.random_split(TensorDataset(X), [60, 0]),  # here
    lambda _: tried(lambda: MNIST(download=False)),  # here
    lambda _: tried(lambda: EMNIST(download=False)),  # here
    lambda _: tried(lambda: CIFAR10(download=False)),  # here
    lambda _: tried(lambda: data.load_mnist(download=False)),  # here
    lambda _: tried(lambda: data.load_cifar10(download=False)),  # here
    lambda _: s.StepLR(optimizer(), 3, verbose=True),  # here
    lambda _: s.ReduceLROnPlateau(optimizer(), verbose=True),  # here
    lambda _: s.CyclicLR(optimizer(), 0.1, 1, cycle_momentum=False, verbose=True),  # here
    loads_another, trains_enough, trains_enough_in_one_call, saves_in_a_step, goes_on_with_others, begins_an_epoch_anew,
    steps_too_early, steps_a_chain_too_early, steps_a_sequence_too_early,
]  # fmt: skip


@pytest.mark.parametrize("program", range(len(PROGRAMS)))
def test_a_warning_names_the_line_that_led_to_it(program: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad_files(tmp_path, monkeypatch)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        PROGRAMS[program](tmp_path)
    assert caught
    for one in caught:
        assert one.category is UserWarning
        assert one.filename == __file__
        assert linecache.getline(one.filename, one.lineno).rstrip().endswith("# here")


def test_one_line_warns_once_where_warnings_are_shown_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            data.random_split(TensorDataset(np.zeros(2)), [2, 0])
    assert len(caught) == 1
