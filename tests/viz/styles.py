"""Nets written twice, with modules and with functions, and the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tinygrad_cnn as tg
from tinygrad_cnn import nn

F = nn.functional


class LeNetOfModules(nn.Module):
    """Each activation and pool a module of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.relu1, self.pool1 = nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2, self.relu2, self.pool2 = nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)
        self.flatten, self.drop = nn.Flatten(), nn.Dropout(0.5)
        self.fc1, self.relu3, self.fc2 = nn.Linear(400, 20), nn.ReLU(), nn.Linear(20, 10)

    def forward(self, x: Any) -> Any:
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.flatten(self.pool2(self.relu2(self.conv2(x))))
        return self.fc2(self.drop(self.relu3(self.fc1(x))))


class LeNetOfFunctions(nn.Module):
    """As it is written in most tutorials."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2 = nn.Linear(400, 20), nn.Linear(20, 10)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc2(F.dropout(F.relu(self.fc1(x)), training=self.training))


class LeNetOfNothingElse(LeNetOfFunctions):
    """No module is called but the net itself."""

    def forward(self, x: Any) -> Any:
        x = F.conv2d(x, self.conv1.weight, self.conv1.bias, padding=2)
        x = F.conv2d(F.max_pool2d(x.relu(), 2), self.conv2.weight, self.conv2.bias)
        x = F.max_pool2d(tg.relu(x), kernel_size=2).reshape(len(x), -1)
        return F.linear(F.relu(F.linear(x, self.fc1.weight, self.fc1.bias)), self.fc2.weight, self.fc2.bias)


class Block(nn.Module):
    """A residual block. One ReLU is called twice, or F.relu is."""

    def __init__(self, channels: int, stride: int, modules: bool) -> None:
        super().__init__()
        out = channels * stride
        self.conv1, self.bn1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)
        self.short = nn.Conv2d(channels, out, 1, stride) if stride > 1 else None
        self.relu: Any = nn.ReLU(inplace=True) if modules else F.relu

    def forward(self, x: Any) -> Any:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.short is None else self.short(x)))


class ResNet(nn.Module):
    """Three blocks."""

    def __init__(self, modules: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.layers = nn.Sequential(Block(4, 1, modules), Block(4, 2, modules), Block(8, 1, modules))
        self.fc = nn.Linear(8, 10)
        self.pool = nn.AdaptiveAvgPool2d(1) if modules else None

    def forward(self, x: Any) -> Any:
        y = self.layers(self.stem(x))
        y = F.adaptive_avg_pool2d(y, 1) if self.pool is None else self.pool(y)
        return self.fc(y.flatten(1))


class Between(nn.Module):
    """An activation between two layers."""

    def __init__(self, activation: Callable[[Any], Any]) -> None:
        super().__init__()
        self.first, self.last, self.activation = nn.Conv2d(1, 6, 3), nn.Linear(6, 10), activation

    def forward(self, x: Any) -> Any:
        return self.last(self.activation(self.first(x)).mean((2, 3)))


ACTIVATIONS: dict[str, tuple[nn.Module, Callable[[Any], Any]]] = {
    "relu": (nn.ReLU(), F.relu),
    "in place": (nn.ReLU(True), lambda x: F.relu(x, inplace=True)),
    "relu_": (nn.ReLU(True), lambda x: x.relu_()),
    "method": (nn.ReLU(), lambda x: x.relu()),
    "tg": (nn.ReLU(), tg.relu),
    "relu6": (nn.ReLU6(), F.relu6),
    "leaky_relu": (nn.LeakyReLU(0.2), lambda x: F.leaky_relu(x, 0.2)),
    "elu": (nn.ELU(), F.elu),
    "gelu": (nn.GELU(), F.gelu),
    "silu": (nn.SiLU(), F.silu),
    "mish": (nn.Mish(), F.mish),
    "hardswish": (nn.Hardswish(), F.hardswish),
    "softplus": (nn.Softplus(), F.softplus),
    "tanhshrink": (nn.Tanhshrink(), F.tanhshrink),  # two operations
    "sigmoid": (nn.Sigmoid(), tg.sigmoid),
    "tanh": (nn.Tanh(), lambda x: x.tanh()),
    "local_response_norm": (nn.LocalResponseNorm(2), lambda x: F.local_response_norm(x, 2)),  # a dozen
    "avg_pool2d": (nn.AvgPool2d(3, 1, 1), lambda x: F.avg_pool2d(x, 3, 1, 1)),
    "group_norm": (nn.GroupNorm(2, 6, affine=False), lambda x: F.group_norm(x, 2)),
    "softmax": (nn.Softmax(1), lambda x: F.softmax(x, 1)),
}


def pairs() -> dict[str, tuple[nn.Module, nn.Module]]:
    """(of modules, of functions), with equal weights."""
    tg.manual_seed(3)
    found: dict[str, tuple[nn.Module, nn.Module]] = {
        "lenet": (LeNetOfModules(), LeNetOfFunctions()),
        "nothing else": (LeNetOfModules(), LeNetOfNothingElse()),
        "resnet": (ResNet(True), ResNet(False)),
        **{name: (Between(module), Between(function)) for name, (module, function) in ACTIVATIONS.items()},
    }
    for modules, functions in found.values():
        functions.load_state_dict(modules.state_dict())
        bias = next(p for name, p in modules.named_parameters() if name.endswith("bias"))
        bias.numpy()[::2] = -100  # some units are dead behind a relu
        functions.load_state_dict(modules.state_dict())
    return found
