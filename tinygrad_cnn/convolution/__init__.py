"""Three ways to compute one convolution, on plain arrays, and the choice between them. Knows no autograd.

`im2col` is the readable version: it takes every geometry, and the tests hold the others against it. `rowview` copies an
image kw times instead of kh * kw times, for few channels. `winograd` multiplies four times less, for many channels. Each
module has the same three functions: ``forward``, ``weight`` (the gradient of the kernels) and ``image`` (that of the
input).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from ..windows import Geometry, Pair
from . import im2col, rowview, winograd

Shape = tuple[int, ...]

WINOGRAD = True  # False: never take it


def choose(w: Shape, geometry: Geometry, groups: int, out: Pair, dtype: np.dtype[Any]) -> ModuleType:
    """The algorithm for kernels of shape w (O, C / groups, kh, kw) and outputs of (oh, ow) = out."""
    O, C, kh, kw = w
    if groups > 1 or geometry.dilation[0] > 1 or kh == 1:
        return im2col
    if geometry == ((3, 3), (1, 1), geometry.padding, (1, 1)) and dtype == np.float32:
        used = out[0] * out[1] / (-(-out[0] // 4) * -(-out[1] // 4) * 16)  # the share of the tiles that is wanted
        if WINOGRAD and min(C, O) >= 16 and max(C, O) >= 32 and used > 0.5:
            return winograd
    # a row of 64 outputs is still a small product, see rowview
    return rowview if O * C * kh * kw <= 16_000 else im2col
