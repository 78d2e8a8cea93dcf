"""Cases for `tinygrad_cnn.ops.joining`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_shape import signed, t
from tinygrad_cnn.ops import joining as j
from tinygrad_cnn.testing.strategies import arrays, dims, shapes


def of_list(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, which takes a list, as a function of its entries."""
    return lambda *xs, **kwargs: f(list(xs), **kwargs)


@st.composite
def in_a_row(draw: DrawFn) -> Inputs:
    """Arrays that agree in all dimensions but one; sometimes an empty vector among them."""
    shape = draw(shapes(1, 3, max_side=3, max_size=12))
    d = draw(dims(len(shape), negative=False))
    xs = [draw(arrays((*shape[:d], draw(st.integers(0, 3)), *shape[d + 1 :]))) for _ in range(draw(st.integers(1, 3)))]
    if draw(st.integers(0, 3)) == 0:
        xs.insert(draw(st.integers(0, len(xs))), draw(arrays((0,))))
    assume(any(x.shape != (0,) for x in xs))  # PyTorch takes any dim for those
    return xs, {"dim": signed(draw, d, len(shape))}


def joined(*xs: Any, dim: int) -> Any:
    full = [x for x in xs if x.shape != (0,)] or [np.zeros(0)]
    return np.concatenate(full, dim)


@st.composite
def of_a_kind(draw: DrawFn) -> Inputs:
    shape = draw(shapes(0, 2, max_side=3, max_size=8))
    return [draw(arrays(shape)) for _ in range(draw(st.integers(1, 3)))], {"dim": draw(dims(len(shape) + 1))}


@st.composite
def continuing(draw: DrawFn, axis: int, vectors: bool) -> Inputs:
    """Arrays that go together along ``axis`` (vectors along their only one, of equal length unless ``vectors``)."""
    shape = draw(shapes(0, 3, max_side=3, max_size=8))
    n = draw(st.integers(1, 3))
    k = min(axis, len(shape) - 1) if vectors or len(shape) > axis else None
    xs = []
    for _ in range(n):
        own = list(shape)
        if shape and k is not None:
            own[k] = draw(st.integers(0, 3))
        xs.append(draw(arrays(tuple(own))))
    return xs, {}


@st.composite
def columns(draw: DrawFn) -> Inputs:
    n = draw(st.integers(0, 3))
    shape = st.sampled_from([(n,), (n, 1), (n, 2), (n, 0)] + [()] * (n == 1))
    return [draw(arrays(draw(shape))) for _ in range(draw(st.integers(1, 3)))], {}


@st.composite
def pieces(draw: DrawFn, dim: str | None = "dim", minimum: int = 1) -> tuple[Any, int, dict[str, Any]]:
    x = draw(arrays(shapes(minimum, 3)))
    d = draw(dims(x.ndim))
    return x, x.shape[d], {} if dim is None else {dim: d}


@st.composite
def to_split(draw: DrawFn) -> Inputs:
    x, n, kwargs = draw(pieces())
    if draw(st.booleans()):
        return [x], {"split_size_or_sections": draw(st.integers(1 if n else 0, 5)), **kwargs}
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=3)))
    return [x], {"split_size_or_sections": [b - a for a, b in zip([0, *cuts], [*cuts, n], strict=True)], **kwargs}


def parts(x: Any, split_size_or_sections: Any, dim: int) -> Any:
    given, n = split_size_or_sections, x.shape[dim]
    sizes = given if isinstance(given, list) else [min(given, n - k) for k in range(0, n, given or 1)] or [0]
    return [np.take(x, range(sum(sizes[:k]), sum(sizes[: k + 1])), dim) for k in range(len(sizes))]


@st.composite
def to_chunk(draw: DrawFn) -> Inputs:
    x, _, kwargs = draw(pieces())
    return [x], {"chunks": draw(st.integers(1, 5)), **kwargs}


