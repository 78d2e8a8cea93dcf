"""How work is shared among threads: every part once, errors come back, BLAS gets its threads back."""
# ruff: noqa: ARG001, ARG005  (a job takes a start and a stop)

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from several import Meanwhile, in_fork, in_threads, needs_fork
from threadpoolctl import threadpool_info, threadpool_limits

import tinygrad_cnn as tg
from tinygrad_cnn.arrays import threads
from tinygrad_cnn.arrays.threads import by_slabs, divide, one_blas_thread, product


@pytest.fixture(autouse=True)
def three_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "get_num_threads", lambda: 3)


@given(n=st.integers(0, 20), seconds=st.sampled_from([0.0, 1e-4, 1e-3, 1.0]))
def test_every_part_is_done_once(n: int, seconds: float) -> None:
    done = np.zeros(n, int)
    seen = set()

    def job(start: int, stop: int) -> None:
        seen.add(threading.current_thread().name)
        done[start:stop] += 1

    divide(n, job, seconds)
    assert (done == 1).all()
    if seconds == 1.0 and n >= 3:
        assert len(seen) == 3
    if seconds < threads.WORTH:
        assert seen == {threading.current_thread().name}


def test_the_caller_waits_for_all_parts() -> None:
    gate, finished = threading.Event(), []

    def job(start: int, stop: int) -> None:
        if start == 0:
            gate.set()
        else:
            assert gate.wait(60)
            threading.Event().wait(0.05)  # the others take longer than the caller's own part
            finished.append(start)

    divide(3, job, 1.0)
    assert sorted(finished) == [1, 2]


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_error_in_a_part_comes_back_and_the_workers_live_on(bad: int) -> None:
    def job(start: int, stop: int) -> None:
        if start == bad:
            raise ValueError(f"part {start}")

    with pytest.raises(ValueError, match=f"part {bad}"):
        divide(3, job, 1.0)
    done: list[int] = []
    divide(3, lambda start, stop: done.append(start), 1.0)
    assert sorted(done) == [0, 1, 2]


def _blas_threads() -> list[int]:
    """As threadpoolctl sees it."""
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


needs_blas = pytest.mark.skipif(not _blas_threads(), reason="NumPy's BLAS here is none that threadpoolctl knows")


def test_blas_runs_on_one_thread_within_and_as_before_afterwards() -> None:
    before = _blas_threads()
    with threadpool_limits(2, user_api="blas"):
        two = _blas_threads()
        seen: list[Any] = []
        with one_blas_thread, one_blas_thread:
            seen.append(_blas_threads())
        divide(3, lambda start, stop: seen.append(_blas_threads()), 1.0)
        assert len(seen) == 4
        assert all(n == 1 for ns in seen for n in ns)
        assert _blas_threads() == two
    assert _blas_threads() == before


@needs_blas
def test_blas_is_limited_from_any_thread() -> None:
    with threadpool_limits(2, user_api="blas"):
        seen: list[Any] = []
        elsewhere = threading.Thread(target=one_blas_thread(lambda: seen.extend(_blas_threads())))
        elsewhere.start()
        elsewhere.join()
        assert seen
        assert all(n == 1 for n in seen)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1)])
