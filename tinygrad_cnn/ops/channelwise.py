"""Statistics and affine maps of each channel, for images whose channels run innermost in memory, (H, W, N, C).

The image is a matrix of H * W rows and N * C columns, taken some rows at a time: what one block needs stays in the
cache, and blocks are shared among threads. Sums over rows are products with a row of ones. Arrays alone;
`normalization` calls it for batch-norm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..threads import divide
from ..windows import channels_last

_BLOCK = 1 << 18  # elements: with smaller ones threads wait for each other between NumPy calls


def fits(x: Any, dim: tuple[int, ...]) -> bool:
    """Is x (N, C, H, W) such an image, to be treated channel by channel?"""
    return dim == (0, 2, 3) and x.ndim == 4 and x.size > 0 and x.transpose(2, 3, 0, 1).flags.c_contiguous


def _matrix(a: Any) -> Any:
    """(N, C, H, W) as (H * W, N * C): a view."""
    N, C, H, W = a.shape
    return channels_last(a).reshape(H * W, N * C)


def _wide(v: Any, N: int) -> Any:
    """One number for each channel, (1, C, 1, 1), as a row (N * C,)."""
    return np.tile(v.reshape(-1), N)


def _blocks(shape: tuple[int, int], job: Callable[[slice], None], seconds: float) -> None:
    step = max(1, _BLOCK // shape[1])

    def some(start: int, stop: int) -> None:
        for r in range(start, stop, step):
            job(slice(r, min(r + step, stop)))

    divide(shape[0], some, shape[0] * shape[1] * seconds)


def _sums(
    shape: tuple[int, int], C: int, dtype: Any, columns: Callable[[slice], list[Any]], seconds: float
) -> list[Any]:
    """Sums over all but the channels, each (1, C, 1, 1), of what ``columns`` gives for a block of rows."""
    found: dict[int, list[Any]] = {}

    def job(rows: slice) -> None:
        ones = np.ones(rows.stop - rows.start, dtype)
        found[rows.start] = [ones @ a for a in columns(rows)]  # each (N * C,)

    _blocks(shape, job, seconds)
    in_order = (found[start] for start in sorted(found))
    return [np.sum(s, axis=0).reshape(-1, C).sum(0).reshape(1, C, 1, 1) for s in zip(*in_order, strict=True)]


def moments(x: Any) -> tuple[Any, Any]:
    """Mean and biased variance of each channel, (1, C, 1, 1)."""
    N, C = x.shape[:2]
    m, n = _matrix(x), x.dtype.type(x.size // C)
    (total,) = _sums(m.shape, C, x.dtype, lambda rows: [m[rows]], 0.2e-9)
    mean = total / n
    wide = _wide(mean, N)

    def squares(rows: slice) -> list[Any]:
        d = m[rows] - wide
        return [np.multiply(d, d, out=d)]

    (total,) = _sums(m.shape, C, x.dtype, squares, 0.3e-9)
    return mean, total / n


def scaled(x: Any, mean: Any, scale: Any, shift: Any) -> Any:
    """(x - mean) * scale + shift, with a mean, a scale and a shift (or None) for each channel."""
    N = x.shape[0]
    m, y = _matrix(x), np.empty_like(x, subok=False)
    out, mean, scale = _matrix(y), _wide(mean, N), _wide(scale, N)
    shift = None if shift is None else _wide(shift, N)

    def job(rows: slice) -> None:
        d = np.subtract(m[rows], mean, out=out[rows])
        d *= scale
        if shift is not None:
            d += shift

    _blocks(m.shape, job, 0.4e-9)
    return y


def slopes(g: Any, x: Any, mean: Any) -> tuple[Any, Any]:
    """sum(g) and sum(g * (x - mean)) of each channel, (1, C, 1, 1)."""
    N, C = x.shape[:2]
    a, m, mean = _matrix(g), _matrix(x), _wide(mean, N)

    def columns(rows: slice) -> list[Any]:
        d = m[rows] - mean
        return [a[rows], np.multiply(d, a[rows], out=d)]

    total, dot = _sums(m.shape, C, x.dtype, columns, 0.5e-9)
    return total, dot


def centred(g: Any, x: Any, mean: Any, slope: Any, level: Any, scale: Any) -> Any:
    """((x - mean) * slope + g - level) * scale, all but g and x a number for each channel."""
    N = x.shape[0]
    a, m, y = _matrix(g), _matrix(x), np.empty_like(x, subok=False)
    out = _matrix(y)
    mean, slope, level, scale = (_wide(v, N) for v in (mean, slope, level, scale))

    def job(rows: slice) -> None:
        d = np.subtract(m[rows], mean, out=out[rows])
        d *= slope
        d += a[rows]
        d -= level
        d *= scale

    _blocks(m.shape, job, 0.6e-9)
    return y
