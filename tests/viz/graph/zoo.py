"""Fifteen nets of different build, small, each with what it is drawn from: an expression, layers, loops, branches."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import tinygrad_cnn as tg
from tinygrad_cnn import nn

F = nn.functional
Tensor = tg.Tensor


def expression() -> dict[str, Any]:
    """Three leaves, whose names are those that operations have for their arguments."""
    leaves = {name: tg.tensor(value, requires_grad=True) for name, value in (("a", 2.0), ("b", -3.0), ("c", 10.0))}
    a, b, c = leaves.values()
    return {"output": ((a * b + c) / (1 + a**2)).tanh(), "names": leaves}


def mlp() -> dict[str, Any]:
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
    return {"output": net, "inputs": tg.randn(5, 2)}


class LeNet(nn.Module):
    """Its activations and pools are functions, not modules."""

    def __init__(self) -> None:
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 5), nn.Conv2d(4, 6, 5)
        self.fc1, self.fc2 = nn.Linear(96, 20), nn.Linear(20, 10)

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.conv1, self.conv2):
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def lenet() -> dict[str, Any]:
    return {"output": LeNet(), "inputs": tg.randn(2, 1, 28, 28)}


class BasicBlock(nn.Module):
    def __init__(self, planes_in: int, planes: int, stride: int = 1) -> None:
        self.conv1 = nn.Conv2d(planes_in, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or planes_in != planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(planes_in, planes, 1, stride=stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self) -> None:
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        widths = (4, 4, 8, 12, 16)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(BasicBlock(i, o, 1 if k == 0 else 2), BasicBlock(o, o))
                for k, (i, o) in enumerate(itertools.pairwise(widths))
            )
        )
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.layers(F.relu(self.bn1(self.conv1(x)))).mean((2, 3)))


def resnet18() -> dict[str, Any]:
    return {"output": ResNet18(), "inputs": tg.randn(1, 3, 16, 16)}


def double(planes_in: int, planes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(planes_in, planes, 3, padding=1), nn.BatchNorm2d(planes), nn.ReLU(),
        nn.Conv2d(planes, planes, 3, padding=1), nn.BatchNorm2d(planes), nn.ReLU(),
    )  # fmt: skip


class UNet(nn.Module):
    """What goes down is met again on the way up."""

    def __init__(self, c: int = 4) -> None:
        self.down = nn.ModuleList([double(1, c), double(c, 2 * c), double(2 * c, 4 * c)])
        self.middle = double(4 * c, 8 * c)
        self.up = nn.ModuleList([nn.ConvTranspose2d(2 * n, n, 2, stride=2) for n in (4 * c, 2 * c, c)])
        self.join = nn.ModuleList([double(2 * n, n) for n in (4 * c, 2 * c, c)])
        self.out = nn.Conv2d(c, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for down in self.down:
            kept.append(down(x))
            x = F.max_pool2d(kept[-1], 2)
        x = self.middle(x)
        for up, join in zip(self.up, self.join, strict=True):
            x = join(tg.cat([up(x), kept.pop()], 1))
        return self.out(x)


def unet() -> dict[str, Any]:
    return {"output": UNet(), "inputs": tg.randn(1, 1, 16, 16)}


class DenseBlock(nn.Module):
    """Each layer gets what all before it gave."""

    def __init__(self, planes: int = 4, growth: int = 3, layers: int = 4) -> None:
        self.layers = nn.ModuleList([nn.Conv2d(planes + k * growth, growth, 3, padding=1) for k in range(layers)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = tg.cat([x, layer(F.relu(x))], 1)
        return x


def densenet() -> dict[str, Any]:
    return {"output": DenseBlock(), "inputs": tg.randn(1, 4, 6, 6)}


class RNN(nn.Module):
    def __init__(self) -> None:
        self.ih, self.hh, self.out = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = tg.zeros(x.shape[0], 8)
        for t in range(x.shape[1]):
            h = tg.tanh(self.ih(x[:, t]) + self.hh(h))
        return self.out(h)


def rnn() -> dict[str, Any]:
    return {"output": RNN(), "inputs": tg.randn(2, 20, 6)}


class Tagger(nn.Module):
    """An LSTM cell over a sequence: two states go from step to step."""

    def __init__(self) -> None:
        self.cell, self.out = nn.LSTMCell(5, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = c = tg.zeros(x.shape[0], 6)
        for t in range(x.shape[1]):
            h, c = self.cell(x[:, t], (h, c))
        return self.out(h)


def lstm() -> dict[str, Any]:
    return {"output": Tagger(), "inputs": tg.randn(2, 8, 5)}


class Reader(nn.Module):
    """The layer that has the loop in it."""

    def __init__(self) -> None:
        self.rnn, self.out = nn.LSTM(5, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rnn(x)[0][:, -1])


def lstm_layer() -> dict[str, Any]:
    return {"output": Reader(), "inputs": tg.randn(2, 7, 5)}


class Attention(nn.Module):
    """A block of a transformer, one step before the next."""

    def __init__(self, d: int = 8, heads: int = 2) -> None:
        self.heads, self.norm1, self.norm2 = heads, nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))

    def attend(self, x: Tensor) -> Tensor:
        n, t, d = x.shape
        q, k, v = (p.reshape(n, t, self.heads, -1).transpose(1, 2) for p in self.qkv(x).chunk(3, -1))
        scores = q @ k.transpose(-2, -1) / (d / self.heads) ** 0.5
        hidden = tg.ones(t, t).triu(1).bool()
        weights = F.softmax(scores.masked_fill(hidden, -1e9), -1)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, t, d))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def attention() -> dict[str, Any]:
    return {"output": Attention(), "inputs": tg.randn(2, 5, 8)}


def gan() -> dict[str, Any]:
    """Two models in one loss."""
    generator = nn.Sequential(nn.Linear(4, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 9), nn.Tanh())
    critic = nn.Sequential(nn.Linear(9, 12), nn.LeakyReLU(0.2), nn.Linear(12, 1))

    def loss(z: Tensor, real: Tensor) -> Tensor:
        return F.softplus(critic(generator(z))).mean() + F.softplus(-critic(real)).mean()

    return {"output": loss, "inputs": (tg.randn(6, 4), tg.randn(6, 9))}


class Tied(nn.Module):
    """The embedding's weight is also that of the last layer."""

    def __init__(self) -> None:
        self.tokens, self.hidden = nn.Embedding(12, 6), nn.Linear(6, 6)
        self.head = nn.Linear(6, 12, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.hidden(self.tokens(ids)).tanh())


