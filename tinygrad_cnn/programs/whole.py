"""Layers that count as one step, because what is in them says more as a whole, or cannot be told by operations.

A recurrent layer is one step instead of some operations for each entry of its sequences; batch-norm keeps its running
values instead of the scale that was made of them; and where the maxima of an adaptive pool lie is found by NumPy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from ..nn.functional.pooling import _max_pool2d
from ..nn.layers.bags import EmbeddingBag
from ..nn.layers.loss import CrossEntropyLoss, NLLLoss
from ..nn.layers.normalization import BatchNorm1d, BatchNorm2d
from ..nn.layers.pooling import AdaptiveMaxPool1d, AdaptiveMaxPool2d, MaxPool1d, MaxPool2d
from ..nn.layers.recurrent import GRU, LSTM, RNN
from ..nn.layers.unpooling import MaxUnpool1d, MaxUnpool2d
from ..nn.module import Module
from ..tensors import Tensor


class Whole(NamedTuple):
    """A call of a layer as one step: its inputs (tensors, or None for what is left out), its settings, its type."""

    inputs: tuple[Any, ...]
    attributes: dict[str, Any]
    op: str = ""


def whole(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Whole | None:
    """This call as one step; None where it is to be told by its operations.

    A layer with hooks, or a subclass with a forward of its own, is told by its operations; another subclass is what it
    was made of.
    """
    for kind, describe in _LAYERS.items():
        if isinstance(module, kind) and type(module).forward is kind.forward:
            if module._forward_hooks or module._forward_pre_hooks:
                return None
            given = inspect.signature(kind.forward).bind(module, *args, **kwargs)
            given.apply_defaults()
            call = describe(module, *given.args[1:])
            return None if call is None else call._replace(op=kind.__name__)
    return None


def _batch_norm(layer: Any, x: Any) -> Whole | None:
    if layer.training or layer.running_mean is None:  # by the batch's own mean
        return None
    return Whole((x, layer.running_mean, layer.running_var, layer.weight, layer.bias), {"eps": layer.eps})


def _recurrent(layer: Any, x: Any, hx: Any) -> Whole | None:
    if not isinstance(x, Tensor) or x.ndim != 3 or layer.proj_size or layer.training:
        return None
    states = (None,) * layer._states if hx is None else tuple(hx) if isinstance(hx, (tuple, list)) else (hx,)
    settings = ("mode", "hidden_size", "num_layers", "bias", "batch_first", "bidirectional")
    return Whole((x, *states, *layer._flat_weights), {name: getattr(layer, name) for name in settings})


def _largest(layer: Any, x: Any) -> Whole | None:
    return None if layer.return_indices else Whole((x,), {"output_size": layer.output_size})


def _largest_and_places(layer: Any, x: Any) -> Whole | None:
    """A pool that also tells where its maxima were; its windows as those of an image."""
    n = 1 if isinstance(layer, MaxPool1d) else 2
    if not layer.return_indices or x.ndim != n + 2:
        return None
    given: Any = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    if n == 1:
        ones = (value[0] if isinstance(value, (tuple, list)) else value for value in given)
        given = tuple((still, value) for still, value in zip((1, 1, 0, 1), ones, strict=True))
    image = x._array if n == 2 else x._array[:, :, None]  # (N, C, H, W)
    return Whole((x,), _max_pool2d((image,), *given, layer.ceil_mode)[0])


def _unpooled(layer: Any, x: Any, indices: Any, output_size: Any) -> Whole | None:  # noqa: ARG001
    n = 1 if isinstance(layer, MaxUnpool1d) else 2
    return Whole((x, indices), {}) if x.ndim == n + 2 else None


def _bag(layer: Any, x: Any, offsets: Any, per_sample_weights: Any) -> Whole | None:
    if x.ndim != 2 or offsets is not None or layer.max_norm is not None:
        return None
    return Whole((x, layer.weight, per_sample_weights), {"mode": layer.mode, "padding_idx": layer.padding_idx})


def _classified(layer: Any, x: Any, target: Any) -> Whole | None:
    """A loss of classes by number; of shares of classes, and smoothed, it is told by its operations."""
    if target.dtype.kind not in "iu" or x.ndim < 2 or getattr(layer, "label_smoothing", 0.0):
        return None
    return Whole((x, target, layer.weight), {"ignore_index": layer.ignore_index, "reduction": layer.reduction})


_LAYERS: dict[type[Module], Callable[..., Whole | None]] = {
    BatchNorm1d: _batch_norm,
    BatchNorm2d: _batch_norm,
    RNN: _recurrent,
    LSTM: _recurrent,
    GRU: _recurrent,
    EmbeddingBag: _bag,
    CrossEntropyLoss: _classified,
    NLLLoss: _classified,
    MaxPool1d: _largest_and_places,
    MaxPool2d: _largest_and_places,
    MaxUnpool1d: _unpooled,
    MaxUnpool2d: _unpooled,
    AdaptiveMaxPool1d: _largest,
    AdaptiveMaxPool2d: _largest,
}
