"""From samples to a batch: stack what belongs together, then make Tensors of the arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .dataset import as_array

_NUMBER = (bool, int, float, np.number, np.bool_)


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack a list of samples into one batch of Tensors.

    Arrays, Tensors and numbers gain a leading axis of length ``len(batch)``; tuples, lists and dicts are gone into (a
    tuple gives a list, a named tuple stays one); strings and bytes give a list. Python floats become float32, ints
    int64; arrays keep their dtype.

    >>> x, y = default_collate([(np.zeros(3), 1), (np.ones(3), 2)])
    >>> x.shape, y.shape
    ((2, 3), (2,))
    """
    return as_tensors(stack_samples(batch))


def default_convert(sample: Any) -> Any:
    """The arrays inside one sample as Tensors; everything else as it is. Used when there is no batching."""
    return as_tensors(sample)


def stack_samples(batch: Sequence[Any]) -> Any:
    """`default_collate` before arrays become Tensors: NumPy only."""
    if len(batch) == 0:
        raise ValueError("cannot make a batch of no samples")
    first = batch[0]
    if as_array(first) is not None:
        return _stack(batch)
    if isinstance(first, _NUMBER):
        return _numbers(batch)
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        for i, sample in enumerate(batch):
            if not isinstance(sample, Mapping) or sample.keys() != first.keys():
                keys = list(sample) if isinstance(sample, Mapping) else type(sample).__name__
                raise ValueError(
                    f"samples of a batch differ in their keys: {list(first)} in sample 0, {keys} in sample {i}"
                )
        return {key: stack_samples([sample[key] for sample in batch]) for key in first}
    if isinstance(first, (tuple, list)):
        for i, sample in enumerate(batch):
            if not isinstance(sample, (tuple, list)) or len(sample) != len(first):
                what = len(sample) if isinstance(sample, (tuple, list)) else type(sample).__name__
                raise ValueError(
                    f"samples of a batch differ in their number of parts: {len(first)} in sample 0, {what} in {i}"
                )
        columns = [stack_samples(column) for column in zip(*batch, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else columns
    raise TypeError(
        f"cannot make a batch of {type(first).__name__}: samples may hold arrays, Tensors, numbers, strings, tuples, "
        "lists and dicts; pass collate_fn= for anything else"
    )


def as_tensors(batch: Any) -> Any:
    """Each array inside ``batch`` as a Tensor, without a copy; the structure as it is."""
    from ..tensors import Tensor  # only a batch needs the framework; datasets and samplers are plain NumPy

    return _map_arrays(Tensor, batch)


def _map_arrays(f: Callable[[Any], Any], batch: Any) -> Any:
    if isinstance(batch, (np.ndarray, np.generic)):
        return f(np.asarray(batch)) if batch.dtype.kind in "biuf" else batch
    if isinstance(batch, Mapping):
        return {key: _map_arrays(f, value) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        parts = [_map_arrays(f, value) for value in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else parts
    return batch


def _stack(batch: Sequence[Any]) -> Any:
    arrays = [as_array(sample) for sample in batch]
    shape = arrays[0].shape  # type: ignore[union-attr]
    for i, (a, sample) in enumerate(zip(arrays, batch, strict=True)):
        if a is None:
            raise TypeError(f"samples of a batch differ: sample 0 is an array, sample {i} is {type(sample).__name__}")
        if a.dtype.kind not in "biuf":
            raise TypeError(f"a batch holds real numbers, sample {i} has dtype {a.dtype}; pass collate_fn= for it")
        if a.shape != shape:
            raise ValueError(
                f"samples of a batch differ in shape: {shape} in sample 0, {a.shape} in sample {i}; pass "
                "collate_fn= to pad them"
            )
    return np.stack(arrays)  # type: ignore[arg-type]


def _numbers(batch: Sequence[Any]) -> Any:
    for i, x in enumerate(batch):
        if not isinstance(x, _NUMBER):
            raise TypeError(f"samples of a batch differ: sample 0 is a number, sample {i} is {type(x).__name__}")
    array = np.array(batch)
    if any(isinstance(x, np.generic) for x in batch):
        return array
    return array.astype({"f": np.float32, "i": np.int64}.get(array.dtype.kind, array.dtype))
