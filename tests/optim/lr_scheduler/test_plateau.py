"""ReduceLROnPlateau by hand and beside PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.lr_scheduler.curves import BASES, made, made_by_torch

from tinygrad_cnn.optim.lr_scheduler import ReduceLROnPlateau
from tinygrad_cnn.tensors import Tensor

hypers = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["min", "max"]),
        "factor": st.sampled_from([0.1, 0.5]),
        "patience": st.integers(0, 4),
        "threshold": st.sampled_from([1e-4, 0.2]),
        "threshold_mode": st.sampled_from(["rel", "abs"]),
        "cooldown": st.integers(0, 3),
        "min_lr": st.sampled_from([0, 0.02, [0.1, 0.001]]),
        "eps": st.sampled_from([1e-8, 0.03]),
    }
)
metrics = st.lists(
    st.one_of(st.floats(-2, 2), st.sampled_from([math.nan, math.inf, -math.inf])), min_size=60, max_size=70
)


def step_all(scheduler: Any, values: list[float]) -> list[list[float]]:
    rows = []
    for value in values:
        scheduler.step(value)
        rows.append(scheduler.get_last_lr())
        assert rows[-1] == [group["lr"] for group in scheduler.optimizer.param_groups]
    return rows


@given(hyper=hypers, values=metrics)
def test_like_torch(torch: Any, hyper: dict[str, Any], values: list[float]) -> None:
    ours = ReduceLROnPlateau(made(), **hyper)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(made_by_torch(torch), **hyper)
    np.testing.assert_allclose(step_all(ours, values), step_all(theirs, values), rtol=1e-12)
    for name in ("best", "num_bad_epochs", "cooldown_counter", "last_epoch", "in_cooldown"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_by_hand() -> None:
    scheduler = ReduceLROnPlateau(made(), factor=0.5, patience=1, cooldown=2, threshold=0.1)
    #         better, not by 10 %, twice: reduced, cooling down (2), bad, bad: reduced, better
    values = [1.0, 0.95, 0.95, 2.0, 2.0, 2.0, 2.0, 0.5]
    assert [row[0] for row in step_all(scheduler, values)] == [0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125]
    assert scheduler.best == 0.5


@pytest.mark.parametrize(("patience", "cooldown"), [(0, 0), (1, 0), (2, 0), (1, 1), (1, 2), (0, 3)])
def test_each_reduction_waits_as_long_as_the_first(patience: int, cooldown: int) -> None:
    """More bad epochs than ``patience``; those that cool down come before, and count for nothing."""
    scheduler = ReduceLROnPlateau(made(), factor=0.5, patience=patience, cooldown=cooldown, eps=0)
    rates = [row[0] for row in step_all(scheduler, [1.0] * 30)]
    falls = [t for t in range(1, 30) if rates[t] < rates[t - 1]]
    first = patience + 1
    assert falls == list(range(first, 30, patience + 1 + cooldown))
    assert (scheduler.last_epoch, scheduler.best) == (30, 1.0)


def test_a_rate_falls_by_more_than_eps_and_not_below_its_floor() -> None:
    for eps, lr in ((0.25 - 1e-9, 0.25), (0.25, 0.5), (0.0, 0.25)):
        scheduler = ReduceLROnPlateau(made(), factor=0.5, patience=0, eps=eps)
        assert step_all(scheduler, [1, 1])[-1][0] == lr
    scheduler = ReduceLROnPlateau(made(), factor=0.5, patience=0, min_lr=0.3)
    assert step_all(scheduler, [1, 1, 1])[-1] == [0.3, 0.01]  # a rate that is lower stays


def test_an_epoch_may_be_said() -> None:
    scheduler = ReduceLROnPlateau(made())
    scheduler.step(1.0, 7)
    assert scheduler.last_epoch == 7
    scheduler.step(1.0)
    assert (scheduler.last_epoch, scheduler.num_bad_epochs, scheduler.in_cooldown) == (8, 1, False)


@pytest.mark.parametrize(
    ("mode", "threshold_mode", "bar"),
    [("min", "rel", 4.5), ("min", "abs", 4.9), ("max", "rel", 5.5), ("max", "abs", 5.1)],
)
def test_better(mode: str, threshold_mode: str, bar: float) -> None:
    scheduler = ReduceLROnPlateau(made(), mode=mode, threshold_mode=threshold_mode, threshold=0.1)
    sign = -1 if mode == "min" else 1
    assert scheduler.is_better(bar + sign * 1e-6, 5.0)
    assert not scheduler.is_better(bar - sign * 1e-6, 5.0)


def test_a_tensor_is_a_metric_too() -> None:
    scheduler = ReduceLROnPlateau(made(), patience=0)
    scheduler.step(Tensor(np.array(1.0)))
    assert scheduler.best == 1.0
    assert type(scheduler.best) is float


def test_groups_added_later_take_the_last_min_lr() -> None:
    optimizer = made()
    scheduler = ReduceLROnPlateau(optimizer, factor=0.1, patience=0, min_lr=[0.2, 0.3])
    optimizer.add_param_group({"params": Tensor(np.zeros(1), requires_grad=True), "lr": 1.0})
    step_all(scheduler, [1, 1])
    assert scheduler.get_last_lr() == [0.2, 0.01, 0.3]


@given(hyper=hypers, values=metrics)
def test_resumed_goes_on_exactly(hyper: dict[str, Any], values: list[float]) -> None:
    whole, resumed = ReduceLROnPlateau(made(), **hyper), ReduceLROnPlateau(made())
    step_all(whole, values[:30])
    resumed.load_state_dict(whole.state_dict())
    resumed.optimizer.load_state_dict(whole.optimizer.state_dict())
    assert step_all(whole, values[30:]) == step_all(resumed, values[30:])


@pytest.mark.parametrize(
    ("hyper", "text"),
    [
        ({"factor": 1.0}, "factor must be < 1, got 1.0"),
        ({"mode": "up"}, "mode must be 'min' or 'max', got 'up'"),
        ({"threshold_mode": "x"}, "threshold_mode must be 'rel' or 'abs', got 'x'"),
        ({"patience": -1}, "patience must be an integer >= 0, got -1"),
        ({"cooldown": 0.5}, "cooldown must be an integer >= 0, got 0.5"),
        ({"min_lr": [0.1]}, "min_lr has 1 values, but the optimizer has 2 parameter group"),
    ],
)
def test_bad_arguments(hyper: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ReduceLROnPlateau(made(), **hyper)


def test_nothing_changes_at_the_start() -> None:
    scheduler = ReduceLROnPlateau(made())
    assert scheduler.get_last_lr() == BASES
