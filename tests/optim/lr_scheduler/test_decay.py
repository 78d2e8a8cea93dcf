"""Schedulers of one curve, in closed form and beside PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optim.lr_scheduler.curves import BASES, check_torch, curve, made

from tinygrad_cnn.optim import lr_scheduler as s

gammas = st.sampled_from([0.1, 0.5, 0.9, 0.999, 1.0, 1.05])
CURVES: dict[str, tuple[st.SearchStrategy[dict[str, Any]], Any]] = {  # arguments, and lr / base_lr at epoch t
    "StepLR": (
        st.fixed_dictionaries({"step_size": st.integers(1, 30), "gamma": gammas}),
        lambda t, step_size, gamma: gamma ** (t // step_size),
    ),
    "MultiStepLR": (
        st.fixed_dictionaries({"milestones": st.lists(st.integers(1, 60), max_size=6), "gamma": gammas}),
        lambda t, milestones, gamma: gamma ** sum(t >= m for m in milestones),
    ),
    "ConstantLR": (
        st.fixed_dictionaries({"factor": st.floats(0.01, 1), "total_iters": st.integers(1, 70)}),
        lambda t, factor, total_iters: factor if t < total_iters else 1,
    ),
    "LinearLR": (
        st.fixed_dictionaries(
            {"start_factor": st.floats(0.01, 1), "end_factor": st.floats(0, 1), "total_iters": st.integers(1, 70)}
        ),
        lambda t, start_factor, end_factor, total_iters: np.interp(t, [0, total_iters], [start_factor, end_factor]),
    ),
    "ExponentialLR": (st.fixed_dictionaries({"gamma": gammas}), lambda t, gamma: gamma**t),
    "PolynomialLR": (
        st.fixed_dictionaries({"total_iters": st.integers(1, 70), "power": st.sampled_from([0.5, 1.0, 2.0, 3.3])}),
        lambda t, total_iters, power: (1 - min(t, total_iters) / total_iters) ** power,
    ),
    "LambdaLR": (
        st.fixed_dictionaries({"lr_lambda": st.just(lambda t: 1 / (1 + t))}),
        lambda t, lr_lambda: lr_lambda(t),
    ),
    "MultiplicativeLR": (
        st.fixed_dictionaries({"lr_lambda": st.just(lambda t: 0.9 + t / 1000)}),
        lambda t, lr_lambda: math.prod(lr_lambda(i) for i in range(1, t + 1)),
    ),
}
cosines = st.fixed_dictionaries({"T_max": st.integers(1, 70), "eta_min": st.sampled_from([0.0, 0.001, 0.2])})
every_curve = pytest.mark.parametrize("name", list(CURVES))


@every_curve
@given(data=st.data())
def test_closed_form(name: str, data: Any) -> None:
    arguments, factor = CURVES[name]
    hyper = data.draw(arguments)
    got = curve(getattr(s, name)(made(), **hyper))
    want = [[base * factor(t, **hyper) for base in BASES] for t in range(len(got))]
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-15)


@given(hyper=cosines)
def test_cosine_closed_form(hyper: dict[str, Any]) -> None:
    got = curve(s.CosineAnnealingLR(made(), **hyper))
    low, period = hyper["eta_min"], hyper["T_max"]
    want = [[low + (b - low) * (1 + math.cos(math.pi * t / period)) / 2 for b in BASES] for t in range(len(got))]
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", [*CURVES, "CosineAnnealingLR"])
@given(data=st.data())
def test_like_torch(torch: Any, name: str, data: Any) -> None:
    arguments = cosines if name == "CosineAnnealingLR" else CURVES[name][0]
    check_torch(torch, name, **data.draw(arguments))


@pytest.mark.parametrize("name", [*CURVES, "CosineAnnealingLR"])
@given(data=st.data(), last_epoch=st.integers(0, 20))
def test_goes_on_from_a_last_epoch_like_torch(torch: Any, name: str, data: Any, last_epoch: int) -> None:
    arguments = cosines if name == "CosineAnnealingLR" else CURVES[name][0]
    check_torch(torch, name, last_epoch=last_epoch, **data.draw(arguments))


@every_curve
@given(data=st.data(), last_epoch=st.integers(0, 20))
def test_goes_on_from_a_last_epoch(name: str, data: Any, last_epoch: int) -> None:
    """Made with last_epoch=k, a scheduler stands at epoch k + 1. Some set its rate, some leave it, as PyTorch's do."""
    hyper = data.draw(CURVES[name][0])
    whole = curve(getattr(s, name)(made(), **hyper))
    optimizer = made()
    for group, base, lr in zip(optimizer.param_groups, BASES, whole[last_epoch], strict=True):
        group["initial_lr"], group["lr"] = base, lr
    scheduler = getattr(s, name)(optimizer, last_epoch=last_epoch, **hyper)
    assert scheduler.last_epoch == last_epoch + 1
    if name in ("StepLR", "MultiStepLR", "ConstantLR", "LambdaLR"):
        rest = whole[last_epoch + 1 :]
        np.testing.assert_allclose(curve(scheduler, len(rest)), rest, rtol=1e-10, atol=1e-15)
    else:
        assert scheduler.get_last_lr() == whole[last_epoch]


