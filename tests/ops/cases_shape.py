"""Cases for `tinygrad_cnn.ops.shape`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tinygrad_cnn.ops import grids as grid
from tinygrad_cnn.ops import shape as s
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes, dims, shapes


def t(name: str) -> Callable[..., Any]:
    """PyTorch's function of this name; imported when it is called."""

    def call(*inputs: Any, **kwargs: Any) -> Any:
        import torch

        return getattr(torch, name)(*inputs, **kwargs)

    return call


def signed(draw: DrawFn, dim: int, ndim: int) -> int:
    """The dimension, counted from the front or from the back."""
    return draw(st.sampled_from((dim, dim - max(ndim, 1))))


@st.composite
def any_array(draw: DrawFn, min_dims: int = 0, max_dims: int = 3) -> Inputs:
    return [draw(arrays(shapes(min_dims, max_dims)))], {}


@st.composite
def another_shape(draw: DrawFn) -> Inputs:
    """An array and a shape for its elements, maybe with a -1."""
    shape = draw(shapes(0, 4))
    size = math.prod(shape)
    parts: list[int] = []
    rest = size
    while rest > 1 and draw(st.booleans()):
        parts.append(draw(st.sampled_from([k for k in range(1, rest + 1) if rest % k == 0])))
        rest //= parts[-1]
    new = draw(st.permutations([*parts, rest])) if size else [0, *draw(st.lists(st.integers(0, 3), max_size=2))]
    if size and draw(st.booleans()):
        new[draw(st.integers(0, len(new) - 1))] = -1
    return [draw(arrays(shape))], {"shape": tuple(new)}


@st.composite
def two_of_a_size(draw: DrawFn) -> Inputs:
    shape = draw(shapes(0, 3))
    return [draw(arrays(shape)), draw(arrays(tuple(draw(st.permutations(shape)))))], {}


@st.composite
def two_dims(draw: DrawFn, first: str = "dim0", second: str = "dim1") -> Inputs:
    x = draw(arrays(shapes(0, 4)))
    return [x], {first: draw(dims(x.ndim)), second: draw(dims(x.ndim))}


def swapped(x: Any, dim0: int, dim1: int) -> Any:
    return np.swapaxes(x, dim0, dim1) if x.ndim else x


@st.composite
def an_order(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 4)))
    return [x], {"dims": tuple(signed(draw, d, x.ndim) for d in draw(st.permutations(range(x.ndim))))}


@st.composite
def moves(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(1, 4)))
    k = draw(st.integers(0, x.ndim))
    source = tuple(signed(draw, d, x.ndim) for d in draw(st.permutations(range(x.ndim)))[:k])
    to = tuple(signed(draw, d, x.ndim) for d in draw(st.permutations(range(x.ndim)))[:k])
    if k == 1 and draw(st.booleans()):
        return [x], {"source": source[0], "destination": to[0]}
    return [x], {"source": source, "destination": to}


@st.composite
def to_squeeze(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 4, max_side=2)))
    some = draw(st.permutations(range(x.ndim)))[: draw(st.integers(0, x.ndim))]
    dim = tuple(signed(draw, d, x.ndim) for d in some)
    kwargs: list[dict[str, Any]] = [{}, {"dim": dim}]
    if len(dim) == 1:
        kwargs.append({"dim": dim[0]})
    return [x], draw(st.sampled_from(kwargs))


def squeezed(x: Any, dim: Any = None) -> Any:
    drop = range(x.ndim) if dim is None else [d % x.ndim for d in np.atleast_1d(dim).astype(int)]
    for d in sorted(drop, reverse=True):
        x = np.squeeze(x, d) if x.shape[d] == 1 else x
    return x


@st.composite
def to_unsqueeze(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 3)))
    return [x], {"dim": draw(dims(x.ndim + 1))}


