"""Joining tensors along a dimension, and taking them apart again. The parts are views."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.graph import Array, Variable, array_of
from ..autograd.operation import op
from .index import cut, select
from .promotion import promote
from .shape import _reshape, atleast_1d, atleast_2d, atleast_3d, checked, normalise_dim, sizes
from .watched import reading


def _same_dtype(tensors: Any, function: str) -> tuple[Any, ...]:
    """The tensors, one at least, in the dtype they promote to."""
    if isinstance(tensors, (Variable, ndarray)) or not isinstance(tensors, Sequence):
        raise TypeError(f"{function}() takes a list or tuple of tensors, got {type(tensors).__name__}")
    if not tensors:
        raise ValueError(f"{function}() needs at least one tensor, got none")
    xs = tuple(checked(x, function) for x in tensors)
    dtype = xs[0].dtype
    return xs if dtype.isnative and all(x.dtype == dtype for x in xs) else promote(xs)


# ------------------------------------------------------------------------------------------------------------- joining
def _part(g: Array, _y: Array, *_xs: Array, i: int, dim: int, starts: list[int]) -> Array:
    return cut(g, dim, starts[i], starts[i + 1])


@op(each=_part)
def _cat(*xs: Array, dim: int) -> Any:
    starts = [0]
    for x in xs:
        starts.append(starts[-1] + x.shape[dim])
    return np.concatenate(xs, dim), {"starts": starts}


def cat(tensors: Sequence[Array], dim: int = 0) -> Array:
    """The tensors one after the other along an existing dimension; their other sizes must agree.

    Different dtypes are promoted to a common one. Vectors of no elements fit everywhere.

    >>> cat([np.zeros((2, 3)), np.ones((1, 3))]).shape
    (3, 3)
    """
    xs = _same_dtype(tensors, "cat")
    shapes = [array_of(x).shape for x in xs]
    like = next((shape for shape in shapes if shape != (0,)), shapes[0])
    ndim = len(like)
    if not ndim:
        raise ValueError("cat() cannot join 0-d tensors; stack() can")
    d = normalise_dim(dim, ndim, "cat")
    rest = like[:d] + like[d + 1 :]
    for k, shape in enumerate(shapes):
        if shape != (0,) and (len(shape) != ndim or shape[:d] + shape[d + 1 :] != rest):
            raise ValueError(
                f"cat(): tensor {k} has shape {shape}, which does not continue {like} along dimension {d}: "
                "all other sizes must agree"
            )
    if ndim > 1:
        xs = tuple(x if x.ndim > 1 else _reshape(x, shape=(*like[:d], 0, *like[d + 1 :])) for x in xs)
    return _cat(*xs, dim=d)


concat = concatenate = cat


def _layer(g: Array, _y: Array, *_xs: Array, i: int, dim: int) -> Array:
    return select(g, dim, i)


@op(each=_layer)
def _stack(*xs: Array, dim: int) -> Array:
    return np.stack(xs, dim)


def stack(tensors: Sequence[Array], dim: int = 0) -> Array:
    """The tensors, all of one shape, side by side along a new dimension ``dim``."""
    xs = _same_dtype(tensors, "stack")
    shapes = [array_of(x).shape for x in xs]
    for k, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ValueError(f"stack(): tensor {k} has shape {shape}, but tensor 0 has {shapes[0]}")
    return _stack(*xs, dim=normalise_dim(dim, len(shapes[0]) + 1, "stack"))


def hstack(tensors: Sequence[Array]) -> Array:
    """Joined along dimension 1; vectors and numbers along their only one."""
    xs = atleast_1d(list(_same_dtype(tensors, "hstack")))
    return cat(xs, 0 if xs[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Array]) -> Array:
    """Joined along dimension 0; vectors are rows."""
    return cat(atleast_2d(list(_same_dtype(tensors, "vstack"))), 0)


row_stack = vstack


def dstack(tensors: Sequence[Array]) -> Array:
    """Joined along dimension 2, after `atleast_3d`."""
    return cat(atleast_3d(list(_same_dtype(tensors, "dstack"))), 2)


def column_stack(tensors: Sequence[Array]) -> Array:
    """Joined along dimension 1; vectors and numbers are columns."""
    xs = _same_dtype(tensors, "column_stack")
    return cat([x if x.ndim > 1 else _reshape(x, shape=(x.shape[0] if x.ndim else 1, 1)) for x in xs], 1)


# -------------------------------------------------------------------------------------------------------- taking apart
def _divisible(x: Any, dim: Any, function: str) -> tuple[Any, int]:
    x = checked(x, function)
    if not x.ndim:
        raise ValueError(f"{function}(): a 0-d tensor cannot be taken apart")
    return x, normalise_dim(dim, x.ndim, function)


def _cuts(x: Array, dim: int, bounds: Sequence[int]) -> tuple[Array, ...]:
    return tuple(cut(x, dim, a, max(a, b)) for a, b in pairwise(bounds))


def split(tensor: Array, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Array, ...]:
    """Parts of that many entries along a dimension, the last maybe smaller; or parts of the sizes listed. Views."""
    tensor, d = _divisible(tensor, dim, "split")
    n = array_of(tensor).shape[d]
    if isinstance(split_size_or_sections, Sequence):
        parts = sizes((split_size_or_sections,), "split")
        if sum(parts) != n or min(parts, default=0) < 0:
            raise ValueError(f"split(): sizes {parts} do not add up to the {n} entries of dimension {d}")
        return _cuts(tensor, d, [sum(parts[:k]) for k in range(len(parts) + 1)])
    (size,) = sizes((split_size_or_sections,), "split")
    if size < 0 or (size == 0 and n):
        raise ValueError(f"split(): the size of the parts must be positive, got {size}")
    return _cuts(tensor, d, [*range(0, n, size), n] if n else [0, 0])


def chunk(input: Array, chunks: int, dim: int = 0) -> tuple[Array, ...]:
    """At most ``chunks`` parts of equal size along a dimension, the last maybe smaller. Views."""
    input, d = _divisible(input, dim, "chunk")
    (count,) = sizes((chunks,), "chunk")
    if count < 1:
        raise ValueError(f"chunk(): the number of chunks must be positive, got {count}")
    n = input.shape[d]
    if not n:
        return _cuts(input, d, [0] * (count + 1))
    return split(input, -(-n // count), d)


def tensor_split(input: Array, indices_or_sections: int | Sequence[int] | Array, dim: int = 0) -> tuple[Array, ...]:
    """That many parts, their sizes differing by one at most; or the parts between the indices listed. Views."""
    input, d = _divisible(input, dim, "tensor_split")
    n = input.shape[d]
    given = indices_or_sections
    if isinstance(given, (Variable, ndarray)):
        given = array_of(reading(given, "tensor_split()")).tolist()
    if isinstance(given, Sequence):
        at = [min(i + n if i < 0 else i, n) if i >= -n else 0 for i in map(operator.index, given)]
        return _cuts(input, d, [0, *at, n])
    (count,) = sizes((given,), "tensor_split")
    if count < 1:
        raise ValueError(f"tensor_split(): the number of parts must be positive, got {count}")
    bounds = [k * (n // count) + min(k, n % count) for k in range(count + 1)]
    return _cuts(input, d, bounds)


def hsplit(input: Array, indices_or_sections: int | Sequence[int]) -> tuple[Array, ...]:
    """Equal parts, or parts between indices, along dimension 1 (0 for a vector). Views."""
    input = checked(input, "hsplit")
    return _equal_parts(input, indices_or_sections, 1 if input.ndim > 1 else 0, 1, "hsplit")


def vsplit(input: Array, indices_or_sections: int | Sequence[int]) -> tuple[Array, ...]:
    """Equal parts, or parts between indices, along dimension 0 of at least two. Views."""
    return _equal_parts(input, indices_or_sections, 0, 2, "vsplit")


def dsplit(input: Array, indices_or_sections: int | Sequence[int]) -> tuple[Array, ...]:
    """Equal parts, or parts between indices, along dimension 2. Views."""
    return _equal_parts(input, indices_or_sections, 2, 3, "dsplit")


def _equal_parts(x: Array, given: int | Sequence[int], dim: int, least: int, function: str) -> tuple[Array, ...]:
    x = checked(x, function)
    if x.ndim < least:
        raise ValueError(f"{function}() takes at least {least} dimensions, got shape {x.shape}")
    if isinstance(given, int) and (given < 1 or x.shape[dim] % given):
        raise ValueError(f"{function}(): {x.shape[dim]} entries do not make {given} equal parts")
    return tensor_split(x, given, dim)


def unbind(input: Array, dim: int = 0) -> tuple[Array, ...]:
    """The entries along a dimension, which goes away. Views."""
    input, d = _divisible(input, dim, "unbind")
    return tuple(select(input, d, i) for i in range(input.shape[d]))
