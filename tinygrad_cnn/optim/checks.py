"""Checks at the door of the optimizers: hyper-parameters, and what may be optimized."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from numpy import ndarray

from ..tensors import Tensor

FLAGS = ("foreach", "fused", "capturable", "differentiable")  # PyTorch's switches between implementations
OPTIONAL = (*FLAGS, "maximize", "decoupled_weight_decay", "nesterov", "amsgrad")  # older files lack some of these


def non_negative(group: dict[str, Any], *names: str) -> None:
    """ValueError unless these hyper-parameters are finite numbers >= 0 (TypeError: no numbers at all)."""
    for name in names:
        value = finite(group, name)
        if value < 0:
            raise ValueError(f"{name} must be >= 0, got {group[name]!r}")


def unit_pair(group: dict[str, Any], name: str = "betas") -> None:
    """ValueError unless this hyper-parameter is a pair of numbers in [0, 1)."""
    pair = group[name]
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(is_number(b) and 0 <= b < 1 for b in pair):
        raise ValueError(f"{name} must be two numbers in [0, 1), got {pair!r}")


def finite(group: dict[str, Any], name: str) -> float:
    """The value of this hyper-parameter; TypeError unless it is a Python number, ValueError unless it is finite.

    The learning rate may be a Tensor with one element, which schedulers write into.
    """
    value = group[name]
    if type(value) is float and math.isfinite(value):  # the usual: each step asks
        return value
    if name == "lr" and isinstance(value, Tensor):
        if value._array.size != 1:
            raise ValueError(f"lr as a Tensor must have one element, got shape {tuple(value.shape)}")
        value = value.item()
    if not is_number(value):
        raise TypeError(f"{name} must be a Python number, got {type(value).__name__}: {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return float(value)


def hints(**flags: bool | None) -> dict[str, bool | None]:
    """PyTorch's switches between implementations, which all give the same bits here.

    ``fused=False`` or ``foreach=False`` keeps SGD and Adam from stepping parameters together; else they change nothing.
    ``differentiable`` is more than that: a step that can be differentiated is not here.
    """
    for name, value in flags.items():
        if value is not None and not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"{name} must be True, False or None, got {value!r}")
    if flags.get("differentiable"):
        raise ValueError(
            "differentiable=True is not supported: a step changes the parameters outside of the graph; compute the "
            "new parameters with tensors (w - lr * g, g by tg.grad(..., create_graph=True)) to differentiate through it"
        )
    if flags.get("fused") and flags.get("foreach"):
        raise RuntimeError("foreach and fused name two ways to compute the same: pass one of them, or none")
    return flags


def boolean(group: dict[str, Any], *names: str) -> None:
    """TypeError unless these hyper-parameters are True or False (or 1 or 0)."""
    for name in names:
        if name in group and not isinstance(group[name], (bool, int, np.bool_)):
            raise TypeError(f"{name} must be True or False, got {group[name]!r}")


def is_number(value: Any) -> bool:
    """A Python or NumPy number?"""
    return isinstance(value, (Real, np.number))


def plain(value: Any) -> Any:
    """NumPy's numbers as Python's, which never change an array's dtype."""
    if isinstance(value, (tuple, list)) and any(isinstance(v, np.generic) for v in value):
        return type(value)(plain(v) for v in value)
    return value.item() if isinstance(value, np.generic) else value


def as_groups(params: Any) -> list[dict[str, Any]]:
    """What the constructor of an optimizer got, as a list of groups; TypeError if it is nothing of the kind."""
    if isinstance(params, (Tensor, ndarray, dict, str)) or not isinstance(params, Iterable):
        raise TypeError(
            f"params must be an iterable of tensors, (name, tensor) pairs or dicts, got {type(params).__name__}; "
            "pass model.parameters(), or put the tensor into a list"
        )
    if isinstance(params, (set, frozenset)):
        raise TypeError("params came as a set, whose order differs from run to run; pass a list")
    entries: list[Any] = list(params)
    if entries and all(isinstance(entry, dict) for entry in entries):
        return entries
    return [{"params": entries}]


def names_and_params(params: Any) -> tuple[list[str] | None, list[Tensor]]:
    """The (name, parameter) pairs or parameters of one group, each one checked."""
    if isinstance(params, Tensor):
        params = [params]
    [group] = as_groups(params) if not isinstance(params, list) else [{"params": params}]
    entries = group["params"]
    pairs = [isinstance(e, tuple) and len(e) == 2 and isinstance(e[0], str) for e in entries]
    if any(pairs) and not all(pairs):
        raise ValueError("either all parameters come with names, as (name, tensor) pairs, or none does")
    named = bool(entries) and all(pairs)
    names = [name for name, _ in entries] if named else None
    tensors = [p for _, p in entries] if named else list(entries)
    for i, p in enumerate(tensors):
        what = f"parameter {names[i] if names else i}"
        if not isinstance(p, Tensor):
            raise TypeError(f"{what} is no Tensor but {type(p).__name__}; an optimizer updates tensors")
        if not p.is_leaf:
            raise ValueError(
                f"{what} (shape {p.shape}) was computed from other tensors; only leaves can be optimized: "
                "use the tensor it was computed from, or p.detach().requires_grad_()"
            )
        if getattr(p, "is_uninitialized", False):
            continue  # of a lazy module: it has no array yet, and no gradient until it has one
        if not p._array.flags.writeable:
            raise ValueError(f"{what} (shape {p.shape}) wraps a read-only array; pass tensor(array), which copies it")
    return names, tensors
