"""Small nets and data that the tests of training share."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn, optim
from tinygrad_cnn.train import Callback, Trainer


def blobs(n: int = 60, seed: int = 0) -> tuple[Any, Any]:
    """Two classes in the plane that a line almost separates."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = rng.standard_normal((n, 2)).astype(np.float32) + 2 * y[:, None].astype(np.float32)
    return x, y


def net(seed: int = 0) -> Any:
    """Dropout and batch norm too: what has random state and buffers."""
    tg.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))


def trainer(model: Any = None, lr: float = 0.1, **kwargs: Any) -> Trainer:
    model = net() if model is None else model
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    return Trainer(model, optimizer, **{"progress": False, **kwargs})


def weights(model: Any) -> dict[str, Any]:
    return {name: value.numpy().copy() for name, value in model.state_dict().items()}


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """The same bits."""
    return a.keys() == b.keys() and all(a[k].tobytes() == b[k].tobytes() for k in a)


class At(Callback):
    """Calls a function at a given batch or at the end of a given epoch (both counted from 1)."""

    def __init__(self, action: Any, epoch: int, batch: int | None = None) -> None:
        self.action, self.epoch, self.batch = action, epoch, batch

    def on_batch_end(self, trainer: Trainer, logs: Any) -> None:  # noqa: ARG002
        if self.batch is not None and (trainer.epoch + 1, trainer.batch) == (self.epoch, self.batch):
            self.action()

    def on_epoch_end(self, trainer: Trainer, logs: Any) -> None:  # noqa: ARG002
        if self.batch is None and trainer.epoch == self.epoch:
            self.action()
