"""Hyper-parameters out of range, and PyTorch's switches, at the door of every optimizer."""

from __future__ import annotations

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
