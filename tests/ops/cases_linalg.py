"""Cases for `tinygrad_cnn.ops.linalg`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_shape import t
from tinygrad_cnn.ops import linalg as a
from tinygrad_cnn.testing.strategies import arrays, broadcastable_shapes

sides = st.integers(0, 3)


@st.composite
def factors(draw: DrawFn) -> Inputs:
    """What matmul multiplies: vectors, matrices, and batches that broadcast."""
    n, k, m = draw(sides), draw(sides), draw(sides)
    left, right = draw(broadcastable_shapes(2, max_dims=2, max_side=2, max_size=4))
    form = draw(st.sampled_from(["vectors", "row", "column", "matrices", "batch on the left", "batch on the right"]))
    shapes = {
        "vectors": ((k,), (k,)),
        "row": ((k,), (*right, k, m)),
        "column": ((*left, n, k), (k,)),
        "matrices": ((*left, n, k), (*right, k, m)),
        "batch on the left": ((*left, n, k), (k, m)),
        "batch on the right": ((n, k), (*right, k, m)),
    }[form]
    return [draw(arrays(shape)) for shape in shapes], {}


@st.composite
def of_shapes(draw: DrawFn, *names: str, scaled: bool = False) -> Inputs:
    """Arrays whose dimensions are named by letters: equal letters, equal sizes. The first may broadcast if scaled."""
    size = {c: draw(st.integers(1, 3) if scaled else sides) for c in sorted(set("".join(names)))}
    shapes = [tuple(size[c] for c in name) for name in names]
    if not scaled:
        return [draw(arrays(shape)) for shape in shapes], {}
    shapes[0] = tuple(1 if draw(st.booleans()) else n for n in shapes[0])[draw(st.integers(0, len(shapes[0]))) :]
    scale = st.sampled_from([{}, {"beta": 0.5}, {"alpha": -2.0}, {"beta": 2, "alpha": 0.25}])
    return [draw(arrays(shape)) for shape in shapes], draw(scale)


@st.composite
def triples(draw: DrawFn) -> Inputs:
    x, y = draw(broadcastable_shapes(2, max_dims=2, max_side=2, max_size=4))
    width = max(len(x), len(y))
    dim = draw(st.integers(0, width))
    x, y = ((1,) * (width - len(s)) + s for s in (x, y))
    a, b = (draw(arrays((*s[:dim], 3, *s[dim:]))) for s in (x, y))
    return [a, b + 0.4], {"dim": draw(st.sampled_from((dim, dim - width - 1)))}


def product(x: Any, y: Any) -> Any:
    """matmul, one number after the other."""
    left, right = x[None] if x.ndim == 1 else x, y[:, None] if y.ndim == 1 else y
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left, right = (np.broadcast_to(f, (*batch, *f.shape[-2:])) for f in (left, right))
    z = np.zeros((*batch, left.shape[-2], right.shape[-1]))
    for place in np.ndindex(z.shape):
        z[place] = sum(
            float(p) * float(q) for p, q in zip(left[place[:-1]], right[(*place[:-2], ..., place[-1])], strict=True)
        )
    return z[..., 0, 0] if x.ndim == y.ndim == 1 else z[..., 0, :] if x.ndim == 1 else z[..., 0] if y.ndim == 1 else z


def sum_of_products(x: Any, y: Any) -> Any:
    return product(x, y).sum(0)


def plus(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, p, q, beta=1, alpha=1: beta * x + alpha * f(p, q)


def cross(x: Any, y: Any, dim: int) -> Any:
    x, y = np.broadcast_arrays(x, y)
    z = np.empty(x.shape)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        z[(slice(None),) * (dim % x.ndim) + (k,)] = x.take(i, dim) * y.take(j, dim) - x.take(j, dim) * y.take(i, dim)
    return z


NOTHING = ("mixed dtypes", "PyTorch does not look at dtypes where there is nothing to multiply")
SCALES = (
    ("integers", "PyTorch cuts the fractions of alpha and beta off"),
    ("booleans", "PyTorch cuts the fractions of alpha and beta off"),
    ("no dimensions", "PyTorch's gradient of addmv wants a vector where its forward takes a number"),
    ("nothing", "PyTorch's addmv does not broadcast to size 0"),
    NOTHING,
)


def _case(f: Any, draw: Any, reference: Any, name: str = "", **rest: Any) -> Case:
    name = name or f.__name__
    return Case(name, draw, f, reference, torch=t(name), method=name, **rest)


CASES = [
    _case(a.matmul, factors(), product, differs=(NOTHING,)),
    _case(a.mm, of_shapes("nk", "km"), product, differs=(NOTHING,)),
    _case(a.mv, of_shapes("nk", "k"), product, differs=(NOTHING,)),
    _case(a.bmm, of_shapes("bnk", "bkm"), product, differs=(NOTHING,)),
    _case(a.dot, of_shapes("k", "k"), product),
    _case(a.vdot, of_shapes("k", "k"), product, name="vdot"),
    _case(a.outer, of_shapes("n", "m"), lambda x, y: np.array([[p * q for q in y] for p in x]).reshape(x.size, y.size)),
    _case(a.addmm, of_shapes("nm", "nk", "km", scaled=True), plus(product), differs=SCALES),
    _case(a.addmv, of_shapes("n", "nk", "k", scaled=True), plus(product), differs=SCALES),
    _case(
        a.addbmm, of_shapes("nm", "bnk", "bkm", scaled=True), plus(lambda p, q: product(p, q).sum(0)), differs=SCALES
    ),
    _case(a.baddbmm, of_shapes("bnm", "bnk", "bkm", scaled=True), plus(product), differs=SCALES),
    _case(a.addr, of_shapes("nm", "n", "m", scaled=True), plus(np.outer), differs=SCALES),
    _case(a.cross, triples(), cross),
]
