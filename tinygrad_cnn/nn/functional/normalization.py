"""Normalisations, as functions: batch, layer, group, instance and local response."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...arrays.writes import mutated
from ...autograd.graph import Array, Variable, array_of, wrap
from ...autograd.modes import is_grad_enabled
from ...ops import normalization as ops
from ...ops.elementwise import pow, square
from ...ops.padding import pad
from ...ops.shape import clone, reshape
from ...ops.watched import aside
from .arguments import check_array, check_dtype_of_input, check_floating, door, dtype_of


def _check_channels(input: Array, name: str, **given: Array | None) -> None:
    """Those tensors that are given must have one number for each channel, in the input's dtype."""
    channels = input.shape[1]
    for what, x in given.items():
        if x is None:
            continue
        check_floating(x, what, name)
        if tuple(x.shape) != (channels,):
            raise ValueError(
                f"{name}: {what} must have shape ({channels},), one number for each channel of input "
                f"{tuple(input.shape)}, got shape {tuple(x.shape)}"
            )
        check_dtype_of_input(x, what, dtype_of(input), name)


def _check_eps(eps: float, name: str) -> float:
    if not eps >= 0:
        raise ValueError(f"{name}: eps must be at least 0, got {eps}")
    return float(eps)


def _normalized(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    shape: tuple[int, ...],
    dim: tuple[int, ...],
    eps: float,
    tell: Callable[[Any, Any], None] | None = None,
) -> Array:
    """x by its own mean and variance along ``dim``; weight and bias, in this shape, broadcast; ``tell`` hears both."""
    affine: tuple[Array, ...] = ()
    if weight is not None or bias is not None:
        affine = (np.ones(shape, dtype_of(x)) if weight is None else reshape(weight, shape),)
    if bias is not None:
        affine += (reshape(bias, shape),)
    if tell is None:
        return ops.normalize(x, *affine, dim=dim, eps=eps)
    return ops.normalize(x, *affine, dim=dim, eps=eps, tell=tell)


def _move_running(running: Array | None, new: Any, momentum: float) -> None:
    """running = (1 - momentum) running + momentum new, in place and off the record."""
    if running is not None:
        array = array_of(running)
        array *= 1 - momentum
        array += (momentum * new).astype(array.dtype, copy=False)
        mutated(array)


def _fixed(
    x: Array, mean: Array, var: Array, weight: Array | None, bias: Array | None, eps: float, shape: tuple[int, ...]
) -> Array:
    """x normalised by a mean and a variance from elsewhere: one multiplication and one addition an element."""
    if isinstance(x, Variable) and not is_grad_enabled():  # with arrays, a small image takes 13 us instead of 21
        s, t = aside(_fixed_affine, mean, var, weight, bias, eps=eps, shape=shape)
        return ops.scale_shift(x, s, t)
    mean, scale = array_of(mean), aside(_scale, var, eps=eps)
    if isinstance(x, Variable):  # as tensors, so that what is made of them is seen
        mean, scale = wrap(mean, None), wrap(scale, None)
    s, t = _affine(mean, scale, weight, bias)
    return ops.scale_shift(x, reshape(s, shape), reshape(t, shape))


def _scale(var: Any, *, eps: float) -> Any:
    return 1 / np.sqrt(var + var.dtype.type(eps))  # (C,)


def _affine(mean: Any, scale: Any, weight: Array | None, bias: Array | None) -> tuple[Array, Array]:
    """What to multiply by and what to add, both (C,)."""
    s = scale if weight is None else weight * scale
    return s, s * -mean if bias is None else bias - s * mean


def _fixed_affine(mean: Any, var: Any, weight: Any, bias: Any, *, eps: float, shape: tuple[int, ...]) -> Any:
    """`_affine` of arrays alone, in this shape."""
    s, t = _affine(mean, _scale(var, eps=eps), weight, bias)
    return s.reshape(shape), t.reshape(shape)


