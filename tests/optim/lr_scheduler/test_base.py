"""What all schedulers share: starting, resuming, warning, refusing."""

from __future__ import annotations

import copy
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optim.lr_scheduler.curves import BASES, curve, made, made_by_torch

from tinygrad_cnn import optim
from tinygrad_cnn.io import load, save
from tinygrad_cnn.optim import lr_scheduler as s
from tinygrad_cnn.tensors import Tensor

MAKERS = {
    "StepLR": lambda o: s.StepLR(o, 7),
    "MultiStepLR": lambda o: s.MultiStepLR(o, [20, 5, 5]),
    "ConstantLR": lambda o: s.ConstantLR(o, 0.5, 12),
    "LinearLR": lambda o: s.LinearLR(o, 0.1, 0.7, 12),
    "ExponentialLR": lambda o: s.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: s.PolynomialLR(o, 15, 2.0),
    "LambdaLR": lambda o: s.LambdaLR(o, lambda t: 1 / (1 + t)),
    "MultiplicativeLR": lambda o: s.MultiplicativeLR(o, lambda t: 0.9 + t / 1000),
    "CosineAnnealingLR": lambda o: s.CosineAnnealingLR(o, 8, 0.001),
    "CosineAnnealingWarmRestarts": lambda o: s.CosineAnnealingWarmRestarts(o, 5, 2),
    "OneCycleLR": lambda o: s.OneCycleLR(o, [1.0, 2.0], 40),
    "CyclicLR": lambda o: s.CyclicLR(o, 0.1, 1.0, 5, mode="triangular2"),
    "SequentialLR": lambda o: s.SequentialLR(o, [s.LinearLR(o, 0.1), s.ExponentialLR(o, 0.9)], [4]),
    "ChainedScheduler": lambda o: s.ChainedScheduler([s.LinearLR(o, 0.1), s.ExponentialLR(o, 0.9)]),
}
every_maker = pytest.mark.parametrize("name", list(MAKERS))


def test_each_scheduler_is_here() -> None:
    assert set(s.__all__) - set(MAKERS) == {"LRScheduler", "ReduceLROnPlateau"}


@every_maker
@pytest.mark.parametrize("at", [1, 6, 13])
def test_resumed_goes_on_exactly(name: str, at: int) -> None:
    whole = MAKERS[name](made())
    curve(whole, at)
    saved = json.loads(json.dumps([whole.state_dict(), whole.optimizer.state_dict()]))
    resumed = MAKERS[name](made())
    resumed.load_state_dict(saved[0])
    resumed.optimizer.load_state_dict(saved[1])
    assert resumed.get_last_lr() == whole.get_last_lr()
    assert curve(resumed, 20, "momentum") == curve(whole, 20, "momentum")


@every_maker
def test_resumed_from_a_file(name: str, tmp_path: Path) -> None:
    whole = MAKERS[name](made())
    curve(whole, 6)
    save([whole.state_dict(), whole.optimizer.state_dict()], tmp_path / "state")
    saved = load(tmp_path / "state")
    resumed = MAKERS[name](made())
    resumed.load_state_dict(saved[0])
    resumed.optimizer.load_state_dict(saved[1])
    assert curve(resumed, 20, "momentum") == curve(whole, 20, "momentum")


@every_maker
def test_the_state_is_a_copy(name: str) -> None:
    scheduler = MAKERS[name](made())
    state = scheduler.state_dict()
    kept = copy.deepcopy(state)
    curve(scheduler, 9)
    assert state == kept
    scheduler.load_state_dict(state)
    curve(scheduler, 9)
    assert state == kept
    for value in scheduler.state_dict().values():
        if isinstance(value, list):
            value.append("spoilt")
    assert "spoilt" not in str(scheduler.state_dict())


@every_maker
def test_a_state_of_another_scheduler_is_refused(name: str) -> None:
    scheduler = MAKERS[name](made())
    before = scheduler.state_dict()
    other = s.ReduceLROnPlateau(made()).state_dict()
    with pytest.raises(ValueError, match=rf"{name}"):
        scheduler.load_state_dict(other)
    assert scheduler.state_dict() == before


