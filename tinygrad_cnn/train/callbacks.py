"""Callbacks: what happens around the training loop without being part of it. Those that save stand in `checkpoints`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from ..nn.module import Module
from ..nn.utils import clip_grad_norm_, clip_grad_value_
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from ..optim.optimizer import Optimizer
from .history import History, direction, is_number
from .metrics import Metric

Logs = dict[str, Any]


class Run(Protocol):
    """What a callback sees of the `Trainer` that calls it."""

    model: Module
    optimizer: Optimizer
    loss: Callable[[Any, Any], Any]
    metrics: list[Metric]
    callbacks: list[Callback]
    history: History
    epoch: int  # epochs that are complete
    batch: int  # batches done of the epoch that runs
    epochs: int  # the goal
    validates: bool  # is there a validation after each epoch?
    stop_reason: str | None

    @property
    def interrupted(self) -> bool:
        """Has Ctrl-C been pressed? For callbacks that wait."""

    def stop(self, reason: str) -> None:
        """End the run, from any thread: after the current batch, or after the epoch if all its batches are done."""

    def evaluate(self, data: Any, *, batch_size: int | None = None) -> dict[str, Any]:
        """Loss and metrics over other data, by name."""

    def predict(self, data: Any, *, batch_size: int | None = None) -> Any:
        """The model's outputs for other data."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save all that a resumed run needs."""


class Callback:
    """Base of all callbacks: a method for each moment of a run, doing nothing here.

    ``trainer`` is the `Trainer`; to type checkers it is a `Run`, which lists what it offers to callbacks.
    ``trainer.epoch`` counts the epochs that are complete, ``trainer.batch`` the batches of the one that runs.
    ``trainer.stop(reason)`` ends the run after the current batch, or after the epoch if it is complete.

    >>> class Shout(Callback):
    ...     def on_epoch_end(self, trainer, logs):
    ...         print(f"epoch {trainer.epoch}: {logs['loss']:.2f}!")
    """

    order: ClassVar[int] = 0  # lower ones are called first; equal ones in the order they were given
    saved: ClassVar[bool] = True  # is it part of a saved run? False for one that looks on: a run resumes without it
    needed: ClassVar[bool] = True  # does what a resumed run computes depend on it? Else it may come and go in silence

    def on_fit_start(self, trainer: Run) -> None:
        """Before the first epoch of a call of ``fit``."""

    def on_epoch_start(self, trainer: Run) -> None:
        """Before the first batch of an epoch."""

    def on_backward_end(self, trainer: Run) -> None:
        """The gradients are there, the optimizer has not stepped yet."""

    def on_batch_end(self, trainer: Run, logs: Logs) -> None:
        """The optimizer has stepped; ``logs`` has the loss of the batch."""

    def on_epoch_end(self, trainer: Run, logs: Logs) -> None:
        """An epoch is complete, with its validation; ``logs`` is its row in the history, and may be added to."""

    def on_fit_end(self, trainer: Run) -> None:
        """After the last epoch, also when the run was stopped or interrupted; not after an error."""

    def state_dict(self) -> Logs:
        """What a resumed run needs of this callback."""
        return {}

    def load_state_dict(self, state: Logs) -> None:
        """Go on from what `state_dict` gave."""


