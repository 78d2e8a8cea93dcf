"""What random nets are stacked of: everything in `nn`, and oftener what plans put together.

That is: a convolution with a norm, a relu and a pool of windows side by side behind it, of few and of many channels;
residual blocks; linear layers with a relu; functions number by number; the same expression twice; dropout.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import Tensor, nn
from tinygrad_cnn.nn import functional as F

Shape = tuple[int, ...]  # of one sample: (C, H, W), (T, E) or (features,)
Makers = list[Callable[[], nn.Module]]


# ----------------------------------------------------------------------------------------------------- a few of our own
CHAINED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {  # of what a chain was given, and of what it has so far
    "add": lambda x, y: y + x,
    "sub": lambda x, y: 1 - y + 0.5 * x,
    "mul": lambda x, y: y * x,
    "div": lambda x, y: y / (1 + x * x),
    "neg": lambda _x, y: -y,
    "tanh": lambda x, y: (y + x).tanh(),
    "exp": lambda _x, y: (-y.abs()).exp(),
    "sqrt": lambda _x, y: (y * y + 1).sqrt(),
    "log": lambda _x, y: (y.square() + 1.5).log(),
    "reciprocal": lambda x, y: (x.abs() + 1).reciprocal() * y,
    "maximum": lambda x, y: tg.maximum(y, x * 0.5),
    "minimum": lambda x, y: tg.minimum(y + 0.1, x),
    "relu": lambda _x, y: F.relu(y),
    "clamp": lambda _x, y: y.clamp(-0.75, 0.75),
    "where": lambda x, y: tg.where(x > 0, y, 0.1 * y),
    "twice": lambda x, y: x.sigmoid() * y + x.sigmoid(),
    "gelu": lambda _x, y: 0.5 * y * (1 + (y * 0.8).tanh()),
    "mean": lambda x, y: y - x.mean(-1, keepdim=True),
    "powers": lambda x, y: (y.abs() + 1) ** -1.5 + x**2,
    "rsqrt": lambda x, y: (x.square() + 1).rsqrt() * y,
    "exps": lambda x, y: y.clamp(-2, 2).exp2() - (-x.abs()).expm1(),
    "logs": lambda x, y: (y.abs() + 1).log2() + (x.abs() + 1).log10() - x.square().log1p(),
    "compared": lambda x, y: tg.where(x <= 0.25, y, tg.where(x >= 0.75, y * 0.5, tg.where(x < 0.5, x, y + 1))),
}


class Chain(nn.Module):
    """Functions number by number, one after the other."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.names = names

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for name in self.names:
            y = CHAINED[name](x, y)
        return y


class Residual(nn.Module):
    """What layers make of something, and the same on a shorter way, added; cut at 0 in the end, or not."""

    def __init__(self, body: nn.Module, short: nn.Module, cuts: bool) -> None:
        super().__init__()
        self.body, self.short, self.cuts = body, short, cuts

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x) + self.short(x)
        return F.relu(y) if self.cuts else y


class Turned(nn.Module):
    """A layer on the last dimension, for which the channels are moved there and back."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.movedim(1, -1)).movedim(-1, 1)


class Unread(nn.Module):
    """Nobody reads what one of its layers makes."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        self.layer(x).exp()
        return x * 0.5


class First(nn.Module):
    """The first of the results of a recurrent layer, or of attention to itself."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        given = (x, x, x) if isinstance(self.layer, nn.MultiheadAttention) else (x,)
        y: Tensor = self.layer(*given)[0]
        return y


class Mean(nn.Module):
    """Over time."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


# ------------------------------------------------------------------------------------------------------- all there is
def small(rng: np.random.Generator, most: int) -> int:
    """From 1 to a number."""
    return int(rng.integers(1, most + 1))


def one_of(rng: np.random.Generator, things: Any) -> Any:
    """One of some things, as it is."""
    return things[int(rng.integers(len(things)))]


