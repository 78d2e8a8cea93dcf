"""The nets that are raced and the step that trains them, the same lines for tinygrad_cnn and PyTorch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

Layers = list[tuple[Any, ...]]

NETS: dict[str, tuple[tuple[int, int, int], Layers]] = {  # shape of an image; layers: nn.<name>(*arguments), or Block
    "N1": (
        (1, 28, 28),
        [
            *(("Conv2d", 1, 8, 3), ("ReLU",), ("MaxPool2d", 2), ("Flatten",)),
            *(("Linear", 1352, 128), ("ReLU",), ("Linear", 128, 64), ("ReLU",), ("Linear", 64, 10)),
        ],
    ),
    "N2": (
        (1, 28, 28),
        [
            *(("Conv2d", 1, 6, 5, 1, 2), ("ReLU",), ("MaxPool2d", 2)),
            *(("Conv2d", 6, 16, 5), ("ReLU",), ("MaxPool2d", 2), ("Flatten",)),
            *(("Linear", 400, 120), ("ReLU",), ("Linear", 120, 84), ("ReLU",), ("Linear", 84, 10)),
        ],
    ),
    "N3": (
        (1, 28, 28),
        [
            *(("Conv2d", 1, 32, 3), ("ReLU",), ("Conv2d", 32, 64, 3), ("ReLU",), ("MaxPool2d", 2), ("Flatten",)),
            *(("Linear", 9216, 128), ("ReLU",), ("Linear", 128, 10)),
        ],
    ),
    "VGG": (
        (3, 32, 32),
        [
            *(("Conv2d", 3, 64, 3, 1, 1), ("BatchNorm2d", 64), ("ReLU",)),
            *(("Conv2d", 64, 64, 3, 1, 1), ("BatchNorm2d", 64), ("ReLU",), ("MaxPool2d", 2)),
            *(("Conv2d", 64, 128, 3, 1, 1), ("BatchNorm2d", 128), ("ReLU",)),
            *(("Conv2d", 128, 128, 3, 1, 1), ("BatchNorm2d", 128), ("ReLU",), ("MaxPool2d", 2)),
            *(("Conv2d", 128, 256, 3, 1, 1), ("BatchNorm2d", 256), ("ReLU",)),
            *(("Conv2d", 256, 256, 3, 1, 1), ("BatchNorm2d", 256), ("ReLU",), ("MaxPool2d", 2)),
            *(("Flatten",), ("Linear", 4096, 10)),
        ],
    ),
    "ResNet": (
        (3, 32, 32),
        [
            *(("Conv2d", 3, 64, 3, 1, 1), ("BatchNorm2d", 64), ("ReLU",)),
            *(("Block", 64, 64, 1), ("Block", 64, 128, 2)),
            *(("AvgPool2d", 16), ("Flatten",), ("Linear", 128, 10)),
        ],
    ),
    "Mixed": (  # kernels of 1, 3 and 5, strides of 2, channels that are no power of two
        (3, 32, 32),
        [
            *(("Conv2d", 3, 24, 5, 2, 2), ("ReLU",), ("Conv2d", 24, 48, 1), ("ReLU",), ("Conv2d", 48, 24, 3, 2, 1)),
            *(("ReLU",), ("Conv2d", 24, 48, 5, 1, 2), ("ReLU",), ("MaxPool2d", 2), ("Conv2d", 48, 48, 5, 1, 2)),
            *(("ReLU",), ("Conv2d", 48, 24, 1), ("ReLU",), ("Flatten",), ("Linear", 384, 10)),
        ],
    ),
    "MLP": (
        (1, 28, 28),
        [("Flatten",), ("Linear", 784, 128), ("ReLU",), ("Linear", 128, 64), ("ReLU",), ("Linear", 64, 10)],
    ),
}


def load(package: str, threads: int | None = None) -> tuple[Any, Any, Any]:
    """The package, its nn and its nn.functional; with that many threads if it is not all the cores we have.

    On all cores tinygrad_cnn is measured as it comes, without a call that a user would not make.
    """
    from benchmarks.racing import cores

    pkg = importlib.import_module(package)
    nn, functional = (importlib.import_module(f"{package}.{name}") for name in ("nn", "nn.functional"))
    importlib.import_module(f"{package}.optim")
    if threads is not None and (package == "torch" or threads != cores()):
        pkg.set_num_threads(threads)
    return pkg, nn, functional


def block(nn: Any, relu: Callable[[Any], Any], c: int, o: int, stride: int) -> Any:
    """The basic block of a residual net (He et al., 2015); the shortcut is a 1x1 convolution where shapes change."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(c, o, 3, stride, 1), nn.BatchNorm2d(o), nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1), nn.BatchNorm2d(o)
            )
            same = stride == 1 and c == o
            self.shortcut = None if same else nn.Sequential(nn.Conv2d(c, o, 1, stride), nn.BatchNorm2d(o))

        def forward(self, x: Any) -> Any:
            return relu(self.body(x) + (x if self.shortcut is None else self.shortcut(x)))

    return Block()


def build(nn: Any, relu: Callable[[Any], Any], layers: Layers) -> Any:
    """The layers as a Sequential."""
    return nn.Sequential(
        *[block(nn, relu, *args) if name == "Block" else getattr(nn, name)(*args) for name, *args in layers]
    )


