"""Where a loader stands: what it takes to go on in the middle of an epoch with the same batches and the same draws.

An epoch's order is drawn at its beginning, and its samples may draw as they are read, in a thread that reads ahead.
So a state has the positions of the generators at the epoch's beginning, from which the order is drawn again; how many
batches the loop was given; and where all that draws in reading stood when the last of these had been read.
"""

from __future__ import annotations

import itertools
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..arrays.rng import Generator, go_to, position, process_position, process_to, standing_in
from .dataset import Subset
from .sampler import BatchSampler
from .sources import alike, length, positions, put_back, states
from .wording import in_words


# ------------------------------------------------------------------------------------------------------ what it was
def settings_of(loader: Any) -> dict[str, Any]:
    """What makes an epoch of a loader the epoch it is, in words and numbers."""
    sampler = loader.sampler if loader.batch_sampler is None or loader.sampler is not None else loader.batch_sampler
    return {
        "samples": length(loader.dataset),
        "batch_size": getattr(loader.batch_sampler, "batch_size", loader.batch_size),
        "batches": length(loader),
        "drop_last": bool(loader.drop_last),
        "sampler": None if sampler is None else type(sampler).__name__,
        "transform": in_words(loader.transform),
        "collate_fn": in_words(loader.collate_fn),
        "the dataset's transform": in_words(_inner(loader.dataset, "transform")),
        "the dataset's target_transform": in_words(_inner(loader.dataset, "target_transform")),
        "the dataset's part": _part(loader.dataset),
    }


def differences(saved: Mapping[str, Any], own: Mapping[str, Any], names: tuple[str, ...] | None = None) -> str:
    """What differs, both sides named: "batch_size was 8 and is 16 now"; empty if nothing does."""
    found = [name for name in names or own if name in saved and saved[name] != own[name]]
    if {"batch_size", "samples", "drop_last"} & set(found):
        found = [name for name in found if name != "batches"]  # which follows from them
    return ", ".join(f"{name} was {saved[name]!r} and is {own[name]!r} now" for name in found)


def _part(dataset: Any) -> str | None:
    """Which samples a `Subset` takes: a split that is drawn anew takes as many, and others."""
    found, digest = None, 0
    while isinstance(dataset, Subset):
        indices = dataset.indices
        digest = zlib.crc32(np.ascontiguousarray(indices, np.int64).tobytes(), digest)
        found, dataset = f"{len(indices)} indices ({digest:08x})", dataset.dataset
    return found


def _inner(dataset: Any, name: str) -> Any:
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return getattr(dataset, name, None)


# ------------------------------------------------------------------------------------------------------- where it is
class Stream:
    """One pass over an IterableDataset, begun where it is read."""

    def __init__(self, dataset: Any, data: Mapping[str, Any]) -> None:
        self.dataset, self.over = dataset, False
        self._samples: Iterator[Any] | None = None
        self._data = data  # whose state may tell where the pass is, or no more than which one it is:
        self.still = False  # it was the same after one sample as after another
        self._first: dict[str, Any] | None = None  # the state after the first sample
        self._moves = False

    def take(self, count: int) -> list[Any]:
        """The next so many samples; fewer at the end."""
        if self._samples is None:
            self._samples = iter(self.dataset)
        samples = []
        for sample in itertools.islice(self._samples, count):
            samples.append(sample)
            self._look()
        self.over = len(samples) < count
        return samples

    def _look(self) -> None:
        if self._data and self._first is None:
            self._first = states(self._data)
        elif self._data and not self._moves:
            self._moves = not alike(self._first, states(self._data))
            self.still = not self._moves

    def end(self) -> None:
        """There is nothing left."""
        self._samples, self.over = iter(()), True


