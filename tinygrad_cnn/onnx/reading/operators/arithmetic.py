"""Operators that take numbers one by one: arithmetic, comparison, logic, bits, rounding, casts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from .... import ops
from ....autograd.graph import Array, array_of
from ....tensors import Tensor
from ..steps import Step
from ..tensors import dtype_named
from .table import axis_of, like, operator

_ONE = {
    "Abs": ops.abs, "Acos": ops.acos, "Acosh": ops.acosh, "Asin": ops.asin, "Asinh": ops.asinh, "Atan": ops.atan,
    "Atanh": ops.atanh, "Ceil": ops.ceil, "Cos": ops.cos, "Cosh": ops.cosh, "Erf": ops.erf, "Exp": ops.exp,
    "Floor": ops.floor, "IsNaN": ops.isnan, "Log": ops.log, "Neg": ops.neg, "Not": ops.logical_not,
    "Reciprocal": ops.reciprocal, "Sigmoid": ops.sigmoid, "Sign": ops.sign, "Sin": ops.sin,
    "Sinh": ops.sinh, "Sqrt": ops.sqrt, "Tan": ops.tan, "Tanh": ops.tanh,
}  # fmt: skip
_TWO = {
    "Add": ops.add, "And": ops.logical_and, "Equal": ops.eq, "Greater": ops.gt, "GreaterOrEqual": ops.ge,
    "Less": ops.lt, "LessOrEqual": ops.le, "Mul": ops.mul, "Or": ops.logical_or, "Sub": ops.sub,
    "Xor": ops.logical_xor,
}  # fmt: skip
_BITS = {"BitwiseAnd": np.bitwise_and, "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor}


def _of_one(f: Callable[[Array], Array]) -> Callable[[Step, Array], Array]:
    return lambda _step, x: f(x)


def _of_two(f: Callable[[Array, Array], Array]) -> Callable[[Step, Array, Array], Array]:
    return lambda _step, a, b: f(a, b)


for _name, _f in _ONE.items():
    operator(_name)(_of_one(_f))
for _name, _g in _TWO.items():
    operator(_name)(_of_two(_g))
for _name, _h in _BITS.items():
    operator(_name)(functools.partial(lambda f, _step, a, b: like(f(array_of(a), array_of(b)), a, b), _h))


@operator("Identity")
def identity(_step: Step, x: Array) -> Array:
    """x itself."""
    return x


@operator("Div")
def divide(_step: Step, a: Array, b: Array) -> Array:
    """a / b; of integers towards zero."""
    x, y = array_of(a), array_of(b)
    if x.dtype.kind == "f":
        return ops.true_divide(a, b)
    if not y.all():
        raise ValueError("division of integers by zero")
    whole = x // y
    return like(whole + ((x % y != 0) & ((x < 0) != (y < 0))).astype(whole.dtype), a, b)


@operator("Mod")
def modulo(step: Step, a: Array, b: Array) -> Array:
    """What is left of a / b: with the sign of b, or with ``fmod`` that of a."""
    x, y = array_of(a), array_of(b)
    if x.dtype.kind != "f" and not y.all():
        raise ValueError("division of integers by zero")
    if x.dtype.kind == "f" and x.dtype.itemsize > 2:
        return ops.fmod(a, b) if step.get("fmod", 0) else ops.remainder(a, b)
    return like((np.fmod if step.get("fmod", 0) else np.mod)(x, y), a, b)


@operator("Pow")
def power(_step: Step, x: Array, p: Array) -> Array:
    """x to the power of p, in the dtype of x."""
    base, exponent = array_of(x), array_of(p)
    if base.dtype.kind != "f":
        wide = np.float64 if exponent.dtype.kind == "f" else np.int64
        return like(np.power(base.astype(wide), exponent).astype(base.dtype), x, p)
    if exponent.size == 1 and exponent.ndim <= base.ndim and not (isinstance(p, Tensor) and p.requires_grad):
        return ops.pow(x, exponent.item())  # as PyTorch's x ** 2: without logarithms
    return ops.pow(x, cast_to(p, base.dtype))


@operator("Max", "Min")
def extreme(step: Step, *xs: Array) -> Array:
    """The largest, or the smallest, of some."""
    return functools.reduce(ops.maximum if step.operator == "Max" else ops.minimum, xs)


@operator("Sum", "Mean")
def total(step: Step, *xs: Array) -> Array:
    """The sum, or the mean, of some."""
    y = functools.reduce(ops.add, xs)
    return y if step.operator == "Sum" else y / len(xs)


@operator("Round")
def round_to_even(_step: Step, x: Array) -> Array:
    """To the nearest integer, halves to the even one."""
    return ops.round(x)


@operator("IsInf")
def is_infinite(step: Step, x: Array) -> Array:
    """Infinite, of the signs that are asked for?"""
    a = array_of(x)
    positive, negative = step.get("detect_positive", 1), step.get("detect_negative", 1)
    return like(np.isinf(a) & ((a > 0) & bool(positive) | (a < 0) & bool(negative)), x)


@operator("BitwiseNot")
def bitwise_not(_step: Step, x: Array) -> Array:
    """Each bit turned around."""
    return like(np.bitwise_not(array_of(x)), x)


@operator("BitShift")
def bit_shift(step: Step, x: Array, by: Array) -> Array:
    """Bits moved to the LEFT or RIGHT."""
    return like(
        (np.left_shift if step.get("direction") == "LEFT" else np.right_shift)(array_of(x), array_of(by)), x, by
    )


@operator("BitCast")
def bit_cast(step: Step, x: Array) -> Array:
    """The same bits as numbers of another dtype of the same width."""
    a, dtype = array_of(x), dtype_named(step.get("to"))
    if a.dtype.itemsize != dtype.itemsize:
        raise ValueError(f"{a.dtype} and {dtype} are not of the same width")
    return like(a.view(dtype) if a.ndim else a.reshape(1).view(dtype).reshape(()), x)  # (*x.shape)


@operator("Where")
def where(_step: Step, condition: Array, a: Array, b: Array) -> Array:
    """a where the condition is true, else b."""
    return ops.where(condition, a, b)


def cast_to(x: Array, dtype: Any) -> Array:
    """x in another dtype, with its gradient where both are floating."""
    dtype = np.dtype(dtype)
    if array_of(x).dtype == dtype:
        return x
    if isinstance(x, Tensor) and array_of(x).dtype.kind == dtype.kind == "f":
        return x.to(dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        return like(array_of(x).astype(dtype), x)


@operator("Cast")
def cast(step: Step, x: Array) -> Array:
    """Another dtype."""
    return cast_to(x, dtype_named(step.get("to")))


@operator("CastLike")
def cast_like(_step: Step, x: Array, target: Array) -> Array:
    """The dtype of another."""
    return cast_to(x, array_of(target).dtype)


@operator("CumSum", "CumProd")
def cumulate(step: Step, x: Array, axis: Array) -> Array:
    """Running sums or products along an axis; "exclusive" ones begin before the first entry."""
    dim = axis_of(int(array_of(axis).reshape(-1)[0]), x.ndim)
    product = step.operator == "CumProd"
    if step.get("reverse", 0):
        x = ops.flip(x, (dim,))
    n = x.shape[dim]
    y = cast_to((ops.cumprod if product else ops.cumsum)(x, dim), array_of(x).dtype)
    if step.get("exclusive", 0):
        start: ndarray = np.full_like(array_of(ops.narrow(x, dim, 0, min(n, 1))), int(product))
        y = ops.cat([like(start, y), ops.narrow(y, dim, 0, max(n - 1, 0))], dim)
    return ops.flip(y, (dim,)) if step.get("reverse", 0) else y


@operator("Det")
def determinant(_step: Step, x: Array) -> Array:
    """Determinants of square matrices."""
    return ops.det(x)
