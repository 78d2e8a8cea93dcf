"""What the tests of the schedulers share: optimizers to schedule, the curve a scheduler draws, PyTorch's beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_cnn import optim
from tinygrad_cnn.tensors import Tensor

BASES = [0.5, 0.01]  # the learning rates of the two groups
EPOCHS = 75


def made(like: Any = None, cls: Any = optim.SGD, **hyper: Any) -> optim.Optimizer:
    """An optimizer with two groups, of the class of another one if that is given."""
    cls = cls if like is None else type(like)
    groups = [{"params": [Tensor(np.zeros(1), requires_grad=True)], "lr": lr} for lr in BASES]
    made: optim.Optimizer = cls(groups, **hyper)
    return made


def made_by_torch(torch: Any, name: str = "SGD", **hyper: Any) -> Any:
    """The same of PyTorch's."""
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in BASES]
    return getattr(torch.optim, name)(groups, **hyper)


def curve(scheduler: Any, epochs: int = EPOCHS, momentum: str | None = None) -> list[list[float]]:
    """The learning rates (and momenta) of both groups at each epoch from now on."""
    rows = []
    for t in range(epochs):
        if t:
            scheduler.optimizer.step()
            scheduler.step()
            assert [group["lr"] for group in scheduler.optimizer.param_groups] == list(scheduler.get_last_lr())
        groups = scheduler.optimizer.param_groups
        row = [group["lr"] for group in groups]
        if momentum is not None:
            row += [group["betas"][0] if momentum == "betas" else group["momentum"] for group in groups]
        rows.append(row)
    return rows


def check_torch(torch: Any, name: str, last_epoch: int = -1, optimizer: str = "SGD", **hyper: Any) -> None:
    """Learning rates, momenta and what is left in the groups, epoch by epoch; or the same refusal."""
    momentum = ("betas" if "Adam" in optimizer else "momentum") if hyper.get("cycle_momentum") else None
    epochs = min(EPOCHS, hyper.get("total_steps", EPOCHS))
    ours, theirs = made(cls=getattr(optim, optimizer)), made_by_torch(torch, optimizer)
    if last_epoch >= 0:
        for group in (*ours.param_groups, *theirs.param_groups):
            group["initial_lr"] = group["lr"] * 1.5
    mine = getattr(optim.lr_scheduler, name)(ours, last_epoch=last_epoch, **hyper)
    other = getattr(torch.optim.lr_scheduler, name)(theirs, last_epoch=last_epoch, **hyper)
    got, want = curve(mine, epochs, momentum), curve(other, epochs, momentum)
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10)
    assert mine.last_epoch == other.last_epoch
    assert mine.base_lrs == other.base_lrs
    for a, b in zip(ours.param_groups, theirs.param_groups, strict=True):
        assert set(a) == set(b)
