"""A small net, and what the tests of the profiler ask of a profile."""

from __future__ import annotations

from collections import Counter

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.autograd.modes import here
from tinygrad_cnn.nn.module import Module
from tinygrad_cnn.optim.optimizer import Optimizer
from tinygrad_cnn.profiler import profile

N, C, O, SIDE, K = 4, 2, 3, 8, 3
OUT = SIDE - K + 1
MACS = N * O * OUT * OUT * C * K * K  # of the convolution


class Net(nn.Module):
    """Two levels of modules, and an operation of its own."""

    def __init__(self) -> None:
        self.features = nn.Sequential(nn.Conv2d(C, O, K), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Linear(O * (OUT // 2) ** 2, 5)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.classifier(self.features(x).flatten(1))


def images() -> tg.Tensor:
    return tg.randn(N, C, SIDE, SIDE)


def count(p: profile, phase: str) -> dict[tuple[str, str], int]:
    return dict(Counter((e.module, e.name) for e in p.events if e.phase == phase))


def clean() -> bool:
    """Nobody watches, and no method is wrapped."""
    return (
        not here.mode.watchers
        and not hasattr(Module.__call__, "__wrapped__")
        and not hasattr(Optimizer.step, "__wrapped__")
    )
