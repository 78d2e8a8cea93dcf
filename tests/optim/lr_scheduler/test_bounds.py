"""Both sides of every bound of a scheduler's arguments, at the door and out of a file; and the defaults."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
from optim.lr_scheduler.curves import BASES, made
from optim.lr_scheduler.test_base import MAKERS

from tinygrad_cnn.optim import lr_scheduler as s

TINY = 1e-12
COUNT = ([1, 7], [0, -1, 1.5, True, "1", math.nan])  # values that are taken, and values that are refused
FROM_ZERO = ([0, 3], [-1, 0.5, True, None])
SHARE = ([0, TINY, 0.5, 1], [-TINY, 1 + TINY, True, "1", math.nan])
SHARE_ABOVE_ZERO = ([TINY, 0.5, 1], [0, 0.0, -TINY, 1 + TINY, math.nan])
ABOVE_ZERO = ([TINY, 3], [0, -TINY, math.nan, math.inf, "3"])
NOT_BELOW_ZERO = ([0, TINY, 2], [-TINY, math.nan, math.inf, "2"])
ANY = ([-1.0, 0, 2], [math.nan, math.inf, -math.inf, "2", True])

needed: dict[str, dict[str, Any]] = {
    "StepLR": {"step_size": 7}, "MultiStepLR": {"milestones": [3]}, "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 8}, "CosineAnnealingWarmRestarts": {"T_0": 5},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 1.0}, "OneCycleLR": {"max_lr": 1.0, "total_steps": 40},
}  # fmt: skip
STEPS: dict[str, Any] = {"total_steps": None, "epochs": 3, "steps_per_epoch": 4}
BOUNDS: list[tuple[str, str, tuple[list[Any], list[Any]], dict[str, Any]]] = [
    ("StepLR", "step_size", ([1, 2.0], [0, 1.5, True]), {}),
    ("StepLR", "gamma", ANY, {}),
    ("MultiStepLR", "gamma", ANY, {}),
    ("ConstantLR", "factor", SHARE_ABOVE_ZERO, {}),
    ("ConstantLR", "total_iters", COUNT, {}),
    ("LinearLR", "start_factor", SHARE_ABOVE_ZERO, {}),
    ("LinearLR", "end_factor", SHARE, {}),
    ("LinearLR", "total_iters", COUNT, {}),
    ("ExponentialLR", "gamma", ANY, {}),
    ("PolynomialLR", "total_iters", COUNT, {}),
    ("PolynomialLR", "power", ([0, 2.5], [math.nan, math.inf, "2"]), {}),
    ("CosineAnnealingLR", "T_max", ABOVE_ZERO, {}),
    ("CosineAnnealingLR", "eta_min", ANY, {}),
    ("CosineAnnealingWarmRestarts", "T_0", COUNT, {}),
    ("CosineAnnealingWarmRestarts", "T_mult", COUNT, {}),
    ("CosineAnnealingWarmRestarts", "eta_min", ANY, {}),
    ("CyclicLR", "base_lr", NOT_BELOW_ZERO, {}),
    ("CyclicLR", "max_lr", NOT_BELOW_ZERO, {}),
    ("CyclicLR", "step_size_up", ABOVE_ZERO, {"step_size_down": 2.0}),
    ("CyclicLR", "step_size_down", ABOVE_ZERO, {}),
    ("CyclicLR", "gamma", ANY, {}),
    ("CyclicLR", "base_momentum", NOT_BELOW_ZERO, {}),
    ("CyclicLR", "max_momentum", NOT_BELOW_ZERO, {}),
    ("OneCycleLR", "max_lr", NOT_BELOW_ZERO, {}),
    ("OneCycleLR", "total_steps", COUNT, {}),
    ("OneCycleLR", "epochs", COUNT, STEPS),
    ("OneCycleLR", "steps_per_epoch", COUNT, STEPS),
    ("OneCycleLR", "pct_start", SHARE, {}),
    ("OneCycleLR", "base_momentum", NOT_BELOW_ZERO, {}),
    ("OneCycleLR", "max_momentum", NOT_BELOW_ZERO, {}),
    ("OneCycleLR", "div_factor", ABOVE_ZERO, {}),
    ("OneCycleLR", "final_div_factor", ABOVE_ZERO, {}),
    ("ReduceLROnPlateau", "factor", ([0, 0.5, 1 - TINY], [1, -TINY, math.nan]), {}),
    ("ReduceLROnPlateau", "patience", FROM_ZERO, {}),
    ("ReduceLROnPlateau", "cooldown", FROM_ZERO, {}),
    ("ReduceLROnPlateau", "min_lr", NOT_BELOW_ZERO, {}),
    ("ReduceLROnPlateau", "threshold", ANY, {}),
    ("ReduceLROnPlateau", "eps", ANY, {}),
]
every_bound = pytest.mark.parametrize(
    ("name", "argument", "bounds", "more"), BOUNDS, ids=[f"{name}-{argument}" for name, argument, *_ in BOUNDS]
)
STEPS_AND_MORE = ("step_size_up", "step_size_down", "epochs", "steps_per_epoch")
ONLY_AT_THE_DOOR = ("base_lr", "base_momentum", "max_momentum", "div_factor", "final_div_factor", *STEPS_AND_MORE)
LISTS = {"max_lr": "max_lrs", "min_lr": "min_lrs"}  # one for each group


@every_bound
def test_a_bound_at_the_door(name: str, argument: str, bounds: Any, more: dict[str, Any]) -> None:
    taken, refused = bounds
    for value in taken:
        getattr(s, name)(made(), **{**needed.get(name, {}), **more, argument: value})
    for value in refused:
        optimizer = made()
        with pytest.raises(ValueError, match=f"{argument} must be"):
            getattr(s, name)(optimizer, **{**needed.get(name, {}), **more, argument: value})
        assert [group["lr"] for group in optimizer.param_groups] == BASES


@every_bound
def test_a_bound_out_of_a_file(name: str, argument: str, bounds: Any, more: dict[str, Any]) -> None:
    if argument in ONLY_AT_THE_DOOR or (name, argument) == ("OneCycleLR", "max_lr"):
        return  # what follows from it is kept, or it is in the optimizer's groups
    scheduler = getattr(s, name)(made(), **{**needed.get(name, {}), **more})
    key, many = LISTS.get(argument, argument), argument in LISTS
    before = scheduler.state_dict()
    for value in bounds[1]:
        with pytest.raises(ValueError, match=f"{argument} must be|this is no state of a {name}: {key} is "):
            scheduler.load_state_dict({**before, key: [value] * 2 if many else value})
        assert scheduler.state_dict() == before
    for value in bounds[0]:
        scheduler.load_state_dict({**before, key: [value] * 2 if many else value})
        assert scheduler.state_dict()[key] == ([value] * 2 if many else value)


@pytest.mark.parametrize(
    ("name", "key", "bounds"),
    [
        ("MultiStepLR", "milestones", ([[0], [], [4, 4]], [[-1], [1.5], [True]])),
        ("CosineAnnealingWarmRestarts", "T_i", COUNT),
        ("CyclicLR", "total_size", ABOVE_ZERO),
        ("CyclicLR", "step_ratio", SHARE_ABOVE_ZERO),
    ],
)
def test_what_follows_from_an_argument_has_bounds_too(name: str, key: str, bounds: Any) -> None:
    scheduler = getattr(s, name)(made(), **needed[name])
    before = scheduler.state_dict()
    for value in bounds[1]:
        with pytest.raises(ValueError, match=r"must be|this is no state of a"):
            scheduler.load_state_dict({**before, key: value})
        assert scheduler.state_dict() == before
    for value in bounds[0]:
        scheduler.load_state_dict({**before, key: value})
        assert scheduler.state_dict()[key] == value


@pytest.mark.parametrize("name", [n for n in MAKERS if n != "ChainedScheduler"])
def test_epochs_are_counted_from_minus_one(name: str) -> None:
    scheduler = MAKERS[name](made())
    before = scheduler.state_dict()
    for bad in (-2, 0.5):
        with pytest.raises(ValueError, match=f"last_epoch must be an integer >= -1, got {bad}"):
            scheduler.load_state_dict({**before, "last_epoch": bad})
        assert scheduler.state_dict() == before
    for good in (-1, 0, 3):
        scheduler.load_state_dict({**before, "last_epoch": good})
        assert scheduler.last_epoch == good


def test_milestones_begin_at_zero_and_may_be_equal() -> None:
    for milestones, refused in (([0, 0], False), ([2, 2], False), ([1, 2], False), ([-1, 2], True), ([3, 2], True)):
        optimizer = made()
        parts = [s.StepLR(optimizer, 3) for _ in range(3)]
        if refused:
            with pytest.raises(ValueError, match=r"milestone"):
                s.SequentialLR(optimizer, parts, milestones)
        else:
            s.SequentialLR(optimizer, parts, milestones)


END = "last_epoch=-1"
SIGNATURES = {  # PyTorch's
    "LRScheduler": f"optimizer, {END}",
    "StepLR": f"optimizer, step_size, gamma=0.1, {END}",
    "MultiStepLR": f"optimizer, milestones, gamma=0.1, {END}",
    "ConstantLR": f"optimizer, factor=0.3333333333333333, total_iters=5, {END}",
    "LinearLR": f"optimizer, start_factor=0.3333333333333333, end_factor=1.0, total_iters=5, {END}",
    "ExponentialLR": f"optimizer, gamma, {END}",
    "PolynomialLR": f"optimizer, total_iters=5, power=1.0, {END}",
    "LambdaLR": f"optimizer, lr_lambda, {END}",
    "MultiplicativeLR": f"optimizer, lr_lambda, {END}",
    "CosineAnnealingLR": f"optimizer, T_max, eta_min=0.0, {END}",
    "CosineAnnealingWarmRestarts": f"optimizer, T_0, T_mult=1, eta_min=0.0, {END}",
    "OneCycleLR": "optimizer, max_lr, total_steps=None, epochs=None, steps_per_epoch=None, pct_start=0.3, "
    "anneal_strategy='cos', cycle_momentum=True, base_momentum=0.85, max_momentum=0.95, div_factor=25.0, "
    f"final_div_factor=10000.0, three_phase=False, {END}",
    "CyclicLR": "optimizer, base_lr, max_lr, step_size_up=2000, step_size_down=None, mode='triangular', gamma=1.0, "
    "scale_fn=None, scale_mode='cycle', cycle_momentum=True, base_momentum=0.8, max_momentum=0.9, "
    f"{END}",
    "SequentialLR": f"optimizer, schedulers, milestones, {END}",
    "ChainedScheduler": "schedulers, optimizer=None",
    "ReduceLROnPlateau": "optimizer, mode='min', factor=0.1, patience=10, threshold=0.0001, threshold_mode='rel', "
    "cooldown=0, min_lr=0, eps=1e-08",
}


def listed(cls: Any) -> str:
    parameters = [p for p in inspect.signature(cls).parameters.values() if p.name != "verbose"]
    return ", ".join(p.name + ("" if p.default is p.empty else f"={p.default!r}") for p in parameters)


def test_every_scheduler_has_torchs_arguments_and_defaults() -> None:
    assert {name: listed(getattr(s, name)) for name in s.__all__} == SIGNATURES


def test_and_torch_has_them(torch: Any) -> None:
    theirs = {name: listed(getattr(torch.optim.lr_scheduler, name)) for name in SIGNATURES}
    assert theirs == SIGNATURES
