"""Batch-norm of images with channels innermost in memory: the same numbers as in any other order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.ops import channelwise
from tinygrad_cnn.tensors import Tensor


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channelwise, "_BLOCK", 60)


def last(x: Any) -> Any:
    """The same numbers, with channels innermost in memory."""
    return np.ascontiguousarray(x.transpose(2, 3, 0, 1)).transpose(2, 3, 0, 1)


@pytest.mark.parametrize("shape", [(4, 5, 3, 7), (1, 3, 2, 2), (6, 1, 1, 1)])
@pytest.mark.parametrize("affine", [True, False])
def test_forward_and_all_gradients(shape: Any, affine: bool) -> None:
    rng = np.random.default_rng(0)
    x, u = rng.standard_normal(shape) * 3 + 5, rng.standard_normal(shape)
    found = []
    for order in (np.ascontiguousarray, last):
        layer = tg.nn.BatchNorm2d(shape[1], affine=affine).double()
        if affine:
            layer.weight.numpy()[...] = rng.standard_normal(shape[1]) if not found else found[0][-2]
            layer.bias.numpy()[...] = rng.standard_normal(shape[1]) if not found else found[0][-1]
        t = Tensor(order(x), requires_grad=True)
        assert channelwise.fits(t.numpy(), (0, 2, 3)) == (order is last or max(shape[2:]) == 1)
        y = layer(t)
        parameters = list(layer.parameters())
        gradients = tg.grad((y * Tensor(u)).sum(), [t, *parameters], create_graph=True)
        second = tg.grad((gradients[0] * gradients[0]).sum(), [t])
        found.append([v.numpy() for v in (y, *gradients, *second, layer.running_mean, layer.running_var, *parameters)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_numbers_far_from_zero_keep_their_digits() -> None:
    x = np.random.default_rng(0).standard_normal((8, 2, 16, 16))
    y = tg.nn.BatchNorm2d(2)(Tensor(last((x + 1000).astype(np.float32)))).numpy()
    expected = (x - x.mean((0, 2, 3), keepdims=True)) / x.std((0, 2, 3), keepdims=True)
    np.testing.assert_allclose(y, expected, atol=2e-3)


def test_the_first_rows_may_lie_far_from_the_others() -> None:
    x = np.random.default_rng(0).standard_normal((4, 2, 32, 8))
    x[:, :, :2] += 1000  # the sixteenth that the distances are taken from
    mean, variance = channelwise.moments(last(x.astype(np.float32)))
    np.testing.assert_allclose(mean, x.mean((0, 2, 3), keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(variance, x.var((0, 2, 3), keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("create_graph", [False, True])
def test_what_the_rules_share_is_of_one_gradient(create_graph: bool) -> None:
    rng = np.random.default_rng(0)
    x = Tensor(last(rng.standard_normal((4, 3, 5, 2))), requires_grad=True)
    layer = tg.nn.BatchNorm2d(3).double()
    y, g = layer(x), Tensor(last(rng.standard_normal((4, 3, 5, 2))))
    first = tg.grad(y, [x, layer.weight, layer.bias], g, retain_graph=True, create_graph=create_graph)
    g.mul_(2.0)
    weight, bias = tg.grad(y, [layer.weight, layer.bias], g, retain_graph=True, create_graph=create_graph)
    np.testing.assert_allclose(weight.numpy(), 2 * first[1].numpy(), rtol=1e-12)
    np.testing.assert_allclose(bias.numpy(), 2 * first[2].numpy(), rtol=1e-12)
    bias.numpy()[...] = 0  # theirs alone
    again = tg.grad(y, [x, layer.bias], g)
    np.testing.assert_allclose(again[0].numpy(), 2 * first[0].numpy(), rtol=1e-12)
    np.testing.assert_allclose(again[1].numpy(), 2 * first[2].numpy(), rtol=1e-12)
