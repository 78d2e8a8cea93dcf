"""A scheduler out of a file, after a group more, with a Tensor to write into: all of it fits, or nothing changes."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import numpy as np
import pytest
from optim.lr_scheduler.curves import BASES, curve, made, made_by_torch
from optim.lr_scheduler.test_base import MAKERS

import tinygrad_cnn as tg
from tinygrad_cnn import optim
from tinygrad_cnn.optim import lr_scheduler as s
from tinygrad_cnn.tensors import Tensor

EVERY = {**MAKERS, "ReduceLROnPlateau": s.ReduceLROnPlateau}
every_maker = pytest.mark.parametrize("name", list(EVERY))


class Damped:
    """A function with a state of its own."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, t: int) -> float:
        self.calls += 1
        return 1 / (1 + t)


WITHIN = {
    "LambdaLR": lambda o: s.LambdaLR(o, Damped()),
    "MultiplicativeLR": lambda o: s.MultiplicativeLR(o, lambda t: 0.9 + t / 1000),
    "CyclicLR": lambda o: s.CyclicLR(o, 0.1, 1.0, 5, scale_fn=Damped(), cycle_momentum=False),
}


@pytest.mark.parametrize("inner", list(WITHIN))
@pytest.mark.parametrize("at", [2, 5, 9])
@pytest.mark.parametrize("outer", ["SequentialLR", "ChainedScheduler", "both"])
def test_a_run_with_functions_within_is_resumed(outer: str, inner: str, at: int) -> None:
    def make(o: Any) -> Any:
        parts = [s.LinearLR(o, 0.1, total_iters=3), WITHIN[inner](o)]
        if outer == "ChainedScheduler":
            return s.ChainedScheduler(parts)
        if outer == "both":
            parts[1] = s.ChainedScheduler([parts[1], s.ExponentialLR(o, 0.9)])
        return s.SequentialLR(o, parts, [4])

    whole = make(made())
    curve(whole, at)
    state, of_optimizer = json.loads(json.dumps([whole.state_dict(), whole.optimizer.state_dict()]))
    resumed = make(made())
    resumed.load_state_dict(state)
    resumed.optimizer.load_state_dict(of_optimizer)
    assert curve(resumed, 12) == curve(whole, 12)
    assert resumed.state_dict() == whole.state_dict()


@pytest.mark.parametrize("name", ["StepLR", "ExponentialLR", "MultiStepLR", "LambdaLR", "CosineAnnealingWarmRestarts"])
def test_a_state_of_torchs_is_taken(torch: Any, name: str) -> None:
    hyper: dict[str, dict[str, Any]] = {
        "StepLR": {"step_size": 3}, "ExponentialLR": {"gamma": 0.9}, "MultiStepLR": {"milestones": [3, 9, 9]},
        "LambdaLR": {"lr_lambda": lambda t: 1 / (1 + t)}, "CosineAnnealingWarmRestarts": {"T_0": 4},
    }  # fmt: skip
    theirs = getattr(torch.optim.lr_scheduler, name)(made_by_torch(torch), **hyper[name])
    curve(theirs, 5)
    ours = getattr(s, name)(made(), **hyper[name])
    ours.load_state_dict(theirs.state_dict())
    ours.optimizer.load_state_dict(theirs.optimizer.state_dict())
    np.testing.assert_allclose(curve(ours, 15), curve(theirs, 15), rtol=1e-10, atol=1e-14)


def nonsense(state: dict[str, Any]) -> Any:
    """States that are none: each key with something of another kind, or missing, or one too many."""
    for key, value in state.items():
        if key.startswith("_"):
            continue
        for bad in ("abc", None, math.nan, {"a": 1}, [*value, 1.0] if key == "base_lrs" else [[]]):
            if type(bad) is not type(value) or bad != bad or key == "base_lrs":
                yield {**state, key: bad}
        yield {k: v for k, v in state.items() if k != key}
    yield {**state, "nothing": 1}


