"""Number by number: NumPy's own functions into memory that is there; and the views, which need no call at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...arrays.copying import copy_into, reshaped
from ...arrays.threads import by_slabs
from ...autograd.backward import broadcast_to
from ...autograd.backward import sum_to as sum_to_op
from ...ops import arrange, contraction, elementwise
from ...ops.index import _getitem
from ...ops.limits import positive
from ...ops.linalg import _turned
from ...ops.padding import _pad_constant
from ...ops.reduce import spread
from ...ops.shape import _permute, _reshape
from ...ops.sliding import _slide
from ..memory import in_order, like
from ..planned import VIEWS, Ready, plans

_VIEWS: list[Any] = [_reshape, _permute, _turned, broadcast_to, spread, positive, _getitem, _slide, _pad_constant,
                     arrange._diagonal, contraction._diagonal]  # fmt: skip
VIEWS.update(this.op.forward for this in _VIEWS)


def _simple(this: Any, function: Callable[..., Any], quiet: bool) -> None:
    """An operation that is one function of NumPy's."""

    @plans(this)
    def planner(*arrays: Any, **settings: Any) -> Ready | None:
        y = elementwise.quiet(function)(*arrays)
        if settings or y.ndim == 0 or y.dtype.hasobject:
            return None
        layout = like(y)
        x = arrays[0]
        over = 0 if isinstance(x, np.ndarray) and x.strides == y.strides and x.dtype == y.dtype else None

        def run(y: Any, *xs: Any) -> None:
            function(*xs, out=y)

        return Ready(elementwise.quiet(run) if quiet else run, (layout,), over)


for _this, _function in [(elementwise.add, np.add), (elementwise.sub, np.subtract), (elementwise.mul, np.multiply),
                         (elementwise.neg, np.negative), (elementwise.tanh, np.tanh), (elementwise.abs, np.abs),
                         (elementwise.maximum, np.maximum), (elementwise.minimum, np.minimum)]:  # fmt: skip
    _simple(_this, _function, quiet=False)
for _this, _function in [(elementwise.true_divide, np.true_divide), (elementwise.sqrt, np.sqrt),
                         (elementwise.exp, np.exp), (elementwise.log, np.log),
                         (elementwise.reciprocal, np.reciprocal)]:  # fmt: skip
    _simple(_this, _function, quiet=True)


@plans(elementwise.relu)
def relu(x: Any) -> Ready | None:
    """max(x, 0): clipped, which takes a third of the time, where x is large."""
    if x.ndim == 0 or x.dtype.kind != "f":
        return None
    zero, largest = elementwise._positive_range(x.dtype)
    if x.size < 4096:
        return Ready(lambda y, x: np.maximum(x, zero, out=y), (like(x),), 0)

    def run(y: Any, x: Any) -> None:
        by_slabs(x, lambda part: np.clip(x[part], zero, largest, out=y[part]), 0.3e-9, dims=x.ndim)

    return Ready(run, (like(x),), 0)


@plans(elementwise.gate)
def gate(g: Any, y: Any) -> Ready | None:
    """g where y > 0, 0 elsewhere, with the mask in scratch memory."""
    if y.ndim == 0 or g.shape != y.shape or g.dtype.kind != "f":
        return None
    zero = elementwise._positive_range(y.dtype)[0]
    layout = like(elementwise.gate.op.forward(g, y))  # type: ignore[attr-defined]
    mask = in_order(*y.shape, dtype=bool, order=like(y).order).anew()

    def run(d: Any, g: Any, y: Any) -> None:
        if y.size < 1 << 17:
            np.greater(y, zero, out=mask)
            np.multiply(g, mask, out=d)
            return

        def some(part: Any) -> None:
            np.multiply(g[part], np.greater(y[part], zero, out=mask[part]), out=d[part])

        by_slabs(y, some, 0.4e-9, dims=y.ndim)

    return Ready(run, (layout,), 0 if g.strides == y.strides else None)


@plans(_reshape)
def reshape(x: Any, *, shape: tuple[int, ...]) -> Ready | None:
    """Where it is no view: a copy."""
    y = reshaped(x, shape)
    if np.may_share_memory(x, y) or not np.may_share_memory(y.reshape(x.shape), y):
        return None
    return Ready(lambda y, x: copy_into(y.reshape(x.shape), x), (like(y),))


@plans(sum_to_op)
def sum_to(x: Any, *, shape: Any) -> Ready | None:
    """A sum over the leading dimensions, as of a bias."""
    lead = x.ndim - len(shape)
    if not lead or not shape or x.shape[lead:] != shape or x.dtype.kind != "f":
        return None
    axes = tuple(range(lead))
    return Ready(lambda y, x: np.add.reduce(x, axis=axes, out=y), (like(np.add.reduce(x, axis=axes)),))