@st.composite
def to_expand(draw: DrawFn) -> Inputs:
    small, big = draw(broadcastable_shapes(2))
    big = np.broadcast_shapes(small, big)
    keep = [i >= len(big) - len(small) and draw(st.booleans()) and small[i - len(big)] == n for i, n in enumerate(big)]
    return [draw(arrays(small))], {"shape": tuple(-1 if k else n for k, n in zip(keep, big, strict=True))}


def expanded(x: Any, shape: Any) -> Any:
    lead = len(shape) - x.ndim
    return np.broadcast_to(x, tuple(x.shape[i - lead] if n == -1 else n for i, n in enumerate(shape)))


@st.composite
def like_another(draw: DrawFn) -> Inputs:
    small, big = draw(broadcastable_shapes(2))
    return [draw(arrays(small)), draw(arrays(np.broadcast_shapes(small, big)))], {}


@st.composite
def several(draw: DrawFn) -> Inputs:
    return [draw(arrays(shape)) for shape in draw(broadcastable_shapes(draw(st.integers(1, 3))))], {}


@st.composite
def a_range(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 4)))
    a, b = sorted((draw(dims(x.ndim, negative=False)), draw(dims(x.ndim, negative=False))))
    return [x], {"start_dim": signed(draw, a, x.ndim), "end_dim": signed(draw, b, x.ndim)}


