"""Cases for `tinygrad_cnn.ops.arrange`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_shape import any_array, signed, t
from tinygrad_cnn.ops import arrange as a
from tinygrad_cnn.testing.strategies import arrays, dims, shapes


@st.composite
def to_flip(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(0, 3)))
    some = draw(st.permutations(range(x.ndim)))[: draw(st.integers(0, x.ndim))]
    return [x], {"dims": tuple(signed(draw, d, x.ndim) for d in some)}


@st.composite
def to_roll(draw: DrawFn, min_side: int = 1) -> Inputs:
    x = draw(arrays(shapes(1, 3, min_side)))
    along = draw(st.lists(dims(x.ndim), min_size=1, max_size=3))
    shifts = draw(st.lists(st.integers(-5, 5), min_size=len(along), max_size=len(along)))
    options: list[dict[str, Any]] = [{"shifts": tuple(shifts), "dims": tuple(along)}, {"shifts": shifts[0]}]
    return [x], draw(st.sampled_from(options))


@st.composite
def to_turn(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(2, 4)))
    plane = draw(st.permutations(range(x.ndim)))[:2]
    return [x], {"k": draw(st.integers(-5, 5)), "dims": tuple(signed(draw, d, x.ndim) for d in plane)}


@st.composite
def to_repeat(draw: DrawFn, min_side: int = 1) -> Inputs:
    x = draw(arrays(shapes(0, 3, min_side, max_side=3, max_size=6)))
    return [x], {"repeats": tuple(draw(st.integers(0, 2)) for _ in range(x.ndim + draw(st.integers(0, 1))))}


@st.composite
def to_tile(draw: DrawFn, min_side: int = 1) -> Inputs:
    x = draw(arrays(shapes(0, 3, min_side, max_side=3, max_size=6)))
    return [x], {"dims": tuple(draw(st.lists(st.integers(0, 2), max_size=4)))}


@st.composite
def to_interleave(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(1, 3, max_side=3, max_size=8)))
    dim = draw(st.sampled_from((None, *range(-x.ndim, x.ndim))))
    n = x.size if dim is None else x.shape[dim]
    repeats: Any = draw(st.integers(0, 3))
    if draw(st.booleans()):
        repeats = draw(arrays((draw(st.sampled_from((1, n))),), 0, 3, dtype=np.int64))
    return [x, repeats], {"dim": dim}


def interleaved(x: Any, repeats: Any, dim: int | None) -> Any:
    return np.repeat(x, repeats, dim)


@st.composite
def triangles(draw: DrawFn) -> Inputs:
    return [draw(arrays(shapes(2, 3)))], {"diagonal": draw(st.integers(-4, 4))}


def triangle(keep: Any) -> Any:
    def reference(x: Any, diagonal: int) -> Any:
        y = x.copy()
        for i in range(x.shape[-2]):
            for j in range(x.shape[-1]):
                if not keep(j - i, diagonal):
                    y[..., i, j] = 0
        return y

    return reference


@st.composite
def planes(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(2, 4)))
    d1, d2 = draw(st.permutations(range(x.ndim)))[:2]
    kwargs = {"offset": draw(st.integers(-5, 5)), "dim1": signed(draw, d1, x.ndim), "dim2": signed(draw, d2, x.ndim)}
    return [x], kwargs


@st.composite
def to_embed(draw: DrawFn) -> Inputs:
    x = draw(arrays(shapes(1, 3, max_size=8)))
    d1, d2 = draw(st.permutations(range(x.ndim + 1)))[:2]
    n = x.ndim + 1
    return [x], {"offset": draw(st.integers(-2, 2)), "dim1": signed(draw, d1, n), "dim2": signed(draw, d2, n)}


def embedded(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    n = x.shape[-1] + abs(offset)
    y = np.zeros((*x.shape[:-1], n, n))
    for k in range(x.shape[-1]):
        y[..., k + max(-offset, 0), k + max(offset, 0)] = x[..., k]
    return np.moveaxis(y, (-2, -1), (dim1, dim2))


@st.composite
def vectors_and_matrices(draw: DrawFn) -> Inputs:
    return [draw(arrays(shapes(1, 2)))], {"diagonal": draw(st.integers(-3, 3))}


EMPTY = "size 0 too, where PyTorch does not check its arguments"

CASES = [
    Case("flip", to_flip(), a.flip, lambda x, dims: np.flip(x, dims), t("flip"), method="flip"),
    Case("fliplr", any_array(2), a.fliplr, np.fliplr, t("fliplr"), method="fliplr"),
    Case("flipud", any_array(1), a.flipud, np.flipud, t("flipud"), method="flipud"),
    Case("roll", to_roll(), a.roll, lambda x, shifts, dims=None: np.roll(x, shifts, dims), t("roll"), method="roll"),
    Case("roll", to_roll(0), a.roll, lambda x, shifts, dims=None: np.roll(x, shifts, dims), note=EMPTY),
    Case("rot90", to_turn(), a.rot90, lambda x, k, dims: np.rot90(x, k, dims), t("rot90"), method="rot90"),
    Case(
        "Tensor.repeat",
        to_repeat(),
        lambda x, repeats: a.repeat(x, repeats),
        lambda x, repeats: np.tile(x, repeats),
        lambda x, repeats: x.repeat(repeats),
        method=lambda x, repeats: x.repeat(*repeats),
    ),
    Case(
        "tile",
        to_tile(),
        lambda x, dims: a.tile(x, dims),
        lambda x, dims: np.tile(x, dims),
        t("tile"),
        method=lambda x, dims: x.tile(dims),
    ),
    Case(
        "Tensor.repeat",
        to_repeat(0),
        lambda x, repeats: a.repeat(x, repeats),
        lambda x, repeats: np.tile(x, repeats),
        note=EMPTY,
        method=lambda x, repeats: x.repeat(*repeats),
    ),
    Case(
        "tile",
        to_tile(0),
        lambda x, dims: a.tile(x, dims),
        lambda x, dims: np.tile(x, dims),
        note=EMPTY,
        method=lambda x, dims: x.tile(dims),
    ),
    Case(
        "repeat_interleave",
        to_interleave(),
        a.repeat_interleave,
        interleaved,
        t("repeat_interleave"),
        wanted=(0,),
        method="repeat_interleave",
    ),
    Case("tril", triangles(), a.tril, triangle(lambda d, k: d <= k), t("tril"), method="tril"),
    Case("triu", triangles(), a.triu, triangle(lambda d, k: d >= k), t("triu"), method="triu"),
    Case(
        "diagonal",
        planes(),
        a.diagonal,
        lambda x, offset, dim1, dim2: np.diagonal(x, offset, dim1, dim2),
        t("diagonal"),
        method="diagonal",
    ),
    Case("diag_embed", to_embed(), a.diag_embed, embedded, t("diag_embed"), method="diag_embed"),
    Case("diag", vectors_and_matrices(), a.diag, lambda x, diagonal: np.diag(x, diagonal), t("diag"), method="diag"),
]
