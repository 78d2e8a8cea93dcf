"""num_workers: the batches of a loader without workers, read ahead, and who reads."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn as tg
from tinygrad_cnn.arrays.rng import Generator, default_generator, manual_seed
from tinygrad_cnn.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset, get_worker_info
from tinygrad_cnn.data.reading import checked_indices


class Noisy(Dataset):
    """Each sample draws from everything that draws."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int):
        return i, tg.rand(2), random.random(), np.random.rand(3)


class Stream(IterableDataset):
    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        return ((i, tg.rand(1)) for i in range(first, self.n, step))


def flat(loader: DataLoader, drawing: bool = False) -> list[list[float]]:
    found = []
    for batch in loader:
        found.append(np.concatenate([np.ravel(part.numpy()) for part in batch]).tolist())
        if drawing:
            time.sleep(0.002)  # time for the reader to draw in between, if it did
            tg.randn(3)
    return found


def seeded(loader: DataLoader, drawing: bool = False) -> tuple[list[list[list[float]]], float]:
    """Three epochs, and what the package's generator gives afterwards."""
    manual_seed(5)
    random.seed(6)
    np.random.seed(7)
    return [flat(loader, drawing) for _ in range(3)], default_generator().numpy.random()


@given(
    st.integers(1, 25),
    st.integers(1, 7),
    st.booleans(),
    st.booleans(),
    st.integers(1, 4),
    st.none() | st.integers(1, 3),
)
def test_workers_change_nothing(n: int, size: int, shuffle: bool, drop: bool, workers: int, ahead: int | None) -> None:
    data = Noisy(n)
    plain = seeded(DataLoader(data, size, shuffle, drop_last=drop))
    assert seeded(DataLoader(data, size, shuffle, drop_last=drop, num_workers=workers, prefetch_factor=ahead)) == plain
    assert seeded(DataLoader(data, size, shuffle, drop_last=drop, prefetch=workers)) == plain


@pytest.mark.parametrize("arguments", [{"num_workers": 1}, {"num_workers": 3}, {"prefetch": 2}])
@pytest.mark.parametrize("data", [Noisy(20), Stream(20), Subset(Noisy(30), range(20))], ids=["items", "stream", "part"])
def test_nor_if_the_loop_draws_beside_them(data, arguments: dict) -> None:
    assert seeded(DataLoader(data, 3, **arguments), drawing=True) == seeded(DataLoader(data, 3), drawing=True)


def test_epochs_differ_and_follow_the_loaders_generator() -> None:
    """The numbers that `tg.rand` gives: Python's and NumPy's follow seeds of their own."""

    def drawn(loader: DataLoader) -> list[list[float]]:
        return [batch[1].numpy().ravel().tolist() for batch in loader]

    loader = DataLoader(Noisy(6), 3, num_workers=2, generator=Generator(1))
    first, second = drawn(loader), drawn(loader)
    assert first != second
    again = DataLoader(Noisy(6), 3, generator=Generator(1))
    assert [drawn(again), drawn(again)] == [first, second]


def test_a_sample_may_seed_its_own_numbers() -> None:
    """As some datasets do to be the same in each epoch: the training loop's numbers stay what they are."""

    class Seeded(Noisy):
        def __getitem__(self, i: int):
            tg.manual_seed(i)
            return i, tg.rand(2)

    for workers in (0, 2):
        loader = DataLoader(Seeded(5), num_workers=workers)
        assert flat(loader) == flat(loader)
        manual_seed(3)
        flat(loader)
        left = tg.rand(3).tolist()
        manual_seed(3)
        default_generator().numpy.integers(2**63 - 1)  # the seed of the epoch
        assert tg.rand(3).tolist() == left


def test_reads_ahead_while_the_loop_works() -> None:
    read = []

    class Rows(Noisy):
        def __getitem__(self, i: int):
            read.append(i)
            return i

    batches = iter(DataLoader(Rows(100), 5, num_workers=2, prefetch_factor=3))
    next(batches)
    until = time.monotonic() + 60
    while len(read) < 35 and time.monotonic() < until:
        time.sleep(0.001)
    assert sorted(read) == list(range(35))  # this batch, and two times three more
    batches.close()


def test_who_reads() -> None:
    seen = []

    class Asking(Noisy):
        def __getitem__(self, i: int):
            seen.append((get_worker_info(), threading.current_thread() is threading.main_thread()))
            return i

    data = Asking(3)
    list(DataLoader(data, num_workers=4))
    infos = {id(info.dataset): (info.id, info.num_workers) for info, _ in seen}
    assert infos == {id(data): (0, 1)}
    assert not any(main for _, main in seen)
    assert all(isinstance(info.seed, int) for info, _ in seen)
    seen.clear()
    list(DataLoader(data))
    list(DataLoader(data, prefetch=2))
    assert {info for info, _ in seen} == {None}
    assert get_worker_info() is None


def test_a_stream_that_shares_its_data_among_workers_gives_all_of_it() -> None:
    for workers in (0, 1, 4):
        assert [int(i) for i, _ in DataLoader(Stream(7), None, num_workers=workers)] == list(range(7))


