"""What every learning-rate scheduler shares."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, ClassVar

from ...arrays.telling import warn_of
from ...arrays.writes import mutated
from ...tensors import Tensor
from ..optimizer import Group, Optimizer
from .arguments import alike, ignore_verbose, plain, require_int, require_optimizer


class LRScheduler:
    """Base of the schedulers: after each epoch (or batch, as you like) `step` sets ``group["lr"]`` of every group.

    A scheduler steps once when it is made, so that epoch 0 has its learning rate; ``last_epoch`` counts from there. The
    learning rates it started from stay in ``group["initial_lr"]`` and ``base_lrs``. With ``last_epoch`` >= 0 it goes on
    from there, and expects ``"initial_lr"`` in each group, as a loaded optimizer has it.

    A subclass defines `get_lr`, from ``self.last_epoch``, ``self.base_lrs`` and ``self.optimizer.param_groups``.

    A learning rate that is a Tensor is written into; all numbers of the scheduler itself are floats. A step that fails
    changes nothing. ``verbose``, which older versions of PyTorch had, is taken and does nothing.
    """

    optimizer: Optimizer
    _last_lr: list[float]
    _initial = False  # is this the step that the constructor takes?
    _get_lr_called_within_step = False  # does `get_lr` run for `step`? As in PyTorch, for subclasses that ask
    _hidden: ClassVar[tuple[str, ...]] = ("optimizer",)  # attributes that are no plain part of the state

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1, verbose: Any = "deprecated") -> None:
        ignore_verbose(verbose)
        self.optimizer = require_optimizer(optimizer)
        last_epoch = require_int("last_epoch", last_epoch, least=-1)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", plain(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"parameter group {i} has no 'initial_lr', needed to go on from last_epoch={last_epoch}: load "
                    "the optimizer's state dict first, or leave last_epoch out to start anew"
                )
        self.base_lrs: list[float] = [plain(group["initial_lr"]) for group in optimizer.param_groups]
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

    def _validate(self) -> None:
        """Raise ValueError where an attribute is out of range: in the constructor, and for what a saved state holds."""

    def _lrs(self) -> list[float]:
        return [plain(group["lr"]) for group in self.optimizer.param_groups]

    # ------------------------------------------------------------------------------------------ for users
    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch, or jump to ``epoch``. Call it after `Optimizer.step`."""
        with self._all_or_nothing():
            if self._step_count == 1:
                self._warn_if_early()
            self._step_count += 1
            self._update_lr(epoch)

    def get_last_lr(self) -> list[Any]:
        """The learning rate of each group as `step` set it last; a Tensor where it is one in the group."""
        groups: list[Group] = self.optimizer.param_groups
        kinds = [group["lr"] for group in groups[: len(self._last_lr)]]
        return [_as(kind, lr) for kind, lr in zip(kinds, self._last_lr, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer and functions, as plain values; save the optimizer's state beside it."""
        return {key: deepcopy(value) for key, value in self.__dict__.items() if key not in self._hidden}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave; ValueError, with nothing changed, if it is none of such a scheduler."""
        self._check_state(state_dict)
        self.__dict__.update(self._attributes(state_dict))

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
        else:
            self.last_epoch = epoch
        self._get_lr_called_within_step = True
        try:
            lrs = self.get_lr() if epoch is None else self._get_closed_form_lr()
        finally:
            del self._get_lr_called_within_step
        for group, lr in list(zip(self.optimizer.param_groups, map(float, lrs), strict=True)):
            set_lr(group, lr)
        self._last_lr = self._lrs()

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Within, an error puts everything back, and names a group that was added since the scheduler was made."""
        mine, groups = self._snapshot(), self.optimizer.param_groups
        before = [dict(group) for group in groups]
        try:
            yield
        except Exception as error:
            self._go_back(mine)
            for group, old in zip(groups, before, strict=True):
                group.clear()
                group.update(old)
            known = self._group_count()
            if known is None or known == len(groups):
                raise
            raise RuntimeError(
                f"{type(self).__name__}.step: the scheduler was made for {known} parameter group(s), the optimizer has "
                f"{len(groups)} since add_param_group; make the scheduler anew after adding groups. Nothing was changed"
            ) from error

    def _snapshot(self) -> Any:
        """What `_go_back` needs."""
        return dict(self.__dict__)

    def _go_back(self, snapshot: Any) -> None:
        self.__dict__.clear()
        self.__dict__.update(snapshot)

    def _group_count(self) -> int | None:
        """For how many groups the scheduler was made, or None if any number will do."""
        return len(self.base_lrs)

    def _warn_if_early(self) -> None:
        overridden = type(self.optimizer).step is not Optimizer.step
        if self.optimizer.steps_taken == self._steps_at_start and not overridden:
            warn_of(
                "scheduler.step() came before optimizer.step(), which skips the first learning rate of the schedule; "
                "call optimizer.step() first"
            )

    def _attributes(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        """The attributes that a saved state holds, as they are kept here."""
        apart = {*self._hidden, "verbose", "_get_lr_called_within_step"}
        return {key: plain(deepcopy(value)) for key, value in state_dict.items() if key not in apart}

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        name = type(self).__name__
        if not isinstance(state_dict, dict):
            raise TypeError(f"the state of a {name} is a dict, as state_dict() gives; got {type(state_dict).__name__}")
        mine, theirs = (
            {key: v for key, v in self.__dict__.items() if key not in self._hidden},
            self._attributes(state_dict),
        )
        missing = sorted(key for key in set(mine) - set(theirs) if not key.startswith("_"))
        unexpected = sorted(key for key in set(theirs) - set(mine) if not str(key).startswith("_"))
        if missing or unexpected:
            raise ValueError(
                f"this is no state of a {name}: missing {missing or 'nothing'}, unexpected {unexpected or 'nothing'}"
            )
        for key, value in theirs.items():
            if key in mine and not alike(key, value, mine[key]):
                raise ValueError(f"this is no state of a {name}: {key} is {value!r}, where {mine[key]!r} stands now")
        trial = object.__new__(type(self))
        trial.__dict__.update({**self.__dict__, **theirs})
        require_int("last_epoch", getattr(trial, "last_epoch", 0), least=-1)
        trial._validate()


def set_lr(group: Group, lr: float) -> None:
    """Give a group another learning rate: where it is a Tensor, that is written into."""
    if isinstance(group["lr"], Tensor):
        group["lr"]._array[...] = lr
        mutated(group["lr"]._array)
    else:
        group["lr"] = lr


def _as(kind: Any, lr: float) -> Any:
    """A learning rate, as a Tensor if ``kind`` is one."""
    if not isinstance(kind, Tensor):
        return lr
    new = Tensor(kind._array.copy())
    new._array[...] = lr
    return new
