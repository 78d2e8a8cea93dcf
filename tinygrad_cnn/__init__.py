"""A mini deep-learning framework on NumPy: reverse-mode tensors, im2col convolution, modules and optimizers.

>>> import tinygrad_cnn as tg
>>> x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> (x**2).sum().backward()
>>> x.grad
tensor([2., 4., 6.])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as _np

from .arrays.memory import keep_freed_memory as _keep_freed_memory
from .arrays.rng import Generator, default_generator, manual_seed
from .arrays.threads import get_num_threads, set_num_threads
from .autograd.backward import grad
from .autograd.modes import (
    enable_grad,
    inference_mode,
    is_anomaly_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .autograd.operation import op
from .autograd.recompute import checkpoint
from .ops import breadth as _breadth
from .ops.arrange import (
    diag,
    diag_embed,
    diagonal,
    flip,
    fliplr,
    flipud,
    repeat_interleave,
    roll,
    rot90,
    tile,
    tril,
    triu,
)
from .ops.breadth import *  # noqa: F403
from .ops.comparison import (
    allclose,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    eq,
    equal,
    ge,
    gt,
    isclose,
    isfinite,
    isinf,
    isnan,
    isneginf,
    isposinf,
    le,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    ne,
    signbit,
)
from .ops.contraction import einsum, inner, kron, tensordot, trace
from .ops.elementwise import (
    abs,
    add,
    exp,
    exp2,
    expm1,
    log,
    log1p,
    log2,
    log10,
    maximum,
    minimum,
    mul,
    neg,
    pow,
    reciprocal,
    relu,
    rsqrt,
    sigmoid,
    sign,
    sqrt,
    square,
    sub,
    tanh,
    true_divide,
    where,
)
from .ops.extremes import amax, amin, aminmax, argmax, argmin, max, median, min, nanmedian
from .ops.grids import broadcast_tensors, meshgrid
from .ops.index import gather, narrow, scatter, scatter_add, select, take_along_dim
from .ops.joining import (
    cat,
    chunk,
    column_stack,
    dsplit,
    dstack,
    hsplit,
    hstack,
    split,
    stack,
    tensor_split,
    unbind,
    vsplit,
    vstack,
)
from .ops.limits import clamp, clamp_max, clamp_min, copysign, fmax, fmin, heaviside, nan_to_num, positive
from .ops.linalg import addbmm, addmm, addmv, baddbmm, bmm, cross, dot, matmul, mm, mv, outer
from .ops.lookup import (
    argwhere,
    index_add,
    index_copy,
    index_fill,
    index_select,
    masked_fill,
    masked_scatter,
    masked_select,
    nonzero,
    take,
)
from .ops.moments import norm, std, std_mean, var, var_mean
from .ops.ordering import argsort, bincount, histc, kthvalue, msort, searchsorted, sort, topk, unique
from .ops.promotion import result_type
from .ops.reduce import all, any, count_nonzero, mean, nanmean, nansum, prod, sum
from .ops.rounding import ceil, div, floor, floor_divide, fmod, frac, remainder, round, trunc
from .ops.scan import cummax, cummin, cumprod, cumsum, diff, logcumsumexp
from .ops.shape import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_to,
    clone,
    flatten,
    movedim,
    permute,
    ravel,
    reshape,
    squeeze,
    swapaxes,
    t,
    transpose,
    unflatten,
    unsqueeze,
)
from .ops.softmaxes import log_softmax, logsumexp, softmax
from .ops.special import (
    addcdiv,
    addcmul,
    deg2rad,
    erf,
    erfc,
    erfinv,
    float_power,
    hypot,
    lerp,
    logaddexp,
    logaddexp2,
    logit,
    rad2deg,
    sinc,
    xlogy,
)
from .ops.trigonometry import acos, acosh, asin, asinh, atan, atan2, atanh, cos, cosh, sin, sinh, tan
from .tensors import Tensor
from .tensors.creation import (
    arange,
    as_tensor,
    asarray,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    tensor,
    tril_indices,
    triu_indices,
    zeros,
    zeros_like,
)
from .tensors.device import device
from .tensors.sampling import (
    bernoulli,
    multinomial,
    normal,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
)

if TYPE_CHECKING:
    from . import autograd, data, io, linalg, nn, optim, profiler, special, testing, train, utils, viz
    from .io import load, save
    from .nn.summary import summary

__version__ = "0.1.0"

# PyTorch's second names
multiply, subtract, divide, negative, absolute = mul, sub, div, neg, abs
less, less_equal, greater, greater_equal, not_equal = lt, le, gt, ge, ne
arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh = asin, acos, atan, atan2, asinh, acosh, atanh
concat = concatenate = cat
vdot = dot  # the same, of real numbers
row_stack, swapdims, moveaxis, ger, fix, clip = vstack, transpose, movedim, outer, trunc, clamp

float16 = half = _np.dtype(_np.float16)
float32 = float = _np.dtype(_np.float32)
float64 = double = _np.dtype(_np.float64)
int8, int16, uint8 = _np.dtype(_np.int8), _np.dtype(_np.int16), _np.dtype(_np.uint8)
short = int16
int32 = int = _np.dtype(_np.int32)
int64 = long = _np.dtype(_np.int64)
bool = _np.dtype(_np.bool_)
inf, nan, pi, e, newaxis = _np.inf, _np.nan, _np.pi, _np.e, None

# fmt: off
_keep_freed_memory()

__all__ = [  # noqa: RUF022
    "Generator", "Tensor", "abs", "absolute", "acos", "acosh", "add", "addbmm", "addcdiv", "addcmul", "addmm", "addmv",
    "all", "allclose", "amax", "amin", "aminmax", "any", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan",
    "arctan2", "arctanh", "argmax", "argmin", "argsort", "argwhere", "as_tensor", "asarray", "asin", "asinh", "atan",
    "atan2", "atanh", "atleast_1d", "atleast_2d", "atleast_3d", "autograd", "baddbmm", "bernoulli", "bincount",
    "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "bmm", "bool", "broadcast_tensors", "broadcast_to",
    "cat", "ceil", "checkpoint", "chunk", "clamp", "clamp_max", "clamp_min", "clip", "clone", "column_stack", "concat",
    "concatenate", "copysign", "cos", "cosh", "count_nonzero", "cross", "cummax", "cummin", "cumprod", "cumsum", "data",
    "default_generator", "deg2rad", "device", "diag", "diag_embed", "diagonal", "diff", "div", "divide", "dot",
    "double", "dsplit", "dstack", "e", "einsum", "empty", "empty_like", "enable_grad", "eq", "equal", "erf", "erfc",
    "erfinv", "exp", "exp2", "expm1", "eye", "fix", "flatten", "flip", "fliplr", "flipud", "float", "float16",
    "float32", "float64", "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "frac", "from_numpy", "full",
    "full_like", "gather", "ge", "ger", "get_num_threads", "grad", "greater", "greater_equal", "gt", "half",
    "heaviside", "histc", "hsplit", "hstack", "hypot", "index_add", "index_copy", "index_fill", "index_select", "inf",
    "inference_mode", "inner", "int", "int16", "int32", "int64", "int8", "io", "is_anomaly_enabled", "is_grad_enabled",
    "is_inference_mode_enabled", "is_tensor", "isclose", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "kron",
    "kthvalue", "le", "lerp", "less", "less_equal", "linalg", "linspace", "load", "log", "log10", "log1p", "log2",
    "log_softmax", "logaddexp", "logaddexp2", "logcumsumexp", "logical_and", "logical_not", "logical_or", "logical_xor",
    "logit", "logspace", "logsumexp", "long", "lt", "manual_seed", "masked_fill", "masked_scatter", "masked_select",
    "matmul", "max", "maximum", "mean", "median", "meshgrid", "min", "minimum", "mm", "moveaxis", "movedim", "msort",
    "mul", "multinomial", "multiply", "mv", "nan", "nan_to_num", "nanmean", "nanmedian", "nansum", "narrow", "ne",
    "neg", "negative", "newaxis", "nn", "no_grad", "nonzero", "norm", "normal", "not_equal", "numel", "ones",
    "ones_like", "op", "optim", "outer", "permute", "pi", "positive", "pow", "prod", "profiler", "rad2deg", "rand",
    "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "ravel", "reciprocal", "relu",
    "remainder", "repeat_interleave", "reshape", "result_type", "roll", "rot90", "round", "row_stack", "rsqrt", "save",
    "scatter", "scatter_add", "searchsorted", "select", "set_grad_enabled", "set_num_threads", "short", "sigmoid",
    "sign", "signbit", "sin", "sinc", "sinh", "softmax", "sort", "special", "split", "sqrt", "square", "squeeze",
    "stack", "std", "std_mean", "sub", "subtract", "sum", "summary", "swapaxes", "swapdims", "t", "take",
    "take_along_dim", "tan", "tanh", "tensor", "tensor_split", "tensordot", "testing", "tile", "topk", "trace", "train",
    "transpose", "tril", "tril_indices", "triu", "triu_indices", "true_divide", "trunc", "uint8", "unbind", "unflatten",
    "unique", "unsqueeze", "utils", "var", "var_mean", "vdot", "viz", "vsplit", "vstack", "where", "xlogy", "zeros",
    "zeros_like",
]
__all__ += _breadth.__all__
# fmt: on

_ROOMS = (
    *("autograd", "data", "io", "linalg", "nn", "optim"),
    *("profiler", "special", "testing", "train", "utils", "viz"),
)
_LATER = {  # loaded at first use, so that `import tinygrad_cnn` stays quick
    **{name: (name, None) for name in _ROOMS},
    "save": ("io", "save"),
    "load": ("io", "load"),
    "summary": ("nn.summary", "summary"),
}


def is_tensor(obj: Any) -> Any:
    """Is it a Tensor?"""
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> Any:
    """How many elements a tensor has."""
    return input.numel()


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'tinygrad_cnn' has no attribute {name!r}")
    module, attribute = _LATER[name]
    loaded = importlib.import_module(f"{__name__}.{module}")
    value = loaded if attribute is None else getattr(loaded, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
