"""Which steps become one, which do not, and that a net trains and predicts the same with and without."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.arrays import threads
from tinygrad_cnn.compiler import fusions
from tinygrad_cnn.compiler.planners import epilogue
from tinygrad_cnn.nn import functional as F

WHOLE = "conv2d + relu + max_pool2d"


class Net(nn.Module):
    """A net by its forward, which gets the layers by name."""

    def __init__(self, forward: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.how = forward

    def forward(self, x: tg.Tensor) -> Any:
        return self.how(self, x)


def conv(C: int = 1, O: int = 4, k: int = 3, **settings: Any) -> nn.Conv2d:
    return nn.Conv2d(C, O, k, padding=k // 2, **settings)


def pooled(x: Any) -> Any:
    return F.max_pool2d(x, 2)


CASES: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "LeNet": (
        lambda: nn.Sequential(conv(), nn.ReLU(), nn.MaxPool2d(2), conv(4, 6), nn.ReLU(), nn.MaxPool2d(2)),
        [WHOLE, WHOLE],
    ),
    "many channels": (
        lambda: nn.Sequential(conv(1, 32), nn.ReLU(), conv(32, 32), nn.ReLU(), nn.MaxPool2d(2)),
        ["conv2d + relu", WHOLE],
    ),
    "no bias": (lambda: nn.Sequential(conv(bias=False), nn.ReLU(), nn.MaxPool2d(2)), [WHOLE]),
    "no relu": (lambda: nn.Sequential(conv(), nn.MaxPool2d(2)), ["conv2d + max_pool2d"]),
    "windows that overlap": (
        lambda: nn.Sequential(conv(), nn.ReLU(), nn.MaxPool2d(3, stride=2)),
        ["conv2d + relu", "max_pool2d"],
    ),
    "padded windows": (
        lambda: nn.Sequential(conv(), nn.ReLU(), nn.MaxPool2d(2, padding=1)),
        ["conv2d + relu", "max_pool2d"],
    ),
    "groups": (lambda: nn.Sequential(conv(), conv(4, 4, groups=2), nn.ReLU()), ["conv2d", "conv2d", "relu"]),
    "one layer twice": (
        lambda: Net(lambda m, x: pooled(F.relu(m.a(F.relu(m.a(m.first(x)))))), first=conv(), a=conv(4, 4)),
        ["conv2d", "conv2d + relu", WHOLE],
    ),
    "two of one image": (lambda: Net(lambda m, x: m.a(x) * m.b(x), a=conv(), b=conv()), ["conv2d", "conv2d", "mul"]),
    "the bent image is read twice": (
        lambda: Net(lambda m, x: pooled(y := F.relu(m.a(x))) + y[..., :12:2, ::2], a=conv()),
        ["conv2d + relu", "max_pool2d", "add"],
    ),
    "the plain image is returned": (
        lambda: Net(lambda m, x: [y := m.a(x), F.relu(y)], a=conv()),
        ["conv2d", "relu"],
    ),
    "the bent image is returned": (
        lambda: Net(lambda m, x: [y := F.relu(m.a(x)), pooled(y)], a=conv()),
        ["conv2d + relu", "max_pool2d"],
    ),
    "frozen": (
        lambda: nn.Sequential(conv().requires_grad_(False), nn.ReLU(), nn.MaxPool2d(2), conv(4, 4), nn.ReLU()),
        [WHOLE, "conv2d + relu"],
    ),
    "frozen kernels": (
        lambda: Net(
            lambda m, x: pooled(F.relu(m.b(m.a(x)))), a=conv(), b=conv(4, 4).requires_grad_(False)
        ),
        ["conv2d", WHOLE],
    ),
    "strides": (
        lambda: nn.Sequential(conv(stride=2), nn.ReLU(), conv(4, 32, 1, stride=2), nn.ReLU()),
        ["conv2d + relu"] * 2,
    ),
}  # fmt: skip


def results(y: Any) -> list[tg.Tensor]:
    return list(y) if isinstance(y, list) else [y]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_a_net_is_the_same_with_its_steps_fused(name: str, dtype: Any) -> None:
    make, ops = CASES[name]
    tg.manual_seed(0)
    net = make().to(dtype)
    fast = tg.compile(copy.deepcopy(net))
    rng, digits = np.random.default_rng(1), 2e-5 if dtype == tg.float32 else 1e-11
    for k in range(4):
        a = rng.standard_normal((3, 1, 13, 12))
        slopes = []
        for model in (net, fast):
            x = tg.tensor(a, dtype=dtype, requires_grad=True)
            ys = results(model(x))
            weights = np.random.default_rng(k)
            model.zero_grad()
            tg.autograd.backward(ys, [tg.tensor(weights.standard_normal(y.shape), dtype=dtype) for y in ys])
            slopes.append([*ys, x.grad, *(p.grad for p in model.parameters())])
        for ours, theirs in zip(*slopes, strict=True):
            assert (ours is None) == (theirs is None)
            if ours is not None:
                size = float(np.abs(theirs.detach().numpy()).max())
                np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=0, atol=digits * size)
    (plan,) = [p for plans in fast._plans.plans.values() for p in plans]
    found = [step.op for step in plan.forward if step.op not in ("getitem", "cast", "convert")]
    assert found == ops
    convolutions = [step for step in plan.forward if step.op.startswith("conv2d")]
    assert all(step.forward is fusions.conv_block for step in convolutions if "groups" not in name)


@pytest.mark.parametrize("name", CASES)
def test_without_a_way_back_nothing_is_kept(name: str) -> None:
    make, _ = CASES[name]
    tg.manual_seed(0)
    net = make()
    fast = tg.compile(net)
    with tg.no_grad():
        for k in range(3):
            x = tg.tensor(np.random.default_rng(k).standard_normal((3, 1, 13, 12)).astype(np.float32))
            for ours, theirs in zip(results(fast(x)), results(net(x)), strict=True):
                np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-5)
    (plan,) = [p for plans in fast._plans.plans.values() for p in plans]
    assert all(len(step.outputs) == 1 for step in plan.forward if step.forward is fusions.conv_block)


def test_a_gradient_of_one_of_two_results_alone() -> None:
    """The way back is another one then; its fused steps are the same."""
    net = Net(lambda m, x: [pooled(F.relu(m.a(x))), m.b(x)], a=conv(), b=conv())
    fast = tg.compile(copy.deepcopy(net))
    rng = np.random.default_rng(0)
    for k in range(6):
        x = tg.tensor(rng.standard_normal((2, 1, 8, 8)).astype(np.float32))
        for model in (net, fast):
            model.zero_grad()
            model(x)[k % 2].square().sum().backward()
        for p, q in zip(net.parameters(), fast.parameters(), strict=True):
            assert (p.grad is None) == (q.grad is None)
            if p.grad is not None:
                np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("channels", [(1, 4), (1, 32), (32, 32)])
def test_the_number_of_threads_may_change(channels: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What other threads had summed up before does not count."""
    monkeypatch.setattr(epilogue, "SHARED", 1)  # small work is shared, too
    monkeypatch.setattr(threads, "WORTH", 1e-12)
    C, O = channels
    net = nn.Sequential(nn.Conv2d(C, O, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(O * 36, 2))
    fast, before = tg.compile(copy.deepcopy(net)), tg.get_num_threads()
    rng = np.random.default_rng(0)
    try:
        for k in (3, 3, 1, 2, 1, 3):
            tg.set_num_threads(k)
            x = tg.tensor(rng.standard_normal((3, C, 14, 14)).astype(np.float32))
            for model in (net, fast):
                model.zero_grad()
                model(x).square().sum().backward()
            for p, q in zip(net.parameters(), fast.parameters(), strict=True):
                size = float(np.abs(p.grad.numpy()).max())
                np.testing.assert_allclose(q.grad.numpy(), p.grad.numpy(), rtol=0, atol=1e-4 * size)
    finally:
        tg.set_num_threads(before)
