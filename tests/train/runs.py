"""Runs with everything that has a state, made alike each time: what the tests of resuming stop, and compare.

As a script, one of them that is killed (-9), or gets Ctrl-C, after so many batches:

    python tests/train/runs.py SEED kill|interrupt PATH
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from train.nets import weights

import tinygrad_cnn as tg
from tinygrad_cnn import nn, optim
from tinygrad_cnn.data import Compose, DataLoader, Dataset, IterableDataset, RandomShift, TensorDataset
from tinygrad_cnn.optim import lr_scheduler
from tinygrad_cnn.train import (
    Callback,
    Checkpoint,
    ConfusionMatrix,
    EarlyStopping,
    GradientClipping,
    SchedulerCallback,
    Trainer,
)

WAYS = ("stop()", "Ctrl-C", "killed", "a full disk")
N, EPOCHS = 26, 3
IMAGES = np.random.default_rng(0).random((N, 1, 6, 6)).astype(np.float32)
HELD = np.random.default_rng(1).random((17, 1, 6, 6)).astype(np.float32)
LABELS = (IMAGES.mean((1, 2, 3)) > 0.5).astype(int)
TIMING = {"seconds", "images_per_s"}


class Average(Callback):
    """A moving average of the weights (EMA), noisy, so that it draws as well."""

    def __init__(self) -> None:
        self.shadow: dict[str, Any] = {}
        self.epochs = 0

    def on_epoch_start(self, trainer: Any) -> None:  # noqa: ARG002
        self.epochs += 1

    def on_batch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
        for name, p in trainer.model.named_parameters():
            old = self.shadow.get(name, p.numpy())
            self.shadow[name] = (0.9 * old + 0.1 * p.numpy() + 1e-3 * tg.rand(1).item()).astype(np.float32)

    def on_fit_end(self, trainer: Any) -> None:
        for name, p in trainer.model.named_parameters():
            p.data = tg.tensor(self.shadow[name])

    def state_dict(self) -> dict[str, Any]:
        return {"shadow": self.shadow, "epochs": self.epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.shadow, self.epochs = dict(state["shadow"]), state["epochs"]


class Noisy(Dataset):
    """Augments sample by sample, drawing from one of those from which people draw."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self.draw = draw

    def __len__(self) -> int:
        return N

    def __getitem__(self, i: int) -> tuple[Any, int]:
        return IMAGES[i] * np.float32(0.5 + self.draw()), int(LABELS[i])


