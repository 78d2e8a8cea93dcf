"""A convolution with what follows it as one step: bias, relu and max-pool; and its way back as another."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple


from ...arrays.convolution import MANY
from ...arrays.windows import Geometry, Pads, Pair
from ..memory import Layout, in_order
from ..planned import PLANNERS, Planner, Ready
from .rows import Rows

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

    def fits(self, x: tuple[int, ...], w: tuple[int, ...], dtype: Any) -> bool:
        """Is it known how to do it at once?"""
        geometry = self.geometry(w[2:])
        oh, ow = geometry.out(x[2:])
        few = min(w[0], w[1]) < MANY
        size = geometry.padded(x[2:])[0] * w[3] * w[1] * ow * x[0]
        plain = x[1] == w[1] and geometry.dilation[0] == 1 and dtype.kind == "f" and dtype.itemsize >= 4
        return plain and few and 0 < size <= MOST and oh >= self.pool[0] and ow >= self.pool[1]


def declared(planner: Planner) -> Any:
    """A forward on arrays of what a planner knows: on new memory, once."""

    @functools.wraps(planner)
    def forward(*arrays: Any, **settings: Any) -> Any:
        ready = planner(*arrays, **settings)
        assert ready is not None
        outputs = tuple(layout.anew() for layout in ready.outputs)
        ready.run(*outputs, *arrays)
        return outputs

    PLANNERS[forward] = planner
    return forward


def kept_layouts(x: Any, w: Any, dtype: Any, block: Block) -> tuple[Layout, ...]:
    """What a convolution of x by w, of these shapes, keeps for its way back."""
    rows = Rows(x, w[0], block.geometry(w[2:]), block.pool, block.relu, dtype)
    return (*rows.keeps, rows.columns)


@declared
def conv_block(x: Any, w: Any, *b: Any, block: Block, kept: bool) -> Ready:
    """y (N, O, PH, PW); and, where it is ``kept``, which taps were the largest, and the columns, for the way back."""
    rows = Rows(x.shape, len(w), block.geometry(w.shape[2:]), block.pool, block.relu, x.dtype)
    if kept:

        def run(y: Any, across: Any, down: Any, columns: Any, x: Any, w: Any, *b: Any) -> None:
            rows.fill(columns, x)
            rows.forward(y, (across, down), columns, w, *(b or (None,)))

        return Ready(run, (rows.result, *rows.keeps, rows.columns))
    columns = rows.columns.anew()

    def alone(y: Any, x: Any, w: Any, *b: Any) -> None:
        rows.fill(columns, x)
        rows.forward(y, None, columns, w, *(b or (None,)))

    return Ready(alone, (rows.result,))


@declared
def conv_block_back(
    g: Any, y: Any, across: Any, down: Any, columns: Any, w: Any, *, block: Block, size: Any, bias: bool, image: bool
) -> Ready:
    """The gradients of w, of b if there is a ``bias``, and of x (of this size), if that is asked for."""
    rows = Rows(size, len(w), block.geometry(w.shape[2:]), block.pool, block.relu, g.dtype)
    dy = rows.dy if image else None

    def run(*arrays: Any) -> None:
        *slopes, g, y, across, down, columns, w = arrays
        rows.back(slopes[0], slopes[1] if bias else None, dy, g, y, (across, down), columns)
        if image:
            rows.back_to_image(slopes[-1], w)

    outputs = [in_order(*w.shape, dtype=g.dtype)]
    if bias:
        outputs.append(in_order(len(w), dtype=g.dtype))
    if image:
        outputs.append(in_order(*size, dtype=g.dtype, order=(2, 1, 3, 0)))
    return Ready(run, tuple(outputs))


