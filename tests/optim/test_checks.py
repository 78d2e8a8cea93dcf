"""Hyper-parameters out of range, and PyTorch's switches, at the door of every optimizer."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
from optim.reference import parameter

from tinygrad_cnn import optim
from tinygrad_cnn.tensors import Tensor

NON_NEGATIVE = {
    optim.SGD: ["lr", "momentum", "weight_decay"],
    optim.Adam: ["lr", "eps", "weight_decay"],
    optim.AdamW: ["lr", "eps", "weight_decay"],
    optim.NAdam: ["lr", "eps", "weight_decay", "momentum_decay"],
    optim.RAdam: ["lr", "eps", "weight_decay"],
    optim.RMSprop: ["lr", "alpha", "eps", "weight_decay", "momentum"],
    optim.Adagrad: ["lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"],
    optim.Adadelta: ["lr", "rho", "eps", "weight_decay"],
    optim.Lion: ["lr", "weight_decay"],
    optim.Adamax: ["lr", "eps", "weight_decay"],
    optim.ASGD: ["lr", "weight_decay"],
    optim.Rprop: ["lr"],
    optim.Adafactor: ["lr", "weight_decay"],
    optim.LBFGS: ["lr"],
}
WITH_BETAS = [optim.Adam, optim.AdamW, optim.NAdam, optim.RAdam, optim.Lion, optim.Adamax]
SWITCHES = {
    optim.SGD: ["foreach", "differentiable", "fused"],
    optim.Adam: ["foreach", "capturable", "differentiable", "fused"],
    optim.AdamW: ["foreach", "capturable", "differentiable", "fused"],
    optim.NAdam: ["foreach", "capturable", "differentiable"],
    optim.RAdam: ["foreach", "capturable", "differentiable"],
    optim.RMSprop: ["foreach", "capturable", "differentiable"],
    optim.Adagrad: ["foreach", "differentiable", "fused"],
    optim.Adadelta: ["foreach", "capturable", "differentiable"],
    optim.Adamax: ["foreach", "capturable", "differentiable"],
    optim.ASGD: ["foreach", "capturable", "differentiable"],
    optim.Rprop: ["foreach", "capturable", "differentiable"],
    optim.Adafactor: ["foreach"],
}
names = [
    pytest.param(cls, name, id=f"{cls.__name__}-{name}")
    for cls, all_names in NON_NEGATIVE.items()
    for name in all_names
]
switches = [pytest.param(cls, name, id=f"{cls.__name__}-{name}") for cls, some in SWITCHES.items() for name in some]


@pytest.mark.parametrize(("cls", "name"), names)
def test_numbers(cls: Any, name: str) -> None:
    p = parameter(np.ones(2))
    for value in (-1, -1e-9):
        with pytest.raises(ValueError, match=rf"{name} must be .*, got {value}"):
            cls([p], **{name: value})
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match=rf"{name} must be finite, got {value}"):
            cls([p], **{name: value})
    for value in ("0.1", None, *[Tensor(np.array(0.1))] * (name != "lr"), [0.1]):
        with pytest.raises(TypeError, match=rf"{name} must be a Python number, got {type(value).__name__}"):
            cls([p], **{name: value})
    cls([p], **{name: 0})


@pytest.mark.parametrize("cls", WITH_BETAS)
@pytest.mark.parametrize(
    "betas", [(-0.1, 0.9), (0.9, 1.0), (0.9,), (0.9, 0.9, 0.9), 0.9, ("a", 0.9), None, (math.nan, 0.9)]
)
def test_betas(cls: Any, betas: Any) -> None:
    with pytest.raises(ValueError, match=r"betas must be two numbers in \[0, 1\), got"):
        cls([parameter(np.ones(2))], betas=betas)


@pytest.mark.parametrize(("cls", "name"), switches)
def test_switches(cls: Any, name: str) -> None:
    p = parameter(np.ones(2))
    if name == "differentiable":
        with pytest.raises(ValueError, match=r"differentiable=True is not supported: .* with tensors \(w - lr \* g"):
            cls([p], **{name: True})
    for value in (None, False, *[True] * (name != "differentiable")):
        optimizer = cls([p], **{name: value})
        assert optimizer.param_groups[0][name] is value
        optimizer.step()
    with pytest.raises(TypeError, match=f"{name} must be True, False or None, got 'yes'"):
        cls([p], **{name: "yes"})


def test_two_ways_at_once(torch: Any) -> None:
    for make, p in ((optim.Adam, parameter(np.ones(2))), (torch.optim.Adam, torch.nn.Parameter(torch.ones(2)))):
        with pytest.raises(RuntimeError, match="foreach"):
            make([p], foreach=True, fused=True)


def test_dampening_is_a_number() -> None:
    with pytest.raises(TypeError, match="dampening must be a Python number, got str"):
        optim.SGD([parameter(np.ones(2))], dampening="much")  # type: ignore[arg-type]


@pytest.mark.parametrize(("cls", "name"), names)
def test_as_torch_refuses(torch: Any, cls: Any, name: str) -> None:
    """The same range as PyTorch's, tried at both its ends."""
    if cls is optim.Lion:
        assert not hasattr(torch.optim, "Lion")
        return
    for value in (-1.0, -1e-9, 0.0, 0.5, 1.0, 1.5, 7.0):
        outcomes = []
        for make, p in (
            (cls, parameter(np.ones(2))),
            (getattr(torch.optim, cls.__name__), torch.nn.Parameter(torch.ones(2))),
        ):
            try:
                make([p], **{name: value})
                outcomes.append("accepted")
            except ValueError:
                outcomes.append("refused")
        assert outcomes[0] == outcomes[1], value


