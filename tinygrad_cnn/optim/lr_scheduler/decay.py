"""Schedulers that follow one curve: steps, lines, exponentials, polynomials, a cosine, any function."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from ..optimizer import Optimizer
from .arguments import (
    function_state,
    load_functions,
    per_group,
    require_between,
    require_functions,
    require_int,
    require_number,
    require_optimizer,
    whole,
)
from .base import LRScheduler

Function = Callable[[int], float]


class _FactorLR(LRScheduler):
    """lr(t) = base_lr share(t), reached step by step as lr <- lr share(t) / share(t - 1).

    Step by step, it goes on from whatever the learning rate is: what others did to it in between stays in, so several
    schedulers on one optimizer multiply (`ChainedScheduler`).
    """

    _moves_when_resumed: ClassVar[bool] = False  # made with last_epoch >= 0: does the first step change lr? As PyTorch
    _has_epochs_before: ClassVar[bool] = False  # does a step to epoch 0 change lr, as from epoch -1? As PyTorch

    def _share(self, t: int) -> float:
        """The share of the base learning rate at epoch t."""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        t = self.last_epoch
        if self._initial and t > 0 and not self._moves_when_resumed:
            return self._lrs()
        before = self._share(t - 1) if t > 0 or (self._has_epochs_before and not self._initial) else 1.0
        ratio = self._share(t) / before if before else 1.0  # once at 0, it stays there
        return [lr * ratio for lr in self._lrs()]

    def _get_closed_form_lr(self) -> list[float]:
        return [base_lr * self._share(self.last_epoch) for base_lr in self.base_lrs]


class StepLR(_FactorLR):
    """Times ``gamma`` every ``step_size`` epochs: lr(t) = base_lr gamma^floor(t / step_size)."""

    _moves_when_resumed = True

    def __init__(
        self,
        optimizer: Optimizer,
        step_size: int,
        gamma: float = 0.1,
        last_epoch: int = -1,
        verbose: Any = "deprecated",
    ) -> None:
        self.step_size, self.gamma = step_size, gamma
        self._validate()
        super().__init__(optimizer, last_epoch, verbose)

    def _validate(self) -> None:
        self.step_size = require_int("step_size", whole(self.step_size))  # tutorials write 1.0
        require_number("gamma", self.gamma)

    def _share(self, t: int) -> float:
        return float(self.gamma ** (t // self.step_size))


class MultiStepLR(_FactorLR):
    """Times ``gamma`` at each milestone: lr(t) = base_lr gamma^(how many milestones are <= t).

    ``milestones`` are epochs in any order; one given n times counts n times.
    """

    _moves_when_resumed = True

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
        verbose: Any = "deprecated",
    ) -> None:
        self.milestones, self.gamma = list(milestones), gamma
        self._validate()
        super().__init__(optimizer, last_epoch, verbose)

    def _validate(self) -> None:
        self.milestones = sorted(require_int("each milestone", m, least=0) for m in self.milestones)
        require_number("gamma", self.gamma)

    def _attributes(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        """As `LRScheduler._attributes`; PyTorch keeps the milestones as a Counter."""
        found = super()._attributes(state_dict)
        counts = found.get("milestones")
        if isinstance(counts, dict) and all(str(m).isdigit() and isinstance(n, int) for m, n in counts.items()):
            found["milestones"] = [int(m) for m, times in sorted(counts.items()) for _ in range(times)]
        return found

    def _share(self, t: int) -> float:
        return float(self.gamma ** bisect_right(self.milestones, t))


class ConstantLR(_FactorLR):
    """Times ``factor`` for the first ``total_iters`` epochs, then the base learning rate."""

    _moves_when_resumed = True

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
        verbose: Any = "deprecated",
    ) -> None:
        self.factor, self.total_iters = factor, total_iters
        self._validate()
        super().__init__(optimizer, last_epoch, verbose)

    def _validate(self) -> None:
        self.factor = require_between("factor", self.factor, 0, 1, without=[0])
        self.total_iters = require_int("total_iters", self.total_iters)

    def _share(self, t: int) -> float:
        return self.factor if t < self.total_iters else 1.0


class LinearLR(_FactorLR):
    """A straight line from ``start_factor`` to ``end_factor`` times the base learning rate, in ``total_iters`` epochs.

    The usual warm-up; `SequentialLR` goes on from there:

    >>> import numpy as np
    >>> from tinygrad_cnn.optim import SGD
    >>> from tinygrad_cnn.optim.lr_scheduler import CosineAnnealingLR, SequentialLR
    >>> from tinygrad_cnn.tensors import Tensor
    >>> optimizer = SGD([Tensor(np.zeros(1), requires_grad=True)], lr=1.0)
    >>> warmup = LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> scheduler = SequentialLR(optimizer, [warmup, CosineAnnealingLR(optimizer, T_max=4)], milestones=[3])
    >>> lrs = []
    >>> for epoch in range(7):
    ...     lrs.append(round(scheduler.get_last_lr()[0], 2))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> lrs
    [0.25, 0.5, 0.75, 1.0, 0.85, 0.5, 0.15]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
        verbose: Any = "deprecated",
    ) -> None:
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        self._validate()
        super().__init__(optimizer, last_epoch, verbose)

    def _validate(self) -> None:
        self.start_factor = require_between("start_factor", self.start_factor, 0, 1, without=[0])
        self.end_factor = require_between("end_factor", self.end_factor, 0, 1)
        self.total_iters = require_int("total_iters", self.total_iters)

    def _share(self, t: int) -> float:
        if t >= self.total_iters:
            return self.end_factor
        return self.start_factor + (self.end_factor - self.start_factor) * t / self.total_iters