@pytest.mark.parametrize("name", [*(n for n in CURVES if n != "MultiplicativeLR"), "CosineAnnealingLR"])
@given(data=st.data(), epoch=st.integers(0, 60))
def test_a_jump_gives_the_closed_form(name: str, data: Any, epoch: int) -> None:
    hyper = data.draw(cosines if name == "CosineAnnealingLR" else CURVES[name][0])
    walked, jumped = getattr(s, name)(made(), **hyper), getattr(s, name)(made(), **hyper)
    jumped.optimizer.step()
    want = curve(walked, 61)[epoch]
    jumped.step(epoch)
    assert jumped.last_epoch == epoch
    np.testing.assert_allclose(jumped.get_last_lr(), want, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR"])
@given(data=st.data())
def test_what_others_do_to_lr_stays(name: str, data: Any) -> None:
    """Halved at epoch 10 from outside: half of the curve from there on."""
    hyper = data.draw(CURVES[name][0])
    alone = curve(getattr(s, name)(made(), **hyper))
    scheduler = getattr(s, name)(made(), **hyper)
    first = curve(scheduler, 11)
    for group in scheduler.optimizer.param_groups:
        group["lr"] /= 2
    rest = curve(scheduler, len(alone) - 10)[1:]
    np.testing.assert_allclose([*first, *(2 * np.array(rest))], alone, rtol=1e-10, atol=1e-15)


def test_a_learning_rate_set_after_the_end_stays() -> None:
    scheduler = s.PolynomialLR(made(), 5)
    assert curve(scheduler, 8)[-1] == [0, 0]
    scheduler.optimizer.param_groups[0]["lr"] = 0.3
    assert curve(scheduler, 5)[-1] == [0.3, 0]


def test_lambda_of_numpy_leaves_a_float() -> None:
    scheduler = s.LambdaLR(made(), [np.cos, lambda t: np.float32(t)])
    curve(scheduler, 3)
    assert [type(lr) for lr in scheduler.get_last_lr()] == [float, float]


class Counting:
    """A function of the epoch with a state of its own."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, t: int) -> float:
        self.calls += 1
        return 1 / (self.calls + t)


def test_a_step_size_may_be_a_float_that_is_whole() -> None:
    """Tutorials write StepLR(optimizer, 1.0), and a state saved there says 1.0."""
    as_float, as_int = s.StepLR(made(), 2.0, gamma=0.5), s.StepLR(made(), 2, gamma=0.5)  # type: ignore[arg-type]
    assert curve(as_float, 5) == curve(as_int, 5)
    resumed = s.StepLR(made(), 2, gamma=0.5)
    resumed.load_state_dict({**resumed.state_dict(), "step_size": 3.0})
    assert curve(resumed, 7) == curve(s.StepLR(made(), 3, gamma=0.5), 7)


@pytest.mark.parametrize("cls", [s.LambdaLR, s.MultiplicativeLR])
def test_the_state_of_callable_objects_is_kept(cls: Any) -> None:
    whole = cls(made(), [Counting(), math.exp])
    curve(whole, 10)
    state = whole.state_dict()
    assert state["lr_lambdas"][0] == {"calls": 10 if cls is s.LambdaLR else 9}
    assert state["lr_lambdas"][1] is None
    resumed = cls(made(whole.optimizer), [Counting(), math.exp])
    resumed.optimizer.load_state_dict(whole.optimizer.state_dict())
    resumed.load_state_dict(state)
    assert curve(whole, 10) == curve(resumed, 10)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda o: s.StepLR(o, 0), ValueError, "step_size must be an integer >= 1, got 0"),
        (lambda o: s.StepLR(o, 1.5), ValueError, "step_size must be an integer >= 1, got 1.5"),
        (lambda o: s.StepLR(o, True), ValueError, "step_size must be an integer >= 1, got True"),
        (lambda o: s.MultiStepLR(o, [3, -1]), ValueError, "each milestone must be an integer >= 0, got -1"),
        (lambda o: s.ConstantLR(o, 1.5), ValueError, "factor must be a number from 0 to 1 without 0, got 1.5"),
        (lambda o: s.ConstantLR(o, 0), ValueError, "factor must be a number from 0 to 1 without 0, got 0"),
        (lambda o: s.ConstantLR(o, total_iters=0), ValueError, "total_iters must be an integer >= 1, got 0"),
        (lambda o: s.LinearLR(o, 0), ValueError, "start_factor must be a number from 0 to 1 without 0, got 0"),
        (lambda o: s.LinearLR(o, "a"), ValueError, "start_factor must be a number from 0 to 1 without 0, got 'a'"),
        (lambda o: s.LinearLR(o, 1, 1.1), ValueError, "end_factor must be a number from 0 to 1, got 1.1"),
        (lambda o: s.LinearLR(o, total_iters=0), ValueError, "total_iters must be an integer >= 1, got 0"),
        (lambda o: s.PolynomialLR(o, 0), ValueError, "total_iters must be an integer >= 1, got 0"),
        (lambda o: s.CosineAnnealingLR(o, 0), ValueError, "T_max must be > 0, got 0"),
        (lambda o: s.LambdaLR(o, [math.cos]), ValueError, r"lr_lambda has 1 values, but .* has 2 parameter group"),
        (lambda o: s.LambdaLR(o, 3), TypeError, "lr_lambda must be a function of the epoch, got int"),
    ],
)
def test_bad_arguments(make: Any, error: Any, text: str) -> None:
    optimizer = made()
    with pytest.raises(error, match=text):
        make(optimizer)
    assert [group["lr"] for group in optimizer.param_groups] == BASES
    assert "initial_lr" not in optimizer.param_groups[0]