@pytest.mark.parametrize("dims", [2, 4])
def test_slabs_cover_an_array_once(order: tuple[int, ...], dims: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_SLAB", 7)
    a = np.zeros([(3, 4, 5, 6)[i] for i in order]).transpose(np.argsort(order))

    def job(part: threads.Slab) -> None:
        a[part] += 1

    by_slabs(a, job, 1.0, dims)
    assert (a == 1).all()


@pytest.mark.parametrize("shapes", [((300, 70), (70, 90)), ((6, 50, 70), (6, 70, 90)), ((6, 50, 70), (1, 70, 90)),
                                    ((128, 1352), (1352, 10)), ((10, 1352), (1352, 128)), ((128, 10), (10, 9216)),
                                    ((9, 70_000), (70_000, 11))])  # fmt: skip
def test_large_products_are_those_of_numpy(shapes: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(s) for s in shapes)
    np.testing.assert_allclose(product(a, b), np.matmul(a, b), rtol=1e-12, atol=1e-12)


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "WORTH", 1e-9)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((9, 3, 13, 13)).astype(np.float32)
    found = []
    for n in (1, 2, 3):
        monkeypatch.setattr(threads, "get_num_threads", lambda n=n: n)
        tg.manual_seed(0)
        model = tg.nn.Sequential(
            tg.nn.Conv2d(3, 16, 3), tg.nn.BatchNorm2d(16), tg.nn.ReLU(), tg.nn.Conv2d(16, 32, 3), tg.nn.ReLU(),
            tg.nn.MaxPool2d(2), tg.nn.Flatten(), tg.nn.Linear(512, 10),
        )  # fmt: skip
        loss = tg.nn.functional.cross_entropy(model(tg.Tensor(x)), tg.tensor(list(range(9))))
        loss.backward()
        found.append([loss.numpy(), *[p.grad.numpy() for p in model.parameters()]])
    for other in found[1:]:
        for a, b in zip(other, found[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_partial_sums_are_added_in_order_whoever_is_first() -> None:
    first = threading.Event()

    def job(start: int, stop: int) -> Any:
        if start == 0:
            assert first.wait(60)  # the caller's part, the first in order, comes last in time
        elif start == 2:
            first.set()
        return np.array([[1.0, 1e20, -1e20][start]])

    assert threads.summed(3, job, 1.0).tolist() == [0.0]  # (1 + 1e20) - 1e20; another order gives 1


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2"])
def test_a_wrong_number_of_threads_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        tg.set_num_threads(wrong)


@needs_blas
def test_the_default_is_what_blas_has_even_where_an_operation_asks_first() -> None:
    """A Winograd convolution limits BLAS to one thread before it asks how many threads there are."""
    first = "tg.nn.functional.conv2d(tg.zeros(16, 32, 16, 16), tg.zeros(32, 32, 3, 3), padding=1)"
    imports = "import tinygrad_cnn as tg; from tinygrad_cnn.arrays import threads"
    code = f"{imports}; {first}; print(tg.get_num_threads(), threads._blas()[0].get_num_threads())"
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    ours, blas = done.stdout.split()
    assert ours == blas


# ------------------------------------------------------------------------------ several callers, parts that call, forks
def test_a_part_that_is_cut_itself_ends() -> None:
    """A worker that handed a part to its own queue would wait for itself."""
    done = np.zeros((3, 6), int)

    def outer(start: int, stop: int) -> None:
        for i in range(start, stop):
            divide(6, lambda a, b, i=i: done[i, a:b].__iadd__(1), 1.0)  # type: ignore[misc]

    in_threads(lambda: divide(3, outer, 1.0))
    assert (done == 1).all()


def test_several_threads_share_the_workers() -> None:
    def job() -> Any:
        done = np.zeros(30, int)
        for _ in range(20):
            divide(30, lambda start, stop: done[start:stop].__iadd__(1), 1.0)
        return done

    before = _blas_threads()
    for done in in_threads(*[job] * 6):
        assert (done == 20).all()
    assert one_blas_thread.inside == 0
    assert _blas_threads() == before


def test_where_the_system_gives_no_more_threads_the_caller_works_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_queues", [])
    monkeypatch.setattr(threading.Thread, "start", refuse)
    done: list[tuple[int, int]] = []
    divide(3, lambda start, stop: done.append((start, stop)), 1.0)
    assert done == [(0, 3)]


@needs_blas
def test_a_number_of_threads_set_meanwhile_is_not_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_wanted", None)
    with threadpool_limits(2, user_api="blas"):
        with one_blas_thread:
            tg.set_num_threads(3)
            assert all(n == 1 for n in _blas_threads())
        assert all(n == 3 for n in _blas_threads())


@needs_blas
def test_who_asks_meanwhile_is_told_the_usual_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also between the moment when BLAS's number is looked up and the moment when it is given back."""
    monkeypatch.undo()
    monkeypatch.setattr(threads, "_wanted", None)
    found: list[int] = []
    other = Meanwhile(lambda: found.append(threads.get_num_threads()))
    with threadpool_limits(2, user_api="blas"):
        blas = threads._blas()
        monkeypatch.setattr(threads, "_libraries", [b._replace(set_num_threads=_then(other, b)) for b in blas])
        with one_blas_thread:
            pass
        other.wait()
    assert found == [2]


def _then(moment: Any, blas: Any) -> Any:
    def set_num_threads(n: int) -> None:
        if n > 1:
            moment()
        blas.set_num_threads(n)

    return set_num_threads


@needs_fork
def test_a_forked_child_has_workers_and_blas_of_its_own() -> None:
    """Forked while another thread holds BLAS to one thread, and a worker is at work."""
    begun, end = threading.Event(), threading.Event()

    def slow(start: int, stop: int) -> None:
        begun.set()
        end.wait(60)

    def child() -> tuple[int, int, list[int], bool]:
        inside, blas = one_blas_thread.inside, _blas_threads()
        seen = set()
        divide(3, lambda start, stop: seen.add(threading.current_thread().name), 1.0)
        a = np.random.default_rng(0).standard_normal((400, 400)).astype(np.float32)
        return inside, len(seen), blas, bool(np.allclose(product(a, a), np.einsum("ij,jk->ik", a, a), atol=1e-2))

    with threadpool_limits(2, user_api="blas"):
        busy = threading.Thread(target=lambda: divide(3, slow, 1.0))
        busy.start()
        assert begun.wait(60)
        try:
            inside, workers, blas, right = in_fork(child)
        finally:
            end.set()
            busy.join()
    assert (inside, workers, right) == (0, 3, True)
    assert all(n == 2 for n in blas)


# --------------------------------------------------------------------------------------------- what is worth sharing
@pytest.mark.parametrize(
    ("n", "seconds", "parts"),
    [
        (9, 0.0, 1), (9, 0.99, 1), (9, 1.0, 2), (9, 1.49, 2), (9, 1.5, 3), (9, 100.0, 3), (2, 100.0, 2), (1, 100.0, 1),
        (0, 100.0, 1),
    ],
)  # fmt: skip
def test_a_part_takes_half_the_time_that_is_worth_a_hand_over(n: int, seconds: float, parts: int) -> None:
    seen = []
    divide(n, lambda start, stop: seen.append((start, stop)), seconds * threads.WORTH)
    assert len(seen) == parts
    assert [k for start, stop in sorted(seen) for k in range(start, stop)] == list(range(n))
    assert max(stop - start for start, stop in seen) - min(stop - start for start, stop in seen) <= 1


def test_no_more_workers_are_started_than_there_are_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_queues", [])
    started: list[Any] = []
    real = threads._start_worker
    monkeypatch.setattr(threads, "_start_worker", lambda: (started.append(1), real()))
    for n, workers in ((2, 1), (3, 2), (9, 2), (2, 2)):
        divide(n, lambda start, stop: None, 1.0)
        assert len(started) == workers
    assert {thread.name for thread in threading.enumerate()} >= {"tinygrad_cnn-1", "tinygrad_cnn-2"}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1)])
