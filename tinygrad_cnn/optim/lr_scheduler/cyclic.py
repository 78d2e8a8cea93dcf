"""Schedulers that go up and down: warm restarts, cycles, the one cycle."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from ..optimizer import Group, Optimizer
from .arguments import (
    function_state,
    load_functions,
    per_group,
    require_between,
    require_functions,
    require_int,
    require_number,
    require_numbers,
    require_optimizer,
)
from .base import LRScheduler, set_lr


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine wave down, then back to the top at once (SGDR, Loshchilov & Hutter 2017).

    lr = eta_min + (base_lr - eta_min) (1 + cos(pi T_cur / T_i)) / 2, where T_cur epochs have passed since the last
    restart and this period is of T_i: ``T_0`` the first, each one ``T_mult`` times longer than the one before.

    `step` takes a fraction of an epoch too: ``scheduler.step(epoch + batch / batches)``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
        verbose: Any = "deprecated",
    ) -> None:
        self.T_0 = self.T_i = T_0
        self.T_mult, self.eta_min = T_mult, eta_min
        self.T_cur: float = last_epoch
        self._validate()
        super().__init__(optimizer, last_epoch, verbose)

    def _validate(self) -> None:
        require_int("T_0", self.T_0)
        require_int("T_i", self.T_i)
        require_int("T_mult", self.T_mult)
        require_number("eta_min", self.eta_min)

    def get_lr(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next epoch, or to ``epoch``, which may have a fraction."""
        if epoch is not None:
            require_number("epoch", epoch, least=0)
        with self._all_or_nothing():
            if epoch is None and self.last_epoch >= 0:
                epoch = self.last_epoch + 1
                self.T_cur += 1
                if self.T_cur >= self.T_i:
                    self.T_cur %= self.T_i
                    self.T_i *= self.T_mult
            else:
                epoch = epoch or 0
                self._find_period(epoch)
            self._step_count += 1
            self._update_lr(math.floor(epoch))

    def _restart(self) -> None:
        self.step(0)

    def _find_period(self, epoch: float) -> None:
        """Set T_cur and T_i for an epoch: whole periods are taken off until it lies within one."""
        self.T_cur, self.T_i = epoch, self.T_0
        if self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult


class _MomentumCycle(LRScheduler):
    """Moves the momentum (or beta1) against the learning rate."""

    cycle_momentum: bool
    use_beta1: bool

    def _start_momentum(self, optimizer: Optimizer, base: Any, top: Any, last_epoch: int) -> tuple[list[float], ...]:
        """Find out what the optimizer has, start at the maximum; the (base, maximum) of each group."""
        if not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(f"{type(optimizer).__name__} has neither momentum nor betas; pass cycle_momentum=False")
        self.use_beta1 = "betas" in optimizer.defaults
        bases = per_group("base_momentum", base, optimizer)
        tops = per_group("max_momentum", top, optimizer)
        require_numbers("base_momentum", bases, least=0)
        require_numbers("max_momentum", tops, least=0)
        if last_epoch == -1:
            for group, low, high in zip(optimizer.param_groups, bases, tops, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"], group["base_momentum"] = high, low
        return bases, tops

    def _set_momentum(self, group: Group, value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(_MomentumCycle):
    """Between ``base_lr`` and ``max_lr``, up in ``step_size_up`` steps and down in ``step_size_down`` (Smith 2017).

    How high a cycle goes: ``mode`` "triangular" always to the top, "triangular2" half as high each cycle, "exp_range"
    times gamma^step; or ``scale_fn``, a function of the cycle (counted from 1) or, with ``scale_mode`` "iterations", of
    the step. ``cycle_momentum`` moves the momentum (or beta1) from ``max_momentum`` to ``base_momentum`` as the rate
    goes up. Meant to be stepped after each batch.
    """

    _hidden: ClassVar[tuple[str, ...]] = ("optimizer", "_custom_scale", "_scale_fn_custom")

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
        verbose: Any = "deprecated",
    ) -> None:
        require_optimizer(optimizer)
        base_lrs = per_group("base_lr", base_lr, optimizer)
        self.max_lrs = per_group("max_lr", max_lr, optimizer)
        up = require_number("step_size_up", step_size_up, above=0)
        down = up if step_size_down is None else require_number("step_size_down", step_size_down, above=0)
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"scale_mode must be 'cycle' or 'iterations', got {scale_mode!r}")
        self.total_size = up + down
        self.step_ratio = up / self.total_size
        self.mode, self.gamma = mode, gamma
        self._custom_scale = scale_fn
        self.scale_mode = scale_mode if scale_fn else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        require_numbers("base_lr", base_lrs, least=0)
        self._validate()
        if cycle_momentum:
            found = self._start_momentum(optimizer, base_momentum, max_momentum, last_epoch)
            self.base_momentums, self.max_momentums = found
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                set_lr(group, float(lr))
        super().__init__(optimizer, last_epoch, verbose)
        self.base_lrs = base_lrs

    def _validate(self) -> None:
        if self.mode not in ("triangular", "triangular2", "exp_range") and self._custom_scale is None:
            raise ValueError(
                f"mode must be 'triangular', 'triangular2' or 'exp_range' (or give scale_fn), got {self.mode!r}"
            )
        require_numbers("max_lr", self.max_lrs, least=0)
        require_number("gamma", self.gamma)
        require_number("total_size", self.total_size, above=0)
        require_between("step_ratio", self.step_ratio, 0, 1, without=[0])

    def scale_fn(self, x: float) -> float:
        """How high cycle (or step) x goes, as a share of the whole height."""
        if self._custom_scale is not None:
            return self._custom_scale(x)
        if self.mode == "triangular":
            return 1.0
        return float(2.0 ** (1 - x) if self.mode == "triangular2" else self.gamma**x)

    def get_lr(self) -> list[float]:
        """As `LRScheduler.get_lr`; sets the momentum too."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle  # where in the cycle, from 0 to 1
        up = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height = up * self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            groups = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in groups:
                self._set_momentum(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """As `LRScheduler.state_dict`; of ``scale_fn``, the attributes of a callable object."""
        return {**super().state_dict(), "_scale_fn_custom": function_state(self._custom_scale)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As `LRScheduler.load_state_dict`; ``scale_fn`` stays, a callable object gets its attributes back."""
        super().load_state_dict(state_dict)
        if self._custom_scale is not None:
            load_functions([self._custom_scale], [state_dict.get("_scale_fn_custom")])

    def _check_state(self, state_dict: dict[str, Any]) -> None:
        super()._check_state(state_dict)
        require_functions(type(self).__name__, "_scale_fn_custom", [state_dict.get("_scale_fn_custom")], 1)


