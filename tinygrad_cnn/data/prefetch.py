"""Work done ahead in a thread, in order, and given up at once when nobody waits for it any more."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from queue import SimpleQueue
    from threading import Event

END: Any = object()  # what `load` returns when there is nothing left
_PATIENCE = 1.0  # seconds for which a second Ctrl-C waits for the batch that is being read


def prefetched(
    tasks: Iterator[Any],
    load: Callable[[Any], Any],
    depth: int,
    timeout: float = 0,
    within: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Iterator[Any]:
    """``map(load, tasks)``, ended by the first `END`, with up to ``depth`` results made ahead in one thread.

    ``tasks`` is advanced in the consumer's thread, ``load`` runs in the other. The thread starts at the first ``next``
    and has ended when the iterator has: exhausted, closed, dropped, or left by an exception. An exception of ``load``
    is raised in the consumer, at the place of its result and with the traceback of its origin.

    The thread works within the context that ``within()`` makes. With a ``timeout``, in seconds, a result that is not
    there in time is a RuntimeError; the thread is then left to itself, for nobody can stop it. So it is after a
    KeyboardInterrupt, if it has not ended within a second. In a process that was forked meanwhile there is no such
    thread: a RuntimeError there.
    """
    from queue import Empty, SimpleQueue
    from threading import Event, Thread

    todo: SimpleQueue[Any] = SimpleQueue()
    done: SimpleQueue[Any] = SimpleQueue()
    stop = Event()
    thread = Thread(target=_work, args=(todo, done, stop, load, within), name="tinygrad_cnn prefetch", daemon=True)
    pending, late, process = 0, False, os.getpid()
    try:
        for task in itertools.islice(tasks, depth):  # before the thread, so that what both draw comes in this order
            todo.put((task,))
            pending += 1
        thread.start()
        while pending:
            if os.getpid() != process:
                raise RuntimeError(
                    "DataLoader: this loop over batches read ahead began in another process. A fork does not copy the "
                    "thread that reads: begin a loop of its own in the child (iter(loader)), or fork before the loop"
                )
            try:
                result, error = done.get(timeout=timeout or None)
            except Empty:
                late = True
                raise RuntimeError(f"DataLoader: no batch for {timeout:g} seconds, which timeout= allows") from None
            pending -= 1
            if error is not None:
                try:
                    raise error
                finally:
                    del error  # or its traceback would hold this frame, and this frame it
            if result is END:
                return
            for task in itertools.islice(tasks, 1):
                todo.put((task,))
                pending += 1
            yield result
            result = None  # the consumer alone decides how long a batch lives
    except KeyboardInterrupt:
        stop.set()
        todo.put(None)
        late = True
        if thread.ident is not None:
            thread.join(_PATIENCE)
        raise
    finally:
        stop.set()
        todo.put(None)
        if thread.ident is not None and not late and os.getpid() == process:
            thread.join()


def _work(
    todo: SimpleQueue[Any],
    done: SimpleQueue[Any],
    stop: Event,
    load: Callable[[Any], Any],
    within: Callable[[], AbstractContextManager[Any]],
) -> None:
    try:
        with within():
            while (task := todo.get()) is not None and not stop.is_set():
                done.put((load(task[0]), None))
    except BaseException as error:  # handed on, whatever it is: the consumer raises it
        # Without this frame in the traceback: the frame holds the queue, and the queue would hold the frame.
        done.put((None, error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)))