class Watching(Callback):
    """Base of callbacks that look whether a value of the epoch has become better than ever before."""

    def __init__(self, monitor: str, mode: str | None, min_delta: float) -> None:
        if not min_delta >= 0:
            raise ValueError(f"{type(self).__name__}: min_delta must be >= 0, got {min_delta!r}")
        self.monitor, self.mode, self.min_delta = monitor, direction(monitor, mode), min_delta
        self.best = math.inf if self.mode == "min" else -math.inf
        self.best_epoch = 0

    def on_fit_start(self, trainer: Run) -> None:
        """As `Callback.on_fit_start`; refuses to watch a validation that there is not."""
        require_validation(self, self.monitor, trainer)

    def improved(self, trainer: Run, logs: Logs) -> bool:
        """Is the value better than the best so far, by more than min_delta? Then it is the best. NaN never is."""
        value = watched(self, self.monitor, logs)
        gain = self.best - value if self.mode == "min" else value - self.best
        if not gain > self.min_delta:
            return False
        self.best, self.best_epoch = value, trainer.epoch
        return True

    def state_dict(self) -> Logs:
        """As `Callback.state_dict`."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: Logs) -> None:
        """As `Callback.load_state_dict`."""
        self.best, self.best_epoch = float(state["best"]), int(state["best_epoch"])


def require_validation(callback: Callback, monitor: str, trainer: Run) -> None:
    """ValueError, before the first epoch, if the value comes from a validation and there is none."""
    if monitor.startswith("val_") and not trainer.validates:
        raise ValueError(
            f"{type(callback).__name__} watches {monitor!r}, but there is no validation; pass validation= to fit, or "
            f"monitor={monitor.removeprefix('val_')!r}"
        )


def watched(callback: Callback, monitor: str, logs: Logs) -> float:
    """The value of that name, as a number."""
    if not is_number(logs.get(monitor)):
        known = ", ".join(name for name, value in logs.items() if is_number(value))
        raise ValueError(f"{type(callback).__name__} watches {monitor!r}, which is no number of the epoch: {known}")
    return float(logs[monitor])


class EarlyStopping(Watching):
    """Stops when a value has not become better for ``patience`` epochs in a row.

    Args:
        monitor: a name in the history.
        patience: how many epochs, at least 1.
        min_delta: what counts as better: more than this.
        mode: "min" or "max"; None takes it from the name (loss and error fall, accuracy and score rise).
        restore_best: give the model the weights of its best epoch at the end of the run.
    """

    order = 10

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str | None = None,
        restore_best: bool = False,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if isinstance(patience, bool) or not isinstance(patience, int) or patience < 1:
            raise ValueError(f"EarlyStopping: patience must be an integer >= 1, got {patience!r}")
        self.patience, self.restore_best = patience, restore_best
        self.waited = 0
        self._weights: dict[str, Any] | None = None

    def on_epoch_end(self, trainer: Run, logs: Logs) -> None:
        """As `Callback.on_epoch_end`."""
        if self.improved(trainer, logs):
            self.waited = 0
            if self.restore_best:
                self._weights = {name: value._array.copy() for name, value in trainer.model.state_dict().items()}
        else:
            self.waited += 1
        if self.waited >= self.patience:
            trainer.stop(f"{self.monitor} has not improved on {self.best:.6g} since epoch {self.best_epoch}")

    def on_fit_end(self, trainer: Run) -> None:
        """As `Callback.on_fit_end`."""
        if self._weights is not None:
            trainer.model.load_state_dict(self._weights)

    def state_dict(self) -> Logs:
        """As `Callback.state_dict`."""
        return {**super().state_dict(), "waited": self.waited, "weights": self._weights}

    def load_state_dict(self, state: Logs) -> None:
        """As `Callback.load_state_dict`."""
        super().load_state_dict(state)
        self.waited, self._weights = int(state["waited"]), state["weights"]


class SchedulerCallback(Callback):
    """Steps a learning-rate scheduler after each epoch, or with ``per="batch"`` after each batch.

    A `ReduceLROnPlateau` is given the value named by ``monitor``; others take none.
    """

    def __init__(self, scheduler: LRScheduler, per: str = "epoch", monitor: str = "val_loss") -> None:
        if not isinstance(scheduler, LRScheduler):
            raise TypeError(f"SchedulerCallback: expected a learning-rate scheduler, got {type(scheduler).__name__}")
        if per not in ("epoch", "batch"):
            raise ValueError(f"SchedulerCallback: per must be 'epoch' or 'batch', got {per!r}")
        self.scheduler, self.per, self.monitor = scheduler, per, monitor
        self._needs_value = isinstance(scheduler, ReduceLROnPlateau)
        if self._needs_value and per == "batch":
            raise ValueError("SchedulerCallback: ReduceLROnPlateau watches a value of the epoch; use per='epoch'")

    def on_fit_start(self, trainer: Run) -> None:
        """As `Callback.on_fit_start`; the scheduler must be of the trainer's optimizer."""
        if self.scheduler.optimizer is not trainer.optimizer:
            raise ValueError("SchedulerCallback: the scheduler belongs to another optimizer than the trainer's")
        if self._needs_value:
            require_validation(self, self.monitor, trainer)

    def on_batch_end(self, trainer: Run, logs: Logs) -> None:  # noqa: ARG002
        """As `Callback.on_batch_end`."""
        if self.per == "batch":
            self.scheduler.step()

    def on_epoch_end(self, trainer: Run, logs: Logs) -> None:  # noqa: ARG002
        """As `Callback.on_epoch_end`."""
        if self._needs_value:
            self.scheduler.step(watched(self, self.monitor, logs))  # type: ignore[arg-type]
        elif self.per == "epoch":
            self.scheduler.step()

    def state_dict(self) -> Logs:
        """As `Callback.state_dict`: that of the scheduler."""
        return self.scheduler.state_dict()

    def load_state_dict(self, state: Logs) -> None:
        """As `Callback.load_state_dict`."""
        self.scheduler.load_state_dict(state)


class GradientClipping(Callback):
    """Limits the gradients before each step: their common norm to ``max_norm``, or each number to +-``max_value``.

    ``last_norm`` is the norm of the last batch before it was clipped (None when clipping by value).
    """

    def __init__(self, max_norm: float | None = None, max_value: float | None = None, norm_type: float = 2.0) -> None:
        if (max_norm is None) == (max_value is None):
            raise ValueError(f"GradientClipping: give max_norm or max_value, one of them; got {max_norm}, {max_value}")
        limit = max_value if max_norm is None else max_norm
        if limit is None or not limit > 0:
            raise ValueError(f"GradientClipping: the limit must be > 0, got {limit!r}")
        self.max_norm, self.max_value, self.norm_type = max_norm, max_value, norm_type
        self.last_norm: float | None = None

    def on_backward_end(self, trainer: Run) -> None:
        """As `Callback.on_backward_end`."""
        parameters = [p for group in trainer.optimizer.param_groups for p in group["params"]]
        if self.max_norm is not None:
            self.last_norm = float(clip_grad_norm_(parameters, self.max_norm, self.norm_type))
        elif self.max_value is not None:
            clip_grad_value_(parameters, self.max_value)
