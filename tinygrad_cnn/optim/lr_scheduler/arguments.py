"""Checks of what schedulers are given: arguments, and saved states."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from numbers import Real
from types import FunctionType
from typing import Any

import numpy as np

from ...arrays.telling import warn_of
from ..optimizer import Optimizer


def require_optimizer(optimizer: Any) -> Optimizer:
    """The optimizer itself; TypeError for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"a scheduler takes an Optimizer, got {type(optimizer).__name__}; make one: optim.SGD(model.parameters())"
        )
    return optimizer


def per_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """One value for each parameter group: the same for all, or a list of as many."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(f"{name} has {len(value)} values, but the optimizer has {groups} parameter group(s)")
    return list(value)


def require_int(name: str, value: Any, least: int = 1) -> int:
    """The integer; ValueError unless it is one and at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
    return int(value)


def whole(value: Any) -> Any:
    """A float that is an integer, such as 1.0, as that integer; anything else as it is."""
    return int(value) if isinstance(value, (float, np.floating)) and float(value).is_integer() else value


def require_number(name: str, value: Any, least: float = -math.inf, above: float = -math.inf) -> float:
    """The number; ValueError unless it is a finite one, at least ``least`` and greater than ``above``."""
    if not is_number(value) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    if value < least or value <= above:
        raise ValueError(f"{name} must be {f'>= {least:g}' if value < least else f'> {above:g}'}, got {value!r}")
    return float(value)


def require_numbers(name: str, values: Sequence[Any], least: float = -math.inf) -> None:
    """ValueError unless all of them are finite numbers, at least ``least``."""
    for value in values:
        require_number(name, value, least)


def is_number(value: Any) -> bool:
    """A real number that is no truth value?"""
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))


def ignore_verbose(verbose: Any) -> None:
    """PyTorch had this argument, which made schedulers print: a warning for True, and nothing else."""
    if verbose not in ("deprecated", False, None):
        warn_of("verbose prints nothing; print(scheduler.get_last_lr()) after scheduler.step()")


def plain(value: Any) -> Any:
    """Tensors and arrays of one element as Python numbers, within lists too."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value)) if type(value) in (list, tuple) else value
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value


PER_GROUP = ("base_lrs", "max_lrs", "base_momentums", "max_momentums", "min_lrs")  # lists with a value for each group


def alike(key: str, value: Any, mine: Any) -> bool:
    """May a saved value stand in the place of what an attribute is now? Numbers for numbers, no NaN, and so on."""
    if isinstance(mine, (bool, str)) or mine is None:
        return type(value) is type(mine)
    if is_number(mine):
        return is_number(value) and not math.isnan(value) and (math.isfinite(value) or key == "best")
    if isinstance(mine, (list, tuple)):
        fits = isinstance(value, (list, tuple)) and all(is_number(v) and math.isfinite(v) for v in value)
        return fits and (key not in PER_GROUP or len(value) == len(mine))
    return True


def require_between(name: str, value: Any, low: float, high: float, without: Sequence[float] = ()) -> float:
    """The number; ValueError unless it is one between ``low`` and ``high`` and none of ``without``."""
    if not is_number(value) or not low <= value <= high or value in without:
        without_these = f" without {', '.join(map(str, without))}" if without else ""
        raise ValueError(f"{name} must be a number from {low} to {high}{without_these}, got {value!r}")
    return float(value)


def function_state(function: Any) -> Any:
    """What can be saved of a user's function: the attributes of a callable object, nothing of a plain function."""
    plain = function is None or isinstance(function, FunctionType) or not hasattr(function, "__dict__")
    return None if plain else deepcopy(function.__dict__)


def require_functions(scheduler: str, name: str, states: Any, count: int) -> None:
    """ValueError unless there is a state of `function_state`'s for each of so many functions."""
    fits = isinstance(states, (list, tuple)) and len(states) == count
    if not fits or not all(state is None or isinstance(state, dict) for state in states):
        raise ValueError(
            f"this is no state of a {scheduler}: {name} must be a list of {count}, each None or the attributes of a "
            f"function, got {states!r}"
        )


def load_functions(functions: Sequence[Callable[..., Any]], states: Sequence[dict[str, Any] | None]) -> None:
    """Put back what `function_state` took."""
    for function, state in zip(functions, states, strict=True):
        if state is not None:
            function.__dict__.update(deepcopy(state))
