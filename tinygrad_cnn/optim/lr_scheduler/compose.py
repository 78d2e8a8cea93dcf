"""Schedulers made of schedulers: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, ClassVar

from ..optimizer import Optimizer
from .arguments import ignore_verbose, require_int, require_optimizer
from .base import LRScheduler, set_lr
from .plateau import ReduceLROnPlateau


class _Composed(LRScheduler):
    """Holds schedulers of one optimizer; its state holds theirs."""

    _hidden: ClassVar[tuple[str, ...]] = ("optimizer", "_schedulers")
    _schedulers: list[LRScheduler]

    def _take(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        if isinstance(schedulers, LRScheduler) or not isinstance(schedulers, (list, tuple)):
            raise TypeError(f"{type(self).__name__} takes a list of schedulers, got {type(schedulers).__name__}")
        if optimizer is not None:
            require_optimizer(optimizer)
        if not schedulers:
            raise ValueError(f"{type(self).__name__} needs at least one scheduler")
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"scheduler {i} is a {type(scheduler).__name__}, no LRScheduler")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(f"scheduler {i} is a ReduceLROnPlateau, whose step needs a metric; step it on its own")
            if scheduler.optimizer is not (schedulers[0].optimizer if optimizer is None else optimizer):
                raise ValueError(f"scheduler {i} ({type(scheduler).__name__}) belongs to another optimizer")
        self._schedulers = list(schedulers)
        self.optimizer = schedulers[0].optimizer

    def _rewind(self) -> None:
        """Back to the initial learning rates, and every scheduler to before its first step."""
        for group in self.optimizer.param_groups:
            set_lr(group, group["initial_lr"])
        for scheduler in self._schedulers:
            if isinstance(scheduler, _Composed):
                scheduler._rewind()
            else:
                scheduler.last_epoch = -1

    def state_dict(self) -> dict[str, Any]:
        """As `LRScheduler.state_dict`, with the states of the schedulers under ``"_schedulers"``."""
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def _snapshot(self) -> Any:
        return dict(self.__dict__), [scheduler._snapshot() for scheduler in self._schedulers]

    def _go_back(self, snapshot: Any) -> None:
        super()._go_back(snapshot[0])
        for scheduler, part in zip(self._schedulers, snapshot[1], strict=True):
            scheduler._go_back(part)

    def _group_count(self) -> int | None:
        return self._schedulers[0]._group_count()

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        states = state_dict.get("_schedulers", []) if isinstance(state_dict, dict) else []
        if not isinstance(states, (list, tuple)) or len(states) != len(self._schedulers):
            raise ValueError(f"{type(self).__name__} of {len(self._schedulers)} schedulers, the state of {len(states)}")
        super()._check_state(state_dict)
        for scheduler, state in zip(self._schedulers, states, strict=True):
            scheduler._check_state(state)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As `LRScheduler.load_state_dict`, for the schedulers within too."""
        super().load_state_dict(state_dict)
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_Composed):
    """One scheduler after the other: the next one starts, at its epoch 0, at each of the ``milestones``.

    ``milestones`` are increasing epochs, one fewer than schedulers. For a warm-up see `LinearLR`.

    ``last_epoch`` >= 0 counts on from there but, as in PyTorch, the learning rate starts with the first scheduler: to
    resume a run, load its state.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
        verbose: Any = "deprecated",
    ) -> None:
        ignore_verbose(verbose)
        self._take(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"{len(schedulers)} schedulers need {len(schedulers) - 1} milestones between, got {len(milestones)}"
            )
        self._milestones = [require_int("each milestone", m, least=0) for m in milestones]
        if self._milestones != sorted(self._milestones):
            raise ValueError(f"milestones must increase, got {milestones}")
        self.last_epoch = require_int("last_epoch", last_epoch, least=-1) + 1
        self._start()

    def _start(self) -> None:
        self._rewind()
        self._schedulers[0]._initial_step()
        self._last_lr = self._lrs()

    def _now(self) -> LRScheduler:
        return self._schedulers[bisect_right(self._milestones, self.last_epoch)]

    def _initial_step(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self.last_epoch = 0
        self._start()

    def step(self) -> None:  # type: ignore[override]
        """Go on to the next epoch."""
        with self._all_or_nothing():
            self.last_epoch += 1
            if self.last_epoch in self._milestones:
                self._now()._restart()
            else:
                self._now().step()
            self._last_lr = self._lrs()


class ChainedScheduler(_Composed):
    """All schedulers at once: each changes what the one before left."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._take(schedulers, optimizer)
        self._last_lr = self._lrs()

    def _initial_step(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self._rewind()
        for scheduler in self._schedulers:
            scheduler._initial_step()
        self._last_lr = self._lrs()

    def step(self) -> None:  # type: ignore[override]
        """Step every scheduler, in order."""
        with self._all_or_nothing():
            for scheduler in self._schedulers:
                scheduler.step()
            self._last_lr = self._lrs()
