"""Errors that say more on their way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray


def tell(error: Exception, text: str) -> None:
    """Let the message of an error end with a line more, once. What is no message is left alone."""
    if str(error).endswith(f"\n  {text}") or isinstance(error, KeyError):
        return
    if isinstance(error, np.exceptions.AxisError):  # its message comes from its attributes
        error._msg = f"{error}\n  {text}"  # type: ignore[attr-defined]
        error.axis = error.ndim = None
    elif error.args and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]}\n  {text}", *error.args[1:])


def explained(error: ValueError, name: str, arrays: Sequence[Any]) -> ValueError:
    """NumPy's error, with the operation and the shapes where these do not broadcast."""
    if "could not be broadcast" not in str(error):
        return error
    shapes = " and ".join(str(a.shape) for a in arrays if isinstance(a, ndarray))
    return ValueError(
        f"{name}: shapes {shapes} do not broadcast together: counted from the last dimension, two sizes "
        "must be equal or one of them 1; bring one to the other with reshape, unsqueeze or expand"
    )
