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

from .arrays.determinism import (
    are_deterministic_algorithms_enabled,
    is_deterministic_algorithms_warn_only_enabled,
    use_deterministic_algorithms,
)
from .arrays.keywords import accepting as _accepting
from .arrays.keywords import accepts as _accepts
from .arrays.memory import keep_freed_memory as _keep_freed_memory
from .arrays.rng import Generator, default_generator, initial_seed, manual_seed, seed
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
from .differentiation.recompute import checkpoint
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
from .ops.comparison import (
    allclose,
    bitwise_and,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
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
)
from .ops.extremes import amax, amin, aminmax, argmax, argmin, max, median, min, nanmedian
from .ops.grids import broadcast_tensors, meshgrid
from .ops.index import gather, narrow, scatter_add, select, take_along_dim
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
    where,
)
from .ops.moments import norm, std, std_mean, var, var_mean
from .ops.ordering import argsort, bincount, histc, kthvalue, msort, searchsorted, sort, topk, unique
from .ops.promotion import get_default_dtype, result_type, set_default_dtype
from .ops.reduce import all, any, count_nonzero, mean, nanmean, nansum, prod, sum
from .ops.rounding import ceil, div, floor, floor_divide, fmod, frac, remainder, round, trunc
from .ops.scan import cummax, cummin, cumprod, cumsum, diff, logcumsumexp
from .ops.scattering import index_put, index_reduce, put, scatter, scatter_reduce
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
from .tensors.asking import is_complex, is_floating_point, is_nonzero, is_same_size, is_tensor, numel
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
from .tensors.dtypes import ABSENT as _ABSENT
from .tensors.dtypes import can_cast, finfo, iinfo, promote_types
from .tensors.layouts import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from .tensors.printing import set_printoptions
from .tensors.random_state import get_rng_state, set_rng_state
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
from .tensors.size import Size
from .tensors.typed import (
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
    set_default_tensor_type,
    typename,
)

if TYPE_CHECKING:
    from . import (
        amp,
        autograd,
        backends,
        compiler,
        cuda,
        data,
        distributions,
        io,
        nn,
        optim,
        profiler,
        testing,
        train,
        utils,
        vision,
        viz,
    )
    from .amp import autocast
    from .backends import accelerator, mps
    from .backends.settings import (
        get_default_device,
        get_float32_matmul_precision,
        set_default_device,
        set_float32_matmul_precision,
    )
    from .compiler import compile
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
dtype = _np.dtype  # the type of all of these
inf, nan, pi, e, newaxis = _np.inf, _np.nan, _np.pi, _np.e, None

# fmt: off
_keep_freed_memory()
for _name, _function in {name: value for name, value in globals().items() if _accepts(value)}.items():
    globals()[_name] = _accepting(_function)  # axis= for dim=, out=, and their kin

