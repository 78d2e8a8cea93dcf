"""A forward pass that failed: which call did, with what, and what to write instead."""

from __future__ import annotations

import dataclasses
import traceback
from types import FrameType
from typing import Any

from numpy import ndarray

from ...nn.module import Module
from ...tensors import Tensor
from ..watching import PACKAGE, line_in, run
from .calling import Failure
from .remedies import remedy_for

_DOORS = (PACKAGE + "arrays", PACKAGE + "autograd")  # through which calls of operations go
_MODULES = (PACKAGE + "nn/module.py", PACKAGE + "nn/layers", PACKAGE + "nn/hooks.py")
_NAMES = {
    "truediv": "true_divide", "floordiv": "floor_divide", "mod": "remainder", "iadd": "add", "imul": "mul",
    "subtract": "sub", "multiply": "mul", "divide": "true_divide", "power": "pow",
}  # fmt: skip


@dataclasses.dataclass
class FailedCall:
    """The call that raised."""

    label: str  # "linear"
    inputs: list[tuple[str, Tensor]]
    call: int | None  # of which module, among the watch's calls
    source: dict[str, Any] | None  # the user's line
    problem: str
    remedy: str  # "" where nothing sure can be said


def failed_call(failure: Failure) -> FailedCall:
    """The innermost call of the package that the user's code, or a layer, made; or the user's function itself."""
    frames = [(frame, line) for frame, line in traceback.walk_tb(failure.error.__traceback__)]
    start = next(i for i, (f, _) in enumerate(frames) if f.f_code is run.__code__) + 1
    frames = frames[start:]
    users = [k for k, (f, _) in enumerate(frames) if not _in_package(f) or f.f_code.co_filename.startswith(_MODULES)]
    last = users[-1] if users else 0
    inner = [f for f, _ in frames[last + 1 :] if _arguments(f) and not f.f_code.co_filename.startswith(_DOORS)]
    frame = inner[0] if inner else frames[last][0]
    modules = [m for f, _ in frames if isinstance(m := f.f_locals.get("self"), Module)]
    module = modules[-1] if modules else None
    called = failure.watch.called
    call = max((i for i, m in enumerate(called) if m is module), default=None)
    name, inputs = frame.f_code.co_name.strip("_"), _arguments(frame)
    if name == "array_ufunc":  # array - x: what NumPy was asked for
        name = frame.f_locals["ufunc"].__name__
        inputs = list(zip(("self", "other"), (x for _, x in inputs[1:]), strict=False))
    label = _NAMES.get(name, name) if inner else (type(module).__name__ if module is not None else name)
    if label.startswith("r") and label[1:] in ("add", "sub", "mul", "truediv", "pow", "matmul"):
        label = label[1:]
    message = str(failure.error).split("\n  in ")[0]
    remedy = remedy_for(label, inputs, frame.f_locals, module) if inner else ""
    theirs = [(f, line) for f, line in frames if not _in_package(f)]
    source = line_in(*theirs[-1]) if theirs else None
    return FailedCall(label, inputs, call, source, f"{type(failure.error).__name__}: {message}", remedy)


def _in_package(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(PACKAGE)


def _arguments(frame: FrameType) -> list[tuple[str, Tensor]]:
    """The tensors among its arguments, those in a list one by one."""
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 0x04)
    found: list[tuple[str, Tensor]] = []
    for name in code.co_varnames[:count]:
        value = frame.f_locals.get(name)
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        for k, x in enumerate(values):
            if isinstance(x, (Tensor, ndarray)):
                tensor = x if isinstance(x, Tensor) else Tensor(x)
                found.append((f"{name} {k + 1}" if len(values) > 1 else name, tensor))
    return found