@every_maker
def test_a_nonsense_state_is_refused_and_nothing_changes(name: str) -> None:
    scheduler = EVERY[name](made(momentum=0.5))
    if name != "ReduceLROnPlateau":
        curve(scheduler, 3)
    before, groups = scheduler.state_dict(), copy.deepcopy(scheduler.optimizer.state_dict())
    count = 0
    for bad in nonsense(before):
        with pytest.raises(ValueError, match=r"no state of a|must be|increase"):
            scheduler.load_state_dict(bad)
        assert scheduler.state_dict() == before
        count += 1
    with pytest.raises((TypeError, ValueError), match=f"{name}"):
        scheduler.load_state_dict([])
    assert scheduler.optimizer.state_dict()["param_groups"] == groups["param_groups"]
    assert count >= (1 if name == "ChainedScheduler" else 6)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("StepLR", {"step_size": 0}),
        ("StepLR", {"step_size": 2.5}),
        ("StepLR", {"last_epoch": -3}),
        ("MultiStepLR", {"milestones": [-1.0]}),
        ("CosineAnnealingLR", {"T_max": 0}),
        ("CosineAnnealingWarmRestarts", {"T_i": 0}),
        ("OneCycleLR", {"total_steps": -4}),
        ("OneCycleLR", {"anneal_strategy": "up"}),
        ("CyclicLR", {"mode": "square"}),
        ("CyclicLR", {"max_lrs": [1.0, -1.0]}),
        ("LambdaLR", {"lr_lambdas": [None]}),
        ("LambdaLR", {"lr_lambdas": [3, None]}),
        ("ReduceLROnPlateau", {"factor": -0.5}),
        ("ReduceLROnPlateau", {"mode": "least"}),
    ],
)
def test_values_out_of_range_in_a_state(name: str, change: dict[str, Any]) -> None:
    scheduler = EVERY[name](made())
    before = scheduler.state_dict()
    with pytest.raises(ValueError, match="must be"):
        scheduler.load_state_dict({**before, **change})
    assert scheduler.state_dict() == before


PER_GROUP = ["LambdaLR", "MultiplicativeLR", "OneCycleLR", "CyclicLR", "CosineAnnealingWarmRestarts"]


@pytest.mark.parametrize("within", ["alone", "SequentialLR", "ChainedScheduler"])
@pytest.mark.parametrize("name", PER_GROUP)
def test_a_group_added_later_is_an_error_that_says_so(name: str, within: str) -> None:
    """Where the scheduler has something for each group; and nothing has changed."""
    optimizer = made(momentum=0.5)
    scheduler: Any = MAKERS[name](optimizer)
    if within == "SequentialLR":
        scheduler = s.SequentialLR(optimizer, [scheduler, s.StepLR(optimizer, 3)], [5])
    if within == "ChainedScheduler":
        scheduler = s.ChainedScheduler([s.StepLR(optimizer, 3), scheduler])
    optimizer.add_param_group({"params": [Tensor(np.zeros(1), requires_grad=True)], "lr": 2.0})
    groups = [dict(group) for group in optimizer.param_groups]
    before = copy.deepcopy(scheduler.state_dict())
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"made for 2 parameter group\(s\).* 3 since add_param_group; make .* anew"):
        scheduler.step()
    assert scheduler.state_dict() == before
    assert [dict(group) for group in optimizer.param_groups] == groups


def test_a_function_that_fails_changes_nothing() -> None:
    optimizer = made()
    scheduler = s.LambdaLR(optimizer, [lambda _t: 0.5, lambda t: 1 / (3 - t)])
    curve(scheduler, 3)
    before = scheduler.state_dict()
    with pytest.raises(ZeroDivisionError):
        scheduler.step()
    assert scheduler.state_dict() == before
    assert [group["lr"] for group in optimizer.param_groups] == scheduler.get_last_lr()


def test_one_step_too_many_of_a_cycle_changes_nothing() -> None:
    scheduler = s.OneCycleLR(made(), 1.0, total_steps=4)
    curve(scheduler, 5)
    before = scheduler.state_dict()
    for _ in range(2):
        with pytest.raises(ValueError, match="stepped 5 times, but the cycle was made for total_steps=4"):
            scheduler.step()
        assert scheduler.state_dict() == before


# ------------------------------------------------------------------------------------------------------ Tensor lr
@pytest.mark.parametrize("name", list(MAKERS))
def test_a_tensor_is_written_into(torch: Any, name: str) -> None:
    """The same Tensor stays in the group, and `get_last_lr` gives Tensors, as in PyTorch; floats beside are equal."""
    rates = tg.tensor(0.5, dtype=tg.float64), torch.tensor(0.5, dtype=torch.float64)
    ours = optim.SGD([Tensor(np.zeros(1), requires_grad=True)], lr=rates[0])  # type: ignore[arg-type]
    theirs = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rates[1])
    floats = optim.SGD([Tensor(np.zeros(1), requires_grad=True)], lr=0.5)
    mine, beside, other = (
        _one_group(name, L, o) for L, o in ((s, ours), (s, floats), (torch.optim.lr_scheduler, theirs))
    )
    for _ in range(12):
        assert ours.param_groups[0]["lr"] is rates[0]
        assert theirs.param_groups[0]["lr"] is rates[1]
        np.testing.assert_allclose(rates[0].item(), rates[1].item(), rtol=1e-10)
        np.testing.assert_allclose(rates[0].item(), floats.param_groups[0]["lr"], rtol=1e-12)
        (last,), (their_last,) = mine.get_last_lr(), other.get_last_lr()
        assert isinstance(last, Tensor)
        assert last is not rates[0]
        np.testing.assert_allclose(last.item(), float(their_last), rtol=1e-10)
        for o, scheduler in ((ours, mine), (floats, beside), (theirs, other)):
            o.step()
            scheduler.step()


