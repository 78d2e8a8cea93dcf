"""The same steps under MyGrad and under HIPS autograd, for what they can run, each as its own manual would write it.

MyGrad has convolution and max-pooling. autograd has a convolution only where SciPy is installed; without it it runs
the net of linear layers alone. Neither has optimizers, so SGD with momentum stands here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.models import NETS, Layers, batches

LIBRARIES = {"mygrad": "MyGrad", "autograd": "HIPS autograd"}


def can_run(library: str, net: str, mode: str) -> str | None:
    """Why a library cannot run a net, or None if it can."""
    if importlib.util.find_spec(library) is None:
        return "not installed"
    names = {name for name, *_ in NETS[net][1]}
    if names & {"BatchNorm2d", "Block"}:
        return "has no batch-norm for images ready" if library == "mygrad" else "has no batch-norm"
    if library == "autograd" and "Conv2d" in names and importlib.util.find_spec("scipy") is None:
        return "has no convolution without SciPy"
    return None if mode == "train" else "raced in training only"


def use_threads(threads: int | None) -> None:
    """As many BLAS threads as asked for."""
    if threads is not None:
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads, user_api="blas")


def parameters(layers: Layers, transposed_convolution: bool = False) -> list[Any]:
    """Weights and biases of the layers as arrays, in turn."""
    rng, arrays = np.random.default_rng(1), []
    for name, *args in layers:
        if name == "Conv2d":
            c, o, k = args[:3]
            arrays.append(rng.standard_normal((c, o, k, k) if transposed_convolution else (o, c, k, k)))
            arrays.append(np.zeros((1, o, 1, 1)))
        elif name == "Linear":
            arrays += [rng.standard_normal(tuple(args)), np.zeros(args[1])]
    return [(a * 0.05).astype(np.float32) for a in arrays]


def mygrad(net: str, batch: int, threads: int | None = None) -> Callable[[], Any]:
    """A job: one training step under MyGrad, with its memory guarding off, as its manual advises for speed."""
    import mygrad as mg
    from mygrad.nnet import relu, softmax_crossentropy
    from mygrad.nnet.layers import conv_nd, max_pool

    use_threads(threads)
    mg.turn_memory_guarding_off()
    shape, layers = NETS[net]
    weights = [mg.tensor(a) for a in parameters(layers)]
    momenta = [np.zeros_like(w.numpy()) for w in weights]
    images, labels = batches(shape, batch)
    xs = [mg.tensor(a, constant=True) for a in images]
    count = 0

    def step() -> None:
        nonlocal count
        x, y = xs[count % 4], labels[count % 4]
        count += 1
        left = iter(weights)
        for name, *args in layers:
            if name == "Conv2d":
                stride, padding = (*args[3:], 1, 0)[:2] if len(args) == 3 else (args[3], (*args, 0)[4])
                x = conv_nd(x, next(left), stride=stride, padding=padding) + next(left)
            elif name == "MaxPool2d":
                x = max_pool(x, (args[0],) * 2, (args[0],) * 2)
            elif name == "ReLU":
                x = relu(x)
            elif name == "Flatten":
                x = x.reshape(len(x), -1)
            else:
                x = mg.matmul(x, next(left)) + next(left)
        softmax_crossentropy(x, y).backward()
        for weight, momentum in zip(weights, momenta, strict=True):
            momentum *= 0.9
            momentum += weight.grad
            weight.numpy()[...] -= np.float32(0.01) * momentum
            weight.null_grad()

    return step


def autograd(net: str, batch: int, threads: int | None = None) -> Callable[[], Any]:
    """A job: one training step under HIPS autograd; convolution and pooling as in its own example of a convnet."""
    import autograd.numpy as np_
    from autograd import grad

    use_threads(threads)
    shape, layers = NETS[net]
    weights = parameters(layers, transposed_convolution=True)
    momenta = [np.zeros_like(w) for w in weights]
    images, labels = batches(shape, batch)
    if any(name == "Conv2d" for name, *_ in layers):
        from autograd.scipy.signal import convolve

    def loss(parameters: list[Any], x: Any, y: Any) -> Any:
        left = iter(parameters)
        for name, *args in layers:
            if name == "Conv2d":
                pad = (*args, 0, 0)[4] if len(args) > 4 else 0
                x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad))) if pad else x  # of images: no gradient needed
                x = convolve(x, next(left), axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid") + next(left)
            elif name == "MaxPool2d":
                n, c, h, w = x.shape
                k = args[0]
                x = np_.max(np_.max(np_.reshape(x, (n, c, h // k, k, w // k, k)), axis=3), axis=4)
            elif name == "ReLU":
                x = np_.maximum(x, 0)
            elif name == "Flatten":
                x = np_.reshape(x, (len(x), -1))
            else:
                x = np_.dot(x, next(left)) + next(left)
        top = np_.max(x, axis=1, keepdims=True)
        logs = x - top - np_.log(np_.sum(np_.exp(x - top), axis=1, keepdims=True))
        return -np_.mean(logs[np.arange(len(y)), y])

    gradient, count = grad(loss), 0

    def step() -> None:
        nonlocal count
        gradients = gradient(weights, images[count % 4], labels[count % 4])
        count += 1
        for weight, momentum, g in zip(weights, momenta, gradients, strict=True):
            momentum *= 0.9
            momentum += g
            weight -= np.float32(0.01) * momentum

    return step
