"""DataLoader: a dataset in batches of Tensors, in order or shuffled, read ahead in a thread on request."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar, cast

import numpy as np

from ..arrays.rng import Generator, process_position, process_to, resolve, standing_in
from . import resuming, sources
from .collate import as_tensors, default_collate, default_convert, stack_samples
from .dataset import Dataset, IterableDataset, batch_access
from .prefetch import END, prefetched
from .reading import check_workers, checked_indices, reader
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, positive
from .standing import Epoch, Place, Reading, Stream
from .transforms import apply, draws_itself, is_random

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
    give the same order too, unless the loop draws from them as well. A ``get_batch``, a transform or a sampler that the
    user wrote has such a generator too.

    `state_dict` and `load_state_dict` let an epoch that was cut short go on in another process.

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
        self._seeded = False  # was that in the run that goes on here, whose workers persist?
        self._place: Place | None = None  # of the last epoch that was begun
        self._resumed: dict[str, Any] | None = None  # a state that waits for the next epoch
        self._quiet: tuple[int, int] = (-1, 0)  # the last seed of `_quiet_source`, and how often it came again
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
        resumed, self._resumed = self._resumed, None
        epoch = self._begin() if resumed is None else resuming.resume(self, resumed)
        self._place = epoch.place
        read, reading = epoch.read, epoch.reading
        started = False

        def load(task: Any) -> Any:
            nonlocal started
            if not started:
                started = True
                resuming.arrive(epoch, resumed)
            try:
                batch = read(task)
            except StopIteration as error:
                raise RuntimeError(
                    "DataLoader: StopIteration came out of the dataset's __getitem__ or the collate_fn; it would end "
                    "the epoch early. Raise another error there, or make the data that end an IterableDataset"
                ) from error
            return END if batch is END else [reading.where(), batch]

        def load_here(task: Any) -> Any:
            with standing_in(reading.source):
                return load(task)

        if self.num_workers:
            ahead = self.num_workers * cast(int, self.prefetch_factor)
            within = lambda: self._reader(reading.source, resumed is not None)  # noqa: E731
            return self._give(prefetched(epoch.tasks, load, ahead, self.timeout, within), epoch.place)
        if self.prefetch:
            found = prefetched(epoch.tasks, load, self.prefetch, within=lambda: standing_in(reading.source))
            return self._give(found, epoch.place)
        return self._give(map(load if reading.source is None else load_here, epoch.tasks), epoch.place)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands: after the last batch that the loop was given, or between two epochs.

        A dataset or sampler with ``state_dict()`` and ``load_state_dict()`` is asked for its state; of others the
        generators among their attributes are kept. ``random``, ``np.random`` and the package's own generator are the
        process's: save them beside it, as `Trainer.save` does.

        >>> from tinygrad_cnn.data import TensorDataset
        >>> loader = DataLoader(TensorDataset(np.arange(6)), batch_size=2, shuffle=True)
        >>> batches = iter(loader)
        >>> _ = next(batches)
        >>> state, rest = loader.state_dict(), [x.tolist() for (x,) in batches]
        >>> loader.load_state_dict(state)
        >>> [x.tolist() for (x,) in loader] == rest
        True
        """
        return resuming.state_of(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave: in the middle of an epoch, the next ``for`` gives the rest of it.

        Samples that were read are not read again, but those of an IterableDataset without a state of its own.

        Raises:
            ValueError: a state of a loader with other generators; or, in the middle of an epoch, of other batches
                (both are named). Between epochs, and for another transform, that is a warning.
        """
        resuming.check_state(self, state_dict)
        resuming.load(self, state_dict)

    @staticmethod
    def _give(results: Iterator[Any], place: Place) -> Iterator[Any]:
        for result in results:
            if result is END:
                break
            place.gave(result[0])
            yield result.pop()  # the loop alone decides how long a batch lives
        place.over = True

    @contextmanager
    def _reader(self, source: Generator | None, resumes: bool) -> Iterator[None]:
        with reader(self.dataset, source):
            if self.worker_init_fn is not None and not (self._started and self.persistent_workers):
                seeded = resumes or self._seeded  # what it seeds was seeded when the epoch, or the first one, began
                before = process_position() if seeded else {}
                self.worker_init_fn(0)
                process_to(before)
            self._started = True
            self._seeded = self.persistent_workers
            yield

    def _begin(self, samplers: dict[str, Any] | None = None) -> Epoch:
        """An epoch from its beginning; of one that goes on, samplers that have a state are put back."""
        reads = sources.reading_sources(self)
        found = {**sources.order_sources(self, reads), **reads}
        place = Place({"process": process_position(), "generators": sources.positions(found), "quiet": [*self._quiet]})
        tasks: Iterator[Any] = itertools.repeat(None)
        if not self._stream:
            order = self.batch_sampler if self._batching else self.sampler
            own = self._quiet_source() if sources.draws_by_itself(order) else None
            for name, sampler in sources.stateful_samplers(self).items() if samplers else ():
                sampler.load_state_dict(copy.deepcopy(samplers[name]))  # type: ignore[index]
            place.begin["samplers"] = sources.states(sources.stateful_samplers(self))
            tasks = place.taking(order, own)
        rng = self._transform_rng() if self._stream or self._batching else None
        data = sources.stateful_data(self.dataset)
        stream = Stream(self.dataset, data) if self._stream else None
        if stream is not None:
            place.begin["dataset"] = sources.states(data)
        read, source = self._reads(rng, stream)
        ahead = bool(self.prefetch or self.num_workers)
        return Epoch(tasks, read, Reading(rng, source, reads, data, stream, ahead), place)

    def _reads(
        self, rng: np.random.Generator | None, stream: Stream | None
    ) -> tuple[Callable[[Any], Any], Generator | None]:
        """The function from a task to its batch, and what reading draws from."""
        if stream is not None:
            return self._stream_reader(stream, rng), self._source()
        if not self._batching:
            return lambda i: self.collate_fn(cast(Any, self.dataset)[i]), self._source()
        read = batch_access(self.dataset)
        if read is None or self.collate_fn is not default_collate:
            return lambda indices: self._finish(self._samples(indices), rng), self._source()
        n = len(cast(Any, self.dataset))
        quiet = draws_itself(self.transform) or sources.reads_by_itself(self.dataset)
        source = self._quiet_source() if quiet else None
        return lambda indices: self._finish_batch(read(checked_indices(indices, n)), rng), source

    def _stream_reader(self, stream: Stream, rng: np.random.Generator | None) -> Callable[[Any], Any]:
        size = self.batch_size

        def read(_: None) -> Any:
            samples = stream.take(size or 1)
            if not samples or (size and self.drop_last and len(samples) < size):
                return END
            return self.collate_fn(samples[0]) if size is None else self._finish(samples, rng)

        return read

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

    def _quiet_source(self) -> Generator:
        """A generator of the epoch's own for what may draw, and need not: the one it is seeded from does not move."""
        seed = int(copy.deepcopy(resolve(self.generator)).integers(2**63 - 1))
        last, repeats = self._quiet
        self._quiet = (seed, repeats + 1 if seed == last else 0)  # nothing else was drawn since: yet another epoch
        return Generator(seed if not self._quiet[1] else int(np.random.default_rng(self._quiet).integers(2**63 - 1)))

    def _transform_rng(self) -> np.random.Generator | None:
        """A generator of the epoch's own, so that a thread never shares one with the training loop."""
        if self.transform is None or not is_random(self.transform):
            return None
        return np.random.default_rng(int(resolve(self.generator).integers(2**63 - 1)))
