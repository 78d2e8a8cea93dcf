"""Cases of the pools. The references visit one window at a time."""
# ruff: noqa: E501  (tables)

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.case import Case, Inputs
from tests.ops.cases_conv import _spread, _torch
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.testing.strategies import WindowGeometry, arrays, window_geometries


def windows(n: int, k: int, s: int, p: int, d: int, ceil: bool) -> list[list[int]]:
    """The pixels (some outside 0..n - 1) of every window along one axis."""
    count = (math.ceil if ceil else math.floor)((n + 2 * p - d * (k - 1) - 1) / s) + 1
    if ceil and (count - 1) * s >= n + p:
        count -= 1
    return [[w * s - p + i * d for i in range(k)] for w in range(count)]


def visit(x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, spatial: int) -> Any:
    """For each window of each image: its place in the output, its pixels inside, and its rows and columns."""
    k, s, p, d = (_spread(v, spatial) for v in (kernel, kernel if stride is None else stride, padding, dilation))
    axes = [windows(x.shape[2 + i], k[i], s[i], p[i], d[i], ceil) for i in range(spatial)]
    out = (*x.shape[:2], *(len(a) for a in axes))
    for place in np.ndindex(*out):
        lists = [axis[i] for axis, i in zip(axes, place[2:], strict=True)]
        inside = [
            tuple(lists[a][t] for a, t in enumerate(tap))
            for tap in np.ndindex(*k)
            if all(0 <= lists[a][t] < x.shape[2 + a] for a, t in enumerate(tap))
        ]
        yield out, place, inside, lists


