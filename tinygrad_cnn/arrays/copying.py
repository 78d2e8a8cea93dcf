"""Copies between memory orders. Knows NumPy alone.

NumPy writes a copy from its first byte to its last. Where the source runs in another order, each number it reads lies
in another line of the cache, and when it comes back for the next number of a line, that line is gone if there were
too many others in between. Taking a few rows at a time keeps them. It pays most between channels innermost and
pixels innermost.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .threads import divide

_LINES = 256  # of 64 bytes that stay in a core's first cache
_FEW, _STEP = 8, 2048  # lines a multiple of so many bytes apart have few places there: so many lines stay
_SMALL, _LARGE = 1 << 16, 1 << 19  # elements: a copy is quick in any case; is more than the second cache holds


def copy_into(out: Any, x: Any) -> None:
    """out[...] = x, for x of the shape of ``out``."""
    if out.size < _SMALL:
        np.copyto(out, x)
        return
    shape, mine, others = _merged(out, x)
    axis = 1 + next((d for d, step in enumerate(others) if step == x.itemsize), len(shape))  # lines wait for it to end
    few = 0
    if axis < len(shape):
        if axis == len(shape) - 1 and others[axis] and others[axis] % _STEP == 0:
            few = _FEW
        elif out.size >= _LARGE and shape[axis - 1] * x.itemsize >= 64:
            few = max(1, _LINES // math.prod(shape[axis + 1 :]))
    if not few:
        np.copyto(out, x)
        return
    out, x = as_strided(out, shape, mine), as_strided(x, shape, others)
    before = (slice(None),) * (axis - 1)

    def some(start: int, stop: int) -> None:
        for k in range(0, shape[axis], few):
            part = (*before, slice(start, stop), slice(k, k + few))
            np.copyto(out[part], x[part])

    divide(shape[axis - 1], some, out.size * 0.5e-9)


def as_it_lies(x: Any) -> Any:
    """A copy whose elements lie as those of x do, gaps, backward runs and repetitions included.

    NumPy may take another way through a copy that lies otherwise, and round otherwise.
    """
    if x.flags.forc:
        return x.copy(order="K")
    ends = [(n - 1) * step for n, step in zip(x.shape, x.strides, strict=True)]
    memory = np.empty(x.itemsize + sum(map(abs, ends)), np.uint8)
    y: Any = np.ndarray(x.shape, x.dtype, memory, -sum(end for end in ends if end < 0), x.strides)
    y[...] = x
    return y


def contiguous(x: Any) -> Any:
    """x itself if its memory runs in C order, else a copy that does."""
    if x.flags.c_contiguous:
        return x
    out = np.empty(x.shape, x.dtype)
    copy_into(out, x)
    return out


def reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """x in another shape; a view where the strides allow one. A batch that runs within the pixels runs innermost."""
    n = x.shape[0] if x.ndim > 2 else 0
    if n > 1 and shape and shape[0] == n and x.strides[0] < min(x.strides[2:]) and x.size:
        k = len(shape) - 1
        inner = x.transpose((*range(1, x.ndim), 0))
        return (contiguous(inner) if k == 1 else inner).reshape((*shape[1:], n)).transpose((k, *range(k)))
    return np.reshape(x, shape)


def _merged(a: Any, b: Any) -> tuple[list[int], list[int], list[int]]:
    """Shape and both strides, in the memory order of a, dimensions that follow each other in both arrays as one."""
    found: list[tuple[int, int, int]] = []
    for d in sorted(range(a.ndim), key=lambda d: -abs(a.strides[d])):
        n, s, t = a.shape[d], a.strides[d], b.strides[d]
        if n == 1:
            continue
        if found and found[-1][1:] == (n * s, n * t):
            n *= found.pop()[0]
        found.append((n, s, t))
    return [n for n, _, _ in found], [s for _, s, _ in found], [t for _, _, t in found]
