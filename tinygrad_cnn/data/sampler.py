"""Samplers: in which order a loader reads a dataset.

The samplers here know their whole order at once (``order()``), and the loader cuts that array into batches. A sampler
of one's own needs ``__iter__`` only: it is then asked for one index at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays.rng import Generator, resolve

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """Base of samplers: subclasses define ``__iter__`` (indices, or lists of indices), and ``__len__`` if they can."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")


class _ArraySampler(Sampler[int]):
    """A sampler that knows its whole order as one array."""

    def order(self) -> NDArray[np.int64]:
        """The order of one epoch, drawn anew at each call."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())


class SequentialSampler(_ArraySampler):
    """0, 1, ..., len(data_source) - 1."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def order(self) -> NDArray[np.int64]:
        return np.arange(len(self.data_source), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(_ArraySampler):
    """A random order: each index once, or, with ``replacement``, ``num_samples`` independent draws.

    Without replacement, ``num_samples`` above the dataset's length means one permutation after another.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | np.random.Generator | None = None,
    ) -> None:
        self.data_source, self.replacement, self.generator = data_source, _flag(replacement, "replacement"), generator
        self._num_samples = None if num_samples is None else positive(num_samples, "num_samples")
        if len(data_source) == 0:
            raise ValueError("RandomSampler: nothing to draw from, the dataset is empty")

    @property
    def num_samples(self) -> int:
        """How many indices an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def order(self) -> NDArray[np.int64]:
        rng, n, wanted = resolve(self.generator), len(self.data_source), self.num_samples
        if self.replacement:
            return rng.integers(n, size=wanted)
        rounds = [rng.permutation(n) for _ in range(-(-wanted // n))]
        return rounds[0][:wanted] if len(rounds) == 1 else np.concatenate(rounds)[:wanted]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(_ArraySampler):
    """The given indices in a random order: each once an epoch.

    >>> sorted(SubsetRandomSampler([3, 5, 9]))
    [3, 5, 9]
    """

    def __init__(
        self,
        indices: Sequence[int] | NDArray[np.integer[Any]],
        generator: Generator | np.random.Generator | None = None,
    ) -> None:
        self.indices = np.array(indices, dtype=None if len(indices) else np.int64)
        if self.indices.ndim != 1 or self.indices.dtype.kind not in "iu":
            raise TypeError(
                "SubsetRandomSampler: indices must be a 1-d sequence of integers, got shape "
                f"{self.indices.shape}, dtype {self.indices.dtype}"
            )
        self.generator = generator

    def order(self) -> NDArray[np.int64]:
        return resolve(self.generator).permutation(self.indices.astype(np.int64))

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(_ArraySampler):
    """``num_samples`` draws, index i with probability ``weights[i] / sum(weights)``.

    Without replacement, an index that was drawn is taken out and the others share its probability.
    """

    def __init__(
        self,
        weights: ArrayLike,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | np.random.Generator | None = None,
    ) -> None:
        self.weights = np.asarray(weights, dtype=np.float64)
        self.num_samples, self.replacement = positive(num_samples, "num_samples"), _flag(replacement, "replacement")
        self.generator = generator
        if self.weights.ndim != 1:
            raise ValueError(f"weights must be 1-d, one number an index, got shape {self.weights.shape}")
        if not np.isfinite(self.weights).all() or (self.weights < 0).any() or not self.weights.any():
            raise ValueError("weights must be finite and >= 0, and not all of them 0")
        if not replacement and num_samples > np.count_nonzero(self.weights):
            raise ValueError(
                f"cannot draw {num_samples} indices without replacement from {np.count_nonzero(self.weights)} "
                "with a weight above 0"
            )

    def order(self) -> NDArray[np.int64]:
        p = self.weights / self.weights.sum()
        return resolve(self.generator).choice(len(p), size=self.num_samples, replace=self.replacement, p=p)

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler["list[int]"]):
    """Lists of ``batch_size`` indices of another sampler; the last may be shorter, or is left out (``drop_last``)."""

    def __init__(self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool) -> None:
        self.sampler, self.batch_size = sampler, positive(batch_size, "batch_size")
        self.drop_last = _flag(drop_last, "drop_last")
        self._exhausted = False  # has the other sampler, asked one by one, come to its end?

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batches():
            yield batch.tolist() if isinstance(batch, np.ndarray) else list(batch)

    def batches(self) -> Iterator[Sequence[int] | NDArray[np.int64]]:
        """The same batches; where the order is known as an array, they are pieces of it."""
        if not knows_order(self.sampler):
            return self._one_by_one()
        order = cast(_ArraySampler, self.sampler).order()
        stop = len(order) - len(order) % self.batch_size if self.drop_last else len(order)
        return iter([order[i : i + self.batch_size] for i in range(0, stop, self.batch_size)])

    def _one_by_one(self) -> Iterator[list[int]]:
        batch: list[int] = []
        self._exhausted = False
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        self._exhausted = True
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        n = len(cast(Sized, self.sampler))
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


def knows_order(sampler: Any) -> bool:
    """Whether ``order()`` gives what iterating would: not so where a subclass has overridden ``__iter__``."""
    return isinstance(sampler, _ArraySampler) and type(sampler).__iter__ is _ArraySampler.__iter__


def positive(value: Any, name: str) -> int:
    """``value`` as an int, if it is an integer >= 1."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be an integer >= 1, got {value!r}")
    return int(value)


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)
