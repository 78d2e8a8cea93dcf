"""A normalisation channel by channel with what follows it as one step: add, relu and max-pool; its way back as another.

Images keep the order that they have in memory, with the channels innermost or elsewhere, and are taken block by block
along their outermost dimension there: what a block needs stays in the cache, and threads share the blocks. Sums are
products with ones. A pass over the image finds mean and variance, as in `ops.channelwise`, a second one does the rest;
on the way back the first one finds the gradient of the plain normalisation, and two sums, and the second that of x.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ...arrays.scratch import Memory, of_thread
from ...arrays.threads import divide
from ...arrays.windows import Pair
from ..memory import Layout, in_order, like
from ..planned import Ready
from .conv import declared
from .epilogue import BLOCK, Calls, Once, by_part, grow, shrink

WIDE = 2048  # numbers in a row that repeats what is one for each channel: shorter loops take longer


class Follow(NamedTuple):
    """What there is to know of a normalisation and what follows it, besides its arrays."""

    eps: float
    affine: int  # 1: a weight is given; 2: and a bias
    residual: bool  # is something added?
    relu: bool
    pool: Pair  # the windows of the max-pool, side by side; (1, 1): there is none

    @property
    def pooled(self) -> bool:
        """Is there a max-pool?"""
        return self.pool != (1, 1)


def kept_shapes(x: Sequence[int], pool: Pair) -> tuple[Any, Any]:
    """The shapes of what says which tap of a window is the largest, along the width and along the height."""
    (N, C, H, W), (ph, pw) = x, pool
    return (pw - 1, N, C, H // ph * ph, W // pw), (ph - 1, N, C, H // ph, W // pw)


def _four(a: Any) -> Any:
    """An array as images (N, C, H, W)."""
    return a if a.ndim == 4 else a[(..., *(None,) * (4 - a.ndim))]


class Norm:
    """One normalisation of images like x, and what follows it."""

    def __init__(self, x: Any, follow: Follow, memory: Memory) -> None:
        four, inner = _four(x), (2, 3, 0, 1)
        self.shape, self.dtype, self.follow, self.memory = four.shape, x.dtype, follow, memory
        (N, C, H, W), (ph, pw) = self.shape, follow.pool
        self.order = inner if four.transpose(inner).flags.c_contiguous else like(four).order
        self.out = N, C, H // ph, W // pw
        self.result = Layout(self.out, self.dtype, self.order) if x.ndim == 4 else like(x)
        self.outer, self.last = self.order[0], self.order[-1] == 1  # the outermost dimension; are channels innermost?
        length = self.shape[self.outer]
        self.unit = {2: ph, 3: pw}.get(self.outer, 1)  # pixels of a window along it
        windows = length // self.unit
        n = min(windows, -(-four.size // BLOCK))
        cuts = [windows * k // n * self.unit for k in range(n)]
        self.blocks = list(zip(cuts, [*cuts[1:], length], strict=True))
        self.longest = max(stop - start for start, stop in self.blocks)
        beside = N if self.order[2:] == (0, 1) else 1
        self.repeat = max(k for k in range(1, beside + 1) if beside % k == 0 and (k == 1 or k * C <= WIDE))
        columns = self.longest * math.prod(self.shape[d] for d in self.order[1:]) // (C * self.repeat)
        beyond = math.prod(self.shape[d] for d in self.order[self.order.index(1) + 1 :])
        self.ones, self.count = np.ones(columns if self.last else beyond, self.dtype), self.dtype.type(four.size // C)
        self.seconds = four.size * 0.5e-9
        self._images, self._forth, self._back = Once(_four), Once(self._forth_on), Once(self._back_on)

    # ------------------------------------------------------------------------------------------------------- layouts
    @property
    def kept(self) -> tuple[Layout, ...]:
        """What is kept of a pool for the way back."""
        order = 0, *(d + 1 for d in self.order)
        return tuple(in_order(*shape, dtype=bool, order=order) for shape in kept_shapes(self.shape, self.follow.pool))

    def _of(self, memory: Memory, key: str, shape: Sequence[int], dtype: Any = None) -> Any:
        """Memory for (n, c, h, w), as images lie."""
        layout = Layout(tuple(shape), np.dtype(dtype or self.dtype), self.order)
        return layout.over(memory(key, (layout.nbytes,), np.uint8))

    def _along(self, shape: Sequence[int], block: Pair) -> Pair:
        """Where a block begins and ends in what has this shape: in pixels, or in windows."""
        unit = self.unit if shape[self.outer] == self.out[self.outer] else 1
        return block[0] // unit, block[1] // unit

    def _part(self, a: Any, block: Pair) -> Any:
        """A block of images: a view."""
        return a[(*(slice(None),) * self.outer, slice(*self._along(a.shape, block)))]

    def _room(self, memory: Memory, key: str, shape: Sequence[int], block: Pair, dtype: Any = None) -> Any:
        """Memory for a block of what has this shape."""
        _, most = self._along(shape, (0, self.longest))
        start, stop = self._along(shape, block)
        room = self._of(memory, key, [most if d == self.outer else n for d, n in enumerate(shape)], dtype)
        return room[(*(slice(None),) * self.outer, slice(stop - start))]

    def _flat(self, a: Any) -> Any:
        """Part of images as a matrix whose columns have one channel each, or as (., C, .): a view."""
        a, k = a.transpose(self.order), self.order.index(1)
        if self.last:
            return a.reshape(-1, self.repeat * self.shape[1])
        return a.reshape(math.prod(a.shape[:k]), a.shape[k], math.prod(a.shape[k + 1 :]))

    def _split(self, a: Any, ph: int, pw: int) -> Any:
        """(n, c, h, w) as windows (h / ph, ph, w / pw, pw, ., .), without what no window covers: a view."""
        h, w = a.shape[2] // ph, a.shape[3] // pw
        a = a.transpose(2, 3, *(d for d in self.order if d < 2))[: h * ph, : w * pw]
        return a.reshape(h, ph, w, pw, *a.shape[2:])

    def _rows(self, a: Any) -> Any:
        """What has all rows of windows, but one pixel of each along a row: (h / ph, ph, w, ., .)."""
        return self._split(a, self.follow.pool[0], 1)[:, :, :, 0]

    def _keeps(self, keeps: Sequence[Any], block: Pair) -> list[list[Any]]:
        """What is kept of a block, as `epilogue` takes it."""
        across, down = keeps
        return [
            [self._rows(self._part(keep, block)) for keep in across],
            [self._split(self._part(keep, block), 1, 1)[:, 0, :, 0] for keep in down],
        ]

    def _as_it_lies(self, x: Any) -> Any:
        """x without gaps in memory, copied if it has to be."""
        if x.transpose(self.order).flags.c_contiguous:
            return x
        laid = self._of(self.memory, "x", self.shape)
        np.copyto(laid, x)
        return laid

    # ---------------------------------------------------------------------------------------------- numbers of channels
    def _row(self, key: str) -> Any:
        """Memory for a number for each channel, as it stands beside `_flat`."""
        return self.memory(key, (self.repeat * self.shape[1],) if self.last else (self.shape[1], 1), self.dtype)

    def _fill(self, row: Any, v: Any) -> None:
        row.reshape(self.repeat, -1)[...] = v

    def _mine(self, row: Any, block: Pair) -> Any:
        return row[slice(*block)] if self.outer == 1 else row

    @property
    def _sums(self) -> Any:
        """Memory for two sums of each block."""
        blocks = 1 if self.outer == 1 else len(self.blocks)
        return self.memory("sums", (blocks, 2, self.repeat * self.shape[1]), self.dtype)

    def _sum(self, a: Any, which: int, k: int, memory: Memory) -> Calls:
        """Sum the k-th block, as `_flat` gives it."""
        out = self._sums[0, which, slice(*self.blocks[k])] if self.outer == 1 else self._sums[k, which]
        if self.last:
            yield partial(np.matmul, self.ones[: len(a)], a, out=out)
        else:
            few = memory("few", a.shape[:2], self.dtype)
            yield partial(np.matmul, a, self.ones, out=few)
            yield partial(np.add.reduce, few, axis=0, out=out)

    def _totals(self) -> Any:
        """The sums of all blocks, (2, C)."""
        each = np.add.reduce(self._sums, axis=0, out=self.memory("of blocks", self._sums.shape[1:], self.dtype))
        found = self.memory("totals", (2, self.shape[1]), self.dtype)
        return np.add.reduce(each.reshape(2, self.repeat, -1), axis=1, out=found)

    def _near(self, x: Any) -> Any:
        """The mean of some of each channel, (C,): variances are found by the distances from it."""
        if self.outer == 1:
            few = (flat := self._flat(x))[:, :, : max(1, flat.shape[2] // 16)]
        else:
            flat = self._flat(self._part(x, self.blocks[0]))
            few = flat[: max(1, -(-len(flat) * len(self.blocks) // 16))]
        if self.last:
            return (self.ones[: len(few)] @ few).reshape(self.repeat, -1).mean(0) / self.dtype.type(len(few))
        return few.mean((0, 2))

    # --------------------------------------------------------------------------------------------------- the way forth
    def forward(self, y: Any, found: Sequence[Any], keeps: Sequence[Any], x: Any, affine: Any, added: Any) -> None:
        """y, and mean, variance and r = 1 / sqrt(variance + eps) of each channel; and what is kept, if that is asked."""
        x, n = self._as_it_lies(self._images(x)), len(self.blocks)
        near, scale, shift, find, make, make_of_largest = self._forth(y, x, added, *keeps)
        k = self._near(x)
        self._fill(near, k)
        divide(n, find, self.seconds)
        total, squares = self._totals()
        distance = total / self.count
        mean, variance = k + distance, np.maximum(squares / self.count - distance * distance, 0)
        r = 1 / np.sqrt(variance + self.dtype.type(self.follow.eps))
        for out, a in zip(found, (mean, variance, r), strict=True):
            np.copyto(out, a.reshape(out.shape))
        factor = r * affine[0].reshape(-1) if affine else r
        self._fill(scale, factor)
        self._fill(shift, (affine[1].reshape(-1) if affine[1:] else 0) - mean * factor)
        divide(n, make if make_of_largest is None or not (factor > 0).all() else make_of_largest, self.seconds)

    def _forth_on(self, y: Any, x: Any, added: Any, *keeps: Any) -> tuple[Any, ...]:
        """Where numbers for each channel belong; the first pass, and the second one, on some blocks.

        There is another second one, for scales above 0: they do not change which pixel of a window is the largest.
        """
        near, scale, shift = (self._row(key) for key in ("near", "scale", "shift"))
        y, added, follow = _four(y), None if added is None else _four(added), self.follow

        def find(start: int, stop: int) -> Calls:
            memory = of_thread(self.memory, start)
            for k in range(start, stop):
                block = self.blocks[k]
                d = self._flat(self._room(memory, "d", self.shape, block))
                yield partial(np.subtract, self._flat(self._part(x, block)), self._mine(near, block), out=d)
                yield from self._sum(d, 0, k, memory)
                yield partial(np.multiply, d, d, out=d)
                yield from self._sum(d, 1, k, memory)

        def make(largest_first: bool, start: int, stop: int) -> Calls:
            memory = of_thread(self.memory, start)
            for k in range(start, stop):
                block = self.blocks[k]
                z, p = self._part(x, block), self._part(y, block)
                rows = self._room(memory, "rows", (*self.shape[:2], self.out[2] * follow.pool[0], self.out[3]), block)
                if not largest_first:
                    out = self._room(memory, "d", self.shape, block) if follow.pooled else p
                    yield from self._affine(z, block, out, scale, shift)
                    if added is not None:
                        yield partial(np.add, out, self._part(added, block), out=out)
                    z = out
                if follow.pooled:
                    small = self._split(p, 1, 1)[:, 0, :, 0]
                    yield from shrink(
                        self._split(z, *follow.pool), small, keeps and self._keeps(keeps, block), self._rows(rows)
                    )
                if largest_first:
                    yield from self._affine(p, block, p, scale, shift)
                if follow.relu:
                    yield partial(np.maximum, p, 0, out=p)

        of_largest = by_part(partial(make, True)) if follow.pooled and added is None else None
        return near, scale, shift, by_part(find), by_part(partial(make, False)), of_largest

    def _affine(self, x: Any, block: Pair, out: Any, scale: Any, shift: Any) -> Calls:
        """x * scale + shift."""
        flat = self._flat(out)
        yield partial(np.multiply, self._flat(x), self._mine(scale, block), out=flat)
        yield partial(np.add, flat, self._mine(shift, block), out=flat)

    # ----------------------------------------------------------------------------------------------------- the way back
    def back(
        self,
        dx: Any,
        dw: Any,
        db: Any,
        dy: Any,
        g: Any,
        x: Any,
        mean: Any,
        r: Any,
        w: Any,
        y: Any,
        keeps: Sequence[Any],
    ) -> None:
        """The gradients of x, w, b and of the plain normalisation, those that are not None, from g, that of y."""
        x, n = self._as_it_lies(self._images(x)), len(self.blocks)
        rows, rest, find, make = self._back(dx, dy, g, x, y, *keeps)
        for a in rest:
            a[...] = 0
        self._fill(rows[0], mean.reshape(-1))
        divide(n, find, self.seconds)
        total, dot = self._totals()
        r = r.reshape(-1)
        if dw is not None:
            np.copyto(dw, (dot * r).reshape(dw.shape))
        if db is not None:
            np.copyto(db, total.reshape(db.shape))
        if dx is not None:
            k = self.dtype.type(1 / self.count)
            slope = dot * (-k * r * r)
            for row, v in zip(
                rows[1:],
                (slope, -(total * k + mean.reshape(-1) * slope), r if w is None else r * w.reshape(-1)),
                strict=True,
            ):
                self._fill(row, v)
            divide(n, make, self.seconds)

    def _back_on(self, dx: Any, dy: Any, g: Any, x: Any, y: Any, *keeps: Any) -> tuple[Any, ...]:
        """Where numbers for each channel belong; what is to be 0; and the two passes, on some blocks."""
        rows = mean, slope, shift, scale = [self._row(key) for key in ("mean", "slope", "shift", "scale")]
        follow, (ph, pw) = self.follow, self.follow.pool
        g, y = _four(g), None if y is None else _four(y)
        itself = not follow.relu and not follow.pooled and g.transpose(self.order).flags.c_contiguous
        target = g if itself else dy if dy is not None else dx
        target = self._of(self.memory, "dy", self.shape) if target is None else _four(target)
        dx = None if dx is None else _four(dx)
        rest = (target[:, :, self.out[2] * ph :], target[:, :, :, self.out[3] * pw :]) if follow.pooled else ()

        def find(start: int, stop: int) -> Calls:
            memory = of_thread(self.memory, start)
            for k in range(start, stop):
                block = self.blocks[k]
                z = self._part(target, block)
                d = self._room(memory, "slopes", self.out, block) if follow.pooled else z
                if follow.relu:
                    mask = self._room(memory, "mask", self.out, block, bool)
                    yield partial(np.greater, self._part(y, block), 0, out=mask)
                    yield partial(np.multiply, self._part(g, block), mask, out=d)
                elif not itself:
                    yield partial(np.copyto, d, self._part(g, block))
                if follow.pooled:
                    size = *self.shape[:2], self.out[2] * ph, self.out[3]
                    scratch = [self._rows(self._room(memory, key, size, block)) for key in ("rows", "factor")]
                    small = self._split(d, 1, 1)[:, 0, :, 0]
                    yield from grow(small, self._keeps(keeps, block), self._split(z, ph, pw), *scratch)
                flat, t = self._flat(z), self._flat(self._room(memory, "d", self.shape, block))
                yield from self._sum(flat, 0, k, memory)
                yield partial(np.subtract, self._flat(self._part(x, block)), self._mine(mean, block), out=t)
                yield partial(np.multiply, t, flat, out=t)
                yield from self._sum(t, 1, k, memory)

        def make(start: int, stop: int) -> Calls:
            memory = of_thread(self.memory, start)
            for k in range(start, stop):
                block = self.blocks[k]
                t, out = (self._flat(a) for a in (self._room(memory, "d", self.shape, block), self._part(dx, block)))
                yield partial(np.multiply, self._flat(self._part(x, block)), self._mine(slope, block), out=t)
                yield partial(np.add, t, self._flat(self._part(target, block)), out=t)
                yield partial(np.add, t, self._mine(shift, block), out=t)
                yield partial(np.multiply, t, self._mine(scale, block), out=out)

        return rows, rest, by_part(find), by_part(make)


@declared
def norm_block(*arrays: Any, follow: Follow, kept: bool, memory: Memory) -> Ready:
    """y, mean, variance, r = 1 / sqrt(variance + eps); and what is ``kept`` of a pool, if that is wanted.

    ``arrays``: x, weight and bias as far as there are, and what is added.
    """
    x, norm = arrays[0], Norm(arrays[0], follow, memory)
    small = in_order(*(n if d == 1 else 1 for d, n in enumerate(x.shape)), dtype=x.dtype)
    layouts = norm.kept if kept and follow.pooled else ()
    last = 4 + len(layouts)

    def run(*arrays: Any) -> None:
        (y, *rest), (x, *more) = arrays[:last], arrays[last:]
        norm.forward(y, rest[:3], rest[3:], x, more[: follow.affine], more[-1] if follow.residual else None)

    return Ready(run, (norm.result, small, small, small, *layouts))


@declared
def norm_block_back(*arrays: Any, follow: Follow, found: str, memory: Memory) -> Ready:
    """The gradients that ``found`` names: of x, w, b, and of y, the plain normalisation, as it goes to what was added.

    ``arrays``: g, x, mean, r, the weight if there is one, the result if there is a relu, and what was kept.
    """
    x, mean = arrays[1:3]
    norm = Norm(x, follow, memory)
    slopes = {
        "x": like(x) if x.ndim < 4 else Layout(x.shape, x.dtype, norm.order),
        "w": in_order(*mean.shape, dtype=x.dtype),
    }
    slopes |= {"b": slopes["w"], "y": slopes["x"]}

    def run(*arrays: Any) -> None:
        made = dict(zip(found, arrays, strict=False))
        g, x, mean, r, *more = arrays[len(found) :]
        w = more.pop(0) if follow.affine else None
        y = more.pop(0) if follow.relu else None
        norm.back(*map(made.get, "xwby"), g, x, mean, r, w, y, more)

    return Ready(run, tuple(slopes[name] for name in found))
