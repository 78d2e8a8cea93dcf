"""Small runs to watch."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F


class Small(nn.Module):
    """A convnet in functional style."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4 * 5 * 5, 3)

    def forward(self, x: Any) -> Any:
        return self.fc(F.max_pool2d(F.relu(self.conv(x)), 2).flatten(1))


def pictures(count: int = 64, side: int = 12) -> tuple[Any, Any]:
    """Pictures of three kinds, (N, 1, side, side), and their classes (N,)."""
    rng = np.random.default_rng(0)
    t = np.arange(count) % 3
    x = rng.uniform(0, 0.6, (count, 1, side, side)).astype(np.float32)
    third = side // 3
    for i, k in enumerate(t):
        x[i, 0, third * k : third * (k + 1)] += 0.4
    return x, t


def made(seed: int = 0) -> tuple[Small, Any]:
    """A net and its optimizer."""
    tg.manual_seed(seed)
    net = Small()
    return net, tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


def steps(net: Any, optimizer: Any, count: int, page: Any = None, batch: int = 16) -> int:
    """So many steps in a loop of one's own; how many were taken before somebody said stop."""
    x, t = pictures()
    for k in range(count):
        part = slice(k * batch % len(x), k * batch % len(x) + batch)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(tg.tensor(x[part])), tg.tensor(t[part]))
        loss.backward()
        optimizer.step()
        if page is not None and not page.step(loss):
            return k + 1
    return count
