"""Arithmetic, comparisons and functions of single numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...programs import Step
from ..graph import Graph, Translation, Untranslatable


def plain(op: str, **attributes: Any) -> Translation:
    """The operation is one operator."""
    return lambda g, _s, *x: g.node(op, *x, **attributes)


def then(first: str, second: str) -> Translation:
    """The operation is one operator after another."""
    return lambda g, _s, *x: g.node(second, g.node(first, *x))


def number(g: Graph, s: Step, value: float) -> str:
    """A number in the dtype of the first input that is an array."""
    return g.constant(value, g.beside(s))


def _sum(op: str) -> Translation:
    """a + alpha b, or a - alpha b; what is added to a transposed convolution for each channel is its bias."""

    def translate(g: Graph, s: Step, a: str, b: str) -> str:
        alpha = s.attributes.get("alpha", 1)
        inner = g.signal(a)
        made, bias = g.made_by(inner or a, "ConvTranspose"), g.made_by(b, "Unsqueeze")
        bare = op == "Add" and alpha == 1 and made is not None and len(made.inputs) == 2
        if bare and made is not None and bias is not None and g.axes_of(bias) == (1, 2):
            y: str = g.node("ConvTranspose", *made.inputs, bias.inputs[0], **made.attributes)
            return g.unsqueeze(y, [2]) if inner else y
        return g.node(op, a, b if alpha == 1 else g.node("Mul", b, g.constant(alpha, s.output.dtype)))

    return translate


def mul(g: Graph, s: Step, a: str, b: str) -> str:
    """a * b; the mean of windows, multiplied by their pixels and divided again, is taken back."""
    inner, factor = g.signal(a), g.array(b)
    if inner is not None and factor is not None and not factor.ndim:
        return g.unsqueeze(mul(g, s, inner, b), [2])
    times = g.made_by(a, "Mul")
    factors = [x for x in (g.array(b), g.array(times.inputs[1]) if times is not None else None) if x is not None]
    pool = None if times is None else g.made_by(times.inputs[0], "AveragePool")
    numbers = [float(x) for x in factors if x.ndim == 0]
    if pool is not None and len(numbers) == 2 and math.isclose(math.prod(numbers), 1, rel_tol=1e-6):
        return pool.outputs[0]
    return g.node("Mul", a, b)


def _rest(g: Graph, s: Step, a: str, b: str) -> tuple[str, str]:
    """What C's division leaves of a, which is exact, and whether its sign is the other than that of b."""
    rest, zero = g.node("Mod", a, b, fmod=1), number(g, s, 0)
    below = g.node("And", g.node("Less", rest, zero), g.node("Greater", b, zero))
    above = g.node("And", g.node("Greater", rest, zero), g.node("Less", b, zero))
    return rest, g.node("Or", below, above)


def _divide(g: Graph, s: Step, a: str, b: str) -> str:
    """Floor division: without the rest it comes out even, but for rounding."""
    if s.output.dtype.kind != "f":
        return g.node("Div", g.node("Sub", a, g.node("Mod", a, b)), b)
    rest, apart = _rest(g, s, a, b)
    whole = g.node("Round", g.node("Div", g.node("Sub", a, rest), b))
    y = g.node("Sub", whole, g.cast(apart, s.output.dtype))
    return g.node("Where", g.node("Equal", b, number(g, s, 0)), g.node("Div", a, b), y)


def _remainder(g: Graph, s: Step, a: str, b: str) -> str:
    if s.output.dtype.kind != "f":
        return g.node("Mod", a, b)
    rest, apart = _rest(g, s, a, b)
    return g.node("Where", apart, g.node("Add", rest, b), rest)


def _sign(g: Graph, s: Step, x: str) -> str:
    """-1, 0 or 1; of NaN it is 0, as PyTorch's."""
    y: str = g.node("Sign", x)
    return y if s.output.dtype.kind != "f" else g.node("Where", g.node("IsNaN", x), number(g, s, 0), y)


def _trunc(g: Graph, s: Step, x: str) -> str:
    if s.output.dtype.kind != "f":
        return x
    return g.node("Mul", g.node("Sign", x), g.node("Floor", g.node("Abs", x)))


def _round(g: Graph, s: Step, x: str) -> str:
    decimals = s.attributes["decimals"]
    if s.output.dtype.kind != "f":
        return x
    if not decimals:
        return g.node("Round", x)
    power = number(g, s, 10.0**decimals)
    return g.node("Div", g.node("Round", g.node("Mul", x, power)), power)


def _whole(op: str) -> Translation:
    """Rounding, which leaves integers as they are."""
    return lambda g, s, x: g.node(op, x) if s.output.dtype.kind == "f" else x


def _clip(g: Graph, s: Step, x: str) -> str:
    """The nearer bound; where there is one alone, Clip would cut infinities on the other side, too."""
    low, high = (s.attributes[key] for key in ("low", "high"))
    if s.output.dtype.kind == "f" and (low is None or high is None):
        return g.node("Min", x, number(g, s, high)) if low is None else g.node("Max", x, number(g, s, low))
    return g.node("Clip", x, *("" if limit is None else number(g, s, limit) for limit in (low, high)))