@pytest.mark.parametrize("cls", [cls for cls in WITH_BETAS if cls is not optim.Lion])
@pytest.mark.parametrize("betas", [(0.0, 0.0), (0.5, 1.0), (1.0, 0.5), (-0.1, 0.5), (0.999, 0.0)])
def test_betas_as_torch_refuses(torch: Any, cls: Any, betas: tuple[float, float]) -> None:
    outcomes = []
    for make, p in (
        (cls, parameter(np.ones(2))),
        (getattr(torch.optim, cls.__name__), torch.nn.Parameter(torch.ones(2))),
    ):
        try:
            make([p], betas=betas)
            outcomes.append("accepted")
        except ValueError:
            outcomes.append("refused")
    assert outcomes[0] == outcomes[1]


DEFAULTS: dict[str, dict[str, Any]] = {  # PyTorch's; Lion's those of its paper
    "SGD": {"lr": 1e-3, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False},
    "Adam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False,
             "decoupled_weight_decay": False},
    "AdamW": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2, "amsgrad": False,
              "decoupled_weight_decay": True},
    "NAdam": {"lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "momentum_decay": 4e-3,
              "decoupled_weight_decay": False},
    "RAdam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "decoupled_weight_decay": False},
    "RMSprop": {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0, "centered": False},
    "Adagrad": {"lr": 1e-2, "lr_decay": 0, "weight_decay": 0, "initial_accumulator_value": 0, "eps": 1e-10},
    "Adadelta": {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0},
    "Adamax": {"lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0},
    "ASGD": {"lr": 1e-2, "lambd": 1e-4, "alpha": 0.75, "t0": 1e6, "weight_decay": 0},
    "Rprop": {"lr": 1e-2, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50)},
    "Adafactor": {"lr": 1e-2, "beta2_decay": -0.8, "eps": (None, 1e-3), "d": 1.0, "weight_decay": 0.0},
    "Lion": {"lr": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0},
    "LBFGS": {"lr": 1, "max_iter": 20, "max_eval": 25, "tolerance_grad": 1e-7, "tolerance_change": 1e-9,
              "history_size": 100, "line_search_fn": None},
}  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
def test_what_is_taken_where_nothing_is_given(name: str) -> None:
    """And what the group of a new optimizer holds: these, and PyTorch's switches, none of which is on."""
    optimizer = getattr(optim, name)([parameter(np.ones(2))])
    [group] = optimizer.param_groups
    rest = {key: value for key, value in group.items() if key not in DEFAULTS[name] and key != "params"}
    assert (
        {key: group[key] for key in DEFAULTS[name]}
        == DEFAULTS[name]
        == {k: optimizer.defaults[k] for k in DEFAULTS[name]}
    )
    assert set(rest) <= {"maximize", "foreach", "capturable", "differentiable", "fused"}
    assert not any(rest.values())
    for flag, value in rest.items():
        assert value is inspect.signature(getattr(optim, name)).parameters[flag].default
    assert (optimizer.steps_taken, dict(optimizer.state)) == (0, {})


