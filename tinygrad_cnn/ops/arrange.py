"""Rearranging: flips, rolls and quarter turns, repetition, and the diagonals of matrices. Mostly copies."""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.backward import broadcast_to
from ..autograd.graph import Array, array_of
from ..autograd.operation import op
from .index import _getitem
from .indices import EVERYTHING, Index, numbers
from .shape import Dims, _clone, _reshape, checked, normalise_dim, normalise_dims, sizes
from .watched import aside, reading


# ---------------------------------------------------------------------------------------------------- flips and turns
@op(lambda g, _y, _x, *, dims: _flip(g, dims=dims))
def _flip(x: Array, *, dims: tuple[int, ...]) -> Array:
    return np.array(np.flip(x, dims), order="K")


def flip(input: Array, dims: Dims) -> Array:
    """The entries along each of these dimensions in reverse order. A copy."""
    input = checked(input, "flip")
    ndim = input.ndim
    given = normalise_dims(dims, ndim, "flip")
    return _flip(input, dims=given if ndim else ())


def fliplr(input: Array) -> Array:
    """Columns in reverse order: `flip` along dimension 1, of an input with at least 2."""
    input = checked(input, "fliplr")
    if input.ndim < 2:
        raise ValueError(f"fliplr() takes at least 2 dimensions, got shape {input.shape}")
    return _flip(input, dims=(1,))


def flipud(input: Array) -> Array:
    """Rows in reverse order: `flip` along dimension 0."""
    input = checked(input, "flipud")
    if input.ndim < 1:
        raise ValueError("flipud() takes at least 1 dimension, got a 0-d tensor")
    return _flip(input, dims=(0,))


@op(lambda g, _y, _x, *, shifts, dims: _roll(g, shifts=tuple(-s for s in shifts), dims=dims))
def _roll(x: Array, *, shifts: tuple[int, ...], dims: tuple[int, ...]) -> Array:
    return np.roll(x, shifts, dims)


def roll(input: Array, shifts: Dims, dims: Dims | None = None) -> Array:
    """Entries moved on by ``shifts`` along ``dims``; those pushed out at the end come in at the front.

    With dims None the flattened tensor is rolled.

    >>> roll(np.arange(5), 2)
    array([3, 4, 0, 1, 2])
    """
    input = checked(input, "roll")
    shape = input.shape
    by = sizes((shifts,), "roll")
    along = None if dims is None else sizes((dims,), "roll")
    if not by or len(by) != (1 if along is None else len(along)):
        raise ValueError(f"roll() takes one shift for each dimension, got shifts={shifts} and dims={dims}")
    if along is None:
        return _reshape(_roll(_reshape(input, shape=(math.prod(shape),)), shifts=by, dims=(0,)), shape=tuple(shape))
    if not shape:
        raise IndexError("roll(): a 0-d tensor has no dimension to roll along")
    return _roll(input, shifts=by, dims=tuple(normalise_dim(d, len(shape), "roll", "dims") for d in along))


@op(lambda g, _y, _x, *, k, dims: _rot90(g, k=-k, dims=dims))
def _rot90(x: Array, *, k: int, dims: tuple[int, int]) -> Array:
    return np.array(np.rot90(x, k, dims), order="C")


def rot90(input: Array, k: int = 1, dims: Sequence[int] = (0, 1)) -> Array:
    """Turned by k quarters in the plane of two dimensions, from the first towards the second. A copy."""
    input = checked(input, "rot90")
    ndim = input.ndim
    if len(dims) != 2 or ndim < 2:
        raise ValueError(f"rot90() turns in the plane of 2 of at least 2 dimensions, got dims={dims}, {input.shape}")
    a, b = normalise_dims(dims, ndim, "rot90")
    return _rot90(input, k=operator.index(k), dims=(a, b))


# ----------------------------------------------------------------------------------------------------------- repeating
def _times(x: Array, repeats: tuple[int, ...], function: str) -> Array:
    """The whole of x side by side, repeats[i] times along dimension i; both of one length."""
    if min(repeats, default=0) < 0:
        raise ValueError(f"{function}(): repeats must not be negative, got {repeats}")
    shape = tuple(x.shape)
    apart = tuple(m for n in shape for m in (1, n))
    full = tuple(m for r, n in zip(repeats, shape, strict=True) for m in (r, n))
    many = broadcast_to(_reshape(x, shape=apart), shape=full)
    return _reshaped_copy(many, tuple(r * n for r, n in zip(repeats, shape, strict=True)))


