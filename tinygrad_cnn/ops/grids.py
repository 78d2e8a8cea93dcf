"""Several tensors at once in one shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.backward import broadcast_to as _broadcast_to
from ..autograd.backward import cast, sum_to
from ..autograd.graph import Array
from .reduce import sum as total
from .shape import _permute, _reshape, checked, sizes


def broadcast_tensors(*tensors: Array) -> tuple[Array, ...]:
    """All tensors expanded to the shape they broadcast to, without copies."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    tensors = tuple(checked(x, "broadcast_tensors") for x in tensors)
    shapes = [tuple(x.shape) for x in tensors]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"broadcast_tensors(): shapes {', '.join(map(format, shapes))} do not go together") from None
    return tuple(_broadcast_to(x, shape=shape) for x in tensors)


def sum_to_size(input: Array, *size: Any) -> Array:
    """``input`` summed to a shape that broadcasts to its own: the adjoint of broadcasting. Itself where they agree.

    >>> sum_to_size(np.ones((2, 3)), 1, 3)
    array([[2., 2., 2.]])
    """
    x, shape = checked(input, "sum_to_size"), sizes(size, "sum_to_size")
    old = tuple(x.shape)
    lead = len(old) - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, old[lead:], strict=True)):
        raise ValueError(f"sum_to_size(): shape {shape} does not broadcast to {old}, which is to be summed to it")
    if not shape:
        return total(x)
    if shape == old:
        return x
    return sum_to(x if x.dtype.kind == "f" else cast(x, dtype=np.dtype(np.int64)), shape=shape)


def meshgrid(*tensors: Array, indexing: str = "ij") -> tuple[Array, ...]:
    """Coordinate grids of vectors: output k is vector k along dimension k, repeated along the others. Views.

    Args:
        indexing: "ij", or "xy": the first two dimensions exchanged, as for images addressed by x and y.
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise ValueError(f'meshgrid(): indexing must be "ij" or "xy", got {indexing!r}')
    tensors = tuple(checked(x, "meshgrid") for x in tensors)
    for x in tensors:
        if x.ndim > 1:
            raise ValueError(f"meshgrid() takes vectors and numbers, got shape {x.shape}")
        if x.dtype != tensors[0].dtype:
            raise ValueError(f"meshgrid() takes tensors of one dtype, got {tensors[0].dtype} and {x.dtype}")
    if not tensors:
        raise ValueError("meshgrid() needs at least one tensor")
    n = len(tensors)
    shape = tuple(math.prod(x.shape) for x in tensors)
    swap = (1, 0, *range(2, n)) if indexing == "xy" and n > 1 else None
    grids = []
    for k, x in enumerate(tensors):
        grid = _broadcast_to(_reshape(x, shape=tuple(-1 if i == k else 1 for i in range(n))), shape=shape)
        grids.append(grid if swap is None else _permute(grid, dims=swap))
    return tuple(grids)
