"""The thread that reads ahead: same results, same errors, and it always ends."""

from __future__ import annotations

import gc
import itertools
import threading
import time
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cnn.data.prefetch import END, prefetched


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if "prefetch" in t.name]


@pytest.fixture(autouse=True)
def _no_thread_stays():
    yield
    assert threads() == []


@given(st.lists(st.integers(), max_size=20), st.integers(1, 30))
def test_is_map(tasks: list[int], depth: int) -> None:
    assert list(prefetched(iter(tasks), lambda i: i * 2, depth)) == [i * 2 for i in tasks]
    assert threads() == []


def test_ends_at_the_sentinel() -> None:
    source = iter(range(5))
    assert list(prefetched(itertools.repeat(None), lambda _: next(source, END), 3)) == [0, 1, 2, 3, 4]


def test_reads_ahead_as_far_as_told_and_no_further() -> None:
    asked: list[int] = []
    done = prefetched(iter(range(100)), lambda i: asked.append(i) or i, 3)
    assert threads() == []  # nothing starts before the first batch is asked for
    next(done)
    until = time.monotonic() + 60
    while len(asked) < 4 and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(0.02)
    assert asked == [0, 1, 2, 3]
    done.close()


def test_works_ahead_in_another_thread() -> None:
    here, there = threading.get_ident(), []
    assert list(prefetched(iter([1]), lambda i: there.append(threading.get_ident()) or i, 1)) == [1]
    assert there != [here]


def test_tasks_are_drawn_in_the_consumers_thread() -> None:
    drawn = []

    def tasks():
        for i in range(5):
            drawn.append(threading.get_ident())
            yield i

    assert len(list(prefetched(tasks(), lambda i: i, 2))) == 5
    assert set(drawn) == {threading.get_ident()}


def test_break_ends_the_thread() -> None:
    for i in prefetched(itertools.count(), lambda i: i, 4):
        if i == 3:
            break
    assert threads() == []


def test_an_error_in_the_loop_ends_the_thread() -> None:
    def loop() -> None:
        for i in prefetched(itertools.count(), lambda i: i, 4):
            if i == 3:
                raise KeyError("in the loop")

    with pytest.raises(KeyError, match="in the loop"):
        loop()
    assert threads() == []


def test_dropped_and_unstarted_iterators_leave_nothing() -> None:
    done = prefetched(itertools.count(), lambda i: i, 4)
    del done
    done = prefetched(itertools.count(), lambda i: i, 4)
    next(done)
    assert len(threads()) == 1
    del done
    assert threads() == []


def test_a_slow_load_is_waited_for_at_the_end() -> None:
    done = prefetched(itertools.count(), lambda i: time.sleep(0.02 * (i > 0)) or i, 2)
    next(done)
    done.close()
    assert threads() == []


def test_what_nobody_will_read_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 50 tasks that wait, the one that is being loaded when the iterator is closed is the last."""
    asked: list[int] = []
    closing, join = threading.Event(), threading.Thread.join
    monkeypatch.setattr(threading.Thread, "join", lambda thread: (closing.set(), join(thread))[1])

    def load(i: int) -> int:
        asked.append(i)
        assert i == 0 or closing.wait(60)
        return i

    done = prefetched(iter(range(100)), load, 50)
    next(done)
    done.close()
    assert closing.is_set()
    assert asked in ([0], [0, 1])


def test_an_error_of_the_thread_arrives_in_its_place_with_its_origin() -> None:
    def load_it(i: int) -> int:
        if i == 2:
            raise ValueError("no sample 2")
        return i

    got: list[int] = []
    with pytest.raises(ValueError, match="no sample 2") as caught:
        got.extend(prefetched(iter(range(5)), load_it, 4))
    assert got == [0, 1]
    assert "load_it" in [f.name for f in traceback.extract_tb(caught.value.__traceback__)]
    assert threads() == []


def test_system_exit_and_a_failing_task_source_arrive_too() -> None:
    def leave(_: int) -> int:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        list(prefetched(iter([1]), leave, 1))

    def tasks():
        yield 1
        raise LookupError("sampler")

    with pytest.raises(LookupError, match="sampler"):
        list(prefetched(tasks(), lambda i: i, 1))


def test_leaves_nothing_for_the_collector() -> None:
    def fail(i: int) -> int:
        if i > 5:
            raise ValueError
        return i

    def run() -> None:
        list(prefetched(iter(range(20)), lambda i: i, 2))
        for i in prefetched(itertools.count(), lambda i: i, 2):
            if i == 2:
                break
        try:
            list(prefetched(iter(range(20)), fail, 2))
        except ValueError:
            return

    run()
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            run()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_two_at_once() -> None:
    one, two = (prefetched(iter(range(5)), lambda i: i, 2) for _ in range(2))
    assert list(zip(one, two, strict=True)) == [(i, i) for i in range(5)]
