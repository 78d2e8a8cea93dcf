"""The operators of ONNX, in terms of our operations; `table` knows them by name."""

from . import (
    activations,
    arithmetic,
    attention,
    flow,
    indexing,
    losses,
    normalizations,
    products,
    quantized,
    random_numbers,
    recurrent,
    reductions,
    resizing,
    shapes,
    signals,
    windows,
)

__all__ = [
    "activations",
    "arithmetic",
    "attention",
    "flow",
    "indexing",
    "losses",
    "normalizations",
    "products",
    "quantized",
    "random_numbers",
    "recurrent",
    "reductions",
    "resizing",
    "shapes",
    "signals",
    "windows",
]
