"""The scheduler that watches a metric."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, per_group, require_int, require_optimizer


class ReduceLROnPlateau(LRScheduler):
    """Times ``factor`` when a metric has not become better for more than ``patience`` epochs.

    Better is lower (``mode`` "min") or higher ("max") than the best so far by more than ``threshold``: a share of the
    best (``threshold_mode`` "rel") or an amount ("abs"). After a reduction ``cooldown`` epochs do not count. The rate
    does not fall below ``min_lr`` (one, or a list with one for each group), and not by less than ``eps``.

    ``scheduler.step(validation_loss)`` after each epoch.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer = require_optimizer(optimizer)
        if not factor < 1:
            raise ValueError(f"factor must be < 1, got {factor!r}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}")
        self.mode, self.factor, self.threshold, self.threshold_mode = mode, factor, threshold, threshold_mode
        self.patience = require_int("patience", patience, least=0)
        self.cooldown = require_int("cooldown", cooldown, least=0)
        self.min_lrs = per_group("min_lr", min_lr, optimizer)
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0
        self._last_lr = self._lrs()

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Say how good this epoch was: a number, or a Tensor with one element."""
        value = float(metrics.item() if hasattr(metrics, "item") else metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(value, self.best):
            self.best = value
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._lrs()

    @property
    def in_cooldown(self) -> bool:
        """Is this within ``cooldown`` epochs after a reduction?"""
        return self.cooldown_counter > 0

    def is_better(self, a: float, best: float) -> bool:
        """Is a better than best, by more than the threshold?"""
        sign = -1 if self.mode == "min" else 1
        bar = best * (1 + sign * self.threshold) if self.threshold_mode == "rel" else best + sign * self.threshold
        return a < bar if self.mode == "min" else a > bar

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        floors = self.min_lrs + self.min_lrs[-1:] * (len(groups) - len(self.min_lrs))  # groups may have been added
        for group, floor in zip(groups, floors, strict=True):
            lr = max(group["lr"] * self.factor, floor)
            if group["lr"] - lr > self.eps:
                group["lr"] = float(lr)
