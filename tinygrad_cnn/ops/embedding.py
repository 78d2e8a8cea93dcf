"""Rows of a table: the operation behind embeddings, and its adjoint."""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

from ..autograd.graph import Array
from ..autograd.operation import op
from .repeats import sum_rows


@op(lambda g, _y, _w, i, *, padding, blank: embedding_weight(g, i, rows=_w.shape[0], padding=padding))
def embedding(w: Array, i: Array, *, padding: int | None, blank: bool) -> Array:
    """The rows i (any shape) of w (V, D): (..., D). Row ``padding`` has no gradient; with ``blank`` it reads as 0."""
    y = w.take(i, 0)
    if blank and padding is not None:
        y[i == padding] = 0
    return y


@op(lambda u, _y, _g, i, *, rows, padding: embedding(u, i, padding=padding, blank=True))
def embedding_weight(g: Array, i: Array, *, rows: int, padding: int | None) -> Array:
    """The adjoint of `embedding`: g (..., D) added up by row into (V, D), V = rows; zeros in row ``padding``."""
    out = sum_rows(g.reshape(i.size, g.shape[-1]), i.ravel(), rows)
    if padding is not None:
        out[padding] = 0
    return out


@op(lambda g, _y, _x, scale: g * scale, None)
def scale_gradient(x: Array, scale: Array) -> Array:  # noqa: ARG001  (the rule reads it)
    """x; its gradient is multiplied by ``scale``, which may broadcast."""
    return x.copy()
