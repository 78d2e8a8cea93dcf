"""Dropout: how much is dropped, what stays, which generator decides, and when nothing happens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hearing import heard

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.arrays.rng import Generator
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.tensors import Tensor


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_drops_a_share_p_and_keeps_the_mean(p: float) -> None:
    n = 200_000
    y = F.dropout(np.ones(n, np.float32), p, generator=Generator(0))
    assert y.dtype == np.float32
    dropped = float((y == 0).mean())
    assert abs(dropped - p) < 5 * np.sqrt(p * (1 - p) / n)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p), rtol=1e-6)


def test_elements_drop_independently() -> None:
    kept = F.dropout(np.ones((500, 400)), 0.5, generator=Generator(1)) != 0
    for a, b in ((kept[1:], kept[:-1]), (kept[:, 1:], kept[:, :-1])):
        assert abs(float((a == b).mean()) - 0.5) < 0.01


def test_channels_drop_whole() -> None:
    for f, shape in ((F.dropout2d, (50, 40, 3, 3)), (F.dropout1d, (50, 40, 9)), (F.dropout1d, (2000, 9))):
        flat = f(np.ones(shape), 0.5, generator=Generator(0)).reshape(2000, 9)
        assert (flat == flat[..., :1]).all()
        assert abs(float((flat == 0).mean()) - 0.5) < 0.06


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = np.random.default_rng(0).normal(size=200_000)
    y = F.alpha_dropout(x, 0.2, True, generator=Generator(0))
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.03


def test_the_gradient_has_the_same_mask() -> None:
    x = Tensor(np.random.default_rng(0).normal(size=(50, 4)), requires_grad=True)
    y = F.dropout(x, 0.3, generator=Generator(0))
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.where(y.numpy() != 0, 1 / 0.7, 0))


def test_the_same_seed_gives_the_same_mask_in_every_memory_order() -> None:
    a = np.ones((4, 3, 5, 6))
    b = np.ascontiguousarray(a.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    tg.manual_seed(5)
    y = F.dropout(a)
    tg.manual_seed(5)
    z = F.dropout(b)
    np.testing.assert_array_equal(y, z)
    assert z.strides == b.strides
    assert (F.dropout(a) != y).any()
    rng = np.random.default_rng(5)
    np.testing.assert_array_equal(F.dropout(a, generator=rng), y)


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.AlphaDropout(0.5), nn.Dropout2d(0.5), nn.Dropout1d(0.5)])
def test_evaluation_and_p_0_do_nothing(layer: Any) -> None:
    shape = (2, 3, 4) if isinstance(layer, nn.Dropout1d) else (2, 3, 4, 4)
    x = Tensor(np.ones(shape, np.float32))
    state = tg.rng.default_generator().get_state() if hasattr(tg, "rng") else None
    assert layer.eval()(x) is x
    layer.train().p = 0
    assert layer(x) is x
    if state is not None:
        assert tg.rng.default_generator().get_state() == state
    layer.p = 1
    assert not layer(x).numpy().any() or isinstance(layer, nn.AlphaDropout)


def test_inplace() -> None:
    x = Tensor(np.ones(100), requires_grad=True)
    h = x * 2
    y = nn.Dropout(0.5, inplace=True)(h)
    assert y is h
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.where(y.numpy() != 0, 4, 0))


def test_errors() -> None:
    for p in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="between 0 and 1"):
            F.dropout(np.ones(3), p)
        with pytest.raises(ValueError, match="Dropout2d: p"):
            nn.Dropout2d(p)
    with pytest.raises(TypeError, match="floating point"):
        F.dropout(np.arange(3))
    with pytest.raises(TypeError, match="generator must be"):
        F.dropout(np.ones(3), generator=0)
    with pytest.raises(ValueError, match=r"\(N, C, L\) or \(C, L\), got \(3,\)"):
        F.dropout1d(np.ones(3))
    with pytest.raises(ValueError, match=r"\(N, C, H, W\), got \(3, 4\)"):
        F.dropout2d(np.ones((3, 4)))
    with pytest.warns(UserWarning, match="dropout1d"):
        F.dropout2d(np.ones((3, 4, 5)))


@pytest.mark.parametrize("p", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_two_values_that_alpha_dropout_makes_of_zero(p: float, dtype: Any) -> None:
    """Of SELU's least value and of 0, moved and scaled so that mean 0 and variance 1 stay."""
    tg.manual_seed(0)
    least, q = -1.0507009873554805 * 1.6732632423543772, 1 - p
    a = (q + least**2 * q * p) ** -0.5
    y = F.alpha_dropout(np.zeros(400, dtype), p, True)
    assert y.dtype == dtype
    low, high = np.unique(y)
    np.testing.assert_allclose([low, high], [a * (least - least * p), -a * least * p], rtol=1e-6)
    assert abs((y == low).mean() - p) < 0.1
    ones = F.alpha_dropout(np.ones(400, dtype), p, True)
    np.testing.assert_allclose(np.unique(ones), sorted([low, high + a]), rtol=1e-6)
    assert not F.alpha_dropout(np.ones(9, dtype), 1.0, True).any()


@pytest.mark.parametrize(
    ("f", "shape", "kept"),
    [
        (F.dropout1d, (30, 20, 3), 2),
        (F.dropout1d, (600, 3), 1),
        (F.dropout2d, (30, 20, 3, 2), 2),
        (F.dropout2d, (30, 20, 3), 2),
    ],
)
@pytest.mark.filterwarnings("ignore:dropout2d")
def test_a_channel_is_there_or_not(f: Any, shape: tuple[int, ...], kept: int) -> None:
    tg.manual_seed(0)
    y = f(np.ones(shape), 0.25).reshape(*shape[:kept], -1)
    assert (y == y[..., :1]).all()
    assert set(np.unique(y)) == {0.0, 1 / 0.75}
    assert abs((y[..., 0] == 0).mean() - 0.25) < 0.1
    assert not f(np.ones(shape), 1.0).any()
    x = np.ones(shape)
    assert f(x, 0.0) is f(x, 0.5, False) is x
    t = tg.ones(*shape)
    assert f(t, 0.5, True, True) is t
    assert set(np.unique(t.numpy())) == {0.0, 2.0}


@pytest.mark.parametrize("drop", [F.dropout, F.dropout1d, F.dropout2d, F.alpha_dropout])
@pytest.mark.filterwarnings("ignore:dropout2d")
def test_a_model_that_drops_by_a_function_is_missed_when_it_evaluates(drop: Any) -> None:
    class Dropping(nn.Module):
        def __init__(self) -> None:
            self.fc = nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            return self.fc(drop(x.view(2, 2, 4), 0.5, self.training))

    def program() -> None:
        model = Dropping()
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
        model(tg.ones(4, 4)).sum().backward()
        optimizer.step()
        with tg.no_grad():
            model(tg.ones(4, 4))

    assert [rail for rail, _ in heard(program)] == ["evaluation-in-train-mode"]
