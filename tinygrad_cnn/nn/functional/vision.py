"""Images at another size, as functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd.graph import Array
from ...ops import resampling as ops
from ...ops.shape import apart, permute, reshape
from .arguments import check_array, check_floating, dtype_of
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d

_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "area")


def interpolate(
    input: Array,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Array:
    """Signals (N, C, L) or images (N, C, H, W) at another size.

    Args:
        size: the new L, or (H, W); one int makes a square.
        scale_factor: or how many times larger; the new size is rounded down.
        mode: "nearest" (rounds positions down), "nearest-exact" (rounds centres), "linear" (signals), "bilinear"
            (images), "area" (means over equal areas, as adaptive average pooling).
        align_corners: for "linear" and "bilinear": do the centres of the corner pixels coincide (or else their outer
            corners)?
        recompute_scale_factor: use the ratio of the sizes in place of ``scale_factor`` where those differ by rounding.
        antialias: not supported.

    Raises:
        ValueError: neither or both of size and scale_factor; a size that does not fit.
        NotImplementedError: other modes.

    >>> interpolate(np.array([[[1.0, 2.0]]]), scale_factor=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0]]]
    """
    name = "interpolate"
    check_floating(input, "input", name)
    if antialias:
        raise NotImplementedError(f"{name}: antialias=True is not supported; mode='area' does not alias")
    if mode in ("bicubic", "trilinear", "lanczos"):
        raise NotImplementedError(f"{name}: mode {mode!r} is not supported; use one of {', '.join(_MODES)}")
    if mode not in _MODES:
        raise ValueError(f"{name}: mode must be one of {', '.join(_MODES)}, got {mode!r}")
    n = input.ndim - 2
    if n not in (1, 2) or (mode == "linear" and n != 1) or (mode == "bilinear" and n != 2):
        expected = {"linear": "(N, C, L)", "bilinear": "(N, C, H, W)"}.get(mode, "(N, C, L) or (N, C, H, W)")
        raise ValueError(f"{name}: mode {mode!r} needs input of shape {expected}, got {tuple(input.shape)}")
    if align_corners is not None and mode not in ("linear", "bilinear"):
        raise ValueError(f"{name}: align_corners has no meaning for mode {mode!r}; leave it out")
    new, scales = _sizes(tuple(input.shape[2:]), size, scale_factor, bool(recompute_scale_factor), n, name)
    if min(new) < 1 or min(input.shape[2:]) < 1:
        raise ValueError(f"{name}: cannot make size {new} of {tuple(input.shape[2:])}: no side may be 0")
    if mode == "area":
        return adaptive_avg_pool1d(input, new[0]) if n == 1 else adaptive_avg_pool2d(input, (new[0], new[1]))
    y = input
    for d in range(n):
        old = input.shape[2 + d]
        if mode in ("nearest", "nearest-exact"):
            index = _nearest(old, new[d], scales[d], mode == "nearest-exact", dtype_of(input))
            y = ops.repeat_along(y, index=index, dim=2 + d)
        else:
            low, high, share = _linear(old, new[d], scales[d], bool(align_corners))
            share = share.astype(dtype_of(input)).reshape((-1,) + (1,) * (n - 1 - d))  # along dimension 2 + d
            y = (
                ops.repeat_along(y, index=low, dim=2 + d) * (1 - share)
                + ops.repeat_along(y, index=high, dim=2 + d) * share
            )
    return y


def _sizes(
    old: tuple[int, ...], size: Any, factor: Any, recompute: bool, n: int, name: str
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The new size, and how far apart in the old image the new pixels lie, where that was given."""
    if (size is None) == (factor is None):
        raise ValueError(f"{name}: give exactly one of size and scale_factor, got size={size}, scale_factor={factor}")
    if size is not None:
        if recompute:
            raise ValueError(f"{name}: recompute_scale_factor has no meaning with size")
        sizes = (size,) * n if isinstance(size, (int, np.integer)) else tuple(size)
        if len(sizes) != n or not all(isinstance(s, (int, np.integer)) for s in sizes):
            raise ValueError(f"{name}: size must be an int or {n} of them for input with sides {old}, got {size!r}")
        return tuple(int(s) for s in sizes), (None,) * n
    factors = (factor,) * n if isinstance(factor, (int, float, np.number)) else tuple(factor)
    if len(factors) != n or not all(f > 0 for f in factors):
        raise ValueError(f"{name}: scale_factor must be a positive number or {n} of them, got {factor!r}")
    new = tuple(math.floor(s * f) for s, f in zip(old, factors, strict=True))
    return new, tuple(None if recompute else 1 / f for f in factors)


