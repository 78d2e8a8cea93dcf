"""Gradients of gradients make a compiled call once more, as it was: with modes, buffers, dice, arguments of then."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.compiler.test_compile import planned
from tinygrad_cnn import nn
from tinygrad_cnn.compiler import CompileWarning
from tinygrad_cnn.nn import functional as F

pytestmark = pytest.mark.filterwarnings("error::tinygrad_cnn.compiler.CompileWarning")


class Averaging(nn.Module):
    """Multiplies by a buffer that the call moves afterwards."""

    mean: tg.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)
        self.register_buffer("mean", tg.ones(3))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        y = self.inner(x) * self.mean.clone() * x
        with tg.no_grad():
            self.mean.mul_(0.5).add_(x.detach().mean(0) * 0.5)
        return y


NETS: dict[str, Callable[[], Any]] = {
    "batch-norm": lambda: nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 2)),
    "dropout": lambda: nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.Tanh(), nn.Linear(3, 2)),
    "a buffer that is read and moved": Averaging,
}
DATA = [np.random.default_rng(k).standard_normal((4, 3)) for k in range(4)]


def given(k: int) -> Any:
    return tg.tensor(DATA[k], requires_grad=True)


def twins(make: Callable[[], Any], training: bool = True) -> tuple[Any, Any, Any]:
    """A net; a copy, compiled, that has a plan and stands as the first does; and that copy itself."""
    tg.manual_seed(0)
    net = make().double().train(training)
    twin = copy.deepcopy(net)
    fast = tg.compile(twin)
    state = copy.deepcopy(twin.state_dict())
    for _ in range(2):
        fast(given(3)).sum()
    twin.load_state_dict(state)
    assert planned(fast) == 1
    return net, fast, twin


def penalty(y: Any, x: Any, net: Any) -> list[Any]:
    """Of the second order: gradients, and the buffers afterwards."""
    (slope,) = tg.autograd.grad(y.square().sum(), x, create_graph=True)
    net.zero_grad()
    (slope.square().sum() + y.sum()).backward()
    return [x.grad, *(p.grad for p in net.parameters()), *net.buffers()]


def close(a: list[Any], b: list[Any]) -> None:
    for p, q in zip(a, b, strict=True):
        assert (p is None) is (q is None)
        if p is not None:
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("between", ["nothing", "calls", "another mode", "other dice"])
def test_the_call_is_made_as_it_was(name: str, between: str) -> None:
    """Whatever calls, modes and dice came since: statistics are neither read as they are now, nor moved twice."""
    net, fast, twin = twins(NETS[name])
    found = []
    for model, own in ((net, net), (fast, twin)):
        tg.manual_seed(5)
        x = given(0)
        y = model(x)
        if between == "calls":
            model(given(1))
            model(given(2)).sum().backward()
        elif between == "another mode":
            own.eval()
        elif between == "other dice":
            tg.rand(5)
        found.append([*penalty(y, x, own), tg.rand(1).double()])
    close(*found)
    assert [m.training for m in net.modules()] == [m.training for m in twin.modules()]


def test_an_argument_written_into_since_that_was_let_go() -> None:
    """As it is, the graph keeps the old memory; so does the call that is made once more."""
    found = []
    net, fast, twin = twins(NETS["batch-norm"])
    for _ in range(2):
        fast(given(1) * 1)
    twin.load_state_dict(net.state_dict())
    for model, own in ((net, net), (fast, twin)):
        x = given(0)
        inner = x * 1
        y = model(inner)
        inner.mul_(2)
        found.append(penalty(y, x, own))
    close(*found)


def changed(what: str, net: Any) -> None:
    with tg.no_grad():
        if what == "a weight":
            net[0].weight.add_(1)
        elif what == "a bias":
            net[0].bias.add_(1)
        elif what == "statistics":
            net[1].running_mean.add_(1)
        elif what == "a buffer replaced":
            net[1].running_mean = tg.ones(3, dtype=tg.float64)
        elif what == "a setting":
            net[1].eps = 0.5


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("a weight", "was changed in place"),
        ("a bias", "was changed in place"),
        ("statistics", "was changed in place"),
        ("a buffer replaced", r"BatchNorm1d\.running_mean was changed since; take it before"),
        ("a setting", r"BatchNorm1d\.eps was changed since; take it before"),
    ],
)
def test_what_cannot_be_set_back_is_refused(what: str, why: str) -> None:
    """Never wrong: what the call read is another now, and a plan keeps no copies."""
    _, fast, twin = twins(NETS["batch-norm"], training=False)
    x = given(0)
    y = fast(x)
    changed(what, twin)
    with pytest.raises(RuntimeError, match=why):
        tg.autograd.grad(y.sum(), x, create_graph=True)
    y = fast(x)
    assert tg.autograd.grad(y.sum(), x, create_graph=True)[0].requires_grad


def test_of_the_first_order_nothing_more_is_refused_than_ever() -> None:
    """A bias that no gradient rule reads may change between."""
    found = []
    net, fast, twin = twins(NETS["batch-norm"])
    for model, own in ((net, net), (fast, twin)):
        x = given(0)
        y = model(x)
        changed("a bias", own)
        own.zero_grad()
        y.square().sum().backward()
        found.append([x.grad, *(p.grad for p in own.parameters())])
    close(*found)


def test_a_buffer_that_the_gradient_needs_and_the_call_overwrites() -> None:
    """Refused, as without a plan."""

    class Net(Averaging):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            y = self.inner(x) * self.mean
            with tg.no_grad():
                self.mean.mul_(0.5)
            return y

    net = Net()
    for model in (net, tg.compile(net)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CompileWarning)
            results = [model(tg.ones(2, 3)) for _ in range(3)]
        for y in results:
            with pytest.raises(RuntimeError, match="in place"):
                y.sum().backward()


def test_a_loop_over_masks_and_their_gradients() -> None:
    """Where numbers decide on shapes on the way back, too."""

    def program(x: tg.Tensor) -> tg.Tensor:
        return (x[x > 0] * 2).square().sum() + F.relu(x).sum()

    compiled = tg.compile(program)
    for k in range(12):
        a = np.random.default_rng(k).standard_normal(6)
        found = []
        for f in (program, compiled):
            x = tg.tensor(a, requires_grad=True)
            y = f(x)
            y.backward()
            found.append((y.item(), x.grad.tolist()))
        assert found[0] == found[1]
