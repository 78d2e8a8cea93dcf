"""What every learning-rate scheduler shares."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from types import FunctionType
from typing import Any, ClassVar

from ..optimizer import Optimizer


class LRScheduler:
    """Base of the schedulers: after each epoch (or batch, as you like) `step` sets ``group["lr"]`` of every group.

    A scheduler steps once when it is made, so that epoch 0 has its learning rate; ``last_epoch`` counts from there. The
    learning rates it started from stay in ``group["initial_lr"]`` and ``base_lrs``. With ``last_epoch`` >= 0 it goes on
    from there, and expects ``"initial_lr"`` in each group, as a loaded optimizer has it.

    A subclass defines `get_lr`, from ``self.last_epoch``, ``self.base_lrs`` and ``self.optimizer.param_groups``.
    """

    optimizer: Optimizer
    _last_lr: list[float]
    _initial = False  # is this the step that the constructor takes?
    _hidden: ClassVar[tuple[str, ...]] = ("optimizer",)  # attributes that are not part of the state

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = require_optimizer(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"parameter group {i} has no 'initial_lr', needed to go on from last_epoch={last_epoch}: load "
                    "the optimizer's state dict first, or leave last_epoch out to start anew"
                )
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._steps_at_start = optimizer.steps_taken
        self._initial_step()

    # ------------------------------------------------------------------------------------------ for subclasses
    def get_lr(self) -> list[float]:
        """The learning rate of each group at ``last_epoch``, given what ``group["lr"]`` was the epoch before."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def _get_closed_form_lr(self) -> list[float]:
        """The learning rate of each group at ``last_epoch``, from nothing but ``base_lrs``."""
        return self.get_lr()

    def _lrs(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    # ------------------------------------------------------------------------------------------ for users
    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch, or jump to ``epoch``. Call it after `Optimizer.step`."""
        if self._step_count == 1:
            self._warn_if_early()
        self._step_count += 1
        self._update_lr(epoch)

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group as `step` set it last."""
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer and functions, as plain values; save the optimizer's state beside it."""
        return {key: deepcopy(value) for key, value in self.__dict__.items() if key not in self._hidden}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave; ValueError, with nothing changed, if it is of another scheduler."""
        self._check_state(state_dict)
        self.__dict__.update({key: deepcopy(value) for key, value in state_dict.items() if key not in self._hidden})

    # ------------------------------------------------------------------------------------------ inside
    def _initial_step(self) -> None:
        self._step_count = 0
        self._initial = True
        try:
            self.step()
        finally:
            del self._initial

    def _restart(self) -> None:
        """Go back to epoch 0, as `SequentialLR` does when a scheduler's turn comes."""
        self._update_lr(0)

    def _update_lr(self, epoch: int | None = None) -> None:
        if epoch is None:
            self.last_epoch += 1
            lrs = self.get_lr()
        else:
            self.last_epoch = epoch
            lrs = self._get_closed_form_lr()
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            group["lr"] = float(lr)
        self._last_lr = self._lrs()

    def _warn_if_early(self) -> None:
        overridden = type(self.optimizer).step is not Optimizer.step
        if self.optimizer.steps_taken == self._steps_at_start and not overridden:
            warnings.warn(
                "scheduler.step() came before optimizer.step(), which skips the first learning rate of the schedule; "
                "call optimizer.step() first",
                UserWarning,
                stacklevel=3,
            )

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        mine = set(self.__dict__) - set(self._hidden)
        theirs = set(state_dict)
        missing = sorted(key for key in mine - theirs if not key.startswith("_"))
        unexpected = sorted(key for key in theirs - mine if not key.startswith("_"))
        if missing or unexpected:
            raise ValueError(
                f"this is no state of a {type(self).__name__}: missing {missing or 'nothing'}, "
                f"unexpected {unexpected or 'nothing'}"
            )


# ---------------------------------------------------------------------------------------------- arguments


def require_optimizer(optimizer: Any) -> Optimizer:
    """The optimizer itself; TypeError for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"a scheduler takes an Optimizer, got {type(optimizer).__name__}")
    return optimizer


def per_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """One value for each parameter group: the same for all, or a list of as many."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(f"{name} has {len(value)} values, but the optimizer has {groups} parameter group(s)")
    return list(value)


def require_int(name: str, value: Any, least: int = 1) -> int:
    """The integer; ValueError unless it is one and at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
    return value


def require_between(name: str, value: Any, low: float, high: float, without: Sequence[float] = ()) -> float:
    """The number; ValueError unless it is one between ``low`` and ``high`` and none of ``without``."""
    if not isinstance(value, (int, float)) or not low <= value <= high or value in without:
        without_these = f" without {', '.join(map(str, without))}" if without else ""
        raise ValueError(f"{name} must be a number from {low} to {high}{without_these}, got {value!r}")
    return float(value)


def function_state(function: Any) -> Any:
    """What can be saved of a user's function: the attributes of a callable object, nothing of a plain function."""
    plain = function is None or isinstance(function, FunctionType) or not hasattr(function, "__dict__")
    return None if plain else deepcopy(function.__dict__)


def load_functions(functions: Sequence[Callable[..., Any]], states: Sequence[dict[str, Any] | None]) -> None:
    """Put back what `function_state` took."""
    for function, state in zip(functions, states, strict=True):
        if state is not None:
            function.__dict__.update(deepcopy(state))