def _truth(op: str) -> Translation:
    """An operator of booleans, for whatever counts as true."""

    def translate(g: Graph, s: Step, *x: str) -> str:
        kinds = [getattr(v, "dtype", np.dtype(np.bool_)) for v in s.inputs]
        return g.node(op, *(a if k == np.bool_ else g.cast(a, np.bool_) for a, k in zip(x, kinds, strict=True)))

    return translate


def _bits(op: str, of_booleans: str) -> Translation:
    def translate(g: Graph, s: Step, *x: str) -> str:
        if s.output.dtype == np.bool_:
            return g.node(of_booleans, *x)
        if g.opset < 18:
            raise Untranslatable("it came with opset 18")
        return g.node(op, *x)

    return translate


def _where(g: Graph, s: Step, condition: str, a: str, b: str) -> str:
    if s.inputs[0].dtype != np.bool_:
        condition = g.cast(condition, np.bool_)
    return g.node("Where", condition, a, b)


def _compared(op: str, turned: bool = False) -> Translation:
    """A comparison; operators of order take no booleans."""

    def translate(g: Graph, s: Step, a: str, b: str) -> str:
        if any(getattr(v, "dtype", None) == np.bool_ for v in s.inputs) and op not in ("Equal",):
            a, b = g.cast(a, np.int32), g.cast(b, np.int32)
        y: str = g.node(op, a, b)
        return g.node("Not", y) if turned else y

    return translate


def _isinf(g: Graph, s: Step, x: str, **sides: int) -> str:
    if s.inputs[0].dtype == np.float16:
        x = g.cast(x, np.float32)
    return g.node("IsInf", x, **sides)


def _isfinite(g: Graph, s: Step, x: str) -> str:
    return g.node("Not", g.node("Or", g.node("IsNaN", x), _isinf(g, s, x)))


def _logaddexp(g: Graph, s: Step, a: str, b: str) -> str:
    """max(a, b) + log(1 + exp(-|a - b|)), where two equal infinities are not apart."""
    apart = g.node("Where", g.node("Equal", a, b), number(g, s, 0), g.node("Abs", g.node("Sub", a, b)))
    return g.node("Add", g.node("Max", a, b), g.node("Softplus", g.node("Neg", apart)))


def _lerp(g: Graph, _s: Step, a: str, b: str, w: str) -> str:
    return g.node("Add", a, g.node("Mul", w, g.node("Sub", b, a)))


def _with_product(op: str) -> Translation:
    """x + value a b, or x + value a / b."""

    def translate(g: Graph, s: Step, x: str, a: str, b: str) -> str:
        value = g.constant(s.attributes["value"], s.output.dtype)
        return g.node("Add", x, g.node("Mul", value, g.node(op, a, b)))

    return translate


def _cast(g: Graph, s: Step, x: str) -> str:
    return g.cast(x, s.output.dtype)


def _scaled(op: str, factor: float) -> Translation:
    return lambda g, s, x: g.node("Mul", g.node(op, x), number(g, s, factor))


def _angle(g: Graph, s: Step, a: str, b: str) -> str:
    """The angle of (b, a): the arc tangent of a / b, turned by pi where b is negative."""
    zero, pi = number(g, s, 0), number(g, s, math.pi)
    far = g.node("And", _isinf(g, s, a), _isinf(g, s, b))  # their quotient has no number, that of their signs has
    a, b = (g.node("Where", far, g.node("Sign", x), x) for x in (a, b))
    low, left = (g.node("Or", g.node("Less", x, zero), g.node("Less", g.node("Reciprocal", x), zero)) for x in (a, b))
    turned = g.node("Where", left, g.node("Where", low, g.node("Neg", pi), pi), zero)  # 1 / -0 tells it from 0
    none = g.node("Equal", b, zero)
    along = g.node("Atan", g.node("Div", a, g.node("Where", none, number(g, s, 1), b)))
    upright = g.node("Mul", g.node("Sign", a), number(g, s, math.pi / 2))
    up = g.node("And", none, g.node("Not", g.node("Equal", a, zero)))
    y: str = g.node("Where", up, upright, g.node("Add", along, turned))
    return y


def _sinc(g: Graph, s: Step, x: str) -> str:
    none = g.node("Equal", x, number(g, s, 0))
    t = g.node("Where", none, number(g, s, 1), g.node("Mul", x, number(g, s, math.pi)))
    y: str = g.node("Where", none, number(g, s, 1), g.node("Div", g.node("Sin", t), t))
    return y


def _nan_to_num(g: Graph, s: Step, x: str) -> str:
    limits = np.finfo(s.output.dtype)
    y = g.node("Where", g.node("IsNaN", x), number(g, s, s.attributes["nan"]), x)
    for key, far, sides in (("posinf", limits.max, "detect_negative"), ("neginf", limits.min, "detect_positive")):
        value = s.attributes[key]
        y = g.node("Where", _isinf(g, s, x, **{sides: 0}), number(g, s, far if value is None else value), y)
    return y


