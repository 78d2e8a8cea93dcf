"""Cases for `tinygrad_cnn.ops.index`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from numpy import ndarray

from tests.ops.case import Case, Inputs
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import index as ix
from tinygrad_cnn.testing.strategies import arrays, dims, shapes


# ------------------------------------------------------------------------------------------------------------- x[...]
@st.composite
def entry(draw: DrawFn, n: int, kinds: list[str], length: int, unique: bool) -> Any:
    """An index for a dimension of size n: a number, a slice, or an array or list of ``length`` positions."""
    kind = draw(st.sampled_from(kinds))
    if kind == "number" and n:
        return draw(st.integers(-n, n - 1))
    if kind == "array" and (n >= length if unique else n or not length):
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        i = rng.permutation(n)[:length] if unique else rng.integers(0, n, length) if length else np.zeros(0, int)
        i = np.where(rng.random(length) < 0.3, i - n, i)
        return draw(st.sampled_from((i, i.tolist(), i.astype(np.int32), i[:, None] if not unique else i)))
    bound = st.none() | st.integers(-n - 1, n + 1)
    return slice(draw(bound), draw(bound), draw(st.sampled_from((None, 1, 2))))


@st.composite
def indices(draw: DrawFn, shape: tuple[int, ...], kinds: tuple[str, ...], unique: bool = False) -> Any:
    """An index for some of the first and, behind an Ellipsis, some of the last dimensions; a None now and then."""
    length = draw(st.integers(0, 3))  # of all arrays, so that they broadcast
    first = draw(st.integers(0, len(shape)))
    last = draw(st.integers(first, len(shape)))
    items: list[Any] = []
    for where, start, stop in (("front", 0, first), ("back", last, len(shape))):
        d = start
        while d < stop:
            if "mask" in kinds and draw(st.integers(0, 3)) == 0:
                width = draw(st.integers(1, stop - d))
                items.append(draw(arrays(shape[d : d + width], dtype=bool)))
                kinds = BASIC  # whose length is that of no mask
                d += width
            else:
                items.append(draw(entry(shape[d], [k for k in kinds if k != "mask"], length, unique)))
                if not isinstance(items[-1], (int, slice)):
                    kinds = tuple(k for k in kinds if k != "mask")
                d += 1
        if where == "front" and (last < len(shape) or draw(st.booleans())):
            items.append(...)
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), None)
    if len(items) == 1 and draw(st.booleans()):
        return items[0]
    return tuple(items)


BASIC, ALL = ("number", "slice"), ("number", "slice", "array", "mask")


@st.composite
def to_read(draw: DrawFn, kinds: tuple[str, ...], min_side: int = 0) -> Inputs:
    x = draw(arrays(shapes(0, 4, min_side)))
    return [x], {"index": draw(indices(x.shape, kinds))}


@st.composite
def to_write(draw: DrawFn, kinds: tuple[str, ...], min_side: int = 0, unique: bool = True) -> Inputs:
    x = draw(arrays(shapes(0, 3, min_side)))
    index = draw(indices(x.shape, kinds, unique))
    shape = read(x, index).shape
    mode = draw(st.integers(0, 3))
    if mode == 1:
        shape = shape[draw(st.integers(0, len(shape))) :]
    elif mode == 2:
        shape = tuple(draw(st.sampled_from((1, n))) for n in shape)
    elif mode == 3:
        shape = (1, *shape)
    return [x, draw(arrays(shape))], {"index": index}


def read(x: Any, index: Any) -> Any:
    """Numbers first, one dimension after the other; the rest is NumPy's, with slices for the Ellipsis."""
    items = [np.asarray(i) if isinstance(i, list) else i for i in (index if isinstance(index, tuple) else (index,))]
    items = [i.astype(int) if isinstance(i, ndarray) and not i.size and i.dtype != bool else i for i in items]
    widths = [
        0 if i is None or i is ... else i.ndim if isinstance(i, ndarray) and i.dtype == bool else 1 for i in items
    ]
    if ... in [i for i in items if not isinstance(i, ndarray)]:
        at = next(k for k, i in enumerate(items) if i is ...)
        more = x.ndim - sum(widths)
        items[at : at + 1], widths[at : at + 1] = [slice(None)] * more, [1] * more
    for k in reversed(range(len(items))):
        if isinstance(items[k], int):
            x = np.take(x, items.pop(k), sum(widths[:k]))
    return x[tuple(items)]


