"""The state of a run: what a file of `Trainer.save` holds, and the way back from it."""

from __future__ import annotations

import copy
import zlib
from collections import Counter
from typing import Any

from ..arrays.rng import is_source, process_position, process_to
from ..arrays.telling import warn_of
from ..data.sources import positions, put_back
from ..nn.module import Module
from ..tensors import Tensor
from .callbacks import Callback, Run
from .history import History
from .running import Running, Telling

_KEYS = {"model", "optimizer", "callbacks", "random", "epoch", "history"}


def training_state(
    trainer: Run, running: Running | None, telling: Telling | None, loaders: dict[str, Any]
) -> dict[str, Any]:
    """Everything a run needs to go on: weights, optimizer, callbacks (schedulers among them), random state, history;
    of an epoch that runs what it has measured; and where the loaders stand."""
    return {
        "model": trainer.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "callbacks": [[type(c).__name__, c.state_dict()] for c in _saved(trainer)],
        "needed": [c.needed for c in _saved(trainer)],
        "random": process_position(),
        "generators": positions(_sources(trainer)),
        "epoch": trainer.epoch,
        "history": trainer.history.rows,
        "batch": trainer.batch,
        "running": None if running is None else running.state_dict(),
        "telling": None if telling is None else _told(trainer, telling),
        "loaders": loaders,
    }


def load_training_state(
    trainer: Run, state: Any, where: str, running: Running
) -> tuple[Running | None, Telling | None, dict[str, Any]]:
    """Put a saved state back into a trainer; returns the epoch that ran (``running``, or None), whom to go on telling
    of what, and where the loaders stood.

    Raises ValueError or RuntimeError, with nothing changed, if it is no training state or one of another run.
    """
    if not isinstance(state, dict) or not set(state) >= _KEYS:
        lacks = sorted(_KEYS - set(state)) if isinstance(state, dict) else sorted(_KEYS)
        raise ValueError(
            f"{where} holds no training state (it lacks {', '.join(lacks)}); Trainer.save and Checkpoint write one. "
            "For weights alone use model.load_state_dict(tinygrad_cnn.load(path))"
        )
    pairs = _pairs(trainer, state, where)
    ran = state.get("running")
    if ran is not None:
        try:
            running.load_state_dict(ran)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
    before = copy.deepcopy(training_state(trainer, None, None, {}))
    try:
        _put(trainer, state, pairs)
    except Exception:
        _put(trainer, before, {i: i for i in range(len(before["callbacks"]))})
        raise
    loaders = state.get("loaders")
    if loaders is None:  # of an earlier version, which saved between epochs alone
        loaders = {"train": {"batches": 0, "generators": dict(state["random"]["loader"])}}
    return None if ran is None else running, _telling(trainer, state.get("telling"), pairs), loaders


def weights_of(model: Module) -> dict[str, Any]:
    """A copy of a model's state, as arrays."""
    return {k: v._array.copy() if isinstance(v, Tensor) else copy.deepcopy(v) for k, v in model.state_dict().items()}


def digest(model: Module) -> int:
    """A number that changes with the model's state."""
    found = 0
    for value in model.state_dict().values():
        bits = value._array.tobytes() if isinstance(value, Tensor) else repr(value).encode()
        found = zlib.crc32(bits, found)
    return found


def _saved(trainer: Run) -> list[Callback]:
    return [callback for callback in trainer.callbacks if callback.saved]


def _sources(trainer: Run) -> dict[str, Any]:
    """The generators that modules, the loss and callbacks hold."""
    holders: dict[str, Any] = {f"model.{name}": module for name, module in trainer.model.named_modules()}
    numbers: Counter[str] = Counter()
    for callback in _saved(trainer):
        name = type(callback).__name__
        holders[f"callbacks.{name}.{numbers[name]}"] = callback
        numbers[name] += 1
    holders["loss"] = trainer.loss
    found = {f"{at}.{key}": x for at, holder in holders.items() for key, x in getattr(holder, "__dict__", {}).items()}
    return {name: x for name, x in found.items() if is_source(x)}


def _told(trainer: Run, telling: Telling) -> list[Any]:
    """In a file callbacks are counted without those that are no part of a saved run."""
    return [telling.moment, len([c for c in trainer.callbacks[: telling.last + 1] if c.saved]), list(telling.logs)]


def _telling(trainer: Run, told: list[Any] | None, pairs: dict[int, int]) -> Telling | None:
    if told is None:
        return None
    moment, count, logs = told
    if moment == "on_epoch_end" and trainer.history.rows:
        logs = [trainer.history.rows[-1]]  # the row itself, which callbacks may add to
    saved = _saved(trainer)
    left = [own for there, own in pairs.items() if there >= count]  # who was not told; those before them were
    before = saved[: min(left) if left else len(saved)]
    last = max((i for i, callback in enumerate(trainer.callbacks) if any(callback is c for c in before)), default=-1)
    return Telling(moment, last, tuple(logs))


def _pairs(trainer: Run, state: dict[str, Any], where: str) -> dict[int, int]:
    """Which saved callback is which of the trainer's: of each class the first is the first. Those that have nothing to
    go on with may come and go; ValueError where a state would be lost, or the order is another."""
    saved, own = [name for name, _ in state["callbacks"]], [type(c).__name__ for c in _saved(trainer)]
    places = {name: [i for i, other in enumerate(own) if other == name] for name in saved}
    pairs = {i: places[name].pop(0) for i, name in enumerate(saved) if places[name]}
    needed = state.get("needed", [name != "Checkpoint" for name in saved])
    gone = [i for i in range(len(saved)) if i not in pairs and needed[i]]
    new = [i for i, c in enumerate(_saved(trainer)) if i not in pairs.values() and c.needed and c.state_dict()]
    order = [here for there, here in pairs.items() if state["callbacks"][there][1]]
    if any(state["callbacks"][i][1] for i in gone) or order != sorted(order):
        raise ValueError(
            f"{where} was saved with the callbacks {saved}, but this trainer has {own}; give the same ones, in the "
            "same order"
        )
    if gone or new:
        without = f"without {', '.join(saved[i] for i in gone)}" if gone else ""
        begins = f"with {', '.join(own[i] for i in new)}, which the saved run did not have" if new else ""
        warn_of(f"{where} is of a run with other callbacks: it goes on {' and '.join(filter(None, (without, begins)))}")
    return pairs


def _put(trainer: Run, state: dict[str, Any], pairs: dict[int, int]) -> None:
    trainer.model.load_state_dict(state["model"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    own = _saved(trainer)
    for there, here in pairs.items():
        own[here].load_state_dict(state["callbacks"][there][1])
    process_to(state["random"])
    put_back(_sources(trainer), state.get("generators", {}))
    trainer.epoch, trainer.batch = int(state["epoch"]), int(state.get("batch", 0))
    trainer.history = History(state["history"])
