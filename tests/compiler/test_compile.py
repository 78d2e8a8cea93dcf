"""What is compiled computes what it computed, bit for bit, and is to its users what it was."""

from __future__ import annotations

import copy
import pickle
import random
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.compiler import CompileWarning, fusions
from tinygrad_cnn.nn import functional as F


@pytest.fixture(autouse=True)
def no_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fused steps may add in another order: that they give what their parts do is shown in test_fusions.py."""
    monkeypatch.setattr(fusions, "RULES", [])


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return F.relu(x + self.norm(self.conv(x)))


class Several(nn.Module):
    """Two results, in a dict, of which a loss may take one."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.a, self.b = nn.Linear(64, 8), nn.Linear(8, 10), nn.Linear(8, 3)

    def forward(self, x: tg.Tensor) -> dict[str, Any]:
        h = self.inner(x.flatten(1)).tanh()
        return {"scores": self.a(h), "more": [self.b(h), "text"]}


class Sequence(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(8, 6, num_layers=2, batch_first=True, dropout=0.3), nn.Linear(6, 10)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.out(self.lstm(x[:, 0])[0][:, -1])


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.out = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True), nn.Linear(8, 10)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.out(self.layer(x[:, 0]).mean(1))


def normalized() -> Any:
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), Residual(4), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.4), nn.Linear(64, 10)),
    )


def by_groups() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.GroupNorm(2, 4), nn.GELU(), nn.AdaptiveAvgPool2d(2)),
        *(nn.Flatten(), nn.LayerNorm(16), nn.Dropout(0.2), nn.Linear(16, 10)),
    )


NETS: dict[str, Callable[[], nn.Module]] = {
    "batch-norm, residual, dropout": normalized,
    "group-norm, layer-norm": by_groups,
    "several results": Several,
    "recurrent": Sequence,
    "attention": Attention,
}


def scores(y: Any) -> Any:
    return y["scores"] if isinstance(y, dict) else y


def batch(rng: np.random.Generator, n: int) -> tuple[tg.Tensor, tg.Tensor]:
    return tg.tensor(rng.random((n, 1, 8, 8), dtype=np.float32)), tg.tensor(rng.integers(0, 10, n))


def twins(make: Callable[[], Any]) -> tuple[Any, Any]:
    """A net, and a copy of it, compiled."""
    tg.manual_seed(3)
    net = make()
    return net, tg.compile(copy.deepcopy(net))


def equal(a: Any, b: Any) -> bool:
    return all(np.array_equal(x.numpy(), y.numpy(), equal_nan=x.dtype.kind == "f") for x, y in zip(a, b, strict=True))


def planned(compiled: Any) -> int:
    """How many plans there are; none where it runs as it is."""
    return sum(map(len, compiled._plans.plans.values()))


@pytest.mark.filterwarnings("error::tinygrad_cnn.compiler.compiled.CompileWarning")
@pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")  # of several results one is trained
@pytest.mark.parametrize("make", NETS.values(), ids=list(NETS))
def test_training_and_evaluation_are_the_same_bits(make: Callable[[], nn.Module]) -> None:
    """Weights, statistics, losses and random numbers, while the size of batches and the mode change."""
    net, compiled = twins(make)
    optimizers = [tg.optim.Adam(m.parameters(), lr=0.01) for m in (net, compiled)]
    rng = np.random.default_rng(0)
    for k in range(9):
        x, t = batch(rng, 4 if k % 3 else 3)
        found = []
        for model, optimizer in zip((net, compiled), optimizers, strict=True):
            model.train(k not in (4, 5))
            tg.manual_seed(k)
            if k in (4, 5):
                with tg.no_grad():
                    found.append(scores(model(x)).sum().item())
                continue
            optimizer.zero_grad()
            loss = F.cross_entropy(scores(model(x)), t)
            loss.backward()
            optimizer.step()
            found.append((loss.item(), tg.rand(1).item()))
        assert found[0] == found[1], f"call {k}"
        assert equal(net.state_dict().values(), compiled.state_dict().values()), f"call {k}"
    assert planned(compiled) >= 3


