"""Saving a run and going on with it: the state of a Trainer, and the callbacks that write it."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import io
from ..arrays.rng import Generator, default_generator
from .callbacks import Callback, Logs, Run, Watching
from .history import History, is_number
from .loaders import generators_of

_KEYS = {"model", "optimizer", "callbacks", "random", "epoch", "history"}


# ----------------------------------------------------------------------------------------------------------- state
def training_state(trainer: Run, loader: Any, pending: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a run needs to go on: weights, optimizer, callbacks (schedulers among them), random state, history.

    ``pending`` are states of loader generators that were loaded but have not met their loader yet.
    """
    return {
        "model": trainer.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "callbacks": [[type(c).__name__, c.state_dict()] for c in _saved(trainer)],
        "random": {
            "package": default_generator().get_state(),
            "loader": {**pending, **{name: _position(g) for name, g in generators_of(loader)}},
        },
        "epoch": trainer.epoch,
        "history": trainer.history.rows,
    }


def load_training_state(trainer: Run, state: Any, where: str) -> dict[str, Any]:
    """Put a saved state back into a trainer; returns the states of the loader's generators.

    Raises ValueError or RuntimeError, with nothing changed, if it is no training state or one of another run.
    """
    if not isinstance(state, dict) or not set(state) >= _KEYS:
        lacks = sorted(_KEYS - set(state)) if isinstance(state, dict) else sorted(_KEYS)
        raise ValueError(
            f"{where} holds no training state (it lacks {', '.join(lacks)}); Trainer.save and Checkpoint write one. "
            "For weights alone use model.load_state_dict(tinygrad_cnn.load(path))"
        )
    saved, own = [name for name, _ in state["callbacks"]], [type(c).__name__ for c in _saved(trainer)]
    if saved != own:
        raise ValueError(
            f"{where} was saved with the callbacks {saved}, but this trainer has {own}; give the same ones"
        )
    before = _snapshot(trainer)
    try:
        _put(trainer, state)
    except Exception:
        _put(trainer, before)
        raise
    return dict(state["random"]["loader"])


def _saved(trainer: Run) -> list[Callback]:
    return [callback for callback in trainer.callbacks if callback.saved]


def _snapshot(trainer: Run) -> dict[str, Any]:
    return copy.deepcopy(training_state(trainer, None, {}))


def _put(trainer: Run, state: dict[str, Any]) -> None:
    trainer.model.load_state_dict(state["model"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    for callback, (_, saved) in zip(_saved(trainer), state["callbacks"], strict=True):
        callback.load_state_dict(saved)
    default_generator().set_state(state["random"]["package"])
    trainer.epoch = int(state["epoch"])
    trainer.history = History(state["history"])


def _position(generator: Any) -> Any:
    """Where a generator stands."""
    if isinstance(generator, Generator):
        return generator.get_state()
    return {"bits": copy.deepcopy(generator.bit_generator.state)}


def restore_generators(loader: Any, states: Mapping[str, Any]) -> None:
    """Put the generators of a loader where they stood; ValueError if the loader has others than the saved one had."""
    generators = dict(generators_of(loader))
    if set(generators) != set(states):
        raise ValueError(
            f"the saved run had generators in {sorted(states) or 'no part'} of its loader, this loader has them in "
            f"{sorted(generators) or 'none'}; a resumed run needs the same loader"
        )
    for name, generator in generators.items():
        if isinstance(generator, Generator):
            generator.set_state(states[name])
        else:
            generator.bit_generator.state = copy.deepcopy(states[name]["bits"])


# ------------------------------------------------------------------------------------------------------- callbacks
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
        self.path, self.every, self.every_batches = os.fspath(path), every, every_batches
        self.every_minutes, self.keep = every_minutes, keep

    def on_fit_start(self, trainer: Run) -> None:  # noqa: ARG002
        """As `Callback.on_fit_start`."""
        _make_folder(self.path)

    def on_epoch_end(self, trainer: Run, logs: Logs) -> None:
        """As `Callback.on_epoch_end`."""
        last = trainer.epoch >= trainer.epochs or trainer.stop_reason is not None
        if last or trainer.epoch % self.every == 0:
            trainer.save(_fill(self.path, logs))


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
        if self.improved(trainer, logs):
            self.best_path = _fill(self.path, logs)
            io.save(trainer.model.state_dict(), self.best_path)

    def state_dict(self) -> Logs:
        """As `Callback.state_dict`."""
        return {**super().state_dict(), "best_path": self.best_path}

    def load_state_dict(self, state: Logs) -> None:
        """As `Callback.load_state_dict`."""
        super().load_state_dict(state)
        self.best_path = state["best_path"]


def _make_folder(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)


def _fill(path: str, logs: Logs) -> str:
    values = {name: np.asarray(value).item() for name, value in logs.items() if is_number(value)}
    try:
        return path.format_map(values)
    except KeyError as error:
        raise ValueError(f"the path {path!r} asks for {error}, but the epoch has {', '.join(values)}") from error
