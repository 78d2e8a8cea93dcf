"""Nets to draw, and what their tapes hold, counted without the package's drawing code."""

from __future__ import annotations

from typing import Any

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.autograd.graph import Node, Variable


class LeNet(nn.Module):
    """Two convolutions, two linear layers."""

    def __init__(self) -> None:
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 5), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(200, 16), nn.ReLU(), nn.Linear(16, 10))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.classifier(self.features(x))


class Residual(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, channels: int) -> None:
        self.one, self.two = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.relu(self.norm(self.two(self.relu(self.one(x)))) + x)


class Deep(nn.Module):
    """Four stages of residual blocks, 50 convolutions and linear layers in all."""

    def __init__(self, blocks: tuple[int, ...] = (3, 6, 12, 3)) -> None:
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.stages = nn.Sequential(*(nn.Sequential(*(Residual(4) for _ in range(n))) for n in blocks))
        self.head = nn.Linear(4, 10)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.head(self.stages(self.stem(x)).mean((2, 3)))


def images(n: int = 2) -> tg.Tensor:
    return tg.randn(n, 1, 28, 28)


def tape(y: tg.Tensor) -> tuple[list[Node], list[Variable], int]:
    """Nodes, leaves and the number of edges behind a tensor."""
    nodes: dict[int, Node] = {}
    leaves: dict[int, Variable] = {}
    stack: list[Any] = [y._node]
    edges = 0
    while stack:
        node = stack.pop()
        if id(node) in nodes:
            continue
        nodes[id(node)] = node
        for parent in node.parents:
            if parent is None:
                continue
            edges += 1
            if isinstance(parent, Node):
                stack.append(parent)
            else:
                leaves[id(parent)] = parent
    return list(nodes.values()), list(leaves.values()), edges


def chain(n: int) -> tg.Tensor:
    """A graph of n operations, one after another."""
    h = tg.ones(8, requires_grad=True)
    for _ in range(n // 2):
        h = (h * 1.0001).sin()
    return h


def classic() -> tuple[tg.Tensor, dict[str, tg.Tensor]]:
    """(a * b + c).tanh(), and its leaves."""
    leaves = {name: tg.tensor(value, requires_grad=True) for name, value in (("a", 0.5), ("b", -1.0), ("c", 1.0))}
    return (leaves["a"] * leaves["b"] + leaves["c"]).tanh(), leaves
