"""Running a model to look inside, and leaving no trace: modes, hooks, gradients and randomness are as before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..autograd.backward import grad
from ..autograd.modes import enable_grad
from ..nn.module import Module
from ..nn.summary import evaluating, in_mode, same_buffers
from ..tensors import Tensor
from ..train.loaders import as_dataset, as_loader, is_dataset
from ..train.progress import Progress
from . import style
from .watching import same_random_state

Array = NDArray[Any]
BATCH_SIZE = 256


def as_array(x: Any) -> Array:
    """The array in a Tensor, or whatever NumPy makes of it."""
    return x._array if isinstance(x, Tensor) else np.asarray(x)


def check_model(model: Any, name: str) -> None:
    """TypeError for anything but a Module."""
    if not isinstance(model, Module):
        raise TypeError(f"{name}: model must be an nn.Module, got {type(model).__name__}")


def as_input(model: Module, x: Any, name: str) -> Array:
    """Images (N, C, H, W), as floating numbers of the model's kind."""
    images = as_array(x)
    if images.ndim != 4 or 0 in images.shape:
        hint = "; put a batch dimension before it, x[None]" if images.ndim == 3 else ""
        raise ValueError(f"{name}: x must be images (N, C, H, W), at least one, got shape {images.shape}{hint}")
    if images.dtype.kind != "f":
        raise TypeError(
            f"{name}: x must be of a floating dtype, scaled as the model was trained on, got {images.dtype}"
        )
    own = next((p.dtype for p in model.parameters() if p.dtype.kind == "f"), images.dtype)
    return images.astype(own, copy=False)


@contextmanager
def at_rest(model: Module) -> Iterator[None]:
    """Within: evaluation mode, no gradients are recorded. Afterwards modes, buffers and random state are as before."""
    with same_random_state(), same_buffers(model), evaluating(model):
        yield


@contextmanager
def differentiating(model: Module) -> Iterator[None]:
    """Within: evaluation mode, and gradients are recorded, whatever was outside. Afterwards all is as before."""
    with same_random_state(), same_buffers(model), in_mode(model, False), enable_grad():
        yield


@contextmanager
def bar(title: str, steps: int, shown: bool) -> Iterator[Callable[[], None]]:
    """Within: a bar on a terminal or in a notebook, as a training run has, and what to call after each step."""
    progress = Progress(shown)
    progress.start(title, steps)
    try:
        yield lambda: progress.step(dict)
    finally:
        progress.close()


def pieces(images: Array, batch_size: int, classes: Array | None = None) -> Iterator[tuple[Array, Array | None]]:
    """The images, some at a time, with their classes."""
    for start in range(0, len(images), batch_size):
        part = slice(start, start + batch_size)
        yield images[part], None if classes is None else classes[part]


def inputs_of(data: Any, batch_size: int | None, name: str) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """(inputs, targets) of each batch of a loader, a dataset, a tuple of arrays or an array; targets may be None."""
    data = as_dataset((data,) if isinstance(data, (np.ndarray, Tensor)) else data)
    if is_dataset(data):
        batch_size = check_batch_size(batch_size, name)
    for batch in as_loader(data, batch_size, False, name):
        parts = tuple(batch) if isinstance(batch, (list, tuple)) else (batch,)
        yield (parts[:-1], parts[-1]) if len(parts) > 1 else (parts, None)


def class_names(data: Any) -> Any:
    """The names of the classes, where a dataset, or that of a loader or a part, knows them."""
    while data is not None:
        if getattr(data, "classes", None) is not None:
            return data.classes
        data = getattr(data, "dataset", None)
    return None


def scores(model: Module, x: Tensor, name: str) -> Tensor:
    """What the model says about images, (N, C); an error for anything else."""
    y = model(x)
    if not isinstance(y, Tensor) or y.ndim != 2 or len(y) != len(x):
        got = f"shape {tuple(y.shape)}" if isinstance(y, Tensor) else type(y).__name__
        raise ValueError(f"{name}: the model must give scores (N, C) for {len(x)} images, got {got}")
    return y


def number(loss: Any, name: str) -> float:
    """The number in what a loss function gave; an error for anything else."""
    if not isinstance(loss, Tensor) or loss._array.size != 1:
        got = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"{name}: the loss must be a Tensor with one number, got {got}; use reduction='mean'")
    return float(loss._array.item())


def probabilities(logits: Array) -> Array:
    """softmax over the classes, (N, C), in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    return e / e.sum(axis=1, keepdims=True)  # (N, C)


def predict(model: Module, images: Array, batch_size: int, name: str) -> Array:
    """Scores (N, C) of images, in evaluation mode."""
    with at_rest(model):
        return np.concatenate([scores(model, Tensor(part), name)._array for part, _ in pieces(images, batch_size)])


def targets_for(target: Any, count: int, name: str) -> Array | None:
    """One class for each image: (N,), from None (the predicted ones), one class for all, or a sequence."""
    if target is None:
        return None
    classes = as_array(target)
    if classes.dtype.kind not in "iu" or classes.shape not in ((), (count,)):
        raise ValueError(
            f"{name}: target must be None, a class or one class for each of {count} images, got {target!r}"
        )
    return np.broadcast_to(classes, (count,))


def picked(y: Tensor, target: Array | None, name: str) -> Tensor:
    """The sum of each image's score of its class: its gradient by one image is that of the image's own score."""
    classes = y.shape[1]
    chosen = y._array.argmax(axis=1) if target is None else target
    if chosen.min() < 0 or chosen.max() >= classes:
        raise ValueError(
            f"{name}: target must be classes in 0..{classes - 1}, got {int(chosen.min())}..{int(chosen.max())}"
        )
    total: Tensor = y[np.arange(len(chosen)), chosen].sum()
    return total


def gradient(score: Tensor, by: Tensor, name: str, what: str) -> Array:
    """d score / d by; touches no ``.grad``."""
    found = None if score._node is None else grad(score, by, allow_unused=True)[0]
    if found is None:
        raise RuntimeError(f"{name}: the scores do not depend on {what} in a way that has a gradient (no_grad inside?)")
    return found._array


def check_batch_size(batch_size: Any, name: str) -> int:
    """The batch size, or 256 for None."""
    return BATCH_SIZE if batch_size is None else style.whole(batch_size, "batch_size", name)
