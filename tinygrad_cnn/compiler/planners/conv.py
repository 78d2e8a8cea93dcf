"""A convolution with what follows it as one step: bias, relu and max-pool; and its way back as another."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from ...arrays.convolution import MANY, choose
from ...arrays.scratch import Desk, Memory, fresh
from ...arrays.windows import Geometry, Pads, Pair
from ..memory import in_order
from ..planned import PLANNERS, WORKERS, Planner, Ready
from .one import One
from .rows import Rows
from .wide import Wide

FEW = 9  # taps: with more Rows are quicker for many channels too, 24 ms instead of 30 for 64 of 5x5 (N = 16, 16x16)
MOST = 1 << 22  # numbers in the columns of a batch: more are not kept
MOST_OF_ONE = 1 << 18  # numbers in those of a single image: more do not stay in the cache


class Block(NamedTuple):
    """What there is to know of a convolution and what follows it, besides its arrays."""

    stride: Pair
    padding: Pads
    dilation: Pair
    relu: bool
    pool: Pair  # the windows of the max-pool, side by side; (1, 1): there is none
    last: bool  # does what reads the result want its channels innermost in memory?

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
        fits = self.dilation[0] == 1 and geometry.padded((H, W))[0] * kw * C * ow * N <= MOST
        if min(O, C) >= MANY and (kh * kw <= FEW or not fits):
            ways = (choose(w, geometry, 1, N, out, dtype), choose(w, geometry, 1, N, out, dtype, image=True))
            return Wide(x, O, geometry, ways, self.pool, self.relu, dtype, memory)
        return Rows(x, O, geometry, self.pool, self.relu, self.last, dtype, memory) if fits else None

    def on_one(self, x: Any, w: Any, dtype: Any, memory: Memory) -> One | None:
        """The block on a single image, for a call without a way back; None where another way is as quick."""
        geometry = self.geometry(w[2:])
        if x[0] > 1 or math.prod(w[1:]) * math.prod(geometry.out(x[2:])) > MOST_OF_ONE:
            return None
        return One(x, w[0], geometry, self.pool, self.relu, dtype, memory)


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


@declared
def conv_block(x: Any, w: Any, *_b: Any, block: Block, kept: bool, memory: Memory) -> Ready:
    """y (N, O, PH, PW); and what is ``kept`` for the way back, if that is wanted."""
    work: One | Rows | Wide | None = None if kept else block.on_one(x.shape, w.shape, x.dtype, memory)
    work = work or block.on(x.shape, w.shape, x.dtype, memory)
    assert work is not None
    layouts = work.kept if kept else ()

    def run(y: Any, *arrays: Any) -> None:
        x, w, *b = arrays[len(layouts) :]
        work.forward(y, arrays[: len(layouts)], x, w, *(b or (None,)))

    return Ready(run, (work.result, *layouts))


@declared
def conv_block_back(*arrays: Any, block: Block, size: Any, bias: bool, image: bool, memory: Memory) -> Ready:
    """The gradients of w, of b if there is a ``bias``, and of x (of this size), if that is asked for.

    ``arrays``: g, y, w, what was kept, and x where that is read.
    """
    g, _, w = arrays[:3]
    work = block.on(size, w.shape, g.dtype, memory)
    assert work is not None
    slopes = [in_order(*w.shape, dtype=g.dtype)]
    if bias:
        slopes.append(in_order(len(w), dtype=g.dtype))
    if image:
        slopes.append(work.slope_of_x())

    def run(*arrays: Any) -> None:
        found, (g, y, w, *kept) = arrays[: len(slopes)], arrays[len(slopes) :]
        work.back(found[0], found[1] if bias else None, found[-1] if image else None, g, y, w, kept)

    return Ready(run, tuple(slopes))
