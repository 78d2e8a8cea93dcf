"""Single operations as jobs: the same lines make them for tinygrad_cnn and for PyTorch.

Each framework gets its images in the memory order in which its own convolution hands them over, and gradients in the
order of the output, as they would come in a net. The gradient of every input is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.models import load

IMAGES = (64, 32, 28, 28)
ROWS = (64, 1024)
CONVOLUTIONS = {  # batch, channels in, side, channels out, kernel, stride, padding
    "conv 1 to 8, 3x3, 28": (64, 1, 28, 8, 3, 1, 0),
    "conv 6 to 16, 5x5, 14": (64, 6, 14, 16, 5, 1, 0),
    "conv 32 to 64, 3x3, 26": (64, 32, 26, 64, 3, 1, 0),
    "conv 64 to 64, 3x3, 32": (16, 64, 32, 64, 3, 1, 1),
    "conv 64 to 128, 3x3, stride 2": (16, 64, 32, 128, 3, 2, 1),
    "conv 64 to 128, 1x1, 16": (16, 64, 16, 128, 1, 1, 0),
    "conv 256 to 256, 3x3, 8": (16, 256, 8, 256, 3, 1, 1),
    "conv 3 to 32, 7x7, stride 2, 64": (16, 3, 64, 32, 7, 2, 3),
}
CASES: dict[str, tuple[str, tuple[Any, ...]]] = {  # name: operation, sizes
    **{name: ("conv", sizes) for name, sizes in CONVOLUTIONS.items()},
    "max pool 2x2": ("max_pool2d", (*IMAGES, 2)),
    "max pool 3x3, stride 2": ("max_pool2d", (*IMAGES, 3, 2)),
    "avg pool 2x2": ("avg_pool2d", (*IMAGES, 2)),
    "linear 1024 to 256": ("linear", (*ROWS, 256)),
    "linear 9216 to 128, batch 10": ("linear", (10, 9216, 128)),
    "batch norm, training": ("batch_norm", IMAGES),
    "group norm, 8 groups": ("group_norm", (*IMAGES, 8)),
    "layer norm": ("layer_norm", ROWS),
    "softmax": ("softmax", ROWS),
    "log softmax": ("log_softmax", ROWS),
    "cross entropy, 10 classes": ("cross_entropy", (64, 10)),
    "cross entropy, 1000 classes": ("cross_entropy", (64, 1000)),
    **{
        f"{op}, {label}": (op, shape)
        for op in ("relu", "gelu", "silu", "sigmoid", "tanh", "add", "mul", "sum")
        for label, shape in (("1.6 M", IMAGES), ("64 K", ROWS))
    },
}


def operation(
    package: str,
    op: str,
    sizes: Sequence[int],
    mode: str,
    threads: int | None = None,
    channels_last: bool = False,
) -> Callable[[], Any]:
    """A job: the operation forward under no_grad (mode "forward"), or forward and backward (mode "both")."""
    pkg, _, functional = load(package, threads)
    rng = np.random.default_rng(0)

    def values(*shape: int) -> Any:
        return pkg.tensor(rng.standard_normal(shape).astype(np.float32))

    def images(n: int, c: int, h: int, w: int) -> Any:
        x = values(n, c, h, w)
        if channels_last:
            x = x.to(memory_format=pkg.channels_last)
        if c > 4:  # the data of a first layer come as the user has them, others as a convolution leaves them
            kernel = values(c, c, 3, 3)
            if channels_last:
                kernel = kernel.to(memory_format=pkg.channels_last)
            with pkg.no_grad():
                x = functional.conv2d(x, kernel, padding=1) * (1 / c)
        return x

    forward, inputs = prepare(op, list(sizes), values, images, functional, pkg)
    if channels_last:
        inputs = [a.to(memory_format=pkg.channels_last) if a.ndim == 4 else a for a in inputs]
    if mode == "forward":

        def run() -> None:
            with pkg.no_grad():
                forward(*inputs)

        return run

    for a in inputs:
        a.requires_grad = True
    g = forward(*inputs).detach() * 0 + 0.5  # keeps the memory order of the output

    def both() -> None:
        for a in inputs:
            a.grad = None
        forward(*inputs).backward(g)

    return both


def prepare(op: str, sizes: list[int], values: Any, images: Any, functional: Any, pkg: Any) -> tuple[Any, list[Any]]:
    """The operation as a function of its differentiable inputs, and these."""
    F = functional
    if op == "conv":
        n, c, side, o, k, stride, padding = sizes
        inputs = [images(n, c, side, side), values(o, c, k, k) * 0.05, values(o)]
        return lambda x, w, b: F.conv2d(x, w, b, stride, padding), [a.detach() for a in inputs]
    if op in ("max_pool2d", "avg_pool2d"):
        pool, window = getattr(F, op), sizes[4:]
        return lambda x: pool(x, *window), [images(*sizes[:4])]
    if op == "linear":
        rows, inner, out = sizes
        return F.linear, [values(rows, inner), (values(out, inner) * 0.05).detach(), values(out)]
    if op == "batch_norm":
        c = sizes[1]
        mean, variance = pkg.zeros(c), pkg.ones(c)
        return (
            lambda x, w, b: F.batch_norm(x, mean, variance, w, b, training=True),
            [images(*sizes), values(c), values(c)],
        )
    if op == "group_norm":
        c, groups = sizes[1], sizes[4]
        return lambda x, w, b: F.group_norm(x, groups, w, b), [images(*sizes[:4]), values(c), values(c)]
    if op == "layer_norm":
        width = sizes[1]
        return lambda x, w, b: F.layer_norm(x, (width,), w, b), [values(*sizes), values(width), values(width)]
    if op in ("softmax", "log_softmax"):
        function = getattr(F, op)
        return lambda x: function(x, 1), [values(*sizes)]
    if op == "cross_entropy":
        y = pkg.tensor(np.random.default_rng(1).integers(0, sizes[1], sizes[0]))
        return lambda x: F.cross_entropy(x, y), [values(*sizes)]
    make = images if len(sizes) == 4 else values
    if op in ("add", "mul"):
        return getattr(pkg, op), [make(*sizes), make(*sizes)]
    if op == "sum":
        return lambda x: x.sum(), [make(*sizes)]
    return getattr(F, op), [make(*sizes)]


def optimizer(package: str, kind: str, arrays: int, total: int = 1_200_000, threads: int | None = None) -> Any:
    """A job: one step of an optimizer on `total` parameters in that many arrays; gradients come from one backward."""
    pkg, nn, _ = load(package, threads)
    rng = np.random.default_rng(0)
    size = total // arrays
    parameters = [nn.Parameter(pkg.tensor(rng.standard_normal(size).astype(np.float32))) for _ in range(arrays)]
    settings = {"lr": 1e-6, **({"momentum": 0.9} if kind == "SGD" else {})}
    chosen = getattr(pkg.optim, kind)(parameters, **settings)
    for parameter in parameters:
        (parameter * 0.01).sum().backward()
    return chosen.step


def chain(package: str, link: str, length: int, threads: int | None = None) -> Callable[[], Any]:
    """A job: a graph of `length` operations on 16 values, forward and backward."""
    pkg, _, functional = load(package, threads)
    x = pkg.tensor(np.linspace(-1, 1, 16, dtype=np.float32))
    other = pkg.tensor(np.full(16, 1e-6, dtype=np.float32))
    x.requires_grad = True

    links = {
        "y * 0.999": lambda y, _: y * 0.999,
        "y + tensor": lambda y, _: y + other,
        "relu(y)": lambda y, _: functional.relu(y),
        "tanh(y)": lambda y, _: y.tanh(),
    }
    each = tuple(links.values())
    links["mixed"] = lambda y, n: each[n % 4](y, n)
    follow = links[link]

    def step() -> None:
        x.grad = None
        y = x
        for n in range(length):
            y = follow(y, n)
        y.sum().backward()

    return step