@pytest.mark.parametrize(
    ("name", "argument", "taken", "refused", "words"),
    [
        ("SGD", "dampening", [-1.0, 0, 2], [math.nan, math.inf], "dampening must be finite"),
        ("Adadelta", "rho", [0, 0.5, 1], [-1e-9, 1 + 1e-9], r"rho must be in \[0, 1\], got"),
        ("ASGD", "lambd", [-1, 0, 1], [math.nan], "lambd must be finite"),
        ("ASGD", "alpha", [-1, 0, 1], [math.inf], "alpha must be finite"),
        ("ASGD", "t0", [-1, 0, 1], [math.nan], "t0 must be finite"),
        ("Rprop", "etas", [(1e-9, 1 + 1e-9), (0.5, 9)], [(0, 1.2), (1, 1.2), (0.5, 1), (0.5, math.inf), (-0.5, 1.2)],
         "etas must be two numbers with 0"),
        ("Rprop", "etas", [[0.5, 1.2]], [0.5, (0.5,), (0.1, 0.5, 1.2), ("a", 1.2), None], "etas must be two numbers"),
        ("Rprop", "step_sizes", [(1, 1), (0, 50), (-1, math.inf)], [(2, 1), (-math.inf, 1), (math.nan, 1), (1,
         math.nan)],
         "step_sizes must be the smallest and the largest"),
        ("Rprop", "step_sizes", [], [3, (1,), (1, 2, 3), ("a", 2)], "step_sizes must be two numbers, got"),
        ("Adafactor", "beta2_decay", [0, -0.8, -5], [1e-9, 0.5], "beta2_decay must be <= 0, got"),
        ("Adafactor", "d", [1, 1.0, 3], [1 - 1e-9, 0], "d must be >= 1, got"),
        ("Adafactor", "eps", [(None, 0), (0, 0), (1e-9, 1)],
         [(-1e-9, 1), (None, -1e-9), (math.inf, 1), (1, math.inf), (0.1, None), (1,), 3, (1, 2, 3)],
         "eps must be"),
        ("LBFGS", "max_iter", [0, 1], [-1, True, 1.5], "max_iter must be an integer >= 0, got"),
        ("LBFGS", "max_eval", [0, 1], [-1, True, 1.5], "max_eval must be an integer >= 0, got"),
        ("LBFGS", "history_size", [1, 5], [0, True, 1.5], "history_size must be an integer >= 1, got"),
        ("LBFGS", "tolerance_grad", [-1.0, 0], [math.nan, math.inf], "tolerance_grad must be finite"),
        ("LBFGS", "tolerance_change", [-1.0, 0], [math.nan], "tolerance_change must be finite"),
        ("LBFGS", "line_search_fn", [None, "strong_wolfe"], ["wolfe", True], "line_search_fn must be None or"),
        *((cls.__name__, "betas", [(0, 0), (1 - 1e-9, 0.5), [0.9, 0.99]], [(1, 0.5), (0.5, 1), (-1e-9, 0.5)],
           r"betas must be two numbers in \[0, 1\), got") for cls in WITH_BETAS),
    ],
)  # fmt: skip
def test_both_sides_of_a_bound(name: str, argument: str, taken: list[Any], refused: list[Any], words: str) -> None:
    """When an optimizer is made, and where somebody has written into a group since."""
    for value in taken:
        getattr(optim, name)([parameter(np.ones(2))], **{argument: value})
    for value in refused:
        with pytest.raises(ValueError, match=words):
            getattr(optim, name)([parameter(np.ones(2))], **{argument: value})
        p = parameter(np.ones(2))
        optimizer = getattr(optim, name)([p])
        optimizer.param_groups[0][argument] = value
        p.grad = Tensor(np.ones(2))
        with pytest.raises(ValueError, match=words):
            optimizer.step(lambda p=p: (p * p).sum()) if name == "LBFGS" else optimizer.step()
        assert p.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("momentum", "dampening", "taken"),
    [(0.9, 0, True), (1e-9, 0.0, True), (0, 0, False), (0.9, 0.1, False), (0.9, -1, False)],
)
def test_nesterov_needs_momentum_and_no_dampening(momentum: float, dampening: float, taken: bool) -> None:
    given = {"momentum": momentum, "dampening": dampening}
    if taken:
        optim.SGD([parameter(np.ones(2))], nesterov=True, **given)
    else:
        words = f"nesterov needs momentum > 0 and dampening 0, got momentum {momentum} and dampening {dampening}"
        with pytest.raises(ValueError, match=words):
            optim.SGD([parameter(np.ones(2))], nesterov=True, **given)
    optim.SGD([parameter(np.ones(2))], nesterov=False, **given)


def test_a_learning_rate_may_fall_below_zero_by_a_schedule() -> None:
    """The step is taken up the slope then; what else is in the group is still checked."""
    p = parameter(np.ones(2))
    optimizer = optim.SGD([p], lr=1.0)
    optimizer.param_groups[0]["lr"] = -0.5
    p.grad = Tensor(np.ones(2))
    optimizer.step()
    assert p.tolist() == [1.5, 1.5]
    optimizer.param_groups[0]["momentum"] = -1
    with pytest.raises(ValueError, match="momentum must be >= 0"):
        optimizer.step()
    assert p.tolist() == [1.5, 1.5]
    optimizer.param_groups[0].update(lr=math.nan, momentum=0)
    with pytest.raises(ValueError, match="lr must be finite, got nan"):
        optimizer.step()


def test_the_evaluations_of_lbfgs_follow_from_its_iterations() -> None:
    for iterations, evaluations in ((20, 25), (4, 5), (3, 3), (1, 1), (0, 0), (7, 8)):
        assert optim.LBFGS([parameter(np.ones(1))], max_iter=iterations).param_groups[0]["max_eval"] == evaluations
    assert optim.LBFGS([parameter(np.ones(1))], max_iter=8, max_eval=3).param_groups[0]["max_eval"] == 3
