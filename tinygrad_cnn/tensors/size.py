"""The shape of a tensor as users see it."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any


class Size(tuple[int, ...]):
    """A shape: a tuple of integers that knows how many elements they make. Its parts and sums are Sizes too.

    >>> shape = Size([2, 3])
    >>> shape, shape.numel(), shape[1:] + (4,)
    (tinygrad_cnn.Size([2, 3]), 6, tinygrad_cnn.Size([3, 4]))
    """

    __slots__ = ()

    def __new__(cls, sizes: Iterable[Any] = ()) -> Size:
        given = tuple(sizes)
        try:
            return tuple.__new__(cls, [operator.index(n) for n in given])
        except TypeError:
            raise TypeError(f"Size takes a sequence of integers, got {given!r}") from None

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __getitem__(self, index: Any) -> Any:
        part = tuple.__getitem__(self, index)
        return new_size(Size, part) if type(index) is slice else part

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, other)) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        return Size(other + tuple(self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, count: Any) -> Size:
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"tinygrad_cnn.Size({list(self)})"

    def __format__(self, spec: str) -> str:
        return format(str(tuple(self)), spec)  # within a sentence, as in the messages of errors: (2, 3)


new_size = tuple.__new__  # new_size(Size, shape), of a tuple that is known to hold integers
