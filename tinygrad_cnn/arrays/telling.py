"""What errors say: more on their way out, and which line of the user's led there."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import Any

import numpy as np
from numpy import ndarray

_NOT_THE_USERS = (__file__[: -len("arrays/telling.py")], np.__file__[: -len("__init__.py")], "<frozen")


def users_frame() -> FrameType:
    """The innermost frame outside this package and NumPy that led here; the outermost where all are of these."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_NOT_THE_USERS):
        frame = frame.f_back
    return frame


def users_line() -> str:
    """Where that is, as tracebacks say it."""
    at = users_frame()
    return f'File "{at.f_code.co_filename}", line {at.f_lineno}, in {at.f_code.co_name}'


def warn_of(text: str) -> None:
    """A UserWarning at the user's line, however deep in the package something was seen."""
    at = users_frame()
    seen = at.f_globals.setdefault("__warningregistry__", {})
    module = at.f_globals.get("__name__", "__main__")
    warnings.warn_explicit(text, UserWarning, at.f_code.co_filename, at.f_lineno, module=module, registry=seen)


def described(x: Any) -> str:
    """What came, in an error: its type, "None", or "the class Linear"."""
    if isinstance(x, type):
        return f"the class {x.__name__}"
    return "None" if x is None else type(x).__name__


def tell(error: Exception, text: str) -> None:
    """Let the message of an error end with a line more, once. What is no message is left alone."""
    first = error.args[0] if error.args else None
    if str(error).endswith(f"\n  {text}") or isinstance(error, KeyError):
        return
    if isinstance(error, np.exceptions.AxisError):  # its message comes from its attributes
        error._msg = f"{error}\n  {text}"  # type: ignore[attr-defined]
        error.axis = error.ndim = None
    elif isinstance(first, str) and not first.endswith(f"\n  {text}"):  # of several arguments the first is the message
        error.args = (f"{first}\n  {text}", *error.args[1:])


def explained(error: ValueError, name: str, arrays: Sequence[Any]) -> ValueError:
    """NumPy's error, with the operation and the shapes where these do not broadcast."""
    if "could not be broadcast" not in str(error):
        return error
    shapes = " and ".join(str(a.shape) for a in arrays if isinstance(a, ndarray))
    return ValueError(
        f"{name}: shapes {shapes} do not broadcast together: counted from the last dimension, two sizes "
        "must be equal or one of them 1; bring one to the other with reshape, unsqueeze or expand"
    )
