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
from .arrays.guarding import GuardRailWarning, guard_rails
from .arrays.keywords import accepting as _accepting
from .arrays.keywords import accepts as _accepts
from .arrays.locks import loading as _loading
from .arrays.memory import keep_freed_memory as _keep_freed_memory
from .arrays.rng import Generator, default_generator, initial_seed, manual_seed, seed
from .arrays.threads import get_num_threads, set_num_threads
from .arrays.tracebacks import shorten_in_ipython as _shorten_in_ipython
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
from .ops import *  # noqa: F403  (and what of it is public)
from .ops import __all__ as _of_operations
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
        linalg,
        nn,
        onnx,
        optim,
        profiler,
        programs,
        special,
        standalone,
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
    from .standalone import export_numpy
    from .tensors import random_state as random

__version__ = "0.1.0"

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
_shorten_in_ipython()
for _name, _function in {name: value for name, value in globals().items() if _accepts(value)}.items():
    globals()[_name] = _accepting(_function)  # axis= for dim=, out=, and their kin

__all__ = [
    *_of_operations,
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "Generator", "GuardRailWarning",
    "HalfTensor", "IntTensor", "LongTensor", "ShortTensor", "Size", "Tensor", "accelerator", "amp", "arange",
    "are_deterministic_algorithms_enabled", "as_tensor", "asarray", "autocast", "autograd", "backends", "bernoulli",
    "bool", "can_cast", "channels_last", "channels_last_3d", "checkpoint", "compile", "compiler", "contiguous_format",
    "cuda", "data", "default_generator", "device", "distributions", "double", "dtype", "e", "empty", "empty_like",
    "enable_grad", "export_numpy", "eye", "finfo", "float", "float16", "float32", "float64", "from_numpy", "full",
    "full_like", "get_default_device", "get_float32_matmul_precision", "get_num_threads", "get_rng_state", "grad",
    "guard_rails", "half", "iinfo", "inf", "inference_mode", "initial_seed", "int", "int16", "int32", "int64", "int8",
    "io", "is_anomaly_enabled", "is_complex", "is_deterministic_algorithms_warn_only_enabled", "is_floating_point",
    "is_grad_enabled", "is_inference_mode_enabled", "is_nonzero", "is_same_size", "is_tensor", "layout", "linalg",
    "linspace", "load", "logspace", "long", "manual_seed", "memory_format", "mps", "multinomial", "nan", "newaxis",
    "nn", "no_grad", "normal", "numel", "ones", "ones_like", "onnx", "op", "optim", "pi", "preserve_format",
    "profiler", "programs", "promote_types", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "random", "randperm", "save", "seed", "set_default_device", "set_default_tensor_type",
    "set_float32_matmul_precision", "set_grad_enabled", "set_num_threads", "set_printoptions", "set_rng_state",
    "short", "special", "standalone", "strided", "summary", "tensor", "testing", "train", "tril_indices",
    "triu_indices", "typename", "uint8", "use_deterministic_algorithms", "utils", "vision", "viz", "zeros",
    "zeros_like",
]
# fmt: on

_ROOMS = (
    *("autograd", "data", "io", "linalg", "nn", "optim"),
    *("profiler", "programs", "special", "standalone", "testing", "train", "utils", "viz"),
)
_LATER = {  # loaded at first use, so that `import tinygrad_cnn` stays quick
    **{name: (name, None) for name in ("autograd", "data", "distributions", "io", "linalg", "nn", "optim", "profiler")},
    **{name: (name, None) for name in ("onnx", "programs", "special", "testing", "train", "utils", "vision", "viz")},
    **{name: (name, None) for name in ("amp", "backends", "compiler", "cuda")},  # devices that are not here
    **{name: (f"backends.{name}", None) for name in ("accelerator", "mps")},
    "standalone": ("standalone", None),
    "export_numpy": ("standalone", "export_numpy"),
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
        absent = {**_ABSENT, **importlib.import_module(f"{__name__}.backends.absent").ABSENT}
        why = f": {absent[name]}" if name in absent else ""
        raise AttributeError(f"module 'tinygrad_cnn' has no attribute {name!r}{why}")
    module, attribute = _LATER[name]
    with _loading():
        loaded = importlib.import_module(f"{__name__}.{module}")
    value = loaded if attribute is None else getattr(loaded, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