@pytest.mark.parametrize("dims", [1, 2, 4])
@pytest.mark.parametrize("limit", [1, 60, 130, 1 << 18])
def test_slabs_are_cut_where_memory_is_far_apart_and_fit_a_cache(
    order: tuple[int, ...], dims: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_SLAB", limit)
    a = np.zeros([(3, 4, 5, 6)[i] for i in order]).transpose(np.argsort(order))
    slabs: list[threads.Slab] = []
    by_slabs(a, slabs.append, 0.0, dims)
    axis = max(range(dims), key=lambda d: a.strides[d])
    rows = max(1, limit * a.shape[axis] // a.size)
    assert all(slab[:axis] == (slice(None),) * axis and len(slab) == axis + 1 for slab in slabs)
    assert [slab[axis].start for slab in slabs] == list(range(0, a.shape[axis], rows))
    assert [slab[axis].stop for slab in slabs] == [min(k + rows, a.shape[axis]) for k in range(0, a.shape[axis], rows)]


def test_an_array_of_nothing_and_one_that_runs_backwards_have_slabs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_SLAB", 4)
    seen: list[threads.Slab] = []
    by_slabs(np.zeros((3, 0)), seen.append, 1.0)
    assert seen == [(slice(0, 3),)]
    backwards = np.zeros((4, 2, 3)).transpose(1, 0, 2)[:, ::-1]
    seen.clear()
    by_slabs(backwards, seen.append, 0.0)
    assert seen == [(slice(None), slice(k, k + 1)) for k in range(4)]


def test_slabs_are_shared_where_all_elements_together_take_long_enough() -> None:
    a = np.zeros((10, 100))
    for seconds, parts in ((0.999, 1), (1.0, 2), (1.5, 3)):
        seen: set[Any] = set()

        def job(part: threads.Slab, seen: set[Any] = seen) -> None:
            seen.add((threading.current_thread().name, part[0].start))

        by_slabs(a, job, seconds * threads.WORTH / 1000)
        assert len(seen) == parts


def test_products_are_shared_and_blas_held_to_one_thread_only_where_they_are_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """BLAS itself takes one thread for the small ones, and to hold it would cost more than they do."""
    guessed: list[float] = []
    held = []
    monkeypatch.setattr(threads, "divide", lambda n, job, seconds: (guessed.append(seconds), job(0, n)))

    class Held:
        def __enter__(self) -> None:
            held.append(1)

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(threads, "one_blas_thread", Held())
    rng = np.random.default_rng(0)

    def ways(a: Any, b: Any) -> tuple[int, int]:
        guessed.clear()
        held.clear()
        a, b = rng.standard_normal(a), rng.standard_normal(b)
        y = product(a, b)
        np.testing.assert_allclose(y, np.matmul(a, b), rtol=1e-12, atol=1e-12, strict=True)
        if guessed:
            assert 6e10 < y.size * a.shape[-1] / guessed[0] < 14e10
        return len(guessed), len(held)

    small, shared, whole = (0, 0), (1, 0), (0, 1)
    assert ways((100, 20), (20, 99)) == small
    assert ways((100, 20), (20, 100)) == shared
    assert ways((2, 400), (400, 249)) == small
    assert ways((1, 100), (100, 89)) == ways((89, 100), (100, 1)) == ways((89, 1), (1, 100)) == small
    assert ways((1, 100), (100, 90)) == ways((90, 100), (100, 1)) == ways((90, 1), (1, 100)) == shared
    assert ways((4, 50, 20), (4, 20, 50)) == ways((4, 50, 20), (20, 50)) == shared
    assert ways((4, 50, 20), (1, 20, 50)) == ways((1, 200, 20), (4, 20, 50)) == whole
    assert ways((100,), (100, 2000)) == whole
    assert ways((4, 5, 20), (4, 20, 50)) == ways((100,), (100, 1999)) == small


@pytest.mark.parametrize("how", ["asked", "set", "set meanwhile"])
def test_the_number_of_threads_is_kept(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(threads, "_wanted", None)
    monkeypatch.setattr(threads, "_limits", [])
    with threadpool_limits(2, user_api="blas"):
        if how == "set":
            tg.set_num_threads(3)
        elif how == "set meanwhile":
            with one_blas_thread:
                tg.set_num_threads(3)
                assert tg.get_num_threads() == 3
        expected = 3 if how != "asked" else tg.get_num_threads()
        with threadpool_limits(1, user_api="blas"):
            assert tg.get_num_threads() == expected
        if how != "asked" and _blas_threads():
            assert set(_blas_threads()) == {3}
        tg.set_num_threads(1)
        assert tg.get_num_threads() == 1
        assert set(_blas_threads()) <= {1}


def test_a_machine_whose_blas_is_unknown_has_as_many_threads_as_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(threads, "_libraries", [])
    for cores, threads_ in ((5, 5), (None, 1)):
        monkeypatch.setattr(threads, "_wanted", None)
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert threads.get_num_threads() == threads_


@needs_blas
def test_a_library_of_another_kind_is_limited_by_its_own_functions() -> None:
    class Library:
        internal_api, threading_layer, filepath = "mkl", "intel", ""

        def get_num_threads(self) -> int:
            return 7

        def set_num_threads(self, n: int) -> str:
            return f"set to {n}"

    for api, layer in (("mkl", "pthreads"), ("openblas", "openmp")):
        library = Library()
        library.internal_api, library.threading_layer = api, layer
        found = threads._functions(library)
        assert (found.get_num_threads(), found.set_num_threads(3)) == (7, "set to 3")
