"""Layers that undo others: unpooling and transposed convolutions beside PyTorch's, the sizes they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F


def both(torch: Any, name: str, *arguments: Any, **settings: Any) -> tuple[Any, Any]:
    """Our layer and PyTorch's in float64, with the same parameters."""
    ours, theirs = (getattr(package, name)(*arguments, **settings).double() for package in (nn, torch.nn))
    ours.load_state_dict({key: tg.tensor(p.detach().numpy()) for key, p in theirs.state_dict().items()})
    return ours, theirs


def outcome(f: Any) -> Any:
    """The array, or "error"."""
    try:
        return f().detach().numpy()
    except (ValueError, RuntimeError, TypeError):
        return "error"


def assert_same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, str) or isinstance(ours, str):
        assert ours == theirs if isinstance(ours, type(theirs)) else False
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


SIZES = [None, (8, 8), (9, 9), (7, 8), [2, 3, 8, 9], (10, 8), (6, 8), (8,), (3, 8, 8)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("settings", [{"stride": 2, "padding": 1}, {"stride": (3, 2)}, {"dilation": 2}], ids=str)
def test_a_transposed_convolution_of_a_wanted_size(torch: Any, size: Any, settings: Any) -> None:
    ours, theirs = both(torch, "ConvTranspose2d", 3, 3, 3, **settings)
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 4))
    y = outcome(lambda: ours(tg.tensor(x), output_size=size))
    assert_same(y, outcome(lambda: theirs(torch.tensor(x), output_size=size)))


@pytest.mark.parametrize("size", [None, (8,), (9,), (2, 3, 9), (10,), (3, 9)], ids=str)
def test_of_signals_too(torch: Any, size: Any) -> None:
    ours, theirs = both(torch, "ConvTranspose1d", 3, 2, 3, 2, 1)
    for shape in ((2, 3, 5), (3, 5)):
        x = np.random.default_rng(0).normal(size=shape)
        y = outcome(lambda: ours(tg.tensor(x), size))  # noqa: B023
        assert_same(y, outcome(lambda: theirs(torch.tensor(x), size)))  # noqa: B023


@pytest.mark.parametrize(
    ("name", "arguments", "settings", "shape"),
    [
        ("ConvTranspose1d", (4, 6, 3), {}, (3, 4, 7)),
        ("ConvTranspose1d", (4, 6, 3, 2, 1, 1), {"groups": 2, "bias": False}, (3, 4, 7)),
        ("ConvTranspose1d", (4, 2, (2,)), {"dilation": 3, "output_padding": 2}, (3, 4, 7)),
        ("ConvTranspose2d", (4, 2, 3), {"dilation": (1, 3), "output_padding": (0, 2)}, (2, 4, 5, 6)),
    ],
)
def test_transposed_convolutions(torch: Any, name: str, arguments: Any, settings: Any, shape: Any) -> None:
    """Values, gradients, repr and state."""
    ours, theirs = both(torch, name, *arguments, **settings)
    assert repr(ours) == repr(theirs)
    rng = np.random.default_rng(2)
    a = rng.normal(size=shape)
    x, t = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    y, z = ours(x), theirs(t)
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-10)
    g = rng.normal(size=y.shape)
    y.backward(tg.tensor(g))
    z.backward(torch.tensor(g))
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-9)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-9)


def test_faults_of_output_padding() -> None:
    up = nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1)
    assert up(tg.zeros(1, 1, 4, 4), output_size=(8, 8)).shape == (1, 1, 8, 8)
    wide = nn.ConvTranspose2d(1, 1, 3, dilation=3, output_padding=2)
    assert wide(tg.zeros(1, 1, 5, 5)).shape == (1, 1, 13, 13)
    with pytest.raises(ValueError, match=r"output_size \[12, 8\] cannot be had from an input of \[4, 4\]"):
        up(tg.zeros(1, 1, 4, 4), output_size=(12, 8))
    with pytest.raises(ValueError, match="output_size must have 2 or 4 numbers"):
        up(tg.zeros(1, 1, 4, 4), output_size=(1, 2, 3))


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("settings", [(2,), (3, 2), (3, 2, 1)], ids=str)
def test_pool_and_back(torch: Any, dims: int, settings: Any) -> None:
    """With the sizes the image had, and with all that PyTorch takes and refuses."""
    shape = (2, 3, *(7, 9)[-dims:])
    x = np.random.default_rng(1).normal(size=shape)
    made = []
    for package, tensor in ((nn, tg.tensor), (torch.nn, torch.tensor)):
        pool, back = (
            getattr(package, f"{kind}{dims}d")(*settings, **more)
            for kind, more in (("MaxPool", {"return_indices": True}), ("MaxUnpool", {}))
        )
        y, where = pool(tensor(x))
        made.append((back, y, where))
    (ours, y, i), (theirs, z, j) = made
    assert repr(ours) == repr(theirs)
    for size in (None, shape, shape[2:], tuple(n + 1 for n in shape[2:]), tuple(n - 1 for n in shape[2:]), (3,) * 3):
        assert_same(outcome(lambda: ours(y, i, size)), outcome(lambda: theirs(z, j, size)))  # noqa: B023


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x, i: F.max_unpool2d(x, i + 99, 2),
            ValueError,
            "index 99 lies beyond the output of 2x2: they",
        ),
        (lambda x, i: F.max_unpool2d(x, i - 1, 2), ValueError, "index -1 lies beyond"),
        (lambda x, i: F.max_unpool2d(x, i.astype(np.int32), 2), TypeError, "indices must be int64, got int32"),
        (lambda x, i: F.max_unpool2d(x, i[0], 2), ValueError, "must have the same shape"),
        (lambda x, i: F.max_unpool2d(x, i, 2, padding=2), ValueError, "use less padding"),
        (lambda x, i: F.max_unpool2d(x, i, 2, output_size=(4, 2)), ValueError, "less than the stride"),
        (lambda x, i: F.max_unpool2d(x, i, 2, output_size=(2.0, 2)), TypeError, "must hold integers"),
    ],
)
def test_messages(call: Any, error: Any, message: str) -> None:
    x, i = np.ones((1, 1, 1, 1)), np.zeros((1, 1, 1, 1), np.int64)
    with pytest.raises(error, match=message):
        call(x, i)
