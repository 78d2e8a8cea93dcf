"""A desk: memory that several jobs use one after the other."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cnn.arrays.scratch import Desk, aligned, fresh, of_thread

SHAPES = st.lists(st.tuples(st.integers(0, 700), st.integers(1, 700)), min_size=1, max_size=6)
DTYPES = [np.float32, np.float64, bool]


@given(SHAPES, st.integers(0, 2))
def test_the_things_of_one_job_share_nothing_and_are_found_again(shapes: list[tuple[int, int]], first: int) -> None:
    memory = Desk().of_job()
    keys = [(k, shape, DTYPES[(k + first) % 3]) for k, shape in enumerate(shapes)]
    arrays = [memory(*key) for key in keys]
    for k, a in enumerate(arrays):
        a[...] = k % 2
    for k, (a, (_, shape, dtype)) in enumerate(zip(arrays, keys, strict=True)):
        assert a.shape == shape
        assert a.dtype == dtype
        assert (a == k % 2).all()
        assert a.ctypes.data % 8 == 0
    assert all(memory(*key) is a for key, a in zip(keys, arrays, strict=True))


def test_of_another_shape_or_dtype_it_is_another_thing() -> None:
    memory = Desk().of_job()
    kinds = [memory("a", (4,), np.float32), memory("a", (2, 2), np.float32), memory("a", (4,), np.float64)]
    assert [a.dtype for a in kinds] == [np.float32, np.float32, np.float64]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(kinds) for b in kinds[:i])


def test_jobs_lie_on_the_same_desk() -> None:
    """Large things behind small ones, too: nothing is allocated for the second job, nor for a smaller third."""
    desk = Desk()
    sizes = [1 << 10, 1 << 20, 1 << 12, 1 << 19]
    jobs = [[desk.of_job()(k, (n,), np.float32) for k, n in enumerate(sizes[:m])] for m in (4, 4, 2)]
    assert sum(len(chunk) for chunk in desk._chunks) < 2 * 4 * sum(sizes)
    first, second, third = jobs
    assert all(np.shares_memory(a, b) for a, b in zip(first, second, strict=True))
    assert all(np.shares_memory(a, b) for a, b in zip(first[:2], third, strict=True))


def test_each_thread_of_a_job_has_its_own() -> None:
    memory, found = Desk().of_job(), {}

    def some(part: int) -> None:
        mine = of_thread(memory, part)
        found[part] = [mine(k, (1000,), np.float32) for k in range(50)]

    threads = [threading.Thread(target=some, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every: list[Any] = [a for arrays in found.values() for a in arrays]
    for k, a in enumerate(every):
        a[...] = k
    assert all((a == k).all() for k, a in enumerate(every))


def test_fresh_memory_is_new_each_time() -> None:
    assert of_thread(fresh, 3) is fresh
    a, b = (fresh("a", (3, 2), np.float64) for _ in range(2))
    assert a is not b
    assert a.shape == (3, 2)
    assert a.dtype == np.float64


@given(st.integers(1, 5000))
def test_memory_begins_where_a_line_of_the_cache_does(size: int) -> None:
    memory = aligned(size)
    assert len(memory) == size
    assert memory.ctypes.data % 64 == 0
