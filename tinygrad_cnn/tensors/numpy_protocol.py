"""NumPy's functions called with tensors: ours where we have it, NumPy's where no gradient is lost by it, else an error.

A ufunc (``np.sqrt(x)``, ``array + x``) and a function that is a method of NumPy's arrays (``np.sum(x)``) give a Tensor.
Any other function (``np.concatenate``, ``np.where``) gives what it gives for arrays. So it is with PyTorch's tensors.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.graph import Variable, wrap
from ..autograd.modes import here
from ..ops import (
    arrange,
    comparison,
    contraction,
    elementwise,
    extremes,
    joining,
    limits,
    linalg,
    moments,
    ordering,
    rounding,
    scan,
    special,
    trigonometry,
)
from ..ops import reduce as reductions
from ..ops import shape as shaping
from ..ops.watched import reading

# fmt: off
_OPS = (
    elementwise, comparison, trigonometry, rounding, limits, special, reductions, extremes, moments, scan, linalg,
    contraction, joining, shaping, arrange, ordering,
)
_NAMES = {  # ours of what NumPy calls otherwise
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "concatenate": "cat", "conjugate": "positive", "degrees": "rad2deg",
    "divide": "true_divide", "equal": "eq", "expand_dims": "unsqueeze", "fabs": "abs", "greater": "gt",
    "greater_equal": "ge", "invert": "bitwise_not", "left_shift": "bitwise_left_shift", "less": "lt",
    "less_equal": "le", "mod": "remainder", "multiply": "mul", "negative": "neg", "not_equal": "ne", "power": "pow",
    "radians": "deg2rad",
    "repeat": "repeat_interleave", "right_shift": "bitwise_right_shift", "rint": "round", "subtract": "sub",
}
_REDUCED = {"axis": "dim", "keepdims": "keepdim", "dtype": "dtype"}
_SPREAD = {**_REDUCED, "ddof": "correction", "correction": "correction"}
_METHODS: dict[str, tuple[str, dict[str, str]]] = {  # of NumPy's functions: our method, and our names of arguments
    **{name: (name, _REDUCED) for name in ("all", "any", "argmax", "argmin", "mean", "nanmean", "nansum", "prod")},
    "sum": ("sum", _REDUCED),
    "max": ("amax", _REDUCED), "amax": ("amax", _REDUCED), "min": ("amin", _REDUCED), "amin": ("amin", _REDUCED),
    "std": ("std", _SPREAD), "var": ("var", _SPREAD), "cumsum": ("cumsum", _REDUCED), "cumprod": ("cumprod", _REDUCED),
    "clip": ("clamp", {"a_min": "min", "a_max": "max", "min": "min", "max": "max"}), "ravel": ("ravel", {}),
    "reshape": ("reshape", {"shape": "shape", "newshape": "shape"}), "transpose": ("permute", {"axes": "dims"}),
    "swapaxes": ("swapaxes", {"axis1": "axis0", "axis2": "axis1"}), "squeeze": ("squeeze", {"axis": "dim"}),
    "round": ("round", {"decimals": "decimals"}), "around": ("round", {"decimals": "decimals"}),
}
# fmt: on
_INTERNAL = {"choose"}  # names of NumPy's that mean something else in our rules
_FOLDS = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min, np.logical_and: np.all}
_FOLDS[np.logical_or] = np.any
_WRITERS = {"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"}
_OF_SHAPE_ALONE = {"empty_like", "full_like", "ndim", "ones_like", "shape", "size", "zeros_like"}


def _ours(name: str) -> Callable[..., Any] | None:
    name = _NAMES.get(name, name)
    if name in _INTERNAL:
        return None
    return next((vars(room)[name] for room in _OPS if name in vars(room)), None)


_UFUNCS = {f: _ours(f.__name__) for f in vars(np).values() if isinstance(f, np.ufunc)}


def array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """``Tensor.__array_ufunc__``: a ufunc, or its reduce, accumulate, outer or at, with a tensor among its inputs."""
    ours = _UFUNCS.get(ufunc) if method == "__call__" and not kwargs else None
    if ours is not None and type(inputs[0]) is ndarray:  # what array + x comes to
        return ours(*inputs)
    for x in inputs:
        if not isinstance(x, (Variable, ndarray, np.generic)) and hasattr(x, "__array_ufunc__"):
            return NotImplemented
    if ours is not None:
        return ours(*[np.asarray(x) if isinstance(x, (list, tuple)) else x for x in inputs])
    if method == "reduce" and ufunc in _FOLDS and kwargs.keys() <= {"axis", "keepdims"}:
        return array_function(self, _FOLDS[ufunc], (), inputs, {"axis": 0, **kwargs})
    name = f"np.{ufunc.__name__}" if vars(np).get(ufunc.__name__) is ufunc else ufunc.__name__
    name += ("" if method == "__call__" else f".{method}") + "".join(f" with {key}=" for key in kwargs)
    into = [*kwargs.get("out", ()), *(inputs[:1] if method == "at" else ())]
    hint = ufunc.__name__ if method == "__call__" else ""
    result = _by_numpy(getattr(ufunc, method), name, hint, inputs, kwargs, into)
    return result if into else _wrapped(result)


def array_function(self: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
    """``Tensor.__array_function__``: any other function of NumPy with a tensor among its arguments."""
    if not all(issubclass(t, (Variable, ndarray)) for t in types):
        return NotImplemented
    given, name = _named(function, args, kwargs), function.__name__
    into = [x for x in (given.get("out"), args[0] if name in _WRITERS else None) if x is not None]
    is_method = function.__module__ == "numpy" and name in _METHODS
    if is_method and not into and isinstance(x := next(iter(given.values())), Variable) and x._array.dtype.kind == "f":
        ours, names = _METHODS[name]
        named = {key: value for key, value in list(given.items())[1:] if value is not None and value is not np._NoValue}
        if named.keys() <= names.keys():
            return _method(x, ours, {names[key]: value for key, value in named.items()})
    full = f"{function.__module__.replace('numpy', 'np', 1)}.{name}"
    if next(_tensors((args, kwargs)), None) is None:  # NumPy has seen one where we do not look
        raise TypeError(f"{full}: give the tensors themselves, or a list or tuple of them")
    result = _by_numpy(function, full, name, args, kwargs, into)
    return _wrapped(result) if is_method and not into else result


@functools.cache
def _signature(function: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except ValueError:  # some of those written in C have none
        return None


def _named(function: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments by their names, the first one first."""
    signature = _signature(function)
    return kwargs if signature is None else signature.bind(*args, **kwargs).arguments


