"""Statistics and affine maps of each channel, for images whose channels run innermost in memory, (H, W, N, C).

The image is a matrix of H * W rows and N * C columns, taken some rows at a time: what one block needs stays in the
cache, and blocks are shared among threads. Sums over rows are products with a row of ones. Arrays alone;
`normalization` calls it for batch-norm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..arrays.threads import divide
from ..arrays.windows import channels_last

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
    shape: tuple[int, int], C: int, dtype: Any, columns: Callable[[slice], Iterable[Any]], seconds: float
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
    """Mean and biased variance of each channel, (1, C, 1, 1).

    One pass, over the distances d from the mean k of the first rows: variance = mean(d^2) - mean(d)^2. That loses few
    digits: the mean of a share f of some numbers is at most sqrt((1 - f) / f) standard deviations from that of all.
    """
    N, C = x.shape[:2]
    m, n = _matrix(x), x.dtype.type(x.size // C)
    few = m[: max(1, len(m) // 16)]
    k = few.mean(0).reshape(N, C).mean(0).reshape(1, C, 1, 1)
    wide = _wide(k, N)

    def columns(rows: slice) -> Iterator[Any]:
        d = m[rows] - wide
        yield d
        yield np.multiply(d, d, out=d)

    total, squares = _sums(m.shape, C, x.dtype, columns, 0.5e-9)
    distance = total / n
    return k + distance, np.maximum(squares / n - distance * distance, 0)


def scaled(x: Any, scale: Any, shift: Any) -> Any:
    """x * scale + shift, with a scale and a shift for each channel."""
    N = x.shape[0]
    m, y = _matrix(x), np.empty_like(x, subok=False)
    out, scale, shift = _matrix(y), _wide(scale, N), _wide(shift, N)

    def job(rows: slice) -> None:
        d = np.multiply(m[rows], scale, out=out[rows])
        d += shift

    _blocks(m.shape, job, 0.3e-9)
    return y


def slopes(g: Any, x: Any, mean: Any) -> tuple[Any, Any]:
    """sum(g) and sum(g * (x - mean)) of each channel, (1, C, 1, 1)."""
    N, C = x.shape[:2]
    a, m, mean = _matrix(g), _matrix(x), _wide(mean, N)

    def columns(rows: slice) -> Iterator[Any]:
        yield a[rows]
        d = m[rows] - mean
        yield np.multiply(d, a[rows], out=d)

    total, dot = _sums(m.shape, C, x.dtype, columns, 0.5e-9)
    return total, dot


def mixed(g: Any, x: Any, slope: Any, shift: Any, scale: Any) -> Any:
    """(x * slope + g + shift) * scale, all but g and x a number for each channel."""
    N = x.shape[0]
    a, m, y = _matrix(g), _matrix(x), np.empty_like(x, subok=False)
    out = _matrix(y)
    slope, shift, scale = (_wide(v, N) for v in (slope, shift, scale))

    def job(rows: slice) -> None:
        d = np.multiply(m[rows], slope, out=out[rows])
        d += a[rows]
        d += shift
        d *= scale

    _blocks(m.shape, job, 0.5e-9)
    return y
