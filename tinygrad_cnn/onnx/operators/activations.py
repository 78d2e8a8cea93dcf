"""Activations."""

from __future__ import annotations

import math

from ...ops.activation import SELU_ALPHA, SELU_SCALE
from ...programs import Step
from ..graph import Graph, Translation
from .elementwise import number, plain


def _threshold(g: Graph, s: Step, x: str) -> str:
    """A value instead of x up to a place; NaN stays."""
    upto = g.node("LessOrEqual", x, number(g, s, s.attributes["at"]))
    return g.node("Where", upto, number(g, s, s.attributes["value"]), x)


def _shrunk(soft: bool) -> Translation:
    """0 within the width, and x, or x nearer to 0, beyond; NaN stays."""

    def translate(g: Graph, s: Step, x: str) -> str:
        width = s.attributes["width"]
        y: str = g.node("Shrink", x, lambd=width, bias=width if soft else None)
        return g.node("Where", g.node("IsNaN", x), x, y)

    return translate


def _elu(g: Graph, s: Step, x: str) -> str:
    """ELU, SELU and CELU: x, or alpha (exp(inner x) - 1), times scale."""
    alpha, scale, inner = (s.attributes[key] for key in ("alpha", "scale", "inner"))
    if scale == inner == 1:
        return g.node("Elu", x, alpha=alpha)
    if (alpha, scale, inner) == (SELU_ALPHA, SELU_SCALE, 1):
        return g.node("Selu", x, alpha=alpha, gamma=scale)
    below = g.node("Sub", g.node("Exp", g.node("Mul", x, number(g, s, inner))), number(g, s, 1))
    y = g.node("Where", g.node("Greater", x, number(g, s, 0)), x, g.node("Mul", below, number(g, s, alpha)))
    return y if scale == 1 else g.node("Mul", y, number(g, s, scale))


def _softplus(g: Graph, s: Step, x: str) -> str:
    """log(1 + exp(beta x)) / beta, or x where beta x is above the threshold."""
    beta, threshold = s.attributes["beta"], s.attributes["threshold"]
    inner = x if beta == 1 else g.node("Mul", x, number(g, s, beta))
    y: str = g.node("Softplus", inner)
    y = y if beta == 1 else g.node("Div", y, number(g, s, beta))
    if threshold >= 20:  # where both are the same number
        return y
    return g.node("Where", g.node("Greater", inner, number(g, s, threshold)), x, y)


def _mish(g: Graph, _s: Step, x: str) -> str:
    if g.opset >= 18:
        return g.node("Mish", x)
    return g.node("Mul", x, g.node("Tanh", g.node("Softplus", x)))


def _gelu(g: Graph, s: Step, x: str) -> str:
    """x Phi(x) = x (1 + erf(x / sqrt(2))) / 2."""
    if g.opset >= 20:
        return g.node("Gelu", x)
    area = g.node("Add", g.node("Erf", g.node("Mul", x, number(g, s, math.sqrt(0.5)))), number(g, s, 1))
    return g.node("Mul", g.node("Mul", x, area), number(g, s, 0.5))


def _gelu_tanh(g: Graph, s: Step, x: str) -> str:
    if g.opset >= 20:
        return g.node("Gelu", x, approximate="tanh")
    cube = g.node("Mul", x, g.node("Mul", x, x))
    inner = g.node("Add", x, g.node("Mul", cube, number(g, s, 0.044715)))
    bent = g.node("Tanh", g.node("Mul", inner, number(g, s, math.sqrt(2 / math.pi))))
    return g.node("Mul", g.node("Mul", x, g.node("Add", bent, number(g, s, 1))), number(g, s, 0.5))


def _hardtanh(g: Graph, s: Step, x: str) -> str:
    return g.node("Clip", x, number(g, s, s.attributes["low"]), number(g, s, s.attributes["high"]))


TABLE: dict[str, Translation] = {
    "relu": plain("Relu"),
    "tanh": plain("Tanh"),
    "sigmoid": plain("Sigmoid"),
    "leaky_relu": lambda g, s, x: g.node("LeakyRelu", x, alpha=s.attributes["slope"]),
    "prelu": plain("PRelu"),
    "hardtanh": _hardtanh,
    "threshold": _threshold,
    "softshrink": _shrunk(soft=True),
    "hardshrink": _shrunk(soft=False),
    "softsign": plain("Softsign"),
    "elu": _elu,
    "logsigmoid": lambda g, _s, x: g.node("Neg", g.node("Softplus", g.node("Neg", x))),
    "silu": lambda g, _s, x: g.node("Mul", x, g.node("Sigmoid", x)),
    "mish": _mish,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "hardsigmoid": plain("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hardswish": plain("HardSwish"),
    "softplus": _softplus,
}
