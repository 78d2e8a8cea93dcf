"""Tensors of random numbers, under PyTorch's names.

They come from one generator, set by ``manual_seed``, or from ``generator=``. The same seed gives the same bits,
whatever the memory order of the tensors around.
"""

from __future__ import annotations

import operator
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from ..arrays import rng
from ..autograd.graph import array_of
from ..ops.numbers import number_for
from ..ops.watched import aside
from . import Tensor
from .creation import new
from .values import dtype_of, given, shape_of

Generator: TypeAlias = "rng.Generator | np.random.Generator | None"


def _floating(dtype: Any, name: str) -> np.dtype[Any]:
    kind = dtype_of(dtype)
    if kind.kind != "f":
        raise TypeError(f"{name}: needs a floating dtype, got {kind}")
    return kind


def _uniform(shape: tuple[int, ...], dtype: np.dtype[Any], generator: Generator) -> ndarray[Any, Any]:
    y = np.asarray(rng.uniform(shape, dtype, generator), dtype)
    return y if dtype.itemsize > 2 else np.minimum(y, 1 - dtype.type(2**-11))  # half precision may have rounded up to 1


def _normal(shape: tuple[int, ...], dtype: np.dtype[Any], generator: Generator) -> ndarray[Any, Any]:
    return np.asarray(rng.normal(shape, dtype, generator), dtype)


