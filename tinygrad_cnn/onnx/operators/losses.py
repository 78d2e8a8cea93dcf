"""Losses, for models that take the answers as an input too."""

from __future__ import annotations

from typing import Any

from ...programs import Step
from ..graph import Graph, Translation
from .elementwise import number


def _classes(op: str) -> Translation:
    """One operator for scores, or log-probabilities, beside the numbers of the right classes."""

    def translate(g: Graph, s: Step, x: str, t: str, weight: str) -> str:
        a: Any = s.attributes
        y: str = g.node(op, x, t, weight, ignore_index=a["ignore_index"], reduction=a["reduction"])
        return y

    return translate


def _chosen(g: Graph, _s: Step, x: str, t: str, w: str) -> str:
    """-w log(softmax(x)) of the right classes."""
    y: str = g.node("Mul", w, g.node("SoftmaxCrossEntropyLoss", x, t, reduction="none"))
    return y


def _picked(g: Graph, _s: Step, x: str, t: str) -> str:
    """The entries of the right classes."""
    y: str = g.node("Neg", g.node("NegativeLogLikelihoodLoss", x, t, reduction="none"))
    return y


def _squared(g: Graph, _s: Step, a: str, b: str) -> str:
    apart = g.node("Sub", a, b)
    y: str = g.node("Mul", apart, apart)
    return y


def _huber(g: Graph, s: Step, d: str) -> str:
    """inner (d - inner / 2), where inner is d within delta."""
    delta = s.attributes["delta"]
    inner = g.node("Clip", d, number(g, s, -delta), number(g, s, delta))
    y: str = g.node("Mul", inner, g.node("Sub", d, g.node("Mul", inner, number(g, s, 0.5))))
    return y


def _clamped_log(g: Graph, s: Step, x: str) -> str:
    y: str = g.node("Max", g.node("Log", x), number(g, s, -100))
    return y


def _binary(g: Graph, s: Step, x: str, t: str) -> str:
    """-t log(x) - (1 - t) log(1 - x), logarithms cut off at -100."""
    one = number(g, s, 1)
    yes = g.node("Mul", t, _clamped_log(g, s, x))
    no = g.node("Mul", g.node("Sub", one, t), _clamped_log(g, s, g.node("Sub", one, x)))
    y: str = g.node("Neg", g.node("Add", yes, no))
    return y


def _logistic(g: Graph, s: Step, x: str, t: str) -> str:
    """max(x, 0) - x t + log(1 + exp(-|x|))."""
    rest = g.node("Log", g.node("Add", number(g, s, 1), g.node("Exp", g.node("Neg", g.node("Abs", x)))))
    y: str = g.node("Add", g.node("Sub", g.node("Relu", x), g.node("Mul", x, t)), rest)
    return y


def _self_log(g: Graph, s: Step, t: str) -> str:
    """t log(t), and 0 at 0."""
    none = g.node("Equal", t, number(g, s, 0))
    y: str = g.node("Where", none, number(g, s, 0), g.node("Mul", t, g.node("Log", t)))
    return y


TABLE: dict[str, Translation] = {
    "CrossEntropyLoss": _classes("SoftmaxCrossEntropyLoss"),
    "NLLLoss": _classes("NegativeLogLikelihoodLoss"),
    "softmax_nll": _chosen,
    "cross_entropy": lambda g, s, *x: g.reduce("ReduceSum", _chosen(g, s, *x), None, False),
    "pick": _picked,
    "squared_error": _squared,
    "huber": _huber,
    "clamped_log": _clamped_log,
    "binary_cross_entropy": _binary,
    "logistic_loss": _logistic,
    "self_log": _self_log,
}