class Stream(IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        for i in np.random.permutation(N):
            yield IMAGES[i] + np.float32(random.random()), int(LABELS[i])


class ByHand:
    """A loader that somebody wrote, which draws from the package."""

    def __iter__(self) -> Iterator[Any]:
        order = tg.randperm(N).numpy()
        for i in range(0, N, 7):
            yield tg.tensor(IMAGES[order[i : i + 7]] * tg.rand(1).item()), tg.tensor(LABELS[order[i : i + 7]])

    def __len__(self) -> int:
        return 4


def arrays() -> TensorDataset:
    return TensorDataset(IMAGES, LABELS)


def noise(images: Any) -> Any:
    return images + np.random.rand(len(images), 1, 1, 1).astype(np.float32)


Loader = Callable[[int], Any]
LOADERS: dict[str, Loader] = {
    "shuffled": lambda ahead: DataLoader(arrays(), 8, True, prefetch=ahead, transform=RandomShift(1)),
    "its own generator": lambda ahead: DataLoader(
        arrays(), 5, True, generator=tg.Generator(3), prefetch=ahead, transform=Compose([RandomShift(1), noise])
    ),
    "the rest dropped": lambda ahead: DataLoader(arrays(), 5, True, drop_last=True, prefetch=ahead),
    "samples, tg": lambda ahead: DataLoader(Noisy(lambda: tg.rand(1).item()), 6, True, num_workers=ahead),
    "samples, np.random": lambda ahead: DataLoader(Noisy(np.random.rand), 6, True, num_workers=ahead),
    "samples, random": lambda ahead: DataLoader(Noisy(random.random), 6, True, prefetch=ahead),
    "samples, their own": lambda ahead: DataLoader(Noisy(np.random.default_rng(8).random), 6, True, prefetch=ahead),
    "a stream": lambda ahead: DataLoader(Stream(), 6, prefetch=ahead),
    "by hand": lambda _: ByHand(),
    "a list": lambda _: [(tg.tensor(IMAGES[i : i + 9]), tg.tensor(LABELS[i : i + 9])) for i in (0, 9, 17)],
    "a dataset": lambda _: arrays(),
}


class Case(NamedTuple):
    way: str
    loader: str
    ahead: int
    optimizer: str
    schedule: str
    stop: int  # after so many batches, counted over all epochs
    again: bool  # in the same process: no file between


def batches_of(case: Case) -> int:
    loader = LOADERS[case.loader](0)
    return (
        1
        if case.loader == "a dataset"
        else len(loader)
        if hasattr(loader, "__len__") and case.loader != "a stream"
        else 5
    )


def made(case: Case, *more: Callback) -> tuple[Trainer, tuple[Any, Any]]:
    """The same trainer and loader each time, as the same script makes them."""
    tg.manual_seed(1)
    random.seed(2)
    np.random.seed(3)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout2d(0.2), nn.Flatten(), nn.Linear(48, 2)
    )
    chosen = getattr(optim, case.optimizer)(model.parameters(), lr=0.01)
    count = EPOCHS * batches_of(case)
    schedules = {
        "one cycle": lambda: SchedulerCallback(lr_scheduler.OneCycleLR(chosen, 0.1, total_steps=count + 1), "batch"),
        "plateau": lambda: SchedulerCallback(lr_scheduler.ReduceLROnPlateau(chosen, patience=0), monitor="loss"),
        "cosine": lambda: SchedulerCallback(lr_scheduler.CosineAnnealingLR(chosen, EPOCHS)),
    }
    callbacks = [
        *more,
        schedules[case.schedule](),
        Average(),
        GradientClipping(1.0),
        EarlyStopping("loss", 9, restore_best=True),
    ]
    data = (
        LOADERS[case.loader](case.ahead),
        DataLoader(TensorDataset(HELD, LABELS[:17]), 10, True, generator=tg.Generator(4)),
    )
    return Trainer(model, chosen, metrics=["accuracy", ConfusionMatrix(2)], callbacks=callbacks, progress=False), data


def go(trainer: Trainer, data: tuple[Any, Any]) -> None:
    trainer.fit(data[0], EPOCHS, validation=data[1])


def everything(trainer: Trainer) -> dict[str, Any]:
    """All that must be equal, as bytes and texts."""
    rows = [{k: v for k, v in row.items() if k not in TIMING} for row in trainer.history]
    callbacks = [
        c.state_dict() for c in trainer.callbacks if isinstance(c, (SchedulerCallback, Average, EarlyStopping))
    ]
    process = tg.arrays.rng.process_position()
    with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
        found = {"history": str(rows), "process": str(process), "callbacks": str(plain(callbacks))}
        found["optimizer"] = str(plain(trainer.optimizer.state_dict()))
    return {**found, "weights": {k: v.tobytes() for k, v in weights(trainer.model).items()}}


def plain(x: Any) -> Any:
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    return x.numpy().tobytes() if hasattr(x, "numpy") else x.tobytes() if isinstance(x, np.ndarray) else x


class Stopping(Callback):
    """After so many batches: says stop, presses Ctrl-C, or saves."""

    saved = False

    def __init__(self, stop: int, action: Callable[[Any], None]) -> None:
        self.left, self.action = stop, action

    def on_batch_end(self, trainer: Any, logs: Any) -> None:  # noqa: ARG002
        self.left -= 1
        if self.left == 0:
            self.action(trainer)


def drawn(seed: int) -> Case:
    """A case at random."""
    rng = random.Random(seed)
    case = Case(
        rng.choice([*WAYS]), rng.choice([*LOADERS]), rng.choice([0, 2]), rng.choice(["SGD", "AdamW"]),
        rng.choice(["one cycle", "plateau", "cosine"]), 0, rng.random() < 0.25,
    )  # fmt: skip
    return case._replace(stop=rng.randint(1, EPOCHS * batches_of(case)))


def main() -> None:
    """The script: trains with a checkpoint after every batch, and is stopped."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    case = drawn(int(sys.argv[1]))
    number = signal.SIGKILL if sys.argv[2] == "kill" else signal.SIGINT
    kept = Checkpoint(sys.argv[3], every_batches=1) if sys.argv[2] == "kill" else Checkpoint(sys.argv[3])
    at = Stopping(case.stop, lambda _: os.kill(os.getpid(), number))
    at.order = 95
    go(*made(case, kept, at))


if __name__ == "__main__":
    main()
