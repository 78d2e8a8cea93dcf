"""Activations that draw: what the cases cannot see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F


def test_rrelu_draws_in_training_alone() -> None:
    layer = nn.RReLU(0.1, 0.3)
    tg.manual_seed(0)
    slopes = layer(-tg.ones(20_000)).numpy()
    assert -0.3 <= slopes.min() < -0.298
    assert -0.102 < slopes.max() <= -0.1
    assert abs(slopes.mean() + 0.2) < 0.002
    assert layer.eval()(-tg.ones(3)).tolist() == [-np.float32(0.2)] * 3
    assert repr(layer) == "RReLU(lower=0.1, upper=0.3)"


def test_the_gradient_is_the_slope_that_was_drawn() -> None:
    x = tg.tensor([-1.0, 2.0, -3.0], requires_grad=True)
    y = F.rrelu(x, training=True)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.numpy() / x.numpy(), rtol=1e-6)


def test_gumbel_softmax_samples_the_classes() -> None:
    """Hard samples are one-hot, as frequent as the probabilities, and have the soft sample's gradient."""
    tg.manual_seed(1)
    p = np.array([0.1, 0.2, 0.7])
    logits = tg.tensor(np.log(p)).expand(20_000, 3)
    hard = F.gumbel_softmax(logits, hard=True).numpy()
    assert set(np.unique(hard.round(12))) == {0.0, 1.0}
    np.testing.assert_allclose(hard.sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(hard.mean(0), p, atol=0.012)

    x = tg.tensor([[0.3, -0.2, 0.9]], requires_grad=True)
    w = tg.tensor([[1.0, -2.0, 0.5]])
    found = []
    for hard_one in (True, False):
        (F.gumbel_softmax(x, 0.7, hard_one, generator=tg.Generator(3)) * w).sum().backward()
        found.append(x.grad.numpy())
        x.grad = None
    np.testing.assert_allclose(*found, rtol=1e-6)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_hard_samples_along_a_dimension(dim: int) -> None:
    y = F.gumbel_softmax(tg.randn(4, 3), hard=True, dim=dim)
    np.testing.assert_allclose(y.sum(dim).numpy(), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: F.rrelu(x, 0.5, 0.1), "lower <= upper, got 0.5 and 0.1"),
        (lambda x: F.rrelu(x, 0.1, float("inf")), "must be finite"),
        (lambda x: F.gumbel_softmax(x, 0), "tau must be a number > 0, got 0"),
    ],
)
def test_messages(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(tg.ones(3))


WRITTEN = [
    ("relu_", ()),
    ("elu_", (0.5,)),
    ("celu_", (0.5,)),
    ("selu_", ()),
    ("hardtanh_", (-0.5, 0.25)),
    ("leaky_relu_", (0.2,)),
    ("rrelu_", ()),
    ("threshold_", (0.1, 2.0)),
]


@pytest.mark.parametrize(("name", "arguments"), WRITTEN)
def test_the_names_that_write(torch: Any, name: str, arguments: Any) -> None:
    a = np.random.default_rng(0).normal(size=(3, 4))
    x, t = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    h, k = x * 2, t * 2
    y, z = getattr(F, name)(h, *arguments), getattr(torch.nn.functional, name)(k, *arguments)
    assert y is h
    np.testing.assert_allclose(h.numpy(), k.detach().numpy(), rtol=1e-12)
    y.backward(tg.tensor(a))
    z.backward(torch.tensor(a))
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-9)
    twin = getattr(F, name[:-1])(tg.tensor(a), *arguments)
    np.testing.assert_array_equal(getattr(F, name)(tg.tensor(a), *arguments).numpy(), twin.numpy())
