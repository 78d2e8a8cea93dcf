"""What is left of an array that was not kept: its shape and its dtype."""

from __future__ import annotations

import functools
from typing import Any, NoReturn

import numpy as np


class Like:
    """Shape and dtype of an array that was not kept: what a rule gets for a parameter named with an underscore."""

    __slots__ = ("dtype", "ndim", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype, self.ndim = shape, dtype, len(shape)

    def __repr__(self) -> str:
        return f"Like(shape={self.shape}, dtype={self.dtype})"

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"there is no .{name}: {NOT_KEPT}")


NOT_KEPT = (
    "this name begins with an underscore, so its array was not kept, and it stands for .shape, .dtype and .ndim alone. "
    "Take the underscore away where the rule reads the numbers"
)


def _refuse(*_args: Any, **_kwargs: Any) -> NoReturn:
    raise TypeError(NOT_KEPT)


# fmt: off
_BINARY = [
    "add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow", "matmul", "and", "or", "xor", "lshift",
    "rshift",
]
_OTHERS = [
    "lt", "le", "gt", "ge", "eq", "ne", "neg", "pos", "abs", "invert", "round", "trunc", "bool", "float", "int",
    "complex", "index", "len", "getitem", "setitem", "delitem", "iter", "reversed", "contains",
    "array", "array_ufunc", "array_function",
]
# fmt: on
for _name in (*_BINARY, *(f"r{name}" for name in _BINARY), *_OTHERS):
    setattr(Like, f"__{_name}__", _refuse)
like = functools.lru_cache(maxsize=4096)(Like)
