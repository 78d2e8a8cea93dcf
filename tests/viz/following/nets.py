"""Small nets of all kinds, in both styles, each with one sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F


class LeNet(nn.Module):
    """Functional style."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 5, padding=2), nn.Conv2d(4, 6, 3)
        self.fc1, self.fc2 = nn.Linear(6 * 36, 20), nn.Linear(20, 10)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(self.conv2(x)).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


class Residual(nn.Module):
    """Batch norms, a stride, and a branch that is added; then means of whole maps."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 6, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(6)
        self.conv2, self.bn2 = nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.shortcut = nn.Sequential(nn.Conv2d(2, 6, 1, stride=2), nn.BatchNorm2d(6))
        self.relu = nn.ReLU(inplace=True)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(6, 5)

    def forward(self, x: Any) -> Any:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y = self.relu(y + self.shortcut(x))
        return F.log_softmax(self.fc(self.pool(y).flatten(1)), 1)


class UNet(nn.Module):
    """Down, up by a transposed convolution, and a skip that is put beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.inc = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.GroupNorm(3, 3), nn.LeakyReLU(0.1))
        self.mid = nn.Conv2d(3, 5, 3, padding=1)
        self.up = nn.ConvTranspose2d(5, 3, 3, stride=2, padding=1, output_padding=1)
        self.out = nn.Conv2d(6, 2, 1)

    def forward(self, x: Any) -> Any:
        a = self.inc(x)
        return self.out(tg.cat([self.up(F.gelu(self.mid(F.avg_pool2d(a, 2)))), a], 1))


class Spread(nn.Module):
    """Dilated, in groups, with uneven padding; pools that overlap or hang over; an adaptive maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=2)
        self.even = nn.Conv2d(8, 4, 4, padding="same", groups=4)
        self.norm = nn.LayerNorm([4, 9, 9])
        self.thin = nn.Conv1d(4, 3, 3, stride=2)

    def forward(self, x: Any) -> Any:
        x = F.silu(self.norm(self.even(F.tanh(self.wide(x)))))
        a = F.max_pool2d(x, 3, 2, padding=1, ceil_mode=True)
        b = F.avg_pool2d(x, 2, 2, padding=1, count_include_pad=False)
        c = F.adaptive_max_pool2d(a * b, 2)
        return self.thin(x.flatten(2)).mean(2) + c.sum((2, 3))[:, :3]


class Dense(nn.Module):
    """Each layer reads all before it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.ELU(), nn.Conv2d(2 + 2 * k, 2, 3, padding=1)) for k in range(3))

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = tg.cat([x, layer(x)], 1)
        return F.adaptive_avg_pool2d(x, 3)


def mlp() -> nn.Module:
    """Vectors alone."""
    return nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 7), nn.Sigmoid(), nn.Linear(7, 2), nn.Softmax(1))


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "lenet": (LeNet, (1, 1, 16, 16)),
    "residual": (Residual, (1, 2, 9, 9)),
    "unet": (UNet, (1, 1, 12, 12)),
    "spread": (Spread, (1, 4, 9, 9)),
    "dense": (Dense, (1, 2, 7, 7)),
    "mlp": (mlp, (1, 3)),
}


def made(name: str) -> tuple[nn.Module, Any]:
    """(net, sample) with weights and running statistics that are no special case."""
    net, shape = NETS[name][0](), NETS[name][1]
    rng = np.random.default_rng(sum(map(ord, name)))
    for path, x in (*net.named_parameters(), *net.named_buffers()):
        if x.dtype.kind == "f":
            low = 0.5 if "var" in path else -0.5
            x._array[...] = rng.uniform(low, 1.2 if "var" in path else 0.5, x.shape)
    return net, rng.normal(size=shape).astype(np.float32)
