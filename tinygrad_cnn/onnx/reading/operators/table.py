"""The table of operators: a line ``@operator("Conv")`` above a function enters it.

An operator's function gets the step and its inputs, an input left out as None, and returns its output or a tuple of
outputs. Either all inputs are Tensors or all are arrays, and our operations take both: what only shapes depend on is
computed in plain NumPy, leaves no node in a graph, and an output is a Tensor where an input is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy import ndarray

from ....autograd.graph import array_of
from ....tensors import Tensor
from ..steps import Step

OLDEST, NEWEST = 7, 28  # opsets of the domain ai.onnx that are read; of older ones, operators that were not changed

OPERATORS: dict[tuple[str, str], Callable[..., Any]] = {}
IN_CONTEXT: set[Callable[..., Any]] = set()  # those that also get the run: modes, and the values around them

F = TypeVar("F", bound=Callable[..., Any])


def operator(*names: str, domain: str = "", context: bool = False) -> Callable[[F], F]:
    """Enter a function under the names of the operators that it computes."""

    def enter(function: F) -> F:
        for name in names:
            OPERATORS[domain, name] = function
        if context:
            IN_CONTEXT.add(function)
        return function

    return enter


class Known:
    """An operator's function by its name, as which it is pickled and copied."""

    def __init__(self, domain: str, name: str) -> None:
        self.key = (domain, name)
        self.function = OPERATORS[self.key]

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def __reduce__(self) -> Any:
        return Known, self.key


def apply(step: Step, run: Any, inputs: list[Any]) -> tuple[Any, ...]:
    """The outputs of a step."""
    if any(isinstance(x, Tensor) for x in inputs):
        inputs = [Tensor(x) if isinstance(x, ndarray) else x for x in inputs]
    context = (run,) if getattr(step.function, "function", None) in IN_CONTEXT else ()
    result = step.function(step, *context, *inputs)
    results = result if isinstance(result, tuple) else (result,)
    return tuple(x if x is None or isinstance(x, Tensor) else np.asarray(x) for x in results)


def like(result: Any, *inputs: Any) -> Any:
    """What NumPy computed of tensors' arrays: a Tensor where one of the inputs is one."""
    return Tensor(np.asarray(result)) if any(isinstance(x, Tensor) for x in inputs) else np.asarray(result)


def integers(x: Any) -> list[int]:
    """The integers of an input that holds sizes, axes or the like."""
    array = array_of(x)
    if array.dtype.kind not in "iu":
        raise ValueError(f"sizes and axes must be integers, got dtype {array.dtype}")
    return [int(v) for v in array.reshape(-1)]


def number(x: Any) -> Any:
    """The one number of an input."""
    array = array_of(x)
    if array.size != 1:
        raise ValueError(f"expected a single number, got shape {array.shape}")
    return array.reshape(-1)[0].item()


def given(x: Any, step: Step, name: str, default: Any = None) -> Any:
    """The integers of an input where there is one, else those of the attribute that older opsets have in its place."""
    if x is not None:
        return integers(x)
    value = step.get(name)
    return default if value is None else [int(v) for v in value]


def axis_of(axis: int, ndim: int) -> int:
    """An axis counted from the front."""
    if not -ndim <= axis < max(ndim, 1):
        raise ValueError(f"axis {axis} is out of range for {ndim} dimensions: expected {-ndim} to {ndim - 1}")
    return axis % ndim if ndim else 0


def axes_of(axes: Any, ndim: int) -> tuple[int, ...]:
    """Axes counted from the front, each once."""
    found = tuple(axis_of(axis, ndim) for axis in axes)
    if len(set(found)) != len(found):
        raise ValueError(f"each axis may be named once, got {tuple(axes)} for {ndim} dimensions")
    return found
