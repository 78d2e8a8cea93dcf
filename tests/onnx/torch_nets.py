"""Networks of PyTorch, small, for files of ONNX that PyTorch itself writes."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


def conv_bn(c: int, o: int, k: int = 3, stride: int = 1, groups: int = 1, relu6: bool = False) -> nn.Sequential:
    act = nn.ReLU6(inplace=True) if relu6 else nn.ReLU(inplace=True)
    return nn.Sequential(nn.Conv2d(c, o, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o), act)


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 32), nn.Linear(32, 24), nn.Linear(24, 10)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class VGG(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        c = 3
        for size in (8, "M", 16, "M", 16, 24, "M"):
            if size == "M":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(c, int(size), 3, padding=1), nn.BatchNorm2d(int(size)), nn.ReLU(inplace=True)]
                c = int(size)
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((2, 2))
        self.classifier = nn.Sequential(nn.Linear(96, 32), nn.ReLU(True), nn.Dropout(0.0), nn.Linear(32, 10))

    def forward(self, x: Any) -> Any:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class Block(nn.Module):
    def __init__(self, c: int, o: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or c != o:
            self.downsample = nn.Sequential(nn.Conv2d(c, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x: Any) -> Any:
        skip = x if self.downsample is None else self.downsample(x)
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))) + skip)


class ResNet(nn.Module):
    """As ResNet-18: four stages of two blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        sizes = (8, 8, 12, 16, 20)
        for i in range(4):
            stage = nn.Sequential(
                Block(sizes[i], sizes[i + 1], 1 if i == 0 else 2), Block(sizes[i + 1], sizes[i + 1], 1)
            )
            setattr(self, f"layer{i + 1}", stage)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(20, 10)

    def forward(self, x: Any) -> Any:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Inverted(nn.Module):
    def __init__(self, c: int, o: int, stride: int, wider: int) -> None:
        super().__init__()
        self.same = stride == 1 and c == o
        hidden = c * wider
        self.conv = nn.Sequential(
            conv_bn(c, hidden, 1, relu6=True),
            conv_bn(hidden, hidden, 3, stride, hidden, relu6=True),
            nn.Conv2d(hidden, o, 1, bias=False),
            nn.BatchNorm2d(o),
        )

    def forward(self, x: Any) -> Any:
        return x + self.conv(x) if self.same else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv_bn(3, 8, 3, 2, relu6=True), Inverted(8, 8, 1, 2), Inverted(8, 12, 2, 3), Inverted(12, 12, 1, 3),
            conv_bn(12, 24, 1, relu6=True),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Dropout(0.0), nn.Linear(24, 10))

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x).mean([2, 3]))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.middle = conv_bn(3, 6), conv_bn(6, 8), conv_bn(8, 10)
        self.up2, self.up1 = nn.ConvTranspose2d(10, 8, 2, 2), nn.ConvTranspose2d(8, 6, 3, 2, 1, 1)
        self.join2, self.join1 = conv_bn(16, 8), conv_bn(12, 6)
        self.out = nn.Conv2d(6, 2, 1)

    def forward(self, x: Any) -> Any:
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.up2(self.middle(F.max_pool2d(b, 2)))
        d = self.up1(self.join2(torch.cat([c, b], 1)))
        return self.out(self.join1(torch.cat([d, a], 1)))


class Recurrent(nn.Module):
    """An embedding, two layers of LSTM in both directions, and the last step read."""

    def __init__(self, kind: str = "LSTM") -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.rnn = getattr(nn, kind)(6, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(10, 4)

    def forward(self, tokens: Any) -> Any:
        y, _ = self.rnn(self.embedding(tokens))
        return self.fc(y[:, -1])


class Transformer(nn.Module):
    """An encoder with learned places, as one writes it by hand: attention of matrix products and a softmax."""

    def __init__(self, heads: int = 2, size: int = 8) -> None:
        super().__init__()
        self.heads = heads
        self.embedding = nn.Embedding(20, size)
        self.places = nn.Parameter(torch.randn(1, 7, size) / 3)
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.q, self.k, self.v, self.o = (nn.Linear(size, size) for _ in range(4))
        self.mlp = nn.Sequential(nn.Linear(size, 2 * size), nn.GELU(), nn.Linear(2 * size, size))
        self.fc = nn.Linear(size, 4)

    def split(self, x: Any) -> Any:
        N, L, E = x.shape
        return x.view(N, L, self.heads, E // self.heads).transpose(1, 2)

    def forward(self, tokens: Any) -> Any:
        x = self.embedding(tokens) + self.places[:, : tokens.shape[1]]
        y = self.norm1(x)
        q, k, v = (self.split(f(y)) for f in (self.q, self.k, self.v))
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])
        y = (torch.softmax(scores, -1) @ v).transpose(1, 2).flatten(2)
        x = x + self.o(y)
        x = x + self.mlp(self.norm2(x))
        return self.fc(x.mean(1))


class Encoder(nn.Module):
    """nn.TransformerEncoder with its own attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.fc = nn.Linear(8, 4)

    def forward(self, tokens: Any) -> Any:
        return self.fc(self.encoder(self.embedding(tokens)).mean(1))


def images(n: int = 4, c: int = 3, size: int = 32) -> Any:
    return torch.randn(n, c, size, size)


def tokens(n: int = 4, length: int = 7) -> Any:
    return torch.randint(0, 20, (n, length))


NETS: dict[str, tuple[Any, Any]] = {
    "LeNet": (LeNet, lambda: images(4, 1, 28)),
    "VGG": (VGG, images),
    "ResNet": (ResNet, images),
    "MobileNetV2": (MobileNetV2, images),
    "UNet": (UNet, lambda: images(4, 3, 16)),
    "LSTM": (Recurrent, tokens),
    "GRU": (lambda: Recurrent("GRU"), tokens),
    "RNN": (lambda: Recurrent("RNN"), tokens),
    "Transformer": (Transformer, tokens),
    "Encoder": (Encoder, tokens),
}


def exported(net: Any, x: Any, path: Path, **options: Any) -> Path:
    """A file that PyTorch writes, its first dimension free."""
    names = {"input": {0: "N"}, "output": {0: "N"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (x,), path, dynamo=False, input_names=["input"], output_names=["output"], dynamic_axes=names, **options
        )
    return path
