"""Four ways to compute one convolution, on plain arrays, and the choice between them. Knows no autograd.

`im2col` is the readable version: it takes every geometry, and the tests hold the others against it. `rowview` copies
an image kw times instead of kh * kw times, for few channels. `lastcol` is im2col with the channels innermost in memory,
for many. `winograd` multiplies four times less, for many channels and 3x3 kernels. Each module has the same three
functions: ``forward``, ``weight`` (the gradient of the kernels) and ``image`` (that of the input).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from ..windows import Geometry, Pair
from . import im2col, lastcol, rowview, winograd
from .lastcol import MANY as MANY

Shape = tuple[int, ...]

WINOGRAD = True  # False: never take it


def choose(
    w: Shape, geometry: Geometry, groups: int, N: int, out: Pair, dtype: np.dtype[Any], image: bool = False
) -> ModuleType:
    """The algorithm for kernels of shape w (O, C / groups, kh, kw) and outputs of (N, O, oh, ow), (oh, ow) = out.

    Forward and gradient of the weight use the same one; ``image`` asks for that of the gradient of the input.

    The figures are those of `python benchmarks/convolutions.py`, see docs/design.md.
    """
    O, C, kh, kw = w
    if groups > 1:
        return im2col
    if min(C, O) >= MANY:
        plain = geometry == ((3, 3), (1, 1), geometry.padding, (1, 1)) and dtype == np.float32
        th, tw = -(-out[0] // 4), -(-out[1] // 4)
        # at least half of the tiles wanted, and products of at least 32 rows
        fits = 2 * out[0] * out[1] > 16 * th * tw and N * tw >= 32
        return winograd if WINOGRAD and plain and fits else lastcol
    if O < MANY and not image and N * out[0] * out[1] * C * kh * kw <= 1 << 16:
        return im2col  # a few small images: the time goes into calls, and it has the fewest
    # a row of 64 outputs is still a small product, see rowview
    return rowview if geometry.dilation[0] == 1 and kh > 1 and O * C * kh * kw <= 16_000 else im2col