def test_a_function_may_hold_the_loss() -> None:
    """And reads what it needs from outside: a model, in its mode, and a tensor."""
    net, twin = twins(normalized)
    twin, scale = twin._orig_mod, tg.tensor(2.0)

    @tg.compile
    def loss_of(x: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        return scale * F.cross_entropy(twin(x), t, label_smoothing=0.1)

    rng = np.random.default_rng(0)
    for k in range(8):
        x, t = batch(rng, 4)
        net.train(k < 5)
        twin.train(k < 5)
        if k == 3:
            scale.fill_(3.0)
        tg.manual_seed(k)
        ours = scale * F.cross_entropy(net(x), t, label_smoothing=0.1)
        tg.manual_seed(k)
        theirs = loss_of(x, t)
        assert ours.item() == theirs.item()
        for loss, model in ((ours, net), (theirs, twin)):
            model.zero_grad()
            loss.backward()
        assert equal([p.grad for p in net.parameters()], [p.grad for p in twin.parameters()])
    assert planned(loss_of) == 2
    assert loss_of.__name__ == "loss_of"


def test_gradients_reach_inputs_and_end_where_they_did() -> None:
    """A result without a gradient brings none to what it alone was made of."""
    net, compiled = twins(Several)
    rng = np.random.default_rng(1)
    for which in ("scores", "scores", "more", "both", "more", "scores"):
        grads = []
        x = rng.random((4, 1, 8, 8), dtype=np.float32)
        for model in (net, compiled):
            leaf = tg.tensor(x, requires_grad=True)
            model.zero_grad()
            y = model(leaf * 2)
            assert y["more"][1] == "text"
            a, b = y["scores"].square().sum(), y["more"][0].exp().sum()
            (a if which == "scores" else b if which == "more" else a + b).backward()
            grads.append([leaf.grad, *(p.grad for p in model.parameters())])
        for ours, theirs in zip(*grads, strict=True):
            assert (ours is None) is (theirs is None)
            assert ours is None or np.array_equal(ours.numpy(), theirs.numpy())


def test_what_a_user_holds_stays() -> None:
    net = tg.compile(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
    rng, held = np.random.default_rng(0), []
    for _ in range(5):
        x = tg.tensor(rng.random((2, 3), dtype=np.float32), requires_grad=True)
        net.zero_grad()
        y = net(x)
        y.sum().backward()
        ours = [y, x.grad, *(p.grad for p in net.parameters())]
        held.append((ours, [t.detach().numpy().copy() for t in ours]))
    for tensors, arrays in held:
        assert all(np.array_equal(t.detach().numpy(), a) for t, a in zip(tensors, arrays, strict=True))


def test_two_calls_before_one_backward() -> None:
    net, compiled = twins(lambda: nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2)))
    x = tg.tensor(np.random.default_rng(0).random((6, 3), dtype=np.float32))
    for model in (net, compiled):
        model(x).sum().backward()
        tg.manual_seed(5)
        model.zero_grad()
        (model(x) * model(x[:6])).sum().backward()
    assert equal([p.grad for p in net.parameters()], [p.grad for p in compiled.parameters()])


def test_second_derivatives() -> None:
    """A gradient penalty, with dropout and batch-norm: the call is made once more, with the same dice."""
    net, compiled = twins(lambda: normalized().double())
    rng = np.random.default_rng(2)
    for k in range(3):
        x = rng.random((4, 1, 8, 8))
        for model in (net, compiled):
            leaf = tg.tensor(x, requires_grad=True)
            model.zero_grad()
            tg.manual_seed(k)
            y = model(leaf).sum()
            (slope,) = tg.autograd.grad(y, leaf, create_graph=True)
            (y + slope.square().sum()).backward()
        for p, q in zip(net.parameters(), compiled.parameters(), strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-9, atol=1e-9)
        assert equal(net.buffers(), compiled.buffers())


def test_backward_twice_needs_retain_graph() -> None:
    net = tg.compile(nn.Linear(3, 2))
    x = tg.ones(4, 3)
    net(x).sum().backward()
    net.zero_grad()
    y = net(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert net.bias.grad.tolist() == [8.0, 8.0]
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


def test_a_gradient_that_needs_old_values_is_refused() -> None:
    net = tg.compile(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2)))
    net(tg.ones(1, 3)).sum().backward()
    y = net(tg.ones(1, 3)).sum()
    with tg.no_grad():
        net[1].weight.add_(1)
    with pytest.raises(RuntimeError, match="in place"):
        y.backward()


