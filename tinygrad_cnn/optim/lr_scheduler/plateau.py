"""The scheduler that watches a metric."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from .arguments import ignore_verbose, per_group, require_int, require_number, require_numbers, require_optimizer
from .base import LRScheduler, set_lr


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
        verbose: Any = "deprecated",
    ) -> None:
        ignore_verbose(verbose)
        self.optimizer = require_optimizer(optimizer)
        self.mode, self.factor, self.threshold, self.threshold_mode = mode, factor, threshold, threshold_mode
        self.patience = require_int("patience", patience, least=0)
        self.cooldown = require_int("cooldown", cooldown, least=0)
        self.min_lrs = per_group("min_lr", min_lr, optimizer)
        self.eps = eps
        self._validate()
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0
        self._last_lr = self._lrs()

    def _validate(self) -> None:
        if not require_number("factor", self.factor, least=0) < 1:
            raise ValueError(f"factor must be < 1, got {self.factor!r}")
        if self.mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got {self.mode!r}")
        if self.threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold_mode must be 'rel' or 'abs', got {self.threshold_mode!r}")
        require_number("threshold", self.threshold)
        require_number("eps", self.eps)
        require_int("patience", self.patience, least=0)
        require_int("cooldown", self.cooldown, least=0)
        require_numbers("min_lr", self.min_lrs, least=0)

    def _group_count(self) -> int | None:
        return None

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
            now = float(group["lr"])
            lr = max(now * self.factor, floor)
            if now - lr > self.eps:
                set_lr(group, float(lr))
