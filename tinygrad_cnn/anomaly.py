"""What anomaly mode says when a NaN or inf appears: which operation, called where, which index."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy import ndarray

_PACKAGE = __file__[: -len("anomaly.py")]


def user_line() -> str:
    """The innermost line of code outside this package that led here."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_PACKAGE, "<frozen")):
        frame = frame.f_back
    return f'File "{frame.f_code.co_filename}", line {frame.f_lineno}, in {frame.f_code.co_name}'


def _finite(a: Any) -> bool:
    return not isinstance(a, ndarray) or a.dtype.kind != "f" or bool(np.isfinite(a).all())


def _first_bad(a: Any) -> str:
    index = np.unravel_index(int(np.argmin(np.isfinite(a))), a.shape)
    return f"{a[index]} at index {tuple(int(i) for i in index)} of shape {a.shape}"


def check_forward(name: str, inputs: Iterable[Any], y: Any) -> None:
    """Raise if ``y`` has a NaN or inf and the inputs had none."""
    if not _finite(y) and all(_finite(a) for a in inputs):
        shapes = ", ".join(str(a.shape) if isinstance(a, ndarray) else repr(a) for a in inputs)
        raise RuntimeError(f"'{name}' made {_first_bad(y)} from finite inputs of shape {shapes}\n  {user_line()}")


def check_backward(name: str, i: int, gx: Any, g: Any, line: str) -> None:
    """Raise if the gradient of input i has a NaN or inf and that of the output had none."""
    if not _finite(gx) and _finite(g):
        raise RuntimeError(
            f"the gradient of '{name}' by its input {i} has {_first_bad(gx)}, from a finite gradient of its output\n"
            f"  {line or '(recorded before detect_anomaly began)'}"
        )
