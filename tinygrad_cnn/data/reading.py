"""Who reads: the thread that reads batches ahead, and what code that runs in it may ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays.rng import Generator, standing_in


class WorkerInfo(NamedTuple):
    """What `get_worker_info` tells.

    There is one reader, whatever ``num_workers`` says, so ``id`` is 0 and ``num_workers`` is 1: a stream that shares
    its data among workers by these two numbers gives all of it to this one.
    """

    id: int
    num_workers: int
    seed: int | None
    dataset: Any


class _Here(threading.local):
    info: WorkerInfo | None = None


_here = _Here()


def get_worker_info() -> WorkerInfo | None:
    """In code that a loader with ``num_workers > 0`` runs to read: who reads. None anywhere else."""
    return _here.info


def check_workers(
    num_workers: Any, timeout: Any, init: Any, prefetch_factor: Any, persistent: Any, multiprocessing_context: Any
) -> None:
    """Refuse what a DataLoader cannot mean by its arguments about workers."""
    if not _is_integer(num_workers) or num_workers < 0:
        raise ValueError(f"DataLoader: num_workers must be an integer >= 0, got {num_workers!r}")
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float, np.number)) or not timeout >= 0:
        raise ValueError(f"DataLoader: timeout is a number of seconds >= 0 (0: wait for ever), got {timeout!r}")
    if prefetch_factor is not None and (not _is_integer(prefetch_factor) or prefetch_factor < 1):
        raise ValueError(f"DataLoader: prefetch_factor is a number of batches >= 1, got {prefetch_factor!r}")
    if init is not None and not callable(init):
        raise TypeError(f"DataLoader: worker_init_fn must be callable, got {init!r}")
    if isinstance(multiprocessing_context, str) and multiprocessing_context not in ("fork", "spawn", "forkserver"):
        raise ValueError(
            f"DataLoader: multiprocessing_context must be 'fork', 'spawn' or 'forkserver', "
            f"got {multiprocessing_context!r}"
        )
    for name, given in (("timeout", timeout), ("prefetch_factor", prefetch_factor), ("persistent_workers", persistent)):
        if given and not num_workers:
            raise ValueError(
                f"DataLoader: {name}={given!r} is about workers: give num_workers=1 or more, or leave it out"
            )


def _is_integer(x: Any) -> bool:
    return isinstance(x, (int, np.integer)) and not isinstance(x, bool)


@contextmanager
def reader(dataset: Any, source: Generator | None) -> Iterator[None]:
    """Within this block, this thread is the reader of ``dataset``, and draws from ``source``."""
    _here.info = WorkerInfo(0, 1, None if source is None else source.initial_seed(), dataset)
    try:
        with standing_in(source):
            yield
    finally:
        _here.info = None


def checked_indices(indices: Any, n: int) -> NDArray[np.int64]:
    """Indices of a batch as an array in [0, n). Those of our own samplers are one already, and in range."""
    found = indices if isinstance(indices, np.ndarray) else np.array([int(i) for i in indices], dtype=np.int64)
    if len(found) and (found.min() < 0 or found.max() >= n):
        bad = found[(found < -n) | (found >= n)]
        if bad.size:
            raise IndexError(f"the sampler gave index {bad[0]}, out of range for a dataset of {n} samples")
        found = np.where(found < 0, found + n, found)
    return found
