"""Activations, as functions. All work elementwise and keep the shape, unless they say otherwise.

``inplace=True`` does to a tensor what it does in PyTorch: the tensor handed in, and every other name of its memory,
has the new value afterwards, and it is what is returned. Arrays are never written to: they ignore ``inplace``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ...autograd.backward import cast
from ...autograd.graph import Array, Variable
from ...ops import activation as ops
from ...ops import elementwise as e
from ...ops import softmaxes, special
from ...ops.grids import broadcast_tensors
from ...ops.joining import chunk
from ...ops.moments import norm
from ...ops.numbers import number_for
from ...ops.promotion import result_type
from ...ops.reduce import sum as sum_over
from ...tensors.writing import in_place
from .arguments import check_array, check_floating, dtype_of


def _check_number(x: Any, name: str) -> None:
    """x must be a Tensor or an ndarray of numbers, not of booleans."""
    if isinstance(x, Variable) and x._array.dtype.kind == "f":
        return
    check_array(x, "input", name)
    if dtype_of(x).kind == "b":
        raise TypeError(f"{name}: input must hold numbers, got booleans; convert it with .float()")


def apply(f: Callable[..., Array], x: Array, inplace: bool, **attributes: Any) -> Array:
    """f(x), or x after it has become that."""
    return in_place(x, f, **attributes) if inplace and isinstance(x, Variable) else f(x, **attributes)


def relu(input: Array, inplace: bool = False) -> Array:
    """max(x, 0); the slope at 0 is taken as 0.

    >>> relu(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    _check_number(input, "relu")
    return apply(e.relu, input, True) if inplace else e.relu(input)


def relu6(input: Array, inplace: bool = False) -> Array:
    """min(max(x, 0), 6)"""
    _check_number(input, "relu6")
    return apply(ops.hardtanh, input, inplace, low=0.0, high=6.0)


def leaky_relu(input: Array, negative_slope: float = 0.01, inplace: bool = False) -> Array:
    """x where x > 0, negative_slope * x elsewhere (Maas, Hannun and Ng, 2013)."""
    check_floating(input, "input", "leaky_relu")
    return apply(ops.leaky_relu, input, inplace, slope=float(negative_slope))


def prelu(input: Array, weight: Array) -> Array:
    """x where x > 0, weight * x elsewhere, with a learned weight (He et al., 2015).

    Args:
        input: (N, C, ...), or fewer dimensions: then it has one channel.
        weight: one number, or one a channel, (C,).

    Raises:
        ValueError: a weight of another shape.
    """
    name = "prelu"
    check_floating(input, "input", name)
    check_floating(weight, "weight", name)
    if dtype_of(input) != dtype_of(weight):
        raise TypeError(
            f"{name}: input and weight must have the same dtype, got {dtype_of(input)} and {dtype_of(weight)}"
        )
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or (weight.ndim == 1 and weight.shape[0] not in (1, channels)):
        raise ValueError(
            f"{name}: weight must have shape (1,) or one number for each of the {channels} channels of input "
            f"{tuple(input.shape)}, got shape {tuple(weight.shape)}"
        )
    if weight.ndim and weight.shape[0] != 1:
        weight = weight.reshape((-1,) + (1,) * (input.ndim - 2))  # (C, 1, ..., 1)
    elif weight.ndim and not input.ndim:
        weight = weight.reshape(())
    return ops.prelu(input, weight)


def elu(input: Array, alpha: float = 1.0, inplace: bool = False) -> Array:
    """x where x > 0, alpha * (exp(x) - 1) elsewhere (Clevert, Unterthiner and Hochreiter, 2015)."""
    check_floating(input, "input", "elu")
    return apply(ops.elu, input, inplace, alpha=float(alpha), scale=1.0, inner=1.0)


def selu(input: Array, inplace: bool = False) -> Array:
    """scale * elu(x, alpha) with the constants that keep mean 0 and variance 1 (Klambauer et al., 2017)."""
    check_floating(input, "input", "selu")
    return apply(ops.elu, input, inplace, alpha=ops.SELU_ALPHA, scale=ops.SELU_SCALE, inner=1.0)


def celu(input: Array, alpha: float = 1.0, inplace: bool = False) -> Array:
    """x where x > 0, alpha * (exp(x / alpha) - 1) elsewhere: once differentiable for every alpha (Barron, 2017).

    Raises:
        ValueError: alpha is 0.
    """
    check_floating(input, "input", "celu")
    if alpha == 0:
        raise ValueError("celu: alpha must not be 0: it divides x")
    return apply(ops.elu, input, inplace, alpha=float(alpha), scale=1.0, inner=1 / alpha)


def gelu(input: Array, approximate: str = "none") -> Array:
    """x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel, 2016).

    ``approximate="tanh"`` takes 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) instead.
    """
    check_floating(input, "input", "gelu")
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    return ops.gelu(input) if approximate == "none" else ops.gelu_tanh(input)


def silu(input: Array, inplace: bool = False) -> Array:
    """x * sigmoid(x), also called swish (Elfwing, Uchibe and Doya, 2017)."""
    check_floating(input, "input", "silu")
    return apply(ops.silu, input, inplace)


def mish(input: Array, inplace: bool = False) -> Array:
    """x * tanh(softplus(x)) (Misra, 2019)."""
    check_floating(input, "input", "mish")
    return apply(ops.mish, input, inplace)


def hardtanh(input: Array, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Array:
    """x cut off at ``min_val`` and ``max_val``; the slope there is taken as 0."""
    _check_number(input, "hardtanh")
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val must not be above max_val, got {min_val} and {max_val}")
    low, high = (number_for(v, dtype_of(input), "hardtanh") for v in (min_val, max_val))
    return apply(ops.hardtanh, input, inplace, low=low, high=high)


def hardsigmoid(input: Array, inplace: bool = False) -> Array:
    """x / 6 + 1 / 2, cut off at 0 and 1 (Howard et al., 2019)."""
    check_floating(input, "input", "hardsigmoid")
    return apply(ops.hardsigmoid, input, inplace)


def hardswish(input: Array, inplace: bool = False) -> Array:
    """x * hardsigmoid(x) (Howard et al., 2019)."""
    check_floating(input, "input", "hardswish")
    return apply(ops.hardswish, input, inplace)


def sigmoid(input: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    check_array(input, "input", "sigmoid")
    return e.sigmoid(input)


def tanh(input: Array) -> Array:
    """The hyperbolic tangent."""
    check_array(input, "input", "tanh")
    return e.tanh(input)


def logsigmoid(input: Array) -> Array:
    """log(sigmoid(x)), without overflow."""
    check_floating(input, "input", "logsigmoid")
    return ops.logsigmoid(input)


def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold."""
    check_floating(input, "input", "softplus")
    if beta == 0:
        raise ValueError("softplus: beta must not be 0: the result is divided by it")
    return special.softplus(input, beta, threshold)


def softsign(input: Array) -> Array:
    """x / (1 + abs(x))"""
    check_array(input, "input", "softsign")
    return ops.softsign(input)


def tanhshrink(input: Array) -> Array:
    """x - tanh(x)"""
    _check_number(input, "tanhshrink")
    return input - e.tanh(input)


def softshrink(input: Array, lambd: float = 0.5) -> Array:
    """x moved towards 0 by ``lambd`` >= 0, and 0 where it would pass it."""
    check_floating(input, "input", "softshrink")
    if not lambd >= 0:
        raise ValueError(f"softshrink: lambd must be at least 0, got {lambd}")
    return ops.softshrink(input, width=float(lambd))


def hardshrink(input: Array, lambd: float = 0.5) -> Array:
    """x where abs(x) > lambd, 0 elsewhere."""
    check_floating(input, "input", "hardshrink")
    return ops.hardshrink(input, width=float(lambd))


def threshold(input: Array, threshold: float, value: float, inplace: bool = False) -> Array:
    """x where x > threshold, ``value``, a number of the dtype of x, elsewhere."""
    check_array(input, "input", "threshold")
    value = number_for(value, dtype_of(input), "threshold")
    return apply(ops.threshold, input, inplace, at=threshold, value=value)


def glu(input: Array, dim: int = -1) -> Array:
    """a * sigmoid(b) for the two halves a, b of the input along ``dim`` (Dauphin et al., 2016).

    Returns:
        The input's shape with half its size along ``dim``.
    """
    check_floating(input, "input", "glu")
    if not input.ndim:
        raise ValueError("glu: a 0-d input has no halves; it needs at least one dimension")
    if not -input.ndim <= dim < input.ndim:
        raise IndexError(f"glu: dim {dim} is out of range for input of shape {tuple(input.shape)}")
    if input.shape[dim] % 2:
        raise ValueError(
            f"glu: input of shape {tuple(input.shape)} has {input.shape[dim]} entries along dim {dim}: no halves"
        )
    if not input.shape[dim]:
        return input * 1
    a, b = chunk(input, 2, dim)
    return a * e.sigmoid(b)


# ---------------------------------------------------------------------------------------------------------- softmaxes
def _softmax_dim(dim: int | None, ndim: int, name: str, stacklevel: int) -> int:
    if dim is None:
        dim = 0 if ndim in (0, 1, 3) else 1
        warnings.warn(
            f"{name} without dim takes dim={dim} for a tensor of {ndim} dimensions; say which you mean",
            stacklevel=stacklevel,
        )
    return dim


def softmax(input: Array, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Array:
    """exp(x) / sum(exp(x)) along ``dim``: positive numbers that add up to 1.

    Args:
        dim: the dimension that adds up to 1. Without it PyTorch's old guess is made, with a warning: 0 for tensors of
            0, 1 or 3 dimensions, else 1.
        dtype: cast to this first.
    """
    check_array(input, "input", "softmax")
    return softmaxes.softmax(input, _softmax_dim(dim, input.ndim, "softmax", _stacklevel), dtype)


def log_softmax(input: Array, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Array:
    """The logarithm of `softmax`, exact where softmax would round to 0. Arguments as for `softmax`."""
    check_array(input, "input", "log_softmax")
    return softmaxes.log_softmax(input, _softmax_dim(dim, input.ndim, "log_softmax", _stacklevel), dtype)


def softmin(input: Array, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Array:
    """`softmax` of -x. Arguments as for `softmax`."""
    check_array(input, "input", "softmin")
    return softmaxes.softmin(input, _softmax_dim(dim, input.ndim, "softmin", _stacklevel), dtype)


# ---------------------------------------------------------------------------------------------------------- distances
def normalize(input: Array, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12) -> Array:
    """x / max(norm, eps), the p-norm taken along ``dim``: vectors of length 1."""
    check_floating(input, "input", "normalize")
    return input / e.maximum(norm(input, p, dim, keepdim=True), eps)


def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8) -> Array:
    """The cosine of the angle between vectors along ``dim``: x1 . x2 / (max(|x1|, eps) max(|x2|, eps)).

    x1 and x2 are broadcast against each other; ``dim`` disappears.
    """
    check_array(x1, "x1", "cosine_similarity")
    check_array(x2, "x2", "cosine_similarity")
    dtype = result_type(x1, x2)
    if dtype.kind != "f":
        raise TypeError(
            f"cosine_similarity: x1 or x2 must be floating point, got dtypes {dtype_of(x1)} and {dtype_of(x2)}; "
            "convert one with .float()"
        )
    x1, x2 = broadcast_tensors(*(x if dtype_of(x) == dtype else cast(x, dtype=dtype) for x in (x1, x2)))
    a, b = (x / e.maximum(norm(x, 2, dim, keepdim=True), eps) for x in (x1, x2))
    return sum_over(a * b, dim)


def pairwise_distance(x1: Array, x2: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Array:
    """The p-norm of x1 - x2 + eps along the last dimension. x1 and x2 are broadcast against each other."""
    _check_number(x1, "pairwise_distance")
    _check_number(x2, "pairwise_distance")
    return norm(x1 - x2 + eps, p, -1, keepdim=keepdim)
