"""Dropping entries at random. The choice itself is made by the caller: an operation is a function of its inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.graph import Array
from ..autograd.operation import op


@op(lambda g, _y, _x, *, keep, scale: drop(g, keep=keep, scale=scale))
def drop(x: Array, *, keep: Any, scale: float) -> Array:
    """x * scale where ``keep`` (booleans that broadcast against x), 0 elsewhere."""
    y = x * keep
    y *= x.dtype.type(scale)
    return y


def mask_like(x: Any, p: float, random: np.random.Generator) -> Any:
    """Booleans of the shape of x, each False with probability p: the same for each memory order of x, and in that."""
    keep = np.empty_like(x, np.bool_)
    np.greater_equal(random.random(x.shape, np.float32), np.float32(p), out=keep)
    return keep