@pytest.mark.parametrize(("persistent", "calls"), [(False, [0, 0, 0]), (True, [0])])
def test_worker_init_fn(persistent: bool, calls: list[int]) -> None:
    called = []

    def init(worker: int) -> None:
        assert get_worker_info().dataset is data
        called.append(worker)

    data = TensorDataset(np.arange(4))
    loader = DataLoader(data, 2, num_workers=2, worker_init_fn=init, persistent_workers=persistent)
    for _ in range(3):
        assert [x.tolist() for (x,) in loader] == [[0, 1], [2, 3]]
    assert called == calls
    list(DataLoader(data, worker_init_fn=init))  # no worker, no call
    assert called == calls


def test_an_error_of_worker_init_fn_arrives() -> None:
    def init(worker: int) -> None:
        raise OSError(f"no scratch folder for worker {worker}")

    with pytest.raises(OSError, match="no scratch folder for worker 0"):
        list(DataLoader(Noisy(3), num_workers=1, worker_init_fn=init))


@pytest.mark.parametrize("arguments", [{}, {"prefetch": 1}, {"num_workers": 1}, {"num_workers": 3}])
@pytest.mark.parametrize("batch_size", [1, 2, None])
@pytest.mark.parametrize("where", ["__getitem__", "__getitems__", "collate_fn", "get_batch"])
def test_stop_iteration_is_an_error(arguments: dict, batch_size: int | None, where: str) -> None:
    """It would end the epoch as if there were no more data."""

    def end(*_: object) -> None:
        next(iter(()))

    class Ends(Noisy):
        def __getitem__(self, i: int):
            return end() if where == "__getitem__" and i == 5 else i

    if where == "__getitems__":
        Ends.__getitems__ = end
    if where == "get_batch":
        Ends.get_batch = end
    if where in ("__getitems__", "get_batch") and batch_size is None:
        return  # a batch at a time, or none
    loader = DataLoader(Ends(9), batch_size, collate_fn=end if where == "collate_fn" else None, **arguments)
    with pytest.raises(RuntimeError, match="StopIteration came out of the dataset") as caught:
        list(loader)
    assert isinstance(caught.value.__cause__, StopIteration)


def test_a_batch_that_does_not_come_in_time() -> None:
    go = threading.Event()

    class Stuck(Noisy):
        def __getitem__(self, i: int):
            go.wait(20 * (i == 1))
            return i

    batches = iter(DataLoader(Stuck(3), num_workers=1, timeout=0.05))
    assert next(batches).tolist() == [0]
    with pytest.raises(RuntimeError, match=r"no batch for 0\.05 seconds, which timeout= allows"):
        next(batches)
    assert any("prefetch" in t.name for t in threading.enumerate())  # nobody waited for it
    go.set()
    assert [x.tolist() for x in DataLoader(Stuck(3), num_workers=1, timeout=60)] == [[0], [1], [2]]


@pytest.mark.parametrize(
    "arguments",
    [
        {"pin_memory": True},
        {"pin_memory": True, "pin_memory_device": "cuda"},
        {"in_order": False},
        {"num_workers": 2, "in_order": False},
        {"num_workers": 2, "multiprocessing_context": "spawn"},
        {"num_workers": np.int64(2), "persistent_workers": True, "prefetch_factor": np.int64(4)},
    ],
)
def test_hints_do_no_harm(arguments: dict) -> None:
    loader = DataLoader(TensorDataset(np.arange(10)), 4, **arguments)
    assert [x.tolist() for (x,) in loader] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    for name, value in arguments.items():
        assert getattr(loader, name) == value


def test_attributes_beside_pytorch(torch) -> None:
    names = ("num_workers", "prefetch_factor", "persistent_workers", "timeout", "pin_memory", "worker_init_fn")
    for arguments in ({}, {"num_workers": 2}, {"num_workers": 2, "prefetch_factor": 3, "persistent_workers": True}):
        ours, theirs = (loader([1, 2, 3], **arguments) for loader in (DataLoader, torch.utils.data.DataLoader))
        assert {n: getattr(ours, n) for n in names} == {n: getattr(theirs, n) for n in names}


def test_indices_of_a_batch_are_counted_from_the_end_too() -> None:
    assert checked_indices([0, -1, 4, -5], 5).tolist() == [0, 4, 4, 0]
    given = np.array([0, 4])
    assert checked_indices(given, 5) is given
    assert checked_indices([], 5).dtype == np.int64
    for bad in (5, -6):
        with pytest.raises(IndexError, match=f"the sampler gave index {bad}, out of range for a dataset of 5 samples"):
            checked_indices([0, bad, 99], 5)


def test_who_reads_is_told_to_a_reader_alone() -> None:
    class Asking(Dataset[int]):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> int:
            seen.append(get_worker_info())
            return index

    seen: list[Any] = []
    dataset = Asking()
    list(DataLoader(dataset))
    list(DataLoader(dataset, prefetch=1))
    assert seen == [None] * 4
    seen.clear()
    list(DataLoader(dataset, num_workers=3))
    assert [(i.id, i.num_workers, i.dataset) for i in seen] == [(0, 1, dataset)] * 2
    assert all(isinstance(i.seed, int) for i in seen)
    assert get_worker_info() is None