def test_the_refusal_names_the_keys() -> None:
    state = s.StepLR(made(), 3).state_dict()
    with pytest.raises(
        ValueError,
        match=r"no state of a PolynomialLR: missing \['power', 'total_iters'\], unexpected \['gamma', 'step_size'\]",
    ):
        s.PolynomialLR(made(), 3).load_state_dict(state)


def test_a_state_of_torch_is_taken(torch: Any) -> None:
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(made_by_torch(torch), 8)
    curve(theirs, 5)
    ours = s.CosineAnnealingLR(made(), 3)
    ours.load_state_dict(theirs.state_dict())
    ours.optimizer.load_state_dict(theirs.optimizer.state_dict())
    np.testing.assert_allclose(curve(ours, 20), curve(theirs, 20), rtol=1e-10, atol=1e-14)


def test_initial_lr_is_kept_from_the_first_scheduler() -> None:
    optimizer = made()
    s.ConstantLR(optimizer, 0.5)
    second = s.ExponentialLR(optimizer, 0.9)
    assert second.base_lrs == [group["initial_lr"] for group in optimizer.param_groups] == BASES
    assert [group["lr"] for group in optimizer.param_groups] == [lr / 2 for lr in BASES]


def test_going_on_needs_initial_lr() -> None:
    with pytest.raises(
        KeyError, match="parameter group 0 has no 'initial_lr', needed to go on from last_epoch=4: load the"
    ):
        s.StepLR(made(), 3, last_epoch=4)


def test_get_last_lr_is_a_copy() -> None:
    scheduler = s.StepLR(made(), 3)
    scheduler.get_last_lr()[0] = 77
    assert scheduler.get_last_lr() == BASES


@pytest.mark.parametrize(
    "make",
    [
        lambda o: s.StepLR(o, 3),
        lambda o: s.LambdaLR(o, float),
        lambda o: s.CyclicLR(o, 0.1, 1),
        lambda o: s.OneCycleLR(o, 1, 10),
        lambda o: s.ReduceLROnPlateau(o),
        lambda o: s.CosineAnnealingWarmRestarts(o, 10),
    ],
)
def test_needs_an_optimizer(make: Any) -> None:
    with pytest.raises(TypeError, match="a scheduler takes an Optimizer, got list"):
        make([])


def test_one_of_the_users_own() -> None:
    class Halving(s.LRScheduler):
        def get_lr(self) -> list[float]:
            return [base * 0.5**self.last_epoch for base in self.base_lrs]

    assert curve(Halving(made()), 3) == [[lr / 2**t for lr in BASES] for t in range(3)]
    with pytest.raises(NotImplementedError, match="LRScheduler does not define get_lr"):
        s.LRScheduler(made())


class TestWarning:
    def fresh(self) -> optim.Optimizer:
        return optim.SGD([Tensor(np.zeros(1), requires_grad=True)], lr=1.0)

    def test_scheduler_before_optimizer(self) -> None:
        scheduler = s.StepLR(self.fresh(), 3)
        with pytest.warns(UserWarning, match=r"scheduler.step\(\) came before optimizer.step\(\)") as caught:
            scheduler.step()
        assert caught[0].filename == __file__

    def test_steps_before_the_scheduler_was_made_do_not_count(self) -> None:
        optimizer = self.fresh()
        optimizer.step()
        scheduler = s.StepLR(optimizer, 3)
        with pytest.warns(UserWarning, match="came before"):
            scheduler.step()

    def test_in_order(self) -> None:
        optimizer = self.fresh()
        scheduler = s.StepLR(optimizer, 3)
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            scheduler.step()
            scheduler.step()

    def test_an_optimizer_with_a_step_of_its_own(self) -> None:
        class Own(optim.Optimizer):
            def step(self, closure: Any = None) -> None:
                pass

        optimizer = Own([Tensor(np.zeros(1), requires_grad=True)], {"lr": 1.0})
        scheduler = s.StepLR(optimizer, 3)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            scheduler.step()


def test_a_group_added_later_follows_along() -> None:
    optimizer = made()
    scheduler = s.ExponentialLR(optimizer, 0.5)
    optimizer.add_param_group({"params": Tensor(np.zeros(1), requires_grad=True), "lr": 3.0})
    optimizer.step()
    scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.005, 1.5]
