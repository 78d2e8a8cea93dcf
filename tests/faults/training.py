"""The training that the scripts of this folder kill, interrupt and run for long: small, with all that makes resuming
hard (dropout, batch norm, shuffling, reading ahead, a schedule that knows how many steps there will be)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn, optim
from tinygrad_cnn.data import DataLoader, TensorDataset
from tinygrad_cnn.train import Callback, Checkpoint, SchedulerCallback, Trainer

EPOCHS, BATCHES = 3, 4  # of one run
MID_EPOCH = "on_batch_end" in vars(Checkpoint)


def prepared(
    path: str | os.PathLike[str] | None = None,
    *,
    size: int = 16,
    prefetch: int = 2,
    callbacks: Iterable[Callback] = (),
    **options: Any,
) -> tuple[Trainer, Any, Any]:
    """A trainer of images of size x size that saves to the path as often as it can; its loader, and its validation."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 16 * BATCHES + 32)
    x = rng.standard_normal((len(y), 1, size, size)).astype(np.float32) + y[:, None, None, None].astype(np.float32)
    held = x[-32:].copy(), y[-32:].copy()
    tg.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.LazyLinear(3)
    )
    model(tg.zeros(2, 1, size, size))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=EPOCHS * BATCHES)
    every: dict[str, int] = {"every_batches": 1} if MID_EPOCH else {}
    own: list[Callback] = [SchedulerCallback(schedule, per="batch")]
    if path is not None:
        own.append(Checkpoint(path, **every))
    trainer = Trainer(model, optimizer, callbacks=[*own, *callbacks], **{"progress": False, **options})
    loader = DataLoader(TensorDataset(x[:-32], y[:-32]), 16, shuffle=True, prefetch=prefetch, generator=tg.Generator(5))
    return trainer, loader, held


def bits(trainer: Trainer) -> dict[str, Any]:
    """All that must be the same where two runs have done the same: without times."""
    rows = [{k: v for k, v in row.items() if k not in ("seconds", "images_per_s")} for row in trainer.history.rows]
    arrays = {name: t.numpy().tobytes() for name, t in trainer.model.state_dict().items()}
    state = {
        f"{i} {name}": value.numpy().tobytes() if isinstance(value, tg.Tensor) else np.asarray(value).tobytes()
        for i, entry in trainer.optimizer.state_dict()["state"].items()
        for name, value in entry.items()
    }
    lr = [group["lr"] for group in trainer.optimizer.param_groups]
    return {"epoch": trainer.epoch, "history": rows, "weights": arrays, "state": state, "lr": lr}
