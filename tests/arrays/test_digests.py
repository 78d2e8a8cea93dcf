"""Arrays that NumPy changed between a forward pass and its gradient: anomaly mode finds them by their digests."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.arrays.digests import digest
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.tensors import Tensor

RNG = np.random.default_rng(0)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


def an_input() -> Tensor:
    x = tg.tensor(draw(3), requires_grad=True)
    y = (x * x).sum()
    x.numpy()[1] += 1
    return y


def an_output() -> Tensor:
    x = tg.tensor(draw(3), requires_grad=True)
    y = x.exp()
    z = y.sum()
    y.numpy()[...] *= 2
    return z


def memory_of_numpy() -> Tensor:
    a = draw(4, 3)
    y = (tg.from_numpy(a) * tg.tensor(draw(3), requires_grad=True)).sum()
    a[2, 1] = 7
    return y


def a_view_of_it() -> Tensor:
    a = draw(4, 6)
    y = (tg.from_numpy(a.T)[2:] @ tg.tensor(draw(4, 2), requires_grad=True)).sum()
    a[3, 5] = 7
    return y


def labels() -> Tensor:
    t = np.array([0, 1])
    y = F.cross_entropy(tg.tensor(draw(2, 3), requires_grad=True), tg.from_numpy(t))
    t[0] = 2
    return y


def images_by_one_pixel() -> Tensor:
    images = draw(2, 1, 9, 9)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
    )
    y = F.cross_entropy(model(tg.from_numpy(images)), tg.tensor([0, 1]))
    images[1, 0, 8, 8] = np.nextafter(images[1, 0, 8, 8], np.float32(np.inf))
    return y


def weights() -> Tensor:
    layer = nn.Linear(3, 2)
    y = layer(tg.tensor(draw(5, 3), requires_grad=True)).sum()
    layer.weight.numpy()[0, 0] = 1
    return y


class Square(tg.autograd.Function):
    """A function of the user's."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return 2 * ctx.saved_tensors[0] * g


def a_function() -> Tensor:
    x = tg.tensor(draw(3), requires_grad=True)
    y = Square.apply(x).sum()
    x.numpy()[0] = 3
    return y


def a_checkpointed_segment() -> Tensor:
    x = tg.tensor(draw(3), requires_grad=True)
    y = tg.checkpoint(lambda x: x * x, x).sum()
    x.numpy()[0] = 3
    return y


CHANGES: dict[Callable[[], Tensor], str] = {
    an_input: r"input 0 of 'mul', of shape \(3,\)",
    an_output: r"output of 'exp', of shape \(3,\)",
    memory_of_numpy: r"input 0 of 'mul', of shape \(4, 3\)",
    a_view_of_it: r"input 0 of 'matmul', of shape \(4, 4\)",
    labels: r"input 1 of 'cross_entropy', of shape \(2,\)",
    images_by_one_pixel: r"input 0 of 'conv2d', of shape \(2, 1, 9, 9\)",
    weights: r"input 1 of 'linear', of shape \(2, 3\)",
    a_function: r"input 0 of 'Square', of shape \(3,\)",
    a_checkpointed_segment: r"input 0 of '<lambda>', of shape \(3,\)",
}


@pytest.mark.parametrize("program", CHANGES, ids=lambda program: program.__name__)
def test_the_change_is_found_and_named(program: Callable[[], Tensor]) -> None:
    with tg.autograd.detect_anomaly():
        y = program()
        with pytest.raises(RuntimeError, match=f"the {CHANGES[program]}, was changed between") as caught:
            y.backward()
    where = re.search(r'File "(.*)", line (\d+), in (\w+)', str(caught.value))
    assert where is not None
    assert (where[1], where[3]) == (__file__, program.__name__)
    program().backward()  # outside of the mode nobody looks


def test_a_second_backward_is_looked_at_too_and_no_gradient_has_come() -> None:
    with tg.autograd.detect_anomaly():
        a, w = draw(3), tg.tensor(draw(3), requires_grad=True)
        y = (tg.from_numpy(a) * w).sum()
        y.backward(retain_graph=True)
        before = w.grad.numpy().copy()
        a[0] += 1
        with pytest.raises(RuntimeError, match="was changed between"):
            y.backward()
        assert (w.grad.numpy() == before).all()


def test_what_no_rule_reads_may_change() -> None:
    with tg.autograd.detect_anomaly():
        x = tg.tensor(draw(3), requires_grad=True)
        y = (x + 1).sum()
        x.numpy()[0] = 5
        y.backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_without_check_nan_nothing_is_raised() -> None:
    with tg.autograd.detect_anomaly(check_nan=False):
        an_input().backward()


def test_a_training_run_and_second_derivatives_pass() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Flatten())
    optimizer = tg.optim.Adam(model.parameters())
    with tg.autograd.detect_anomaly():
        for _ in range(3):
            optimizer.zero_grad()
            y = model(tg.tensor(draw(2, 1, 6, 6)))
            F.cross_entropy(y, tg.tensor([0, 1])).backward()
            optimizer.step()
        x = tg.tensor(draw(3), requires_grad=True)
        (g,) = tg.grad(x.tanh().pow(3).sum(), x, create_graph=True)
        g.sum().backward()


@given(st.data())
def test_one_changed_number_changes_the_digest(data: Any) -> None:
    dtype = data.draw(st.sampled_from([np.float32, np.float64, np.float16, np.int64, np.uint8, bool]))
    shape = data.draw(st.lists(st.integers(1, 5), max_size=3))
    a = np.zeros(shape, dtype)
    a = a.T if data.draw(st.booleans()) else a
    before = digest(a)
    place = data.draw(st.integers(0, a.size - 1))
    a.flat[place] = 1
    assert digest(a) != before
    a.flat[place] = 0
    assert digest(a) == before


def test_digests_of_other_things() -> None:
    a = np.arange(3)
    assert digest((a, {"k": [a, None]}, "x", 3)) == (digest(a), {"k": (digest(a), None)}, None, None)
    assert digest(tg.tensor(a)) == digest(a)
    assert digest(np.empty((0, 3))) == 0
    assert digest(np.array([object()])) is None
