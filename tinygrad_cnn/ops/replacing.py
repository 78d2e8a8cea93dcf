"""Copies of a tensor in which one part has other values, and parts that are copies."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.backward import cast
from ..autograd.graph import Array, Variable, array_of
from .arrange import _on_diagonal, diagonal
from .elementwise import choose
from .index import _setitem, narrow, writable
from .indices import EVERYTHING, Index
from .joining import split
from .numbers import array_for
from .shape import checked, clone, normalise_dim


def _replaced(name: str, x: Any, src: Any, index: Index) -> Array:
    """x with ``src``, which has the shape of the part, where the index points."""
    src = checked(src, name)
    shape = np.empty(x.shape, np.bool_)[index.basic].shape
    if tuple(src.shape) != shape:
        raise RuntimeError(f"{name}: src has shape {tuple(src.shape)}, but the part that it replaces {shape}")
    return _setitem(x, writable(src, x.dtype, name), index=index)


def select_scatter(input: Array, src: Array, dim: int, index: int) -> Array:
    """A copy of the input in which entry ``index`` along ``dim`` is ``src``."""
    x = checked(input, "select_scatter")
    if not x.ndim:
        raise IndexError("select_scatter: a 0-d tensor has no dimension to select from")
    d, i = normalise_dim(dim, x.ndim, "select_scatter"), operator.index(index)
    n = x.shape[d]
    if not -n <= i < n:
        raise IndexError(f"select_scatter: index {i} is out of range for size {n} of dimension {d}")
    return _replaced("select_scatter", x, src, Index((EVERYTHING,) * d + (i, ...)))


def slice_scatter(
    input: Array, src: Array, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Array:
    """A copy of the input in which ``src`` stands for ``input[start:end:step]`` along ``dim``."""
    x = checked(input, "slice_scatter")
    if not x.ndim:
        raise IndexError("slice_scatter: a 0-d tensor has no dimension to take slices of")
    d = normalise_dim(dim, x.ndim, "slice_scatter")
    if operator.index(step) < 1:
        raise RuntimeError(f"slice_scatter: step must be at least 1, got {step}")
    return _replaced("slice_scatter", x, src, Index((EVERYTHING,) * d + (slice(start, end, step), ...)))


def diagonal_scatter(input: Array, src: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """A copy of the input in which ``src`` stands on the diagonal of two dimensions: see `diagonal`."""
    x, src = checked(input, "diagonal_scatter"), checked(src, "diagonal_scatter")
    place = diagonal(np.arange(math.prod(x.shape)).reshape(x.shape), offset, dim1, dim2)
    if tuple(src.shape) != place.shape:
        raise RuntimeError(f"diagonal_scatter: src has shape {tuple(src.shape)}, but the diagonal {place.shape}")
    here = np.zeros(x.shape, np.bool_)
    here.reshape(-1)[place] = True
    k, a, b = operator.index(offset), dim1 % x.ndim, dim2 % x.ndim
    placed = _on_diagonal(writable(src, x.dtype, "diagonal_scatter"), offset=k, dim1=a, dim2=b, shape=tuple(x.shape))
    return choose(here, cast(placed, dtype=x.dtype), x)


def narrow_copy(input: Array, dim: int, start: int, length: int) -> Array:
    """`narrow`, as a copy."""
    return clone(narrow(input, dim, start, length))


def split_with_sizes(input: Array, split_sizes: Sequence[int], dim: int = 0) -> tuple[Array, ...]:
    """Parts of these sizes along ``dim``, which must add up to its size: `split` with a list. Views."""
    return split(input, list(split_sizes), dim)


def fill(input: Array, value: Any) -> Array:
    """A tensor like the input, but with one number everywhere, which its dtype must hold."""
    x = checked(input, "fill")
    if np.ndim(array_of(value)):
        raise RuntimeError(f"fill: takes a number or a 0-d tensor, got shape {np.shape(array_of(value))}")
    value = value if isinstance(value, (Variable, np.ndarray)) else array_for(value, x.dtype, "fill")
    return _setitem(x, writable(value, x.dtype, "fill"), index=Index((...,)))
