"""Warm restarts, cycles and the one cycle, in closed form and beside PyTorch."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.lr_scheduler.curves import BASES, check_torch, curve, made, made_by_torch

from tinygrad_cnn import optim
from tinygrad_cnn.optim import lr_scheduler as s

optimizers = st.sampled_from(["SGD", "Adam", "RMSprop"])
per_group = st.sampled_from([1.0, [0.7, 2.0]])
restarts = st.fixed_dictionaries(
    {"T_0": st.integers(1, 30), "T_mult": st.integers(1, 3), "eta_min": st.sampled_from([0.0, 0.001, 0.2])}
)
cycles = st.fixed_dictionaries(
    {
        "base_lr": st.sampled_from([0.01, [0.01, 0.2]]),
        "max_lr": per_group,
        "step_size_up": st.integers(1, 20),
        "step_size_down": st.one_of(st.none(), st.integers(1, 20)),
        "mode": st.sampled_from(["triangular", "triangular2", "exp_range"]),
        "gamma": st.sampled_from([1.0, 0.95]),
        "cycle_momentum": st.booleans(),
        "base_momentum": st.sampled_from([0.8, [0.5, 0.6]]),
        "max_momentum": st.sampled_from([0.9, [0.95, 0.9]]),
        "scale_fn": st.sampled_from([None, lambda x: 1 / (1 + x)]),
        "scale_mode": st.sampled_from(["cycle", "iterations"]),
    }
)
one_cycles = st.fixed_dictionaries(
    {
        "max_lr": per_group,
        "total_steps": st.integers(8, 80),
        "pct_start": st.floats(0.26, 0.45),
        "anneal_strategy": st.sampled_from(["cos", "linear"]),
        "cycle_momentum": st.booleans(),
        "base_momentum": st.sampled_from([0.85, [0.5, 0.6]]),
        "max_momentum": st.sampled_from([0.95, [0.95, 0.9]]),
        "div_factor": st.sampled_from([25.0, 4.0]),
        "final_div_factor": st.sampled_from([1e4, 10.0]),
        "three_phase": st.booleans(),
    }
)


class TestWarmRestarts:
    @given(hyper=restarts)
    def test_closed_form(self, hyper: dict[str, Any]) -> None:
        got = curve(s.CosineAnnealingWarmRestarts(made(), **hyper))
        low, period, at, want = hyper["eta_min"], hyper["T_0"], 0, []
        for _ in got:
            want.append([low + (b - low) * (1 + math.cos(math.pi * at / period)) / 2 for b in BASES])
            at += 1
            if at == period:
                period, at = period * hyper["T_mult"], 0
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)

    @given(hyper=restarts)
    def test_like_torch(self, torch: Any, hyper: dict[str, Any]) -> None:
        check_torch(torch, "CosineAnnealingWarmRestarts", **hyper)

    @given(hyper=restarts, jumps=st.lists(st.one_of(st.none(), st.integers(0, 90), st.floats(0, 90)), max_size=20))
    def test_jumps_and_fractions_like_torch(self, torch: Any, hyper: dict[str, Any], jumps: list[Any]) -> None:
        ours = s.CosineAnnealingWarmRestarts(made(), **hyper)
        theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(made_by_torch(torch), **hyper)
        for jump in jumps:
            if jump is not None and math.isclose(_position(jump, **hyper), 1):
                continue  # at a restart, which side of it is a matter of rounding
            ours.step(jump)
            theirs.step(jump)
            np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-9, atol=1e-12)
            assert (ours.last_epoch, ours.T_i) == (theirs.last_epoch, theirs.T_i)

    @given(hyper=restarts, epoch=st.integers(0, 70))
    def test_a_jump_gives_the_closed_form(self, hyper: dict[str, Any], epoch: int) -> None:
        want = curve(s.CosineAnnealingWarmRestarts(made(), **hyper), 76)
        jumped = s.CosineAnnealingWarmRestarts(made(), **hyper)
        jumped.step(epoch)
        np.testing.assert_allclose(curve(jumped, 6), want[epoch : epoch + 6], rtol=1e-12, atol=1e-15)

    @given(
        hyper=restarts,
        jumps=st.lists(st.one_of(st.none(), st.integers(0, 90), st.floats(0, 90)), min_size=1, max_size=9),
    )
    def test_fractions_of_an_epoch_are_kept(self, hyper: dict[str, Any], jumps: list[Any]) -> None:
        """At each moment the curve is that of the time since the last restart, also after steps of whole epochs."""
        scheduler, at, low = s.CosineAnnealingWarmRestarts(made(), **hyper), 0.0, hyper["eta_min"]
        for jump in jumps:
            at = at + 1 if jump is None else float(jump)
            scheduler.step(jump)
            since, period = _since_restart(at, hyper["T_0"], hyper["T_mult"])
            if min(since, period - since) < 1e-6 and at % 1:
                continue  # at a restart, which side of it is a matter of rounding
            want = [low + (b - low) * (1 + math.cos(math.pi * since / period)) / 2 for b in BASES]
            np.testing.assert_allclose(scheduler.get_last_lr(), want, rtol=1e-9, atol=1e-12)
            assert (scheduler.last_epoch, scheduler.T_i) == (math.floor(at), period)

    def test_between_two_epochs(self) -> None:
        scheduler = s.CosineAnnealingWarmRestarts(made(), 4)
        scheduler.step(6.0)
        np.testing.assert_allclose(scheduler.get_last_lr(), [b / 2 for b in BASES])
        scheduler.step(7.999999)
        np.testing.assert_allclose(scheduler.get_last_lr(), [0, 0], atol=1e-9)
        scheduler.step()
        assert scheduler.last_epoch == 8

    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (lambda o: s.CosineAnnealingWarmRestarts(o, 0), "T_0 must be an integer >= 1, got 0"),
            (lambda o: s.CosineAnnealingWarmRestarts(o, 2.5), "T_0 must be an integer >= 1, got 2.5"),
            (lambda o: s.CosineAnnealingWarmRestarts(o, 2, 0), "T_mult must be an integer >= 1, got 0"),
            (lambda o: s.CosineAnnealingWarmRestarts(o, 2).step(-1), "epoch must be >= 0, got -1"),
        ],
    )
    def test_bad_arguments(self, make: Any, text: str) -> None:
        with pytest.raises(ValueError, match=text):
            make(made())


def _since_restart(epoch: float, T_0: int, T_mult: int) -> tuple[float, int]:
    """How long ago the last restart was, and how long its period is."""
    period = T_0
    while epoch >= period:
        epoch, period = epoch - period, period * T_mult
    return epoch, period


def _position(epoch: float, T_0: int, T_mult: int, eta_min: float) -> float:
    """How far an epoch is from the nearest restart before it, as e^distance (1 at a restart)."""
    start, period = 0, T_0
    while start + period <= epoch + 1e-9:
        start, period = start + period, period * T_mult
    return math.exp(abs(epoch - start)) if start and epoch != int(epoch) else 2.0 + eta_min


class TestCyclic:
    @given(hyper=cycles, optimizer=optimizers)
    def test_like_torch(self, torch: Any, hyper: dict[str, Any], optimizer: str) -> None:
        if optimizer == "RMSprop" and not hyper["cycle_momentum"]:
            optimizer = "Adagrad"
        check_torch(torch, "CyclicLR", optimizer=optimizer, **hyper)

    def test_by_hand(self) -> None:
        got = np.array(curve(s.CyclicLR(made(), 0.0, 1.0, 2, 4, mode="triangular2"), 13, "momentum"))
        want = [0, 0.5, 1, 0.75, 0.5, 0.25, 0, 0.25, 0.5, 0.375, 0.25, 0.125, 0]
        np.testing.assert_allclose(got[:, 0], want, atol=1e-12)
        np.testing.assert_allclose(got[:, 2], 0.9 - 0.1 * np.array(want), atol=1e-12)

    def test_exp_range_by_hand(self) -> None:
        got = np.array(curve(s.CyclicLR(made(), 0.0, 1.0, 2, mode="exp_range", gamma=0.5), 7))
        np.testing.assert_allclose(got[:, 0], [0, 0.25, 0.25, 0.0625, 0, 2**-6, 2**-6], atol=1e-12)

    def test_scale_fn_that_is_an_object_keeps_its_state(self) -> None:
        class Shrinking:
            def __init__(self) -> None:
                self.calls = 0

            def __call__(self, x: float) -> float:
                self.calls += 1
                return 1 / (self.calls + x)

        whole = s.CyclicLR(made(), 0.0, 1.0, 3, scale_fn=Shrinking())
        curve(whole, 10)
        resumed = s.CyclicLR(made(), 0.0, 1.0, 3, scale_fn=Shrinking())
        resumed.load_state_dict(whole.state_dict())
        resumed.optimizer.load_state_dict(whole.optimizer.state_dict())
        assert curve(resumed, 10) == curve(whole, 10)

    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (lambda o: s.CyclicLR(o, 0.1, 1, 0), "step_size_up must be > 0, got 0"),
            (lambda o: s.CyclicLR(o, 0.1, 1, 5, -1), "step_size_down must be > 0, got -1"),
            (lambda o: s.CyclicLR(o, 0.1, 1, mode="up"), "mode must be 'triangular', .* got 'up'"),
            (lambda o: s.CyclicLR(o, 0.1, 1, scale_mode="x"), "scale_mode must be 'cycle' or 'iterations', got 'x'"),
            (lambda o: s.CyclicLR(o, [0.1], 1), r"base_lr has 1 values, but the optimizer has 2 parameter group"),
            (lambda o: s.CyclicLR(o, 0.1, [1, 2, 3]), r"max_lr has 3 values, but the optimizer has 2 parameter group"),
            (lambda o: s.CyclicLR(o, 0.1, 1, max_momentum=[1]), r"max_momentum has 1 values"),
        ],
    )
    def test_bad_arguments(self, make: Any, text: str) -> None:
        optimizer = made()
        with pytest.raises(ValueError, match=text):
            make(optimizer)
        assert [(group["lr"], group["momentum"]) for group in optimizer.param_groups] == [(lr, 0) for lr in BASES]


class TestOneCycle:
    @given(hyper=one_cycles, optimizer=optimizers)
    def test_like_torch(self, torch: Any, hyper: dict[str, Any], optimizer: str) -> None:
        if optimizer == "RMSprop" and not hyper["cycle_momentum"]:
            optimizer = "Adagrad"
        check_torch(torch, "OneCycleLR", optimizer=optimizer, **hyper)

    @pytest.mark.parametrize("three_phase", [False, True])
    @pytest.mark.parametrize("anneal_strategy", ["cos", "linear"])
    def test_by_hand(self, three_phase: bool, anneal_strategy: str) -> None:
        """20 steps, up in 5: turns at 4 (and 8), ends at 19."""
        scheduler = s.OneCycleLR(
            made(), [1.0, 2.0], 20, pct_start=0.25, div_factor=4, final_div_factor=10,
            anneal_strategy=anneal_strategy, three_phase=three_phase,
        )  # fmt: skip
        got = np.array(curve(scheduler, 20, "momentum"))
        knots = [(0, 0.25, 0.95), (4, 1.0, 0.85), (8, 0.25, 0.95), (19, 0.025, 0.95)]
        if not three_phase:
            del knots[2]
        for (a, low, m_low), (b, high, m_high) in pairwise(knots):
            for t in range(a, b + 1):
                share = (t - a) / (b - a)
                if anneal_strategy == "cos":
                    share = (1 - math.cos(math.pi * share)) / 2
                lr, momentum = low + (high - low) * share, m_low + (m_high - m_low) * share
                np.testing.assert_allclose(got[t], [lr, 2 * lr, momentum, momentum], rtol=1e-12)

    def test_epochs_times_steps(self) -> None:
        a = curve(s.OneCycleLR(made(), 1.0, epochs=4, steps_per_epoch=5), 20)
        assert a == curve(s.OneCycleLR(made(), 1.0, 20), 20)

    @pytest.mark.parametrize("pct_start", [0, 0.1, 1])
    @pytest.mark.parametrize("three_phase", [False, True])
    def test_phases_without_length(self, pct_start: float, three_phase: bool) -> None:
        """The rise may end at the first step, or at the last: nothing is divided by 0, and it is at the top there."""
        got = np.array(curve(s.OneCycleLR(made(), 1.0, 10, pct_start=pct_start, three_phase=three_phase), 10))
        assert np.isfinite(got).all()
        assert (got >= 0).all()
        assert (got <= 1.0).all()
        if pct_start == 0.1:
            assert got[0, 0] == 1.0
        if pct_start == 1:
            assert got[9, 0] == 1.0

    def test_the_end(self) -> None:
        scheduler = s.OneCycleLR(made(), 1.0, 10)
        curve(scheduler, 11)
        with pytest.raises(ValueError, match=r"stepped 11 times, but the cycle was made for total_steps=10"):
            scheduler.step()

    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (lambda o: s.OneCycleLR(o, 1), "give either total_steps, or both epochs and steps_per_epoch"),
            (lambda o: s.OneCycleLR(o, 1, epochs=3), "give either total_steps, or both"),
            (lambda o: s.OneCycleLR(o, 1, 0), "total_steps must be an integer >= 1, got 0"),
            (lambda o: s.OneCycleLR(o, 1, epochs=0, steps_per_epoch=1), "epochs must be an integer >= 1, got 0"),
            (lambda o: s.OneCycleLR(o, 1, epochs=1, steps_per_epoch=1.5), "steps_per_epoch must be an integer >= 1"),
            (lambda o: s.OneCycleLR(o, 1, 10, pct_start=1.1), "pct_start must be a number from 0 to 1, got 1.1"),
            (
                lambda o: s.OneCycleLR(o, 1, 10, anneal_strategy="x"),
                "anneal_strategy must be 'cos' or 'linear', got 'x'",
            ),
            (lambda o: s.OneCycleLR(o, [1], 10), r"max_lr has 1 values, but the optimizer has 2 parameter group"),
            (lambda o: s.OneCycleLR(o, 1, 10, base_momentum=[1]), r"base_momentum has 1 values"),
        ],
    )
    def test_bad_arguments(self, make: Any, text: str) -> None:
        optimizer = made()
        with pytest.raises(ValueError, match=text):
            make(optimizer)
        assert [(group["lr"], group["momentum"]) for group in optimizer.param_groups] == [(lr, 0) for lr in BASES]


@pytest.mark.parametrize("make", [lambda o: s.OneCycleLR(o, 1, 10), lambda o: s.CyclicLR(o, 0.1, 1)])
def test_nothing_to_cycle(make: Any) -> None:
    with pytest.raises(ValueError, match="Adagrad has neither momentum nor betas; pass cycle_momentum=False"):
        make(made(cls=optim.Adagrad))
