"""Operations on single numbers: NumPy's own, Python's operators, and the functions of `functions.activations`."""

from __future__ import annotations

from collections.abc import Callable

from ..programs import Value
from . import phrases
from .phrases import Call, Infix, Phrase, Phrases

Rule = Callable[[Phrases], Phrase]

# ours: NumPy's
NUMPY = {
    "abs": "abs", "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "at_least": "maximum",
    "at_most": "minimum", "atan": "arctan", "atan2": "arctan2", "atanh": "arctanh", "ceil": "ceil",
    "copysign": "copysign", "cos": "cos", "cosh": "cosh", "exp": "exp", "exp2": "exp2", "expm1": "expm1",
    "floor": "floor", "fmax": "fmax", "fmin": "fmin", "fmod": "fmod", "heaviside": "heaviside", "hypot": "hypot",
    "isfinite": "isfinite", "isinf": "isinf", "isnan": "isnan", "isneginf": "isneginf", "isposinf": "isposinf",
    "log": "log", "log10": "log10", "log1p": "log1p", "log2": "log2", "logaddexp": "logaddexp",
    "logaddexp2": "logaddexp2", "logical_and": "logical_and", "logical_not": "logical_not", "logical_or": "logical_or",
    "logical_xor": "logical_xor", "maximum": "maximum", "minimum": "minimum", "sign": "sign", "signbit": "signbit",
    "sin": "sin", "sinc": "sinc", "sinh": "sinh", "sqrt": "sqrt", "tan": "tan", "tanh": "tanh", "trunc": "trunc",
}  # fmt: skip
OPERATORS = {
    "bitwise_and": "&", "bitwise_left_shift": "<<", "bitwise_or": "|", "bitwise_right_shift": ">>",
    "bitwise_xor": "^", "eq": "==", "floor_divide": "//", "ge": ">=", "gt": ">", "le": "<=", "lt": "<",
    "matmul": "@", "mul": "*", "ne": "!=", "pow": "**", "remainder": "%", "true_divide": "/",
}  # fmt: skip
OWN = {  # functions of that name, with the settings that they take, in this order
    "elu": ("alpha", "scale", "inner"), "erf": (), "gelu": (), "gelu_tanh": (), "hardshrink": ("width",),
    "hardsigmoid": (), "hardswish": (), "leaky_relu": ("slope",), "linear": (), "logsigmoid": (), "mish": (),
    "prelu": (), "relu": (), "sigmoid": (), "silu": (), "softplus": ("beta", "threshold"), "softshrink": ("width",),
    "softsign": (), "threshold": ("at", "value"),
}  # fmt: skip


def _numpy(name: str) -> Rule:
    return lambda p: Call(f"np.{name}", tuple(p.all()))


def _operator(sign: str) -> Rule:
    return lambda p: Infix(f"{p.part(0)} {sign} {p.part(1)}")


def _own(name: str, settings: tuple[str, ...]) -> Rule:
    return lambda p: Call(name, (*p.all(), *(p.word(p.setting(s)) for s in settings)))


def _plus(sign: str) -> Rule:
    """a + b and a - b, of which b may have a factor."""

    def rule(p: Phrases) -> Phrase:
        alpha = p.step.attributes.get("alpha", 1)
        return Infix(f"{p.part(0)} {sign} {p.part(1) if alpha == 1 else f'{p.word(alpha)} * {p.part(1)}'}")

    return rule


def _where(p: Phrases) -> Phrase:
    """Between two numbers, neither of which tells what dtype is meant, that is said."""
    chosen = Call("np.where", tuple(p.all()))
    told = any(isinstance(x, Value) and x.shape for x in p.step.inputs[1:])
    return chosen if told else f"{chosen}.astype({phrases.dtype(p.step.output.dtype)})"


def _clip(p: Phrases) -> Phrase:
    return Call("np.clip", (p.given(0), p.word(p.setting("low")), p.word(p.setting("high"))))


def _nan_to_num(p: Phrases) -> Phrase:
    given = ((name, p.step.attributes.get(name)) for name in ("nan", "posinf", "neginf"))
    return Call("np.nan_to_num", (p.given(0), *(f"{name}={p.word(x)}" for name, x in given if x is not None)))


def _astype(p: Phrases) -> Phrase:
    return f"{p.part(0)}.astype({phrases.dtype(p.setting('dtype'))})"


RULES: dict[str, Rule] = {
    **{name: _numpy(other) for name, other in NUMPY.items()},
    **{name: _operator(sign) for name, sign in OPERATORS.items()},
    **{name: _own(name, settings) for name, settings in OWN.items()},
    "add": _plus("+"),
    "sub": _plus("-"),
    "neg": lambda p: Infix(f"-{p.part(0)}"),
    "bitwise_not": lambda p: Infix(f"~{p.part(0)}"),
    "positive": lambda p: p.given(0),
    "square": lambda p: Infix(f"{p.part(0)} ** 2"),
    "reciprocal": lambda p: Infix(f"1 / {p.part(0)}"),
    "rsqrt": lambda p: Infix(f"1 / np.sqrt({p.given(0)})"),
    "trunc_divide": lambda p: Call("np.trunc", (f"{p.part(0)} / {p.part(1)}",)),
    "frac": lambda p: Infix(f"{p.part(0)} - np.trunc({p.given(0)})"),
    "round": lambda p: Call("np.round", (p.given(0), p.word(p.setting("decimals")))),
    "erfc": lambda p: Infix(f"1 - erf({p.given(0)})"),
    "logit": lambda p: Call("np.log", (f"{p.part(0)} / (1 - {p.part(0)})",)),
    "clip": _clip,
    "hardtanh": _clip,
    "where": _where,
    "choose": _where,
    "between": lambda p: Call("np.clip", tuple(p.all())),
    "nan_to_num": _nan_to_num,
    "cast": _astype,
    "convert": _astype,
    "masked_fill": lambda p: Call("np.where", (p.given(1), p.given(2), p.given(0))),
    "scale_shift": lambda p: Infix(f"{p.part(0)} * {p.part(1)} + {p.part(2)}"),
    "addcmul": lambda p: Infix(f"{p.part(0)} + {p.word(p.setting('value'))} * {p.part(1)} * {p.part(2)}"),
    "addcdiv": lambda p: Infix(f"{p.part(0)} + {p.word(p.setting('value'))} * {p.part(1)} / {p.part(2)}"),
    "lerp": lambda p: Infix(f"{p.part(0)} + {p.part(2)} * ({p.part(1)} - {p.part(0)})"),
    "squared_error": lambda p: Infix(f"({p.part(0)} - {p.part(1)}) ** 2"),
}
