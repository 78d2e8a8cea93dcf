"""Initialisers: the distribution each promises, reproducibility, PyTorch's deterministic ones, messages."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.arrays.rng import Generator
from tinygrad_cnn.nn import init
from tinygrad_cnn.tensors import Tensor

RANDOM: dict[str, dict[str, Any]] = {
    "uniform_": {},
    "normal_": {},
    "trunc_normal_": {},
    "xavier_uniform_": {},
    "xavier_normal_": {},
    "kaiming_uniform_": {},
    "kaiming_normal_": {},
    "orthogonal_": {},
    "sparse_": {"sparsity": 0.1},
}


def empty(*shape: int, dtype: Any = np.float32) -> Tensor:
    return Tensor(np.full(shape, np.nan, dtype))


def moments(a: Any) -> tuple[float, float]:
    return float(a.mean()), float(a.std())


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fills_in_place_and_reproducibly(name: str, dtype: Any) -> None:
    f, kwargs = getattr(init, name), RANDOM[name]
    t = empty(6, 4, dtype=dtype)
    memory = t.numpy()
    assert f(t, **kwargs, generator=Generator(3)) is t
    assert t.numpy() is memory
    assert t.dtype == dtype
    assert np.isfinite(t.numpy()).all()
    again = f(empty(6, 4, dtype=dtype), **kwargs, generator=np.random.default_rng(3))
    np.testing.assert_array_equal(t.numpy(), again.numpy())
    tg.manual_seed(3)
    first = f(empty(6, 4, dtype=dtype), **kwargs).numpy()
    np.testing.assert_array_equal(first, t.numpy())
    assert (f(empty(6, 4, dtype=dtype), **kwargs).numpy() != first).any()


@pytest.mark.parametrize("name", RANDOM)
def test_records_nothing_and_is_noticed(name: str) -> None:
    p = nn.Parameter(np.ones((4, 4), np.float32))
    y = p * p
    getattr(init, name)(p, **RANDOM[name])
    assert p.is_leaf
    assert p.requires_grad
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_uniform_and_normal() -> None:
    u = init.uniform_(empty(400, 500), -1.0, 3.0, Generator(0)).numpy()
    assert u.min() >= -1
    assert u.max() <= 3
    np.testing.assert_allclose(moments(u), (1, 4 / math.sqrt(12)), atol=0.01)
    np.testing.assert_allclose(
        moments(init.normal_(empty(400, 500), 2.0, 0.5, Generator(0)).numpy()), (2, 0.5), atol=0.01
    )


def density_mean(a: float, b: float) -> tuple[float, float]:
    """Mean and standard deviation of a standard normal between a and b, by summing over a fine grid."""
    x = np.linspace(a, b, 200_001)
    w = np.exp(-0.5 * (x * x - min(x * x)))
    w /= w.sum()
    mean = float((w * x).sum())
    return mean, math.sqrt(float((w * (x - mean) ** 2).sum()))


@pytest.mark.parametrize(
    ("a", "b"), [(-2.0, 2.0), (-0.1, 0.2), (1.0, 4.0), (5.0, 9.0), (8.0, 8.01), (-7.0, -4.0), (-0.5, 6.0), (-9.0, 0.3)]
)
def test_trunc_normal_has_the_distribution_also_in_the_tails(a: float, b: float) -> None:
    n = 40_000
    values = init.trunc_normal_(empty(n, dtype=np.float64), 0.0, 1.0, a, b, Generator(1)).numpy()
    assert values.min() >= a
    assert values.max() <= b
    mean, std = density_mean(a, b)
    assert abs(values.mean() - mean) < 5 * std / math.sqrt(n)
    assert abs(values.std() - std) < 0.03 * std
    scaled = init.trunc_normal_(empty(n), 3.0, 0.5, 3 + a / 2, 3 + b / 2, Generator(1)).numpy()
    np.testing.assert_allclose(scaled, 3 + values / 2, rtol=1e-6)


def test_trunc_normal_is_normal_within() -> None:
    values = np.sort(init.trunc_normal_(empty(50_000, dtype=np.float64), generator=Generator(0)).numpy())
    phi = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in values[::500]])
    low, high = 0.5 * math.erfc(math.sqrt(2)), 0.5 * math.erfc(-math.sqrt(2))
    assert abs((phi - low) / (high - low) - np.arange(0, 50_000, 500) / 50_000).max() < 0.01  # Kolmogorov-Smirnov


@pytest.mark.parametrize("shape", [(300, 200), (60, 50, 3, 3), (100, 40, 5)])
def test_xavier_and_kaiming_variances(shape: tuple[int, ...]) -> None:
    fan_in, fan_out = math.prod(shape[1:]), shape[0] * math.prod(shape[2:])
    expected = {
        ("xavier_uniform_", ()): math.sqrt(2 / (fan_in + fan_out)),
        ("xavier_normal_", (3.0,)): 3 * math.sqrt(2 / (fan_in + fan_out)),
        ("kaiming_uniform_", (math.sqrt(5),)): 1 / math.sqrt(3 * fan_in),
        ("kaiming_normal_", (0, "fan_out", "relu")): math.sqrt(2 / fan_out),
        ("kaiming_normal_", (0, "fan_in", "linear")): 1 / math.sqrt(fan_in),
    }
    for (name, arguments), std in expected.items():
        values = getattr(init, name)(empty(*shape), *arguments, generator=Generator(0)).numpy()
        assert abs(values.mean()) < 0.03 * std
        assert abs(values.std() / std - 1) < 0.03
        if "uniform" in name:
            assert abs(values).max() <= std * math.sqrt(3) * (1 + 1e-6)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (4, 3, 2, 2), (2, 3, 1)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    q = init.orthogonal_(empty(*shape, dtype=np.float64), 2.0, Generator(0)).numpy().reshape(shape[0], -1)
    small = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)
    signs = [init.orthogonal_(empty(1, 1), generator=Generator(s)).numpy().item() for s in range(40)]
    assert {-1.0, 1.0} == set(signs)  # uniform among all: both signs appear


def test_sparse() -> None:
    a = init.sparse_(empty(10, 400), 0.25, 0.5, Generator(0)).numpy()
    assert ((a == 0).sum(0) == 3).all()
    assert abs(a[a != 0].std() - 0.5) < 0.02
    assert abs((a == 0).mean(1) - 0.3).max() < 0.12  # every row has its share


def test_calculate_gain(torch: Any) -> None:
    for name in ("linear", "conv1d", "conv2d", "conv_transpose2d", "sigmoid", "tanh", "relu", "selu", "leaky_relu"):
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert init.calculate_gain("leaky_relu", 0.5) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.5))


@pytest.mark.parametrize(
    ("name", "shape", "args"),
    [
        ("constant_", (3, 4), (0.3,)),
        ("ones_", (3,), ()),
        ("zeros_", (), ()),
        ("eye_", (3, 5), ()),
        ("dirac_", (3, 4, 3), ()),
        ("dirac_", (5, 2, 3, 4), ()),
        ("dirac_", (6, 2, 3, 3), (3,)),
    ],
)
def test_constants_are_pytorchs(torch: Any, name: str, shape: tuple[int, ...], args: tuple[Any, ...]) -> None:
    ours = getattr(init, name)(empty(*shape), *args)
    theirs = getattr(torch.nn.init, name)(torch.empty(shape), *args)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("name", [*RANDOM, "constant_", "ones_", "zeros_", "eye_", "dirac_"])
def test_signature(torch: Any, name: str) -> None:
    ours, theirs = (
        [(p.name, p.default) for p in inspect.signature(getattr(module, name)).parameters.values()]
        for module in (init, torch.nn.init)
    )
    assert ours == theirs


def test_a_dirac_convolution_is_the_identity() -> None:
    layer = nn.Conv2d(3, 3, 3, padding=1, bias=False)
    init.dirac_(layer.weight)
    x = Tensor(np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32))
    np.testing.assert_array_equal(layer(x).numpy(), x.numpy())


def test_a_transposed_tensor_is_filled_too() -> None:
    t = Tensor(np.zeros((3, 4), np.float32).T)
    init.normal_(t, generator=Generator(0))
    assert t.numpy().all()
    np.testing.assert_array_equal(t.numpy(), init.normal_(empty(4, 3), generator=Generator(0)).numpy())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: init.uniform_(empty(2), 1.0, 0.0), ValueError, "a must not be above b, got 1.0 and 0.0"),
        (lambda: init.normal_(empty(2), 0.0, -1.0), ValueError, "std must be at least 0, got -1.0"),
        (lambda: init.normal_(Tensor(np.zeros(2, int))), TypeError, "only a floating tensor .* got dtype int64"),
        (lambda: init.normal_(np.zeros(2)), TypeError, "normal_: expected a Tensor to fill, got ndarray"),
        (lambda: init.trunc_normal_(empty(2), a=1.0, b=1.0), ValueError, "a must be less than b"),
        (lambda: init.trunc_normal_(empty(2), std=0.0), ValueError, "std must be greater than 0"),
        (lambda: init.eye_(empty(2, 2, 2)), ValueError, r"2 dimensions, got shape \(2, 2, 2\)"),
        (lambda: init.dirac_(empty(2, 2)), ValueError, "3, 4 or 5 dimensions"),
        (lambda: init.dirac_(empty(3, 2, 3), 2), ValueError, "groups=2 must divide the 3 output channels"),
        (lambda: init.orthogonal_(empty(2)), ValueError, "at least 2 dimensions"),
        (lambda: init.sparse_(empty(2), 0.1), ValueError, "2 dimensions"),
        (lambda: init.sparse_(empty(2, 2), 1.5), ValueError, "between 0 and 1, got 1.5"),
        (lambda: init.xavier_normal_(empty(2)), ValueError, r"xavier_normal_: fan in .* got shape \(2,\)"),
        (lambda: init.kaiming_normal_(empty(2, 2), mode="fan"), ValueError, "'fan_in' or 'fan_out', got 'fan'"),
        (lambda: init.calculate_gain("swish"), ValueError, "unknown nonlinearity 'swish'; known are leaky_relu"),
        (lambda: init.calculate_gain("leaky_relu", True), ValueError, "must be a number, got True"),
    ],
)
def test_messages(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