def written(x: Any, value: Any, index: Any) -> Any:
    """Each element is told its number, and the numbers are read."""
    y = x.copy()
    places = read(np.arange(x.size).reshape(x.shape), index)
    value = value.reshape(value.shape[max(value.ndim - places.ndim, 0) :])
    for place, v in zip(places.ravel(), np.broadcast_to(value, places.shape).ravel(), strict=True):
        y.flat[place] = v
    return y


def torch_index(index: Any) -> Any:
    import torch

    items = index if isinstance(index, tuple) else (index,)
    found = [torch.tensor(i) if isinstance(i, ndarray) else i for i in items]
    return tuple(found) if isinstance(index, tuple) else found[0]


def torch_write(x: Any, value: Any, index: Any) -> Any:
    y = x.clone()
    y[torch_index(index)] = value
    return y


# ---------------------------------------------------------------------------------------------------- along a dimension
@st.composite
def to_gather(draw: DrawFn, what: str = "nothing", repeats: bool = True) -> Inputs:
    """An array, an index no larger than it outside of ``dim``, and for scatter a source no smaller than the index."""
    x = draw(arrays(shapes(0, 3, min_side=1, max_side=3, max_size=12)))
    dim = draw(dims(x.ndim))
    d = dim % max(x.ndim, 1)
    shape = tuple(draw(st.integers(0 if k else 1, n)) for k, n in enumerate(x.shape))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = x.shape[d] if x.ndim else 1
    if repeats:
        if x.ndim and draw(st.booleans()):
            shape = (*shape[:d], n + 1, *shape[d + 1 :])
        index = rng.integers(0, n, shape)
    else:
        order = np.argsort(rng.random(x.shape), d) if x.ndim else np.zeros((), int)
        index = np.asarray(order[tuple(map(slice, shape))])
    inputs: list[Any] = [x, index]
    if what.endswith("source"):
        more = st.integers(0, 1 if what == "larger source" else 0)
        inputs.append(draw(arrays(tuple(n + draw(more) for n in index.shape))))
    return inputs, {"dim": dim, **({"value": 1.5} if what == "value" else {})}


def gathered(x: Any, index: Any, dim: int) -> Any:
    y = np.empty(index.shape, x.dtype)
    for place in np.ndindex(index.shape):
        source = list(place)
        if source:
            source[dim] = index[place]
        y[place] = x[tuple(source)]
    return y


def scattered(add: bool) -> Callable[..., Any]:
    def reference(x: Any, index: Any, src: Any = None, *, dim: int, value: float | None = None) -> Any:
        y = x.copy()
        for place in np.ndindex(index.shape):
            to = list(place)
            if to:
                to[dim] = index[place]
            v = value if src is None else src[place]
            y[tuple(to)] = y[tuple(to)] + v if add else v
        return y

    return reference


@st.composite
def to_take_along(draw: DrawFn, negative: bool = False) -> Inputs:
    x = draw(arrays(shapes(1, 3, min_side=1, max_side=3)))
    dim = draw(st.sampled_from((None, *range(-x.ndim, x.ndim))))
    if dim is None:
        return [x, draw(arrays(shapes(1, 2), -x.size if negative else 0, x.size - 1, dtype=np.int64))], {}
    shape = [draw(st.sampled_from((1, n))) for n in x.shape]
    shape[dim] = draw(st.integers(0, 3))
    x = (
        x
        if draw(st.booleans())
        else x[tuple(slice(1) if n != shape[k] and k != dim % x.ndim else slice(None) for k, n in enumerate(x.shape))]
    )
    n = x.shape[dim]
    return [x, draw(arrays(tuple(shape), -n if negative else 0, n - 1, dtype=np.int64))], {"dim": dim}


def taken_along(x: Any, indices: Any, dim: int | None = None) -> Any:
    if dim is None:
        return x.ravel()[indices.ravel()]
    d = dim % x.ndim
    shared = np.broadcast_shapes((*x.shape[:d], 1, *x.shape[d + 1 :]), (*indices.shape[:d], 1, *indices.shape[d + 1 :]))
    x = np.broadcast_to(x, (*shared[:d], x.shape[d], *shared[d + 1 :]))
    indices = np.broadcast_to(indices, (*shared[:d], indices.shape[d], *shared[d + 1 :]))
    return gathered(x, np.where(indices < 0, indices + x.shape[d], indices), d)


