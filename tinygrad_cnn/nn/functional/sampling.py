"""Images looked up at places that are computed, as functions (Jaderberg et al., 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...autograd.graph import Array
from ...ops import elementwise as e
from ...ops.activation import hardtanh
from ...ops.linalg import matmul
from ...ops.rounding import fmod
from ...ops.shape import permute, reshape, transpose
from ...ops.watched import as_one, aside
from .arguments import check_floating, check_same_dtype, dtype_of
from .cubic import cubic_weights

_PADDINGS = ("zeros", "border", "reflection")


def affine_grid(theta: Array, size: Sequence[int], align_corners: bool | None = None) -> Array:
    """For each pixel of an output, the place in the input that an affine map sends it to, for `grid_sample`.

    Args:
        theta: (N, 2, 3), one matrix an image, on (x, y, 1) with x and y from -1 to 1.
        size: (N, C, H, W) of the output.
        align_corners: do -1 and 1 mean the centres of the corner pixels, or (False, the default) their outer corners?

    Returns:
        (N, H, W, 2): x and y for each pixel.
    """
    name = "affine_grid"
    check_floating(theta, "theta", name)
    wanted = tuple(size)
    if not all(isinstance(n, (int, np.integer)) for n in wanted):
        raise TypeError(f"{name}: size must hold integers, got {wanted}")
    if len(wanted) == 5:
        raise NotImplementedError(f"{name}: volumes are not supported, only size (N, C, H, W); got {wanted}")
    if len(wanted) != 4 or min(wanted) < 1:
        raise ValueError(f"{name}: size must be (N, C, H, W), all at least 1, got {wanted}")
    N, _, H, W = wanted
    if tuple(theta.shape) != (N, 2, 3):
        raise ValueError(f"{name}: theta must have shape ({N}, 2, 3), one matrix an image, got {tuple(theta.shape)}")

    def line(n: int) -> Any:
        ends = np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
        return ends if align_corners else ends * ((n - 1) / n)

    x, y = np.meshgrid(line(W), line(H))
    base = np.stack([x, y, np.ones_like(x)], -1).reshape(H * W, 3).astype(dtype_of(theta))
    return reshape(matmul(base, transpose(theta, 1, 2)), (N, H, W, 2))


def grid_sample(
    input: Array,
    grid: Array,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Array:
    """The values of images at the places of a grid.

    Args:
        input: (N, C, H, W).
        grid: (N, oh, ow, 2): x and y of each place; -1 and 1 are the image's borders.
        mode: "bilinear" (of four pixels), "nearest" or "bicubic" (of sixteen: Keys, 1981).
        padding_mode: what lies beyond the image: "zeros", "border" (the nearest edge pixel) or "reflection".
        align_corners: are the borders the centres of the edge pixels, or (False, the default) their outer edges?

    Returns:
        (N, C, oh, ow)

    Raises:
        ValueError: shapes, or a mode, that do not fit. NotImplementedError: volumes.

    >>> grid_sample(np.arange(4.0).reshape(1, 1, 2, 2), np.zeros((1, 1, 1, 2))).tolist()
    [[[[1.5]]]]
    """
    name = "grid_sample"
    check_floating(input, "input", name)
    check_floating(grid, "grid", name)
    check_same_dtype(input, grid, name, "grid")
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"{name}: mode must be 'bilinear', 'nearest' or 'bicubic', got {mode!r}")
    if padding_mode not in _PADDINGS:
        raise ValueError(f"{name}: padding_mode must be one of {', '.join(_PADDINGS)}, got {padding_mode!r}")
    if input.ndim == 5:
        raise NotImplementedError(f"{name}: volumes are not supported, only input (N, C, H, W)")
    if input.ndim != 4 or grid.ndim != 4 or grid.shape[0] != input.shape[0] or grid.shape[3] != 2:
        raise ValueError(
            f"{name}: expected input (N, C, H, W) and grid (N, oh, ow, 2), got {tuple(input.shape)} and "
            f"{tuple(grid.shape)}"
        )
    if 0 in input.shape[1:]:
        raise ValueError(f"{name}: input has no pixels, its shape is {tuple(input.shape)}")
    return as_one("grid_sample", _sampled, input, grid, mode=mode, padding=padding_mode, align=bool(align_corners))


def _sampled(image: Array, grid: Array, *, mode: str, padding: str, align: bool) -> Array:
    """`grid_sample`, unchecked."""
    look = _Lookup(image.shape[2], image.shape[3], padding, align)
    x, y = (look.pixels(grid[..., i], size) for i, size in ((0, look.W), (1, look.H)))  # (N, oh, ow) each
    if mode == "bicubic":
        return _bicubic(look, image, x, y)
    x, y = look.inside(x, look.W), look.inside(y, look.H)
    if mode == "nearest":
        return look.at(image, *aside(_nearest, x, y))
    left, top = aside(_below, x, y)
    right, below = x - left, y - top  # shares of the neighbours
    return (
        look.at(image, left, top) * _channel((1 - right) * (1 - below))
        + look.at(image, left, top, 1, 0) * _channel(right * (1 - below))
        + look.at(image, left, top, 0, 1) * _channel((1 - right) * below)
        + look.at(image, left, top, 1, 1) * _channel(right * below)
    )


def _nearest(*places: Any) -> tuple[Any, ...]:
    return tuple(map(np.rint, places))


def _below(*places: Any) -> tuple[Any, ...]:
    return tuple(map(np.floor, places))


def _channel(weights: Array) -> Array:
    """(N, oh, ow) as (N, 1, oh, ow)"""
    return weights[:, None]


class _Lookup(NamedTuple):
    """How an image is asked for pixels, inside and beyond its borders."""

    H: int
    W: int
    padding: str
    align: bool

    def pixels(self, places: Array, size: int) -> Array:
        """Places from -1 to 1 as numbers of pixels."""
        return (places + 1) * ((size - 1) / 2) if self.align else ((places + 1) * size - 1) / 2

    def inside(self, places: Array, size: int) -> Array:
        """Places beyond the border brought back, as the padding says."""
        if self.padding == "zeros":
            return places
        if self.padding == "reflection":
            places = self._reflected(places, size)
        return hardtanh(places, low=0.0, high=size - 1.0)  # on the edge too, the slope is taken as 0

    def _reflected(self, places: Array, size: int) -> Array:
        low, span = (0.0, size - 1.0) if self.align else (-0.5, float(size))
        if not span:
            return places * 0
        far = e.abs(places - low)
        rest = fmod(far, span)
        odd = aside(_odd, far, span=span)
        return e.where(odd, span - rest, rest) + low

    def at(self, image: Array, x: Any, y: Any, right: int = 0, down: int = 0, bring: bool = False) -> Array:
        """The pixels beside whole places x, y (N, oh, ow); zeros beyond the border: (N, C, oh, ow).

        Those that lie beyond are brought ``inside`` first, where that is asked for.
        """
        n, row, column, held = aside(self._pixels, x, y, right=right, down=down, bring=bring)
        found = permute(image[n, :, row, column], (0, 3, 1, 2))  # (N, C, oh, ow)
        return found if held is None else e.where(held, found, 0.0)

    def _pixels(self, x: Any, y: Any, *, right: int, down: int, bring: bool) -> tuple[Any, ...]:
        """Which image, row and column; and which of them are there, or None for all."""
        x, y = x + right, y + down
        if bring:
            x, y = self.inside(x, self.W), self.inside(y, self.H)
        held = (x >= 0) & (x < self.W) & (y >= 0) & (y < self.H)
        column, row = (np.where(held, a, 0).astype(np.intp) for a in (x, y))
        return np.arange(len(x))[:, None, None], row, column, None if held.all() else held[:, None]


def _odd(far: Any, *, span: float) -> Any:
    return np.floor(far / span) % 2 == 1


def _bicubic(look: _Lookup, image: Array, x: Array, y: Array) -> Array:
    """Four rows of four pixels around each place, weighed by cubic splines."""
    left, top = aside(_below, x, y)
    across, down = cubic_weights(x - left, -0.75), cubic_weights(y - top, -0.75)

    def pixel(i: int, j: int) -> Array:
        return look.at(image, left, top, j - 1, i - 1, bring=True)

    rows = []
    for i in range(4):
        taps = [pixel(i, j) * _channel(across[j]) for j in range(4)]
        rows.append((taps[0] + taps[1] + taps[2] + taps[3]) * _channel(down[i]))
    return rows[0] + rows[1] + rows[2] + rows[3]
