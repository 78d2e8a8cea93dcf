"""Matrix products and contractions."""

from __future__ import annotations

import string

from ...programs import Step
from ..graph import Graph, Translation
from .elementwise import plain
from .shapes import transposed


def _linear(g: Graph, s: Step, x: str, w: str, b: str = "") -> str:
    """x w^T + b: one operator for a matrix."""
    if len(s.inputs[0].shape) == 2 and len(s.inputs[1].shape) == 2:
        return g.node("Gemm", x, w, b, transB=1)
    y: str = g.node("MatMul", x, transposed(g, w, (1, 0)) if len(s.inputs[1].shape) == 2 else w)
    return g.node("Add", y, b) if b else y


def _einsum(g: Graph, s: Step, *xs: str) -> str:
    terms, out = s.attributes["terms"], s.attributes["out"]
    letters = iter(string.ascii_letters)
    names: dict[str, str] = {}
    for term in terms:
        for label in term:
            names.setdefault(label, next(letters)) if label not in names else None
    sides = [",".join("".join(names[label] for label in term) for term in part) for part in (terms, (out,))]
    return g.node("Einsum", *xs, equation="->".join(sides))


TABLE: dict[str, Translation] = {
    "linear": _linear,
    "matmul": plain("MatMul"),
    "einsum": _einsum,
}