def rand(
    *size: Any, generator: Generator = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers spread evenly over [0, 1)."""
    shape, kind = shape_of(size, "rand"), _floating(dtype, "rand")
    return new(aside(_uniform, shape=shape, dtype=kind, generator=generator), requires_grad, device)


def randn(
    *size: Any, generator: Generator = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers from the normal distribution of mean 0 and standard deviation 1."""
    shape, kind = shape_of(size, "randn"), _floating(dtype, "randn")
    return new(aside(_normal, shape=shape, dtype=kind, generator=generator), requires_grad, device)


def rand_like(
    input: Any, *, generator: Generator = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`rand` in the shape and dtype of a tensor."""
    a = given(input, "rand_like")
    return rand(
        a.shape, generator=generator, dtype=dtype_of(dtype, a.dtype), device=device, requires_grad=requires_grad
    )


def randn_like(
    input: Any, *, generator: Generator = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`randn` in the shape and dtype of a tensor."""
    a = given(input, "randn_like")
    return randn(
        a.shape, generator=generator, dtype=dtype_of(dtype, a.dtype), device=device, requires_grad=requires_grad
    )


def _integers(low: Any, high: Any, shape: tuple[int, ...], dtype: Any, generator: Generator) -> ndarray[Any, Any]:
    low, high = operator.index(low), operator.index(high)
    if low >= high:
        raise ValueError(f"randint: low must be below high, got low={low}, high={high}")
    kind = dtype_of(dtype, np.int64)
    for bound in (low, high - 1):
        for room in (kind, np.dtype(np.int64)):
            number_for(bound, room, "randint")
    made: ndarray[Any, Any] = aside(_whole, low=low, high=high, shape=shape, kind=kind, generator=generator)
    return made


def _whole(*, low: int, high: int, shape: tuple[int, ...], kind: np.dtype[Any], generator: Generator) -> Any:
    return np.asarray(rng.resolve(generator).integers(low, high, shape)).astype(kind)


def randint(
    *bounds_and_size: Any,
    low: int = 0,
    high: int | None = None,
    size: Any = None,
    generator: Generator = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``randint(low=0, high, size)``: integers from ``low`` up to but without ``high``; int64 by default."""
    given = list(bounds_and_size)
    if size is None and given and isinstance(given[-1], (tuple, list)):
        size = given.pop()
    if high is None and given:
        high = given.pop()
    if given:
        low = given.pop()
    if given or high is None or size is None:
        raise TypeError("randint: expected randint(high, size) or randint(low, high, size), with size a tuple")
    return new(_integers(low, high, shape_of((size,), "randint"), dtype, generator), requires_grad, device)


def randint_like(
    input: Any,
    low: int,
    high: int | None = None,
    *,
    generator: Generator = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers from ``low`` (or 0) up to but without ``high``, in the shape and dtype of a tensor."""
    a = given(input, "randint_like")
    low, high = (0, low) if high is None else (low, high)
    return new(_integers(low, high, a.shape, dtype_of(dtype, a.dtype), generator), requires_grad, device)


def randperm(
    n: int, *, generator: Generator = None, dtype: Any = np.int64, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The integers from 0 to n - 1 in a random order."""
    count = shape_of((n,), "randperm")[0]
    kind = dtype_of(dtype)
    number_for(max(count - 1, 0), kind, "randperm")
    return new(aside(_permutation, count=count, kind=kind, generator=generator), requires_grad, device)


def _permutation(*, count: int, kind: np.dtype[Any], generator: Generator) -> Any:
    return rng.resolve(generator).permutation(count).astype(kind)


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from normal distributions with these means and deviations: tensors, or numbers and a size."""
    arrays = [array_of(x) for x in (mean, std)]
    aside(_check_deviations, std)
    made = [x for x in arrays if isinstance(x, ndarray)]
    if made and size is not None:
        raise TypeError("normal: size is for numbers; the shape of tensors decides")
    if not made and size is None:
        raise TypeError("normal: two numbers need a size")
    shape = np.broadcast_shapes(*(x.shape for x in made)) if made else shape_of((size,), "normal")
    kind = _floating(dtype if dtype is not None else made[0].dtype if made else None, "normal")
    y = aside(_scattered, mean, std, shape=shape, kind=kind, generator=generator)
    return new(y, requires_grad, device)


def _check_deviations(std: Any) -> None:
    if np.any(np.asarray(std) < 0):
        raise ValueError(f"normal: std must be >= 0, got {float(np.min(std))}")


def _scattered(mean: Any, std: Any, *, shape: tuple[int, ...], kind: np.dtype[Any], generator: Generator) -> Any:
    return np.asarray(_normal(shape, kind, generator) * np.asarray(std, kind) + np.asarray(mean, kind), kind)


def bernoulli(input: Any, *, generator: Generator = None) -> Tensor:
    """1 with the probabilities that the input holds, and 0 otherwise, in its shape and dtype. No gradient."""
    p = given(input, "bernoulli")
    _floating(p.dtype, "bernoulli")
    return Tensor(aside(_tossed, input, generator=generator))


def _tossed(p: Any, *, generator: Generator) -> Any:
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"bernoulli: probabilities lie in [0, 1], got some in [{p.min()}, {p.max()}]")
    return np.asarray(_uniform(p.shape, p.dtype, generator) < p).astype(dtype_of(p.dtype))


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Generator = None) -> Tensor:
    """Indices drawn in proportion to weights: ``num_samples`` from a vector, or from each row of a matrix.

    Without replacement, no index is drawn twice from a row.
    """
    w = given(input, "multinomial")
    k = operator.index(num_samples)
    _floating(w.dtype, "multinomial")
    if w.ndim not in (1, 2) or not w.shape[-1]:
        raise ValueError(f"multinomial: expected a vector or a matrix of weights, got shape {w.shape}")
    return Tensor(aside(_chosen, input, k=k, replacement=bool(replacement), generator=generator))


def _chosen(w: Any, *, k: int, replacement: bool, generator: Generator) -> Any:
    """`multinomial` of an array."""
    if not (np.isfinite(w) & (w >= 0)).all() or not (w.sum(-1) > 0).all():
        raise ValueError("multinomial: weights must be finite and >= 0, and some of each row above 0")
    if k < 1 or (not replacement and k > (w > 0).sum(-1).min()):
        raise ValueError(
            f"multinomial: num_samples={k} is not between 1 and {int((w > 0).sum(-1).min())}, the weights above 0"
        )
    rows = np.atleast_2d(w).astype(np.float64)
    source = rng.resolve(generator)
    if replacement:
        edges = np.cumsum(rows, -1)
        draws = source.random((len(rows), k)) * edges[:, -1:]
        chosen = np.array([np.searchsorted(e, d, "right") for e, d in zip(edges, draws, strict=True)])
        last = rows.shape[1] - 1 - np.argmax(rows[:, ::-1] > 0, -1)  # rounding may not lead past the last weight
        chosen = np.minimum(chosen, last[:, None])
    else:  # a race: of exponential times with these rates, the first k
        with np.errstate(divide="ignore"):
            times = source.standard_exponential(rows.shape) / rows
        chosen = np.argsort(times, -1)[:, :k]
    return chosen.reshape((*w.shape[:-1], k)).astype(np.int64)
