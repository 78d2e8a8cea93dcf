"""Images at another size, as functions."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd.graph import Array
from ...ops import elementwise as e
from ...ops import resampling as ops
from ...ops.linalg import matmul
from ...ops.shape import apart, permute, reshape
from .arguments import check_array, check_floating, dtype_of
from .cubic import cubic_taps, smooth_matrix
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d

_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "bicubic", "area")


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
            and "bicubic" (images; Keys, 1981), "area" (means over equal areas, as adaptive average pooling).
        align_corners: for "linear", "bilinear" and "bicubic": do the centres of the corner pixels coincide (or else
            their outer corners)?
        recompute_scale_factor: use the ratio of the sizes in place of ``scale_factor`` where those differ by rounding.
        antialias: for "bilinear" and "bicubic": weigh all old pixels that a new one covers, as PIL does.

    Raises:
        ValueError: neither or both of size and scale_factor; a size that does not fit.
        NotImplementedError: other modes.

    >>> interpolate(np.array([[[1.0, 2.0]]]), scale_factor=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0]]]
    """
    name = "interpolate"
    check_floating(input, "input", name)
    if mode in ("trilinear", "lanczos"):
        raise NotImplementedError(f"{name}: mode {mode!r} is not supported; use one of {', '.join(_MODES)}")
    if mode not in _MODES:
        raise ValueError(f"{name}: mode must be one of {', '.join(_MODES)}, got {mode!r}")
    n = input.ndim - 2
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"{name}: antialias is for the modes 'bilinear' and 'bicubic', got mode {mode!r}")
    if n not in (1, 2) or (mode == "linear" and n != 1) or (mode in ("bilinear", "bicubic") and n != 2):
        images = "(N, C, H, W)"
        expected = {"linear": "(N, C, L)", "bilinear": images, "bicubic": images}.get(mode, f"(N, C, L) or {images}")
        raise ValueError(f"{name}: mode {mode!r} needs input of shape {expected}, got {tuple(input.shape)}")
    if align_corners is not None and mode not in ("linear", "bilinear", "bicubic"):
        raise ValueError(f"{name}: align_corners has no meaning for mode {mode!r}; leave it out")
    new, scales = _sizes(tuple(input.shape[2:]), size, scale_factor, bool(recompute_scale_factor), n, name)
    if min(new) < 1 or min(input.shape[2:]) < 1:
        raise ValueError(f"{name}: cannot make size {new} of {tuple(input.shape[2:])}: no side may be 0")
    if mode == "area":
        return adaptive_avg_pool1d(input, new[0]) if n == 1 else adaptive_avg_pool2d(input, (new[0], new[1]))
    dtype, align, cubic = dtype_of(input), bool(align_corners), mode == "bicubic"
    if antialias:
        down, across = (
            smooth_matrix(input.shape[2 + d], new[d], scales[d], align, cubic).astype(dtype) for d in range(2)
        )  # (oh, H), (ow, W)
        return matmul(down, matmul(input, across.T))  # (N, C, oh, ow)
    y = input
    for d in range(n):
        old = input.shape[2 + d]
        if mode in ("nearest", "nearest-exact"):
            index = _nearest(old, new[d], scales[d], mode == "nearest-exact", dtype)
            y = ops.repeat_along(y, index=index, dim=2 + d)
            continue
        taps = cubic_taps(old, new[d], scales[d], align) if cubic else _linear(old, new[d], scales[d], align)
        y = _weighed(y, taps, 2 + d, dtype)
    return y


def _weighed(x: Array, taps: list[tuple[Any, Any]], dim: int, dtype: np.dtype[Any]) -> Array:
    """The sum over some neighbours along one dimension: their indices, and their shares."""
    shape = (-1,) + (1,) * (x.ndim - 1 - dim)  # along that dimension
    terms = [ops.repeat_along(x, index=i, dim=dim) * share.astype(dtype).reshape(shape) for i, share in taps]
    return functools.reduce(e.add, terms)


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


def _linear(old: int, new: int, step: float | None, align: bool) -> list[tuple[Any, Any]]:
    """For each new pixel, its two old neighbours and their shares in it."""
    places = np.arange(new)
    if align:
        source = places * ((old - 1) / (new - 1) if new > 1 else 0.0)
    else:
        source = np.maximum((places + 0.5) * (old / new if step is None else step) - 0.5, 0)
    low = np.minimum(source.astype(np.intp), old - 1)
    high = np.minimum(low + 1, old - 1)
    share = np.where(high > low, source - low, 0.0)
    return [(low, 1 - share), (high, share)]


def upsample(
    input: Array,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Array:
    """`interpolate` under its old name."""
    warnings.warn("upsample is deprecated, use interpolate", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: Array, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
) -> Array:
    """`interpolate` with mode "nearest", under its old name."""
    warnings.warn("upsample_nearest is deprecated, use interpolate", stacklevel=2)
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(
    input: Array, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
) -> Array:
    """`interpolate` with mode "bilinear" and aligned corners, under its old name."""
    warnings.warn("upsample_bilinear is deprecated, use interpolate", stacklevel=2)
    return interpolate(input, size, scale_factor, "bilinear", True)


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
