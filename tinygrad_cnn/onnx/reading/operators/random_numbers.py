"""Operators that draw: from our generator (`manual_seed`), or from their own where the node has a seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....arrays.rng import Generator
from ....autograd.graph import Array, array_of
from ....tensors import Tensor
from ....tensors.sampling import rand, randn
from ..steps import Step
from ..tensors import dtype_named
from .table import like, operator


def _drawn(step: Step, shape: Any, normal: bool, fallback: Any) -> Any:
    """Numbers by a node's attributes, as an array."""
    dtype = dtype_named(step.get("dtype")) if step.get("dtype") else np.dtype(fallback)
    seed = step.get("seed")
    generator = None if seed is None else Generator().manual_seed(int(seed))
    x = array_of((randn if normal else rand)(tuple(shape), generator=generator, dtype=np.float64))
    if normal:
        return (x * step.get("scale", 1.0) + step.get("mean", 0.0)).astype(dtype)
    low, high = step.get("low", 0.0), step.get("high", 1.0)
    return (low + x * (high - low)).astype(dtype)


@operator("RandomUniform", "RandomNormal")
def random_numbers(step: Step) -> Array:
    """Uniform or normal numbers."""
    return Tensor(_drawn(step, step.get("shape"), step.operator == "RandomNormal", np.float32))


@operator("RandomUniformLike", "RandomNormalLike")
def random_like(step: Step, x: Array) -> Array:
    """Uniform or normal numbers in the shape of x."""
    array = array_of(x)
    return like(_drawn(step, array.shape, step.operator == "RandomNormalLike", array.dtype), x)


@operator("Bernoulli")
def bernoulli(step: Step, x: Array) -> Array:
    """1 with the probability that stands there, else 0."""
    array = array_of(x)
    dtype = dtype_named(step.get("dtype")) if step.get("dtype") else array.dtype
    seed = step.get("seed")
    generator = None if seed is None else Generator().manual_seed(int(seed))
    return like((array_of(rand(array.shape, generator=generator, dtype=np.float64)) < array).astype(dtype), x)
