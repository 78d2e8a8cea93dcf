"""The engine of the page against the package's: losses, gradients, and a hundred steps of training, in float64."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from viz.playing.scripts import computed

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F

ACTIVATIONS = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": lambda: nn.LeakyReLU(0.03),
    "gelu": nn.GELU,
    "none": nn.Identity,
}
NUMBERS = "const numbers = (p) => [...p.data];"


def net(activation: str, outputs: int = 2, bias: bool = True) -> tuple[nn.Sequential, list[dict[str, Any]]]:
    """A net of 2, 5, 4 and some units, and the same as the page is given it."""
    tg.manual_seed(3)
    sizes = [2, 5, 4, outputs]
    linears = [nn.Linear(a, b, bias, dtype=tg.float64) for a, b in pairwise(sizes)]
    model = nn.Sequential(linears[0], ACTIVATIONS[activation](), linears[1], ACTIVATIONS[activation](), linears[2])
    given = [
        {
            "weight": one.weight.numpy().tolist(),
            "bias": None if one.bias is None else one.bias.numpy().tolist(),
            "activation": activation if i < 2 else "none",
            "slope": 0.03,
        }
        for i, one in enumerate(linears)
    ]
    return model, given


def points(n: int, classes: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    return rng.normal(size=(n, 2)), rng.integers(0, classes, n)


def loss_of(model: nn.Module, x: Any, labels: Any) -> Any:
    """The mean of -log p(label), as `crossEntropy` of the page has it."""
    logits = model(tg.tensor(x))
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], tg.tensor(labels.astype(np.float64)))
    return F.cross_entropy(logits, tg.tensor(labels))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("outputs", "bias"), [(1, True), (2, False), (3, True)])
def test_losses_and_gradients_are_those_of_the_package(activation: str, outputs: int, bias: bool) -> None:
    model, given = net(activation, outputs, bias)
    x, labels = points(40, max(outputs, 2))
    loss = loss_of(model, 3 * x, labels)
    loss.backward()
    code = f"""
        {NUMBERS}
        const layers = layersOf(given.layers);
        const loss = lossOf(layers, array(40, 2, Float64Array.from(given.x.flat())), given.labels);
        const slopes = gradients(loss);
        return {{ loss: loss.data[0], gradients: parametersOf(layers).map((p) => numbers(slopes.get(p))) }};
    """
    theirs = computed(code, {"layers": given, "x": (3 * x).tolist(), "labels": labels.tolist()})
    assert theirs["loss"] == pytest.approx(loss.item(), rel=1e-12)
    ours = [p.grad.numpy().ravel() for p in model.parameters()]
    assert len(theirs["gradients"]) == len(ours)
    for one, other in zip(theirs["gradients"], ours, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("optimizer", "momentum", "decay"), [("SGD", 0.0, 0.0), ("SGD", 0.9, 1e-3), ("Adam", 0.9, 0.0), ("Adam", 0.8, 1e-2)]
)
def test_a_hundred_steps_are_those_of_the_package(
    activation: str, optimizer: str, momentum: float, decay: float
) -> None:
    model, given = net(activation)
    x, labels = points(60, 2)
    if optimizer == "SGD":
        ours: Any = tg.optim.SGD(model.parameters(), 0.05, momentum, weight_decay=decay)
    else:
        ours = tg.optim.Adam(model.parameters(), 0.05, (momentum, 0.999), weight_decay=decay)
    losses = []
    for step in range(100):
        batch = slice(20 * (step % 3), 20 * (step % 3) + 20)
        loss = loss_of(model, x[batch], labels[batch])
        losses.append(loss.item())
        ours.zero_grad()
        loss.backward()
        ours.step()
    code = f"""
        {NUMBERS}
        const layers = layersOf(given.layers);
        const states = new Map();
        const losses = Array.from({{ length: 100 }}, (_, step) => {{
          const from = 20 * (step % 3);
          const x = array(20, 2, Float64Array.from(given.x.slice(from, from + 20).flat()));
          return trainStep(layers, x, given.labels.slice(from, from + 20), states, given.settings);
        }});
        return {{ losses, parameters: parametersOf(layers).map(numbers) }};
    """
    settings = {"optimizer": optimizer, "lr": 0.05, "momentum": momentum, "decay": decay}
    theirs = computed(code, {"layers": given, "x": x.tolist(), "labels": labels.tolist(), "settings": settings})
    np.testing.assert_allclose(theirs["losses"], losses, rtol=1e-6, atol=1e-6)
    for one, other in zip(theirs["parameters"], model.parameters(), strict=True):
        np.testing.assert_allclose(one, other.numpy().ravel(), rtol=1e-6, atol=1e-6)


def test_a_value_used_twice_adds_its_gradients() -> None:
    code = """
        const a = parameter([[0.5]]);
        const slopes = gradients(tanh(add(a, a)));
        return slopes.get(a).data[0];
    """
    assert computed(code) == pytest.approx(2 * (1 - np.tanh(1.0) ** 2), rel=1e-14)


def test_large_logits_do_not_overflow() -> None:
    code = """
        const loss = (z) => crossEntropy(array(1, z.length, Float64Array.from(z)), [0]).data[0];
        return [[800, -800], [-800], [900]].map(loss);
    """
    assert computed(code) == pytest.approx([0, 0, 900])


def test_the_same_seed_gives_the_same_points() -> None:
    code = """
        return Object.keys(DATA_SETS).map((name) => [1, 1, 2].map((seed) => makePoints(name, 60, 0.05, seed)));
    """
    for one, again, other in computed(code):
        assert one == again != other
        assert np.abs(np.array(one)[:, :2]).max() < 1.6
        labels = np.array(one)[:, 2]
        assert len(set(np.bincount(labels.astype(int)))) == 1, "as many of each class"