def reference_max(spatial: int) -> Any:
    def reference(
        x: Any,
        kernel: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        batch = x if x.ndim == spatial + 2 else x[None]
        shape = [len(windows(n, k, s, p, d, ceil_mode)) for n, k, s, p, d in zip(
            batch.shape[2:], *(_spread(v, spatial) for v in (kernel, kernel if stride is None else stride, padding, dilation)), strict=True
        )]  # fmt: skip
        y, found = np.zeros((*batch.shape[:2], *shape)), np.zeros((*batch.shape[:2], *shape), np.int64)
        for _, place, inside, _ in visit(batch, kernel, stride, padding, dilation, ceil_mode, spatial):
            best = max(inside, key=lambda pixel: batch[(*place[:2], *pixel)])
            y[place] = batch[(*place[:2], *best)]
            found[place] = np.ravel_multi_index(best, batch.shape[2:])
        if x.ndim != batch.ndim:
            y, found = y[0], found[0]
        return (y, found) if return_indices else y

    return reference


def reference_avg(spatial: int) -> Any:
    def reference(
        x: Any,
        kernel: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: Any = None,
    ) -> Any:
        batch = x if x.ndim == spatial + 2 else x[None]
        pads = _spread(padding, spatial)
        shape = [len(windows(n, k, s, p, 1, ceil_mode)) for n, k, s, p in zip(
            batch.shape[2:], *(_spread(v, spatial) for v in (kernel, kernel if stride is None else stride, padding)), strict=True
        )]  # fmt: skip
        y = np.zeros((*batch.shape[:2], *shape))
        for _, place, inside, lists in visit(batch, kernel, stride, padding, 1, ceil_mode, spatial):
            count = len(inside)
            if count_include_pad:
                limits = [(n + p) for n, p in zip(batch.shape[2:], pads, strict=True)]
                count = math.prod(sum(i < limit for i in pixels) for pixels, limit in zip(lists, limits, strict=True))
            y[place] = sum(batch[(*place[:2], *pixel)] for pixel in inside) / (divisor_override or count)
        return y if x.ndim == batch.ndim else y[0]

    return reference


def reference_adaptive(spatial: int, reduce: Any) -> Any:
    def reference(x: Any, output_size: Any, return_indices: bool = False) -> Any:
        batch = x if x.ndim == spatial + 2 else x[None]
        wanted = output_size if isinstance(output_size, tuple) else (output_size,) * spatial
        size = [n if m is None else m for n, m in zip(batch.shape[2:], wanted, strict=True)]
        y, found = np.zeros((*batch.shape[:2], *size)), np.zeros((*batch.shape[:2], *size), np.int64)
        for place in np.ndindex(*y.shape):
            box = tuple(
                slice(math.floor(i * n / m), math.ceil((i + 1) * n / m))
                for i, n, m in zip(place[2:], batch.shape[2:], size, strict=True)
            )
            part = batch[(*place[:2], *box)]
            y[place] = reduce(part)
            best = np.unravel_index(part.argmax(), part.shape)
            at = [b.start + i for b, i in zip(box, best, strict=True)]
            found[place] = np.ravel_multi_index(at, batch.shape[2:])
        if x.ndim != batch.ndim:
            y, found = y[0], found[0]
        return (y, found) if return_indices else y

    return reference


@st.composite
def pool_inputs(draw: Any, spatial: int, maximum: bool) -> Inputs:
    g: WindowGeometry = draw(
        window_geometries(
            spatial_dims=spatial, max_size=5, max_kernel=3, pooling=True, max_dilation=2 if maximum else 1
        )
    )
    if any(g.padding):
        g = g._replace(dilation=(1,) * spatial)  # or a window may lie in the padding alone: see test_pool.py
    lead = draw(st.sampled_from([(1,), (1, 1), (0, 2), (2, 1), (1, 2)]))
    x = draw(arrays((*lead, *g.size), distinct=maximum))
    kwargs: dict[str, Any] = {"kernel_size": g.kernel_size, "padding": g.padding, "ceil_mode": draw(st.booleans())}
    if draw(st.booleans()) or any(k > s for k, s in zip(g.kernel_size, g.size, strict=True)):
        kwargs["stride"] = g.stride
    if maximum:
        kwargs |= {"dilation": g.dilation, "return_indices": draw(st.booleans())}
    else:
        kwargs["count_include_pad"] = draw(st.booleans())
        if spatial == 2 and draw(st.booleans()):
            kwargs["divisor_override"] = draw(st.integers(1, 5))
    return [x], kwargs


@st.composite
def adaptive_inputs(draw: Any, spatial: int, maximum: bool) -> Inputs:
    lead = draw(st.sampled_from([(1,), (1, 1), (2, 1), (1, 2)]))
    size = draw(st.lists(st.integers(1, 5), min_size=spatial, max_size=spatial))
    x = draw(arrays((*lead, *size), distinct=maximum))
    if spatial == 1:
        wanted: Any = draw(st.integers(1, 4))
    else:
        one = st.integers(1, 4)
        wanted = draw(st.one_of(one, st.tuples(one, one), st.tuples(one, st.none())))
    return [x], {"output_size": wanted} | ({"return_indices": draw(st.booleans())} if maximum else {})


def _positional(reference: Any) -> Any:
    return lambda x, kernel_size, **kwargs: reference(x, kernel_size, **kwargs)


AVERAGE = tuple(
    (p, "integers are refused; PyTorch gives truncated means, of int64 alone") for p in ("integers", "mixed dtypes")
)
MEAN = tuple(
    (p, "for output_size=1, PyTorch takes the mean of input of any rank, and of no pixels (NaN)")
    for p in ("a dimension more", "a dimension fewer", "another size")
)
CASES = [
    Case(f"nn.functional.{kind}_pool{n}d", pool_inputs(n, kind == "max"), getattr(F, f"{kind}_pool{n}d"),
         _positional(reference(n)), _torch(f"{kind}_pool{n}d"), differs=AVERAGE if kind == "avg" else ())
    for kind, reference in (("max", reference_max), ("avg", reference_avg)) for n in (1, 2)
] + [
    Case(f"nn.functional.adaptive_{kind}_pool{n}d", adaptive_inputs(n, kind == "max"), getattr(F, f"adaptive_{kind}_pool{n}d"),
         reference_adaptive(n, np.max if kind == "max" else np.mean), _torch(f"adaptive_{kind}_pool{n}d"),
         differs=MEAN if kind == "avg" else ())
    for kind in ("max", "avg") for n in (1, 2)
]  # fmt: skip
