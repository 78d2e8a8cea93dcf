"""How many threads are used, and how an operation is shared among them.

Large operations are cut into a few independent parts, each a stream of NumPy calls that release Python's lock. BLAS
itself runs on one thread within these operations: its own threads keep a core busy for up to 0.1 s after each product,
waiting for the next, and take it from ours and from other processes. A hand-over costs 20 to 70 microseconds, so
small work stays on the calling thread. `python benchmarks/small_costs.py` prints both figures.
"""

from __future__ import annotations

import ctypes
import os
import threading
from _thread import allocate_lock
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, suppress
from itertools import pairwise
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .locks import shared_lock

WORTH = 200e-6  # seconds of work from which it is shared
_SLAB = 1 << 18  # elements: a few arrays of them stay in the cache

_limits: list[Any] = []  # the limit of BLAS in force, kept so that it is not undone
_wanted: int | None = None  # what the user asked for
_queues: list[SimpleQueue[Any]] = []  # of the workers, whom all threads of the process share
_lock = shared_lock()  # of these, and of how many threads BLAS has


class _Here(threading.local):
    works = False  # is this thread a worker?
    limits = 0  # how often it is within `one_blas_thread`


_here = _Here()


def set_num_threads(n: int) -> None:
    """Let large operations, and NumPy's linear algebra (BLAS), use n >= 1 threads.

    The default is what BLAS would use: all cores, unless OMP_NUM_THREADS or the like says otherwise. It holds for the
    whole process, whichever of its threads says so.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"set_num_threads expects an integer of at least 1, got {n!r}")
    from threadpoolctl import threadpool_limits

    global _wanted
    with _lock:
        _wanted = n
        if one_blas_thread.inside:  # another thread needs one: n of them as soon as it does not
            one_blas_thread.before[:] = [(blas, n) for blas in _blas()]
        else:
            _limits[:] = [threadpool_limits(n, user_api="blas")]


def get_num_threads() -> int:
    """How many threads large operations use."""
    global _wanted
    if _wanted is None:
        with _lock:
            limited = [n for _, n in one_blas_thread.before]  # asked for the first time within one_blas_thread
            usual = max([*limited, *(blas.get_num_threads() for blas in _blas())], default=os.cpu_count() or 1)
            _wanted = usual if _wanted is None else _wanted
    return _wanted


def divide(n: int, job: Callable[[int, int], None], seconds: float) -> None:
    """Call ``job(start, stop)`` for ranges that make up 0..n, in several threads if it takes long enough.

    ``seconds`` is a guess of what one thread takes. The parts must not write to the same memory. Several threads may
    call it at once, and so may a part, which is then not cut again.
    """
    parts = 1 if seconds < WORTH or n < 2 else min(n, get_num_threads(), int(seconds / WORTH * 2))
    if parts < 2 or (parts := 1 + _workers(parts - 1)) < 2:
        with one_blas_thread:
            job(0, n)
        return
    cuts = [n * i // parts for i in range(parts + 1)]
    pending = []
    with one_blas_thread:
        for i in range(1, parts):
            done = allocate_lock()
            done.acquire()
            errors: list[BaseException] = []
            _queues[i - 1].put((job, cuts[i], cuts[i + 1], done, errors))
            pending.append((done, errors))
        try:
            job(0, cuts[1])
        finally:
            for done, _ in pending:
                done.acquire()
    for _, errors in pending:
        if errors:
            raise errors[0]


Calls: TypeAlias = Iterator[Callable[[], Any]]  # NumPy's functions with the arrays that they are to be called on


def by_part(make: Callable[[int, int], Calls]) -> Callable[[int, int], None]:
    """A job for `divide` that does the calls of a part, which are made once."""
    made: dict[tuple[int, int], list[Callable[[], Any]]] = {}

    def some(start: int, stop: int) -> None:
        if (start, stop) not in made:
            made[start, stop] = list(make(start, stop))
        for call in made[start, stop]:
            call()

    return some


def summed(n: int, job: Callable[[int, int], Any], seconds: float) -> Any:
    """As `divide`, for a job that returns an array: the sum of these, always added in the same order."""
    parts: dict[int, Any] = {}

    def some(start: int, stop: int) -> None:
        parts[start] = job(start, stop)

    divide(n, some, seconds)
    total, *others = (parts[start] for start in sorted(parts))
    for part in others:
        total += part
    return total


Slab: TypeAlias = tuple[slice, ...]


def by_slabs(a: Any, job: Callable[[Slab], None], seconds: float, dims: int = 2) -> None:
    """Call ``job(index)`` for slabs ``a[index]`` that make up the array and fit a core's cache, in several threads.

    Slabs are cut along that of the first ``dims`` dimensions that has the longest stride. ``seconds`` is a guess of
    what one element takes.
    """
    axis = max(range(min(dims, a.ndim)), key=lambda d: abs(a.strides[d]))
    step = max(1, _SLAB * a.shape[axis] // max(1, a.size))

    def some(start: int, stop: int) -> None:
        for i in range(start, stop, step):
            job((*(slice(None),) * axis, slice(i, min(i + step, stop))))

    if a.size * seconds < WORTH:
        some(0, a.shape[axis])
    else:
        divide(a.shape[axis], some, a.size * seconds)


def product(a: Any, b: Any, out: Any = None) -> Any:
    """np.matmul of matrices, or of stacks of them, shared among threads where it is large."""
    work = a.size * b.shape[-1]
    if work < (200_000 if min(a.shape[-2:] + b.shape[-1:]) > 1 else 9_000):  # BLAS itself takes one thread for it
        return np.matmul(a, b, out=out)
    if a.ndim < 2 or (b.ndim != 2 and a.shape[:-2] != b.shape[:-2]):
        with one_blas_thread:
            return np.matmul(a, b, out=out)
    y = np.empty((*a.shape[:-1], b.shape[-1]), np.result_type(a, b)) if out is None else out

    def some(i: int, j: int) -> None:
        _in_pieces(a[i:j], b if b.ndim == 2 else b[i:j], y[i:j])

    divide(len(a), some, work / 1e11)
    return y


UNPACKED = 1_000_000  # multiplications: BLAS does a product of up to so many without copying the factors first


def _in_pieces(a: Any, b: Any, y: Any) -> None:
    """y = a b; with one side short in pieces that BLAS does unpacked: 52 us instead of 87 for (128, 1352, 10)."""
    work = a.size * b.shape[-1]
    if a.ndim > 2 or work <= UNPACKED or min(*a.shape, b.shape[1]) >= 16:
        np.matmul(a, b, out=y)
        return
    (n, k), m = a.shape, b.shape[1]
    if not (3 < min(n, m) < 16 or (7 < k < 16 and b.flags.c_contiguous)):
        np.matmul(a, b, out=y)
        return
    longest, parts = max(n, k, m), -(-work // UNPACKED)
    cuts = [longest * i // parts for i in range(parts + 1)]
    for i, j in pairwise(cuts):
        if longest == n:
            np.matmul(a[i:j], b, out=y[i:j])
        elif longest == m:
            np.matmul(a, b[:, i:j], out=y[:, i:j])
        elif i:
            y += np.matmul(a[:, i:j], b[i:j])
        else:
            np.matmul(a[:, :j], b[:j], out=y)


def _workers(wanted: int) -> int:
    """How many workers there are to take a part each, at most ``wanted``; those that are missing are started."""
    if _here.works:  # it would wait for itself
        return 0
    if len(_queues) < wanted:
        with _lock, suppress(RuntimeError):  # the system, or an interpreter that is about to end, gives no more threads
            while len(_queues) < wanted:
                _start_worker()
    return min(wanted, len(_queues))


def _start_worker() -> None:
    queue: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_work, args=(queue,), name=f"tinygrad_cnn-{len(_queues) + 1}", daemon=True).start()
    _queues.append(queue)


def _work(queue: SimpleQueue[Any]) -> None:
    _here.works = True
    while True:
        job, start, stop, done, errors = queue.get()
        try:
            job(start, stop)
        except BaseException as error:
            errors.append(error)
        finally:
            del job  # nothing of this work outlives it here
            done.release()


# ------------------------------------------------------------------------------------------------------------- BLAS
class _OneBlasThread(ContextDecorator):
    """Within, BLAS runs on one thread. May be nested and used by several threads at once."""

    def __init__(self) -> None:
        self.inside = 0  # how often it was entered and not left, by all threads
        self.before: list[tuple[_Blas, int]] = []  # the libraries that were limited, and their threads before

    def __enter__(self) -> None:
        with _lock:
            _here.limits += 1
            self.inside += 1
            if self.inside == 1:
                for blas in _blas():
                    if (n := blas.get_num_threads()) > 1:
                        self.before.append((blas, n))
                        blas.set_num_threads(1)

    def __exit__(self, *exc: object) -> None:
        with _lock:
            _here.limits -= 1
            self.inside -= 1
            if not self.inside:
                self._give_back()

    def _give_back(self) -> None:
        while self.before:
            blas, n = self.before.pop()
            blas.set_num_threads(n)

    def only_here(self) -> None:
        """Forget the other threads."""
        self.inside = _here.limits
        if not self.inside:
            self._give_back()


one_blas_thread = _OneBlasThread()


def _alone() -> None:
    """In the child of a fork: no worker came with it, and none of the threads that were within `one_blas_thread`."""
    _queues.clear()
    one_blas_thread.only_here()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_alone)


class _Blas(NamedTuple):
    """A BLAS library's two functions."""

    get_num_threads: Callable[[], int]
    set_num_threads: Callable[[int], Any]


_OPENBLAS = [f"{before}openblas_%s_num_threads{after}" for before in ("", "scipy_") for after in ("", "64_", "_64")]
_libraries: list[_Blas] | None = None


def _blas() -> list[_Blas]:
    """The BLAS libraries that this process has loaded, found once."""
    global _libraries
    if _libraries is None:
        from threadpoolctl import ThreadpoolController

        _libraries = [_functions(lib) for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]
    return _libraries


def _functions(lib: Any) -> _Blas:
    """OpenBLAS's own where it has threads of its own, which spares threadpoolctl's 0.5 us a call."""
    if lib.internal_api == "openblas" and lib.threading_layer == "pthreads":
        loaded = ctypes.CDLL(lib.filepath)
        for name in _OPENBLAS:
            if hasattr(loaded, name % "set"):
                return _Blas(loaded[name % "get"], loaded[name % "set"])
    return _Blas(lib.get_num_threads, lib.set_num_threads)
