"""Which steps join a batch-norm, which do not, and that a net is the same with and without."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.arrays import threads
from tinygrad_cnn.compiler.planners import images
from tinygrad_cnn.compiler.planners.norm import norm_block
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.programs.parts import parts_of

WHOLE = "normalize + relu + max_pool2d"


class Net(nn.Module):
    """A net by its forward, which gets the layers by name."""

    def __init__(self, forward: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.how = forward

    def forward(self, x: tg.Tensor) -> Any:
        return self.how(self, x)


def norm(**settings: Any) -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(2, **settings)
    if layer.weight is not None and layer.bias is not None:
        with tg.no_grad():  # numbers of both signs
            layer.weight.copy_(tg.tensor([1.5, -0.5]))
            layer.bias.copy_(tg.tensor([-0.25, 0.5]))
    return layer


def pooled(x: Any) -> Any:
    return F.max_pool2d(x, 2)


CASES: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "all of it": (
        lambda: Net(lambda m, x: pooled(F.relu(m.a(x) + x)), a=norm()), ["normalize + add + relu + max_pool2d"]
    ),
    "without a sum": (lambda: nn.Sequential(norm(), nn.ReLU(), nn.MaxPool2d(2)), [WHOLE]),
    "the sum the other way round": (lambda: Net(lambda m, x: F.relu(x + m.a(x)), a=norm()), ["normalize + add + relu"]),
    "a sum alone": (lambda: Net(lambda m, x: m.a(x) + x, a=norm()), ["normalize + add"]),
    "no relu": (lambda: nn.Sequential(norm(), nn.MaxPool2d(3)), ["normalize + max_pool2d"]),
    "alone": (norm, ["normalize"]),
    "two with something between": (
        lambda: nn.Sequential(norm(), nn.Tanh(), norm(), nn.ReLU()), ["normalize", "tanh", "normalize + relu"]
    ),
    "no weights": (lambda: nn.Sequential(norm(affine=False), nn.ReLU(), nn.MaxPool2d(2)), [WHOLE]),
    "no statistics": (lambda: nn.Sequential(norm(track_running_stats=False), nn.ReLU()), ["normalize + relu"]),
    "frozen": (
        lambda: nn.Sequential(norm().requires_grad_(False), nn.ReLU(), norm()), ["normalize + relu", "normalize"]
    ),
    "two that are added": (
        lambda: Net(lambda m, x: F.relu(m.a(x) + m.b(x * 2)), a=norm(), b=norm()),
        ["mul", "normalize", "normalize + add + relu"],
    ),
    "one added to itself": (
        lambda: Net(lambda m, x: F.relu((y := m.a(x)) + y), a=norm()), ["normalize", "add", "relu"]
    ),
    "something small is added": (
        lambda: Net(lambda m, x: F.relu(m.a(x) + x[:, :, :1]), a=norm()), ["normalize", "add", "relu"]
    ),
    "what is added goes on": (
        lambda: Net(lambda m, x: F.relu(m.a(x) + (y := x * 2)) * y, a=norm()), ["mul", "normalize + add + relu", "mul"]
    ),
    "the plain image is returned": (
        lambda: Net(lambda m, x: [y := m.a(x), F.relu(y)], a=norm()), ["normalize", "relu"]
    ),
    "the bent image is returned": (
        lambda: Net(lambda m, x: [y := F.relu(m.a(x)), pooled(y)], a=norm()), ["normalize + relu", "max_pool2d"]
    ),
    "windows that overlap": (
        lambda: nn.Sequential(norm(), nn.ReLU(), nn.MaxPool2d(3, stride=2)), ["normalize + relu", "max_pool2d"]
    ),
    "one layer twice": (lambda: Net(lambda m, x: F.relu(m.a(F.relu(m.a(x)))), a=norm()), ["normalize + relu"] * 2),
    "behind a convolution": (
        lambda: nn.Sequential(nn.Conv2d(2, 2, 3, bias=False), norm(), nn.ReLU(), nn.MaxPool2d(2)), ["conv2d", WHOLE]
    ),
    "of groups": (lambda: nn.Sequential(nn.GroupNorm(1, 2), nn.ReLU()), ["normalize", "relu"]),
}  # fmt: skip


def results(y: Any) -> list[tg.Tensor]:
    return list(y) if isinstance(y, list) else [y]


def numbers(seed: int, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(seed).standard_normal((3, 2, 8, 7)).astype(dtype) + dtype(0.5)


def assert_near(ours: Any, theirs: Any) -> None:
    assert (ours is None) == (theirs is None)
    if ours is not None:
        a, b = (t.detach().numpy() for t in (ours, theirs))
        digits = 1e-5 if a.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(a, b, rtol=0, atol=digits * max(1.0, float(np.abs(b).max())))


def step(model: nn.Module, x: tg.Tensor, seed: int) -> list[tg.Tensor | None]:
    """What a step makes: results, gradients and statistics."""
    ys, weights = results(model(x)), np.random.default_rng(seed)
    model.zero_grad()
    tg.autograd.backward(ys, [tg.tensor(weights.standard_normal(y.shape), dtype=y.dtype) for y in ys])
    return [*ys, x.grad, *(p.grad for p in model.parameters()), *(b.clone() for b in model.buffers())]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_net_is_the_same_with_what_follows_its_batch_norms_in_one_step(name: str, dtype: Any) -> None:
    make, ops = CASES[name]
    tg.manual_seed(0)
    net = make().to(tg.float32 if dtype == np.float32 else tg.float64)
    fast = tg.compile(copy.deepcopy(net))
    for k in range(4):
        made = [step(model, tg.tensor(numbers(k, dtype), requires_grad=True), k) for model in (net, fast)]
        for theirs, ours in zip(*made, strict=True):
            assert_near(ours, theirs)
    (plan,) = [p for plans in fast._plans.plans.values() for p in plans]
    asides = "getitem", "one_more", "move_statistics", "reshape", "share", "cast"
    assert [s.op for s in plan.forward if s.op not in asides] == ops


@pytest.mark.parametrize("name", ["all of it", "without a sum", "two that are added", "no weights"])
def test_gradients_are_slopes(name: str) -> None:
    """By differences along random directions."""
    fast, rng = tg.compile(CASES[name][0]().double()), np.random.default_rng(0)
    x = tg.tensor(numbers(0, np.float64), requires_grad=True)
    xs, weights = [x, *fast.parameters()], tg.tensor(rng.standard_normal(fast(x).shape))

    def total() -> tg.Tensor:
        return (fast(x) * weights).sum()

    total().backward()
    for leaf in xs:
        step = 1e-6 * rng.standard_normal(leaf.shape)
        found, before = [], leaf.detach().numpy().copy()
        for sign in (1, -1):
            leaf.data.copy_(tg.tensor(before + sign * step))
            found.append(total().item())
        leaf.data.copy_(tg.tensor(before))
        slope = float((leaf.grad.numpy() * step).sum()) * 2
        assert found[0] - found[1] == pytest.approx(slope, rel=1e-4, abs=1e-11)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 0, 1), (1, 2, 3, 0), (2, 1, 3, 0)])
def test_images_may_lie_otherwise(order: tuple[int, ...]) -> None:
    net = CASES["all of it"][0]()
    fast = tg.compile(copy.deepcopy(net))
    for k in range(3):
        a = np.ascontiguousarray(numbers(k).transpose(order)).transpose(np.argsort(order))
        made = [step(model, tg.from_numpy(a.copy(order="K")).requires_grad_(), k) for model in (net, fast)]
        for theirs, ours in zip(*made, strict=True):
            assert_near(ours, theirs)


@pytest.mark.parametrize("name", CASES)
def test_without_gradients_nothing_is_kept_and_statistics_move(name: str) -> None:
    net = CASES[name][0]()
    fast = tg.compile(copy.deepcopy(net))
    with tg.no_grad():
        for k in range(3):
            for ours, theirs in zip(*(results(m(tg.tensor(numbers(k)))) for m in (fast, net)), strict=True):
                assert_near(ours, theirs)
    for ours, theirs in zip(fast.buffers(), net.buffers(), strict=True):
        assert_near(ours, theirs)
    (plan,) = [p for plans in fast._plans.plans.values() for p in plans]
    assert all(len(s.outputs) == 4 for s in plan.forward if s.forward is norm_block)  # none of what a pool keeps


FIXED: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "as kernels": (
        lambda: nn.Sequential(nn.Conv2d(2, 2, 3), norm(), nn.ReLU(), nn.MaxPool2d(2)),
        ["fold", "conv2d + scale_shift + relu + max_pool2d"],
    ),
    "many channels": (
        lambda: nn.Sequential(nn.Conv2d(2, 32, 3), nn.BatchNorm2d(32), nn.Conv2d(32, 32, 1), nn.BatchNorm2d(32)),
        ["fold", "conv2d + scale_shift"] * 2,
    ),
    "groups": (lambda: nn.Sequential(nn.Conv2d(2, 2, 3, groups=2), norm()), ["fold", "conv2d + scale_shift"]),
    "without a convolution": (
        lambda: Net(lambda m, x: pooled(F.relu(m.a(x) + x)), a=norm()), ["scale_shift + add + relu + max_pool2d"]
    ),
    "no weights": (lambda: nn.Sequential(nn.Conv2d(2, 2, 3), norm(affine=False)), ["fold", "conv2d + scale_shift"]),
    "the convolution is read twice": (
        lambda: Net(lambda m, x: m.a(y := m.c(x)) * y, a=norm(), c=nn.Conv2d(2, 2, 1)), ["conv2d", "scale_shift", "mul"]
    ),
    "the convolution is returned": (
        lambda: Net(lambda m, x: [y := m.c(x), m.a(y)], a=norm(), c=nn.Conv2d(2, 2, 1)), ["conv2d", "scale_shift"]
    ),
    "kernels that are larger than images": (
        lambda: nn.Sequential(nn.Conv2d(2, 90, (8, 7)), nn.BatchNorm2d(90), nn.ReLU()), ["conv2d", "scale_shift + relu"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fixed_statistics_are_in_the_kernels(name: str, dtype: Any) -> None:
    """As they are in each call: parameters and statistics may have changed since."""
    make, ops = FIXED[name]
    tg.manual_seed(0)
    net = make().to(tg.float32 if dtype == np.float32 else tg.float64).eval()
    fast = tg.compile(net)
    for k in range(4):
        with tg.no_grad():
            for layer in net.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.running_mean.normal_()
                    layer.running_var.uniform_(0.5, 2)
            for p in net.parameters():
                p.mul_(1.25)
            for ours, theirs in zip(*(results(m(tg.tensor(numbers(k, dtype)))) for m in (fast, net)), strict=True):
                assert_near(ours, theirs)
    (plan,) = [p for plans in fast._plans.plans.values() for p in plans]
    assert [s.op for s in plan.forward if s.op != "fixed_affine"] == ops
    for made in plan.forward:  # as a profile counts them
        assert sorted(part.op for part in parts_of(plan.recorded, made)) == sorted(made.op.split(" + "))


def test_statistics_stay_apart_where_gradients_come() -> None:
    net = FIXED["as kernels"][0]().eval()
    fast = tg.compile(copy.deepcopy(net))
    for k in range(3):
        made = [step(model, tg.tensor(numbers(k), requires_grad=True), k) for model in (net, fast)]
        for theirs, ours in zip(*made, strict=True):
            assert_near(ours, theirs)


def test_a_call_that_fails_moves_no_statistics() -> None:
    """Neither those of a layer that was done already."""
    net = nn.Sequential(norm(), nn.ReLU(), norm(), nn.ReLU())
    fast, x = tg.compile(net), tg.tensor(numbers(0))
    for _ in range(2):
        fast(x)
    before = [b.numpy().copy() for b in net.buffers()]
    (plan,) = [p for plans in fast._plans.plans.values() for p in plans]
    plan._frames.one().forward[-2:] = [lambda _v: 1 / 0]
    with pytest.raises(ZeroDivisionError):
        plan.run([x], plan.sources(), lambda *_: iter(()))
    for b, a in zip(net.buffers(), before, strict=True):
        np.testing.assert_array_equal(b.numpy(), a)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("name", ["all of it", "without a sum", "no relu"])
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_numbers_that_are_none_spoil_what_they_spoil(name: str, bad: float) -> None:
    net = CASES[name][0]()
    fast = tg.compile(copy.deepcopy(net))
    for k in range(3):
        a = numbers(k)
        a[1, 0, 2, 3] = bad
        made = [step(model, tg.tensor(a, requires_grad=True), k)[:2] for model in (net, fast)]
        for theirs, ours in zip(*made, strict=True):
            assert ours is not None
            assert theirs is not None
            np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("far", [1e3, -1e4])
def test_a_mean_far_from_0_costs_no_digits(far: float) -> None:
    net = CASES["all of it"][0]()
    fast = tg.compile(copy.deepcopy(net))
    for k in range(3):
        a = (np.random.default_rng(k).standard_normal((8, 2, 32, 31)) + far).astype(np.float32)
        exact = copy.deepcopy(net).double()
        made = [step(model, x, k) for model, x in ((exact, tg.tensor(a, dtype=tg.float64, requires_grad=True)),
                                                    (fast, tg.tensor(a, requires_grad=True)))]  # fmt: skip
        for theirs, ours in zip(*(m[2:4] for m in made), strict=True):  # of weight and bias
            size = float(np.abs(theirs.numpy()).max())
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=0, atol=3e-3 * size)


def test_sums_do_not_hang_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "BLOCK", 64)
    monkeypatch.setattr(threads, "WORTH", 1e-12)
    fast, before = tg.compile(CASES["all of it"][0]()), tg.get_num_threads()
    made = []
    try:
        for n in (1, 1, 3, 2, 1):
            tg.set_num_threads(n)
            made.append(step(fast, tg.tensor(numbers(0), requires_grad=True), 0)[:4])
    finally:
        tg.set_num_threads(before)
    for others in made[2:]:
        for a, b in zip(others, made[1], strict=True):
            np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


@pytest.mark.torch
def test_it_is_as_in_torch() -> None:
    """Residual blocks with a max-pool, trained by plans, and evaluated."""
    torch = pytest.importorskip("torch")

    def made(nn: Any) -> Any:
        body = nn.Sequential(nn.Conv2d(2, 33, 3, padding=1), nn.BatchNorm2d(33), nn.ReLU(), nn.MaxPool2d(2))
        return nn.Sequential(body, nn.Conv2d(33, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))

    net, theirs = made(nn), made(torch.nn)
    theirs.load_state_dict({name: torch.from_numpy(v.numpy().copy()) for name, v in net.state_dict().items()})
    fast = tg.compile(net)
    optimizers = tg.optim.SGD(net.parameters(), lr=0.1), torch.optim.SGD(theirs.parameters(), lr=0.1)
    for k in range(6):
        for kind, model, optimizer in zip((tg, torch), (fast, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            model(kind.tensor(numbers(k))).square().mean().backward()
            optimizer.step()
    for (name, ours), other in zip(net.state_dict().items(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(ours.numpy(), other.numpy(), rtol=1e-4, atol=2e-5, err_msg=name)
    fast.eval()
    theirs.eval()
    with tg.no_grad(), torch.no_grad():
        for _ in range(2):
            ours, other = fast(tg.tensor(numbers(9))), theirs(torch.tensor(numbers(9)))
            np.testing.assert_allclose(ours.numpy(), other.numpy(), rtol=1e-4, atol=2e-5)
