"""Number by number: NumPy's own functions into memory that is there; and the views, which need no call at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ...arrays.copying import copy_into, reshaped
from ...arrays.scratch import aligned
from ...autograd.backward import broadcast_to
from ...autograd.backward import sum_to as sum_to_op
from ...ops import arrange, comparison, contraction, elementwise
from ...ops.index import _getitem
from ...ops.limits import positive
from ...ops.linalg import _turned
from ...ops.padding import _pad_constant
from ...ops.promotion import _WEAK_NUMBERS
from ...ops.reduce import spread
from ...ops.shape import _permute, _reshape
from ...ops.sliding import _slide
from ..memory import like
from ..planned import VIEWS, Calls, Ready, plans, silence

_VIEWS: list[Any] = [_reshape, _permute, _turned, broadcast_to, spread, positive, _getitem, _slide, _pad_constant,
                     arrange._diagonal, contraction._diagonal]  # fmt: skip
VIEWS.update(this.op.forward for this in _VIEWS)


class Kind(NamedTuple):
    """How an operation is done on arrays, or on parts of them.

    Args:
        calls: ``calls(y, *scratch, *xs)``: NumPy's functions with the arrays that they are to be called on; None where
            it does not know these arrays.
        quiet: are they to say nothing of overflow and the like, as the operation does?
        scratch: how many arrays like y they work in.
        over: may y be in the memory of the first x?
        function: that of NumPy's which does it all.
    """

    calls: Callable[..., Calls | None]
    quiet: bool = False
    scratch: int = 0
    over: bool = True
    function: Any = None


KINDS: dict[Any, Kind] = {}  # by the forward of an operation


def _number(x: Any, y: Any) -> Any:
    """A number as an array of y's dtype, which NumPy reads in 0.2 us less. It would be rounded so anyway."""
    plain = _WEAK_NUMBERS and type(x) in (float, int) and y.dtype.kind == "f"
    return np.array(x, y.dtype) if plain else x


def _one(function: Any, quiet: bool = False) -> Kind:
    """An operation that is one function of NumPy's."""
    return Kind(lambda y, *xs: [partial(function, *(_number(x, y) for x in xs), y)], quiet, function=function)


def _named(function: Any) -> Kind:
    """Of a function that takes no third array without its name, which costs 0.1 us."""
    return Kind(lambda y, *xs: [partial(function, *(_number(x, y) for x in xs), out=y)])


def _relu(y: Any, x: Any) -> Calls | None:
    """Clipped, which takes a third of the time, where x is large."""
    if x.dtype.kind != "f":
        return None
    zero, largest = elementwise._positive_range(x.dtype)
    return [partial(np.maximum, x, zero, out=y) if x.size < 4096 else partial(np.clip, x, zero, largest, out=y)]


def _gate(d: Any, mask: Any, g: Any, y: Any) -> Calls | None:
    """The mask as numbers: a product with these is quicker by more than it takes to make them so."""
    if g.dtype.kind != "f":
        return None
    return [partial(np.greater, y, elementwise._positive_range(y.dtype)[0], mask), partial(np.multiply, g, mask, d)]


def _is_mask(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "b"


def _only(y: Any, g: Any, mask: Any) -> Calls | None:
    if not isinstance(g, np.ndarray) or not _is_mask(mask):
        return None
    bits = elementwise._BITS[g.dtype.itemsize]
    return [partial(np.multiply, g.view(bits), mask, y.view(bits))]


def _sigmoid(y: Any, x: Any) -> Calls:
    one = np.ones((), x.dtype)
    return [partial(np.negative, x, y), partial(np.exp, y, y), partial(np.add, one, y, y), partial(np.reciprocal, y, y)]


def _choose(y: Any, condition: Any, a: Any, b: Any) -> Calls | None:
    if not _is_mask(condition):
        return None
    return [partial(np.copyto, y, b), partial(np.copyto, y, a, where=condition)]


def _declare(this: Any, kind: Kind) -> None:
    forward = this.op.forward
    KINDS[forward] = kind

    @plans(this)
    def planner(*arrays: Any, **settings: Any) -> Ready | None:
        y = forward(*arrays, **settings)
        if not done_by(kind, y, arrays, settings):
            return None
        silenced = silence() if kind.quiet else None
        scratch, x = [like(y).over(aligned(y.nbytes)) for _ in range(kind.scratch)], arrays[0]
        over = 0 if kind.over and isinstance(x, np.ndarray) and x.strides == y.strides and x.dtype == y.dtype else None

        def calls(y: Any, *xs: Any) -> Calls:
            found = kind.calls(y, *scratch, *xs) or []
            return found if silenced is None else [silenced(call) for call in found]

        def run(y: Any, *xs: Any) -> None:
            for call in kind.calls(y, *scratch, *xs) or ():
                call()

        f: Any = kind.function
        done: Any = run if f is None else (lambda y, x: f(x, y)) if len(arrays) == 1 else lambda y, a, b: f(a, b, y)
        return Ready(done if silenced is None else silenced(done), (like(y),), over, calls)


def done_by(kind: Kind, y: Any, arrays: Any, settings: Any) -> bool:
    """Does the kind know how to make y of these?"""
    if settings or not isinstance(y, np.ndarray) or y.ndim == 0 or y.dtype.hasobject:
        return False
    if kind.function is np.square and arrays[0].dtype != y.dtype:  # booleans
        return False
    return kind.calls(y, *[y] * kind.scratch, *arrays) is not None


for _this, _function in {elementwise.add: np.add, elementwise.sub: np.subtract, elementwise.mul: np.multiply,
                         elementwise.neg: np.negative, elementwise.tanh: np.tanh, elementwise.abs: np.abs,
                         elementwise.square: np.square,
                         comparison.lt: np.less, comparison.gt: np.greater,
                         comparison.ge: np.greater_equal, comparison.eq: np.equal,
                         comparison.ne: np.not_equal}.items():  # fmt: skip
    _declare(_this, _one(_function))
for _this, _function in {elementwise.true_divide: np.true_divide, elementwise.sqrt: np.sqrt, elementwise.exp: np.exp,
                         elementwise.log: np.log, elementwise.reciprocal: np.reciprocal,
                         elementwise.pow: np.power}.items():  # fmt: skip
    _declare(_this, _one(_function, quiet=True))
for _this, _kind in {elementwise.relu: Kind(_relu), elementwise.gate: Kind(_gate, scratch=1),
                     elementwise.only: Kind(_only), elementwise.maximum: _named(np.maximum),
                     elementwise.minimum: _named(np.minimum),
                     elementwise.sigmoid: Kind(_sigmoid, quiet=True),
                     elementwise.choose: Kind(_choose, over=False),
                     elementwise.where: Kind(_choose, over=False)}.items():  # fmt: skip
    _declare(_this, _kind)


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