__all__ = [  # noqa: RUF022
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "Generator", "HalfTensor", "IntTensor", "LongTensor", "ShortTensor", "Size", "Tensor", "abs", "absolute", "acos", "acosh", "add", "addbmm", "addcdiv", "addcmul", "addmm", "addmv", "all", "allclose", "amax", "amin", "aminmax", "any", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "are_deterministic_algorithms_enabled", "argmax", "argmin", "argsort", "argwhere", "as_tensor", "asarray", "asin", "asinh", "atan", "atan2", "atanh", "atleast_1d", "atleast_2d", "atleast_3d", "autograd", "baddbmm", "bernoulli", "bincount", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "bmm", "bool", "broadcast_tensors", "broadcast_to", "can_cast", "cat", "ceil", "channels_last", "channels_last_3d", "checkpoint", "chunk", "clamp", "clamp_max", "clamp_min", "clip", "clone", "column_stack", "concat", "concatenate", "contiguous_format", "copysign", "cos", "cosh", "count_nonzero", "cross", "cummax", "cummin", "cumprod", "cumsum", "data", "default_generator", "deg2rad", "device", "diag", "diag_embed", "diagonal", "diff", "distributions", "div", "divide", "dot", "double", "dsplit", "dstack", "dtype", "e", "einsum", "empty", "empty_like", "enable_grad", "eq", "equal", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "eye", "finfo", "fix", "flatten", "flip", "fliplr", "flipud", "float", "float16", "float32", "float64", "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "frac", "from_numpy", "full", "full_like", "gather", "ge", "ger", "get_default_dtype", "get_num_threads", "get_rng_state", "grad", "greater", "greater_equal", "gt", "half", "heaviside", "histc", "hsplit", "hstack", "hypot", "iinfo", "index_add", "index_copy", "index_fill", "index_put", "index_reduce", "index_select", "inf", "inference_mode", "initial_seed", "inner", "int", "int16", "int32", "int64", "int8", "io", "is_anomaly_enabled", "is_complex", "is_deterministic_algorithms_warn_only_enabled", "is_floating_point", "is_grad_enabled", "is_inference_mode_enabled", "is_nonzero", "is_same_size", "is_tensor", "isclose", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "kron", "kthvalue", "layout", "le", "lerp", "less", "less_equal", "linspace", "load", "log", "log10", "log1p", "log2", "log_softmax", "logaddexp", "logaddexp2", "logcumsumexp", "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "logspace", "logsumexp", "long", "lt", "manual_seed", "masked_fill", "masked_scatter", "masked_select", "matmul", "max", "maximum", "mean", "median", "memory_format", "meshgrid", "min", "minimum", "mm", "moveaxis", "movedim", "msort", "mul", "multinomial", "multiply", "mv", "nan", "nan_to_num", "nanmean", "nanmedian", "nansum", "narrow", "ne", "neg", "negative", "newaxis", "nn", "no_grad", "nonzero", "norm", "normal", "not_equal", "numel", "ones", "ones_like", "op", "optim", "outer", "permute", "pi", "positive", "pow", "preserve_format", "prod", "profiler", "promote_types", "put", "rad2deg", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "random", "randperm", "ravel", "reciprocal", "relu", "remainder",
    "repeat_interleave", "reshape", "result_type", "roll", "rot90", "round", "row_stack", "rsqrt", "save", "scatter",
    "scatter_add", "scatter_reduce", "searchsorted", "seed", "select", "set_default_dtype", "set_default_tensor_type",
    "set_grad_enabled", "set_num_threads", "set_printoptions", "set_rng_state", "short", "sigmoid", "sign", "signbit",
    "sin", "sinc", "sinh", "softmax", "sort", "split", "sqrt", "square", "squeeze", "stack", "std", "std_mean",
    "strided", "sub", "subtract", "sum", "summary", "swapaxes", "swapdims", "t", "take", "take_along_dim", "tan",
    "tanh", "tensor", "tensor_split", "tensordot", "testing", "tile", "topk", "trace", "train", "transpose", "tril",
    "accelerator", "amp", "autocast", "backends", "compile", "compiler", "cuda", "get_default_device", "get_float32_matmul_precision", "mps", "set_default_device", "set_float32_matmul_precision", "tril_indices", "triu", "triu_indices", "true_divide", "trunc", "typename", "uint8", "unbind", "unflatten", "unique", "unsqueeze", "use_deterministic_algorithms", "utils", "var", "var_mean", "vdot", "vision", "viz", "vsplit", "vstack", "where", "xlogy", "zeros", "zeros_like",
]
# fmt: on

_LATER = {  # loaded at first use, so that `import tinygrad_cnn` stays quick
    **{
        name: (name, None)
        for name in (
            "autograd",
            "data",
            "distributions",
            "io",
            "nn",
            "optim",
            "profiler",
            "testing",
            "train",
            "utils",
            "vision",
            "viz",
        )
    },
    **{name: (name, None) for name in ("amp", "backends", "compiler", "cuda")},  # devices that are not here
    **{name: (f"backends.{name}", None) for name in ("accelerator", "mps")},
    "autocast": ("amp", "autocast"),
    "compile": ("compiler", "compile"),
    "get_default_device": ("backends.settings", "get_default_device"),
    "get_float32_matmul_precision": ("backends.settings", "get_float32_matmul_precision"),
    "set_default_device": ("backends.settings", "set_default_device"),
    "set_float32_matmul_precision": ("backends.settings", "set_float32_matmul_precision"),
    "random": ("tensors.random_state", None),
    "save": ("io", "save"),
    "load": ("io", "load"),
    "summary": ("nn.summary", "summary"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        why = f": {_ABSENT[name]}" if name in _ABSENT else ""
        raise AttributeError(f"module 'tinygrad_cnn' has no attribute {name!r}{why}")
    module, attribute = _LATER[name]
    loaded = importlib.import_module(f"{__name__}.{module}")
    value = loaded if attribute is None else getattr(loaded, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
