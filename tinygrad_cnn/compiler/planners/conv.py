"""A convolution with what follows it as one step: bias, relu and max-pool; and its way back as another."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from ...arrays.convolution import MANY, choose
from ...arrays.scratch import Desk, Memory, fresh
from ...arrays.windows import Geometry, Pads, Pair
from ..memory import Layout, in_order
from ..planned import PLANNERS, WORKERS, Planner, Ready
from .rows import Rows
from .wide import Wide

MOST = 1 << 22  # numbers in the columns of a batch: more are not kept


class Block(NamedTuple):
    """What there is to know of a convolution and what follows it, besides its arrays."""

    stride: Pair
    padding: Pads
    dilation: Pair
    relu: bool
    pool: Pair  # the windows of the max-pool, side by side; (1, 1): there is none

    def geometry(self, kernel: Pair) -> Geometry:
        """How its windows lie."""
        return Geometry(kernel, self.stride, self.padding, self.dilation)

    def on(self, x: Any, w: Any, dtype: Any, memory: Memory = fresh) -> Rows | Wide | None:
        """The block on images x by kernels w, of these shapes; None where that is not known."""
        (N, C, H, W), (O, _, kh, kw) = x, w
        geometry = self.geometry((kh, kw))
        oh, ow = out = geometry.out((H, W))
        if w[1] != C or dtype.kind != "f" or dtype.itemsize < 4 or not math.prod(x) or not math.prod(w):
            return None
        if oh < self.pool[0] or ow < self.pool[1]:
            return None
        if min(O, C) >= MANY:
            ways = (choose(w, geometry, 1, N, out, dtype), choose(w, geometry, 1, N, out, dtype, image=True))
            return Wide(x, O, geometry, ways, self.pool, self.relu, dtype, memory)
        if self.dilation[0] > 1 or geometry.padded((H, W))[0] * kw * C * ow * N > MOST:
            return None
        return Rows(x, O, geometry, self.pool, self.relu, dtype, memory)


def declared(planner: Planner) -> Any:
    """A forward on arrays of what a planner knows: on new memory, once."""

    @functools.wraps(planner)
    def forward(*arrays: Any, **settings: Any) -> Any:
        ready = planner(*arrays, **settings, memory=Desk().of_job())
        assert ready is not None
        outputs = tuple(layout.anew() for layout in ready.outputs)
        ready.run(*outputs, *arrays)
        return outputs

    PLANNERS[forward] = planner
    WORKERS.add(forward)
    return forward


def kept_layouts(work: Rows | Wide) -> tuple[Layout, ...]:
    """What a convolution keeps for its way back: which taps were the largest; and the columns."""
    return (*work.keeps, work.columns) if isinstance(work, Rows) else work.keeps


def _found(x: Any, w: Any, block: Block, memory: Memory) -> Rows | Wide:
    work = block.on(x.shape, w.shape, x.dtype, memory)
    assert work is not None
    return work


@declared
def conv_block(x: Any, w: Any, *_b: Any, block: Block, kept: bool, memory: Memory) -> Ready:
    """y (N, O, PH, PW); and what is ``kept`` for the way back, if that is wanted."""
    work = _found(x, w, block, memory)
    if isinstance(work, Wide):

        def run_wide(y: Any, *arrays: Any) -> None:
            keeps, (x, w, *b) = (arrays[:2], arrays[2:]) if kept else ((), arrays)
            work.forward(y, keeps, x, w, *(b or (None,)))

        return Ready(run_wide, (work.result, *(kept_layouts(work) if kept else ())))
    rows = work
    room = None if kept else memory("columns", rows.columns.shape, rows.dtype)

    def run(y: Any, *arrays: Any) -> None:
        (across, down, columns), (x, w, *b) = (arrays[:3], arrays[3:]) if kept else ((None, None, room), arrays)
        rows.fill(columns, x)
        rows.forward(y, (across, down) if kept else (), columns, w, *(b or (None,)))

    return Ready(run, (rows.result, *(kept_layouts(rows) if kept else ())))


@declared
def conv_block_back(*arrays: Any, block: Block, size: Any, bias: bool, image: bool, memory: Memory) -> Ready:
    """The gradients of w, of b if there is a ``bias``, and of x (of this size), if that is asked for.

    ``arrays``: g, y, w, which taps were the largest, and the columns (`Rows`) or x (`Wide`).
    """
    g, _, w = arrays[:3]
    work = block.on(size, w.shape, g.dtype, memory)

    def run(*arrays: Any) -> None:
        *slopes, g, y, w, across, down, rest = arrays
        db, dx = slopes[1] if bias else None, slopes[-1] if image else None
        if isinstance(work, Wide):
            work.back(slopes[0], db, dx, g, y, (across, down), rest, w)
        elif isinstance(work, Rows):
            work.back(slopes[0], db, work.dy if image else None, g, y, (across, down), rest)
            if image:
                work.back_to_image(dx, w)

    outputs = [in_order(*w.shape, dtype=g.dtype)]
    if bias:
        outputs.append(in_order(len(w), dtype=g.dtype))
    if image:
        outputs.append(in_order(*size, dtype=g.dtype, order=(2, 3, 0, 1) if isinstance(work, Wide) else (2, 1, 3, 0)))
    return Ready(run, tuple(outputs))
