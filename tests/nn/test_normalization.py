"""What the cases cannot see of the normalisations: running statistics, modes, messages, exactness, memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.tensors import Tensor


def test_running_statistics_move_in_place_towards_the_unbiased_variance() -> None:
    layer = nn.BatchNorm2d(2, momentum=0.25)
    mean, var = layer.running_mean.numpy(), layer.running_var.numpy()
    x = np.random.default_rng(0).normal(3, 2, (4, 2, 3, 3)).astype(np.float32)
    layer(Tensor(x))
    assert layer.running_mean.numpy() is mean
    assert layer.running_var.numpy() is var
    np.testing.assert_allclose(mean, 0.25 * x.mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(var, 0.75 + 0.25 * x.var((0, 2, 3), ddof=1), rtol=1e-5)
    assert layer.num_batches_tracked.item() == 1
    assert mean.dtype == var.dtype == np.float32


def test_without_momentum_they_are_the_average_over_all_batches() -> None:
    layer = nn.BatchNorm1d(3, momentum=None).double()
    batches = np.random.default_rng(0).normal(size=(5, 8, 3))
    for batch in batches:
        layer(Tensor(batch))
    np.testing.assert_allclose(layer.running_mean.numpy(), batches.mean((0, 1)))
    np.testing.assert_allclose(layer.running_var.numpy(), batches.var(1, ddof=1).mean(0))
    layer.reset_running_stats()
    assert layer.num_batches_tracked.item() == 0
    assert layer.running_var.numpy().tolist() == [1, 1, 1]


def test_evaluation_changes_nothing_and_does_not_look_at_the_batch() -> None:
    layer = nn.BatchNorm1d(3).eval()
    before = {k: v.numpy().copy() for k, v in layer.state_dict().items()}
    x = np.random.default_rng(0).normal(5, 3, (4, 3)).astype(np.float32)
    together = layer(Tensor(x)).numpy()
    for k in range(4):
        np.testing.assert_array_equal(layer(Tensor(x[k : k + 1])).numpy()[0], together[k])
    for k, v in layer.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), before[k])


def test_running_statistics_are_not_part_of_the_graph() -> None:
    layer = nn.BatchNorm1d(2)
    x = Tensor(np.ones((3, 2), np.float32) * np.arange(3, dtype=np.float32)[:, None], requires_grad=True)
    y = layer(x)
    layer(Tensor(np.zeros((3, 2), np.float32)))  # moves the running statistics; y does not need them
    y.sum().backward()
    assert not layer.running_mean.requires_grad
    assert layer.running_mean.grad is None


def test_a_backward_that_needs_old_running_statistics_is_refused() -> None:
    layer = nn.BatchNorm1d(2).eval()
    y = layer(Tensor(np.ones((3, 2), np.float32)))
    layer.train()(Tensor(np.arange(6, dtype=np.float32).reshape(3, 2)))
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_a_call_that_fails_changes_nothing() -> None:
    layer = nn.BatchNorm1d(3)
    before = {k: v.numpy().copy() for k, v in layer.state_dict().items()}
    for bad in (np.zeros((1, 3), np.float32), np.zeros((4, 2), np.float32), np.zeros((4, 3))):
        with pytest.raises((ValueError, TypeError)):
            layer(Tensor(bad))
    for k, v in layer.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), before[k])


def test_an_empty_batch_moves_nothing() -> None:
    layer = nn.BatchNorm1d(3)
    assert layer(Tensor(np.zeros((0, 3), np.float32))).shape == (0, 3)
    assert layer.running_var.numpy().tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.BatchNorm2d(3)(Tensor(np.zeros((2, 3)))), r"BatchNorm2d: expected input \(N, C, H, W\), got shape"),
        (lambda: nn.BatchNorm1d(3)(Tensor(np.zeros((2, 3, 4, 4)))), r"\(N, C\) or \(N, C, L\)"),
        (lambda: nn.InstanceNorm2d(3)(Tensor(np.zeros((3, 4)))), r"\(N, C, H, W\) or \(C, H, W\)"),
        (lambda: F.batch_norm(np.zeros((2, 3)), None, None), "running_mean and running_var must be given"),
        (lambda: F.batch_norm(np.zeros((1, 3, 1, 1)), None, None, training=True), "more than 1 value per channel"),
        (
            lambda: F.batch_norm(np.zeros((2, 3)), np.zeros(2), np.ones(3)),
            r"running_mean must have shape \(3,\).*\(2,\)",
        ),
        (lambda: F.batch_norm(np.zeros(3), None, None, training=True), r"input must have shape \(N, C, ...\)"),
        (lambda: F.batch_norm(np.zeros((2, 3)), None, None, training=True, eps=-1), "eps must be at least 0"),
        (lambda: F.instance_norm(np.zeros((2, 3, 1))), "more than 1 spatial element"),
        (lambda: F.instance_norm(np.zeros((2, 3))), "with pixels"),
        (lambda: F.instance_norm(np.zeros((2, 3, 4)), use_input_stats=False), "must be given"),
        (lambda: F.layer_norm(np.zeros((2, 3)), 4), r"normalized_shape \(4,\) must be the last sizes.*\(2, 3\)"),
        (lambda: F.layer_norm(np.zeros((2, 3)), 3, np.ones(2)), r"weight must have shape \(3,\), got \(2,\)"),
        (lambda: F.group_norm(np.zeros((2, 3)), 2), "num_groups must divide the 3 channels of the input, got 2"),
        (lambda: F.group_norm(np.zeros((1, 3)), 3), "more than 1 value per group"),
        (lambda: nn.GroupNorm(2, 3), "num_groups=2 must divide num_channels=3"),
        (lambda: F.local_response_norm(np.zeros((2, 3)), 2), "at least 3 dimensions"),
        (lambda: F.local_response_norm(np.zeros((2, 3, 4)), 0), "size must be an int of at least 1, got 0"),
    ],
)
def test_messages(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("what", ["weight", "bias", "running_mean", "running_var"])
def test_another_dtype_is_an_error(what: str) -> None:
    given: dict[str, Any] = {"running_mean": np.zeros(3), "running_var": np.ones(3)} | {what: np.ones(3, np.float32)}
    with pytest.raises(TypeError, match=f"batch_norm: {what} must have the dtype of the input, float64, got float32"):
        F.batch_norm(np.zeros((2, 3)), **given)


@pytest.mark.parametrize("order", ["batch last", "channels last", "channels first"])
def test_exact_far_from_zero_in_every_memory_order(order: str) -> None:
    """float32, a mean 1,000 times the deviation: no cancellation in the variance; gradients too."""
    rng = np.random.default_rng(0)
    a = (rng.normal(size=(16, 3, 8, 8)) + 1000).astype(np.float32)
    axes = {"batch last": (1, 2, 3, 0), "channels last": (2, 3, 0, 1), "channels first": (0, 1, 2, 3)}[order]
    laid = np.ascontiguousarray(a.transpose(axes)).transpose(np.argsort(axes))
    g = rng.normal(size=a.shape)
    results = []
    for dtype, values in ((np.float32, laid), (np.float64, a.astype(np.float64))):
        x, w, b = (Tensor(v.astype(dtype, order="K"), requires_grad=True) for v in (values, np.ones(3), np.ones(3)))
        y = F.batch_norm(x, None, None, w, b, training=True)
        y.backward(Tensor(g.astype(dtype)))
        results.append([y.numpy(), x.grad.numpy(), w.grad.numpy(), b.grad.numpy()])
    assert results[0][0].strides == laid.strides
    for single, double, tolerance in zip(*results, (3e-4, 3e-4, 2e-2, 1e-3), strict=True):
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, double, atol=tolerance)


def test_instance_statistics_average_over_the_batch() -> None:
    layer = nn.InstanceNorm1d(2, momentum=1.0, track_running_stats=True).double()
    x = np.random.default_rng(0).normal(size=(4, 2, 5))
    layer(Tensor(x))
    np.testing.assert_allclose(layer.running_mean.numpy(), x.mean((0, 2)))
    np.testing.assert_allclose(layer.running_var.numpy(), x.var(2, ddof=1).mean(0))
    y = layer.eval()(Tensor(x))
    expected = (x - x.mean((0, 2))[:, None]) / np.sqrt(x.var(2, ddof=1).mean(0)[:, None] + 1e-5)
    np.testing.assert_allclose(y.numpy(), expected)


def test_device_and_dtype() -> None:
    layer = nn.BatchNorm2d(2, device="cpu", dtype=np.float64)
    assert {v.dtype for k, v in layer.state_dict().items() if k != "num_batches_tracked"} == {np.dtype(np.float64)}
    with pytest.raises(RuntimeError, match="CPU alone"):
        nn.LayerNorm(3, device="cuda")
