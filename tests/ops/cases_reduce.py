"""Cases for `tinygrad_cnn.ops.reduce`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.ops.case import Case, Inputs
from tests.ops.cases_shape import signed, t
from tinygrad_cnn.ops import reduce as r
from tinygrad_cnn.testing.strategies import arrays, dims, shapes


@st.composite
def reducible(
    draw: DrawFn, min_side: int = 0, several: bool = True, everything: bool = True, keepdim: bool = True, **values: Any
) -> Inputs:
    """An array, and what to reduce: nothing said, one dimension, or several, kept or not."""
    x = draw(arrays(shapes(0, 3, min_side), **values))
    form = draw(st.sampled_from(["none"] * everything + ["one"] + ["several"] * several))
    if form == "none":
        return [x], {}
    dim: Any = draw(dims(x.ndim))
    if form == "several":
        some = draw(st.permutations(range(x.ndim)))[: draw(st.integers(min(x.ndim, 1), x.ndim))]
        dim = tuple(signed(draw, d, x.ndim) for d in some) or 0
    return [x], {"dim": dim, **({"keepdim": draw(st.booleans())} if keepdim else {})}


def axes(x: Any, dim: Any) -> Any:
    """``dim`` as NumPy takes it: an array without dimensions has none to name."""
    return () if dim is not None and not x.ndim else dim


def slices(f: Callable[[Any], Any]) -> Callable[..., Any]:
    """f of the elements that go into each result, in a loop."""

    def reference(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        dim = range(x.ndim) if dim is None else axes(x, dim)
        reduced = sorted(d % x.ndim for d in ((dim,) if isinstance(dim, int) else dim))
        kept = tuple(1 if d in reduced else n for d, n in enumerate(x.shape))
        y = np.empty(kept, np.asarray(f(np.ones(1))).dtype)
        for place in np.ndindex(kept):
            y[place] = f(x[tuple(slice(None) if d in reduced else k for d, k in enumerate(place))].reshape(-1))
        return y if keepdim else y.reshape([n for d, n in enumerate(x.shape) if d not in reduced])

    return reference


def _case(f: Any, reference: Callable[..., Any], *, draw: Any = None, name: str = "", **rest: Any) -> Case:
    name = name or f.__name__
    return Case(name, reducible() if draw is None else draw, f, reference, torch=t(name), method=name, **rest)


INFINITE = (("special values", "PyTorch divides by infinite elements, which makes NaN of finite slopes"),)

CASES = [
    _case(r.sum, slices(lambda v: sum(v.tolist(), 0.0))),
    _case(r.mean, slices(lambda v: sum(v.tolist()) / len(v)), draw=reducible(min_side=1)),
    _case(r.nansum, slices(lambda v: sum(v.tolist(), 0.0))),
    _case(r.nanmean, slices(lambda v: sum(v.tolist()) / len(v)), draw=reducible(min_side=1)),
    _case(
        r.prod, slices(lambda v: float(np.prod(v))), draw=reducible(several=False, away_from=(0.0,)), differs=INFINITE
    ),
    _case(
        r.prod,
        slices(lambda v: float(np.prod(v))),
        draw=reducible(several=False).map(lambda drawn: ([np.asarray(np.trunc(drawn[0][0]))], drawn[1])),
        note="of zeros",
        differs=INFINITE,
    ),
    _case(r.all, slices(lambda v: builtin_all(v)), draw=reducible(dtype=bool), order=0),
    _case(r.any, slices(lambda v: builtin_any(v)), draw=reducible(dtype=bool), order=0),
    _case(
        r.count_nonzero,
        slices(lambda v: sum(1 for n in v if n)),
        draw=reducible(dtype=bool, keepdim=False),
        order=0,
    ),
]


def builtin_all(v: Any) -> bool:
    return sum(1 for n in v if not n) == 0


def builtin_any(v: Any) -> bool:
    return sum(1 for n in v if n) > 0
