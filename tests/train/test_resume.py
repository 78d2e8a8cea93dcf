"""A run that was stopped anywhere, saved, loaded and gone on with equals the one in a piece, bit for bit.

Random stop points over the product of ways to stop, kinds of loaders, reading ahead, augmentation, dropout and
batch-norm, schedules and callbacks with a state; 100 of them, of which some in processes of their own.
"""

from __future__ import annotations

import errno
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from train import runs
from train.nets import blobs
from train.runs import Stopping, drawn, everything, go, made

import tinygrad_cnn as tg
from tinygrad_cnn.train import Callback, Checkpoint, Trainer

HERE, APART = 92, 8  # cases in this process, and in processes of their own
X, Y = blobs()


# -------------------------------------------------------------------------------------------------------- ways to stop
def assert_equal(expected: dict[str, Any], other: Trainer) -> None:
    found = everything(other)
    for name in expected:
        assert expected[name] == found[name], name


class Gone(Exception):
    """The process has ended here: nothing that comes later counts."""


def vanish(path: Path) -> Callable[[Any], None]:
    def save(trainer: Any) -> None:
        trainer.save(path)
        raise Gone

    return save


def full_disk(path: Path) -> Callable[[Any], None]:
    """The disk is full when the checkpoint after this one is written."""

    def save(trainer: Any) -> None:
        trainer.save(path)
        trainer.callbacks[-1].full = True

    return save


class Saving(Callback):
    order, saved = 90, False

    def __init__(self) -> None:
        self.full = False

    def on_batch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
        if self.full:
            self.full = False
            raise OSError(errno.ENOSPC, "No space left on device")


WAYS: dict[str, Callable[[Path], Callable[[Any], None]]] = {
    "stop()": lambda _: lambda trainer: trainer.stop("enough"),
    "Ctrl-C": lambda _: lambda _trainer: signal.raise_signal(signal.SIGINT),
    "killed": vanish,
    "a full disk": full_disk,
}


def loaded(case: runs.Case, path: Path) -> Trainer:
    """The run, gone on with as in a new process: the same script, other random numbers."""
    second, data = made(case)
    tg.manual_seed(98)
    random.seed(97)
    np.random.seed(96)
    second.load(path)
    go(second, data)
    return second


quiet = pytest.mark.filterwarnings("ignore:scheduler.step", "ignore:fit. 3 epochs are complete")


@quiet
@pytest.mark.usefixtures("handler")
@pytest.mark.parametrize("seed", range(HERE))
def test_resumed_equals_uninterrupted(seed: int, tmp_path: Path) -> None:
    case, path = drawn(seed), tmp_path / "state"
    whole, data = made(case)
    go(whole, data)
    expected = everything(whole)

    first, data = made(case, Stopping(case.stop, WAYS[case.way](path)), Saving())
    try:
        go(first, data)
    except (Gone, OSError):
        pass
    else:
        first.save(path)
    if case.again and case.way != "killed":  # in this process: no file between
        go(first, data)
        assert_equal(expected, first)
    else:
        assert_equal(expected, loaded(case, path))


@quiet
@pytest.mark.parametrize("seed", range(HERE, HERE + APART))
def test_so_does_one_that_ended_with_its_process(seed: int, tmp_path: Path) -> None:
    case, path = drawn(seed), tmp_path / "state"
    whole, data = made(case, Checkpoint(tmp_path / "other"))
    go(whole, data)
    how = "kill" if seed % 2 else "interrupt"
    command = [sys.executable, str(runs.__file__), str(seed), how, str(path)]
    done = subprocess.run(command, cwd=Path(tg.__file__).parents[1], capture_output=True, text=True, timeout=300)
    assert done.returncode == (-signal.SIGKILL if how == "kill" else 0), done.stderr
    second, data = made(case, Checkpoint(path))
    second.load(path)
    go(second, data)
    assert_equal(everything(whole), second)
