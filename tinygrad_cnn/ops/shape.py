"""Shapes: the same numbers seen in another arrangement of dimensions. Views wherever NumPy can make one.

Logical shapes only. Memory may run in any order, and stays in it: flattening an image batch whose memory is
batch-last, (C, H, W, N), to (N, C*H*W) copies nothing, and neither does the gradient on its way back.
"""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from ..arrays.copying import reshaped
from ..arrays.like import NOT_KEPT, Like
from ..autograd.backward import broadcast_to as _broadcast_to
from ..autograd.graph import Array, Variable, array_of
from ..autograd.inplace import alias, has_other_names
from ..autograd.operation import op

Dims: TypeAlias = "int | Sequence[int]"


# -------------------------------------------------------------------------------------------------- arguments, checked
def checked(x: Any, function: str) -> Any:
    """A tensor, or an array in the machine's byte order; a TypeError that names the function for anything else."""
    if isinstance(x, Variable):
        return x
    if isinstance(x, (ndarray, np.generic)):
        return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))
    if isinstance(x, Like):
        raise TypeError(NOT_KEPT)
    raise TypeError(f"{function}() takes a Tensor or a NumPy array, got {type(x).__name__}; wrap it with tensor(...)")


def normalise_dim(dim: Any, ndim: int, function: str, name: str = "dim") -> int:
    """A dimension counted from the front, 0 <= result < ndim; a 0-d tensor counts as having one."""
    try:
        d = operator.index(dim)
    except TypeError:
        raise TypeError(f"{function}(): {name} must be an integer, got {type(dim).__name__}") from None
    n = max(ndim, 1)
    if not -n <= d < n:
        raise IndexError(f"{function}(): {name}={d} is out of range for {ndim} dimensions: expected {-n} to {n - 1}")
    return d % n


def normalise_dims(dims: Any, ndim: int, function: str, name: str = "dims") -> tuple[int, ...]:
    """One or several distinct dimensions, counted from the front."""
    given = tuple(dims) if isinstance(dims, Iterable) and not isinstance(dims, Variable) else (dims,)
    result = tuple(normalise_dim(d, ndim, function, name) for d in given)
    if len(set(result)) != len(result):
        raise ValueError(f"{function}(): {name}={given} names a dimension twice")
    return result


def sizes(values: Any, function: str) -> tuple[int, ...]:
    """The integers of ``f(2, 3)``, ``f((2, 3))`` or ``f([2, 3])``."""
    if len(values) == 1 and isinstance(values[0], Iterable) and not isinstance(values[0], (Variable, str)):
        values = values[0]
    try:
        return tuple(operator.index(v) for v in values)
    except TypeError:
        raise TypeError(f"{function}() takes integers, got {tuple(values)!r}") from None


# ------------------------------------------------------------------------------------------------------------- reshape
@op(lambda g, _y, _x, *, shape: _reshape(g, shape=_x.shape), view=True)
def _reshape(x: Array, *, shape: tuple[int, ...]) -> Array:
    return reshaped(x, shape)


def _in_shape(x: Array, shape: tuple[int, ...]) -> Array:
    """x in another shape, as a view of it: where the numbers have to move, x moves along, if nobody shares its memory.

    Nobody can tell in what order a convolution left them; in PyTorch its output is contiguous, and this a view.
    """
    y = _reshape(x, shape=shape)
    if isinstance(x, Variable) and y._view is None and not has_other_names(x):
        home = reshaped(y._array, x._array.shape)
        if np.may_share_memory(home, y._array):
            x._array = home
            alias(y, x, _reshape, {"shape": shape})
    return y


def reshape(input: Array, shape: Dims) -> Array:
    """The same elements, in the same order (last dimension fastest), in another shape.

    One size may be -1: what is left for it. A view where the strides allow one, a copy otherwise. (`Tensor.view` is the
    same function here: where PyTorch would refuse a view of scattered memory, it copies.)

    Raises:
        ValueError: the sizes do not make as many elements as ``input`` has.
    """
    new = sizes((shape,), "reshape")
    input = checked(input, "reshape")
    return _in_shape(input, _fill_in(new, array_of(input).shape, "reshape"))