def test_whoever_holds_the_tensor_sees_the_rate() -> None:
    lr = tg.tensor(0.5)
    optimizer = optim.SGD([Tensor(np.zeros(1), requires_grad=True)], lr=lr)  # type: ignore[arg-type]
    graph = (lr * tg.tensor(2.0, requires_grad=True)).sum()
    scheduler = s.StepLR(optimizer, 1, gamma=0.5)
    optimizer.step()
    scheduler.step()
    assert lr.item() == 0.25
    assert scheduler.get_last_lr() == [0.25]
    with pytest.raises(RuntimeError, match="changed in place"):
        graph.backward()


def _one_group(name: str, L: Any, o: Any) -> Any:
    match name:
        case "OneCycleLR":
            return L.OneCycleLR(o, 1.0, 40)
        case "CyclicLR":
            return L.CyclicLR(o, 0.1, 1.0, 5, mode="triangular2")
        case "SequentialLR":
            return L.SequentialLR(o, [L.LinearLR(o, 0.1), L.ExponentialLR(o, 0.9)], [4])
        case "ChainedScheduler":
            return L.ChainedScheduler([L.LinearLR(o, 0.1), L.ExponentialLR(o, 0.9)])
    hyper: dict[str, dict[str, Any]] = {
        "StepLR": {"step_size": 7}, "MultiStepLR": {"milestones": [2, 5, 5]}, "ConstantLR": {"factor": 0.5},
        "LinearLR": {"start_factor": 0.1}, "ExponentialLR": {"gamma": 0.9}, "PolynomialLR": {"total_iters": 15},
        "LambdaLR": {"lr_lambda": lambda t: 1 / (1 + t)}, "MultiplicativeLR": {"lr_lambda": lambda _t: 0.9},
        "CosineAnnealingLR": {"T_max": 8}, "CosineAnnealingWarmRestarts": {"T_0": 5},
    }  # fmt: skip
    return getattr(L, name)(o, **hyper[name])