def images(rng: np.random.Generator, shape: Shape) -> Makers:
    """What may come after images of (C, H, W)."""
    C, H, W = shape
    out, k = one_of(rng, (1, 2, 3, 4, 8, 33)), small(rng, 3)
    pad = int(rng.integers(0, k))
    groups = one_of(rng, [g for g in (1, 2, 4) if C % g == 0])
    least = min(H, W)
    return [
        lambda: nn.Conv2d(C, out, k, small(rng, 2), pad),
        lambda: nn.Conv2d(C, out, 3, padding=1, bias=bool(rng.integers(2)), padding_mode=one_of(rng, MODES)),
        lambda: nn.Conv2d(C, C, 1, groups=groups),
        lambda: nn.Conv2d(C, out, 3, padding=2, dilation=2),
        lambda: nn.ConvTranspose2d(C, min(out, 4), 2, small(rng, 2)) if least < 9 else nn.Identity(),
        lambda: nn.BatchNorm2d(C, affine=bool(rng.integers(2)), track_running_stats=bool(rng.random() < 0.8)),
        lambda: nn.GroupNorm(groups, C),
        lambda: nn.InstanceNorm2d(C) if least > 1 else nn.Identity(),
        lambda: nn.LayerNorm((H, W)),
        lambda: nn.LocalResponseNorm(2),
        lambda: nn.MaxPool2d(2, small(rng, 2)),
        lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=bool(rng.integers(2))),
        lambda: nn.AvgPool2d(2),
        lambda: nn.LPPool2d(2, 2),
        lambda: nn.AdaptiveAvgPool2d(small(rng, least)),
        lambda: nn.AdaptiveMaxPool2d(small(rng, least)),
        lambda: nn.Dropout2d(0.3),
        lambda: one_of(rng, (nn.ZeroPad2d, nn.ReplicationPad2d))(1) if least < 9 else nn.Identity(),
        lambda: nn.ReflectionPad2d(1) if 1 < least < 9 else nn.Identity(),
        lambda: nn.Upsample(scale_factor=2, mode=one_of(rng, ("nearest", "bilinear"))) if least < 5 else nn.Identity(),
        lambda: nn.PixelShuffle(2) if C % 4 == 0 else nn.PixelUnshuffle(2) if H % 2 == W % 2 == 0 else nn.Softmax2d(),
        lambda: nn.ChannelShuffle(groups),
        lambda: nn.PReLU(C),
        lambda: Turned(nn.LayerNorm(C)),
        lambda: Turned(nn.Linear(C, out)),
        nn.Flatten,
        lambda: nn.Flatten(2),
        *numbers(rng),
    ]


MODES = ("zeros", "zeros", "zeros", "reflect", "circular", "replicate")


def sequences(rng: np.random.Generator, shape: Shape) -> Makers:
    """What may come after sequences of (T, E), which some layers take for channels of numbers."""
    T, E = shape
    out = one_of(rng, (2, 4, 6))
    heads = 2 if E % 2 == 0 else 1
    return [
        *(lambda kind=kind: First(kind(E, out, batch_first=True)) for kind in (nn.RNN, nn.GRU, nn.LSTM)),
        lambda: First(nn.MultiheadAttention(E, heads, batch_first=True)),
        lambda: nn.TransformerEncoderLayer(E, heads, 8, batch_first=True, norm_first=bool(rng.integers(2))),
        lambda: nn.Linear(E, out),
        lambda: nn.Sequential(nn.Linear(E, out), nn.ReLU()),
        lambda: nn.Conv1d(T, out, 3, small(rng, 2), padding=1),
        lambda: nn.ConvTranspose1d(T, out, 2),
        lambda: nn.BatchNorm1d(T),
        lambda: nn.InstanceNorm1d(T) if E > 1 else nn.Identity(),
        *(lambda kind=kind: kind(E) for kind in (nn.LayerNorm, nn.RMSNorm)),
        *(lambda kind=kind: kind(2) for kind in (nn.MaxPool1d, nn.AvgPool1d)),
        lambda: nn.AdaptiveAvgPool1d(small(rng, E)),
        lambda: nn.Dropout1d(0.3),
        *(Mean, nn.Flatten, lambda: nn.Unflatten(1, (1, T))),
        *numbers(rng),
    ]