class OneCycleLR(_MomentumCycle):
    """One cycle over the whole training (super-convergence, Smith & Topin 2018); stepped after each batch.

    From max_lr / div_factor up to ``max_lr`` in the first ``pct_start`` of ``total_steps`` (or ``epochs`` times
    ``steps_per_epoch``), then down to max_lr / div_factor / final_div_factor, along a cosine or a straight line
    (``anneal_strategy``). ``three_phase``: down to the start in as many steps as it went up, then on to the end.
    ``cycle_momentum`` moves the momentum (or beta1) from ``max_momentum`` to ``base_momentum`` and back against it.

    ValueError when stepped more often than ``total_steps``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
        verbose: Any = "deprecated",
    ) -> None:
        require_optimizer(optimizer)
        if total_steps is not None:
            self.total_steps = require_int("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = require_int("epochs", epochs) * require_int("steps_per_epoch", steps_per_epoch)
        else:
            raise ValueError("give either total_steps, or both epochs and steps_per_epoch")
        self.pct_start, self.anneal_strategy = pct_start, anneal_strategy
        self.three_phase, self.cycle_momentum = three_phase, cycle_momentum
        self._validate()
        require_number("div_factor", div_factor, above=0)
        require_number("final_div_factor", final_div_factor, above=0)
        max_lrs = per_group("max_lr", max_lr, optimizer)
        require_numbers("max_lr", max_lrs, least=0)
        if cycle_momentum:
            self._start_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        if last_epoch == -1:
            for group, top in zip(optimizer.param_groups, max_lrs, strict=True):
                group["initial_lr"] = top / div_factor
                group["max_lr"] = top
                group["min_lr"] = top / div_factor / final_div_factor
        super().__init__(optimizer, last_epoch, verbose)

    def _validate(self) -> None:
        require_int("total_steps", self.total_steps)
        require_between("pct_start", self.pct_start, 0, 1)
        if self.anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be 'cos' or 'linear', got {self.anneal_strategy!r}")

    def _phase(self, t: int) -> tuple[float, tuple[str, str], tuple[str, str]]:
        """How far through its phase step t is; from where to where lr and momentum go in it (as keys of a group)."""
        up = (self.pct_start * self.total_steps - 1, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum"))
        end = self.total_steps - 1
        if self.three_phase:
            back = 2 * self.pct_start * self.total_steps - 2
            phases = [up, (back, ("max_lr", "initial_lr"), ("base_momentum", "max_momentum")),
                      (end, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum"))]  # fmt: skip
        else:
            phases = [up, (end, ("max_lr", "min_lr"), ("base_momentum", "max_momentum"))]
        starts = [0.0, *(phase[0] for phase in phases)]
        i = next((i for i, phase in enumerate(phases) if t <= phase[0]), len(phases) - 1)
        start, (stop, lr, momentum) = starts[i], phases[i]
        return (t - start) / (stop - start) if stop != start else 1.0, lr, momentum

    def _between(self, start: float, end: float, share: float) -> float:
        """From start (share 0) to end (share 1)."""
        if self.anneal_strategy == "cos":
            share = (1 - math.cos(math.pi * share)) / 2
        return start + (end - start) * share

    def get_lr(self) -> list[float]:
        """As `LRScheduler.get_lr`; sets the momentum too."""
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"stepped {self.last_epoch} times, but the cycle was made for total_steps={self.total_steps}"
            )
        share, lr, momentum = self._phase(self.last_epoch)
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            for group in groups:
                self._set_momentum(group, self._between(group[momentum[0]], group[momentum[1]], share))
        return [self._between(group[lr[0]], group[lr[1]], share) for group in groups]