def flattened(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    x = np.atleast_1d(x)
    a, b = start_dim % x.ndim, end_dim % x.ndim
    return x.reshape(*x.shape[:a], math.prod(x.shape[a : b + 1]), *x.shape[b + 1 :])


@st.composite
def to_unflatten(draw: DrawFn) -> Inputs:
    parts = list(draw(shapes(1, 3, max_size=8)))
    before, after = draw(shapes(0, 1, max_side=3)), draw(shapes(0, 1, max_side=2))
    x = draw(arrays((*before, math.prod(parts), *after)))
    dim = signed(draw, len(before), x.ndim)
    if 0 not in parts and draw(st.booleans()):
        parts[draw(st.integers(0, len(parts) - 1))] = -1
    return [x], {"dim": dim, "sizes": tuple(parts)}


def unflattened(x: Any, dim: int, sizes: Any) -> Any:
    d = dim % x.ndim
    rest = [x.shape[d] // -math.prod(sizes) if n == -1 else n for n in sizes]
    return x.reshape(*x.shape[:d], *rest, *x.shape[d + 1 :])


@st.composite
def grids(draw: DrawFn) -> Inputs:
    vectors = [draw(arrays(shapes(0, 1, max_side=3))) for _ in range(draw(st.integers(1, 3)))]
    return vectors, {"indexing": draw(st.sampled_from(("ij", "xy")))}


@st.composite
def to_sum(draw: DrawFn) -> Inputs:
    full, part = draw(broadcastable_shapes(2))
    shape = np.broadcast_shapes(full, part)
    return [draw(arrays(shape))], {"shape": part}


def summed(x: Any, shape: tuple[int, ...]) -> Any:
    """Over all dimensions that broadcasting would repeat, one at a time."""
    while x.ndim > len(shape):
        x = x.sum(0)
    for d, n in enumerate(shape):
        if n == 1:
            x = x.sum(d, keepdims=True)
    return x


CASES = [
    Case(
        "reshape",
        another_shape(),
        s.reshape,
        lambda x, shape: np.reshape(x, shape),
        t("reshape"),
        method=lambda x, shape: x.reshape(shape),
    ),
    Case(
        "Tensor.reshape_as",
        two_of_a_size(),
        s.reshape_as,
        lambda x, y: np.reshape(x, y.shape),
        lambda x, y: x.reshape_as(y),
        wanted=(0,),
        method="reshape_as",
    ),
    Case(
        "Tensor.view_as",
        two_of_a_size(),
        s.view_as,
        lambda x, y: np.reshape(x, y.shape),
        lambda x, y: x.reshape(y.shape),
        wanted=(0,),
        method="view_as",
        note="copies where PyTorch refuses a view",
    ),
    Case("transpose", two_dims(), s.transpose, swapped, t("transpose"), method="transpose"),
    Case(
        "swapaxes",
        two_dims("axis0", "axis1"),
        s.swapaxes,
        lambda x, axis0, axis1: swapped(x, axis0, axis1),
        t("swapaxes"),
        method="swapaxes",
    ),
    Case("swapdims", two_dims(), s.swapdims, swapped, t("swapdims"), method="swapdims"),
    Case("permute", an_order(), s.permute, lambda x, dims: np.transpose(x, dims), t("permute"), method="permute"),
    Case("movedim", moves(), s.movedim, np.moveaxis, t("movedim"), method="movedim"),
    Case("moveaxis", moves(), s.moveaxis, np.moveaxis, t("moveaxis"), method="moveaxis"),
    Case("t", any_array(0, 2), s.t, lambda x: x.T, t("t"), method="t"),
    Case("squeeze", to_squeeze(), s.squeeze, squeezed, t("squeeze"), method="squeeze"),
    Case(
        "unsqueeze",
        to_unsqueeze(),
        s.unsqueeze,
        lambda x, dim: np.expand_dims(x, dim),
        t("unsqueeze"),
        method="unsqueeze",
    ),
    Case(
        "Tensor.expand",
        to_expand(),
        lambda x, shape: s.expand(x, shape),
        expanded,
        lambda x, shape: x.expand(shape),
        method=lambda x, shape: x.expand(*shape),
    ),
    Case(
        "broadcast_to",
        to_expand(),
        s.broadcast_to,
        expanded,
        lambda x, shape: t("broadcast_to")(x, shape),
        method="broadcast_to",
    ),
    Case(
        "Tensor.expand_as",
        like_another(),
        s.expand_as,
        lambda x, y: np.broadcast_to(x, y.shape),
        lambda x, y: x.expand_as(y),
        wanted=(0,),
        method="expand_as",
    ),
    Case("broadcast_tensors", several(), grid.broadcast_tensors, np.broadcast_arrays, t("broadcast_tensors")),
    Case("flatten", a_range(), s.flatten, flattened, t("flatten"), method="flatten"),
    Case("unflatten", to_unflatten(), s.unflatten, unflattened, t("unflatten"), method="unflatten"),
    Case("ravel", any_array(), s.ravel, np.ravel, t("ravel"), method="ravel"),
    Case("atleast_1d", any_array(), s.atleast_1d, np.atleast_1d, t("atleast_1d")),
    Case("atleast_2d", any_array(), s.atleast_2d, np.atleast_2d, t("atleast_2d")),
    Case("atleast_3d", any_array(), s.atleast_3d, np.atleast_3d, t("atleast_3d")),
    Case(
        "Tensor.sum_to_size",
        to_sum(),
        lambda x, shape: grid.sum_to_size(x, shape),
        lambda x, shape: np.asarray(summed(x, shape)),
        lambda x, shape: x.sum_to_size(shape),
        method=lambda x, shape: x.sum_to_size(*shape) if shape else x.sum_to_size(()),
    ),
    Case("meshgrid", grids(), grid.meshgrid, lambda *v, indexing: np.meshgrid(*v, indexing=indexing), t("meshgrid")),
    Case("clone", any_array(), s.clone, np.copy, t("clone"), method="clone"),
    Case(
        "Tensor.contiguous",
        any_array(),
        lambda x: s.contiguous(s.permute(x, range(x.ndim)[::-1])),
        lambda x: x.T.copy(),
        lambda x: t("permute")(x, tuple(range(x.ndim))[::-1]).contiguous(),
        note="of a transpose: what is contiguous is returned as it is",
        method=lambda x: x.permute(*range(x.ndim)[::-1]).contiguous(),
    ),
]