# ------------------------------------------------------------------------------------------------- what it is to users
def test_a_compiled_module_is_the_module() -> None:
    """Of its class, with its parameters, buffers, modes and names; copies and pickles are compiled again."""
    net = normalized()
    compiled = tg.compile(net)
    assert isinstance(compiled, nn.Sequential)
    assert type(compiled).__name__ == "Sequential"
    assert repr(compiled) == repr(net)
    assert list(compiled.state_dict()) == list(net.state_dict())
    assert all(p is q for p, q in zip(compiled.parameters(), net.parameters(), strict=True))
    compiled.eval()
    assert not net.training
    net.train()
    assert compiled[6].training
    x, _ = batch(np.random.default_rng(0), 2)
    net.eval()
    for other in (copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):
        for _ in range(3):
            assert np.array_equal(other(x).numpy(), net(x).numpy())
        assert other is not compiled
        assert planned(other) == 1
        assert all(p is not q for p, q in zip(other.parameters(), net.parameters(), strict=True))


def test_hooks_of_the_whole_run_around_it() -> None:
    compiled, seen = tg.compile(nn.Linear(3, 2)), []
    compiled.register_forward_hook(lambda _m, _args, y: seen.append(tuple(y.shape)))
    compiled.register_full_backward_hook(lambda _m, _gx, gy: seen.append(gy[0].tolist()))
    for _ in range(3):
        compiled(tg.ones(1, 3)).sum().backward()
    assert seen == [(1, 2), [[1.0, 1.0]]] * 3
    assert planned(compiled) == 1


def test_what_changes_in_a_module_is_seen() -> None:
    """A layer replaced, a setting, a frozen parameter, other data, another dtype, a hook."""
    net, compiled = twins(lambda: nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2)))
    x = tg.ones(5, 3)

    def same(x: tg.Tensor) -> None:
        found = []
        for model in (net, compiled):
            tg.manual_seed(0)
            model.zero_grad()
            y = model(x)
            y.sum().backward()
            found.append([y.detach(), *(p.grad for p in model.parameters() if p.grad is not None)])
        assert equal(*found)

    changes: list[Callable[[Any], Any]] = [
        lambda _: None,
        lambda m: setattr(m[1], "p", 0.25),
        lambda m: setattr(m, "2", nn.Linear(4, 2, bias=False)),
        lambda m: m[2].weight.data.fill_(0.5),
        lambda m: m[0].weight.requires_grad_(False),
        lambda m: m[0].weight.requires_grad_(True),
        lambda m: setattr(m[0].weight, "data", tg.ones(4, 3)),
        lambda m: m.double(),
        lambda m: m[1].register_forward_hook(lambda _m, _args, y: y * 3),
    ]
    for k, change in enumerate(changes):
        for model in (net, compiled):
            tg.manual_seed(9)
            change(model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CompileWarning)
            for _ in range(3):
                same(x.double() if k >= 7 else x)
        assert bool(planned(compiled)) is (k < 8)


def test_threads_share_what_is_compiled() -> None:
    net, compiled = twins(lambda: nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)))
    xs = [tg.tensor(np.random.default_rng(k).random((4, 6), dtype=np.float32), requires_grad=True) for k in range(4)]
    wrong: list[Any] = []

    def work(x: tg.Tensor) -> None:
        for _ in range(30):
            (g,) = tg.autograd.grad(compiled(x).exp().sum(), x)
            if not np.array_equal(g.numpy(), expected[id(x)]):
                wrong.append(g)

    expected = {id(x): tg.autograd.grad(net(x).exp().sum(), x)[0].numpy() for x in xs}
    threads = [threading.Thread(target=work, args=(x,)) for x in xs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ------------------------------------------------------------------------------------------------------------ failures
def test_a_call_that_fails_says_what_it_said_and_changes_nothing() -> None:
    net = normalized()

    @tg.compile
    def loss_of(x: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        return F.cross_entropy(net(x), t)

    x, t = batch(np.random.default_rng(0), 3)
    for _ in range(2):
        loss_of(x, t)
    assert planned(loss_of) == 1
    before = [b.numpy().copy() for b in net[1].buffers()]
    with pytest.raises(IndexError, match=r"class index 12 at position 1 .* 0 to 9"):
        loss_of(x, tg.tensor([1, 12, 3]))
    assert len(before) == 3
    loss_of(x, t)
    assert planned(loss_of) == 1


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: lambda x: x * random.random(), "`random` or `np.random`"),
        (lambda: lambda x: x + tg.tensor(np.random.rand(3).astype(np.float32)), "`random` or `np.random`"),
        (lambda: lambda x: (x * 2).numpy(), "an array or a number of NumPy"),
        (lambda: lambda _x: None, "no tensor"),
    ],
)
def test_what_no_plan_can_follow_runs_as_it_is(make: Any, why: str) -> None:
    """With one warning, which names this file."""
    compiled = tg.compile(make())
    with pytest.warns(CompileWarning, match=f"runs as it is, not compiled: .*{why}") as caught:
        results = [compiled(tg.ones(3)) for _ in range(3)]
    assert len(results) == 3
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_arrays_made_anew_in_each_call() -> None:
    """The same numbers in each call belong to the plan; others end it."""
    same = tg.compile(lambda x: x * tg.arange(3.0) + tg.zeros(3))
    for k in range(4):
        assert same(tg.full((3,), float(k))).tolist() == [0.0, k, 2.0 * k]
    assert planned(same) == 1
    other = tg.compile(lambda x: x * tg.tensor(time.perf_counter_ns()))
    with pytest.warns(CompileWarning, match="another in each call"):
        assert len({other(tg.tensor(2)).item() for _ in range(4)}) == 4
    count = iter(range(9))
    counting = tg.compile(lambda x: x * tg.tensor(float(next(count))))
    with pytest.warns(CompileWarning, match="takes from the iterator 'count'"):
        assert [counting(tg.tensor(2.0)).item() for _ in range(4)] == [0.0, 2.0, 4.0, 6.0]


