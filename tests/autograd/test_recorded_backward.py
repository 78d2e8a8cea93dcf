"""Nodes that a recorded backward pass leaves know in the gradient of which operation they were made."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.autograd.graph import Node
from tinygrad_cnn.autograd.modes import here


def nodes(y: tg.Tensor) -> list[Node]:
    found: dict[Node, None] = {}
    stack: list[Any] = [y._node]
    while stack:
        node = stack.pop()
        if isinstance(node, Node) and node not in found:
            found[node] = None
            stack.extend(node.parents)
    return sorted(found, key=lambda n: n.order)


def origins(y: tg.Tensor) -> list[tuple[str, Any]]:
    return [(n.op.name, n.within[0].name if type(n.within) is tuple else None) for n in nodes(y)]


def test_each_operation_of_a_rule_knows_whose_rule_it_is() -> None:
    x = tg.tensor(0.5, requires_grad=True)
    (g,) = tg.autograd.grad(x.tanh().exp(), x, create_graph=True)
    assert origins(g) == [
        ("tanh", None),
        ("exp", None),
        ("mul", "exp"),
        ("mul", "tanh"),
        ("sub", "tanh"),
        ("mul", "tanh"),
    ]


def test_of_a_second_derivative_the_way_leads_back_to_the_forward() -> None:
    x = tg.tensor(0.5, requires_grad=True)
    (g,) = tg.autograd.grad(x.sin(), x, create_graph=True)
    (h,) = tg.autograd.grad(g, x, create_graph=True)
    last = next(n for n in nodes(h) if n.op.name == "sin" and n.within is not None)
    inner, around = last.within
    assert (inner.name, around[0].name, around[1]) == ("cos", "sin", None)


def test_a_rule_knows_the_module_of_its_operation() -> None:
    net = nn.Linear(2, 2)
    x = tg.ones(1, 2, requires_grad=True)
    (g,) = tg.autograd.grad(net(x).sum(), x, create_graph=True)
    made = [n for n in nodes(g) if type(n.within) is tuple and n.within[0].name == "linear"]
    assert made
    assert all(n.module is net for n in made)


def test_what_comes_after_is_no_part_of_it_also_after_an_error() -> None:
    x = tg.tensor(0.5, requires_grad=True)
    tg.autograd.grad(x.sin(), x, create_graph=True)
    assert here.mode.module is None
    y = x.sin()
    y.register_hook(lambda _g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tg.autograd.grad(y * x, x, create_graph=True)
    assert here.mode.module is None
    node = x.cos()._node
    assert node is not None
    assert node.within is None


def test_a_gradient_penalty_in_a_forward_belongs_to_the_module_again_afterwards() -> None:
    class Penalty(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            (g,) = tg.autograd.grad(x.sin(), x, create_graph=True)
            return g * x

    model = Penalty()
    node = model(tg.tensor(0.5, requires_grad=True))._node
    assert node.within() is model
