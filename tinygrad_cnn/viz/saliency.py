"""Where a class comes from: saliency maps and Grad-CAM, as arrays. `overlays` draws them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..nn.functional.vision import interpolate
from ..nn.module import Module
from ..tensors import Tensor
from . import probing
from .layers import name_of, output_of

Maps = NDArray[np.floating[Any]]


def saliency_map(model: Module, x: Any, target: Any = None, *, batch_size: int | None = None) -> Maps:
    """How strongly each pixel moves a class's score: |d score / d x|, the largest over the channels.

    After Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks" (2014), with the scores before softmax
    if these are what the model gives. Evaluation mode; the model and its ``.grad`` are left as they were.

    Args:
        model: gives scores (N, C) for images.
        x: images (N, channels, H, W), floating, as the model expects them.
        target: the class, or one for each image; None is the predicted one.
        batch_size: how many images at once (256).

    Returns:
        (N, H, W), >= 0, in the model's dtype.

    Raises:
        TypeError, ValueError: x or target of another form, classes out of range. RuntimeError: there is no gradient.

    >>> from tinygrad_cnn.nn import Flatten, Linear, Sequential
    >>> net = Sequential(Flatten(), Linear(4, 2))
    >>> weight = net[1].weight.numpy()
    >>> map = saliency_map(net, np.ones((1, 1, 2, 2), np.float32), target=1)
    >>> bool((map == abs(weight[1].reshape(1, 2, 2))).all())
    True
    """
    name = "saliency_map"
    probing.check_model(model, name)
    images = probing.as_input(model, x, name)
    classes = probing.targets_for(target, len(images), name)
    size = probing.check_batch_size(batch_size, name)
    maps = []
    with probing.differentiating(model):
        for part, of in probing.pieces(images, size, classes):
            leaf = Tensor(part.copy(), requires_grad=True)
            score = probing.picked(probing.scores(model, leaf, name), of, name)
            g = probing.gradient(score, leaf, name, "the image")  # (n, channels, H, W)
            maps.append(np.abs(g).max(axis=1))  # (n, H, W)
    return np.concatenate(maps)  # (N, H, W)


def grad_cam(model: Module, x: Any, layer: Any, target: Any = None, *, batch_size: int | None = None) -> Maps:
    """Where a convolutional layer saw what speaks for a class: gradient-weighted class activation maps.

    After Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization" (2017):
    with A_k the layer's channels and a_k the mean over pixels of d score / d A_k, the map is relu(sum_k a_k A_k), here
    made as large as the image, bilinear. Not normalised. Evaluation mode; the model is left as it was.

    Args:
        model: gives scores (N, C) for images.
        x: images (N, channels, H, W), floating, as the model expects them.
        layer: a module of the model, or a name that `layers_of` lists (``"features.3"``, ``"relu_1"``), whose output is
            (N, K, h, w); usually the last convolution, or what follows it. Of a module that is called more than once
            ``"block"`` is the first call, ``"block_1"`` the second.
        target: the class, or one for each image; None is the predicted one.
        batch_size: how many images at once (256).

    Returns:
        (N, H, W), >= 0, in the model's dtype.

    Raises:
        TypeError, ValueError: x, layer or target of another form. RuntimeError: the module is not called, or the
        scores have no gradient by it.
    """
    return cam(model, x, layer, target, batch_size, "grad_cam")


def cam(model: Module, x: Any, layer: Any, target: Any, batch_size: int | None, name: str) -> Maps:
    """`grad_cam`, for whoever is called ``name`` in errors."""
    probing.check_model(model, name)
    called = name_of(model, layer, name)
    images = probing.as_input(model, x, name)
    classes = probing.targets_for(target, len(images), name)
    size = probing.check_batch_size(batch_size, name)

    def cut(_: str, y: Tensor) -> tuple[Tensor, Tensor]:
        """The output from a leaf: what stands before the layer needs no gradient."""
        if y.dtype.kind != "f":
            return y, y
        leaf = Tensor(y._array, requires_grad=True)
        return leaf, leaf.clone()  # which may be changed in place

    maps = []
    with probing.differentiating(model):
        for part, of in probing.pieces(images, size, classes):
            given = Tensor(part, requires_grad=True).clone()  # so all is recorded, whatever is frozen
            y, a = output_of(model, given, called, cut, name, lambda x: probing.scores(model, x, name))
            if a.ndim != 4:
                raise ValueError(
                    f"{name}: the output of layer {called!r} must be (N, K, h, w), got shape {tuple(a.shape)}"
                )
            score = probing.picked(y, of, name)
            g = probing.gradient(score, a, name, f"layer {called!r}")  # (n, K, h, w)
            weights = g.mean(axis=(2, 3), keepdims=True)  # (n, K, 1, 1)
            small = np.maximum((weights * a._array).sum(axis=1, keepdims=True), 0)  # (n, 1, h, w)
            maps.append(np.asarray(interpolate(small, size=images.shape[2:], mode="bilinear"))[:, 0])  # (n, H, W)
    return np.concatenate(maps)  # (N, H, W)
