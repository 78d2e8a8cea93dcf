"""Writes in place, compiled: what is refused, and what is not, hangs on the names that are alive, as ever."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import Tensor, nn
from tinygrad_cnn.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore::tinygrad_cnn.GuardRailWarning")

Function = Callable[[Tensor], Any]

MADE: dict[str, Function] = {  # what a write finds; all but the last keep what they gave for the gradient
    **{f.__name__: f for f in (tg.exp, tg.tanh, tg.sigmoid, tg.sqrt, F.relu)},
    "softmax": lambda x: x.softmax(-1),
    "mul": lambda x: x * 2,
}
VIEWS: dict[str, Function] = {
    "flatten": lambda y: y.flatten(),
    "index": lambda y: y[:, 1:],
    "transpose": lambda y: y.T,
    "expand": lambda y: y.expand(2, *y.shape),
    "diagonal": lambda y: y.diagonal(),
    "unfold": lambda y: y.unfold(1, 2, 1),
    "chunk": lambda y: y.chunk(2)[1],
    "detach": lambda y: y.detach(),
    "data": lambda y: y.data.flatten(),
    "view of a view": lambda y: y.flatten()[1:].view(-1),
}


def halved(y: Tensor) -> None:
    y[0] *= 0.5


WRITES: dict[str, Callable[[Tensor], Any]] = {
    "add_": lambda y: y.add_(1.0),
    "item": halved,
    "relu": lambda y: F.relu(y, inplace=True),
    "of a view": lambda y: y.flatten().mul_(3.0),
    "masked": lambda y: y.masked_fill_(y > 0.5, 0.25),
}


def outcome(function: Function, x: Any, k: int = 0) -> list[Any]:
    """What a call and its way back give, or how they are refused."""
    tg.manual_seed(k)
    leaf = tg.tensor(x, requires_grad=True)
    try:
        made = function(leaf)
        results = made if isinstance(made, tuple) else (made,)
        seen: list[Any] = [y.tolist() for y in results]
        sum(y.square().sum() for y in results).backward()
    except RuntimeError as error:
        return [str(error)]
    assert leaf.grad is not None
    return [*seen, leaf.grad.tolist()]


def alike(function: Function, x: Any) -> list[Any]:
    """The outcome, which is the same when it is recorded, and each time after that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may end as it is
        compiled = tg.compile(function)
        expected = outcome(function, x)
        for _ in range(3):
            assert outcome(compiled, x) == expected
    return expected


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_that_is_let_go_is_none(made: str, view: str) -> None:
    """A write after that takes new memory, and leaves what gradients need; while the view lives it is refused."""
    x, refused = np.linspace(0.1, 0.9, 9).reshape(3, 3), []
    for write in WRITES.values():

        def lets_go(x: Tensor, write: Any = write) -> Tensor:
            y = MADE[made](x)
            s = VIEWS[view](y).sum()
            write(y)
            return y * s

        def holds(x: Tensor, write: Any = write) -> tuple[Tensor, Tensor]:
            y = MADE[made](x)
            v = VIEWS[view](y)
            s = v.sum()
            write(y)
            return y * s, v * 2

        refused.append([len(alike(f, x)) == 1 for f in (lets_go, holds)])
    assert made == "mul" or all(after for _, after in refused)
    assert not all(before for before, _ in refused)


def test_several_writes_into_several_views() -> None:
    """Some are alive, and some are not, at each of the writes."""

    def function(x: Tensor) -> tuple[Tensor, ...]:
        y, z = (x * 2).tanh(), x.exp()
        row = y[0]
        total = y.flatten().sum() + z.T[1:].sum()
        z.add_(1.0)
        part = z[1:].flatten()
        part.mul_(row.detach().sum())
        z.unsqueeze(0).sub_(total.detach())
        del part
        return z.relu(), row * total, z[0]

    assert len(alike(function, np.linspace(-1, 1, 9).reshape(3, 3))) == 4


NETS: dict[str, Callable[[], list[nn.Module]]] = {
    "flattened and cut again": lambda: [nn.ReLU(inplace=True), nn.Flatten(), nn.ReLU(inplace=True)],
    "cut, flattened and dropped": lambda: [nn.ReLU(inplace=True), nn.Flatten(), nn.Dropout(0.5, inplace=True)],
    "dropped and cut": lambda: [nn.Dropout(0.5, inplace=True), nn.ReLU(inplace=True)],
    "one after the other": lambda: [nn.ELU(inplace=True), nn.ReLU6(inplace=True), nn.Hardswish(inplace=True)],
    "pooled": lambda: [nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.ReLU(inplace=True), nn.Flatten()],
    "normalized": lambda: [nn.LayerNorm(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Sigmoid()],
    "twice around": lambda: [nn.Flatten(), nn.Unflatten(1, (3, 4, 4)), nn.ReLU(inplace=True), nn.Flatten()],
    "kept": lambda: [nn.Sigmoid(), nn.Flatten(), nn.LeakyReLU(0.1, inplace=True)],
    "averaged": lambda: [nn.SiLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.ELU(inplace=True)],
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("keeps", [False, True])
def test_layers_that_write_in_place(net: str, keeps: bool) -> None:
    """Alone, and where what goes into each layer is kept, as lists of activations do."""
    tg.manual_seed(0)
    layers = nn.ModuleList([nn.PReLU(3), *NETS[net]()])

    def forward(x: Tensor) -> Any:
        seen = []
        for layer in layers:
            x = layer(x)
            seen.append(x)
        return (x, seen[0]) if keeps else x

    def alone(x: Tensor) -> Any:
        for layer in layers:
            x = layer(x)
        return x

    alike(forward if keeps else alone, np.random.default_rng(0).standard_normal((2, 3, 4, 4)).astype(np.float32))


def test_a_detached_view_of_what_was_written_into() -> None:
    def function(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = x.cumsum(0)
        column = y[:, 1:]
        y.mul_(2.0)
        return column.data + 1, column.detach().flatten()[1:] * y.sum(), column.data

    compiled = tg.compile(function)
    for k in range(3):
        x = np.random.default_rng(k).standard_normal((3, 2))
        ours, theirs = function(tg.tensor(x)), compiled(tg.tensor(x))
        assert [y.tolist() for y in ours] == [y.tolist() for y in theirs]
    assert not compiled._plans.eager


RESULTS: dict[str, Callable[[Tensor], tuple[Tensor, Tensor]]] = {
    name: (lambda y, view=view: (view(y), view(y))) for name, view in VIEWS.items() if name != "expand"
} | {"both": lambda y: (y[:2], y[1:]), "whole": lambda y: (y.T, y), "last": lambda y: (y.flatten()[3:], y[2])}


@pytest.mark.parametrize("how", RESULTS)
def test_results_that_share_memory_still_do(how: str) -> None:
    """Views of what lies on a buffer of the plan, too."""

    def function(x: Tensor) -> tuple[Tensor, Tensor]:
        return RESULTS[how](x.relu() + 1)

    compiled = tg.compile(function)
    for _ in range(3):
        a, b = compiled(tg.randn(3, 3))
        assert np.shares_memory(a.numpy(), b.numpy())
        assert a.numpy().flags.writeable is function(tg.randn(3, 3))[0].numpy().flags.writeable
    assert not compiled._plans.eager
    assert compiled._plans.latest is not None
