"""AlexNet."""

from __future__ import annotations

from typing import Any

from ... import nn
from ...tensors import Tensor
from .weights import untrained


class AlexNet(nn.Module):
    """Five convolutions and three dense layers (Krizhevsky, 2014, One weird trick for parallelizing networks).

    Shape:
        - input (N, 3, H, W), 63 pixels a side at least
        - output (N, num_classes), logits
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))  # (N, 256, 6, 6)
        return self.classifier(x.flatten(1))  # (N, num_classes)


def alexnet(weights: Any = None, progress: bool = True, **kwargs: Any) -> AlexNet:
    """`AlexNet`: 61,100,840 parameters for 1,000 classes. ``kwargs`` go to the class."""
    return AlexNet(**untrained("alexnet", weights, progress, kwargs))