def _xlogy(g: Graph, s: Step, a: str, b: str) -> str:
    """a log(b), and 0 where a is 0 and b a number."""
    none = g.node("And", g.node("Equal", a, number(g, s, 0)), g.node("Not", g.node("IsNaN", b)))
    y: str = g.node("Where", none, number(g, s, 0), g.node("Mul", a, g.node("Log", b)))
    return y


def _hypot(g: Graph, s: Step, a: str, b: str) -> str:
    """The length of (a, b), by the longer side: no square is too large. Beside infinity even NaN is nothing."""
    a, b = g.node("Abs", a), g.node("Abs", b)
    longer, zero, one = g.node("Max", a, b), number(g, s, 0), number(g, s, 1)
    far = g.node("Or", _isinf(g, s, a), _isinf(g, s, b))
    scale = g.node("Where", g.node("Or", far, g.node("Equal", longer, zero)), one, longer)
    a, b = g.node("Div", a, scale), g.node("Div", b, scale)
    y = g.node("Mul", scale, g.node("Sqrt", g.node("Add", g.node("Mul", a, a), g.node("Mul", b, b))))
    return g.node("Where", far, number(g, s, math.inf), y)


TABLE: dict[str, Translation] = {
    "add": _sum("Add"),
    "sub": _sum("Sub"),
    "mul": mul,
    "true_divide": plain("Div"),
    "neg": plain("Neg"),
    "pow": plain("Pow"),
    "square": lambda g, _s, x: g.node("Mul", x, x),
    "sqrt": plain("Sqrt"),
    "rsqrt": then("Sqrt", "Reciprocal"),
    "reciprocal": plain("Reciprocal"),
    "exp": plain("Exp"),
    "exp2": lambda g, s, x: g.node("Exp", g.node("Mul", x, number(g, s, math.log(2)))),
    "expm1": lambda g, s, x: g.node("Sub", g.node("Exp", x), number(g, s, 1)),
    "log": plain("Log"),
    "log2": _scaled("Log", 1 / math.log(2)),
    "log10": _scaled("Log", 1 / math.log(10)),
    "log1p": lambda g, s, x: g.node("Log", g.node("Add", x, number(g, s, 1))),
    "abs": plain("Abs"),
    "sign": _sign,
    "maximum": plain("Max"),
    "minimum": plain("Min"),
    "where": _where,
    "choose": _where,
    "cast": _cast,
    "convert": _cast,
    "floor": _whole("Floor"),
    "ceil": _whole("Ceil"),
    "trunc": _trunc,
    "frac": lambda g, s, x: g.node("Sub", x, _trunc(g, s, x)),
    "round": _round,
    "floor_divide": _divide,
    "remainder": _remainder,
    "fmod": plain("Mod", fmod=1),
    "clip": _clip,
    "at_least": plain("Max"),
    "at_most": plain("Min"),
    "sin": plain("Sin"),
    "cos": plain("Cos"),
    "tan": plain("Tan"),
    "asin": plain("Asin"),
    "acos": plain("Acos"),
    "atan": plain("Atan"),
    "sinh": plain("Sinh"),
    "cosh": plain("Cosh"),
    "asinh": plain("Asinh"),
    "acosh": plain("Acosh"),
    "atanh": plain("Atanh"),
    "erf": plain("Erf"),
    "erfc": lambda g, s, x: g.node("Sub", number(g, s, 1), g.node("Erf", x)),
    "eq": _compared("Equal"),
    "ne": _compared("Equal", turned=True),
    "lt": _compared("Less"),
    "le": _compared("LessOrEqual"),
    "gt": _compared("Greater"),
    "ge": _compared("GreaterOrEqual"),
    "isnan": plain("IsNaN"),
    "isinf": _isinf,
    "isposinf": lambda g, s, x: _isinf(g, s, x, detect_negative=0),
    "isneginf": lambda g, s, x: _isinf(g, s, x, detect_positive=0),
    "isfinite": _isfinite,
    "logical_and": _truth("And"),
    "logical_or": _truth("Or"),
    "logical_xor": _truth("Xor"),
    "logical_not": _truth("Not"),
    "bitwise_and": _bits("BitwiseAnd", "And"),
    "bitwise_or": _bits("BitwiseOr", "Or"),
    "bitwise_xor": _bits("BitwiseXor", "Xor"),
    "bitwise_not": _bits("BitwiseNot", "Not"),
    "logaddexp": _logaddexp,
    "lerp": _lerp,
    "addcmul": _with_product("Mul"),
    "addcdiv": _with_product("Div"),
    "atan2": _angle,
    "sinc": _sinc,
    "nan_to_num": _nan_to_num,
    "xlogy": _xlogy,
    "logit": lambda g, s, x: g.node("Log", g.node("Div", x, g.node("Sub", number(g, s, 1), x))),
    "ndtr": lambda g, s, x: g.node(
        "Mul",
        number(g, s, 0.5),
        g.node("Add", number(g, s, 1), g.node("Erf", g.node("Mul", x, number(g, s, 0.5**0.5)))),
    ),
    "positive": lambda _g, _s, x: x,
    "clone": lambda _g, _s, x: x,
    "hypot": _hypot,
}