def batches(shape: tuple[int, ...], batch: int, seed: int = 0) -> tuple[list[Any], list[Any]]:
    """Four batches of noise as arrays, the same for everyone."""
    rng = np.random.default_rng(seed)
    images = [rng.random((batch, *shape), dtype=np.float32) for _ in range(4)]
    return images, [rng.integers(0, 10, batch) for _ in range(4)]


def trainer(
    package: str,
    net: str,
    batch: int,
    mode: str,
    threads: int | None = None,
    channels_last: bool = False,
    compiled: bool = False,
) -> Callable[[], Any]:
    """A job: one step of training (mode "train", SGD with momentum) or of inference (mode "predict")."""
    pkg, nn, functional = load(package, threads)
    shape, layers = NETS[net]
    return loop(pkg, functional, build(nn, functional.relu, layers), shape, batch, mode, channels_last, compiled)


def loop(
    pkg: Any,
    functional: Any,
    model: Any,
    shape: tuple[int, ...],
    batch: int,
    mode: str,
    channels_last: bool = False,
    compiled: bool = False,
) -> Callable[[], Any]:
    """The step itself: not a line differs between the packages, the layout that only PyTorch knows aside."""
    rng = np.random.default_rng(1)
    state = dict(model.state_dict())
    for name, value in model.named_parameters():
        if value.ndim > 1:  # the same weights for everyone; norms and biases as they come
            state[name] = pkg.tensor((rng.standard_normal(tuple(value.shape)) * 0.05).astype(np.float32))
    model.load_state_dict(state)
    images, labels = batches(shape, batch)
    xs, ys = [pkg.tensor(a) for a in images], [pkg.tensor(a) for a in labels]
    if channels_last:
        model = model.to(memory_format=pkg.channels_last)
        xs = [x.to(memory_format=pkg.channels_last) for x in xs]
    optimizer = pkg.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    if compiled:
        model = pkg.compile(model)
    count = 0

    def train() -> None:
        nonlocal count
        x, y = xs[count % 4], ys[count % 4]
        count += 1
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    def predict() -> None:
        nonlocal count
        count += 1
        with pkg.no_grad():
            model(xs[count % 4])

    if mode == "train":
        return train
    model.eval()
    return predict


class Piece(NamedTuple):
    """What one layer costs for one image: matrix products as (rows an image, inner, columns), and values moved."""

    name: str
    product: tuple[int, int, int] | None
    forward: float  # values read and written going forward, each array once
    backward: float
    weights: int
    first: bool  # nobody wants the gradient of its input


def pieces(net: str) -> Iterator[Piece]:
    """The layers of a net, blocks taken apart, with the arithmetic of the direct form."""
    shape, layers = NETS[net]
    return _pieces(shape, layers)


def _pieces(shape: tuple[int, ...], layers: Layers, first: bool = True) -> Iterator[Piece]:
    for name, *args in layers:
        size = float(np.prod(shape))
        if name == "Conv2d":
            c, o, k, stride, pad = (*args, 1, 0)[:5] if len(args) == 3 else (*args, 0)[:5]
            h, w = ((s + 2 * pad - k) // stride + 1 for s in shape[1:])
            shape = (o, h, w)
            out, weights = float(np.prod(shape)), o * c * k * k + o
            back = out + size + (0 if first else size)
            yield Piece("conv", (h * w, c * k * k, o), size + out, back, weights, first)
        elif name == "Linear":
            yield Piece(
                "linear", (1, args[0], args[1]), size + args[1], args[1] + 2 * size, (args[0] + 1) * args[1], first
            )
            shape = (args[1],)
        elif name == "ReLU":
            yield Piece("relu", None, 2 * size, 3 * size, 0, False)
        elif name == "BatchNorm2d":
            yield Piece("batch norm", None, 3 * size, 5 * size, 2 * args[0], False)
        elif name in ("MaxPool2d", "AvgPool2d"):
            shape = (shape[0], shape[1] // args[0], shape[2] // args[0])
            out = float(np.prod(shape))
            reread = size if name == "MaxPool2d" else 0.0
            yield Piece("pool", None, size + out, out + reread + size, 0, False)
        elif name == "Block":
            c, o, stride = args
            inside: Layers = [("Conv2d", c, o, 3, stride, 1), ("BatchNorm2d", o), ("ReLU",)]
            inside += [("Conv2d", o, o, 3, 1, 1), ("BatchNorm2d", o)]
            yield from _pieces(shape, inside, False)
            if stride != 1 or c != o:
                yield from _pieces(shape, [("Conv2d", c, o, 1, stride), ("BatchNorm2d", o)], False)
            shape = (o, (shape[1] - 1) // stride + 1, (shape[2] - 1) // stride + 1)
            out = float(np.prod(shape))
            yield Piece("add and relu", None, 5 * out, 5 * out, 0, False)
        elif name == "Flatten":
            shape = (int(size),)
            continue
        first = False


def products(net: str, batch: int) -> list[tuple[str, tuple[int, int, int]]]:
    """The matrix products of a training step in the direct form, as (what, (m, k, n))."""
    found = []
    for piece in pieces(net):
        if piece.product:
            rows, k, n = piece.product
            m = rows * batch
            found.append((f"{piece.name} forward", (m, k, n)))
            found.append((f"{piece.name} weight gradient", (k, m, n)))
            if not piece.first:
                found.append((f"{piece.name} input gradient", (m, n, k)))
    return found