class ExponentialLR(_FactorLR):
    """Times ``gamma`` every epoch: lr(t) = base_lr gamma^t."""

    _has_epochs_before = True

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1, verbose: Any = "deprecated") -> None:
        self.gamma = gamma
        self._validate()
        super().__init__(optimizer, last_epoch, verbose)

    def _validate(self) -> None:
        require_number("gamma", self.gamma)

    def _share(self, t: int) -> float:
        return float(self.gamma**t)


class PolynomialLR(_FactorLR):
    """Down to 0 in ``total_iters`` epochs: lr(t) = base_lr (1 - t / total_iters)^power."""

    _has_epochs_before = True

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
        verbose: Any = "deprecated",
    ) -> None:
        self.total_iters, self.power = total_iters, power
        self._validate()
        super().__init__(optimizer, last_epoch, verbose)

    def _validate(self) -> None:
        self.total_iters = require_int("total_iters", self.total_iters)
        require_number("power", self.power)

    def _share(self, t: int) -> float:
        return float((1 - min(t, self.total_iters) / self.total_iters) ** self.power)


class CosineAnnealingLR(LRScheduler):
    """Half a cosine wave down to ``eta_min`` in ``T_max`` epochs, and up again in as many (Loshchilov & Hutter 2017).

    lr(t) = eta_min + (base_lr - eta_min) (1 + cos(pi t / T_max)) / 2
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        last_epoch: int = -1,
        verbose: Any = "deprecated",
    ) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        self._validate()
        super().__init__(optimizer, last_epoch, verbose)

    def _validate(self) -> None:
        require_number("T_max", self.T_max, above=0)
        require_number("eta_min", self.eta_min)

    def _height(self, t: int) -> float:
        return (1 + math.cos(math.pi * t / self.T_max)) / 2

    def get_lr(self) -> list[float]:
        t, low = self.last_epoch, self.eta_min
        if self._initial:
            return self._lrs()
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:  # from the bottom: there is no height to scale
            return [lr + (base - low) * self._height(t) for lr, base in zip(self._lrs(), self.base_lrs, strict=True)]
        ratio = self._height(t) / self._height(t - 1)
        return [low + (lr - low) * ratio for lr in self._lrs()]

    def _get_closed_form_lr(self) -> list[float]:
        return [self.eta_min + (base - self.eta_min) * self._height(self.last_epoch) for base in self.base_lrs]


class _FunctionLR(LRScheduler):
    """Holds the user's functions, one for each group."""

    _hidden: ClassVar[tuple[str, ...]] = ("optimizer", "lr_lambdas")

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Function | list[Function],
        last_epoch: int = -1,
        verbose: Any = "deprecated",
    ) -> None:
        self.lr_lambdas: list[Function] = per_group("lr_lambda", lr_lambda, require_optimizer(optimizer))
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"lr_lambda must be a function of the epoch, got {type(function).__name__}")
        super().__init__(optimizer, last_epoch, verbose)

    def state_dict(self) -> dict[str, Any]:
        """As `LRScheduler.state_dict`; of the functions, the attributes of callable objects."""
        return {**super().state_dict(), "lr_lambdas": [function_state(f) for f in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As `LRScheduler.load_state_dict`; the functions stay, callable objects get their attributes back."""
        super().load_state_dict(state_dict)
        load_functions(self.lr_lambdas, state_dict["lr_lambdas"])

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        super()._check_state(state_dict)
        require_functions(type(self).__name__, "lr_lambdas", state_dict.get("lr_lambdas"), len(self.lr_lambdas))


class LambdaLR(_FunctionLR):
    """Any function of the epoch: lr(t) = base_lr lr_lambda(t). One function, or a list with one for each group."""

    def get_lr(self) -> list[float]:
        return [base * f(self.last_epoch) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(_FunctionLR):
    """Times any function of the epoch: lr(t) = lr(t - 1) lr_lambda(t). One function, or a list of them."""

    def get_lr(self) -> list[float]:
        if self._initial:
            return self._lrs()
        return [lr * f(self.last_epoch) for lr, f in zip(self._lrs(), self.lr_lambdas, strict=True)]
