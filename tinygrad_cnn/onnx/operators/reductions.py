"""Sums, means, extremes and norms over dimensions; softmax and its kin; running sums."""

from __future__ import annotations

import math

import numpy as np

from ...programs import Extent, Step
from ..graph import Graph, Translation, Untranslatable
from .elementwise import number


def _reduced(op: str) -> Translation:
    """A reduction over ``dim``, or all; integers add up in int64."""

    def translate(g: Graph, s: Step, x: str) -> str:
        dim = s.attributes["dim"]
        axes = (dim,) if isinstance(dim, int) else dim
        if not s.inputs[0].shape or axes == ():
            return x if s.inputs[0].dtype == s.output.dtype else g.cast(x, s.output.dtype)
        x = x if s.inputs[0].dtype == s.output.dtype else g.cast(x, s.output.dtype)
        return g.reduce(op, x, axes, s.attributes["keepdim"])

    return translate


def _truths(op: str) -> Translation:
    """all and any: the least and the largest of zeros and ones."""

    def translate(g: Graph, s: Step, x: str) -> str:
        x = g.cast(x if s.inputs[0].dtype == np.bool_ else g.cast(x, np.bool_), np.int32)
        y = g.reduce(op, x, s.attributes["dim"], s.attributes["keepdim"])
        return g.cast(y, s.output.dtype)

    return translate


def _count_nonzero(g: Graph, s: Step, x: str) -> str:
    x = g.cast(x if s.inputs[0].dtype == np.bool_ else g.cast(x, np.bool_), np.int64)
    return g.reduce("ReduceSum", x, s.attributes["dim"], s.attributes["keepdim"])


def _place_of(op: str) -> Translation:
    def translate(g: Graph, s: Step, x: str) -> str:
        dim, keep = s.attributes["dim"], bool(s.attributes["keepdim"])
        if dim is not None and s.inputs[0].shape:
            return g.node(op, x, axis=dim, keepdims=int(keep))
        flat = g.node("Reshape", x, g.ints([-1]))
        place: str = g.node(op, flat, axis=0, keepdims=0)
        return g.reshape(place, s.output.shape) if s.output.shape else place

    return translate


def _count(g: Graph, s: Step) -> str:
    """How many entries go into each result, as a number in the input's dtype."""
    shape, dim = s.inputs[0].shape, s.attributes["dim"]
    sizes = [shape[d] for d in (range(len(shape)) if dim is None else dim)]
    free = [n for n in sizes if isinstance(n, Extent)]
    if not free:
        return number(g, s, math.prod(int(n) for n in sizes))
    n = g.squeeze(g.ints([Extent(1)]), [0])
    total = g.constant(math.prod(m for m in sizes if not isinstance(m, Extent)), np.int64)
    for m in free:
        part = n if m.times == 1 else g.node("Mul", n, g.constant(m.times, np.int64))
        total = g.node("Mul", total, part if not m.plus else g.node("Add", part, g.constant(m.plus, np.int64)))
    return g.cast(total, s.inputs[0].dtype)


def _var(g: Graph, s: Step, x: str) -> str:
    dim, keep, correction = (s.attributes[key] for key in ("dim", "keepdim", "correction"))
    if not s.inputs[0].shape:
        raise Untranslatable("of a single number")
    apart = g.node("Sub", x, g.reduce("ReduceMean", x, dim, True))
    total = g.reduce("ReduceSum", g.node("Mul", apart, apart), dim, keep)
    free = g.node("Sub", _count(g, s), number(g, s, correction)) if correction else _count(g, s)
    return g.node("Div", total, free)


def _norm(g: Graph, s: Step, x: str) -> str:
    p, dim, keep = (s.attributes[key] for key in ("p", "dim", "keepdim"))
    single = not s.inputs[0].shape
    if p in (1, 2) and not single:
        return g.reduce(f"ReduceL{int(p)}", x, dim, keep)
    a = g.node("Abs", x)
    if single:
        return g.cast(g.cast(a, np.bool_), s.output.dtype) if p == 0 else a
    if math.isinf(p):
        return g.reduce("ReduceMax" if p > 0 else "ReduceMin", a, dim, keep)
    if p == 0:
        return g.reduce("ReduceSum", g.cast(g.cast(a, np.bool_), s.output.dtype), dim, keep)
    total = g.reduce("ReduceSum", g.node("Pow", a, number(g, s, p)), dim, keep)
    return g.node("Pow", total, number(g, s, 1 / p))


def _soft(op: str) -> Translation:
    """Softmax or its logarithm, along one dimension; a single number gets one for it."""

    def translate(g: Graph, s: Step, x: str) -> str:
        if not s.inputs[0].shape:
            return g.squeeze(g.node(op, g.unsqueeze(x, [0]), axis=0), [0])
        (dim,) = s.attributes["dim"]
        y: str = g.node(op, x, axis=dim)
        return y

    return translate


def _cumsum(g: Graph, s: Step, x: str) -> str:
    x = x if s.inputs[0].dtype == s.output.dtype else g.cast(x, s.output.dtype)
    if not s.inputs[0].shape:
        return x
    return g.node("CumSum", x, g.constant(s.attributes["dim"], np.int64), reverse=int(s.attributes["reverse"]) or None)


def _running(op: str, idle: float) -> Translation:
    """What a reduction makes of all entries up to each one, of which the later ones are covered by ``idle``."""

    def translate(g: Graph, s: Step, x: str) -> str:
        shape = s.inputs[0].shape
        if not shape:
            return x
        d = s.attributes["dim"] % len(shape)
        n = shape[d]
        if isinstance(n, Extent):
            raise Untranslatable("along the batch")
        upto = np.tril(np.ones((n, n), np.bool_))  # (result, entry)
        upto = upto.T if s.attributes.get("reverse") else upto
        upto = upto.reshape(n, n, *(1,) * (len(shape) - d - 1))
        covered = g.node("Where", g.constant(upto), g.unsqueeze(x, [d]), g.constant(idle, s.output.dtype))
        return g.reduce(op, covered, [d + 1], False)

    return translate


TABLE: dict[str, Translation] = {
    "sum": _reduced("ReduceSum"),
    "mean": _reduced("ReduceMean"),
    "prod": _reduced("ReduceProd"),
    "amax": _reduced("ReduceMax"),
    "amin": _reduced("ReduceMin"),
    "all": _truths("ReduceMin"),
    "any": _truths("ReduceMax"),
    "count_nonzero": _count_nonzero,
    "argmax": _place_of("ArgMax"),
    "argmin": _place_of("ArgMin"),
    "var": _var,
    "std": lambda g, s, x: g.node("Sqrt", _var(g, s, x)),
    "norm": _norm,
    "logsumexp": _reduced("ReduceLogSumExp"),
    "softmax": _soft("Softmax"),
    "log_softmax": _soft("LogSoftmax"),
    "cumsum": _cumsum,
    "cumprod": _running("ReduceProd", 1),
    "logcumsumexp": _running("ReduceLogSumExp", -np.inf),
}
