"""A convolution of a single image, relu and max-pool behind it: columns that one call fills, and one product.

Nothing is kept for a way back, so nothing hangs on where the largest pixels stood. One image through LeNet's two
convolutions takes 55 us, by `rows.py` 101.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...arrays.scratch import Memory
from ...arrays.threads import product
from ...arrays.windows import Geometry, Pair, strided
from ..memory import Layout, in_order


class One:
    """One convolution of images of one shape, (1, C, H, W), and what follows it; arguments as those of `Rows`."""

    kept: tuple[Layout, ...] = ()

    def __init__(
        self, size: Any, O: int, geometry: Geometry, pool: Pair, relu: bool, dtype: Any, memory: Memory
    ) -> None:
        _, C, H, W = size
        (top, _), (left, _) = geometry.padding
        (kh, kw), (sh, sw), (dh, dw), (ph, pw) = geometry.kernel, geometry.stride, geometry.dilation, pool
        PH, PW = (n // p for n, p in zip(geometry.out((H, W)), pool, strict=True))
        oh, ow = PH * ph, PW * pw  # without what no window of the pool takes
        image = np.zeros((C, *geometry.padded((H, W))), dtype)  # whose borders stay 0
        c, h, w = image.strides
        self._inner = image[:, top : top + H, left : left + W]
        self._windows = strided(image, (C, kh, kw, oh, ow), (c, dh * h, dw * w, sh * h, sw * w))
        self._place = memory("columns", self._windows.shape, dtype)
        self._columns = self._place.reshape(C * kh * kw, oh * ow)  # (K, oh * ow)
        pixels, rows = memory("pixels", (O, oh, ow), dtype), memory("rows", (O, PH, ow), dtype)
        self._pixels, self._rows = pixels.reshape(O, oh * ow) if ph * pw > 1 else None, rows  # (O, oh * ow)
        self._down, self._across = [pixels[:, t::ph] for t in range(ph)], [rows[:, :, t::pw] for t in range(pw)]
        self._relu, self.result = relu, in_order(1, O, PH, PW, dtype=dtype)

    def forward(self, y: Any, _kept: Sequence[Any], x: Any, w: Any, b: Any) -> None:
        """y (1, O, PH, PW) of x (1, C, H, W)."""
        O, pixels = len(w), self._pixels
        flat = y.reshape(O, -1)  # (O, PH * PW)
        np.copyto(self._inner, x[0])
        np.copyto(self._place, self._windows)
        product(w.reshape(O, -1), self._columns, out=flat if pixels is None else pixels)
        if pixels is not None:
            _largest(self._down, self._rows)
            _largest(self._across, y[0])
        if b is not None:
            np.add(flat, b[:, None], out=flat)
        if self._relu:
            np.maximum(flat, 0, out=flat)


def _largest(taps: Sequence[Any], out: Any) -> None:
    """The maximum of some arrays."""
    before, *others = taps
    for tap in others:
        before = np.maximum(before, tap, out=out)
    if before is not out:
        np.copyto(out, before)
