"""Signals: Fourier transforms as products with a matrix, windows, and the mel scale (Stevens et al., 1937)."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from .... import ops
from ....autograd.graph import Array, array_of
from ....ops.sliding import unfold
from ..steps import Step
from ..tensors import dtype_named
from .table import axis_of, like, number, operator

_COSINES = {
    "HannWindow": (0.5, 0.5, 0.0),
    "HammingWindow": (25 / 46, 21 / 46, 0.0),
    "BlackmanWindow": (0.42, 0.5, 0.08),
}


@operator(*_COSINES)
def window(step: Step, size: Array) -> Array:
    """a - b cos(2 pi i / n) + c cos(4 pi i / n); a periodic one has n = size, a symmetric one size - 1."""
    n = int(number(size))
    a, b, c = _COSINES[step.operator]
    turn = 2 * np.pi * np.arange(n) / (n if step.get("periodic", 1) else max(n - 1, 1))
    return (a - b * np.cos(turn) + c * np.cos(2 * turn)).astype(dtype_named(step.get("output_datatype", 1)))


def _fourier(x: Array, n: int, keep: int, inverse: bool, pairs_out: bool = True) -> Array:
    """x (..., m, 1 or 2) along the dimension before the last, which holds real and imaginary parts: (..., keep, 2)."""
    m = min(array_of(x).shape[-2], n)
    turn = 2 * np.pi * np.outer(np.arange(m), np.arange(keep)) / n * (1 if inverse else -1)
    dtype = array_of(x).dtype
    cos, sin = (like((f(turn) / (n if inverse else 1)).astype(dtype), x) for f in (np.cos, np.sin))
    real = x[..., :m, 0]
    if x.shape[-1] == 1:
        parts = [ops.matmul(real, cos), ops.matmul(real, sin)]
    else:
        imaginary = x[..., :m, 1]
        parts = [
            ops.matmul(real, cos) - ops.matmul(imaginary, sin),
            ops.matmul(real, sin) + ops.matmul(imaginary, cos),
        ]
    return ops.stack(parts, -1) if pairs_out else parts[0]  # (..., keep, 2)


@operator("DFT")
def fourier(step: Step, x: Array, length: Array = None, axis: Array = None) -> Array:
    """The discrete Fourier transform along an axis, or its inverse; of real input by wish the first half alone."""
    dim = axis_of(step.get("axis", 1) if step.version < 20 else -2 if axis is None else int(number(axis)), x.ndim)
    if dim == x.ndim - 1:
        raise ValueError("the last axis holds real and imaginary parts, and cannot be transformed")
    inverse, half = bool(step.get("inverse", 0)), bool(step.get("onesided", 0))
    n = x.shape[dim] if not (inverse and half) else 2 * (x.shape[dim] - 1)
    n = n if length is None else int(number(length))
    y = ops.movedim(x, dim, -2)
    if inverse and half:  # the second half mirrors the first
        m = y.shape[-2]
        rest = ops.flip(y[..., 1 : n - m + 1, :], (-2,)) * like(np.array([1, -1], array_of(x).dtype), x)
        y = _fourier(ops.cat([y, rest], -2), n, n, True, False)[..., None]
    else:
        y = _fourier(y, n, n // 2 + 1 if half else n, inverse)
    return ops.movedim(y, -2, dim)


@operator("STFT")
def short_fourier(step: Step, x: Array, hop: Array, shape: Array = None, length: Array = None) -> Array:
    """Fourier transforms of overlapping frames: (N, frames, frequencies, 2)."""
    n = int(number(length)) if length is not None else array_of(shape).shape[0]
    x = x if x.ndim == 3 else x[..., None]
    frames = unfold(x, 1, n, int(number(hop)))  # (N, frames, 1 or 2, n)
    if shape is not None:
        frames = frames * shape
    return _fourier(ops.transpose(frames, -1, -2), n, n // 2 + 1 if step.get("onesided", 1) else n, False)


@operator("MelWeightMatrix")
def mel_weights(step: Step, bins: Array, length: Array, rate: Array, low: Array, high: Array) -> Array:
    """(frequencies, bins): triangles that are equally wide on the mel scale."""
    n, size = int(number(bins)), int(number(length))
    to_mel = 2595 * np.log10(1 + np.array([number(low), number(high)], np.float64) / 700)
    edges = 700 * (10 ** (np.linspace(to_mel[0], to_mel[1], n + 2, endpoint=False) / 2595) - 1)
    at = np.floor((size + 1) * edges / number(rate)).astype(np.int64)
    weights: ndarray = np.zeros((size // 2 + 1, n))
    for i in range(n):
        left, center, right = at[i : i + 3]
        if center == left:
            weights[center, i] = 1
        for j in range(left, center + 1):
            if center != left:
                weights[j, i] = (j - left) / (center - left)
        for j in range(center, right):
            weights[j, i] = (right - j) / (right - center)
    return weights.astype(dtype_named(step.get("output_datatype", 1)))
