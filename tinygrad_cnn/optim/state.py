"""The state of an optimizer out of a file: all of it fits, or nothing is taken."""

from __future__ import annotations

import math
from collections import defaultdict
from copy import deepcopy
from typing import Any

import numpy as np

from ..autograd.graph import wrap
from ..tensors import Tensor
from .checks import FLAGS, OPTIONAL, boolean, is_number


def loaded(optimizer: Any, state_dict: Any) -> tuple[list[dict[str, Any]], defaultdict[Tensor, dict[str, Any]]]:
    """The groups' new hyper-parameters and the new state of each parameter; TypeError or ValueError where it is none.

    The optimizer is not changed.
    """
    if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= set(state_dict):
        raise TypeError(
            "load_state_dict expects a dict with the keys 'state' and 'param_groups', as state_dict() gives"
        )
    saved_state, saved_groups = state_dict["state"], state_dict["param_groups"]
    if not isinstance(saved_state, dict) or not all(isinstance(entries, dict) for entries in saved_state.values()):
        raise TypeError("the state dict's 'state' must be a dict of dicts, one for each parameter")
    if not isinstance(saved_groups, (list, tuple)) or not all(
        isinstance(group, dict) and isinstance(group.get("params"), (list, tuple)) for group in saved_groups
    ):
        raise TypeError("the state dict's 'param_groups' must be a list of dicts, each with a list 'params'")
    mine, theirs = ([len(g["params"]) for g in groups] for groups in (optimizer.param_groups, saved_groups))
    if mine != theirs:
        raise ValueError(
            f"the state dict is of {len(theirs)} parameter group(s) with {theirs} parameters; "
            f"this optimizer has {len(mine)} with {mine}"
        )
    problems: list[str] = []
    groups = [
        _group(optimizer, i, group, saved, problems)
        for i, (group, saved) in enumerate(zip(optimizer.param_groups, saved_groups, strict=True))
    ]
    numbers = [i for saved in saved_groups for i in saved["params"]]
    if len(set(map(str, numbers))) < len(numbers):
        problems.append(f"a parameter is given twice: {numbers}")
    every = (p for group in optimizer.param_groups for p in group["params"])
    params = dict(zip(map(str, numbers), every, strict=True))
    state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
    for i, saved in saved_state.items():
        p = params.get(str(i))
        if p is None:
            problems.append(f"state for a parameter {i!r}, which is in no group")
            continue
        for key, value in saved.items():
            if value is None:  # PyTorch's way to say that there is no such buffer yet
                continue
            try:
                kept = optimizer.load_entry(key, value, p)
            except (ValueError, TypeError) as error:
                problems.append(f"parameter {i}: {key!r} {error}")
                continue
            if kept is not None:
                state[p][key] = kept
        if missing := optimizer.lacking(saved):
            problems.append(f"parameter {i} has no {', '.join(map(repr, missing))}")
    if problems:
        raise ValueError(f"the state dict does not fit this {type(optimizer).__name__}:\n  " + "\n  ".join(problems))
    return groups, state


def _group(optimizer: Any, i: int, mine: dict[str, Any], saved: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """A group with the hyper-parameters of a saved one."""
    missing = sorted(set(optimizer.defaults) - set(saved) - set(OPTIONAL))
    if missing:
        problems.append(f"parameter group {i} has no {', '.join(map(repr, missing))}")
    own = {*FLAGS, "params", "param_names"}
    group = {**mine, **{key: _hyper(value) for key, value in saved.items() if key not in own}}
    if isinstance(mine.get("lr"), Tensor):  # whoever holds it goes on with a Tensor
        lr = group["lr"]
        group["lr"] = Tensor(np.full_like(mine["lr"]._array, lr)) if is_number(lr) else lr
    try:
        boolean(group, *(name for name, value in optimizer.defaults.items() if isinstance(value, bool)))
    except TypeError as error:
        problems.append(f"parameter group {i}: {error}")
    return group


def entry(optimizer: Any, key: str, value: Any, p: Tensor) -> Any:
    """A saved number or array as it is kept here; ValueError where it does not fit."""
    if key in optimizer.counters:
        return number(value, optimizer.counters[key])
    if not optimizer.buffers:  # a user's own optimizer that does not declare any
        return deepcopy(value)
    if key not in optimizer.buffers:
        raise ValueError(f"is nothing this optimizer keeps (it keeps {', '.join(optimizer.buffers)})")
    shape = optimizer.buffer_shape(key, p._array)
    a = numbers_of(value)
    if a.shape != shape:
        raise ValueError(f"has shape {a.shape}, {'the parameter' if shape == p.shape else 'needed is'} {shape}")
    kept: Tensor = wrap(np.empty_like(p._array, shape=None if shape == p.shape else shape, subok=False), None)
    kept._array[...] = a
    return kept


def numbers_of(value: Any) -> np.ndarray[Any, Any]:
    """A Tensor, an array, a tensor of PyTorch's or nested lists as an array; ValueError unless of real numbers."""
    a = np.asarray(_array(value))
    if a.dtype.kind not in "fiu":
        raise ValueError(f"must be real numbers, got {type(value).__name__} of dtype {a.dtype}")
    return a


def number(value: Any, kind: type) -> Any:
    """A saved number: a step count is an integer that is not negative, anything else finite."""
    a = numbers_of(value)
    if a.size != 1:
        raise ValueError(f"must be one number, got shape {a.shape}")
    x = a.item()
    if not math.isfinite(x) or (kind is int and (x < 0 or x != int(x))):
        raise ValueError(f"must be {'an integer >= 0' if kind is int else 'finite'}, got {x!r}")
    return kind(x)


def _hyper(value: Any) -> Any:
    """A hyper-parameter out of a saved file: lists of numbers were tuples, 0-d tensors were numbers."""
    if hasattr(value, "shape"):
        value = np.asarray(_array(value))
        return value.item() if value.ndim == 0 else value
    return tuple(value) if isinstance(value, list) and all(map(is_number, value)) else deepcopy(value)


def _array(value: Any) -> Any:
    return value._array if isinstance(value, Tensor) else np.asarray(value)