class Reading:
    """All that draws, or has a state, where batches are read: in the thread that reads ahead, if there is one.

    Of ``random`` and ``np.random`` the first batch tells whether reading draws from them: the loop waits for it, so
    nobody else does meanwhile. If so, where they stood after each batch is kept; else the loop alone moves them.
    """

    def __init__(
        self,
        rng: np.random.Generator | None,
        source: Generator | None,
        sources: dict[str, Any],
        data: dict[str, Any],
        stream: Stream | None,
        ahead: bool,
    ) -> None:
        self.rng, self.source, self.sources, self.data, self.stream = rng, source, sources, data, stream
        self._watched: tuple[str, ...] | None = None if ahead and source is not None else ()
        self._before: dict[str, Any] = {}

    def begins(self) -> None:
        """The first batch is about to be read."""
        if self._watched is None:
            self._before = process_position()

    def where(self) -> dict[str, Any]:
        """Where everything stands, after a batch was read."""
        found: dict[str, Any] = {}
        if self.rng is not None:
            found["transform"] = position(self.rng)
        if self.source is not None:
            found["source"] = position(self.source)
        if self.sources:
            found["generators"] = positions(self.sources)
        if self.data:
            found["dataset"] = states(self.data)
        if self.stream is not None:
            found["over"], found["still"] = self.stream.over, self.stream.still
        if self._watched != ():
            now = process_position()
            if self._watched is None:
                self._watched = tuple(n for n in ("python", "numpy") if _bytes(now[n]) != _bytes(self._before[n]))
                self._before = {}
            found["process"] = {name: now[name] for name in self._watched}
        return found

    def go_to(self, where: Mapping[str, Any]) -> None:
        """Put everything where it stood."""
        if self.rng is not None and "transform" in where:
            go_to(self.rng, where["transform"])
        if self.source is not None and "source" in where:
            go_to(self.source, where["source"])
        put_back(self.sources, where.get("generators", {}))
        process_to(where.get("process", {}))


def _bytes(where: Any) -> bytes:
    if isinstance(where, dict):
        return b"".join(_bytes(value) for value in where.values())
    return where.tobytes() if isinstance(where, np.ndarray) else repr(where).encode()


class Place:
    """Where an epoch stands: what was taken from the sampler, read, and given to the loop."""

    def __init__(self, begin: dict[str, Any]) -> None:
        self.begin = begin
        self.batches = self.taken = self.digest = 0
        self.ahead: deque[Any] = deque()  # tasks that were taken, and not given yet
        self.read: dict[str, Any] | None = None  # where reading stood after the last batch that was given
        self.exhausted = False  # has the sampler nothing left?
        self.over = False
        self._last: tuple[Any, dict[str, Any] | None] | None = None  # that batch's task; what `read` was before it

    def taking(self, order: Iterable[Any], source: Generator | None) -> Iterator[Any]:
        """The tasks of an order, counted; one that draws them one at a time draws from ``source``."""
        batches = isinstance(order, BatchSampler) and type(order).__iter__ is BatchSampler.__iter__
        with standing_in(source):
            tasks = iter(order.batches() if isinstance(order, BatchSampler) and batches else order)
        return self._taking(tasks, source, order)

    def _taking(self, tasks: Iterator[Any], source: Generator | None, order: Any) -> Iterator[Any]:
        while True:
            if source is None:  # a context takes a few microseconds
                task = next(tasks, self)
            else:
                with standing_in(source):
                    task = next(tasks, self)
            if task is self:
                self.exhausted = True
                return
            self.taken += 1
            self.digest = zlib.crc32(
                task.tobytes() if isinstance(task, np.ndarray) else repr(task).encode(), self.digest
            )
            self.ahead.append(task)
            self.exhausted = isinstance(order, BatchSampler) and order._exhausted
            yield task

    def gave(self, read: dict[str, Any]) -> None:
        """A batch goes to the loop."""
        self._last = (self.ahead.popleft() if self.ahead else None, self.read)
        self.batches, self.read = self.batches + 1, read

    def state(self, batches: int) -> dict[str, Any]:
        """What is to be saved, after so many batches: those that were given, or one less."""
        read, ahead = self.read, list(self.ahead)
        if batches == self.batches - 1 and self._last is not None:
            read, ahead = self._last[1], [self._last[0], *ahead]
        elif batches != self.batches:
            raise ValueError(f"the loader has given {self.batches} batches; its state after {batches} is gone")
        kept = {"taken": self.taken, "digest": self.digest, "exhausted": self.exhausted, "ahead": ahead}
        return {**kept, "batches": batches, "begin": self.begin, "read": read}


class Epoch(NamedTuple):
    """One pass over the data, planned: an iterator of tasks, the function from a task to its batch, and where both
    stand. What is random is drawn in making it, or by the tasks, so always in the thread of the one who iterates."""

    tasks: Iterator[Any]
    read: Callable[[Any], Any]
    reading: Reading
    place: Place
