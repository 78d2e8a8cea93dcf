"""The largest, the smallest, the middle, and where they are. A NaN wins against every number, as in PyTorch."""
# ruff: noqa: ARG005  (a rule takes all inputs of its operation, and reads some)

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..autograd.backward import cast
from ..autograd.graph import Array, Variable, array_of, wrap
from ..autograd.operation import op
from .comparison import eq
from .elementwise import maximum, minimum, true_divide
from .reduce import Axes, Dims, count, fold, many_dims, spread
from .reduce import _sum as sum_over
from .shape import checked
from .watched import aside


class Selected(NamedTuple):
    """Elements chosen along a dimension, and the positions they had there."""

    values: Array
    indices: Array


# ------------------------------------------------------------------------------------------- choosing along a dimension
@op(
    lambda g, _y, _x, i, *, dim, keepdim=True: put(g, i, dim=dim, keepdim=keepdim, size=_x.shape[dim] if _x.ndim else 1)
)
def take(x: Array, i: Array, *, dim: int, keepdim: bool = True) -> Array:
    """The elements of x at the positions i along ``dim``, each of which is taken once at most."""
    if not x.ndim:
        return np.array(x)
    y = np.take_along_axis(x, i, dim)
    return y if keepdim else y.squeeze(dim)


@op(lambda g, _y, _x, i, *, dim, keepdim, size: take(g, i, dim=dim, keepdim=keepdim))
def put(x: Array, i: Array, *, dim: int, keepdim: bool, size: int) -> Array:  # noqa: ARG001  (the rule reads keepdim)
    """The adjoint of `take`: x at the positions i along ``dim``, and 0 elsewhere."""
    if not i.ndim:
        return np.array(x)
    y = np.zeros((*i.shape[:dim], size, *i.shape[dim + 1 :]), x.dtype)
    np.put_along_axis(y, i, x.reshape(i.shape), dim)
    return y


def beside(x: Any, a: Any) -> Any:
    """An array that is a result beside x: a tensor, if x is one."""
    return wrap(np.asarray(a), None) if isinstance(x, Variable) else np.asarray(a)


def selected(x: Array, i: Any, dim: int, keepdim: bool) -> Selected:
    """The elements at the positions i, with ``dim`` kept at size 1, with ``dim`` kept or not."""
    values = take(x, i, dim=dim, keepdim=keepdim)
    if not keepdim and i.ndim:
        i = aside(_squeezed, i, dim=dim) if isinstance(i, ndarray) else i.squeeze(dim)
    return Selected(values, beside(x, array_of(i)))


def _squeezed(i: ndarray, *, dim: int) -> ndarray:
    return i.squeeze(dim)


# ------------------------------------------------------------------------------------------------ largest and smallest
def _extreme_rule(g: Array, y: Array, x: Array, *, dim: Axes, keepdim: bool) -> Array:
    """Equal shares for all that reach the extreme."""
    reached = eq(x, spread(y, dim=dim, keepdim=keepdim, shape=x.shape))
    sharing = cast(sum_over(reached, dim=dim, keepdim=keepdim), dtype=x.dtype)
    return spread(true_divide(g, sharing), dim=dim, keepdim=keepdim, shape=x.shape) * reached


@op(_extreme_rule)
def _amax(x: Array, *, dim: Axes, keepdim: bool) -> Array:
    return fold(np.maximum, x, dim, keepdim)


@op(_extreme_rule)
def _amin(x: Array, *, dim: Axes, keepdim: bool) -> Array:
    return fold(np.minimum, x, dim, keepdim)


def _nonempty(x: Array, dim: Any, name: str) -> tuple[Array, Axes]:
    """The input, and the dimensions to reduce, none of which may be empty."""
    x = checked(x, name)
    dims = many_dims(dim, x.ndim, name)
    if not count(array_of(x).shape, dims):
        raise ValueError(f"{name}: nothing to choose from over dim={dim} of a tensor of shape {x.shape}")
    return x, dims


def amax(input: Array, dim: Dims = None, keepdim: bool = False) -> Array:
    """The largest element over ``dim``, or of everything; ties share the gradient evenly."""
    x, dims = _nonempty(input, dim, "amax")
    return _amax(x, dim=dims, keepdim=bool(keepdim))


def amin(input: Array, dim: Dims = None, keepdim: bool = False) -> Array:
    """The smallest element over ``dim``, or of everything; ties share the gradient evenly."""
    x, dims = _nonempty(input, dim, "amin")
    return _amin(x, dim=dims, keepdim=bool(keepdim))


class MinMax(NamedTuple):
    """The smallest and the largest."""

    min: Array
    max: Array


