"""What the cases cannot see of the activations: in-place use, messages, warnings, far ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.tensors import Tensor

INPLACE = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "silu",
    "mish",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
]


@pytest.mark.parametrize("name", INPLACE)
def test_inplace_changes_the_tensor_and_keeps_gradients_right(name: str) -> None:
    f = getattr(F, name)
    a = np.random.default_rng(0).normal(size=(3, 4))
    x, z = Tensor(a, requires_grad=True), Tensor(a, requires_grad=True)
    h = x * x * x  # needs x alone, not h
    y = f(h, inplace=True)
    assert y is h
    (y * h).sum().backward()  # h is y now, as in PyTorch
    plain = f(z * z * z)
    (plain * plain).sum().backward()
    np.testing.assert_array_equal(y.numpy(), plain.numpy())
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-14)


def test_inplace_leaves_the_old_values_to_those_who_need_them() -> None:
    x = Tensor(np.array([-1.0, 2.0]), requires_grad=True)
    h = x * 2
    square = h * h
    F.relu(h, inplace=True)
    square.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [-8.0, 16.0])


def test_inplace_works_on_a_view() -> None:
    x = Tensor(np.array([[-1.0, 2.0]]), requires_grad=True)
    y = nn.ReLU(inplace=True)((x * 3).reshape(2))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[0.0, 3.0]])


def test_inplace_refuses_a_leaf_that_requires_grad() -> None:
    x = Tensor(np.array([-1.0]), requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf tensor that requires grad"):
        F.relu(x, inplace=True)
    assert x.numpy().tolist() == [-1.0]
    with tg.no_grad():
        assert F.relu(x, inplace=True) is x
    assert x.numpy().tolist() == [0.0]
    assert x.requires_grad


def test_inplace_never_writes_to_an_array() -> None:
    a = np.array([-1.0, 1.0])
    assert F.relu(a, inplace=True).tolist() == [0.0, 1.0]
    assert a.tolist() == [-1.0, 1.0]
    F.relu(Tensor(a), inplace=True)  # a tensor that shares the memory of an array is another matter
    assert a.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("name", ["relu", "relu6", "hardtanh", "tanhshrink"])
def test_booleans_are_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name}: .*booleans"):
        getattr(F, name)(np.array([True]))


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "gelu", "silu", "mish", "softplus", "glu", "softshrink"])
def test_integers_are_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name}: input must be floating point, got dtype int64"):
        getattr(F, name)(np.arange(4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: F.gelu(x, "sigmoid"), "'none' or 'tanh', got 'sigmoid'"),
        (lambda x: F.hardtanh(x, 1.0, -1.0), "min_val must not be above max_val"),
        (lambda x: F.celu(x, 0.0), "alpha must not be 0"),
        (lambda x: F.softshrink(x, -0.5), "lambd must be at least 0, got -0.5"),
        (lambda x: F.softplus(x, 0.0), "beta must not be 0"),
        (lambda x: F.glu(x, 1), "3 entries along dim 1"),
        (lambda x: F.prelu(x, np.ones(2)), r"each of the 3 channels of input \(2, 3\), got shape \(2,\)"),
        (lambda _: nn.Hardtanh(1.0, 1.0), "max_val must be above min_val"),
        (lambda x: nn.Softmax2d()(x), r"\(N, C, H, W\) or \(C, H, W\), got \(2, 3\)"),
    ],
)
def test_messages(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(np.ones((2, 3)))


def test_not_a_tensor() -> None:
    with pytest.raises(TypeError, match="relu: input must be a Tensor or an ndarray, got list"):
        F.relu([1.0])


@pytest.mark.parametrize(("shape", "dim"), [((3,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((2, 3, 4, 5), 1)])
def test_softmax_without_dim_warns_and_guesses(shape: tuple[int, ...], dim: int) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    for f in (F.softmax, F.log_softmax, F.softmin):
        with pytest.warns(UserWarning, match=f"takes dim={dim}"):
            np.testing.assert_array_equal(f(x), f(x, dim))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_ends_are_finite_and_silent(dtype: Any) -> None:
    x = Tensor(np.array([-1e4, -200.0, 200.0, 1e4], dtype), requires_grad=True)
    expected = {
        "silu": [0, 0, 200, 1e4],
        "mish": [0, 0, 200, 1e4],
        "gelu": [0, 0, 200, 1e4],
        "softsign": [-1, -1, 1, 1],
    }
    with np.errstate(all="raise", under="ignore"):
        for name, values in expected.items():
            y = getattr(F, name)(x)
            np.testing.assert_allclose(y.numpy(), values, rtol=1e-2, atol=1e-6)
            x.grad = None
            y.sum().backward()
            assert np.isfinite(x.grad.numpy()).all(), name
        np.testing.assert_allclose(F.logsigmoid(x).numpy(), [-1e4, -200, 0, 0], rtol=1e-6, atol=1e-30)


def test_min_value_is_the_old_name() -> None:
    with pytest.warns(FutureWarning, match="min_val"):
        layer = nn.Hardtanh(min_value=-2.0, max_value=3.0)
    assert repr(layer) == "Hardtanh(min_val=-2.0, max_val=3.0)"


def test_broadcasting_distances() -> None:
    a, b = np.ones((2, 3)), np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(F.cosine_similarity(a, b, -1), [1 / np.sqrt(3)] * 2)
    np.testing.assert_allclose(F.pairwise_distance(a, b), [np.sqrt(2)] * 2, rtol=1e-5)
    with pytest.raises(TypeError, match="x1 or x2 must be floating point"):
        F.cosine_similarity(np.ones(3, int), np.ones(3, int), 0)