def _reshaped_copy(x: Array, shape: tuple[int, ...]) -> Array:
    """x in another shape, and in memory of its own."""
    y = _reshape(x, shape=shape)
    return _clone(y, order="C") if np.may_share_memory(array_of(x), array_of(y)) else y


def repeat(input: Array, *repeats: Any) -> Array:
    """The whole tensor side by side, repeats[i] times along dimension i; further repeats make new dimensions in front.

    This is PyTorch's `Tensor.repeat` and NumPy's `tile`; for NumPy's `repeat` see `repeat_interleave`.

    >>> repeat(np.array([1, 2]), 2, 3)
    array([[1, 2, 1, 2, 1, 2],
           [1, 2, 1, 2, 1, 2]])
    """
    input = checked(input, "repeat")
    shape = tuple(input.shape)
    times = sizes(repeats, "repeat")
    lead = len(times) - len(shape)
    if lead < 0:
        raise ValueError(f"repeat(): {times} has fewer entries than shape {shape} has dimensions")
    return _times(_reshape(input, shape=(1,) * lead + shape), times, "repeat")


def tile(input: Array, *dims: Any) -> Array:
    """As `repeat`, but where there are fewer numbers than dimensions, they are meant for the last ones."""
    input = checked(input, "tile")
    shape = tuple(input.shape)
    times = sizes(dims, "tile")
    return repeat(input, (1,) * (len(shape) - len(times)) + times)


@op()
def _repeated_positions(counts: Array) -> Array:
    return np.repeat(np.arange(counts.size, dtype=np.int64), counts)


def repeat_interleave(
    input: Array, repeats: int | Array | None = None, dim: int | None = None, *, output_size: int | None = None
) -> Array:
    """Each entry along a dimension repeated in place, all of them ``repeats`` times, or each its own number of times.

    With dim None the flattened tensor is repeated. Called with one tensor of counts alone, it gives the position i
    counts[i] times. ``output_size`` is the length that the result will have, checked.

    >>> repeat_interleave(np.array([1, 2]), 2)
    array([1, 1, 2, 2])
    """
    input = checked(input, "repeat_interleave")
    if repeats is None:
        counts = numbers(input, "repeat_interleave", "counts")
        if counts.ndim != 1 or aside(_negative, input) is not None:
            raise ValueError(f"repeat_interleave() takes a vector of counts, not negative, got {input}")
        return _repeated_positions(input)
    if dim is None:
        input, dim = _reshape(input, shape=(math.prod(input.shape),)), 0
    d = normalise_dim(dim, input.ndim, "repeat_interleave")
    if not input.ndim:
        raise IndexError("repeat_interleave(): a 0-d tensor has no dimension; leave dim out")
    n = input.shape[d]
    counts = numbers(np.asarray(repeats) if isinstance(repeats, int) else repeats, "repeat_interleave", "repeats")
    if counts.ndim > 1:
        raise ValueError(f"repeat_interleave(): repeats must be a number or a vector, got shape {counts.shape}")
    if counts.size not in (1, n):
        raise ValueError(f"repeat_interleave(): {counts.size} repeats for the {n} entries of dimension {d}")
    if aside(_negative, repeats) is not None:
        raise ValueError(f"repeat_interleave(): repeats must not be negative, got {counts.min()}")
    if counts.size == 1:
        reading(repeats, "repeat_interleave()")
    total = n * int(counts.item()) if counts.size == 1 else int(counts.sum())
    if output_size is not None and output_size != total:
        raise ValueError(f"repeat_interleave(): output_size={output_size}, but the repeats make {total}")
    if counts.size == 1:
        shape = tuple(input.shape)
        k = int(counts.item())
        many = broadcast_to(
            _reshape(input, shape=(*shape[: d + 1], 1, *shape[d + 1 :])), shape=(*shape[: d + 1], k, *shape[d + 1 :])
        )
        return _reshaped_copy(many, (*shape[:d], n * k, *shape[d + 1 :]))
    picks = (EVERYTHING,) * d + (aside(_each_repeated, repeats),)
    return _getitem(input, index=Index((...,), picks, unique=False))


def _negative(counts: Any) -> Any:
    """The least, where it is negative."""
    counts = np.asarray(counts)
    return counts.min(keepdims=True) if counts.size and counts.min() < 0 else None


def _each_repeated(counts: Any) -> Any:
    return np.repeat(np.arange(counts.size), counts)


