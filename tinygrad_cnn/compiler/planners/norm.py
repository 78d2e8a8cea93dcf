"""A normalisation channel by channel with what follows it as one step: add, relu and max-pool; its way back as another.

A first pass over the image finds two sums for each channel, and a second one does the rest; on the way back the first
one finds the gradient of the plain normalisation besides. Sums are products with ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ...arrays.scratch import Memory, of_thread
from ...arrays.threads import Calls, by_part, divide
from ...arrays.windows import Pair
from ..memory import in_order, like
from ..planned import Ready
from .conv import declared
from .epilogue import Once, grow, shrink
from .images import Images

FAR = 4  # mean^2 / variance: beyond that sums of distances from the mean are taken, which lose no digits


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

    @property
    def tells(self) -> bool:
        """Does the result tell what was normalised, wherever a gradient comes through?"""
        return (self.relu or self.pooled) and not self.residual


class Norm(Images):
    """One normalisation of images like x, and what follows it."""

    def __init__(self, x: Any, follow: Follow, memory: Memory) -> None:
        super().__init__(x, follow.pool, memory)
        self.follow, self.count, self.seconds = follow, x.dtype.type(x.size // x.shape[1]), x.size * 0.5e-9
        self._forth, self._back = Once(self._forth_on), Once(self._back_on)

    def _as_it_lies(self, x: Any) -> Any:
        """x without gaps in memory, copied if it has to be."""
        if self.lies(x):
            return x
        laid = self.room_of_all("x")
        np.copyto(laid, x)
        return laid

    def _found(self, find: Any) -> Any:
        """Two sums of each channel, after a pass over the image."""
        divide(len(self.blocks), find, self.seconds)
        return self.totals()

    # --------------------------------------------------------------------------------------------------- the way forth
    def forward(self, y: Any, found: Sequence[Any], keeps: Sequence[Any], x: Any, affine: Any, added: Any) -> None:
        """y; mean, variance and r = 1 / sqrt(variance + eps) of each channel; what is kept, if that is asked for."""
        x = self._as_it_lies(x)
        (near, scale, shift, zeros), find, find_near, make, make_of_largest = self._forth(y, x, added, *keeps)
        mean, variance = self._moments(near, find, find_near)
        r = 1 / np.sqrt(variance + self.dtype.type(self.follow.eps))
        for out, a in zip(found, (mean, variance, r), strict=True):
            np.copyto(out, a.reshape(out.shape))
        factor = r * affine[0].reshape(-1) if affine else r
        zeros[...] = 0
        self.fill(scale, factor)
        self.fill(shift, (affine[1].reshape(-1) if affine[1:] else 0) - mean * factor)
        largest_first = self.follow.pooled and not self.follow.residual and (factor > 0).all()
        divide(len(self.blocks), make_of_largest if largest_first else make, self.seconds)

    def scaled(self, y: Any, x: Any, s: Any, t: Any, added: Any) -> None:
        """y with x * s + t in the place of the normalisation."""
        x = self._as_it_lies(x)
        (_, scale, shift, zeros), _, _, make, _ = self._forth(y, x, added)
        zeros[...] = 0
        self.fill(scale, s.reshape(-1))
        self.fill(shift, t.reshape(-1))
        divide(len(self.blocks), make, self.seconds)

    def _moments(self, near: Any, find: Any, find_near: Any) -> tuple[Any, Any]:
        """Mean and biased variance of each channel, (C,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            mean, square = self._found(find) / self.count
            variance = square - mean * mean
            if np.isfinite(variance).all() and (mean * mean <= FAR * variance).all():
                return mean, variance
        self.fill(near, mean)
        distance, square = self._found(find_near) / self.count
        return mean + distance, np.maximum(square - distance * distance, 0)

    def _forth_on(self, y: Any, x: Any, added: Any, *keeps: Any) -> tuple[Any, ...]:
        """Where numbers for each channel belong; the first pass, and the second one, on some blocks, in two ways each.

        Scales above 0 do not change which pixel of a window is the largest, so there the pool may come first.
        """
        rows = near, scale, shift, zeros = [self.row(key) for key in ("near", "scale", "shift", "zeros")]
        follow = self.follow

        def find(distances: bool, start: int, stop: int) -> Calls:
            memory = of_thread(self.memory, start)
            for k in range(start, stop):
                part = self.part(x, self.blocks[k])
                if distances:
                    part = yield from self._distances(part, near, self.blocks[k], memory)
                yield from self.sum_up(k, part, part, memory)

        def make(largest_first: bool, start: int, stop: int) -> Calls:
            memory = of_thread(self.memory, start)
            for block in self.blocks[start:stop]:
                z, p = self.part(x, block), self.part(y, block)
                if not largest_first:
                    out = self.room(memory, "d", self.shape, block) if follow.pooled else p
                    yield from self._affine(z, out, block, scale, shift)
                    if added is not None:
                        yield partial(np.add, out, self.part(added, block), out=out)
                    z = out
                if follow.pooled:
                    bits = self.keeps(keeps, block) if keeps else ()
                    yield from shrink(self.windows(z), self.pixels(p), bits, *self._rows_of(memory, block, "rows"))
                if largest_first:
                    yield from self._affine(p, p, block, scale, shift)
                if follow.relu:
                    yield partial(np.maximum, self.flat(p), self.mine(zeros, block), out=self.flat(p))

        jobs = (by_part(partial(job, way)) for job in (find, make) for way in (False, True))
        return rows, *jobs

    def _distances(self, x: Any, near: Any, block: Pair, memory: Memory) -> Any:
        """x - near, in scratch memory."""
        d = self.room(memory, "d", self.shape, block)
        yield partial(np.subtract, self.flat(x), self.mine(near, block), out=self.flat(d))
        return d

    def _affine(self, x: Any, out: Any, block: Pair, scale: Any, shift: Any) -> Calls:
        """x * scale + shift."""
        flat = self.flat(out)
        yield partial(np.multiply, self.flat(x), self.mine(scale, block), out=flat)
        yield partial(np.add, flat, self.mine(shift, block), out=flat)

    def _rows_of(self, memory: Memory, block: Pair, *keys: str) -> list[Any]:
        """Scratch memory for rows of windows."""
        size = *self.shape[:2], self.out[2] * self.pool[0], self.out[3]
        return [self.rows(self.room(memory, key, size, block)) for key in keys]

    # ----------------------------------------------------------------------------------------------------- the way back
    def back(
        self, slopes: Sequence[Any], g: Any, x: Any, mean: Any, r: Any, affine: Any, y: Any, keeps: Sequence[Any]
    ) -> None:
        """The gradients of x, w, b and of the plain normalisation, those that are not None, from g, that of y."""
        dx, dw, db, dy = slopes
        x, (mean, r, *affine) = self._as_it_lies(x), [a.reshape(-1) for a in (mean, r, *affine)]
        rows, rest, make, *ways = self._back(dx, dy, g, x, y, *keeps)
        for a in rest:
            a[...] = 0
        total, dot = self._products(rows[0], mean, r, affine, *ways)
        if dw is not None:
            np.copyto(dw, (dot * r).reshape(dw.shape))
        if db is not None:
            np.copyto(db, total.reshape(db.shape))
        if dx is not None:
            k = self.dtype.type(1 / self.count)
            slope = dot * (-k * r * r)
            self.fill(rows[1], slope)
            self.fill(rows[2], -(total * k + mean * slope))
            self.fill(rows[3], r * affine[0] if affine else r)
            divide(len(self.blocks), make, self.seconds)

    def _products(
        self, near: Any, mean: Any, r: Any, affine: Sequence[Any], of_y: Any, of_x: Any, of_distances: Any
    ) -> Any:
        """sum(dy) and sum(dy * (x - mean)) of each channel, (C,): in the quickest way that loses no digits.

        Where y = (x - mean) r w + b, sum(dy * y) tells the second one.
        """
        ones: list[Any] = [np.ones_like(mean), np.zeros_like(mean)]
        w, b = [*affine, *ones[len(affine) :]]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if ((mean * r) ** 2 <= FAR).all():
                from_y = self.follow.tells and (b * b < FAR * w * w).all()
                total, dot = self._found(of_y if from_y else of_x)
                dot = (dot - b * total) / (w * r) if from_y else dot - mean * total
                if np.isfinite(dot).all():
                    return total, dot
        self.fill(near, mean)
        return self._found(of_distances)

    def _back_on(self, dx: Any, dy: Any, g: Any, x: Any, y: Any, *keeps: Any) -> tuple[Any, ...]:
        """Where numbers for each channel belong; what is to be 0; the second pass, and the first one, in three ways."""
        rows = near, slope, shift, scale = [self.row(key) for key in ("near", "slope", "shift", "scale")]
        follow, (ph, pw) = self.follow, self.pool
        itself = not follow.relu and not follow.pooled and self.lies(g)
        target = g if itself else dy if dy is not None else dx if dx is not None else self.room_of_all("dy")
        rest = (target[:, :, self.out[2] * ph :], target[:, :, :, self.out[3] * pw :]) if follow.pooled else ()

        def gradient(z: Any, k: int, tells: bool, memory: Memory) -> Calls:
            block = self.blocks[k]
            d, part = self.room(memory, "slopes", self.out, block) if follow.pooled else z, self.part(g, block)
            if follow.relu:
                mask = self.room(memory, "mask", self.out, block, bool)
                yield partial(np.greater, self.part(y, block), 0, out=mask)
                yield partial(np.multiply, part, mask, out=d)
            elif not itself:
                yield partial(np.copyto, d, part)
            if tells:
                yield from self.sum_up(k, d, self.part(y, block), memory)
            if follow.pooled:
                scratch = self._rows_of(memory, block, "rows", "factor")
                yield from grow(self.pixels(d), self.keeps(keeps, block), self.windows(z), *scratch)

        def find(way: str, start: int, stop: int) -> Calls:
            memory = of_thread(self.memory, start)
            for k in range(start, stop):
                z, part = (self.part(a, self.blocks[k]) for a in (target, x))
                yield from gradient(z, k, way == "y", memory)
                if way == "distances":
                    part = yield from self._distances(part, near, self.blocks[k], memory)
                if way != "y":
                    yield from self.sum_up(k, z, part, memory)

        def make(start: int, stop: int) -> Calls:
            memory = of_thread(self.memory, start)
            for block in self.blocks[start:stop]:
                t = self.flat(self.room(memory, "d", self.shape, block))
                slopes, part, out = (self.flat(self.part(a, block)) for a in (target, x, dx))
                yield partial(np.multiply, part, self.mine(slope, block), out=t)
                yield partial(np.add, t, slopes, out=t)
                yield partial(np.add, t, self.mine(shift, block), out=t)
                yield partial(np.multiply, t, self.mine(scale, block), out=out)

        return rows, rest, by_part(make), *(by_part(partial(find, way)) for way in ("y", "x", "distances"))


@declared
def norm_block(*arrays: Any, follow: Follow, kept: bool, memory: Memory) -> Ready:
    """y, mean, variance, r = 1 / sqrt(variance + eps); and what is ``kept`` of a pool, if that is wanted.

    ``arrays``: x, weight and bias as far as there are, and what is added.
    """
    norm = Norm(arrays[0], follow, memory)
    of_channels = in_order(1, norm.shape[1], 1, 1, dtype=norm.dtype)
    layouts = norm.kept if kept and follow.pooled else ()
    last = 4 + len(layouts)

    def run(*arrays: Any) -> None:
        (y, *rest), (x, *more) = arrays[:last], arrays[last:]
        norm.forward(y, rest[:3], rest[3:], x, more[: follow.affine], more[-1] if follow.residual else None)

    return Ready(run, (norm.small, of_channels, of_channels, of_channels, *layouts))


@declared
def norm_block_back(*arrays: Any, follow: Follow, found: str, memory: Memory) -> Ready:
    """The gradients that ``found`` names: of x, w, b, and of y, the plain normalisation, as it goes to what was added.

    ``arrays``: g, x, mean, r, weight and bias as far as there are, the result if there is a relu or if it `tells`, and
    what was kept.
    """
    g, x, mean = arrays[:3]
    norm = Norm(x, follow, memory)
    of_channels = in_order(*mean.shape, dtype=norm.dtype)
    layouts = {"x": norm.whole, "y": norm.whole, "w": of_channels, "b": of_channels}

    def run(*arrays: Any) -> None:
        made = dict(zip(found, arrays, strict=False))
        g, x, mean, r, *more = arrays[len(found) :]
        affine = [more.pop(0) for _ in range(follow.affine)]
        y = more.pop(0) if follow.relu or follow.tells else None
        norm.back([made.get(name) for name in "xwby"], g, x, mean, r, affine, y, more)

    over = 0 if found[0] == "x" and g.shape == x.shape and like(g).order == norm.order else None
    return Ready(run, tuple(layouts[name] for name in found), over)


@declared
def scaled_block(x: Any, *_more: Any, follow: Follow, memory: Memory) -> Ready:
    """x * s + t with one s and one t for each channel, and what follows it."""
    norm = Norm(x, follow, memory)

    def run(y: Any, x: Any, s: Any, t: Any, *added: Any) -> None:
        norm.scaled(y, x, s, t, added[0] if added else None)

    return Ready(run, (norm.small,))


@declared
def folded(w: Any, *_more: Any, memory: Memory) -> Ready:
    """The kernels w * s and the bias b * s + t, of w (O, C, kh, kw), s and t (1, O, 1, 1), and b (O,), if any."""
    few = memory("few", (len(w),), w.dtype)

    def run(kernels: Any, bias: Any, w: Any, s: Any, t: Any, *b: Any) -> None:
        s = s.reshape(-1)
        np.multiply(w, s[:, None, None, None], out=kernels)
        np.copyto(bias, t.reshape(-1))
        for old in b:
            np.add(bias, np.multiply(old, s, out=few), out=bias)

    return Ready(run, (like(w), in_order(len(w), dtype=w.dtype)))
