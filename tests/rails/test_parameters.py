"""Guard rails of parameters: which get gradients, which are stepped, and what only looks like one."""

from __future__ import annotations

from typing import Any

import pytest
from rails.spoken import data, listening, net, said_once, sgd

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F


def train(model: Any, *optimizers: Any, steps: int = 6) -> None:
    x, t = data()
    for _ in range(steps):
        for optimizer in optimizers:
            optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        for optimizer in optimizers:
            optimizer.step()  # here


class TwoHeads(nn.Module):
    """One head too many; `use` says which are called."""

    def __init__(self, use: Any) -> None:
        self.trunk, self.heads = nn.Linear(4, 4), nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 3)])
        self.use, self.calls = use, 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return sum(self.heads[k](self.trunk(x)) for k in self.use(self.calls))


def test_a_layer_that_is_not_called() -> None:
    model = TwoHeads(lambda _: [0])
    with listening() as heard:
        train(model, sgd(model))
    text = said_once(heard, "unused-parameter")
    assert "'heads.1.weight' (3, 4), 'heads.1.bias' (3,)" in text
    assert "heads.0" not in text


def test_parameters_without_a_module_are_numbered_or_have_the_names_they_were_given() -> None:
    v, w = tg.ones(2, requires_grad=True), tg.ones(3, requires_grad=True)
    for params, name in (([v, w], "number 1 of param_groups[0] (3,)"), ([("v", v), ("w", w)], "'w' (3,)")):
        v.grad = None
        optimizer = tg.optim.SGD(params, lr=0.1)
        with listening() as heard:
            for _ in range(3):
                v.grad = None
                (v * v).sum().backward()
                optimizer.step()  # here
        assert name in said_once(heard, "unused-parameter")


def test_what_is_frozen_or_not_always_used_is_fine() -> None:
    frozen = TwoHeads(lambda _: [0])
    frozen.heads[1].requires_grad_(False)
    train(frozen, sgd(frozen))
    by_turns = TwoHeads(lambda n: [n % 2])
    train(by_turns, sgd(by_turns), steps=20)
    shorter = TwoHeads(lambda n: [0, 1] if n % 2 else [1])  # fewer and fewer: what was sampled is no longer there
    train(shorter, sgd(shorter, 0.01), steps=120)
    runs = TwoHeads(lambda n: [0] if n % 5 != 1 else [1])
    train(runs, sgd(runs), steps=20)


def test_gradients_that_somebody_sets_are_their_own_business() -> None:
    v, w = tg.ones(2, requires_grad=True), tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([v, w], lr=0.1)
    for _ in range(4):
        v.grad = tg.ones(2)
        optimizer.step()


def test_a_parameter_that_nobody_steps() -> None:
    model = net()
    with listening() as heard:
        train(model, sgd(model[0]))
    text = said_once(heard, "not-in-optimizer")
    assert "'2.weight' (3, 8), '2.bias' (3,)" in text
    assert "requires_grad_(False)" in text


def test_two_optimizers_frozen_layers_and_steps_by_hand_are_fine() -> None:
    model = net()
    train(model, sgd(model[0]), sgd(model[2]))
    first, rarely = sgd(model[0]), sgd(model[2])
    sgd(model[2])  # and gone
    x, t = data()
    for rounds in range(9):
        model.zero_grad()
        F.cross_entropy(model(x), t).backward()
        first.step()
        if rounds % 4 == 3:
            rarely.step()
    model[2].requires_grad_(False)
    train(model, sgd(model[0]))
    model[2].requires_grad_(True)
    optimizer = sgd(model[0])
    for _ in range(5):
        model.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        with tg.no_grad():
            for p in model[2].parameters():
                p -= 0.1 * p.grad


def test_an_image_that_is_made_for_a_net_is_fine() -> None:
    (x, t), model = data(), net()
    image = x.clone().requires_grad_()
    optimizer = tg.optim.Adam([image], lr=0.1)
    for _ in range(6):
        optimizer.zero_grad()
        F.cross_entropy(model(image), t).backward()
        optimizer.step()


def test_no_optimizer_at_all_is_fine() -> None:
    (x, t), model = data(), net()
    for _ in range(12):
        F.cross_entropy(model(x), t).backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
        model.zero_grad()


def test_a_layer_that_was_replaced() -> None:
    model = net()
    optimizer = sgd(model)
    model[2] = nn.Linear(8, 3)
    with listening() as heard:
        train(model, optimizer)
    text = said_once(heard, "layer-replaced")
    assert "'2.weight' (3, 8)" in text
    assert "2 parameters that the model no longer uses" in text


def test_a_layer_that_was_replaced_while_it_had_gradients() -> None:
    model = net()
    optimizer = sgd(model)
    train(model, optimizer)
    model.add_module("2", nn.Linear(8, 3))
    with listening() as heard:
        train(model, optimizer)
    said_once(heard, "layer-replaced")


def test_a_net_that_was_made_anew() -> None:
    model = net()
    optimizer = sgd(model)
    model = net()
    with listening() as heard:
        train(model, optimizer)
    assert "'0.weight' (8, 4)" in said_once(heard, "other-parameters")


def test_added_to_the_optimizer_it_is_fine() -> None:
    model = net()
    optimizer = sgd(model)
    model[2] = nn.Linear(8, 3)
    optimizer.param_groups[0]["params"][2:] = list(model[2].parameters())  # by hand
    train(model, optimizer)
    more = nn.Linear(3, 3)
    optimizer.add_param_group({"params": more.parameters()})
    train(nn.Sequential(model, more), optimizer)


# ------------------------------------------------------------------------------------------------------- attributes
@pytest.mark.parametrize(
    "value",
    [
        lambda: tg.ones(3, requires_grad=True),
        lambda: tg.randn(3, requires_grad=True) * 0.1,
        lambda: [tg.ones(3, requires_grad=True)],
        lambda: {"w": tg.ones(3, requires_grad=True)},
    ],
    ids=["tensor", "scaled", "list", "dict"],
)
def test_a_tensor_that_looks_like_a_parameter(value: Any) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = value()  # here

    with listening() as heard:
        for _ in range(3):
            Net()
    text = said_once(heard, "tensor-attribute")
    assert "Net.scale" in text
    assert "nn.Parameter" in text
    assert "register_buffer" in text


def test_a_tensor_that_requires_grad_later() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.scale = nn.Linear(4, 3), tg.ones(3)
            self.scale.requires_grad_()

        def forward(self, x: Any) -> Any:
            self.seen = x
            return self.linear(x) * self.scale

    model = Net()
    with listening() as heard:
        train(model, sgd(model))
    assert "Net.scale" in said_once(heard, "tensor-attribute")


def test_a_set_of_layers() -> None:
    model = nn.Module()
    with listening() as heard:
        model.layers = {nn.Linear(1, 1)}  # here
    said_once(heard, "hidden-layers")


def test_attributes_that_are_fine() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(tg.ones(4))
            self.plain = tg.ones(4)
            self.several = [nn.Parameter(tg.ones(4)), nn.Linear(4, 4)]
            self.names = {"a", "b"}
            self.twice = self.weight * 2
            self.register_buffer("mean", tg.zeros(4))

        def forward(self, x: Any) -> Any:
            self.seen = x  # for whoever looks into it
            self.hidden = x * self.weight
            return self.hidden

    Net()(tg.ones(2, 4, requires_grad=True)).sum().backward()
