"""Making tensors: from data, of one value, in steps, at random. Names, arguments and defaults are PyTorch's.

New tensors are float32 unless ``dtype`` or the data say otherwise. Sizes are given as ``zeros(2, 3)`` or ``zeros((2, 3))``.
Random tensors come from one generator, set by ``manual_seed``, or from ``generator=``; the same seed gives the same
bits.
"""

from __future__ import annotations

import math
import operator
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from . import rng
from .device import device as _device
from .engine import Variable, cast
from .ops.promotion import default_dtype
from .ops.shape import sizes
from .tensor import Tensor

Generator: TypeAlias = "rng.Generator | np.random.Generator | None"


def _dtype(dtype: Any, default: Any = default_dtype) -> np.dtype[Any]:
    """A dtype that tensors can have, or the default."""
    kind = np.dtype(default if dtype is None else dtype)
    if kind.kind not in "fiub":
        raise TypeError(f"a Tensor holds real numbers, not dtype {kind}")
    return kind.newbyteorder("=")


def _new(a: Any, requires_grad: bool, device: Any = None) -> Tensor:
    if device is not None:
        _device(device)  # refuses what is not the CPU
    return Tensor(a, requires_grad)


def _shape(size: Any, name: str) -> tuple[int, ...]:
    shape = sizes(size, name)
    if any(n < 0 for n in shape):
        raise ValueError(f"{name}: a size cannot be negative, got {shape}")
    return shape


def _like(x: Any, name: str) -> Any:
    a = x.data if isinstance(x, Variable) else x
    if not isinstance(a, ndarray):
        raise TypeError(f"{name}: expected a Tensor or a NumPy array, got {type(x).__name__}")
    return a


# ----------------------------------------------------------------------------------------------------------- from data
def _array(data: Any, dtype: Any) -> ndarray[Any, Any]:
    """Data as an array, shared where it can be. Python's floats become float32, its integers int64."""
    if isinstance(data, Variable):
        data = data.data
    a = np.asarray(data)
    if dtype is None and not isinstance(data, (ndarray, np.generic)):
        leaf = data
        while isinstance(leaf, (list, tuple)) and leaf:
            leaf = leaf[0]
        if not isinstance(leaf, (ndarray, np.generic, Variable)):
            dtype = default_dtype if a.dtype.kind == "f" else np.int64 if a.dtype.kind in "iu" else None
    if a.dtype.kind not in "fiub":
        raise TypeError(f"a Tensor holds real numbers, got {type(data).__name__} of dtype {a.dtype}")
    return a.astype(_dtype(dtype, a.dtype), copy=False)


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of the data: numbers, nested lists, arrays or tensors (without their graph).

    Python floats become float32, integers int64, booleans bool; NumPy arrays keep their dtype.

    >>> tensor([[1.0, 2.0]]).dtype
    dtype('float32')
    """
    a = _array(data, dtype)
    return _new(np.array(a, order="K"), requires_grad, device)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The data as a tensor, without a copy where there need be none; a tensor of that dtype is returned itself."""
    if isinstance(data, Tensor):
        _new(data, False, device)
        return data if dtype is None or data.dtype == _dtype(dtype) else cast(data, dtype=_dtype(dtype))  # type: ignore[return-value]
    return _new(_array(data, dtype), False, device)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """The object as a tensor; ``copy`` True always copies, False never (and raises where it would have to)."""
    a = _array(obj, dtype)
    shared = isinstance(obj, (ndarray, Variable)) and np.may_share_memory(a, getattr(obj, "data", obj) if isinstance(obj, Variable) else obj)
    if copy is False and not shared and a.size:
        raise ValueError(f"asarray: {type(obj).__name__} cannot become a tensor of dtype {a.dtype} without a copy")
    return _new(np.array(a, order="K") if copy and shared else a, requires_grad, device)


def from_numpy(ndarray: ndarray[Any, Any]) -> Tensor:
    """A tensor that shares the memory of a NumPy array."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: expected a NumPy array, got {type(ndarray).__name__}; use tensor() for other data")
    return Tensor(ndarray)


# ---------------------------------------------------------------------------------------------------------- one value
def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros."""
    return _new(np.zeros(_shape(size, "zeros"), _dtype(dtype)), requires_grad, device)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones."""
    return _new(np.ones(_shape(size, "ones"), _dtype(dtype)), requires_grad, device)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose values are whatever was in its memory."""
    return _new(np.empty(_shape(size, "empty"), _dtype(dtype)), requires_grad, device)


def _kind_of(value: Any) -> np.dtype[Any]:
    """The dtype of a new tensor of this number."""
    value = value.item() if isinstance(value, (np.generic, Variable)) else value
    if isinstance(value, bool):
        return np.dtype(np.bool_)
    return np.dtype(np.int64) if isinstance(value, int) else default_dtype


