"""The layers of a model as it runs: modules and functions, by the names that pictures take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..nn.module import Module
from ..tensors import Tensor
from . import probing
from .outputs import Output, Outputs, Take
from .watching import watched_by

_LISTED = 24  # names in an error
T = TypeVar("T")


class Layer(NamedTuple):
    """What gives an output: its name, as ``layer=`` takes it; a module's type or a function's name; a shape."""

    name: str
    type: str
    shape: tuple[int, ...]


class Layers(list[Layer]):
    """Layers in the order of their outputs; printed, a table."""

    def __repr__(self) -> str:
        rows = [("name", "type", "shape"), *((x.name or '""', x.type, format(x.shape)) for x in self)]
        wide = [max(len(row[i]) for row in rows) for i in range(2)]
        return "\n".join(f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c}" for a, b, c in rows)


def layers_of(model: Module, x: Any, *, every: bool = False) -> Layers:
    """The layers of a model as it runs on ``x``: the names that ``layer=`` and ``layers=`` take, printed as a table.

    A layer is a module or a function: ``F.relu(self.conv1(x))`` in the model's forward gives "conv1" and "relu", the
    second ``F.relu`` there is "relu_1", one in the forward of ``block`` "block.relu". A module that is called again is
    "block_1". These are the names of torchvision's feature extraction.

    Args:
        model: any Module; it runs in evaluation mode and is left as it was.
        x: what to call it with; a tuple for several inputs. A small batch is enough.
        every: also those that only hand on (reshape, dropout), containers, and what runs within a layer of the package.

    Returns:
        A list of `Layer` (name, type, shape), in the order of their outputs.

    Raises:
        TypeError: no Module.

    >>> from tinygrad_cnn import nn, ones
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc1, self.fc2 = nn.Linear(4, 3), nn.Linear(3, 2)
    ...     def forward(self, x):
    ...         return self.fc2(nn.functional.relu(self.fc1(x)))
    >>> layers_of(Net(), ones(5, 4))
    name  type    shape
    fc1   Linear  (5, 3)
    relu  relu    (5, 3)
    fc2   Linear  (5, 2)
    """
    probing.check_model(model, "layers_of")
    parts = x if isinstance(x, tuple) else (x,)
    inputs = [Tensor(part) if isinstance(part, np.ndarray) else part for part in parts]
    layers = Layers()

    def add(y: Output) -> None:
        layers.append(Layer(y.name, y.type, y.shape))

    watch = Outputs(model, inputs, add, lambda _, y: (None, y), (lambda _: True) if every else None)
    with probing.at_rest(model), watched_by(watch):
        model(*inputs)
    return layers


def name_of(model: Module, layer: Any, name: str) -> str:
    """The name of an output: as it stands, or that of a module's first call."""
    if isinstance(layer, Module):
        for path, module in model.named_modules():
            if module is layer:
                return path
        raise ValueError(f"{name}: the layer {type(layer).__name__} is no part of the model")
    if not isinstance(layer, str):
        raise TypeError(f"{name}: layer must be a name or a module of the model, got {type(layer).__name__}")
    return layer


def no_output(model: Module, watch: Outputs, layer: str, name: str, what: str = "Tensor") -> Exception:
    """What to raise where a layer that was asked for gave nothing."""
    if layer in watch.names:
        return ValueError(f"{name}: layer {layer!r} gives no {what}")
    if layer in dict(model.named_modules()):
        return RuntimeError(f"{name}: the layer {layer!r} is not called when the model runs")
    known = [repr(known) for known, within in watch.names.items() if known and not within]
    more = f" and {len(known) - _LISTED} more: see viz.layers_of" if len(known) > _LISTED else ""
    return ValueError(f"{name}: the model has no layer {layer!r}; it has {', '.join(known[:_LISTED])}{more}")


def output_of(model: Module, x: Tensor, layer: str, take: Take, name: str, run: Callable[[Tensor], T]) -> tuple[T, Any]:
    """What ``run`` gives for x, and what ``take`` makes of a layer's output on the way.

    Raises RuntimeError for a module that is not called, ValueError where there is no such layer.
    """
    found: list[Output] = []
    watch = Outputs(model, (x,), found.append, take, layer.__eq__)
    with watched_by(watch):
        result = run(x)
    if not found:
        raise no_output(model, watch, layer, name)
    return result, found[0].kept