def _fill_in(new: tuple[int, ...], old: tuple[int, ...], function: str) -> tuple[int, ...]:
    """``new`` with its -1 replaced by what is left of ``old``."""
    count = math.prod(old)
    if min(new, default=0) >= 0:
        if math.prod(new) == count:
            return new
    elif min(new) == -1 and new.count(-1) == 1:
        rest = -math.prod(new)
        if rest and count % rest == 0:
            return tuple(count // rest if n == -1 else n for n in new)
        if not rest and not count:
            raise ValueError(f"{function}(): -1 in {new} is ambiguous, since the other sizes make 0 elements")
    raise ValueError(
        f"{function}(): cannot arrange the {count} elements of shape {old} as {new}; "
        "sizes must be positive, but for one -1, and their product the number of elements"
    )


def reshape_as(input: Array, other: Array) -> Array:
    """``input`` in the shape of ``other``."""
    return reshape(input, checked(other, "reshape_as").shape)


view_as = reshape_as


def apart(y: Array, x: Array) -> Array:
    """y with memory of its own: a copy where it shares that of x because nothing had to move."""
    return clone(y) if np.may_share_memory(array_of(y), array_of(x)) else y


def flatten(input: Array, start_dim: int = 0, end_dim: int = -1) -> Array:
    """Dimensions start_dim to end_dim joined into one; a number (0-d) becomes a vector of one.

    >>> flatten(np.zeros((2, 3, 4)), 1).shape
    (2, 12)
    """
    input = checked(input, "flatten")
    old = array_of(input).shape
    start = normalise_dim(start_dim, len(old), "flatten", "start_dim")
    end = normalise_dim(end_dim, len(old), "flatten", "end_dim")
    if start > end:
        raise ValueError(f"flatten(): start_dim={start_dim} comes after end_dim={end_dim} for shape {old}")
    if old and start == end:
        return input
    return _in_shape(input, (*old[:start], math.prod(old[start : end + 1]), *old[end + 1 :]))


def ravel(input: Array) -> Array:
    """All elements in one dimension."""
    input = checked(input, "ravel")
    return _in_shape(input, (math.prod(input.shape),))


def unflatten(input: Array, dim: int, sizes: Sequence[int]) -> Array:
    """Dimension ``dim`` taken apart into several, of the given sizes; one may be -1.

    >>> unflatten(np.zeros((2, 12)), 1, (3, -1)).shape
    (2, 3, 4)
    """
    input = checked(input, "unflatten")
    old = array_of(input).shape
    d = normalise_dim(dim, len(old), "unflatten")
    if not old:
        raise IndexError("unflatten(): a 0-d tensor has no dimension to take apart")
    try:
        parts = tuple(operator.index(n) for n in sizes)
    except TypeError:
        raise TypeError(f"unflatten() takes a tuple of integers as sizes, got {sizes!r}") from None
    if not parts:
        raise ValueError("unflatten(): sizes must not be empty")
    return _reshape(input, shape=(*old[:d], *_fill_in(parts, (old[d],), "unflatten"), *old[d + 1 :]))


def squeeze(input: Array, dim: Dims | None = None) -> Array:
    """Without its dimensions of size 1: all of them, or those named in ``dim`` (others named there stay)."""
    input = checked(input, "squeeze")
    old = array_of(input).shape
    drop = range(len(old)) if dim is None else normalise_dims(dim, len(old), "squeeze", "dim")
    return _reshape(input, shape=tuple(n for i, n in enumerate(old) if n != 1 or i not in drop))


def unsqueeze(input: Array, dim: int) -> Array:
    """With a new dimension of size 1 at position ``dim``, -(ndim + 1) <= dim <= ndim."""
    input = checked(input, "unsqueeze")
    old = array_of(input).shape
    d = normalise_dim(dim, len(old) + 1, "unsqueeze")
    return _reshape(input, shape=(*old[:d], 1, *old[d:]))


def _at_least(tensors: tuple[Any, ...], function: str, shape: Any) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return tuple(_at_least((x,), function, shape) for x in tensors[0])
    if len(tensors) != 1:
        return tuple(_at_least((x,), function, shape) for x in tensors)
    x = checked(tensors[0], function)
    return _reshape(x, shape=shape(x.shape))


def atleast_1d(*tensors: Array) -> Any:
    """With at least one dimension: a number becomes a vector. A tuple for several tensors, or for a list of them."""
    return _at_least(tensors, "atleast_1d", lambda s: s or (1,))


def atleast_2d(*tensors: Array) -> Any:
    """With at least two dimensions: a vector becomes a row."""
    return _at_least(tensors, "atleast_2d", lambda s: s if len(s) > 1 else (1, *s) if s else (1, 1))


def atleast_3d(*tensors: Array) -> Any:
    """With at least three dimensions: (n,) becomes (1, n, 1), and (m, n) becomes (m, n, 1)."""
    return _at_least(
        tensors, "atleast_3d", lambda s: s if len(s) > 2 else (*s, 1) if len(s) == 2 else (1, *(s or (1,)), 1)
    )


# --------------------------------------------------------------------------------------------- the order of dimensions
@op(lambda g, _y, _x, *, dims: _permute(g, dims=tuple(dims.index(i) for i in range(len(dims)))), view=True)
def _permute(x: Array, *, dims: tuple[int, ...]) -> Array:
    return np.transpose(x, dims)


def permute(input: Array, dims: Sequence[int]) -> Array:
    """The dimensions in another order: dimension i of the result is dimension dims[i] of ``input``. A view."""
    input = checked(input, "permute")
    ndim = input.ndim
    order = normalise_dims(dims, ndim, "permute") if not isinstance(dims, Sequence) or len(dims) else ()
    if len(order) != ndim:
        raise ValueError(f"permute(): dims={tuple(dims)} must name each of the {ndim} dimensions of {input.shape} once")
    return _permute(input, dims=order)


def transpose(input: Array, dim0: int, dim1: int) -> Array:
    """Dimensions dim0 and dim1 exchanged. A view."""
    input = checked(input, "transpose")
    ndim = input.ndim
    a = normalise_dim(dim0, ndim, "transpose", "dim0")
    b = normalise_dim(dim1, ndim, "transpose", "dim1")
    order = list(range(ndim))
    if order:
        order[a], order[b] = b, a
    return _permute(input, dims=tuple(order))


swapdims = transpose


def swapaxes(input: Array, axis0: int, axis1: int) -> Array:
    """Dimensions axis0 and axis1 exchanged: `transpose` under NumPy's name. A view."""
    return transpose(input, axis0, axis1)


def t(input: Array) -> Array:
    """The transpose of a matrix; vectors and numbers as they are."""
    input = checked(input, "t")
    ndim = input.ndim
    if ndim > 2:
        raise ValueError(f"t() takes at most 2 dimensions, got shape {input.shape}; use transpose(dim0, dim1) or .mT")
    return _permute(input, dims=tuple(range(ndim))[::-1])


def movedim(input: Array, source: Dims, destination: Dims) -> Array:
    """Dimensions ``source`` moved to the positions ``destination``; the others keep their order. A view."""
    input = checked(input, "movedim")
    ndim = input.ndim
    if not ndim and source != () and destination != ():
        normalise_dims(source, 0, "movedim", "source")
        normalise_dims(destination, 0, "movedim", "destination")
        return _permute(input, dims=())
    old = normalise_dims(source, ndim, "movedim", "source")
    new = normalise_dims(destination, ndim, "movedim", "destination")
    if len(old) != len(new):
        raise ValueError(f"movedim(): source={source} and destination={destination} differ in length")
    order = [d for d in range(ndim) if d not in old]
    for to, d in sorted(zip(new, old, strict=True)):
        order.insert(to, d)
    return _permute(input, dims=tuple(order))


moveaxis = movedim


# ----------------------------------------------------------------------------------------------------------- repeating
def expand(input: Array, *size: Any) -> Array:
    """Dimensions of size 1 repeated to the sizes given, without a copy. -1 keeps a size; new dimensions go in front.

    >>> expand(np.zeros((3, 1)), 2, -1, 4).shape
    (2, 3, 4)
    """
    input = checked(input, "expand")
    old = array_of(input).shape
    new = sizes(size, "expand")
    lead = len(new) - len(old)
    full = tuple(old[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(new))
    if lead < 0 or min(full, default=0) < 0 or any(n not in (1, m) for n, m in zip(old, full[lead:], strict=True)):
        raise ValueError(
            f"expand(): shape {old} does not expand to {new}; only sizes of 1 can grow, new dimensions go in front, "
            "and -1 keeps a size that is there"
        )
    return _broadcast_to(input, shape=full)


def expand_as(input: Array, other: Array) -> Array:
    """``input`` expanded to the shape of ``other``, without a copy."""
    return expand(input, checked(other, "expand_as").shape)


def broadcast_to(input: Array, shape: Dims) -> Array:
    """``input`` expanded to ``shape`` by the rules of broadcasting, without a copy."""
    return expand(input, shape)


# ------------------------------------------------------------------------------------------------------------- copying
@op(lambda g, _y, _x, *, order: g)
def _clone(x: Array, *, order: str) -> Array:
    return np.array(x, order=order)  # type: ignore[call-overload]


def clone(input: Array) -> Array:
    """A copy of its own memory, in the same order; gradients flow through."""
    return _clone(checked(input, "clone"), order="K")


def contiguous(input: Array) -> Array:
    """``input`` itself if its memory runs in the order of its dimensions, a copy that does otherwise."""
    input = checked(input, "contiguous")
    a = array_of(input)
    return input if a.flags.c_contiguous else _clone(input, order="C")