@st.composite
def to_narrow(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(1, 3)))
    dim = draw(dims(x.ndim))
    n = x.shape[dim]
    start = draw(st.integers(0, n))
    length = draw(st.integers(0, n - start))
    return [x], {"dim": dim, "start": start - n if start < n and draw(st.booleans()) else start, "length": length}


@st.composite
def to_select(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(1, 3, min_side=1)))
    dim = draw(dims(x.ndim))
    return [x], {"dim": dim, "index": draw(dims(x.shape[dim]))}


def narrowed(x: Any, dim: int, start: int, length: int) -> Any:
    first = start + x.shape[dim] if start < 0 else start
    return np.take(x, range(first, first + length), dim)


def reordered(f: Callable[..., Any]) -> Callable[..., Any]:
    """f(x, dim, index, ...), called with the arrays first."""
    return lambda x, index, *rest, dim, **kwargs: f(x, dim, index, *rest, **kwargs)


EMPTY = "size 0 too, where PyTorch does not check positions"
NO_GRADIENT = tuple(
    (probe, "PyTorch has no gradient for a source larger than its index")
    for probe in ("a dimension more", "a dimension fewer", "another size", "nothing")
)

REPEATS = tuple(
    (probe, "along another dimension positions repeat, and PyTorch gives each of them a gradient")
    for probe in ("a negative number", "a large number", "zero")
)


def written_in_place(x: Any, value: Any, index: Any) -> Any:
    """x[index] = value, as a user writes it, on a copy."""
    y = x.clone()
    y[index] = value
    return y


CASES = [
    *(
        Case(
            "Tensor.__getitem__",
            to_read(kinds, min_side),
            lambda x, index: ix.getitem(x, index),
            read,
            None if note == EMPTY else lambda x, index: x[torch_index(index)],
            note=note,
            method="__getitem__",
            differs=tuple(
                (probe, "an index out of range is refused, also where the result has no elements")
                for probe in ("a dimension more", "a dimension fewer", "another size")
                if note == "advanced"
            ),
        )
        for kinds, min_side, note in ((BASIC, 0, "basic"), (ALL, 1, "advanced"), (ALL, 0, EMPTY))
    ),
    *(
        Case(
            "Tensor.__setitem__",
            to_write(kinds, min_side, unique),
            lambda x, value, index: ix.setitem(x, index, value),
            written,
            torch_write if unique and note != EMPTY else None,
            note=note,
            differs=(
                ("mixed dtypes", "PyTorch casts the value for a basic index, and refuses to for an advanced one"),
            ),
            method=written_in_place,
        )
        for kinds, min_side, unique, note in (
            (BASIC, 0, True, "basic"),
            (ALL, 1, True, "advanced"),
            (ALL, 0, True, EMPTY),
            (ALL, 0, False, "last one stays"),
        )
    ),
    Case(
        "narrow",
        to_narrow(),
        ix.narrow,
        narrowed,
        t("narrow"),
        method="narrow",
    ),
    Case("select", to_select(), ix.select, lambda x, dim, index: np.take(x, index, dim), t("select"), method="select"),
    Case(
        "gather",
        to_gather(),
        reordered(ix.gather),
        gathered,
        reordered(t("gather")),
        wanted=(0,),
        method=lambda x, index, dim: x.gather(dim, index),
    ),
    Case(
        "scatter_add",
        to_gather("source"),
        reordered(ix.scatter_add),
        scattered(add=True),
        reordered(t("scatter_add")),
        differs=NO_GRADIENT,
        method=lambda x, index, src, dim: x.scatter_add(dim, index, src),
    ),
    Case(
        "scatter_add",
        to_gather("larger source"),
        reordered(ix.scatter_add),
        scattered(add=True),
        note="larger source",
        method=lambda x, index, src, dim: x.scatter_add(dim, index, src),
    ),
    Case(
        "take_along_dim",
        to_take_along(),
        ix.take_along_dim,
        taken_along,
        t("take_along_dim"),
        method="take_along_dim",
        differs=tuple(
            (probe, "PyTorch does not check the range of an index that it broadcasts")
            for probe in ("a negative number", "zero", "a large number", "another size")
        ),
    ),
    Case(
        "take_along_dim",
        to_take_along(negative=True),
        ix.take_along_dim,
        taken_along,
        note="negative positions, for which PyTorch has no gradient",
    ),
]