def vectors(rng: np.random.Generator, shape: Shape) -> Makers:
    """What may come after vectors."""
    (n,) = shape
    out = one_of(rng, (1, 3, 8, 20))
    return [
        lambda: nn.Linear(n, out, bias=bool(rng.integers(2))),
        lambda: nn.Sequential(nn.Linear(n, out), nn.ReLU(), nn.Linear(out, n)),
        lambda: nn.Sequential(nn.Linear(n, out), nn.ReLU(), nn.Dropout(0.3)),
        lambda: nn.BatchNorm1d(n),
        *(lambda kind=kind: kind(n) for kind in (nn.LayerNorm, nn.RMSNorm)),
        *(lambda kind=kind: kind(1) for kind in (nn.Softmax, nn.LogSoftmax, nn.Softmin)),
        lambda: nn.GLU() if n % 2 == 0 else nn.Identity(),
        lambda: nn.Unflatten(1, (2, n // 2)) if n % 2 == 0 else nn.Identity(),
        *numbers(rng),
    ]


def numbers(rng: np.random.Generator) -> Makers:
    """What leaves the shape as it is."""
    return [
        *(nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.ELU, nn.LeakyReLU, nn.Hardswish),
        *(nn.CELU, nn.SELU, nn.Mish, nn.LogSigmoid, nn.Softsign, nn.Tanhshrink, nn.Softshrink, nn.Hardtanh),
        *(nn.Hardsigmoid, nn.Hardshrink, nn.RReLU, nn.AlphaDropout, nn.Identity),
        lambda: one_of(rng, (nn.ReLU, nn.ELU, nn.Hardswish, nn.SiLU))(inplace=True),
        lambda: nn.Dropout(one_of(rng, (0.1, 0.5)), inplace=bool(rng.random() < 0.2)),
        lambda: Unread(nn.Tanh()),
        lambda: chain(rng),
    ]


# ------------------------------------------------------------------------------------------------- what plans look for
def chain(rng: np.random.Generator) -> nn.Module:
    """Two to six functions."""
    return Chain([one_of(rng, list(CHAINED)) for _ in range(int(rng.integers(2, 7)))])


def channels(rng: np.random.Generator, before: int) -> int:
    """Few or many, and rather many behind many."""
    return int(one_of(rng, (16, 20, 24, 33) if rng.random() < (0.6 if before >= 16 else 0.3) else (1, 2, 3, 4, 6, 8)))


def convolution(rng: np.random.Generator, C: int, out: int, strides: tuple[int, ...] = (1, 1, 2)) -> list[nn.Module]:
    """One, and perhaps a norm."""
    k = one_of(rng, (1, 3, 3, 5))
    pad = k // 2 if len(strides) == 1 or rng.random() < 0.7 else 0
    layers: list[nn.Module] = [nn.Conv2d(C, out, k, one_of(rng, strides), pad, bias=bool(rng.random() < 0.7))]
    if rng.random() < 0.4:
        layers.append(nn.BatchNorm2d(out))
    return layers


def block(rng: np.random.Generator, shape: Shape) -> nn.Module:
    """A convolution with, or without, a norm, a relu and a pool behind it."""
    layers = convolution(rng, shape[0], channels(rng, shape[0]))
    if rng.random() < 0.65:
        layers.append(nn.ReLU(inplace=bool(rng.random() < 0.3)))
    if rng.random() < 0.5:
        layers.append(nn.MaxPool2d(one_of(rng, (2, 2, 2, 3, (2, 1), (1, 2)))))
    return nn.Sequential(*layers)


def residual(rng: np.random.Generator, shape: Shape) -> nn.Module:
    """A block as of a ResNet."""
    C = shape[0]
    out = C if rng.random() < 0.5 else channels(rng, C)
    first, second = convolution(rng, C, out, (1,)), convolution(rng, out, out, (1,))
    short: nn.Module = nn.Identity() if out == C else nn.Conv2d(C, out, 1)
    return Residual(nn.Sequential(*first, nn.ReLU(), *second), short, bool(rng.random() < 0.8))


def favoured(rng: np.random.Generator, shape: Shape) -> nn.Module:
    """Of what plans put together."""
    if len(shape) == 3:
        return one_of(rng, (block, block, block, residual))(rng, shape) if rng.random() < 0.8 else chain(rng)
    if len(shape) == 1 and rng.random() < 0.6:
        return nn.Sequential(nn.Linear(shape[0], one_of(rng, (3, 8, 20))), nn.ReLU(inplace=bool(rng.random() < 0.3)))
    return chain(rng)


def drawn(rng: np.random.Generator, shape: Shape) -> tuple[nn.Module, Shape]:
    """A layer that takes this shape, and the one that it makes of it."""
    while True:
        try:
            if rng.random() < 0.5:
                layer = favoured(rng, shape)
            else:
                layer = one_of(rng, {3: images, 2: sequences, 1: vectors}[len(shape)](rng, shape))()
            after = made(layer, shape)
        except (RuntimeError, ValueError):  # nothing is left of the images
            continue
        if after and min(after) > 0 and int(np.prod(after)) <= 6000:
            return layer, after


def made(layer: nn.Module, shape: Shape) -> Shape:
    """The shape that a layer makes of this one."""
    with tg.no_grad():
        return tuple(copy.deepcopy(layer).eval()(tg.zeros(2, *shape)).shape[1:])
