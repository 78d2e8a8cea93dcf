"""Hooks around a compiled module and within; parameters that are replaced, converted, tied; threads."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.compiler.test_compile import equal, planned
from tinygrad_cnn import nn
from tinygrad_cnn.compiler import CompileWarning
from tinygrad_cnn.nn import functional as F

pytestmark = pytest.mark.filterwarnings("error::tinygrad_cnn.compiler.CompileWarning")


def make() -> Any:
    tg.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 4), nn.Linear(4, 4))


def both() -> tuple[Any, Any]:
    """A net, and a copy with a plan."""
    net = make()
    twin = tg.compile(copy.deepcopy(net))
    for model in (net, twin):
        for k in range(3):
            step(model, k)
    assert planned(twin) == 1
    return net, twin


def step(model: Any, k: int) -> list[Any]:
    """The result of a call, and all gradients."""
    dtype = next(model.parameters()).dtype
    x = tg.tensor(np.random.default_rng(k).standard_normal((5, 4)).astype(dtype), requires_grad=True)
    model.zero_grad()
    y = model(x)
    if y.requires_grad:
        y.square().sum().backward()
    return [y.detach(), *(g for g in (x.grad, *(p.grad for p in model.parameters())) if g is not None)]


def tied(net: Any) -> None:
    net[4].weight = nn.Parameter(tg.ones(4, 4))
    net[4].bias = net[3].bias


CHANGES: dict[str, Callable[[Any], Any]] = {
    "all parameters frozen": lambda m: m.requires_grad_(False),
    "one layer frozen": lambda m: m[3].requires_grad_(False),
    "a parameter replaced": lambda m: setattr(m[3], "weight", nn.Parameter(tg.ones(4, 6) * 0.5)),
    "a parameter's data": lambda m: setattr(m[3].weight, "data", tg.ones(4, 6) * 0.5),
    "a bias taken away": lambda m: setattr(m[3], "bias", None),
    "double": lambda m: m.double(),
    "half and back": lambda m: m.half().float(),
    "weights tied": tied,
    "weights tied and then not": lambda m: (tied(m), setattr(m[4], "bias", nn.Parameter(tg.zeros(4))))[0],
    "another state": lambda m: m.load_state_dict({k: v * 2 for k, v in m.state_dict().items()}),
    "a state that is assigned": lambda m: m.load_state_dict(
        {k: v.clone() for k, v in m.state_dict().items()}, assign=True
    ),
    "no statistics": lambda m: setattr(m[1], "track_running_stats", False),
    "a layer more": lambda m: m.append(nn.Linear(4, 2)),
    "a layer less": lambda m: m.__delitem__(4),
    "evaluation of one layer": lambda m: m[1].eval(),
    "gradients off for the result": lambda m: [p.requires_grad_(False) for p in list(m.parameters())[:3]],
    "weight norm": lambda m: nn.utils.weight_norm(m[3]),
    "spectral norm": lambda m: nn.utils.spectral_norm(m[3]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_changed_between_calls_is_seen(what: str) -> None:
    """And seen again when it is changed back, where that is a thing one can do."""
    net, twin = both()
    for model in (net, twin):
        tg.manual_seed(8)
        CHANGES[what](model)
    with warnings.catch_warnings():
        if "norm" in what:  # they compute the weight in a hook of the layer
            warnings.simplefilter("ignore", CompileWarning)
        for k in range(4):
            assert equal(step(net, k), step(twin, k)), f"call {k}"
        assert equal(net.state_dict().values(), twin.state_dict().values())
        for model in (net, twin):
            model.requires_grad_(True)
        for k in range(3):
            assert equal(step(net, k), step(twin, k)), f"with all gradients, call {k}"
    assert planned(twin) >= 1 or twin._plans.eager


# --------------------------------------------------------------------------------------------------------------- hooks
def test_hooks_on_the_compiled_module_itself() -> None:
    """Before and after, of both ways; they may change what passes, and come and go while the plan stays."""
    net, twin = both()
    seen: dict[int, list[Any]] = {}
    handles = []
    for model in (net, twin):
        mine = seen.setdefault(id(model), [])
        handles += [
            model.register_forward_pre_hook(lambda _m, args: (args[0] * 2,)),
            model.register_forward_hook(lambda _m, _args, y: y + 1),
            model.register_full_backward_pre_hook(lambda _m, g: (g[0] * 3,)),
            model.register_full_backward_hook(lambda _m, gx, _gy, mine=mine: mine.append(gx[0].numpy().copy())),
        ]
    for k in range(4):
        assert equal(step(net, k), step(twin, k))
    assert len(seen[id(net)]) == len(seen[id(twin)]) == 4
    assert all(np.array_equal(a, b) for a, b in zip(*seen.values(), strict=True))
    assert planned(twin) >= 1
    for handle in handles:
        handle.remove()
    for k in range(4):
        assert equal(step(net, k), step(twin, k))
    assert len(seen[id(twin)]) == 4


@pytest.mark.parametrize("kind", ["forward", "forward_pre", "full_backward", "full_backward_pre"])
def test_a_hook_within_that_comes_after_the_plan(kind: str) -> None:
    """It is called from then on, in each call: the module runs as it is."""
    net, twin = both()
    counts = {id(net): 0, id(twin): 0}
    for model in (net, twin):

        def hook(_m: Any, *_: Any, key: int = id(model)) -> None:
            counts[key] += 1

        getattr(model[0], f"register_{kind}_hook")(hook)
    with pytest.warns(CompileWarning, match=r"0 \(Linear\) has a hook"):
        assert equal(step(net, 0), step(twin, 0))
    for k in range(1, 4):
        assert equal(step(net, k), step(twin, k))
    assert set(counts.values()) == {4}


def test_hooks_on_tensors_around() -> None:
    """On an argument, a result and a parameter."""
    net, twin = both()
    found = []
    for model in (net, twin):
        seen: list[Any] = []
        handle = model[0].weight.register_hook(lambda g: g * 2)
        x = tg.ones(5, 4, requires_grad=True)
        x.register_hook(lambda g, seen=seen: seen.append(g.numpy().copy()))
        y = model(x)
        y.register_hook(lambda g: g * 3)
        y.retain_grad()
        model.zero_grad()
        y.sum().backward()
        found.append([x.grad, y.grad, model[0].weight.grad, tg.tensor(seen[0])])
        handle.remove()
    assert equal(*found)
    assert planned(twin) == 1


# -------------------------------------------------------------------------------------------------------------- threads
def test_threads_share_a_function_with_its_way_back() -> None:
    """Four of them, 200 calls each, from the first call on: each gets its own numbers."""
    net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))

    @tg.compile
    def loss_of(x: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        return F.cross_entropy(net(x), t)

    rng = np.random.default_rng(0)
    batches = [
        (rng.standard_normal((3 + k % 2, 4)).astype(np.float32), rng.integers(0, 3, 3 + k % 2)) for k in range(4)
    ]

    def one(f: Callable[..., Any], k: int) -> tuple[float, list[Any]]:
        x = tg.tensor(batches[k][0], requires_grad=True)
        y = f(x, tg.tensor(batches[k][1]))
        grads = tg.autograd.grad(y, [x, *net.parameters()])
        return y.item(), [g.tolist() for g in grads]

    expected = [one(lambda x, t: F.cross_entropy(net(x), t), k) for k in range(4)]
    wrong: list[Any] = []

    def work(k: int) -> None:
        try:
            for _ in range(200):
                if (found := one(loss_of, k)) != expected[k]:
                    wrong.append((k, found))
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompileWarning)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong[:1]


@pytest.mark.parametrize("how", ["in place", "another", "within"])
def test_a_summary_looks_at_a_compiled_module_and_leaves_its_plans(how: str) -> None:
    inner = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    model: nn.Module = nn.Sequential(tg.compile(inner) if how == "within" else inner, nn.Flatten(), nn.Linear(144, 10))
    plain = str(tg.summary(model, (2, 1, 8, 8)))
    if how == "in place":
        model.compile()
    compiled = tg.compile(model) if how == "another" else model
    x = tg.randn(2, 1, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            assert str(tg.summary(compiled, (2, 1, 8, 8))) == plain
            compiled(x)
    plans = {"in place": lambda: model.forward, "another": lambda: compiled, "within": lambda: model[0]}[how]()._plans
    assert plans.plans
    assert not plans.eager