def tied() -> dict[str, Any]:
    return {"output": Tied(), "inputs": tg.randint(0, 12, (2, 5))}


def second_order() -> dict[str, Any]:
    x = tg.tensor([0.3, -0.7], requires_grad=True)
    y = (x**3 + x.sin()).sum()
    (slope,) = tg.grad(y, [x], create_graph=True)
    return {"output": {"y": y, "dy/dx": slope}, "names": {"x": x}}


def branches() -> dict[str, Any]:
    layers = nn.ModuleList([nn.Linear(4, 3) for _ in range(40)])

    def together(x: Tensor) -> Tensor:
        y = layers[0](x).tanh()
        for layer in list(layers)[1:]:
            y = y + layer(x).tanh()
        return y

    return {"output": together, "inputs": tg.randn(2, 4)}


class Several(nn.Module):
    """Two inputs, two outputs; the encoder within gives two arrays as well."""

    class Encoder(nn.Module):
        def __init__(self) -> None:
            self.near, self.far = nn.Linear(5, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            near = self.near(x).relu()
            return near, self.far(near).relu()

    def __init__(self) -> None:
        self.encoder, self.mix, self.head = Several.Encoder(), nn.Linear(7, 4), nn.Linear(3, 2)

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        near, far = self.encoder(image)
        return self.mix(tg.cat([near, text], -1)), self.head(far)


def several() -> dict[str, Any]:
    return {"output": Several(), "inputs": (tg.randn(2, 5), tg.randn(2, 3))}


ZOO: dict[str, Callable[[], dict[str, Any]]] = {
    f.__name__: f
    for f in (
        expression, mlp, lenet, resnet18, unet, densenet, rnn, lstm, lstm_layer, attention, gan, tied, second_order,
        branches, several,
    )
}  # fmt: skip


def arguments(name: str) -> dict[str, Any]:
    """What `draw_graph` is called with for a net, which is made anew, with the same numbers each time."""
    tg.manual_seed(7)
    return ZOO[name]()
