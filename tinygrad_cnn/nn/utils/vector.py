"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...arrays.writes import mutated
from ...ops.joining import cat
from ...ops.shape import reshape
from ...tensors import Tensor
from .clip import listed


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All entries of all parameters, one after the other: (total,). Gradients flow through."""
    parts = [reshape(p, (-1,)) for p in listed(parameters, "parameters_to_vector")]
    if not parts:
        raise ValueError("parameters_to_vector: there are no parameters")
    return cat(parts)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the entries of a vector into the parameters, in the order of `parameters_to_vector`.

    Raises:
        ValueError: the vector is too short or too long; nothing has been changed then.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: expected a Tensor, got {type(vec).__name__}")
    targets = listed(parameters, "vector_to_parameters")
    total = sum(p._array.size for p in targets)
    if vec.shape != (total,):
        raise ValueError(
            f"vector_to_parameters: the parameters have {total} entries, so the vector must have shape ({total},), "
            f"got {tuple(vec.shape)}"
        )
    start = 0
    for p in targets:
        np.copyto(p._array, vec._array[start : start + p._array.size].reshape(p.shape), casting="same_kind")
        mutated(p._array)
        start += p._array.size
