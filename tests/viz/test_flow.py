"""Gradient flow: figures against NumPy's, verdicts on nets made to earn them, the next step against the real one."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz


def chain(gain: float, depth: int = 8, activation: Any = nn.Identity) -> nn.Sequential:
    """Linear layers whose gradients shrink or grow by about ``gain`` each on their way back."""
    tg.manual_seed(0)
    layers: list[Any] = []
    for _ in range(depth):
        layers += [nn.Linear(10, 10), activation()]
        layers[-2].weight.data.mul_(gain / np.sqrt(1 / 3))
    net = nn.Sequential(*layers)
    (net(tg.randn(16, 10)) ** 2).mean().backward()
    return net


def verdicts(net: Any, **settings: Any) -> list[str]:
    return [layer.verdict for layer in viz.gradient_flow(net, **settings)]


def test_figures_are_those_of_the_gradients() -> None:
    net = chain(1.0, 3)
    net[2].weight.grad.numpy()[:5] = 0
    layer = viz.gradient_flow(net)[1]
    g = np.concatenate([net[2].weight.grad.numpy().ravel(), net[2].bias.grad.numpy()]).astype(float)
    assert (layer.name, layer.type, layer.parameters, layer.update) == ("2", "Linear", 110, None)
    assert layer.mean == pytest.approx(np.abs(g).mean())
    assert layer.largest == np.abs(g).max()
    assert layer.zeros == 50 / 110


def test_layers_whose_gradients_die_or_burst_are_marked() -> None:
    assert verdicts(chain(1.0)) == [""] * 8
    dying = verdicts(chain(1.0, 10, nn.Sigmoid))
    assert dying[0] == "vanishing"
    assert dying[-1] == ""  # far above the median, but where gradients come from
    net = chain(1.0)
    for i, p in enumerate(net.parameters()):
        p.grad.numpy()[...] *= 10.0 ** (8 - i)
    bursting = verdicts(net)
    assert bursting[0] == "exploding"
    assert bursting[-1] == ""
    assert verdicts(net, far=1e30) == [""] * 8


def test_what_is_no_number_is_said() -> None:
    net = chain(1.0)
    net[0].weight.grad.numpy()[0, :3] = np.nan
    net[2].bias.grad.numpy()[:2] = [np.inf, -np.inf]
    net[4].weight.grad.numpy()[0, 0], net[4].bias.grad.numpy()[0] = np.nan, np.inf
    net[6].weight.grad = net[6].bias.grad = None
    net[8].bias.grad = None
    for p in net[10].parameters():
        p.grad.numpy()[...] = 0
    net[12].requires_grad_(False)
    expected = ["3 NaN", "2 infinite", "1 NaN, 1 infinite", "no gradient", "1 without gradient", "all zero", ""]
    found = viz.gradient_flow(net)
    assert [layer.verdict for layer in found] == expected
    assert [layer.name for layer in found] == ["0", "2", "4", "6", "8", "10", "14"]  # a frozen layer has none to show
    assert np.isfinite([layer.mean for layer in found if layer.verdict != "no gradient"]).all()


@pytest.mark.parametrize("kind", ["SGD", "Adam", "RMSprop"])
def test_the_update_is_what_the_next_step_does_and_nothing_has_changed(kind: str) -> None:
    net = chain(1.0, 3)
    settings = {"lr": 0.01, "momentum": 0.9} if kind == "SGD" else {"lr": 0.01}
    optimizer = getattr(tg.optim, kind)(net.parameters(), **settings)
    optimizer.step()
    before, state = [p.numpy().copy() for p in net.parameters()], copy.deepcopy(optimizer.state_dict())
    grads = [p.grad for p in net.parameters()]
    ratios = [layer.update for layer in viz.gradient_flow(net, optimizer)]
    assert all(np.array_equal(a, p.numpy()) for a, p in zip(before, net.parameters(), strict=True))
    assert all(g is p.grad for g, p in zip(grads, net.parameters(), strict=True))
    assert repr(optimizer.state_dict()) == repr(state)
    optimizer.step()
    for i, ratio in enumerate(ratios):
        pairs = [(before[k], list(net.parameters())[k].numpy()) for k in (2 * i, 2 * i + 1)]
        step = np.sqrt(sum(((b - a).astype(float) ** 2).sum() for a, b in pairs))
        assert ratio == pytest.approx(step / np.sqrt(sum((a.astype(float) ** 2).sum() for a, _ in pairs)), rel=1e-4)


def test_a_shared_parameter_counts_once() -> None:
    net = chain(1.0, 3)
    net[4].weight = net[0].weight
    assert [layer.parameters for layer in viz.gradient_flow(net)] == [110, 110, 10]


def test_the_picture_says_its_verdicts() -> None:
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    net = chain(1.0, 10, nn.Sigmoid)
    net[2].weight.grad.numpy()[0, 0] = np.nan
    figure = viz.plot_gradient_flow(net)
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.texts][:2] == ["vanishing", "1 NaN"]
    assert [tick.get_text() for tick in ax.get_yticklabels()][:2] == ["0 Linear", "2 Linear"]
    assert ax.get_xscale() == "log"
    assert len(viz.plot_gradient_flow(net, tg.optim.SGD(net.parameters(), lr=0.1)).axes) == 2
    for p in net.parameters():
        p.grad = tg.zeros(*p.shape)
    viz.plot_gradient_flow(net, tg.optim.SGD(net.parameters(), lr=0.1)).canvas.draw()  # nothing for a logarithm


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda _: viz.gradient_flow(print), TypeError, "model must be an nn.Module"),
        (lambda _: viz.gradient_flow(nn.Linear(2, 2)), ValueError, "no parameter of the model has a gradient"),
        (lambda net: viz.gradient_flow(net, far=1), ValueError, "far must be a number of more than 1, got 1"),
        (lambda net: viz.gradient_flow(net, "SGD"), TypeError, "optimizer must be an optimizer"),
        (lambda net: viz.gradient_flow(net, tg.optim.SGD(nn.Linear(1, 1).parameters())), ValueError, "has none of"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(chain(1.0, 2))
