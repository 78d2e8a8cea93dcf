"""Three ways to compute one convolution, on plain arrays, and the choice between them. Knows no autograd.

`im2col` is the readable version, takes every geometry, and is the reference of the others in the tests. `rowview` copies
kw times instead of kh * kw times and works in small matrix products. Each module has the same three functions:
``forward``, ``weight`` (the gradient of the kernels) and ``image`` (the gradient of the input).
"""

from __future__ import annotations

from types import ModuleType

from ..windows import Geometry
from . import im2col, rowview

Shape = tuple[int, ...]


def choose(w: Shape, geometry: Geometry, groups: int) -> ModuleType:
    """The algorithm for kernels of shape w (O, C / groups, kh, kw)."""
    O, C, kh, kw = w
    if groups > 1 or geometry.dilation[0] > 1 or kh == 1:
        return im2col
    # a row of 64 outputs is still a small product, see rowview
    return rowview if O * C * kh * kw <= 16_000 else im2col