def _nearest(old: int, new: int, step: float | None, exact: bool, dtype: np.dtype[Any]) -> Any:
    """For each new pixel, the old one it copies. In PyTorch's precision: its rounding decides between neighbours."""
    real: Any = np.float64 if dtype == np.float64 else np.float32
    scale = np.float64(real(old) / real(new) if step is None else real(step))
    places = np.arange(new)
    source = ((places + 0.5) * scale - 0.5).astype(real) + real(0.5) if exact else places * scale
    return np.minimum(np.floor(source.astype(np.float32)).astype(np.intp), old - 1)


def _linear(old: int, new: int, step: float | None, align: bool) -> tuple[Any, Any, Any]:
    """For each new pixel, its two old neighbours and the share of the second in it."""
    places = np.arange(new)
    if align:
        source = places * ((old - 1) / (new - 1) if new > 1 else 0.0)
    else:
        source = np.maximum((places + 0.5) * (old / new if step is None else step) - 0.5, 0)
    low = np.minimum(source.astype(np.intp), old - 1)
    high = np.minimum(low + 1, old - 1)
    return low, high, np.where(high > low, source - low, 0.0)


def pixel_shuffle(input: Array, upscale_factor: int) -> Array:
    """Channels to pixels: (..., C r^2, H, W) to (..., C, H r, W r), r = upscale_factor (Shi et al., 2016)."""
    name, r = "pixel_shuffle", upscale_factor
    check_array(input, "input", name)
    _check_factor(input, r, name, "upscale_factor")
    *lead, channels, H, W = input.shape
    if channels % (r * r):
        raise ValueError(f"{name}: the {channels} channels of input {tuple(input.shape)} are no multiple of {r} * {r}")
    C, k = channels // (r * r), len(lead)
    x = reshape(input, (*lead, C, r, r, H, W))
    x = permute(x, (*range(k), k, k + 3, k + 1, k + 4, k + 2))  # (..., C, H, r, W, r)
    return apart(reshape(x, (*lead, C, H * r, W * r)), input)


def pixel_unshuffle(input: Array, downscale_factor: int) -> Array:
    """Pixels to channels, the inverse of `pixel_shuffle`: (..., C, H r, W r) to (..., C r^2, H, W)."""
    name, r = "pixel_unshuffle", downscale_factor
    check_array(input, "input", name)
    _check_factor(input, r, name, "downscale_factor")
    *lead, C, H, W = input.shape
    if H % r or W % r:
        raise ValueError(f"{name}: the sides {H}x{W} of input {tuple(input.shape)} are no multiples of {r}")
    k = len(lead)
    x = reshape(input, (*lead, C, H // r, r, W // r, r))
    x = permute(x, (*range(k), k, k + 2, k + 4, k + 1, k + 3))  # (..., C, r, r, H / r, W / r)
    return apart(reshape(x, (*lead, C * r * r, H // r, W // r)), input)


def _check_factor(input: Array, r: int, name: str, what: str) -> None:
    if not isinstance(r, (int, np.integer)) or r < 1:
        raise ValueError(f"{name}: {what} must be an int of at least 1, got {r!r}")
    if input.ndim < 3:
        raise ValueError(f"{name}: input must have shape (..., C, H, W), got {tuple(input.shape)}")
