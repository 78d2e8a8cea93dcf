"""What follows a convolution within its own step: bias, relu and max-pool, on some rows while they are in the cache.

A block of output is (R, ph, A, pw, I): R rows of windows, each of ph rows; A and I are what lies between and within
the pixels of a row, channels outside and the batch inside or the other way round; pw pixels of a window. Bias and relu
come after the pool, on a quarter of the numbers: both grow with their input, so they do not change which one is the
largest. On the way back the gradient goes to the first of the largest, as in `ops.pool`.

On memory that stays what is to be called stays the same: functions here give calls, which are made once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...arrays.threads import Calls
from ...arrays.windows import Pair
from ..memory import Layout, in_order, on_buffer

BLOCK = 1 << 17  # numbers of output at a time, which stay in the cache
LONG = 200e-6  # seconds of products from which threads share them
SHARED = 1 << 19  # the same where threads share the work: with shorter calls they wait for each other in between


def cut(rows: int, per_row: int, products: float) -> tuple[int, float]:
    """How many rows to take at a time, and the seconds that are told to `divide`: 0 if one thread is as quick.

    ``products``: the seconds that matrix products take within.
    """
    passes = rows * per_row * 0.8e-9
    if products > max(LONG, passes):
        return max(1, min(rows, BLOCK // max(1, per_row))), products + passes
    if rows * per_row < SHARED:
        return max(1, min(rows, BLOCK // max(1, per_row))), 0.0
    return max(1, min(rows, SHARED // max(1, per_row))), products + passes


class Once:
    """What is made of arrays, and again only when they are others; of arrays of users nothing is kept."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._of: Sequence[Any] = ()
        self._made: Any = None

    def __call__(self, *arrays: Any) -> Any:
        if len(arrays) == len(self._of) and all(a is b for a, b in zip(arrays, self._of, strict=True)):
            return self._made
        made = self._make(*arrays)
        if all(on_buffer(a) for a in arrays if isinstance(a, np.ndarray)):
            self._of, self._made = arrays, made
        return made


def kept_of(pool: Pair, rows: int, AI: Pair) -> tuple[Layout, Layout]:
    """Which tap of a window is the largest, along the width and along the height: see `shrink`."""
    ph, pw = pool
    return in_order(pw - 1, rows, ph, *AI, dtype=bool), in_order(ph - 1, rows, *AI, dtype=bool)


def shrink(y: Any, p: Any, keeps: Sequence[Any], rows: Any) -> Calls:
    """The largest of each window: p (R, A, I) of y (R, ph, A, pw, I). ``rows`` (R, ph, A, I) is scratch.

    ``keeps``, if given, says where a tap is not above those before it: (pw - 1, R, ph, A, I) and (ph - 1, R, A, I).
    """
    across, down = keeps or (None, None)
    yield from _largest([y[:, :, :, t] for t in range(y.shape[3])], rows if y.shape[1] > 1 else p[:, None], across)
    if y.shape[1] > 1:
        yield from _largest([rows[:, t] for t in range(y.shape[1])], p, down)


def _largest(taps: Sequence[Any], out: Any, keeps: Any) -> Calls:
    """The maximum of some arrays, NaN first. keeps[k - 1]: was what came before at least as large as tap k?"""
    before = taps[0]
    if len(taps) == 1:
        yield partial(np.copyto, out, before)
    for k, tap in enumerate(taps[1:]):
        if keeps is not None:
            yield partial(np.greater_equal, before, tap, out=keeps[k])
        yield partial(np.maximum, before, tap, out=out)
        before = out


def grow(d: Any, keeps: Sequence[Any], dy: Any, rows: Any, factor: Any) -> Calls:
    """The adjoint of `shrink`: d (R, A, I) goes to where the maxima stood in dy (R, ph, A, pw, I); d is scratch.

    ``rows`` and ``factor`` are scratch of (R, ph, A, I).
    """
    across, down = keeps
    ph, pw = dy.shape[1], dy.shape[3]
    if ph > 1:
        yield from _give(d, down, [rows[:, t] for t in range(ph)], factor[:, 0])
    else:
        rows = d[:, None]
    yield from _give(rows, across, [dy[:, :, :, t] for t in range(pw)], factor)


def _give(d: Any, keeps: Any, places: Sequence[Any], factor: Any) -> Calls:
    """d to the last tap that was above all before it, 0 to the others."""
    for k in range(len(places) - 1, 0, -1):
        yield partial(np.copyto, factor, keeps[k - 1])  # as numbers: their product takes half as long
        stays = places[0]  # for the next tap to take its share of
        yield partial(np.multiply, d, factor, out=stays)
        yield partial(np.subtract, d, stays, out=places[k])
        if k > 1:
            yield partial(np.copyto, d, stays)
    if len(places) == 1:
        yield partial(np.copyto, places[0], d)
