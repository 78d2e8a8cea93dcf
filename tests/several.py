"""Several threads at once, and children of this process, for the tests of what they share."""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@contextmanager
def frequent_switches() -> Iterator[None]:
    """Within, Python lets another thread on a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def in_threads(*jobs: Callable[[], Any]) -> list[Any]:
    """What the functions return, each called in a thread of its own, all at once; the first error is raised."""
    begin, found, errors = threading.Barrier(len(jobs)), [None] * len(jobs), []

    def run(i: int) -> None:
        try:
            begin.wait(60)
            found[i] = jobs[i]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(len(jobs))]
    with frequent_switches():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]
    return found


class Meanwhile:
    """Starts a job in another thread at the moment that a test picks, and gives it time to end, if it can.

    Called in the middle of something that a lock guards, the job must wait; without the lock it gets through.
    """

    def __init__(self, job: Callable[[], Any]) -> None:
        self._thread = threading.Thread(target=job, daemon=True)

    def __call__(self) -> None:
        """The moment: the first call starts the job, others do nothing."""
        if self._thread.ident is None:
            self._thread.start()
            self._thread.join(0.1)

    def wait(self) -> None:
        """Until the job has ended."""
        assert self._thread.ident is not None, "its moment never came"
        self._thread.join(60)
        assert not self._thread.is_alive(), "it hangs"


def in_fork(job: Callable[[], Any], seconds: float = 60) -> Any:
    """What a function returns in a forked child of this process, or its error as text; a child that hangs is an error.

    The child ends at once afterwards: nothing of pytest's is written twice.
    """
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        try:
            answer = True, job()
        except BaseException:
            answer = False, traceback.format_exc()
        os.write(send, pickle.dumps(answer))
        os._exit(0)
    os.close(send)
    try:
        ready, _, _ = select.select([receive], [], [], seconds)
        if not ready:
            os.kill(child, signal.SIGKILL)
            raise AssertionError("the child hangs")
        good, answer = pickle.loads(os.read(receive, 1 << 20))
    finally:
        os.close(receive)
        os.waitpid(child, 0)
    if not good:
        raise RuntimeError(answer)
    return answer
