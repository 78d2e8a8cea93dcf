"""Datasets: things with a length and an index, read one sample at a time or, where they can, one batch at a time.

A dataset that defines ``get_batch(indices)`` is read with all the indices of a batch at once; the loader never walks it
item by item. `TensorDataset`, `MNIST` and its kin, and `Subset` and `ConcatDataset` of such datasets do.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Real
from typing import Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays.rng import Generator, resolve
from ..arrays.telling import warn_of

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """A map from indices to samples: subclasses define ``__getitem__`` and ``__len__``.

    A subclass that can index many samples at once also defines ``get_batch(indices)``: given an int64 array of B
    indices in ``[0, len)``, it returns a tuple of arrays (or one array) whose first axis has length B, newly made.
    The loader uses it in place of B calls of ``__getitem__``. A subclass that overrides ``__getitem__`` alone switches
    the ``get_batch`` it inherited off, so an override is never bypassed. A dataset whose settings decide whether it can
    makes a property of it, which is None where it cannot.

    >>> class Squares(Dataset[int]):
    ...     def __len__(self) -> int:
    ...         return 5
    ...     def __getitem__(self, index: int) -> int:
    ...         return index**2
    >>> Squares()[3]
    9
    """

    def __getitem__(self, index: int) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index)")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Generic[T_co]):
    """A stream of samples: subclasses define ``__iter__``. The loader batches it in order; it cannot be shuffled."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")


class TensorDataset(Dataset[tuple[Any, ...]]):
    """Arrays or Tensors of equal length, indexed together along their first axis.

    ``dataset[i]`` is the tuple of the i-th rows; ``get_batch(indices)`` indexes each array once.

    >>> TensorDataset(np.zeros((2, 3)), np.eye(2))[1]
    (array([0., 0., 0.]), array([0., 1.]))
    """

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ValueError("TensorDataset needs at least one array or Tensor, got none")
        for i, t in enumerate(tensors):
            array = as_array(t)
            if array is None:
                raise TypeError(f"TensorDataset takes arrays and Tensors, got {type(t).__name__} as argument {i}")
            if array.ndim == 0:
                raise ValueError(f"TensorDataset: argument {i} has no axis to index, its shape is ()")
        sizes = [len(t) for t in tensors]
        if len(set(sizes)) > 1:
            raise ValueError(f"TensorDataset: all arrays must have the same length, got lengths {sizes}")
        self.tensors = tensors

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def get_batch(self, indices: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        """The rows at ``indices`` of every array, as a tuple of new arrays."""
        return tuple(cast(NDArray[Any], as_array(t))[indices] for t in self.tensors)


class Subset(Dataset[T_co]):
    """The samples of ``dataset`` at ``indices``, in that order."""

    def __init__(self, dataset: Dataset[T_co], indices: Sequence[int] | NDArray[np.integer[Any]]) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices, dtype=np.int64 if len(indices) == 0 else None)
        if self.indices.ndim != 1 or self.indices.dtype.kind not in "iu":
            raise TypeError(
                f"Subset: indices must be a 1-d sequence of integers, got shape {self.indices.shape}, "
                f"dtype {self.indices.dtype}"
            )
        self.indices = self.indices.astype(np.int64, copy=False)
        n = _length(dataset, "Subset")
        bad = np.flatnonzero((self.indices < -n) | (self.indices >= n))
        if bad.size:
            raise IndexError(
                f"Subset: indices[{bad[0]}] is {self.indices[bad[0]]}, out of range for a dataset of {n} samples"
            )
        self.indices = np.where(self.indices < 0, self.indices + n, self.indices)

    def __getitem__(self, index: int) -> T_co:
        return self.dataset[int(self.indices[index])]

    def __len__(self) -> int:
        return len(self.indices)

    def get_batch(self, indices: NDArray[np.int64]) -> Any:
        """The inner dataset's batch at the inner indices."""
        return self.dataset.get_batch(self.indices[indices])  # type: ignore[attr-defined]

    def _parts(self) -> list[Dataset[Any]]:
        return [self.dataset]