def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of one value; its dtype is that of the value (float32, int64 or bool) unless given."""
    value = fill_value.item() if isinstance(fill_value, Variable) else fill_value
    shape = _shape((size,) if isinstance(size, (tuple, list)) else size, "full")
    return _new(np.full(shape, value, _dtype(dtype, _kind_of(value))), requires_grad, device)


def zeros_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and dtype of a tensor."""
    a = _like(input, "zeros_like")
    return _new(np.zeros_like(a, _dtype(dtype, a.dtype), subok=False), requires_grad, device)


def ones_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and dtype of a tensor."""
    a = _like(input, "ones_like")
    return _new(np.ones_like(a, _dtype(dtype, a.dtype), subok=False), requires_grad, device)


def empty_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of the shape and dtype of another, whose values are whatever was in its memory."""
    a = _like(input, "empty_like")
    return _new(np.empty_like(a, _dtype(dtype, a.dtype), subok=False), requires_grad, device)


def full_like(
    input: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One value, in the shape and dtype of a tensor."""
    a = _like(input, "full_like")
    value = fill_value.item() if isinstance(fill_value, Variable) else fill_value
    return _new(np.full_like(a, value, _dtype(dtype, a.dtype), subok=False), requires_grad, device)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A matrix with ones on the diagonal and zeros elsewhere."""
    shape = _shape((n, n if m is None else m), "eye")
    return _new(np.eye(*shape, dtype=_dtype(dtype)), requires_grad, device)


# ------------------------------------------------------------------------------------------------------------ in steps
def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... up to but without ``end``; ``arange(end)`` starts from 0. Integers give int64."""
    if end is None:
        start, end = 0, start
    start, end, step = (x.item() if isinstance(x, (np.generic, Variable)) else x for x in (start, end, step))
    if step == 0 or (end - start) * step < 0:
        raise ValueError(f"arange: cannot go from {start} to {end} in steps of {step}")
    if not all(math.isfinite(x) for x in (start, end, step)):
        raise ValueError(f"arange: start, end and step must be finite, got {start}, {end}, {step}")
    whole = all(isinstance(x, int) for x in (start, end, step))
    n = -(-(end - start) // step) if whole else math.ceil((end - start) / step)
    return _new((start + step * np.arange(n)).astype(_dtype(dtype, np.int64 if whole else default_dtype)), requires_grad, device)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` numbers at equal distances from ``start`` to ``end``, both included."""
    n = _shape((steps,), "linspace")[0]
    return _new(np.linspace(float(start), float(end), n).astype(_dtype(dtype)), requires_grad, device)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` powers of ``base``, with exponents at equal distances from ``start`` to ``end``."""
    n = _shape((steps,), "logspace")[0]
    return _new(np.power(float(base), np.linspace(float(start), float(end), n)).astype(_dtype(dtype)), requires_grad, device)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64, device: Any = None) -> Tensor:
    """The rows and columns, (2, n), of the elements on and below a diagonal of a (row, col) matrix."""
    shape = _shape((row, col), "tril_indices")
    return _new(np.stack(np.tril_indices(shape[0], offset, shape[1])).astype(_dtype(dtype)), False, device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64, device: Any = None) -> Tensor:
    """The rows and columns, (2, n), of the elements on and above a diagonal of a (row, col) matrix."""
    shape = _shape((row, col), "triu_indices")
    return _new(np.stack(np.triu_indices(shape[0], offset, shape[1])).astype(_dtype(dtype)), False, device)


# ----------------------------------------------------------------------------------------------------------- at random
def _floating(dtype: Any, name: str) -> np.dtype[Any]:
    kind = _dtype(dtype)
    if kind.kind != "f":
        raise TypeError(f"{name}: needs a floating dtype, got {kind}")
    return kind


def _uniform(shape: tuple[int, ...], dtype: np.dtype[Any], generator: Generator) -> ndarray[Any, Any]:
    wide: Any = np.float64 if dtype.itemsize > 4 else np.float32
    y = rng.resolve(generator).random(shape, wide)
    return np.asarray(y, dtype) if dtype.itemsize > 2 else np.minimum(np.asarray(y, dtype), np.nextafter(dtype.type(1), dtype.type(0)))


def _normal(shape: tuple[int, ...], dtype: np.dtype[Any], generator: Generator) -> ndarray[Any, Any]:
    wide: Any = np.float64 if dtype.itemsize > 4 else np.float32
    return np.asarray(rng.resolve(generator).standard_normal(shape, wide), dtype)


def rand(
    *size: Any, generator: Generator = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers spread evenly over [0, 1)."""
    return _new(_uniform(_shape(size, "rand"), _floating(dtype, "rand"), generator), requires_grad, device)


def randn(
    *size: Any, generator: Generator = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers from the normal distribution of mean 0 and standard deviation 1."""
    return _new(_normal(_shape(size, "randn"), _floating(dtype, "randn"), generator), requires_grad, device)


def rand_like(
    input: Any, *, generator: Generator = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`rand` in the shape and dtype of a tensor."""
    a = _like(input, "rand_like")
    return rand(a.shape, generator=generator, dtype=_dtype(dtype, a.dtype), device=device, requires_grad=requires_grad)


def randn_like(
    input: Any, *, generator: Generator = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`randn` in the shape and dtype of a tensor."""
    a = _like(input, "randn_like")
    return randn(a.shape, generator=generator, dtype=_dtype(dtype, a.dtype), device=device, requires_grad=requires_grad)


def _integers(low: Any, high: Any, shape: tuple[int, ...], dtype: Any, generator: Generator) -> ndarray[Any, Any]:
    low, high = operator.index(low), operator.index(high)
    if low >= high:
        raise ValueError(f"randint: low must be below high, got low={low}, high={high}")
    return np.asarray(rng.resolve(generator).integers(low, high, shape)).astype(_dtype(dtype, np.int64))


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
    """``randint(low=0, high, size)``: integers from ``low`` up to but without ``high``, int64 unless ``dtype`` is given."""
    given = list(bounds_and_size)
    if size is None and given and isinstance(given[-1], (tuple, list)):
        size = given.pop()
    if high is None and given:
        high = given.pop()
    if given:
        low = given.pop()
    if given or high is None or size is None:
        raise TypeError("randint: expected randint(high, size) or randint(low, high, size), with size a tuple")
    return _new(_integers(low, high, _shape((size,), "randint"), dtype, generator), requires_grad, device)


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
    """Integers from ``low`` (0, if only one bound is given) up to but without ``high``, in the shape and dtype of a tensor."""
    a = _like(input, "randint_like")
    low, high = (0, low) if high is None else (low, high)
    return _new(_integers(low, high, a.shape, _dtype(dtype, a.dtype), generator), requires_grad, device)


def randperm(
    n: int, *, generator: Generator = None, dtype: Any = np.int64, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The integers from 0 to n - 1 in a random order."""
    count = _shape((n,), "randperm")[0]
    return _new(rng.resolve(generator).permutation(count).astype(_dtype(dtype)), requires_grad, device)


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
    """Numbers from normal distributions: of these means and deviations, tensors that broadcast, or of two numbers in ``size``."""
    arrays = [x.data if isinstance(x, Variable) else x for x in (mean, std)]
    if np.any(np.asarray(arrays[1]) < 0):
        raise ValueError(f"normal: std must be >= 0, got {float(np.min(arrays[1]))}")
    made = [x for x in arrays if isinstance(x, ndarray)]
    if made and size is not None:
        raise TypeError("normal: size is for numbers; the shape of tensors decides")
    if not made and size is None:
        raise TypeError("normal: two numbers need a size")
    shape = np.broadcast_shapes(*(x.shape for x in made)) if made else _shape((size,), "normal")
    kind = _floating(dtype if dtype is not None else made[0].dtype if made else None, "normal")
    y = _normal(shape, kind, generator) * np.asarray(arrays[1], kind) + np.asarray(arrays[0], kind)
    return _new(np.asarray(y, kind), requires_grad, device)


def bernoulli(input: Any, *, generator: Generator = None) -> Tensor:
    """1 with the probabilities that the input holds, and 0 otherwise, in its shape and dtype. No gradient."""
    p = _like(input, "bernoulli")
    _floating(p.dtype, "bernoulli")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"bernoulli: probabilities lie in [0, 1], got some in [{p.min()}, {p.max()}]")
    return Tensor((_uniform(p.shape, p.dtype, generator) < p).astype(_dtype(p.dtype)))


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Generator = None) -> Tensor:
    """Indices drawn with probabilities in proportion to weights: ``num_samples`` from a vector, or from each row of a matrix.

    Without replacement, no index is drawn twice from a row.
    """
    w = _like(input, "multinomial")
    k = operator.index(num_samples)
    _floating(w.dtype, "multinomial")
    if w.ndim not in (1, 2) or not w.shape[-1]:
        raise ValueError(f"multinomial: expected a vector or a matrix of weights, got shape {w.shape}")
    if not (np.isfinite(w) & (w >= 0)).all() or not (w.sum(-1) > 0).all():
        raise ValueError("multinomial: weights must be finite and >= 0, and some of each row above 0")
    if k < 1 or (not replacement and k > (w > 0).sum(-1).min()):
        raise ValueError(
            f"multinomial: cannot draw num_samples={k} different indices from {int((w > 0).sum(-1).min())} of weight > 0"
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
    return Tensor(chosen.reshape((*w.shape[:-1], k)).astype(np.int64))
