"""VGG: 3x3 convolutions and poolings, with and without batch normalisation."""

from __future__ import annotations

from typing import Any

from ... import nn
from ...tensors import Tensor
from .weights import untrained

_LAYERS: dict[int, tuple[int | str, ...]] = {  # channels of the convolutions, "M" for a pool
    11: (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    16: (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
}


class VGG(nn.Module):
    """A stack of features and three dense layers (Simonyan and Zisserman, 2014).

    Args:
        features: makes (N, 512, h, w) of images; `vgg11` and its kin hand in theirs.
        num_classes: how many logits come out.
        init_weights: draw the first values as for training from scratch, rather than as the layers do.
        dropout: the probability in the classifier.

    Shape:
        - input (N, 3, H, W), 32 pixels a side at least
        - output (N, num_classes), logits
    """

    def __init__(
        self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, num_classes),
        )
        if init_weights:
            self._initialize()

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
            else:
                continue
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))  # (N, 512, 7, 7)
        return self.classifier(x.flatten(1))  # (N, num_classes)


def make_layers(cfg: Any, batch_norm: bool = False) -> nn.Sequential:
    """The features of a VGG: for each number a 3x3 convolution to so many channels and a relu, for each "M" a pool."""
    layers: list[nn.Module] = []
    channels = 3
    for entry in cfg:
        if entry == "M":
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        layers.append(nn.Conv2d(channels, entry, kernel_size=3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(entry))
        layers.append(nn.ReLU(inplace=True))
        channels = entry
    return nn.Sequential(*layers)


def _vgg(depth: int, batch_norm: bool, weights: Any, progress: bool, settings: dict[str, Any]) -> VGG:
    settings = untrained(f"vgg{depth}{'_bn' * batch_norm}", weights, progress, settings)
    return VGG(make_layers(_LAYERS[depth], batch_norm), **settings)


def vgg11(weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """`VGG` with 11 layers: 132,863,336 parameters for 1,000 classes. ``kwargs`` go to the class."""
    return _vgg(11, False, weights, progress, kwargs)


def vgg11_bn(weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """`vgg11` with batch normalisation: 132,868,840 parameters for 1,000 classes."""
    return _vgg(11, True, weights, progress, kwargs)


def vgg16(weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """`VGG` with 16 layers: 138,357,544 parameters for 1,000 classes. ``kwargs`` go to the class."""
    return _vgg(16, False, weights, progress, kwargs)


def vgg16_bn(weights: Any = None, progress: bool = True, **kwargs: Any) -> VGG:
    """`vgg16` with batch normalisation: 138,365,992 parameters for 1,000 classes."""
    return _vgg(16, True, weights, progress, kwargs)
