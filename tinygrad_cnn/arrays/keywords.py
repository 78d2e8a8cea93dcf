"""Keywords that a function does not name itself and PyTorch takes: NumPy's names of arguments, ``out=``, and hints.

Public functions go through `accepting`, which costs the usual call about a tenth of a microsecond and looks closer only
where a keyword is unknown. An operation, which takes its inputs by position, is helped by `instead` when it has failed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

from .telling import explained

_OURS = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other"}
_HINTS = {"layout", "memory_format", "pin_memory"}  # of how a new tensor lies in memory: there is one way
_FIRST, _SECOND = ("input", "x", "a", "x1"), ("other", "x2")
_INPUTS = {  # PyTorch's names of an operation's inputs, where they are not `input` and `other`
    "addcdiv": (_FIRST, ("tensor1",), ("tensor2",)),
    "addcmul": (_FIRST, ("tensor1",), ("tensor2",)),
    "float_power": (_FIRST, ("exponent",)),
    "heaviside": (_FIRST, ("values",)),
    "lerp": (_FIRST, ("end",), ("weight",)),
    "pow": (("input", "self"), ("exponent",)),
    "where": (("condition",), ("input",), ("other",)),
}
_accepting: dict[Any, Any] = {}  # the functions that went through it


# ------------------------------------------------------------------------------------------------- of any function
def accepts(value: Any) -> bool:
    """Is it one of the functions on tensors that the package makes public, and no operation?"""
    return isinstance(value, FunctionType) and not hasattr(value, "op") and _on_tensors(value)


def accepting(function: Callable[..., Any], direct: Callable[..., Any] | None = None) -> Any:
    """A function that also takes the keywords of this module, with its name, signature and explanation.

    Args:
        direct: what to call in its place: for a method that would only pass its arguments on.
    """
    if (function, direct) in _accepting:  # of several names
        return _accepting[function, direct]
    target = function if direct is None else direct
    code = target.__code__
    named = code.co_argcount + code.co_kwonlyargcount
    known = dict.fromkeys(code.co_varnames[:named])
    star = code.co_varnames[named] if code.co_flags & 0x04 else None

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return target(*args, **kwargs) if kwargs else target(*args)
        except TypeError:
            if kwargs.keys() <= known.keys():
                raise
        return _renamed(call, target, known, star, args, kwargs)

    _accepting[function, direct] = call
    return call


def _renamed(
    call: Callable[..., Any],
    target: Callable[..., Any],
    known: dict[str, None],
    star: str | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """The call with the keywords that it knows."""
    name = call.__name__
    ours = {key: value for key, value in kwargs.items() if key in known}
    out = None
    for key, value in kwargs.items():
        if key in known:
            continue
        mine = _OURS.get(key, key)
        if mine in known:
            if mine in ours:
                raise TypeError(f"{name}() got both {mine}= and {key}=, which is NumPy's name of it")
            ours[mine] = value
        elif key == star and not args:
            args = (value,)  # zeros(size=(2, 3))
        elif key == "out" and _on_tensors(target):
            out = value
        elif key in _HINTS and _makes_memory(target):
            if key == "layout" and value is not None and str(value).rpartition(".")[2] != "strided":
                raise TypeError(f"{name}(): there is one layout, strided, got {value}")
        else:
            takes = [*known, *([] if star is None else [star])]
            raise TypeError(f"{name}() has no argument {key!r}; it takes {', '.join(takes)}")
    y = target(*args, **ours)
    return y if out is None else _received(out, y, name)


def _makes_memory(function: Callable[..., Any]) -> bool:
    return function.__module__.rpartition(".")[2] in ("creation", "sampling") or function.__name__ == "clone"


def _on_tensors(function: Callable[..., Any]) -> bool:
    return ".ops." in function.__module__ or _makes_memory(function)


def _received(out: Any, y: Any, name: str) -> Any:
    """``out``, a tensor or a tuple of them, with the values of the result."""
    if isinstance(y, (tuple, list)):
        if not isinstance(out, (tuple, list)) or len(out) != len(y):
            raise TypeError(f"{name}(): out must be a tuple of {len(y)} Tensors")
        taken = [_received(o, each, name) for o, each in zip(out, y, strict=True)]
        return type(y)(*taken) if hasattr(y, "_fields") else tuple(taken)
    if not hasattr(out, "_receive"):
        raise TypeError(f"{name}(): out must be a Tensor, got {type(out).__name__}")
    return out._receive(y, name)


# -------------------------------------------------------------------------------------------------- of an operation
def by_position(name: str, inputs: Sequence[Any], attributes: dict[str, Any]) -> tuple[Sequence[Any], dict[str, Any]]:
    """The inputs of an operation together with those that came as keywords, and what is left of its attributes."""
    rest, found = dict(attributes), [x for x in inputs if x is not None]
    for k, keys in enumerate(_INPUTS.get(name, (_FIRST, _SECOND))):
        for key in keys:
            if key in rest:
                if len(found) != k:
                    raise TypeError(f"{name}() got {key}=, its input number {k + 1}, beside {len(found)} by position")
                found.append(rest.pop(key))
    return (found, rest) if len(rest) < len(attributes) else (inputs, attributes)


def instead(
    error: Exception, apply: Callable[..., Any], name: str, inputs: Sequence[Any], attributes: dict[str, Any]
) -> Any:
    """What an operation gives that failed with this error because inputs, or ``out``, came as keywords.

    Any other error is raised, with more to say where shapes do not fit.
    """
    found, others = by_position(name, inputs, attributes)
    rest = dict(others)
    out = rest.pop("out", None)
    if len(rest) < len(attributes):
        y = apply(*(x for x in found if x is not None), **rest)
        return y if out is None else _received(out, y, name)
    if isinstance(error, ValueError):
        raise explained(error, name, [getattr(x, "_array", x) for x in inputs]) from None
    if "got an unexpected keyword argument" in str(error):
        raise TypeError(f"{name}() has no argument {str(error).rpartition(' ')[2]}") from None
    raise error


# ------------------------------------------------------------------------------------------------------ of a method
def has_dimension(function: Any) -> bool:
    """Has the function an argument ``dim`` or ``keepdim``, which NumPy calls otherwise?"""
    names = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
    return not hasattr(function, "op") and ("dim" in names or "keepdim" in names)


def passing_to(function: Any, method: Any) -> Any:
    """The function, if the method takes the same arguments and only passes them on; else the method itself."""
    a, b = method.__code__, function.__code__
    if a.co_flags & 0x0C == 0x0C:  # *args, **kwargs
        return function
    n = a.co_argcount + a.co_kwonlyargcount
    same = (a.co_argcount, a.co_flags & 0x0C) == (b.co_argcount, b.co_flags & 0x0C)
    same = same and a.co_varnames[1:n] == b.co_varnames[1 : b.co_argcount + b.co_kwonlyargcount]
    defaults = method.__defaults__ == function.__defaults__ and method.__kwdefaults__ == function.__kwdefaults__
    return function if same and defaults else method
