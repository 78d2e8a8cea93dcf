"""Locks that a fork leaves open, and the loading of rooms by one thread at a time."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from typing import Any

import pytest
from several import in_fork, needs_fork

import tinygrad_cnn as tg
from tinygrad_cnn.arrays import locks

ROOMS = ["data", "distributions", "io", "nn", "optim", "profiler", "train", "utils", "vision", "viz"]


@pytest.fixture
def lock() -> Any:
    """A shared lock that no later fork of the tests knows."""
    made = locks.shared_lock()
    yield made
    locks._locks.remove(made)


def test_its_own_thread_may_take_it_again(lock: Any) -> None:
    with lock, lock:
        assert not in_other_thread(lambda: lock.acquire(blocking=False))
    assert in_other_thread(lambda: lock.acquire(blocking=False) and lock.release() is None)


def in_other_thread(job: Any) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(job()))
    thread.start()
    thread.join(60)
    return found[0]


@needs_fork
def test_a_fork_waits_for_another_thread_to_finish(lock: Any) -> None:
    halves, begun = [1, 1], threading.Event()

    def change() -> None:
        with lock:
            halves[0] += 1
            begun.set()
            threading.Event().wait(0.2)
            halves[1] += 1

    def look() -> tuple[bool, list[int]]:
        return lock.acquire(timeout=5), halves

    thread = threading.Thread(target=change)
    thread.start()
    assert begun.wait(60)
    assert in_fork(look) == (True, [2, 2])
    thread.join()
    assert lock.acquire(blocking=False)  # in the parent it is open again
    lock.release()


@needs_fork
def test_a_fork_takes_the_outer_lock_first() -> None:
    """The thread that holds the outer one and wants the inner one gets it, and the fork waits for both."""
    inner, outer = locks.shared_lock(), locks.shared_lock()
    holds, forks, got = threading.Event(), threading.Event(), []

    def nested() -> None:
        with outer:
            holds.set()
            assert forks.wait(60)
            threading.Event().wait(0.1)
            got.append(inner.acquire(timeout=5))
            if got[0]:
                inner.release()

    thread = threading.Thread(target=nested)
    thread.start()
    assert holds.wait(60)
    forks.set()
    try:
        assert in_fork(lambda: outer.acquire(timeout=5) and inner.acquire(timeout=5))
    finally:
        thread.join()
        for lock in (inner, outer):
            locks._locks.remove(lock)
    assert got == [True]


@needs_fork
def test_one_that_forks_while_it_holds_the_lock_has_it_in_the_child(lock: Any) -> None:
    with lock:
        assert in_fork(lambda: lock.acquire(blocking=False))


def test_a_room_is_loaded_by_one_thread_at_a_time() -> None:
    entered = threading.Event()
    asked = [(tg, "io"), (tg.viz, "draw_graph"), (tg.vision, "models")]
    for room, name in asked:
        getattr(room, name)  # loaded already: what follows takes no time

    def load(room: Any, name: str) -> None:
        room.__getattr__(name)
        entered.set()

    for room, name in asked:
        entered.clear()
        thread = threading.Thread(target=load, args=(room, name), daemon=True)
        with locks.loading():
            thread.start()
            assert not entered.wait(0.1), name
        thread.join(60)
        assert entered.is_set()


def test_loading_has_an_end_where_python_itself_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import statement may hold what the first thread needs, and need what the first thread holds."""
    monkeypatch.setattr(locks, "_PATIENCE", 0.05)

    def load() -> bool:
        with locks.loading():
            return True

    with locks.loading(), locks.loading():
        assert in_other_thread(load)
    assert locks._loading.acquire(blocking=False)
    locks._loading.release()


@pytest.mark.parametrize("seed", range(2))
def test_threads_that_use_a_room_first_all_at_once(seed: int) -> None:
    """Without one loading at a time 4 of 10 such programs end in an ImportError of a module half made."""
    draw = random.Random(seed)
    orders = [draw.sample(ROOMS, len(ROOMS)) for _ in range(8)]
    program = f"""
import sys, threading
import tinygrad_cnn as tg
sys.setswitchinterval(1e-6)
begin, failed = threading.Barrier(8), []
def use(rooms):
    begin.wait()
    try:
        for room in rooms:
            getattr(tg, room)
        tg.nn.Linear(2, 2)(tg.zeros(1, 2)).sum().backward()
    except BaseException as error:
        failed.append(repr(error))
threads = [threading.Thread(target=use, args=(rooms,)) for rooms in {orders!r}]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failed)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("[]\n", "")
