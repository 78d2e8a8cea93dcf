"""DenseNet."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from ... import nn
from ...differentiation.recompute import checkpoint
from ...nn import functional as F
from ...ops.joining import cat
from ...tensors import Tensor
from .weights import untrained


class _DenseLayer(nn.Module):
    """From all feature maps so far, ``growth_rate`` new ones: (N, growth_rate, H, W)."""

    def __init__(
        self,
        num_input_features: int,
        growth_rate: int,
        bn_size: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, bn_size * growth_rate, kernel_size=1, stride=1, bias=False)
        self.norm2 = nn.BatchNorm2d(bn_size * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bn_size * growth_rate, growth_rate, kernel_size=3, stride=1, padding=1, bias=False)
        self.drop_rate, self.memory_efficient = float(drop_rate), memory_efficient

    def _narrow(self, *features: Tensor) -> Tensor:
        return self.conv1(self.relu1(self.norm1(cat(features, 1))))  # (N, bn_size growth_rate, H, W)

    def forward(self, input: Any) -> Tensor:
        features = [input] if isinstance(input, Tensor) else list(input)
        again = self.memory_efficient and any(x.requires_grad for x in features)
        y = checkpoint(self._narrow, *features) if again else self._narrow(*features)
        y = self.conv2(self.relu2(self.norm2(y)))
        return F.dropout(y, self.drop_rate, self.training) if self.drop_rate > 0 else y


class _DenseBlock(nn.ModuleDict):
    """Layers each of which sees what came in and what all layers before it made: (N, C + layers growth_rate, H, W)."""

    def __init__(
        self,
        num_layers: int,
        num_input_features: int,
        bn_size: int,
        growth_rate: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        for i in range(num_layers):
            channels = num_input_features + i * growth_rate
            layer = _DenseLayer(channels, growth_rate, bn_size, drop_rate, memory_efficient)
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, init_features: Tensor) -> Tensor:
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return cat(features, 1)


class _Transition(nn.Sequential):
    """Fewer channels and half the size: (N, num_output_features, H / 2, W / 2)."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, stride=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """Blocks in which every layer sees the outputs of all before it (Huang et al., 2017).

    Args:
        growth_rate: how many feature maps each layer adds.
        block_config: how many layers each block has.
        num_init_features: how many feature maps the first convolution makes.
        bn_size: a layer's bottleneck has so many times growth_rate channels.
        drop_rate: the probability of dropout after each layer.
        num_classes: how many logits come out.
        memory_efficient: compute the bottlenecks again on the way back rather than keep them (`tg.checkpoint`); there
            are no second derivatives then, and running statistics move twice a step.

    Shape:
        - input (N, 3, H, W), 29 pixels a side at least with four blocks
        - output (N, num_classes), logits
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: tuple[int, ...] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        features: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=nn.Conv2d(3, num_init_features, kernel_size=7, stride=2, padding=3, bias=False),
            norm0=nn.BatchNorm2d(num_init_features),
            relu0=nn.ReLU(inplace=True),
            pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        channels = num_init_features
        for i, layers in enumerate(block_config, 1):
            features[f"denseblock{i}"] = _DenseBlock(
                layers, channels, bn_size, growth_rate, drop_rate, memory_efficient
            )
            channels += layers * growth_rate
            if i < len(block_config):
                features[f"transition{i}"] = _Transition(channels, channels // 2)
                channels //= 2
        features["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(features)
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.features(x))  # (N, C, H / 32, W / 32)
        return self.classifier(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))  # (N, num_classes)


def densenet121(weights: Any = None, progress: bool = True, **kwargs: Any) -> DenseNet:
    """`DenseNet` of 121 layers: 7,978,856 parameters for 1,000 classes. ``kwargs`` go to the class."""
    return DenseNet(32, (6, 12, 24, 16), 64, **untrained("densenet121", weights, progress, kwargs))
