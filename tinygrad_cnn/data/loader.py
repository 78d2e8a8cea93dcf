"""DataLoader: a dataset in batches of Tensors, in order or shuffled, read ahead in a thread on request."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ..arrays.rng import Generator, resolve, standing_in
from .collate import as_tensors, default_collate, default_convert, stack_samples
from .dataset import Dataset, IterableDataset, batch_access
from .prefetch import END, prefetched
from .reading import check_workers, reader
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, positive
from .transforms import apply, is_random

T_co = TypeVar("T_co", covariant=True)


class DataLoader(Generic[T_co]):
    """Iterate over a dataset in batches.

    The arguments are PyTorch's, in its order; each ``for`` over the loader is one epoch. ``num_workers=n`` reads
    ``n * prefetch_factor`` batches ahead (2 a worker unless said otherwise) in one thread: no processes are started,
    and the batches and their order are those of ``num_workers=0``. The thread ends with the loop, also by ``break`` or
    an error, and an error inside it reaches the loop with its own traceback. ``worker_init_fn(0)`` runs in it at its
    start (with ``persistent_workers`` in the first epoch alone), `get_worker_info` tells code in it so, and a batch
    that takes longer than ``timeout`` seconds is a RuntimeError. ``pin_memory``, ``pin_memory_device``, ``in_order``
    and ``multiprocessing_context`` concern devices and processes, and change nothing here.

    What is this package's own:

    - ``prefetch=n`` reads up to n batches ahead in the same way, without workers.
    - ``transform`` acts on the images of each batch, as arrays of shape (N, C, H, W), before they become Tensors: on
      the batch itself, or on its first part if it is a tuple. It belongs to the loader, not to the dataset, so that a
      validation part of the same data stays as it is. A `tinygrad_cnn.data.Transform` is given a generator seeded anew
      each epoch from ``generator``; any other callable is given the array alone.
    - a dataset with ``get_batch(indices)`` (see `Dataset`) is read once a batch. One with ``__getitems__(indices)``, as
      PyTorch has it, gives a list of samples. A ``collate_fn`` of one's own always receives a list of samples.

    Shuffling draws from ``generator``, or else from the one that ``tg.manual_seed`` sets: same seed, same batches. A
    dataset that is read sample by sample and draws from the package's own generator (``tg.rand``, random transforms)
    gets one of its own each epoch, seeded from ``generator``: it draws the same numbers with any number of workers,
    whatever the training loop draws beside it. Python's ``random`` and ``np.random`` belong to the whole process: they
    give the same order too, unless the loop draws from them as well.

    >>> from tinygrad_cnn.data import TensorDataset
    >>> loader = DataLoader(TensorDataset(np.zeros((10, 3)), np.arange(10)), batch_size=4)
    >>> [x.shape for x, y in loader], len(loader)
    ([(4, 3), (4, 3), (2, 3)], 3)
    """

    def __init__(
        self,
        dataset: Dataset[T_co] | IterableDataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[int] | Iterable[int] | None = None,
        batch_sampler: Sampler[list[int]] | Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | np.random.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
        prefetch: int = 0,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        workers = (num_workers, timeout, worker_init_fn, prefetch_factor, persistent_workers, multiprocessing_context)
        check_workers(*workers)
        if isinstance(prefetch, bool) or not isinstance(prefetch, (int, np.integer)) or prefetch < 0:
            raise ValueError(f"DataLoader: prefetch is the number of batches to read ahead, >= 0, got {prefetch!r}")
        if prefetch and num_workers:
            raise ValueError(
                f"DataLoader: num_workers={num_workers} reads ahead already: leave prefetch={prefetch} out"
            )
        if shuffle not in (None, True, False):
            raise ValueError(f"DataLoader: shuffle must be True or False, got {shuffle!r}")
        if collate_fn is not None and not callable(collate_fn):
            raise TypeError(f"DataLoader: collate_fn must be callable, got {collate_fn!r}")
        if transform is not None:
            if not callable(transform):
                raise TypeError(f"DataLoader: transform must be callable, got {transform!r}")
            if batch_size is None and batch_sampler is None:
                raise ValueError("DataLoader: a transform acts on batches, but batch_size=None makes none")
            if collate_fn not in (None, default_collate):
                raise ValueError("DataLoader: give transform or collate_fn, not both: call the transform in collate_fn")
        resolve(generator)

        self.dataset = dataset
        self.num_workers, self.timeout, self.worker_init_fn = int(num_workers), timeout, worker_init_fn
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers, self.multiprocessing_context = persistent_workers, multiprocessing_context
        self.pin_memory, self.pin_memory_device, self.in_order = pin_memory, pin_memory_device, in_order
        self._started = False  # has worker_init_fn run once?
        self.prefetch, self.transform, self.generator = int(prefetch), transform, generator
        self._stream = isinstance(dataset, IterableDataset)
        if self._stream and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("DataLoader: an IterableDataset sets its own order: no shuffle, sampler or batch_sampler")
        if not self._stream and not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
            raise TypeError(
                "DataLoader: a dataset has __getitem__ and __len__, or is an IterableDataset; "
                f"got {type(dataset).__name__}"
            )
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: give sampler or shuffle=True, not both: a sampler sets the order")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("DataLoader: a batch_sampler excludes batch_size, shuffle, sampler and drop_last")
            batch_size, drop_last = None, False
        elif batch_size is None:
            if drop_last:
                raise ValueError("DataLoader: batch_size=None makes no batches, so drop_last has no meaning")
        else:
            batch_size = positive(batch_size, "DataLoader: batch_size")
        self.batch_size, self.drop_last = batch_size, drop_last

        self.sampler: Any = sampler
        self.batch_sampler: Any = batch_sampler
        if not self._stream:
            if sampler is None:
                data = cast(Any, dataset)
                self.sampler = RandomSampler(data, generator=generator) if shuffle else SequentialSampler(data)
            if batch_size is not None:
                self.batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)
        self._batching = batch_size is not None or batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if self._batching else default_convert)

    def __len__(self) -> int:
        """The number of batches in an epoch (of samples, if ``batch_size`` is None)."""
        if not self._stream:
            return len(self.batch_sampler if self._batching else self.sampler)
        n = len(cast(Any, self.dataset))
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        tasks, read, source = self._plan()

        def load(task: Any) -> Any:
            try:
                return read(task)
            except StopIteration as error:
                raise RuntimeError(
                    "DataLoader: StopIteration came out of the dataset's __getitem__ or the collate_fn; it would end "
                    "the epoch early. Raise another error there, or make the data that end an IterableDataset"
                ) from error

        if self.num_workers:
            ahead = self.num_workers * cast(int, self.prefetch_factor)
            return prefetched(tasks, load, ahead, self.timeout, lambda: self._reader(source))
        if self.prefetch:
            return prefetched(tasks, load, self.prefetch, within=lambda: standing_in(source))

        def load_here(task: Any) -> Any:
            with standing_in(source):
                return load(task)

        batches = map(load if source is None else load_here, tasks)
        return itertools.takewhile(lambda batch: batch is not END, batches)

    @contextmanager
    def _reader(self, source: Generator | None) -> Iterator[None]:
        with reader(self.dataset, source):
            if self.worker_init_fn is not None and not (self._started and self.persistent_workers):
                self.worker_init_fn(0)
            self._started = True
            yield

    def _plan(self) -> tuple[Iterator[Any], Callable[[Any], Any], Generator | None]:
        """One epoch: an iterator of tasks, the function from a task to its batch, and what a dataset read sample by
        sample draws from. What is random is drawn here, or by the tasks, so always in the thread of the one who
        iterates."""
        if self._stream:
            return itertools.repeat(None), self._stream_loader(), self._source()
        if not self._batching:
            return iter(self.sampler), lambda i: self.collate_fn(cast(Any, self.dataset)[i]), self._source()
        if type(self.batch_sampler).__iter__ is BatchSampler.__iter__:
            tasks = self.batch_sampler.batches()
        else:
            tasks = iter(self.batch_sampler)
        rng = self._transform_rng()
        read = batch_access(self.dataset)
        if read is None or self.collate_fn is not default_collate:
            return tasks, lambda indices: self._finish(self._samples(indices), rng), self._source()
        n = len(cast(Any, self.dataset))
        return tasks, lambda indices: self._finish_batch(read(_checked(indices, n)), rng), None

    def _stream_loader(self) -> Callable[[Any], Any]:
        size, rng = self.batch_size, self._transform_rng()
        stream: Iterator[Any] | None = None

        def load(_: None) -> Any:
            nonlocal stream
            stream = iter(cast(Any, self.dataset)) if stream is None else stream  # begun where it is read
            if size is None:
                sample = next(stream, END)
                return END if sample is END else self.collate_fn(cast(Any, sample))
            samples = list(itertools.islice(stream, size))
            return END if not samples or (self.drop_last and len(samples) < size) else self._finish(samples, rng)

        return load

    def _samples(self, indices: Any) -> list[Any]:
        dataset = cast(Any, self.dataset)
        listed = indices.tolist() if isinstance(indices, np.ndarray) else indices
        if hasattr(dataset, "__getitems__"):
            return cast("list[Any]", dataset.__getitems__(listed))
        return [dataset[i] for i in listed]

    def _finish(self, samples: list[Any], rng: np.random.Generator | None) -> Any:
        if self.collate_fn is not default_collate:
            return self.collate_fn(samples)
        return self._finish_batch(stack_samples(samples), rng)

    def _finish_batch(self, batch: Any, rng: np.random.Generator | None) -> Any:
        if self.transform is not None:
            if isinstance(batch, np.ndarray):
                batch = apply(self.transform, batch, rng)
            elif isinstance(batch, (tuple, list)) and len(batch) and isinstance(batch[0], np.ndarray):
                batch = [apply(self.transform, batch[0], rng), *batch[1:]]
            else:
                raise TypeError(
                    "DataLoader: a transform acts on the batch, or on its first part, if that is an array; this batch "
                    f"is a {type(batch).__name__}: call the transform in a collate_fn"
                )
        return as_tensors(batch)

    def _source(self) -> Generator:
        return Generator(int(resolve(self.generator).integers(2**63 - 1)))

    def _transform_rng(self) -> np.random.Generator | None:
        """A generator of the epoch's own, so that a thread never shares one with the training loop."""
        if self.transform is None or not is_random(self.transform):
            return None
        return np.random.default_rng(int(resolve(self.generator).integers(2**63 - 1)))


def _checked(indices: Any, n: int) -> NDArray[np.int64]:
    """Indices of a batch as an array in [0, n). Those of our own samplers are one already, and in range."""
    found = indices if isinstance(indices, np.ndarray) else np.array([int(i) for i in indices], dtype=np.int64)
    if len(found) and (found.min() < 0 or found.max() >= n):
        bad = found[(found < -n) | (found >= n)]
        if bad.size:
            raise IndexError(f"the sampler gave index {bad[0]}, out of range for a dataset of {n} samples")
        found = np.where(found < 0, found + n, found)
    return found
