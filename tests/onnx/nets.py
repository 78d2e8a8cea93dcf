"""Networks that go through files."""

from __future__ import annotations

from typing import Any

import tinygrad_cnn as tg
from tinygrad_cnn import nn


def lenet() -> nn.Module:
    """LeNet-5 (LeCun et al., 1998)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


class Block(nn.Module):
    """Two convolutions with batch-norm."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
            nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        return self.net(x)


class UNet(nn.Module):
    """A U-Net with transposed convolutions (Ronneberger, Fischer and Brox, 2015), of two levels."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.deep = Block(3, 4), Block(4, 8), Block(8, 16)
        self.pool = nn.MaxPool2d(2)
        self.up2, self.join2 = nn.ConvTranspose2d(16, 8, 2, 2), Block(16, 8)
        self.up1, self.join1 = nn.ConvTranspose2d(8, 4, 2, 2), Block(8, 4)
        self.out = nn.Conv2d(4, 2, 1)

    def forward(self, x: Any) -> Any:
        a = self.down1(x)
        b = self.down2(self.pool(a))
        y = self.join2(tg.cat([self.up2(self.deep(self.pool(b))), b], 1))
        return self.out(self.join1(tg.cat([self.up1(y), a], 1)))
