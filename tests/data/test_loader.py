"""DataLoader: the laws of an epoch, with and without the thread, and every refusal."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cnn.arrays.rng as rng
from tinygrad_cnn.data import (
    BatchSampler,
    Compose,
    DataLoader,
    Dataset,
    IterableDataset,
    Normalize,
    RandomSampler,
    RandomShift,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
)
from tinygrad_cnn.tensors import Tensor


@pytest.fixture(autouse=True)
def _no_thread_stays():
    before = set(threading.enumerate())  # the traceback of a failed test may keep its iterator, and so its thread
    yield
    assert {t for t in threading.enumerate() if "prefetch" in t.name} <= before


class Rows(Dataset):
    """Item by item."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int):
        return np.full((1, 4, 4), i, np.float32), i


class Stream(IterableDataset):
    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __iter__(self):
        return (np.float32(i) for i in range(self.n))


def images(n: int) -> TensorDataset:
    return TensorDataset(np.arange(n * 16, dtype=np.float32).reshape(n, 1, 4, 4), np.arange(n))


def epoch(loader: DataLoader) -> list[list[np.ndarray]]:
    return [[part.numpy() for part in batch] for batch in loader]


def labels(loader: DataLoader) -> list[int]:
    return [int(i) for batch in epoch(loader) for i in batch[1]]


def assert_same(a: list[list[np.ndarray]], b: list[list[np.ndarray]]) -> None:
    assert len(a) == len(b)
    for left, right in zip(a, b, strict=True):
        for x, y in zip(left, right, strict=True):
            assert x.dtype == y.dtype
            np.testing.assert_array_equal(x, y)


