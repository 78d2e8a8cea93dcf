"""What anomaly mode says when a NaN or inf appears: which operation, called where, which index."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy import ndarray

_PACKAGE = __file__[: -len("autograd/anomaly.py")]


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


def _shapes(arrays: Iterable[Any]) -> str:
    return ", ".join(str(a.shape) if isinstance(a, ndarray) else repr(a) for a in arrays)


class Anomaly:
    """A watcher of operations: raises at the first NaN or inf that comes out of finite numbers."""

    def __init__(self) -> None:
        self._lines: WeakKeyDictionary[Any, str] = WeakKeyDictionary()  # of each node, where the user's code made it

    def before_forward(self, op: Any, inputs: Sequence[Any]) -> None:
        """Nothing to see yet."""

    def after_forward(self, op: Any, inputs: Sequence[Any], attributes: Any, result: Any) -> None:  # noqa: ARG002
        """Raise if the result has a NaN or inf and the inputs had none."""
        arrays = [getattr(x, "_array", x) if not isinstance(x, ndarray) else x for x in inputs]
        if result._node is not None:
            self._lines[result._node] = user_line()
        if not _finite(result._array) and all(_finite(a) for a in arrays):
            raise RuntimeError(
                f"'{op.name}' made {_first_bad(result._array)} from finite inputs of shape {_shapes(arrays)}\n"
                f"  {user_line()}"
            )

    def before_rule(self, node: Any, i: int, g: Any) -> None:
        """Nothing to see yet."""

    def after_rule(self, node: Any, i: int, g: Any, gx: Any) -> None:
        """Raise if the gradient of input i has a NaN or inf and that of the output had none."""
        g, gx = (a if isinstance(a, ndarray) else a._array for a in (g, gx))
        if not _finite(gx) and _finite(g):
            line = self._lines.get(node, "(recorded before detect_anomaly began)")
            raise RuntimeError(
                f"the gradient of '{node.op.name}' by its input {i} has {_first_bad(gx)}, from a finite gradient of "
                f"its output\n  {line}"
            )
