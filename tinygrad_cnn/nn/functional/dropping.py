"""Dropout, as functions. Random choices come from the package's generator (see `manual_seed`), or one handed in."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...arrays import rng
from ...autograd.graph import Array
from ...ops import dropout as ops
from ...ops.activation import SELU_ALPHA, SELU_SCALE
from ...ops.watched import aside
from ..guards import note_chance
from .activation import apply
from .arguments import check_floating

AnyGenerator = Any  # tinygrad_cnn.Generator, numpy.random.Generator or None


def check_p(p: float, name: str) -> None:
    """p must be a probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: p, the probability to drop, must be between 0 and 1, got {p}")


def _drop(x: Array, keep: Any, p: float, inplace: bool) -> Array:
    note_chance()
    return apply(ops.drop, x, inplace, keep=keep, scale=1 / (1 - p) if p < 1 else 0.0)


def dropout(
    input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, generator: AnyGenerator = None
) -> Array:
    """Each element 0 with probability p, else divided by 1 - p: the expectation stays (Srivastava et al., 2014).

    Args:
        input: any shape; floating.
        p: the probability to drop.
        training: without it, nothing happens.
        inplace: as for the activations.
        generator: where the random numbers come from; the package's own by default.

    >>> dropout(np.ones(4), p=0.5, training=False)
    array([1., 1., 1., 1.])
    """
    check_floating(input, "input", "dropout")
    check_p(p, "dropout")
    if not training or p == 0:
        return input
    return _drop(input, aside(_mask, input, p=p, generator=generator), p, inplace)


def _mask(x: Any, *, p: float, generator: AnyGenerator) -> Any:
    return ops.mask_like(x, p, rng.resolve(generator))


def _channels(input: Array, p: float, training: bool, inplace: bool, generator: AnyGenerator, batched: int) -> Array:
    """Dropout of whole channels; an input of ``batched`` dimensions is (N, C, ...), one of fewer (C, ...)."""
    if not training or p == 0:
        return input
    lead = input.ndim - batched + 2  # 2 with a batch, 1 without
    shape = tuple(input.shape[:lead]) + (1,) * (input.ndim - lead)
    return _drop(input, aside(_channel_mask, shape=shape, p=p, generator=generator), p, inplace)


def _channel_mask(*, shape: tuple[int, ...], p: float, generator: AnyGenerator) -> Any:
    return rng.resolve(generator).random(shape, np.float32) >= np.float32(p)


def dropout1d(
    input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, generator: AnyGenerator = None
) -> Array:
    """`dropout` of whole channels of (N, C, L) or (C, L) (Tompson et al., 2014)."""
    check_floating(input, "input", "dropout1d")
    check_p(p, "dropout1d")
    if input.ndim not in (2, 3):
        raise ValueError(f"dropout1d: input must have shape (N, C, L) or (C, L), got {tuple(input.shape)}")
    return _channels(input, p, training, inplace, generator, 3)


def dropout2d(
    input: Array, p: float = 0.5, training: bool = True, inplace: bool = False, generator: AnyGenerator = None
) -> Array:
    """`dropout` of whole channels of images (N, C, H, W) (Tompson et al., 2014).

    A 3-D input is read as (N, C, L), with a warning, as in PyTorch: give an image without a batch a batch of one.
    """
    check_floating(input, "input", "dropout2d")
    check_p(p, "dropout2d")
    if input.ndim not in (3, 4):
        raise ValueError(f"dropout2d: input must have shape (N, C, H, W), got {tuple(input.shape)}")
    if input.ndim == 3:
        warnings.warn(
            f"dropout2d reads input of shape {tuple(input.shape)} as (N, C, L); use dropout1d for that, or "
            "unsqueeze(0) to give an image a batch",
            stacklevel=2,
        )
    return _channels(input, p, training, inplace, generator, input.ndim)


def alpha_dropout(
    input: Array, p: float = 0.5, training: bool = False, inplace: bool = False, generator: AnyGenerator = None
) -> Array:
    """Dropout to the least value of SELU instead of 0, keeping mean 0 and variance 1 (Klambauer et al., 2017)."""
    check_floating(input, "input", "alpha_dropout")
    check_p(p, "alpha_dropout")
    if not training or p == 0:
        return input
    least = -SELU_ALPHA * SELU_SCALE
    a = ((1 - p) * (1 + p * least**2)) ** -0.5 if p < 1 else 0.0
    keep, shift = aside(_alpha_mask, input, p=p, least=a * least, generator=generator)
    note_chance()
    return apply(lambda x: ops.drop(x, keep=keep, scale=a) + shift, input, inplace)


def _alpha_mask(x: Any, *, p: float, least: float, generator: AnyGenerator) -> tuple[Any, Any]:
    """What is kept, and what is added then: ``least`` to what was dropped, less its mean."""
    keep = ops.mask_like(x, p, rng.resolve(generator))
    return keep, np.where(keep, 0, least).astype(x.dtype) - x.dtype.type(least * p)
