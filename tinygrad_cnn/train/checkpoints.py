"""The callbacks that save a run, or the best of it."""

from __future__ import annotations

import os
import re
import string
from pathlib import Path
from time import monotonic

import numpy as np

from .. import io
from .callbacks import Callback, Logs, Run, Watching
from .history import is_number


class Checkpoint(Callback):
    """Saves the whole training state, in mid-epoch too: `Trainer.load` goes on from there, to the same bits.

    Args:
        path: may contain ``{epoch}`` (the one that runs, or has just ended), ``{batch}``, and at an epoch's end the
            name of a value (``"run-{epoch:03d}.safetensors"``); without, one file is replaced each time, as a whole or
            not at all. Missing folders are made.
        every: after every so many epochs, after the last one, and where a run is stopped or interrupted.
        every_batches: after every so many batches as well, counted over all epochs.
        every_minutes: after the first batch that ends so many minutes after the last save, as well.
        keep: leave only the last so many files; None leaves all.
    """

    order = 90
    needed = False

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int = 1,
        every_batches: int | None = None,
        every_minutes: float | None = None,
        keep: int | None = None,
    ) -> None:
        for name, value in (("every", every), ("every_batches", every_batches), ("keep", keep)):
            wrong = isinstance(value, bool) or not isinstance(value, int) or value < 1
            if wrong and (value is not None or name == "every"):
                raise ValueError(f"Checkpoint: {name} must be an integer >= 1, got {value!r}")
        number = isinstance(every_minutes, (int, float)) and not isinstance(every_minutes, bool)
        if every_minutes is not None and not (number and every_minutes >= 0):
            raise ValueError(f"Checkpoint: every_minutes must be a number >= 0, got {every_minutes!r}")
        if keep is not None and keep > 1 and "{" not in os.fspath(path):
            raise ValueError(f"Checkpoint: keep={keep} needs a path with {{epoch}} or {{batch}} in it, got {path!r}")
        self.path, self.every, self.every_batches = os.fspath(path), every, every_batches
        self.every_minutes, self.keep = every_minutes, keep
        self._batches = 0  # since the first one ever
        self._batch = 0  # the last one of the epoch
        self._files: list[str] = []  # those that were saved, the last ones last
        self._saved_at = 0.0

    def on_fit_start(self, trainer: Run) -> None:  # noqa: ARG002
        """As `Callback.on_fit_start`; ValueError for a path that asks for what a batch does not have."""
        _make_folder(self.path)
        if self.every_batches is not None or self.every_minutes is not None:
            _fill(self.path, {"epoch": 1, "batch": 1}, "batch")
        self._saved_at = monotonic()
        self._remove_old()  # what a run could not remove that was killed right after it had saved

    def on_batch_end(self, trainer: Run, logs: Logs) -> None:  # noqa: ARG002
        """As `Callback.on_batch_end`."""
        self._batches, self._batch = self._batches + 1, trainer.batch
        due = self.every_batches is not None and self._batches % self.every_batches == 0
        if self.every_minutes is not None and monotonic() - self._saved_at >= 60 * self.every_minutes:
            due = True
        if due:
            self._save(trainer, _fill(self.path, {"epoch": trainer.epoch + 1, "batch": trainer.batch}, "batch"))

    def on_epoch_end(self, trainer: Run, logs: Logs) -> None:
        """As `Callback.on_epoch_end`."""
        last = trainer.epoch >= trainer.epochs or trainer.stop_reason is not None
        if last or trainer.epoch % self.every == 0:
            self._save(trainer, _fill(self.path, {**logs, "batch": self._batch}, "epoch"))

    def on_fit_end(self, trainer: Run) -> None:
        """As `Callback.on_fit_end`: saves an epoch that was cut short."""
        asks = {name for _, name, _, _ in string.Formatter().parse(self.path) if name is not None}
        if trainer.batch and asks <= {"epoch", "batch"}:
            self._save(trainer, _fill(self.path, {"epoch": trainer.epoch + 1, "batch": trainer.batch}, "batch"))

    def _save(self, trainer: Run, path: str) -> None:
        before = self._files
        self._files = [*(file for file in before if file != path), path]  # the file says that it is one of them
        try:
            trainer.save(path)
        except BaseException:
            self._files = before
            raise
        self._saved_at = monotonic()
        self._remove_old()

    def _remove_old(self) -> None:
        old = self._files[: -self.keep] if self.keep is not None else []
        for file in old:
            Path(file).unlink(missing_ok=True)
        self._files = self._files[len(old) :]

    def state_dict(self) -> Logs:
        """As `Callback.state_dict`."""
        return {"batches": self._batches, "batch": self._batch, "files": list(self._files)}

    def load_state_dict(self, state: Logs) -> None:
        """As `Callback.load_state_dict`. Files that this path cannot have made are none of ours, and not removed."""
        self._batches, self._batch = int(state.get("batches", 0)), int(state.get("batch", 0))
        pieces = re.split(r"\{[^{}]*\}", self.path)
        ours = re.compile(r"[^/\\]+".join(map(re.escape, pieces)))
        self._files = [str(file) for file in state.get("files", ()) if ours.fullmatch(str(file))]


class BestCheckpoint(Watching):
    """Saves the model's weights whenever a value is better than ever: `tinygrad_cnn.load` gives a ``state_dict``.

    ``monitor``, ``min_delta`` and ``mode`` as for `EarlyStopping`, ``path`` as for `Checkpoint`. ``best`` and
    ``best_epoch`` say what was saved, ``best_path`` where.
    """

    order = 80

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        mode: str | None = None,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.path = os.fspath(path)
        self.best_path: str | None = None

    def on_fit_start(self, trainer: Run) -> None:
        """As `Callback.on_fit_start`."""
        super().on_fit_start(trainer)
        _make_folder(self.path)

    def on_epoch_end(self, trainer: Run, logs: Logs) -> None:
        """As `Callback.on_epoch_end`."""
        before = self.best, self.best_epoch
        if self.improved(trainer, logs):
            try:
                path = _fill(self.path, logs, "epoch")
                io.save(trainer.model.state_dict(), path)
            except BaseException:
                self.best, self.best_epoch = before  # a best counts when its file stands
                raise
            self.best_path = path

    def state_dict(self) -> Logs:
        """As `Callback.state_dict`."""
        return {**super().state_dict(), "best_path": self.best_path}

    def load_state_dict(self, state: Logs) -> None:
        """As `Callback.load_state_dict`."""
        super().load_state_dict(state)
        self.best_path = state["best_path"]


def _make_folder(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)


def _fill(path: str, values: Logs, moment: str) -> str:
    numbers = {name: np.asarray(value).item() for name, value in values.items() if is_number(value)}
    try:
        return path.format_map(numbers)
    except KeyError as error:
        raise ValueError(f"the path {path!r} asks for {error}, but the {moment} has {', '.join(numbers)}") from error
