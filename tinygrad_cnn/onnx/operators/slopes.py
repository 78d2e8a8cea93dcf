"""What the rules of gradients are made of, for models that take a gradient in their forward: forces of an energy."""

from __future__ import annotations

import math

import numpy as np

from ...programs import Step, Value
from ..graph import Graph, Translation, Untranslatable
from . import indexing
from .elementwise import number, plain


def _only(g: Graph, s: Step, x: str, mask: str) -> str:
    """x where the mask holds, 0 elsewhere, be x infinite or NaN there."""
    return g.node("Where", mask, x, g.constant(0, s.output.dtype))


def _gate(g: Graph, s: Step, x: str, y: str) -> str:
    """x where y > 0, 0 elsewhere."""
    zero = g.constant(0, s.output.dtype)
    return g.node("Where", g.node("Greater", y, zero), x, zero)


def _sum_to(g: Graph, s: Step, x: str) -> str:
    """Sums over the dimensions along which an input was repeated."""
    old, new = s.inputs[0].shape, s.output.shape
    lead = len(old) - len(new)
    axes = [*range(lead), *(lead + d for d, n in enumerate(new) if n == 1 and old[lead + d] != 1)]
    x = g.reduce("ReduceSum", x, axes, True) if axes else x
    return g.squeeze(x, list(range(lead)))


def _step(g: Graph, s: Step, x: str) -> str:
    low, high = (g.constant(s.attributes[key], s.output.dtype) for key in ("low", "high"))
    return g.node("Where", g.node("Greater", x, number(g, s, 0)), high, low)


def _pow_slope(g: Graph, s: Step, x: str, _p: str) -> str:
    """p (p - 1) ... (p - k + 1) x ** (p - k), for a p that is a number."""
    p, k = s.inputs[1], s.attributes["k"]
    if isinstance(p, Value) or s.attributes["m"]:
        raise Untranslatable("by an exponent that is computed")
    factor = math.prod(p - i for i in range(k))
    power = g.node("Pow", x, number(g, s, p - k if factor else 0))
    return g.node("Mul", number(g, s, factor), power)


def _put(g: Graph, s: Step, x: str, i: str) -> str:
    """Zeros with x at the positions i along a dimension."""
    dim, shape = s.attributes["dim"], s.output.shape
    if not shape:
        return x
    if not s.attributes["keepdim"] and len(s.inputs[0].shape) < len(shape):
        x = g.unsqueeze(x, [dim])
    return g.node("ScatterElements", g.node("Expand", g.constant(0, s.output.dtype), g.ints(shape)), i, x, axis=dim)


def _place(g: Graph, s: Step, x: str, *where: str) -> str:
    """Zeros with x at an index, or at the numbers of classes along dimension 1."""
    if not where:
        return indexing.place(g, s, x)
    n = len(s.output.shape)
    classes = np.arange(s.attributes["classes"]).reshape(-1, *(1,) * (n - 2))
    chosen = g.node("Equal", g.unsqueeze(where[0], [1]), g.constant(classes, s.inputs[1].dtype))
    return g.node("Where", chosen, g.unsqueeze(x, [1]), g.constant(0, s.output.dtype))


def _between(g: Graph, s: Step, x: str, *limits: str) -> str:
    """The nearer limit where x is outside; or, of numbers for limits, if it is inside."""
    if limits:
        return g.node("Min", g.node("Max", x, limits[0]), limits[1])
    above = g.node("Greater", x, number(g, s, s.attributes["low"]))
    return g.node("And", above, g.node("Less", x, number(g, s, s.attributes["high"])))


def _within(g: Graph, s: Step, x: str) -> str:
    given = ((op, s.attributes[key]) for op, key in (("GreaterOrEqual", "low"), ("LessOrEqual", "high")))
    sides = [g.node(op, x, number(g, s, limit)) for op, limit in given if limit is not None]
    return sides[0] if len(sides) == 1 else g.node("And", *sides)


def _abs_pow(g: Graph, s: Step, x: str) -> str:
    y: str = g.node("Pow", g.node("Abs", x), number(g, s, s.attributes["p"]))
    return g.node("Mul", y, g.node("Sign", x)) if s.attributes["odd"] else y


def _bell(g: Graph, s: Step, x: str) -> str:
    """exp(-x^2)"""
    if s.attributes["n"]:
        raise Untranslatable("differentiated again")
    y: str = g.node("Exp", g.node("Neg", g.node("Mul", x, x)))
    return y


TABLE: dict[str, Translation] = {
    "only": _only,
    "gate": _gate,
    "sum_to": _sum_to,
    "step": _step,
    "pow_slope": _pow_slope,
    "put": _put,
    "place": _place,
    "between": _between,
    "within": _within,
    "abs_pow": _abs_pow,
    "bell": _bell,
    "linear_input": plain("MatMul"),
}