# ----------------------------------------------------------------------------------------------------------- diagonals
@op(lambda g, _y, _x, *, diagonal: _tril(g, diagonal=diagonal))
def _tril(x: Array, *, diagonal: int) -> Array:
    return np.tril(x, diagonal)


@op(lambda g, _y, _x, *, diagonal: _triu(g, diagonal=diagonal))
def _triu(x: Array, *, diagonal: int) -> Array:
    return np.triu(x, diagonal)


def tril(input: Array, diagonal: int = 0) -> Array:
    """The lower triangles of matrices (..., H, W), zero above: entries with column - row <= diagonal."""
    input = checked(input, "tril")
    if input.ndim < 2:
        raise ValueError(f"tril() takes at least 2 dimensions, got shape {input.shape}")
    return _tril(input, diagonal=operator.index(diagonal))


def triu(input: Array, diagonal: int = 0) -> Array:
    """The upper triangles of matrices (..., H, W), zero below: entries with column - row >= diagonal."""
    input = checked(input, "triu")
    if input.ndim < 2:
        raise ValueError(f"triu() takes at least 2 dimensions, got shape {input.shape}")
    return _triu(input, diagonal=operator.index(diagonal))


def diagonal_of(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    """np.diagonal, which may be written into where x may."""
    view = np.diagonal(x, offset, dim1, dim2)
    view.flags.writeable = x.flags.writeable
    return view


@op(
    lambda g, _y, _x, *, offset, dim1, dim2: _on_diagonal(g, offset=offset, dim1=dim1, dim2=dim2, shape=_x.shape),
    view=True,
)
def _diagonal(x: Array, *, offset: int, dim1: int, dim2: int) -> Array:
    return diagonal_of(x, offset, dim1, dim2)


@op(lambda g, _y, _x, *, offset, dim1, dim2, shape: _diagonal(g, offset=offset, dim1=dim1, dim2=dim2))
def _on_diagonal(x: Array, *, offset: int, dim1: int, dim2: int, shape: tuple[int, ...]) -> Array:
    """The adjoint of `_diagonal`: zeros of that shape but for x on the diagonal."""
    out = np.zeros(shape, x.dtype)
    step = np.arange(x.shape[-1])
    planes = np.moveaxis(out, (dim1, dim2), (-2, -1))
    planes[..., step + max(-offset, 0), step + max(offset, 0)] = x
    return out


def diagonal(input: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """The diagonal of two dimensions, as the last dimension of the result; offset > 0 lies above. A view."""
    input = checked(input, "diagonal")
    ndim = input.ndim
    a, b = _plane(dim1, dim2, ndim, "diagonal")
    return _diagonal(input, offset=operator.index(offset), dim1=a, dim2=b)


def diag_embed(input: Array, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Array:
    """The last dimension laid on the diagonal of two new ones, dim1 and dim2 of the result; zero elsewhere."""
    input = checked(input, "diag_embed")
    shape = tuple(input.shape)
    if not shape:
        raise IndexError("diag_embed() takes at least 1 dimension, got a 0-d tensor")
    a, b = _plane(dim1, dim2, len(shape) + 1, "diag_embed")
    k = operator.index(offset)
    size = shape[-1] + (k if k > 0 else -k)
    full = list(shape[:-1])
    for d in sorted((a, b)):
        full.insert(d, size)
    return _on_diagonal(input, offset=k, dim1=a, dim2=b, shape=tuple(full))


def diag(input: Array, diagonal: int = 0) -> Array:
    """A matrix with this vector on its diagonal; or the diagonal of this matrix, as a copy."""
    input = checked(input, "diag")
    ndim = input.ndim
    if ndim == 1:
        return diag_embed(input, diagonal, 0, 1)
    if ndim == 2:
        return _diagonal_copy(input, offset=operator.index(diagonal))
    raise ValueError(f"diag() takes a vector or a matrix, got shape {input.shape}")


@op(lambda g, _y, _x, *, offset: _on_diagonal(g, offset=offset, dim1=0, dim2=1, shape=_x.shape))
def _diagonal_copy(x: Array, *, offset: int) -> Array:
    return np.diagonal(x, offset).copy()


def _plane(dim1: int, dim2: int, ndim: int, function: str) -> tuple[int, int]:
    a, b = normalise_dim(dim1, ndim, function, "dim1"), normalise_dim(dim2, ndim, function, "dim2")
    if a == b:
        raise ValueError(f"{function}(): dim1={dim1} and dim2={dim2} are the same dimension")
    return a, b