def chunks_of(x: Any, chunks: int, dim: int) -> Any:
    n = x.shape[dim]
    size = -(-n // chunks)
    if not n:
        return [x] * chunks
    return [np.take(x, range(k, min(k + size, n)), dim) for k in range(0, n, size)]


@st.composite
def to_tensor_split(draw: DrawFn) -> Inputs:
    x, _, kwargs = draw(pieces())
    given: Any = draw(st.integers(1, 5))
    if draw(st.booleans()):
        given = tuple(draw(st.lists(st.integers(-5, 5), max_size=3)))
    return [x], {"indices_or_sections": given, **kwargs}


@st.composite
def to_cut(draw: DrawFn, axis: int) -> Inputs:
    x = draw(arrays(shapes(axis + 1, 3)))
    n = x.shape[axis if x.ndim > 1 else 0]
    given: Any = draw(st.sampled_from([k for k in range(1, 5) if n % k == 0]))
    if draw(st.booleans()):
        given = tuple(draw(st.lists(st.integers(0, 5), max_size=3)))
    return [x], {"given": given}


@st.composite
def to_unbind(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(1, 3, min_side=1)))
    return [x], {"dim": draw(dims(x.ndim))}


def cutting(name: str) -> Case:
    axis = {"vsplit": 0, "hsplit": 1, "dsplit": 2}[name]
    ours, numpys = getattr(j, name), getattr(np, name)
    draw = to_cut(axis).filter(lambda inputs: name != "vsplit" or inputs[0][0].ndim > 1)
    return Case(
        name,
        draw,
        lambda x, given: ours(x, given),
        lambda x, given: numpys(x, given),
        lambda x, given: t(name)(x, given),
        method=lambda x, given: getattr(x, name)(given),
    )


EMPTY_VECTORS = (("a dimension fewer", "PyTorch lets an empty vector go with tensors of any rank, as it did of old"),)

CASES = [
    *(
        Case(name, in_a_row(), of_list(getattr(j, name)), joined, of_list(t(name)), differs=EMPTY_VECTORS)
        for name in ("cat", "concat", "concatenate")
    ),
    Case("stack", of_a_kind(), of_list(j.stack), lambda *xs, dim: np.stack(xs, dim), of_list(t("stack"))),
    Case("hstack", continuing(1, True), of_list(j.hstack), of_list(np.hstack), of_list(t("hstack"))),
    Case(
        "vstack",
        continuing(0, False).filter(
            lambda i: len({x.shape[1:] for x in i[0]}) == 1 and (i[0][0].ndim != 1 or len({x.shape for x in i[0]}) == 1)
        ),
        of_list(j.vstack),
        of_list(np.vstack),
        of_list(t("vstack")),
    ),
    Case(
        "row_stack",
        of_a_kind().map(lambda i: (i[0], {})),
        of_list(j.row_stack),
        of_list(np.vstack),
        of_list(t("row_stack")),
    ),
    Case("dstack", continuing(2, False), of_list(j.dstack), of_list(np.dstack), of_list(t("dstack"))),
    Case(
        "column_stack",
        columns(),
        of_list(j.column_stack),
        of_list(np.column_stack),
        of_list(t("column_stack")),
        differs=(("mixed dtypes", "a number counts as a number; PyTorch makes a column of it before it promotes"),),
    ),
    Case(
        "split",
        to_split(),
        j.split,
        parts,
        t("split"),
        method=lambda x, split_size_or_sections, dim=0: x.split(split_size_or_sections, dim),
    ),
    Case("chunk", to_chunk(), j.chunk, chunks_of, t("chunk"), method="chunk"),
    Case(
        "tensor_split",
        to_tensor_split(),
        j.tensor_split,
        lambda x, indices_or_sections, dim: np.array_split(x, indices_or_sections, dim),
        lambda x, indices_or_sections, dim: t("tensor_split")(x, indices_or_sections, dim=dim),
        method="tensor_split",
    ),
    *map(cutting, ("hsplit", "vsplit", "dsplit")),
    Case(
        "unbind",
        to_unbind(),
        j.unbind,
        lambda x, dim: [np.take(x, k, dim) for k in range(x.shape[dim])],
        t("unbind"),
        method="unbind",
    ),
]
