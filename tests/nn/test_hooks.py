"""Backward hooks where the engine, pictures and profiles meet them; their values stand in test_module_like_torch.py."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F


def leaf(*shape: int, seed: int = 0) -> Any:
    return tg.tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=True)


def test_a_hook_sees_what_finite_differences_say() -> None:
    layer, x, seen = nn.Conv2d(2, 3, 3).double(), leaf(2, 2, 5, 5), []
    layer.register_full_backward_hook(lambda _m, gi, go: seen.append((gi, go)))
    g = tg.tensor(np.random.default_rng(1).normal(size=(2, 3, 3, 3)))
    layer(x).backward(g)
    ((grad_input,), (grad_output,)) = seen[0]
    np.testing.assert_array_equal(grad_output.numpy(), g.numpy())
    eps, dx = 1e-6, np.random.default_rng(2).normal(size=x.shape)
    with tg.no_grad():
        slope = ((layer(x + eps * dx) - layer(x - eps * dx)) * g).sum().item() / (2 * eps)
    np.testing.assert_allclose((grad_input.numpy() * dx).sum(), slope, rtol=1e-6)


def test_gradients_are_proved_with_hooks_that_do_nothing() -> None:
    class Two(nn.Module):
        def forward(self, a: Any, b: Any) -> Any:
            return a.exp() * b, (a * b).sum(0)

    layer = Two()
    layer.register_full_backward_hook(lambda *_: None)
    layer.register_full_backward_pre_hook(lambda *_: None)
    inputs = leaf(3, 2), leaf(3, 2, seed=1)
    tg.testing.gradcheck(layer, inputs)
    tg.testing.gradgradcheck(layer, inputs)


def test_an_error_in_a_hook_leaves_all_gradients() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)).double()
    net[0].register_full_backward_hook(lambda *_: 1 / 0)
    x = leaf(1, 2)
    y = net(x).sum()
    with pytest.raises(ZeroDivisionError):
        y.backward()
    assert all(p.grad is None for p in [x, *net.parameters()])
    net[0]._backward_hooks.clear()
    net(x).sum().backward()
    assert x.grad is not None


def test_an_in_place_layer_keeps_its_hook() -> None:
    """PyTorch refuses this. Here the layer writes into memory of its own, and the hook sees the right gradients."""
    seen: list[Any] = []
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(inplace=True), nn.ReLU(inplace=True)).double()
    plain = net(x := leaf(4, 2))
    (expected,) = tg.grad(plain.sum(), x)
    for module in net:
        module.register_full_backward_hook(lambda m, gi, _go: seen.append((type(m).__name__, gi[0])))
    y = net(x)
    np.testing.assert_array_equal(y.numpy(), plain.numpy())
    (found,) = tg.grad(y.sum(), x)
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert [name for name, _ in seen] == ["ReLU", "ReLU", "Linear"]
    np.testing.assert_array_equal(seen[-1][1].numpy(), expected.numpy())


def test_the_output_of_a_hooked_layer_may_be_written_into() -> None:
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda *_: None)
    y = layer(tg.ones(1, 2))
    y.add_(1.0)
    y.sum().backward()
    detached = layer(tg.ones(1, 2)).detach()
    detached *= 0.0
    assert detached.numpy().sum() == 0


def test_nothing_is_in_the_way_where_no_gradient_is_recorded() -> None:
    layer, seen = nn.Linear(2, 2), []
    layer.register_full_backward_hook(lambda *a: seen.append(a))
    with tg.no_grad():
        assert layer(tg.ones(1, 2)).grad_fn is None
    layer.requires_grad_(False)
    assert layer(tg.ones(1, 2)).grad_fn is None
    assert not seen


def test_no_cycle_is_left() -> None:
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda *_: None)
    gc.collect()
    gc.disable()
    try:
        y = layer(leaf(1, 2).float())
        node = weakref.ref(y.grad_fn)
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_two_calls_and_two_walks_do_not_mix() -> None:
    layer, seen = nn.Linear(1, 1, bias=False).double(), []
    layer.register_full_backward_hook(lambda _m, gi, go: seen.append((gi[0].item(), go[0].item())))
    w, x = layer.weight.item(), leaf(1, 1)
    a, b = layer(x), layer(layer(x))
    (a * 2).backward(retain_graph=True)
    b.backward(retain_graph=True)
    (a * 5).backward()
    np.testing.assert_allclose(seen, [(2 * w, 2), (w, 1), (w * w, w), (5 * w, 5)])


def test_a_hook_may_keep_what_it_sees() -> None:
    """The gradient of a leaf goes on growing in its own memory."""
    layer, seen, x = nn.Identity(), [], leaf(3)
    layer.register_full_backward_hook(lambda _m, gi, go: seen.append((gi[0], go[0])))
    x.register_hook(lambda g: seen.append((g, g)))
    for _ in range(3):
        (layer(x) * 2.0).sum().backward()
    assert [(a.tolist(), b.tolist()) for a, b in seen] == [([2, 2, 2], [2, 2, 2])] * 6
    assert x.grad.tolist() == [6, 6, 6]


def test_a_gradient_that_came_by_another_way_is_none_of_the_outputs() -> None:
    """A gradient that reaches the inputs past the outputs: hooks have nothing to say about it."""
    layer, seen = nn.Linear(2, 2, bias=False).double(), []
    layer.register_full_backward_hook(lambda *a: seen.append(a))
    x = leaf(1, 2)
    inner: list[Any] = []
    layer.register_forward_hook(lambda _m, args, _y: inner.append((args[0] ** 2).sum()))
    layer(x)
    inner[0].backward()
    assert not seen


def test_a_second_walk_that_misses_an_input_sees_no_old_gradient() -> None:
    class Both(nn.Module):
        def forward(self, a: Any, b: Any) -> Any:
            return a * 2, b * 3

    layer, seen = Both(), []
    layer.register_full_backward_hook(lambda _m, gi, _go: seen.append([g.item() for g in gi]))
    y, z = layer(leaf(1), leaf(1))
    (y + z).sum().backward(retain_graph=True)
    z.sum().backward(retain_graph=True)
    (g,) = tg.grad(y.sum(), y)  # stops before the layer
    y.sum().backward()
    assert g.item() == 1
    assert seen == [[2, 3], [0, 3], [2, 0]]


def test_pictures_and_profiles_of_a_hooked_net() -> None:
    net, seen = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2)), []
    for module in net:
        module.register_full_backward_hook(lambda *a: seen.append(a))
    x = tg.randn(2, 1, 5, 5)
    drawing = tg.viz.draw_graph(net, inputs=x)
    assert "conv2d" in drawing.source
    assert not seen
    with tg.profiler.profile() as profile:
        net(x).sum().backward()
    assert len(seen) == 4
    assert "conv2d" in str(profile.key_averages().table())
    assert tg.summary(net, (2, 1, 5, 5)).parameters == sum(p.numel() for p in net.parameters())
    net[1].register_full_backward_hook(lambda _m, gi, go: (F.relu(go[0]) * (gi[0] > 0),))  # guided backprop
    net(x.requires_grad_()).sum().backward()
    assert x.grad is not None


def test_detecting_anomalies_sees_through_hooks() -> None:
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda _m, gi, _go: (gi[0] * float("nan"),))
    x = leaf(1, 2).float().detach().requires_grad_()
    with tg.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="nan"):
        (layer(x * 1) ** 2).sum().backward()


def test_checkpointed_segments_run_their_hooks() -> None:
    layer, seen = nn.Linear(2, 2).double(), []
    layer.register_full_backward_hook(lambda *a: seen.append(a))
    x = leaf(3, 2)
    tg.checkpoint(layer, x).sum().backward()
    assert len(seen) == 1