def test_more_kinds_of_calls_than_are_kept() -> None:
    compiled = tg.compile(nn.Linear(2, 2))
    with pytest.warns(CompileWarning, match="more than 16 ways"):
        assert [len(compiled(tg.ones(n, 2))) for n in range(1, 20)] == list(range(1, 20))
    assert not planned(compiled)


def test_an_attribute_set_in_each_call() -> None:
    class Net(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            self.seen = x.sum()
            return x * 2

    net = tg.compile(Net())
    net(tg.zeros(2))  # it may be something that the first call leaves
    with pytest.warns(CompileWarning, match=r"the attribute Net\.seen is set"):
        net(tg.zeros(2))
    for k in range(3):
        net(tg.full((2,), float(k)))
        assert net.seen.item() == 2 * k


def test_writes_and_views() -> None:
    def program(x: tg.Tensor) -> tg.Tensor:
        y = x.exp()
        y[0] = x[1] * 2
        part = y[1:]
        part.mul_(3)
        y.t()[0].add_(1)
        return y * part.sum()

    compiled = tg.compile(program)
    rng = np.random.default_rng(0)
    for _ in range(4):
        a = rng.random((3, 2))
        xs: list[Any] = [tg.tensor(a, requires_grad=True) for _ in range(2)]
        ys = [f(x) for f, x in zip((program, compiled), xs, strict=True)]
        for y in ys:
            (y * y).sum().backward()
        assert np.array_equal(ys[0].detach().numpy(), ys[1].detach().numpy())
        assert np.array_equal(xs[0].grad.numpy(), xs[1].grad.numpy())
    assert planned(compiled) == 1


def test_buffers_that_a_call_writes() -> None:
    class Average(nn.Module):
        mean: tg.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", tg.zeros(2))

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            with tg.no_grad():
                self.mean.mul_(0.5).add_(x.mean(0) * 0.5)
            return x - self.mean

    net, compiled = twins(Average)
    for k in range(5):
        x = tg.tensor(np.random.default_rng(k).random((3, 2), dtype=np.float32))
        assert np.array_equal(net(x).numpy(), compiled(x).numpy())
        assert np.array_equal(net.mean.numpy(), compiled.mean.numpy())
    assert planned(compiled) == 1


def test_settings() -> None:
    net = nn.Linear(2, 2)
    assert tg.compile(net, disable=True) is net
    assert tg.compile(mode="max-autotune")(net)(tg.ones(1, 2)).shape == (1, 2)
    with pytest.raises(TypeError, match="a Module or a function, got int"):
        tg.compile(3)
    with pytest.raises(RuntimeError, match="a mode or options"):
        tg.compile(net, mode="default", options={})


def test_the_first_call_has_the_bits_of_those_that_follow() -> None:
    """So a run that is stopped and resumed is the same run."""
    tg.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 144, 10))
    x = tg.randn(7, 1, 28, 28)
    found = []
    compiled = tg.compile(net)
    for model in (compiled, compiled, compiled, tg.compile(copy.deepcopy(net))):
        model.zero_grad()
        y = model(x)
        y.square().sum().backward()
        found.append([y.detach().numpy().tobytes(), *(p.grad.numpy().tobytes() for p in model.parameters())])
    assert found[1:] == found[:1] * 3
    assert len(found[0]) == 5
