"""A Sequential of linear layers and activations as plain numbers: what the page of the playground can train."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from ...nn.layers.activation import GELU, LeakyReLU, ReLU
from ...nn.layers.container import Sequential
from ...nn.layers.dropout import Dropout
from ...nn.layers.linear import Identity, Linear
from ...nn.layers.squashing import Sigmoid, Tanh
from ...nn.module import Module

UNITS, HIDDEN = 32, 6  # neurons in a layer, and hidden layers: what a page has room for
KINDS: dict[type[Module], str] = {
    Tanh: "tanh",
    ReLU: "relu",
    Sigmoid: "sigmoid",
    LeakyReLU: "leaky_relu",
    GELU: "gelu",
}
TAKEN = "Sequential of Linear, Tanh, ReLU, Sigmoid, LeakyReLU, GELU and Identity"


def layers_of(model: Module) -> list[dict[str, Any]]:
    """The Linear layers in order, each with the activation behind it: ``weight``, ``bias``, ``activation``, ``slope``.

    Raises TypeError for a module that the page does not have, ValueError for sizes and orders that it cannot show.
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"playground: the model must be a {TAKEN}, got {type(model).__name__}")
    layers: list[dict[str, Any]] = []
    seen: set[int] = set()
    open_end = False  # is the last thing a Linear without an activation?
    for name, module in _flat(model):
        where = f"layer {name} ({type(module).__name__})"
        if isinstance(module, Linear):
            if id(module) in seen:
                raise ValueError(f"playground: {where} is used twice; the page has weights of its own in each layer")
            seen.add(id(module))
            layers.append({**_numbers(module, where), "activation": "none", "slope": 0.01})
            open_end = True
        elif type(module) in KINDS:
            if not open_end:
                raise ValueError(f"playground: {where} must stand directly behind a Linear; take it out")
            layers[-1].update(_activation(module, where))
            open_end = False
        elif isinstance(module, Dropout):
            raise TypeError(
                f"playground: {where} draws by chance at each step, and the page shows numbers that can be followed; "
                "leave it out, and use weight decay"
            )
        else:
            raise TypeError(f"playground: the page has no {type(module).__name__} ({name}); it takes a {TAKEN}")
    _check(layers, open_end)
    return layers


def _flat(model: Sequential, path: str = "") -> Iterator[tuple[str, Module]]:
    """Names and modules in the order of their calls, those of Sequentials within; what does nothing is left out."""
    for name, module in model._modules.items():
        if isinstance(module, Sequential):
            yield from _flat(module, f"{path}{name}.")
        elif module is not None and not isinstance(module, Identity):
            yield f"{path}{name}", module


def _numbers(module: Linear, where: str) -> dict[str, Any]:
    arrays = {
        "weight": module.weight._array.astype(np.float64),  # (out, in)
        "bias": None if module.bias is None else module.bias._array.astype(np.float64),  # (out,)
    }
    for name, array in arrays.items():
        if array is not None and not np.isfinite(array).all():
            raise ValueError(f"playground: the {name} of {where} has values that are not finite")
    return {name: None if array is None else array.tolist() for name, array in arrays.items()}


def _activation(module: Module, where: str) -> dict[str, Any]:
    if isinstance(module, GELU) and module.approximate != "none":
        raise ValueError(f"playground: {where} must be exact, GELU(approximate='none'), got {module.approximate!r}")
    slope = module.negative_slope if isinstance(module, LeakyReLU) else 0.01
    return {"activation": KINDS[type(module)], "slope": float(slope)}


def _check(layers: list[dict[str, Any]], open_end: bool) -> None:
    if not layers:
        raise ValueError("playground: the model has no Linear layer")
    sizes = [len(layers[0]["weight"][0]), *(len(layer["weight"]) for layer in layers)]
    if sizes[0] != 2:
        raise ValueError(f"playground: the model must take points of the plane, in_features=2, got {sizes[0]}")
    for before, after in pairwise(layers):
        gives, takes = len(before["weight"]), len(after["weight"][0])
        if gives != takes:
            raise ValueError(f"playground: a Linear that gives {gives} numbers stands before one that takes {takes}")
    if not open_end:
        raise ValueError(
            f"playground: the model must end with a Linear, whose outputs are logits, got {layers[-1]['activation']} "
            "behind it; take it out: the loss of the page has the softmax (or sigmoid) in it"
        )
    if max(sizes) > UNITS or len(layers) > HIDDEN + 1:
        raise ValueError(
            f"playground: the page has room for {HIDDEN} hidden layers of {UNITS} neurons, "
            f"got {len(layers) - 1} with at most {max(sizes)}"
        )
