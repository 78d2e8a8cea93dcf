"""The state of an optimizer: what is none is refused before anything changes; what PyTorch takes is taken."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from optim.reference import feed, parameter

import tinygrad_cnn as tg
from tinygrad_cnn import optim
from tinygrad_cnn.tensors import Tensor


def adam() -> Any:
    p, q = parameter(np.ones(3)), parameter(np.ones((2, 2)))
    optimizer = optim.Adam([p, q], lr=0.1)
    feed(optimizer, [p, q], [[np.ones(3), np.ones((2, 2))]] * 2)
    return optimizer


def changed(path: tuple[Any, ...], value: Any) -> Any:
    """A change of one entry of a state; ``...`` takes it out."""

    def change(state: Any) -> Any:
        at = state
        for key in path[:-1]:
            at = at[key]
        if value is ...:
            del at[path[-1]]
        else:
            at[path[-1]] = value
        return state

    return change


STATE, GROUP = ("state", 0), ("param_groups", 0)
NONSENSE: list[tuple[Any, type[Exception], str]] = [
    (lambda _: None, TypeError, "expects a dict with the keys"),
    (changed(("state",), []), TypeError, "'state' must be a dict of dicts"),
    (changed(("state",), {0: 3}), TypeError, "'state' must be a dict of dicts"),
    (changed(("param_groups",), {}), TypeError, "'param_groups' must be a list of dicts"),
    (changed(("param_groups",), [3]), TypeError, "'param_groups' must be a list of dicts, each with a list 'params'"),
    (changed((*GROUP, "params"), ...), TypeError, "'param_groups' must be a list of dicts, each with a list 'params'"),
    (changed((*GROUP, "params"), [0, 0]), ValueError, "a parameter is given twice"),
    (changed((*GROUP, "params"), [0]), ValueError, r"with \[1\] parameters; this optimizer has 1 with \[2\]"),
    (changed((*GROUP, "lr"), ...), ValueError, "parameter group 0 has no 'lr'"),
    (changed((*GROUP, "betas"), ...), ValueError, "parameter group 0 has no 'betas'"),
    (changed((*GROUP, "lr"), "much"), TypeError, "lr must be a Python number, got str"),
    (changed((*GROUP, "lr"), math.nan), ValueError, "lr must be finite, got nan"),
    (changed((*GROUP, "eps"), -1.0), ValueError, "eps must be >= 0, got -1.0"),
    (changed((*GROUP, "betas"), [0.9]), ValueError, "betas must be two numbers"),
    (changed((*GROUP, "betas"), None), ValueError, "betas must be two numbers"),
    (changed((*GROUP, "amsgrad"), "yes"), ValueError, "amsgrad must be True or False, got 'yes'"),
    (changed((*STATE, "step"), -1), ValueError, "parameter 0: 'step' must be an integer >= 0, got -1"),
    (changed((*STATE, "step"), 2.5), ValueError, "parameter 0: 'step' must be an integer >= 0, got 2.5"),
    (changed((*STATE, "step"), math.nan), ValueError, "parameter 0: 'step' must be an integer >= 0, got nan"),
    (changed((*STATE, "step"), "two"), ValueError, "parameter 0: 'step' must be real numbers, got str"),
    (changed((*STATE, "step"), [1, 2]), ValueError, "parameter 0: 'step' must be one number"),
    (changed((*STATE, "step"), ...), ValueError, "parameter 0 has no 'step'"),
    (changed((*STATE, "exp_avg"), ...), ValueError, "parameter 0 has no 'exp_avg'"),
    (changed((*STATE, "exp_avg"), None), ValueError, "parameter 0 has no 'exp_avg'"),
    (changed((*STATE, "exp_avg"), Tensor(np.ones(2))), ValueError, r"'exp_avg' has shape \(2,\), the parameter \(3,\)"),
    (changed((*STATE, "exp_avg"), Tensor(np.ones(3, bool))), ValueError, "must be real numbers, got Tensor of"),
    (changed((*STATE, "exp_avg"), np.ones(3, complex)), ValueError, "'exp_avg' must be real numbers, got ndarray of"),
    (changed((*STATE, "exp_avg"), {"a": 1}), ValueError, "'exp_avg' must be real numbers, got dict of"),
    (changed((*STATE, "exp_avg"), "abc"), ValueError, "'exp_avg' must be real numbers, got str of"),
    (changed(("state", "x"), {"step": 1}), ValueError, "state for a parameter 'x', which is in no group"),
    (lambda _: optim.SGD([parameter(np.ones(3)), parameter(np.ones(4))], lr=0.1).state_dict(), ValueError,
     "parameter group 0 has no 'betas', 'eps'"),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(NONSENSE)))
def test_nonsense_is_refused_and_nothing_changes(i: int) -> None:
    change, error, text = NONSENSE[i]
    optimizer = adam()
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(error, match=text):
        optimizer.load_state_dict(change(copy.deepcopy(before)))
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    for k in (0, 1):
        assert after["state"][k]["step"] == before["state"][k]["step"]
        np.testing.assert_array_equal(after["state"][k]["exp_avg"].numpy(), before["state"][k]["exp_avg"].numpy())


@pytest.mark.parametrize("lr", [-0.01, 0.0, 3])
@pytest.mark.parametrize("cls", ["SGD", "Adam", "RMSprop", "LBFGS", "Rprop"])
def test_a_rate_that_a_schedule_took_below_zero(torch: Any, cls: str, lr: float) -> None:
    """It steps, saves and loads, as in PyTorch: only a new optimizer is not made with one."""
    found = []
    for L in (tg, torch):
        w, v = (L.nn.Parameter(L.tensor([1.0, 2.0])) for _ in range(2))
        o, other = getattr(L.optim, cls)([w], lr=0.1), getattr(L.optim, cls)([v], lr=0.1)
        o.param_groups[0]["lr"] = lr
        other.load_state_dict(o.state_dict())

        def closure(o: Any = other, v: Any = v) -> Any:
            o.zero_grad()
            loss = (v * v).sum()
            loss.backward()
            return loss

        closure()
        other.step(closure)
        found.append((other.param_groups[0]["lr"], v.tolist()))
    assert found[0][0] == found[1][0] == lr
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-6)


def test_a_rate_below_zero_steps_and_loads() -> None:
    p, q = parameter(np.ones(2)), parameter(np.ones(2))
    first, second = optim.SGD([p], lr=0.1), optim.SGD([q], lr=0.1)
    first.param_groups[0]["lr"] = -0.5
    feed(first, [p], [[np.ones(2)]])
    second.load_state_dict(first.state_dict())
    feed(second, [q], [[np.ones(2)]])
    assert p.tolist() == q.tolist() == [1.5, 1.5]
    with pytest.raises(ValueError, match=r"lr must be >= 0, got -0\.5"):
        optim.SGD([p], lr=-0.5)


RATES = ["SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "ASGD", "Rprop",
         "Adafactor"]  # fmt: skip


@pytest.mark.parametrize("cls", RATES)
def test_a_tensor_as_learning_rate(torch: Any, cls: str) -> None:
    """The same numbers as with a float, in PyTorch too; whoever holds the Tensor changes the rate."""
    found = []
    for L in (tg, torch):
        w = L.nn.Parameter(L.tensor([1.0, 2.0], dtype=L.float64))
        lr = L.tensor(0.1, dtype=L.float64)
        o = getattr(L.optim, cls)([w], lr=lr)
        way = []
        for k in range(4):
            w.grad = L.tensor([0.3, -0.2], dtype=L.float64) * (k + 1)
            o.step()
            lr.mul_(0.5)
            way.append(w.tolist())
        assert o.param_groups[0]["lr"] is lr
        found.append(way)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


def test_a_tensor_as_learning_rate_out_of_a_file() -> None:
    w = parameter(np.ones(2))
    lr = tg.tensor(0.5)
    first = optim.SGD([w], lr=lr)  # type: ignore[arg-type]
    state = copy.deepcopy(first.state_dict())
    again, plain = optim.SGD([w], lr=tg.tensor([7.0])), optim.SGD([w], lr=7.0)  # type: ignore[arg-type]
    again.load_state_dict(state)
    plain.load_state_dict(state)
    assert isinstance(again.param_groups[0]["lr"], Tensor)
    assert again.param_groups[0]["lr"].tolist() == [0.5]
    assert plain.param_groups[0]["lr"] == 0.5
    assert type(plain.param_groups[0]["lr"]) is float


@pytest.mark.parametrize(
    ("lr", "error", "text"),
    [
        (tg.ones(2), ValueError, r"lr as a Tensor must have one element, got shape \(2,\)"),
        (tg.tensor(-0.1), ValueError, "lr must be >= 0"),
        (tg.tensor(math.nan), ValueError, "lr must be finite, got nan"),
    ],
)
def test_tensors_that_are_no_learning_rate(lr: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        optim.SGD([parameter(np.ones(2))], lr=lr)


def test_what_is_not_here_says_why() -> None:
    with pytest.raises(AttributeError, match="no attribute 'SparseAdam': its gradients are sparse tensors"):
        _ = optim.SparseAdam
    with pytest.raises(AttributeError, match="no attribute 'Muon': PyTorch computes its steps in bfloat16"):
        _ = optim.Muon
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'$"):
        _ = optim.nothing
    assert not hasattr(optim, "SparseAdam")