# ---------------------------------------------------------------------------------------------- arguments, old names
@every_maker
def test_verbose_is_taken(name: str) -> None:
    cls = getattr(s, name)
    if name == "ChainedScheduler":
        return
    arguments: dict[str, tuple[Any, ...]] = {
        "StepLR": (3,), "MultiStepLR": ([3],), "ExponentialLR": (0.9,), "LambdaLR": (float,), "OneCycleLR": (1.0, 9),
        "MultiplicativeLR": (float,), "CosineAnnealingLR": (3,), "CosineAnnealingWarmRestarts": (3,),
        "CyclicLR": (0.1, 1.0),
    }  # fmt: skip
    o = made()
    given = ([s.StepLR(o, 3)], []) if name == "SequentialLR" else arguments.get(name, ())
    cls(o, *given, verbose=False)
    with pytest.warns(UserWarning, match=r"verbose prints nothing; print\(scheduler.get_last_lr\(\)\)") as caught:
        cls(o, *given, verbose=True)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda o: s.OneCycleLR(o, math.nan, 9), "max_lr must be a finite number, got nan"),
        (lambda o: s.OneCycleLR(o, -1.0, 9), "max_lr must be >= 0, got -1.0"),
        (lambda o: s.OneCycleLR(o, [1.0, math.inf], 9), "max_lr must be a finite number, got inf"),
        (lambda o: s.OneCycleLR(o, "1", 9), "max_lr must be a finite number, got '1'"),
        (lambda o: s.OneCycleLR(o, 1.0, 9, div_factor=0), "div_factor must be > 0, got 0"),
        (lambda o: s.OneCycleLR(o, 1.0, 9, final_div_factor=math.nan), "final_div_factor must be a finite number"),
        (lambda o: s.OneCycleLR(o, 1.0, 9, pct_start=math.nan), "pct_start must be a number from 0 to 1"),
        (lambda o: s.OneCycleLR(o, 1.0, 9, base_momentum=-0.1), "base_momentum must be >= 0, got -0.1"),
        (lambda o: s.OneCycleLR(o, 1.0, 9, max_momentum=math.nan), "max_momentum must be a finite number"),
        (lambda o: s.CyclicLR(o, math.nan, 1.0), "base_lr must be a finite number, got nan"),
        (lambda o: s.CyclicLR(o, 0.1, -1.0), "max_lr must be >= 0, got -1.0"),
        (lambda o: s.CyclicLR(o, 0.1, 1.0, gamma=math.inf), "gamma must be a finite number, got inf"),
        (lambda o: s.StepLR(o, 3, gamma=math.nan), "gamma must be a finite number, got nan"),
        (lambda o: s.StepLR(o, 3, gamma="0.1"), "gamma must be a finite number, got '0.1'"),
        (lambda o: s.ExponentialLR(o, None), "gamma must be a finite number, got None"),
        (lambda o: s.MultiStepLR(o, [3], gamma=math.nan), "gamma must be a finite number, got nan"),
        (lambda o: s.PolynomialLR(o, 3, power=math.nan), "power must be a finite number, got nan"),
        (lambda o: s.CosineAnnealingLR(o, 3, eta_min=math.nan), "eta_min must be a finite number, got nan"),
        (lambda o: s.CosineAnnealingLR(o, math.nan), "T_max must be a finite number, got nan"),
        (lambda o: s.CosineAnnealingWarmRestarts(o, 3, eta_min="0"), "eta_min must be a finite number, got '0'"),
        (lambda o: s.ReduceLROnPlateau(o, factor=math.nan), "factor must be a finite number, got nan"),
        (lambda o: s.ReduceLROnPlateau(o, factor=-0.1), "factor must be >= 0, got -0.1"),
        (lambda o: s.ReduceLROnPlateau(o, min_lr=-0.1), "min_lr must be >= 0, got -0.1"),
        (lambda o: s.ReduceLROnPlateau(o, threshold=math.nan), "threshold must be a finite number, got nan"),
        (lambda o: s.LinearLR(o, math.nan), "start_factor must be a number from 0 to 1"),
        (lambda o: s.StepLR(o, 3, last_epoch=-2), "last_epoch must be an integer >= -1, got -2"),
        (lambda o: s.SequentialLR(o, [s.StepLR(o, 3)], [], last_epoch=1.5), "last_epoch must be an integer >= -1"),
    ],
)
def test_numbers_that_are_none(make: Any, text: str) -> None:
    """And the groups are as they were."""
    optimizer = made(momentum=0.5)
    with pytest.raises(ValueError, match=text):
        make(optimizer)
    assert [group["lr"] for group in optimizer.param_groups] == BASES
    assert {group["momentum"] for group in optimizer.param_groups} == {0.5}


def test_schedulers_come_in_a_list() -> None:
    optimizer = made()
    for make in (s.ChainedScheduler, lambda one: s.SequentialLR(optimizer, one, [])):
        with pytest.raises(TypeError, match="takes a list of schedulers, got StepLR"):
            make(s.StepLR(optimizer, 3))


def test_integers_of_numpy() -> None:
    scheduler = s.OneCycleLR(made(), 1.0, total_steps=np.int64(9))  # type: ignore[arg-type]
    assert json.dumps(scheduler.state_dict())


def test_a_scheduler_of_the_users_own_as_written_for_torch(torch: Any) -> None:
    def own(L: Any) -> Any:
        class Noam(L.optim.lr_scheduler._LRScheduler):  # type: ignore[misc]
            def __init__(self, optimizer: Any, warmup: int, last_epoch: int = -1) -> None:
                self.warmup = warmup
                super().__init__(optimizer, last_epoch)

            def get_lr(self) -> list[float]:
                assert self._get_lr_called_within_step
                t = max(1, self._step_count)
                return [base * min(t**-0.5, t * self.warmup**-1.5) for base in self.base_lrs]

        return Noam

    mine, theirs = own(tg)(made(), 4), own(torch)(made_by_torch(torch), 4)
    np.testing.assert_allclose(curve(mine, 20), curve(theirs, 20), rtol=1e-12)
    assert not mine._get_lr_called_within_step
    other = own(tg)(made(), 4)
    other.load_state_dict(theirs.state_dict())
    assert other.last_epoch == 19
