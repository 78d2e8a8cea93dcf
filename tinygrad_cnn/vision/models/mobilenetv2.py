"""MobileNetV2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import nn
from ...nn import functional as F
from ...tensors import Tensor
from .weights import untrained

Norm = Callable[[int], nn.Module]

_STAGES = (  # expansion, channels, blocks, stride of the first
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class Conv2dNormActivation(nn.Sequential):
    """A convolution without bias that keeps the size up to its stride, a normalisation, and ReLU6."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1, groups: int = 1, *, norm: Norm
    ) -> None:
        padding = (kernel_size - 1) // 2
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False),
            norm(out_channels),
            nn.ReLU6(inplace=True),
        )
        self.out_channels = out_channels


class InvertedResidual(nn.Module):
    """Expanded by a 1x1 convolution, filtered channel by channel, and narrowed; added to what came in if it fits."""

    def __init__(self, inp: int, oup: int, stride: int, expand_ratio: int, norm_layer: Norm | None = None) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        norm, hidden = norm_layer or nn.BatchNorm2d, round(inp * expand_ratio)
        self.stride, self.use_res_connect = stride, stride == 1 and inp == oup
        layers: list[nn.Module] = []
        if expand_ratio != 1:
            layers.append(Conv2dNormActivation(inp, hidden, 1, norm=norm))
        layers += [
            Conv2dNormActivation(hidden, hidden, 3, stride, hidden, norm=norm),
            nn.Conv2d(hidden, oup, 1, 1, 0, bias=False),
            norm(oup),
        ]
        self.conv = nn.Sequential(*layers)
        self.out_channels = oup

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)  # (N, oup, H / stride, W / stride)


class MobileNetV2(nn.Module):
    """Inverted residuals with linear bottlenecks (Sandler et al., 2018).

    Args:
        num_classes: how many logits come out.
        width_mult: by how much to multiply all numbers of channels.
        inverted_residual_setting: rows (expansion, channels, blocks, stride of the first); the paper's if None.
        round_nearest: numbers of channels are rounded to multiples of it, and never down by more than a tenth.
        block: what makes a block, `InvertedResidual` if None; called as that is.
        norm_layer: what makes a normalisation of so many channels; `nn.BatchNorm2d` if None.
        dropout: the probability before the dense layer.

    Shape:
        - input (N, 3, H, W)
        - output (N, num_classes), logits
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None,
        round_nearest: int = 8,
        block: Callable[..., nn.Module] | None = None,
        norm_layer: Norm | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        stages = _STAGES if inverted_residual_setting is None else inverted_residual_setting
        if len(stages) == 0 or len(stages[0]) != 4:
            raise ValueError(
                "inverted_residual_setting should be a list of rows of 4, (expansion, channels, blocks, stride), "
                f"got {inverted_residual_setting}"
            )
        make, norm = block or InvertedResidual, norm_layer or nn.BatchNorm2d
        channels = _divisible(32 * width_mult, round_nearest)
        self.last_channel = _divisible(1280 * max(1.0, width_mult), round_nearest)
        features: list[nn.Module] = [Conv2dNormActivation(3, channels, stride=2, norm=norm)]
        for t, c, n, s in stages:
            wanted = _divisible(c * width_mult, round_nearest)
            for i in range(n):
                features.append(make(channels, wanted, s if i == 0 else 1, expand_ratio=t, norm_layer=norm))
                channels = wanted
        features.append(Conv2dNormActivation(channels, self.last_channel, 1, norm=norm))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), nn.Linear(self.last_channel, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
            else:
                continue
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (N, last_channel, H / 32, W / 32)
        return self.classifier(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))  # (N, num_classes)


def _divisible(channels: float, by: int) -> int:
    """The multiple of ``by`` next to it, at least one, and never less than nine tenths of it."""
    rounded = max(by, int(channels + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * channels else rounded


def mobilenet_v2(weights: Any = None, progress: bool = True, **kwargs: Any) -> MobileNetV2:
    """`MobileNetV2`: 3,504,872 parameters for 1,000 classes. ``kwargs`` go to the class."""
    return MobileNetV2(**untrained("mobilenet_v2", weights, progress, kwargs))
