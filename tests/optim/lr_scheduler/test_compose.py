"""Schedulers one after the other and all at once, by hand and beside PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.lr_scheduler.curves import BASES, curve, made, made_by_torch

from tinygrad_cnn.optim import lr_scheduler as s

PARTS = [  # name, arguments
    ("ConstantLR", {"factor": 0.1, "total_iters": 4}),
    ("LinearLR", {"start_factor": 0.2, "total_iters": 6}),
    ("StepLR", {"step_size": 5}),
    ("MultiStepLR", {"milestones": [3, 9]}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("PolynomialLR", {"total_iters": 30, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 11}),
    ("CosineAnnealingWarmRestarts", {"T_0": 4, "T_mult": 2}),
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (t + 1)}),
    ("MultiplicativeLR", {"lr_lambda": lambda t: 0.95 + t / 10000}),
]
parts = st.lists(st.sampled_from(PARTS), min_size=1, max_size=4)


def build(module: Any, optimizer: Any, chosen: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    return [getattr(module, name)(optimizer, **hyper) for name, hyper in chosen]


@given(chosen=parts, data=st.data())
def test_sequential_like_torch(torch: Any, chosen: list[Any], data: Any) -> None:
    gaps = st.lists(st.integers(1, 20), min_size=len(chosen) - 1, max_size=len(chosen) - 1)
    milestones = np.cumsum(data.draw(gaps), dtype=int).tolist()
    ours, theirs = made(), made_by_torch(torch)
    theirs_module = torch.optim.lr_scheduler
    mine = s.SequentialLR(ours, build(s, ours, chosen), milestones)
    other = theirs_module.SequentialLR(theirs, build(theirs_module, theirs, chosen), milestones)
    np.testing.assert_allclose(curve(mine), curve(other), rtol=1e-8, atol=1e-10)
    assert mine.last_epoch == other.last_epoch


@given(chosen=parts, data=st.data(), last_epoch=st.integers(0, 40))
def test_sequential_with_last_epoch_like_torch(torch: Any, chosen: list[Any], data: Any, last_epoch: int) -> None:
    gaps = st.lists(st.integers(1, 20), min_size=len(chosen) - 1, max_size=len(chosen) - 1)
    milestones = np.cumsum(data.draw(gaps), dtype=int).tolist()
    ours, theirs = made(), made_by_torch(torch)
    theirs_module = torch.optim.lr_scheduler
    mine = s.SequentialLR(ours, build(s, ours, chosen), milestones, last_epoch=last_epoch)
    other = theirs_module.SequentialLR(theirs, build(theirs_module, theirs, chosen), milestones, last_epoch=last_epoch)
    np.testing.assert_allclose(curve(mine), curve(other), rtol=1e-8, atol=1e-10)
    assert mine.last_epoch == other.last_epoch


@given(chosen=parts)
def test_chained_like_torch(torch: Any, chosen: list[Any]) -> None:
    ours, theirs = made(), made_by_torch(torch)
    theirs_module = torch.optim.lr_scheduler
    mine = s.ChainedScheduler(build(s, ours, chosen))
    other = theirs_module.ChainedScheduler(build(theirs_module, theirs, chosen))
    np.testing.assert_allclose(curve(mine), curve(other), rtol=1e-8, atol=1e-10)


@given(warmup=st.integers(1, 20), period=st.integers(2, 50))
def test_warm_up_then_cosine(warmup: int, period: int) -> None:
    optimizer = made()
    first = s.LinearLR(optimizer, 0.1, total_iters=warmup)
    scheduler = s.SequentialLR(optimizer, [first, s.CosineAnnealingLR(optimizer, period)], [warmup])
    got = curve(scheduler, warmup + period + 1)
    rising = [0.1 + 0.9 * t / warmup for t in range(warmup)]
    falling = [(1 + math.cos(math.pi * t / period)) / 2 for t in range(period + 1)]
    np.testing.assert_allclose(got, np.outer([*rising, *falling], BASES), rtol=1e-8, atol=1e-10)


def test_chained_factors_multiply() -> None:
    optimizer = made()
    parts = [s.LinearLR(optimizer, 0.5, total_iters=4), s.ExponentialLR(optimizer, 0.9), s.StepLR(optimizer, 3, 0.5)]
    got = curve(s.ChainedScheduler(parts, optimizer), 10)
    factors = [(0.5 + min(t, 4) / 8) * 0.9**t * 0.5 ** (t // 3) for t in range(10)]
    np.testing.assert_allclose(got, np.outer(factors, BASES), rtol=1e-12)


def test_a_chain_within_a_sequence_starts_anew() -> None:
    optimizer = made()
    chain = s.ChainedScheduler([s.LinearLR(optimizer, 0.5, total_iters=4), s.ExponentialLR(optimizer, 0.9)])
    got = curve(s.SequentialLR(optimizer, [s.ConstantLR(optimizer, 0.25, 9), chain], [3]), 10)
    factors = [0.25] * 3 + [(0.5 + min(t, 4) / 8) * 0.9**t for t in range(7)]
    np.testing.assert_allclose(got, np.outer(factors, BASES), rtol=1e-12)


def test_a_chain_may_be_the_first_of_a_sequence() -> None:
    """Its parts begin at epoch 0, whatever they did when they were made."""
    optimizer = made()
    chain = s.ChainedScheduler([s.LinearLR(optimizer, 0.5, total_iters=4), s.ExponentialLR(optimizer, 0.9)])
    scheduler = s.SequentialLR(optimizer, [chain, s.ConstantLR(optimizer, 0.25, 9)], [3])
    assert scheduler.get_last_lr() == chain.get_last_lr() == [0.5 * lr for lr in BASES]
    factors = [(0.5 + t / 8) * 0.9**t for t in range(3)] + [0.25] * 4
    np.testing.assert_allclose(curve(scheduler, 7), np.outer(factors, BASES), rtol=1e-12)


@pytest.mark.parametrize("inner_first", [True, False])
def test_a_sequence_within_a_sequence(inner_first: bool) -> None:
    optimizer = made()
    inner = s.SequentialLR(optimizer, [s.ConstantLR(optimizer, 0.5, 9), s.StepLR(optimizer, 2)], [2])
    other = s.ExponentialLR(optimizer, 0.5)
    order = [inner, other] if inner_first else [other, inner]
    got = curve(s.SequentialLR(optimizer, order, [5]), 10)
    mine, its = [0.5, 0.5, 1, 1, 0.1], [1, 0.5, 0.25, 0.125, 0.0625]
    np.testing.assert_allclose(got, np.outer(mine + its if inner_first else its + mine, BASES), rtol=1e-12)


def test_cycles_take_the_momentum_along() -> None:
    optimizer = made(momentum=0.3)
    cycle = s.OneCycleLR(optimizer, 1.0, 20)
    scheduler = s.SequentialLR(optimizer, [cycle, s.ConstantLR(optimizer, 0.5)], [6])
    got = curve(scheduler, 8, "momentum")
    assert got[0][2] == 0.95
    assert got[5][2] < 0.95
    assert got[7][2] == got[5][2]


class TestBadArguments:
    def test_no_schedulers(self) -> None:
        for make in (lambda: s.SequentialLR(made(), [], []), lambda: s.ChainedScheduler([])):
            with pytest.raises(ValueError, match="needs at least one scheduler"):
                make()

    def test_what_is_no_scheduler(self) -> None:
        optimizer = made()
        with pytest.raises(TypeError, match="scheduler 1 is a float, no LRScheduler"):
            s.SequentialLR(optimizer, [s.StepLR(optimizer, 3), 0.1], [2])  # type: ignore[list-item]

    def test_one_that_needs_a_metric(self) -> None:
        optimizer = made()
        with pytest.raises(ValueError, match="scheduler 0 is a ReduceLROnPlateau, whose step needs a metric"):
            s.ChainedScheduler([s.ReduceLROnPlateau(optimizer)])

    def test_another_optimizer(self) -> None:
        a, b = made(), made()
        for make in (
            lambda: s.SequentialLR(a, [s.StepLR(a, 3), s.StepLR(b, 3)], [2]),
            lambda: s.ChainedScheduler([s.StepLR(a, 3), s.StepLR(b, 3)]),
            lambda: s.ChainedScheduler([s.StepLR(a, 3), s.StepLR(a, 3)], b),
        ):
            with pytest.raises(ValueError, match=r"scheduler \d \(StepLR\) belongs to another optimizer"):
                make()

    @pytest.mark.parametrize(
        ("milestones", "text"),
        [
            ([], "2 schedulers need 1 milestones between, got 0"),
            ([1, 2], "2 schedulers need 1 milestones between, got 2"),
            ([2.5], "each milestone must be an integer >= 0, got 2.5"),
        ],
    )
    def test_milestones(self, milestones: Any, text: str) -> None:
        optimizer = made()
        with pytest.raises(ValueError, match=text):
            s.SequentialLR(optimizer, [s.StepLR(optimizer, 3), s.StepLR(optimizer, 3)], milestones)

    def test_milestones_that_fall(self) -> None:
        optimizer = made()
        with pytest.raises(ValueError, match=r"milestones must increase, got \[5, 3\]"):
            s.SequentialLR(optimizer, [s.StepLR(optimizer, 3) for _ in range(3)], [5, 3])

    def test_a_state_with_other_parts(self) -> None:
        optimizer = made()
        two = s.ChainedScheduler([s.StepLR(optimizer, 3), s.ExponentialLR(optimizer, 0.9)])
        one = s.ChainedScheduler([s.StepLR(optimizer, 3)])
        with pytest.raises(ValueError, match="ChainedScheduler of 1 schedulers, the state of 2"):
            one.load_state_dict(two.state_dict())
        swapped = s.ChainedScheduler([s.ExponentialLR(optimizer, 0.9), s.StepLR(optimizer, 3)])
        before = swapped.state_dict()
        with pytest.raises(ValueError, match=r"no state of a ExponentialLR|no state of a StepLR"):
            swapped.load_state_dict(two.state_dict())
        assert swapped.state_dict() == before