def batch_norm(
    input: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Batch normalisation: (x - mean) / sqrt(var + eps) * weight + bias for each channel (Ioffe and Szegedy, 2015).

    Args:
        input: (N, C, ...).
        running_mean, running_var: (C,) or None. In training they move, in place, by ``momentum`` towards the mean and
            the unbiased variance of this batch; otherwise they are what the input is normalised by.
        weight, bias: (C,) or None.
        training: normalise by this batch's own mean and (biased) variance?
        momentum: how far the running values move, 0 to 1.
        eps: added to the variance; above 0 in training.

    Raises:
        ValueError: shapes that do not fit; in training, a single value a channel: it has no variance.
    """
    eps, n = _batch_norm((input, running_mean, running_var, weight, bias), training, eps)
    shape = (1, array_of(input).shape[1]) + (1,) * (input.ndim - 2)
    if not training:
        return _fixed(input, running_mean, running_var, weight, bias, eps, shape)

    def move(mean: Any, variance: Any) -> None:
        if n:
            _move_running(running_mean, mean.reshape(-1), momentum)
            _move_running(running_var, variance.reshape(-1) * (n / (n - 1)), momentum)

    tell = None if running_mean is None and running_var is None else move
    return _normalized(input, weight, bias, shape, (0, *range(2, input.ndim)), eps, tell)


@door
def _batch_norm(
    input: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None,
    bias: Array | None,
    training: bool,
    eps: float,
) -> tuple[float, int]:
    """eps, checked like everything else, and how many values there are of each channel."""
    name = "batch_norm"
    check_floating(input, "input", name)
    if input.ndim < 2:
        raise ValueError(f"{name}: input must have shape (N, C, ...), got {tuple(input.shape)}")
    eps = _check_eps(eps, name)
    if training and not eps:
        raise ValueError(f"{name}: eps must be above 0 in training: a channel of equal values has no variance")
    _check_channels(input, name, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not training and (running_mean is None or running_var is None):
        raise ValueError(f"{name}: without training=True, running_mean and running_var must be given")
    n = input.shape[0] * math.prod(input.shape[2:])
    if training and n == 1:
        raise ValueError(
            f"{name}: expected more than 1 value per channel when training, got input of shape {tuple(input.shape)}; "
            "use a larger batch, or eval()"
        )
    return eps, n


def instance_norm(
    input: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Instance normalisation: each channel of each sample by its own mean and variance.

    (Ulyanov, Vedaldi and Lempitsky, 2016.)

    Args:
        input: (N, C, ...), with at least two pixels.
        running_mean, running_var: (C,) or None; moved, in place, towards the batch's average of the means and unbiased
            variances.
        weight, bias: (C,) or None.
        use_input_stats: without it, normalise by the running values.
        momentum, eps: as for `batch_norm`.
    """
    name = "instance_norm"
    check_floating(input, "input", name)
    if input.ndim < 3:
        raise ValueError(f"{name}: input must have shape (N, C, ...) with pixels, got {tuple(input.shape)}")
    channels, eps = input.shape[1], _check_eps(eps, name)
    _check_channels(input, name, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    shape = (1, channels) + (1,) * (input.ndim - 2)
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ValueError(f"{name}: with use_input_stats=False, running_mean and running_var must be given")
        return _fixed(input, running_mean, running_var, weight, bias, eps, shape)
    n = math.prod(input.shape[2:])
    if n == 1:
        raise ValueError(
            f"{name}: expected more than 1 spatial element when training, got input of shape {tuple(input.shape)}; "
            "a single pixel has no variance"
        )

    def move(mean: Any, variance: Any) -> None:
        if input.size if isinstance(input, np.ndarray) else input._array.size:
            _move_running(running_mean, mean.reshape(-1, channels).mean(0), momentum)
            _move_running(running_var, variance.reshape(-1, channels).mean(0) * (n / (n - 1)), momentum)

    tell = None if running_mean is None and running_var is None else move
    weight = None if weight is None else clone(weight)  # PyTorch keeps one that nobody can overwrite
    return _normalized(input, weight, bias, shape, tuple(range(2, input.ndim)), eps, tell)


def layer_norm(
    input: Array,
    normalized_shape: int | Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """Layer normalisation over the last dimensions (Ba, Kiros and Hinton, 2016).

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the sizes of the dimensions that share a mean and a variance.
        weight, bias: of shape ``normalized_shape``, or None.
        eps: added to the variance.
    """
    name = "layer_norm"
    check_floating(input, "input", name)
    sizes = (normalized_shape,) if isinstance(normalized_shape, (int, np.integer)) else tuple(normalized_shape)
    k = len(sizes)
    if not k or input.ndim < k or array_of(input).shape[-k:] != sizes:
        raise ValueError(
            f"{name}: normalized_shape {sizes} must be the last sizes of the input, whose shape is {tuple(input.shape)}"
        )
    for x, what in ((weight, "weight"), (bias, "bias")):
        if x is not None:
            check_floating(x, what, name)
            if tuple(x.shape) != sizes:
                raise ValueError(f"{name}: {what} must have shape {sizes}, got {tuple(x.shape)}")
            check_dtype_of_input(x, what, dtype_of(input), name)
    dim = tuple(range(input.ndim - k, input.ndim))
    return _normalized(input, weight, bias, (1,) * (input.ndim - k) + sizes, dim, _check_eps(eps, name))


def group_norm(
    input: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5
) -> Array:
    """Group normalisation: groups of channels of each sample share a mean and a variance (Wu and He, 2018).

    Args:
        input: (N, C, ...).
        num_groups: divides C.
        weight, bias: (C,) or None.
        eps: added to the variance.
    """
    name = "group_norm"
    check_floating(input, "input", name)
    if input.ndim < 2:
        raise ValueError(f"{name}: input must have shape (N, C, ...), got {tuple(input.shape)}")
    N, C, *rest = input.shape
    if num_groups < 1 or C % num_groups:
        raise ValueError(f"{name}: num_groups must divide the {C} channels of the input, got {num_groups}")
    if N * (C // num_groups) * math.prod(rest) == 1:
        raise ValueError(
            f"{name}: expected more than 1 value per group, got input of shape {tuple(input.shape)} and "
            f"{num_groups} groups"
        )
    _check_channels(input, name, weight=weight, bias=bias)
    split = (num_groups, C // num_groups)
    grouped = reshape(input, (N, *split, *rest))  # (N, groups, C / groups, ...)
    shape, dim = (1, *split) + (1,) * len(rest), tuple(range(2, grouped.ndim))
    return reshape(_normalized(grouped, weight, bias, shape, dim, _check_eps(eps, name)), (N, C, *rest))


def local_response_norm(input: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Array:
    """x / (k + alpha * mean of the squares over ``size`` neighbouring channels)^beta (Krizhevsky et al., 2012).

    Args:
        input: (N, C, ...).
        size: how many channels; those beyond the first and last count as 0.
    """
    name = "local_response_norm"
    check_array(input, "input", name)
    if input.ndim < 3:
        raise ValueError(f"{name}: input must have at least 3 dimensions, (N, C, ...), got {tuple(input.shape)}")
    if not isinstance(size, (int, np.integer)) or size < 1:
        raise ValueError(f"{name}: size must be an int of at least 1, got {size!r}")
    N, C, *rest = input.shape
    flat = reshape(square(input), (N, C, math.prod(rest)))
    padded = pad(flat, (0, 0, size // 2, (size - 1) // 2))  # (N, C + size - 1, pixels)
    total = sum(padded[:, i : i + C] for i in range(size))
    return input / reshape(pow(total * (alpha / size) + k, beta), tuple(input.shape))