def _method(x: Any, name: str, named: dict[str, Any]) -> Any:
    """Our method, where NumPy's defaults are others than PyTorch's with these."""
    if name in ("reshape", "swapaxes", "permute"):
        return getattr(x, name)(*named.values()) if named else x.T
    if name in ("std", "var"):
        named = {"correction": 0, **named}
    if name in ("cumsum", "cumprod") and "dim" not in named:
        x, named = x.ravel(), {"dim": 0, **named}
    return getattr(x, name)(**named)


def _by_numpy(call: Callable[..., Any], name: str, hint: str, args: Any, kwargs: Any, into: list[Any]) -> Any:
    """The answer for the arrays, unless a gradient would be lost; ``into`` is what it writes into."""
    if any(isinstance(x, Variable) for x in into):
        raise TypeError(f"{name} cannot write into a Tensor: assign to x[...], or use x.copy_(...)")
    for x in _tensors((args, kwargs)) if here.mode.watchers and hint not in _OF_SHAPE_ALONE else ():
        reading(x, name)
    recorded = here.mode.recording and any(x._node is not None or x._wants_grad for x in _tensors((args, kwargs)))
    result = None if recorded and into else call(*_arrays(args), **_arrays(kwargs))
    if recorded and (into or _floating(result)) and hint not in _OF_SHAPE_ALONE:
        known = f"tg.{_NAMES.get(hint, hint)}, or " if _ours(hint) is not None and not into else ""
        raise RuntimeError(f"{name} does not know gradients: use {known}x.detach().numpy() where x requires grad")
    return result


def _tensors(x: Any) -> Iterator[Any]:
    if isinstance(x, Variable):
        yield x
    elif isinstance(x, (list, tuple, dict)):
        for inner in x.values() if isinstance(x, dict) else x:
            yield from _tensors(inner)


def _arrays(x: Any) -> Any:
    """x with the array of each tensor in its place."""
    if isinstance(x, dict):
        return {key: _arrays(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [_arrays(inner) for inner in x] if isinstance(x, list) else tuple(map(_arrays, x))
    return x._array if isinstance(x, Variable) else x


def _floating(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_floating, x))
    return isinstance(x, (float, complex)) or getattr(getattr(x, "dtype", None), "kind", "") in ("f", "c")


def _wrapped(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(map(_wrapped, x))
    a = np.asarray(x)
    return wrap(a, None) if a.dtype.kind in "fiub" else x