def aminmax(input: Array, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """`amin` and `amax` together."""
    return MinMax(amin(input, dim, keepdim), amax(input, dim, keepdim))


@op()
def _argmax(x: Array, *, dim: int | None, keepdim: bool) -> Array:
    return np.asarray(np.argmax(x, axis=dim if x.ndim else None, keepdims=keepdim), np.int64)


@op()
def _argmin(x: Array, *, dim: int | None, keepdim: bool) -> Array:
    return np.asarray(np.argmin(x, axis=dim if x.ndim else None, keepdims=keepdim), np.int64)


def _no_booleans(x: Array, name: str) -> None:
    if x.dtype.kind == "b":
        raise TypeError(f"{name}: booleans have no order; convert them with .int()")


def argmax(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """Where the largest element is, the first of equals: along ``dim``, or in the flattened tensor. int64."""
    x, dims = _nonempty(input, dim if dim is None else operator.index(dim), "argmax")
    _no_booleans(x, "argmax")
    return _argmax(x, dim=None if dims is None else dims[0], keepdim=bool(keepdim))


def argmin(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """Where the smallest element is, the first of equals: along ``dim``, or in the flattened tensor. int64."""
    x, dims = _nonempty(input, dim if dim is None else operator.index(dim), "argmin")
    _no_booleans(x, "argmin")
    return _argmin(x, dim=None if dims is None else dims[0], keepdim=bool(keepdim))


def _one_of_each(where: Any, input: Array, dim: int, keepdim: bool, name: str) -> Selected:
    """The element of each slice at the position that ``where`` tells."""
    x, dims = _nonempty(input, operator.index(dim), name)
    d = dims[0] if dims else 0
    return selected(x, where(x, dim=d, keepdim=True), d, bool(keepdim))


def max(input: Array, dim: Any = None, keepdim: bool = False, *, other: Array = None) -> Any:
    """The largest element, in three forms.

    ``max(x)`` is that of all, and ties share the gradient. ``max(x, dim)`` gives (values, indices) along one
    dimension; the gradient goes to the one that was chosen, the first of equals. ``max(a, b)`` is `maximum`.
    """
    if other is not None or isinstance(dim, (Variable, ndarray)):
        return maximum(input, other if other is not None else dim)
    if dim is None:
        return amax(input, None, keepdim)
    return _one_of_each(_argmax, input, dim, keepdim, "max")


def min(input: Array, dim: Any = None, keepdim: bool = False, *, other: Array = None) -> Any:
    """The smallest element, in the three forms of `max`."""
    if other is not None or isinstance(dim, (Variable, ndarray)):
        return minimum(input, other if other is not None else dim)
    if dim is None:
        return amin(input, None, keepdim)
    return _one_of_each(_argmin, input, dim, keepdim, "min")


# -------------------------------------------------------------------------------------------------------- the middle
def _middle(x: Any, *, dim: int, skip_nan: bool) -> Any:
    """The position of the lower median along ``dim``, kept at size 1; of the first NaN, where NaN counts."""
    if not x.ndim:
        return np.zeros((), np.int64)
    order = np.argsort(x, axis=dim, kind="stable")  # NaN comes last
    n, numbers = x.shape[dim], np.add.reduce(x == x, axis=dim, keepdims=True, dtype=np.int64)
    k = np.maximum(numbers - 1, 0) // 2
    return np.take_along_axis(order, k if skip_nan else np.where(numbers < n, numbers, k), dim).astype(np.int64)


def _median_rule(g: Array, y: Array, x: Array, **_attributes: Any) -> Array:
    return _extreme_rule(g, y, x, dim=None, keepdim=False)


@op(_median_rule)
def _median(x: Array, *, skip_nan: bool) -> Array:
    flat = x.reshape(-1)
    return flat[_middle(flat, dim=0, skip_nan=skip_nan)[0]] if flat.size else np.asarray(np.nan, x.dtype)


def _median_of(input: Array, dim: int | None, keepdim: bool, skip_nan: bool, name: str) -> Any:
    if dim is None and checked(input, name).dtype.kind == "f":
        return _median(checked(input, name), skip_nan=skip_nan)
    x, dims = _nonempty(input, dim if dim is None else operator.index(dim), name)
    if dim is None:
        return _median(x, skip_nan=skip_nan)
    d = dims[0] if dims else 0
    return selected(x, aside(_middle, x, dim=d, skip_nan=skip_nan), d, bool(keepdim))


def median(input: Array, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element, the lower of two; with ``dim``, (values, indices) along it. NaN where there is a NaN."""
    return _median_of(input, dim, keepdim, False, "median")


def nanmedian(input: Array, dim: int | None = None, keepdim: bool = False) -> Any:
    """`median` of the elements that are not NaN."""
    return _median_of(input, dim, keepdim, True, "nanmedian")