@given(
    st.integers(1, 40),
    st.integers(1, 12),
    st.booleans(),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from([images, Rows]),
)
def test_an_epoch_has_each_index_once(n: int, size: int, shuffle: bool, drop_last: bool, ahead: int, make) -> None:
    loader = DataLoader(make(n), size, shuffle, drop_last=drop_last, prefetch=ahead)
    batches = epoch(loader)
    assert len(batches) == len(loader) == (n // size if drop_last else -(-n // size))
    sizes = [len(y) for _, y in batches]
    assert all(s == size for s in sizes[: len(sizes) - (not drop_last)])
    seen = [int(i) for _, y in batches for i in y]
    assert len(seen) == sum(sizes) == (n - n % size if drop_last else n)
    assert len(set(seen)) == len(seen)
    if not shuffle:
        assert seen == list(range(len(seen)))
    for x, y in batches:
        assert x.shape == (len(y), 1, 4, 4)
        np.testing.assert_array_equal(x[:, 0, 0, 0], y * 16 if make is images else y)


def test_fast_and_slow_paths_give_the_same_batches() -> None:
    class Slow(TensorDataset):
        def __getitem__(self, i):
            return super().__getitem__(i)

    fast = images(23)
    slow = Slow(*fast.tensors)
    for data in (
        slow,
        Subset(slow, range(23)),
        Subset(fast, range(23)),
        Subset(fast, range(10)) + Subset(fast, range(10, 23)),
    ):
        assert_same(
            epoch(DataLoader(data, 5, shuffle=True, generator=rng.Generator(7))),
            epoch(DataLoader(fast, 5, shuffle=True, generator=rng.Generator(7))),
        )


def test_the_fast_path_indexes_once_a_batch() -> None:
    calls = []

    class Counted(TensorDataset):
        def get_batch(self, indices):
            calls.append(len(indices))
            return super().get_batch(indices)

    epoch(DataLoader(Counted(np.zeros((10, 2)), np.arange(10)), 4, shuffle=True))
    assert calls == [4, 4, 2]


def test_batches_are_fresh_tensors() -> None:
    data = images(6)
    for _ in range(2):
        for x, y in DataLoader(data, 3):
            assert isinstance(x, Tensor)
            assert isinstance(y, Tensor)
            assert (x.dtype, y.dtype) == (np.float32, np.int64)
            assert x.numpy().flags.writeable
            x.numpy()[:] = -5
    assert data.tensors[0].min() == 0


def test_seeds() -> None:
    loader = DataLoader(images(50), 8, shuffle=True)
    rng.manual_seed(11)
    first, second = labels(loader), labels(loader)
    rng.manual_seed(11)
    assert labels(loader) == first
    assert labels(loader) == second
    assert first != second
    own = DataLoader(images(50), 8, shuffle=True, generator=rng.Generator(3))
    assert labels(own) == labels(DataLoader(images(50), 8, True, generator=np.random.default_rng(3)))


def test_reading_in_order_draws_no_random_numbers() -> None:
    for transform in (None, Normalize(0, 1), lambda x: x, Compose([Normalize(0, 1)])):
        rng.manual_seed(0)
        before = rng.default_generator().get_state()
        epoch(DataLoader(images(8), 4, transform=transform, prefetch=1))
        assert rng.default_generator().get_state() == before


@pytest.mark.parametrize("ahead", [1, 2, 50])
def test_prefetch_changes_nothing_though_the_loop_draws_too(ahead: int) -> None:
    def run(prefetch: int) -> tuple[list, list]:
        rng.manual_seed(4)
        loader = DataLoader(images(40), 6, shuffle=True, transform=RandomShift(2), prefetch=prefetch)
        batches, drawn = [], []
        for x, y in loader:
            batches.append([x.numpy(), y.numpy()])
            time.sleep(0.003)  # time for the thread to draw in between, if it did
            drawn.append(rng.default_generator().numpy.random())  # as dropout would
        return batches, drawn

    plain, drawn = run(0)
    batches, drawn_too = run(ahead)
    assert_same(batches, plain)
    assert drawn == drawn_too


def test_transform_acts_on_the_images_alone_and_only_here() -> None:
    data = images(5)
    x, y = next(iter(DataLoader(data, 5, transform=Compose([Normalize(0.0, 2.0), lambda a: a + 1]))))
    np.testing.assert_array_equal(x.numpy(), data.tensors[0] / 2 + 1)
    np.testing.assert_array_equal(y.numpy(), np.arange(5))
    x, _ = next(iter(DataLoader(data, 5)))
    np.testing.assert_array_equal(x.numpy(), data.tensors[0])
    x, y = next(iter(DataLoader(Rows(3), 3, transform=lambda a: -a)))
    np.testing.assert_array_equal(x.numpy()[:, 0, 0, 0], [0, -1, -2])

    class Bare(TensorDataset):
        def get_batch(self, indices):
            return self.tensors[0][indices]

    np.testing.assert_array_equal(
        next(iter(DataLoader(Bare(data.tensors[0]), 5, transform=lambda a: -a))).numpy(), -data.tensors[0]
    )


def test_transform_differs_by_epoch_and_follows_the_seed() -> None:
    loader = DataLoader(images(64), 64, transform=RandomShift(2), generator=rng.Generator(0))
    one, two = epoch(loader), epoch(loader)
    assert not np.array_equal(one[0][0], two[0][0])
    assert_same(one, epoch(DataLoader(images(64), 64, transform=RandomShift(2), generator=rng.Generator(0))))


def test_a_transform_that_cannot_act_says_so() -> None:
    class Dicts(Rows):
        def __getitem__(self, i):
            return {"x": np.zeros(2)}

    with pytest.raises(TypeError, match="this batch is a dict"):
        epoch(DataLoader(Dicts(3), 2, transform=lambda a: a))
    with pytest.raises(TypeError, match="returned shape"):
        epoch(DataLoader(images(3), 2, transform=lambda a: a[:1]))
    with pytest.raises(TypeError, match="returned NoneType"):
        epoch(DataLoader(images(3), 2, transform=lambda _: None))


def test_collate_fn_receives_samples() -> None:
    got = list(DataLoader(images(5), 2, collate_fn=lambda samples: [int(y) for _, y in samples]))
    assert got == [[0, 1], [2, 3], [4]]
    assert_same(epoch(DataLoader(images(5), 2, collate_fn=default_collate)), epoch(DataLoader(images(5), 2)))


def test_getitems_is_called_as_pytorch_calls_it() -> None:
    class Items(Rows):
        def __getitems__(self, indices):
            assert type(indices) is list
            return [(np.zeros(1, np.float32), -i) for i in indices]

    assert labels(DataLoader(Items(4), 3)) == [0, -1, -2, -3]


@pytest.mark.parametrize("ahead", [0, 2])
def test_samplers(ahead: int) -> None:
    data = images(6)
    assert labels(DataLoader(data, 2, sampler=[5, 3, 1], prefetch=ahead)) == [5, 3, 1]
    assert labels(DataLoader(data, sampler=iter([-1, 0]), prefetch=ahead)) == [5, 0]
    assert labels(DataLoader(data, 4, sampler=RandomSampler(data, num_samples=4), prefetch=ahead)) != []
    both = images(3) + images(3)
    assert labels(DataLoader(both, 4, sampler=[-1, 0, -4], prefetch=ahead)) == [2, 0, 2]
    by_batch = DataLoader(data, batch_sampler=[[0], [4, 2], [1]], prefetch=ahead)
    assert [y.numpy().tolist() for _, y in by_batch] == [[0], [4, 2], [1]]
    assert len(by_batch) == 3

    class Pairs(BatchSampler):
        def __iter__(self):
            return iter([[0, 1], [2, 3]])

    pairs = DataLoader(data, batch_sampler=Pairs(SequentialSampler(data), 2, False), prefetch=ahead)
    assert labels(pairs) == [0, 1, 2, 3]
    with pytest.raises(IndexError, match="index 6, out of range for a dataset of 6 samples"):
        labels(DataLoader(data, sampler=[6], prefetch=ahead))


@pytest.mark.parametrize("ahead", [0, 2])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_sampler_may_count_from_the_end_as_far_as_the_dataset_goes(n: int, ahead: int) -> None:
    data = images(n)
    whole = list(range(-n, n))
    for batch_size in (1, 2 * n):
        loader = DataLoader(data, batch_size, sampler=whole, prefetch=ahead)
        assert labels(loader) == [int(data[i][1]) for i in whole]
    for bad in (-n - 1, n):
        for batch in ([bad], [0, bad], [bad, -1]):
            with pytest.raises(IndexError, match=f"gave index {bad}, out of range for a dataset of {n} samples"):
                labels(DataLoader(data, batch_sampler=[batch], prefetch=ahead))


@pytest.mark.parametrize("ahead", [0, 2])
def test_without_batching(ahead: int) -> None:
    loader = DataLoader(images(3), batch_size=None, prefetch=ahead)
    assert len(loader) == 3
    assert [(x.shape, int(y)) for x, y in loader] == [((1, 4, 4), 0), ((1, 4, 4), 1), ((1, 4, 4), 2)]
    assert list(DataLoader(range(3), batch_size=None, prefetch=ahead)) == [0, 1, 2]


@pytest.mark.parametrize("ahead", [0, 2])
@pytest.mark.parametrize("drop_last", [False, True])
def test_streams(ahead: int, drop_last: bool) -> None:
    loader = DataLoader(Stream(7), 3, drop_last=drop_last, prefetch=ahead)
    got = [b.numpy().tolist() for b in loader]
    assert got == [[0, 1, 2], [3, 4, 5]] + ([] if drop_last else [[6]])
    assert len(loader) == len(got)
    single = DataLoader(Stream(2), None, prefetch=ahead)
    assert [float(b.item()) for b in single] == [0, 1]
    assert len(single) == 2
    assert list(DataLoader(Stream(0), 3, prefetch=ahead)) == []


def test_plain_sequences_are_datasets() -> None:
    assert [b.numpy().tolist() for b in DataLoader([10, 20, 30], 2)] == [[10, 20], [30]]
    assert list(DataLoader([], 2)) == []


@pytest.mark.parametrize("ahead", [0, 3])
def test_an_error_in_the_dataset_arrives(ahead: int) -> None:
    class Faulty(Rows):
        def __getitem__(self, i):
            if i == 5:
                raise OSError("cannot read sample 5")
            return super().__getitem__(i)

    got: list[list[int]] = []
    batches = DataLoader(Faulty(9), 2, prefetch=ahead)
    with pytest.raises(OSError, match="cannot read sample 5") as caught:
        got.extend(y.numpy().tolist() for _, y in batches)
    assert got == [[0, 1], [2, 3]]
    assert any(entry.name == "__getitem__" for entry in caught.traceback)


def test_break_and_go_again() -> None:
    loader = DataLoader(images(100), 2, prefetch=4)
    for _ in range(3):
        for _, y in loader:
            if int(y.numpy()[0]) == 6:
                break
        assert [t.name for t in threading.enumerate() if "prefetch" in t.name] == []
    assert labels(loader) == list(range(100))


def test_two_loops_over_one_loader() -> None:
    loader = DataLoader(images(6), 2, prefetch=1)
    pairs = [(int(a.numpy()[0]), int(b.numpy()[0])) for _, a in loader for _, b in loader]
    assert pairs == [(i, j) for i in (0, 2, 4) for j in (0, 2, 4)]


def test_epochs_leave_nothing_for_the_collector() -> None:
    loaders = [
        DataLoader(d, 4, True, prefetch=p, transform=RandomShift(1)) for d in (images(20), Rows(20)) for p in (0, 2)
    ]

    def run() -> None:
        for loader in loaders:
            for _ in loader:
                pass

    run()
    gc.collect()
    gc.disable()
    try:
        run()
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"num_workers": -1}, ValueError, "num_workers must be an integer >= 0, got -1"),
        ({"num_workers": 1.5}, ValueError, "num_workers must be an integer >= 0, got 1.5"),
        ({"num_workers": True}, ValueError, "num_workers must be an integer >= 0, got True"),
        ({"num_workers": 2, "prefetch": 2}, ValueError, "reads ahead already: leave prefetch=2 out"),
        ({"num_workers": 2, "prefetch_factor": 0}, ValueError, "prefetch_factor is a number of batches >= 1, got 0"),
        ({"num_workers": 2, "timeout": -1}, ValueError, "timeout is a number of seconds >= 0"),
        ({"num_workers": 2, "timeout": float("nan")}, ValueError, "timeout is a number of seconds >= 0"),
        ({"num_workers": 2, "worker_init_fn": 3}, TypeError, "worker_init_fn must be callable"),
        ({"num_workers": 2, "multiprocessing_context": "thread"}, ValueError, "'fork', 'spawn' or 'forkserver'"),
        ({"prefetch_factor": 2}, ValueError, "prefetch_factor=2 is about workers"),
        ({"persistent_workers": True}, ValueError, "persistent_workers=True is about workers"),
        ({"timeout": 3}, ValueError, "timeout=3 is about workers"),
        ({"prefetch": -1}, ValueError, "prefetch is the number"),
        ({"prefetch": True}, ValueError, "prefetch is the number"),
        ({"shuffle": 3}, ValueError, "shuffle must be"),
        ({"batch_size": 0}, ValueError, "batch_size must be an integer >= 1, got 0"),
        ({"batch_size": 2.0}, ValueError, "batch_size must be an integer >= 1, got 2.0"),
        ({"shuffle": True, "sampler": [1]}, ValueError, "not both"),
        ({"batch_sampler": [[1]], "batch_size": 2}, ValueError, "batch_sampler excludes"),
        ({"batch_sampler": [[1]], "drop_last": True}, ValueError, "batch_sampler excludes"),
        ({"batch_size": None, "drop_last": True}, ValueError, "drop_last has no meaning"),
        ({"batch_size": None, "transform": Normalize(0, 1)}, ValueError, "makes none"),
        ({"collate_fn": list, "transform": Normalize(0, 1)}, ValueError, "not both"),
        ({"collate_fn": 3}, TypeError, "collate_fn must be callable"),
        ({"transform": 3}, TypeError, "transform must be callable"),
        ({"generator": 3}, TypeError, "generator must be"),
        ({"dataset": 3}, TypeError, "got int"),
        ({"dataset": Stream(3), "shuffle": True}, ValueError, "sets its own order"),
        ({"dataset": Stream(3), "sampler": [1]}, ValueError, "sets its own order"),
        ({"dataset": [], "shuffle": True}, ValueError, "the dataset is empty"),
    ],
)
def test_refusals(arguments: dict, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        DataLoader(**{"dataset": images(4), **arguments})


def test_under_the_name_of_torch_utils() -> None:
    import tinygrad_cnn.data
    import tinygrad_cnn.utils.data as data
    from tinygrad_cnn.utils.data import dataloader, dataset, sampler

    assert data.DataLoader is DataLoader
    for module in (data, dataloader, dataset, sampler):
        assert all(getattr(module, name) is getattr(tinygrad_cnn.data, name) for name in module.__all__)


def test_the_modules_of_torch_utils_data(torch) -> None:
    """What its modules export of what we have, ours export too."""
    import tinygrad_cnn.utils.data as data

    for name in ("dataloader", "dataset", "sampler"):
        theirs = {x for x in getattr(torch.utils.data, name).__all__ if hasattr(data, x)}
        assert theirs <= set(getattr(data, name).__all__)


def test_the_signature_begins_as_pytorchs(torch) -> None:
    import inspect

    theirs = list(inspect.signature(torch.utils.data.DataLoader.__init__).parameters.values())
    ours = inspect.signature(DataLoader.__init__).parameters
    positional = [p.name for p in theirs if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [p.name for p in ours.values() if p.kind is p.POSITIONAL_OR_KEYWORD] == positional
    assert {p.name: p.default for p in theirs} == {name: ours[name].default for name in (p.name for p in theirs)}


def test_batches_beside_pytorch(torch) -> None:
    for n, size, drop in [(10, 3, False), (10, 3, True), (9, 3, False), (2, 5, False), (2, 5, True)]:
        x, y = np.random.default_rng(0).random((n, 2), dtype=np.float32), np.arange(n)
        ours = epoch(DataLoader(TensorDataset(x, y), size, drop_last=drop))
        tensors = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
        theirs = [[p.numpy() for p in b] for b in torch.utils.data.DataLoader(tensors, size, drop_last=drop)]
        assert_same(ours, theirs)


TEN = TensorDataset(np.arange(10.0))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_workers": 1, "prefetch": 1}, "num_workers=1 reads ahead already: leave prefetch=1 out"),
        ({"timeout": 1}, "timeout=1 is about workers: give num_workers=1 or more, or leave it out"),
        ({"prefetch_factor": 2}, "prefetch_factor=2 is about workers"),
        ({"persistent_workers": True}, "persistent_workers=True is about workers"),
        ({"sampler": [1], "shuffle": True}, "give sampler or shuffle=True, not both"),
        (
            {"batch_sampler": [[1]], "batch_size": 2},
            "a batch_sampler excludes batch_size, shuffle, sampler and drop_last",
        ),
        ({"batch_sampler": [[1]], "shuffle": True}, "a batch_sampler excludes"),
        ({"batch_sampler": [[1]], "sampler": [1]}, "a batch_sampler excludes"),
        ({"batch_sampler": [[1]], "drop_last": True}, "a batch_sampler excludes"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None makes no batches, so drop_last has no meaning"),
        ({"batch_size": None, "transform": abs}, "a transform acts on batches, but batch_size=None makes none"),
        ({"transform": abs, "collate_fn": list}, "give transform or collate_fn, not both"),
        ({"dataset": Stream(5), "shuffle": True}, "an IterableDataset sets its own order"),
        ({"dataset": Stream(5), "sampler": [1]}, "an IterableDataset sets its own order"),
        ({"dataset": Stream(5), "batch_sampler": [[1]]}, "an IterableDataset sets its own order"),
    ],
)
def test_arguments_of_a_loader_that_exclude_each_other(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"DataLoader: {words}"):
        DataLoader(**{"dataset": TEN, **arguments})


def test_arguments_of_a_loader_that_go_together() -> None:
    for arguments in (
        {"num_workers": 2, "timeout": 3, "prefetch_factor": 2, "persistent_workers": True},
        {"batch_sampler": [[1], [2, 3]], "transform": abs},
        {"batch_sampler": [[1]], "batch_size": 1, "shuffle": False},
        {"sampler": [1], "shuffle": False},
        {"batch_size": None, "sampler": [1]},
        {"transform": abs, "collate_fn": default_collate},
    ):
        loader = DataLoader(TEN, **arguments)  # type: ignore[arg-type]
        assert len(loader) == len(list(loader))
    DataLoader(Stream(5), shuffle=False, transform=abs)
    with pytest.raises(TypeError, match="generator must be"):
        DataLoader(TEN, generator=3)  # type: ignore[arg-type]
    for odd, what in ((3, "got 3"), ("abs", "got 'abs'")):
        for name in ("transform", "collate_fn", "worker_init_fn"):
            with pytest.raises(TypeError, match=f"DataLoader: {name} must be callable, {what}"):
                DataLoader(TEN, **{name: odd})
    for odd in (3, {1, 2}, iter([1]), object()):
        with pytest.raises(TypeError, match="a dataset has __getitem__ and __len__, or is an IterableDataset; got"):
            DataLoader(odd)  # type: ignore[arg-type]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 6, None])
def test_lengths_are_the_numbers_of_batches(batch_size: int | None, drop_last: bool) -> None:
    if batch_size is None and drop_last:
        return
    for dataset in (TensorDataset(np.arange(5.0)), Stream(5)):
        loader = DataLoader(dataset, batch_size, drop_last=drop_last)
        batches = list(loader)
        assert len(loader) == len(batches)
        numbers = [np.atleast_1d(np.asarray(getattr(b[0] if isinstance(b, list) else b, "_array", b))) for b in batches]
        seen = [int(x) for b in numbers for x in b]
        kept = 5 if not drop_last or batch_size is None else 5 // batch_size * batch_size
        assert seen == list(range(kept))
        assert [len(b) for b in numbers][:-1] == [batch_size or 1] * max(len(batches) - 1, 0)


def test_where_nothing_is_given_each_sample_comes_alone_and_in_order() -> None:
    loader = DataLoader(TEN)
    assert [x.tolist() for (x,) in loader] == [[float(i)] for i in range(10)]
    for name, value in {
        "batch_size": 1, "num_workers": 0, "prefetch": 0, "prefetch_factor": None, "timeout": 0, "drop_last": False,
        "persistent_workers": False, "pin_memory": False, "in_order": True, "transform": None, "generator": None,
    }.items():  # fmt: skip
        assert getattr(loader, name) == value
    assert DataLoader(TEN, num_workers=2).prefetch_factor == 2
    assert DataLoader(TEN, num_workers=2, prefetch_factor=5).prefetch_factor == 5