class ConcatDataset(Dataset[Any]):
    """Several datasets, one after the other: ``ConcatDataset([a, b])``, or ``a + b``."""

    def __init__(self, datasets: Iterable[Dataset[Any]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset needs at least one dataset, got none")
        self.cumulative_sizes = list(itertools.accumulate(_length(d, "ConcatDataset") for d in self.datasets))

    def __getitem__(self, index: int) -> Any:
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"index {index} is out of range for a ConcatDataset of {n} samples")
        index = index % n
        part = int(np.searchsorted(self.cumulative_sizes, index, side="right"))
        return self.datasets[part][index - (self.cumulative_sizes[part - 1] if part else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def get_batch(self, indices: NDArray[np.int64]) -> Any:
        """One batch of each dataset concerned, put together in the order of ``indices``."""
        part = np.searchsorted(self.cumulative_sizes, indices, side="right")
        starts = np.array([0, *self.cumulative_sizes[:-1]])
        present = np.unique(part)
        pieces = [self.datasets[p].get_batch(indices[part == p] - starts[p]) for p in present]
        if len(pieces) == 1:
            return pieces[0]
        back = np.argsort(np.concatenate([np.flatnonzero(part == p) for p in present]))
        columns = [p if isinstance(p, tuple) else (p,) for p in pieces]
        if len({len(c) for c in columns}) > 1:
            raise ValueError(
                f"ConcatDataset: the datasets give batches of different lengths: {[len(c) for c in columns]} arrays"
            )
        for k, column in enumerate(zip(*columns, strict=True)):
            if len({(a.shape[1:], a.dtype) for a in column}) > 1:
                what = ", ".join(f"{a.shape[1:]} {a.dtype}" for a in column)
                raise ValueError(f"ConcatDataset: array {k} of a sample differs between the datasets: {what}")
        joined = tuple(np.concatenate(column)[back] for column in zip(*columns, strict=True))
        return joined if isinstance(pieces[0], tuple) else joined[0]

    def _parts(self) -> list[Dataset[Any]]:
        return self.datasets


def batch_access(dataset: Any) -> Callable[[NDArray[np.int64]], Any] | None:
    """The dataset's ``get_batch``, or None if it has none, or a subclass has given it a newer ``__getitem__`` or
    ``__getitems__``."""
    for cls in type(dataset).__mro__:
        if "get_batch" in vars(cls):
            parts = dataset._parts() if cls in (Subset, ConcatDataset) else []
            return dataset.get_batch if all(batch_access(p) for p in parts) else None
        if "__getitem__" in vars(cls) or "__getitems__" in vars(cls):
            return None
    return None


def as_array(x: Any) -> NDArray[Any] | None:
    """The array behind an array or a Tensor; None for anything else. A batch holds data and no graph: a Tensor that
    requires grad is refused."""
    if isinstance(x, np.ndarray):
        return x
    data = getattr(x, "_array", None)  # a Tensor's
    if not isinstance(data, np.ndarray):
        return None
    if getattr(x, "requires_grad", False):
        raise ValueError(
            f"a Tensor of shape {data.shape} in a dataset requires grad, and a batch has no graph: detach() it"
        )
    return data


def targets_of(dataset: Any) -> NDArray[Any] | None:
    """The labels of all samples, in order, if the dataset can tell them: its ``targets``, or the last array of a
    `TensorDataset` where that is 1-d and of integers; through `Subset` and `ConcatDataset`. None otherwise."""
    if getattr(dataset, "targets", None) is not None:
        found = as_array(dataset.targets)
        return np.asarray(dataset.targets) if found is None else found
    if isinstance(dataset, Subset):
        inner = targets_of(dataset.dataset)
        return None if inner is None else inner[dataset.indices]
    if isinstance(dataset, ConcatDataset):
        parts = [targets_of(d) for d in dataset.datasets]
        return np.concatenate([p for p in parts if p is not None]) if all(p is not None for p in parts) else None
    if isinstance(dataset, TensorDataset):
        last = cast(NDArray[Any], as_array(dataset.tensors[-1]))
        return last if last.ndim == 1 and last.dtype.kind in "iub" else None
    return None


def random_split(
    dataset: Dataset[T_co],
    lengths: Sequence[int | float],
    generator: Generator | np.random.Generator | None = None,
    stratify: bool | ArrayLike | None = None,
) -> list[Subset[T_co]]:
    """Split a dataset at random into parts that do not overlap.

    ``lengths`` are counts that add up to ``len(dataset)``, or fractions that add up to 1: each is rounded down, and the
    samples left over go to the parts in turn, from the first on (PyTorch's rule).

    ``stratify`` keeps the classes in proportion: True takes the dataset's own labels (`targets`, or the last array of a
    TensorDataset), or give an array of one label a sample. Each part then holds of each class its proportional number
    of samples, rounded down or up, and the parts have exactly the lengths asked for.

    >>> parts = random_split(TensorDataset(np.zeros(10), np.arange(10) % 2), [0.8, 0.2], stratify=True)
    >>> [len(p) for p in parts]
    [8, 2]
    """
    n = _length(dataset, "random_split")
    counts = _split_sizes(lengths, n)
    rng = resolve(generator)
    if stratify is None or stratify is False:
        order = rng.permutation(n)
        return [Subset(dataset, part) for part in np.split(order, np.cumsum(counts)[:-1])]
    if stratify is True:
        labels = targets_of(dataset)
        if labels is None:
            raise ValueError(
                f"random_split: stratify=True needs a dataset with labels in `targets`, and {type(dataset).__name__} "
                "has none; pass the labels themselves as stratify="
            )
    else:
        found = as_array(stratify)
        labels = np.asarray(stratify) if found is None else found
    if labels.shape != (n,):
        raise ValueError(f"random_split: stratify needs one label a sample, shape ({n},), got shape {labels.shape}")
    return [Subset(dataset, part) for part in _stratified(labels, counts, rng)]


def _split_sizes(lengths: Sequence[int | float], n: int) -> list[int]:
    if not hasattr(lengths, "__len__") or isinstance(lengths, (str, bytes, dict)):
        raise TypeError(
            f"random_split: lengths must be a list with the size or the fraction of each part, got {lengths!r}; "
            f"{_rest(lengths, n)}"
        )
    if len(lengths) == 0:
        raise ValueError("random_split: lengths is empty; give the size or the fraction of each part")
    lengths = [x.item() if hasattr(x, "item") else x for x in lengths]
    if not all(isinstance(x, Real) for x in lengths):
        raise TypeError(f"random_split: lengths must be counts or fractions, such as [0.8, 0.2], got {lengths}")
    if any(not math.isfinite(x) or x < 0 for x in lengths):
        raise ValueError(f"random_split: lengths must be numbers >= 0, got {list(lengths)}")
    if math.isclose(sum(lengths), 1.0) and sum(lengths) <= 1.0 + 1e-9:
        counts = [math.floor(n * f) for f in lengths]
        for i in range(n - sum(counts)):
            counts[i % len(counts)] += 1
    elif any(x != int(x) for x in lengths):
        raise ValueError(
            f"random_split: fractions must add up to 1, got {list(lengths)}, which add up to {sum(lengths)}"
        )
    else:
        counts = [int(x) for x in lengths]
    if sum(counts) != n:
        raise ValueError(
            f"random_split: lengths {list(lengths)} add up to {sum(counts)}, but the dataset has {n} samples; "
            "fractions (adding up to 1) work too"
        )
    for i, c in enumerate(counts):
        if c == 0:
            warn_of(f"random_split: part {i} of {list(lengths)} is empty")
    return counts


def _rest(length: Any, n: int) -> str:
    """What somebody means who gave one length: that part, and the rest."""
    if isinstance(length, float) and 0 < length < 1:
        return f"for this part and the rest [{length}, {round(1 - length, 12)}]"
    if isinstance(length, int) and 0 < length < n:
        return f"for this part and the rest [{length}, {n - length}]"
    return "such as [0.8, 0.2]"


def _stratified(labels: NDArray[Any], counts: list[int], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Indices of each part. The table (class, part) of numbers is the proportional one with every entry rounded down
    or up such that all its row and column sums are kept: each class gives the samples that rounding left over to the
    parts that miss most (the construction of Gale and Ryser, 1957, which succeeds whenever such a table exists)."""
    _, which, per_class = np.unique(labels, return_inverse=True, return_counts=True)
    exact = np.multiply.outer(per_class, np.array(counts, dtype=np.int64))
    table = exact // max(len(labels), 1)
    missing = np.array(counts) - table.sum(axis=0)
    members = np.split(np.argsort(which, kind="stable"), np.cumsum(per_class)[:-1])
    parts: list[list[NDArray[np.int64]]] = [[] for _ in counts]
    for row, own in zip(table, members, strict=True):
        extra = np.argsort(-missing, kind="stable")[: len(own) - int(row.sum())]
        row[extra] += 1
        missing[extra] -= 1
        for part, piece in zip(parts, np.split(rng.permutation(own), np.cumsum(row)[:-1]), strict=True):
            part.append(piece)
    return [rng.permutation(np.concatenate([*p, np.empty(0, np.int64)])) for p in parts]


def _length(dataset: Any, who: str) -> int:
    try:
        return len(dataset)
    except TypeError:
        raise TypeError(
            f"{who} needs a dataset with a length; {type(dataset).__name__} has no __len__"
            + (" (a stream cannot be indexed)" if isinstance(dataset, IterableDataset) else "")
        ) from None
