"""Normalisations."""

from __future__ import annotations

import numpy as np

from ...programs import Step
from ..graph import Graph, Translation
from .elementwise import number


def _batch_norm(g: Graph, s: Step, x: str, mean: str, var: str, w: str, b: str) -> str:
    channels, dtype = s.inputs[0].shape[1], s.output.dtype
    w = w or g.constant(np.ones(channels, dtype))
    b = b or g.constant(np.zeros(channels, dtype))
    return g.node("BatchNormalization", x, w, b, mean, var, epsilon=s.attributes["eps"])


def _scale_shift(g: Graph, _s: Step, x: str, scale: str, shift: str) -> str:
    return g.node("Add", g.node("Mul", x, scale), shift)


def _normalize(g: Graph, s: Step, x: str, w: str = "", b: str = "") -> str:
    """By x's own mean and variance, over ``dim``: one operator where ONNX has one."""
    shape, dim, eps = s.inputs[0].shape, tuple(s.attributes["dim"]), s.attributes["eps"]
    n = len(shape)
    known = [v.shape for v in s.inputs[1:]]
    channels = (1, *shape[1:2]) + (1,) * (n - 2)
    if dim == tuple(range(dim[0], n)) and all(v[: dim[0]] == (1,) * dim[0] for v in known):
        sizes = shape[dim[0] :]
        if all(v[dim[0] :] == sizes for v in known) and not any(not isinstance(m, int) for m in sizes):
            w = g.reshape(w, sizes, known[0]) if w else g.constant(np.ones(sizes, s.output.dtype))
            b = g.reshape(b, sizes, known[1]) if b else ""
            return g.node("LayerNormalization", x, w, b, axis=dim[0], epsilon=eps)
    if n > 2 and dim == tuple(range(2, n)) and all(v == channels for v in known):
        w = g.reshape(w, (shape[1],), known[0]) if w else g.constant(np.ones(shape[1], s.output.dtype))
        b = g.reshape(b, (shape[1],), known[1]) if b else g.constant(np.zeros(shape[1], s.output.dtype))
        return g.node("InstanceNormalization", x, w, b, epsilon=eps)
    apart = g.node("Sub", x, g.reduce("ReduceMean", x, dim, True))
    variance = g.reduce("ReduceMean", g.node("Mul", apart, apart), dim, True)
    y: str = g.node("Div", apart, g.node("Sqrt", g.node("Add", variance, number(g, s, eps))))
    y = g.node("Mul", y, w) if w else y
    return g.node("Add", y, b) if b else y


TABLE: dict[str, Translation] = {
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "scale_shift": _scale_shift,
    "normalize": _normalize,
}
