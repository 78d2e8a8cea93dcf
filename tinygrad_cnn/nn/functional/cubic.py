"""Weights of resampling: cubic convolution (Keys, 1981), and filters as wide as a new pixel."""

from __future__ import annotations

from typing import Any

import numpy as np


def cubic_weights(t: Any, a: float) -> list[Any]:
    """The weights of the pixels at -1, 0, 1 and 2 for a place at t in [0, 1); ``a`` is the slope at distance 1."""

    def near(d: Any) -> Any:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: Any) -> Any:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _scale(old: int, new: int, step: float | None, align: bool) -> float:
    """How many old pixels lie between two new ones."""
    if align:
        return (old - 1) / (new - 1) if new > 1 else 0.0
    return old / new if step is None else step


def cubic_taps(old: int, new: int, step: float | None, align: bool) -> list[tuple[Any, Any]]:
    """For each new pixel, four old neighbours and their shares in it; beyond the edge lies the edge's pixel again."""
    places, scale = np.arange(new), _scale(old, new, step, align)
    source = places * scale if align else (places + 0.5) * scale - 0.5
    low = np.floor(source)
    shares = cubic_weights(source - low, -0.75)
    return [(np.clip(low + (k - 1), 0, old - 1).astype(np.intp), share) for k, share in enumerate(shares)]


def smooth_matrix(old: int, new: int, step: float | None, align: bool, cubic: bool) -> Any:
    """(new, old): as antialiasing weighs, with a filter as wide as a new pixel where that is larger than an old one."""
    scale = _scale(old, new, step, align)
    wide = max(scale, 1.0)
    reach = (2.0 if cubic else 1.0) * wide
    weights = np.zeros((new, old))
    for i in range(new):
        center = scale * (i + 0.5)
        first, last = max(int(center - reach + 0.5), 0), min(int(center + reach + 0.5), old)
        d = np.abs((np.arange(first, last) - center + 0.5) / wide)
        w = _keys(d) if cubic else np.maximum(1 - d, 0)
        weights[i, first:last] = w / w.sum()
    return weights


def _keys(d: Any) -> Any:
    """The cubic filter at distances d, with the slope -0.5 that PIL uses."""
    _, near, _, _ = cubic_weights(np.minimum(d, 1), -0.5)
    far, *_ = cubic_weights(np.clip(d - 1, 0, 1), -0.5)
    return np.where(d < 1, near, np.where(d < 2, far, 0.0))
