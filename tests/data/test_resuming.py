"""state_dict and load_state_dict of the loader: an epoch that was cut short goes on with the same batches."""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.arrays.rng import process_position, process_to
from tinygrad_cnn.data import (
    BatchSampler,
    Compose,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    RandomShift,
    Sampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)

N = 23
IMAGES = np.random.default_rng(0).random((N, 1, 4, 4)).astype(np.float32)


# ------------------------------------------------------------------------------------- datasets and samplers that draw
class Rows(Dataset):
    """Reads a sample, and draws from what ``draw`` draws from; counts what was read."""

    def __init__(self, draw: Any) -> None:
        self.draw, self.read = draw, 0

    def __len__(self) -> int:
        return N

    def __getitem__(self, i: int) -> tuple[Any, int, float]:
        self.read += 1
        return IMAGES[i], i, float(self.draw())


class OwnGenerator(Rows):
    def __init__(self, kind: Any) -> None:
        super().__init__(self.draw_own)
        self.rng = kind(7)

    def draw_own(self) -> float:
        return float(self.rng.random())


class Counting(Rows):
    """What it gives depends on how often it was asked; it has a state."""

    def __init__(self) -> None:
        super().__init__(lambda: self.read)

    def state_dict(self) -> dict[str, Any]:
        return {"read": self.read}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.read = state["read"]


class Batches(Rows):
    def get_batch(self, indices: Any) -> Any:
        self.read += len(indices)
        return IMAGES[indices], indices, np.full(len(indices), self.draw())


class Stream(IterableDataset):
    """Shuffles through a buffer of five."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def __iter__(self) -> Iterator[Any]:
        buffer: list[int] = []
        for i in range(N):
            buffer.append(i)
            if len(buffer) == 5:
                j = buffer.pop(int(self.draw() * 5))
                yield IMAGES[j], j, self.draw()
        yield from ((IMAGES[j], j, self.draw()) for j in buffer)


class StatefulStream(IterableDataset):
    def __init__(self) -> None:
        self.at = 0

    def __iter__(self) -> Iterator[Any]:
        while self.at < N:
            self.at += 1
            yield IMAGES[self.at - 1], self.at - 1, 0.0
        self.at = 0

    def state_dict(self) -> dict[str, Any]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.at = state["at"]


class NumberedStream(IterableDataset):
    """With a state that tells which pass it is, and not where in it."""

    def __init__(self) -> None:
        self.epoch = 0

    def __iter__(self) -> Iterator[Any]:
        self.epoch += 1
        for i in np.random.default_rng(self.epoch).permutation(N).tolist():
            yield IMAGES[i], i, package()

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]


def package() -> float:
    return float(tg.rand(1).item())


def numpys() -> float:
    return float(np.random.rand())


DATASETS: dict[str, Any] = {
    "arrays": lambda: TensorDataset(IMAGES, np.arange(N)),
    "a part": lambda: Subset(TensorDataset(IMAGES, np.arange(N)), range(2, 20)),
    "samples from the package": lambda: Rows(package),
    "samples from np.random": lambda: Rows(numpys),
    "samples from random": lambda: Rows(random.random),
    "a generator of its own": lambda: OwnGenerator(np.random.default_rng),
    "NumPy's old one, in a part": lambda: Subset(OwnGenerator(np.random.RandomState), range(15)),
    "Python's, among several": lambda: ConcatDataset([OwnGenerator(random.Random), Rows(package)]),
    "with a state": Counting,
    "with a state, within": lambda: Subset(ConcatDataset([Counting(), Rows(package)]), range(5, 40)),
    "batches from the package": lambda: Batches(package),
    "batches from np.random": lambda: Batches(numpys),
    "a stream": lambda: Stream(package),
    "a stream from random": lambda: Stream(random.random),
    "a stream with its own": lambda: Stream(np.random.default_rng(3).random),
    "a stream with a state": StatefulStream,
    "a stream with a number": NumberedStream,
}


class Permutation(Sampler):
    """Draws all at once, from NumPy's."""

    def __iter__(self) -> Iterator[int]:
        yield from np.random.permutation(12).tolist()

    def __len__(self) -> int:
        return 12


class OneByOne(Permutation):
    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def __iter__(self) -> Iterator[int]:
        for _ in range(12):
            yield int(self.draw() * 12)


class Stepping(Permutation):
    """With a state: goes on from where it was."""

    def __init__(self) -> None:
        self.at, self.epoch = 0, 0

    def __iter__(self) -> Iterator[int]:
        while self.at < 12:
            self.at += 1
            yield (self.at * 5 + self.epoch) % 12
        self.at, self.epoch = 0, self.epoch + 1

    def state_dict(self) -> dict[str, Any]:
        return {"at": self.at, "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.at, self.epoch = state["at"], state["epoch"]


class Numbered(Permutation):
    """With a state that tells which epoch it is, and not where in it."""

    def __init__(self) -> None:
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        self.epoch += 1
        return iter(np.random.default_rng(self.epoch).permutation(12).tolist())

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]


class Learning(Stepping):
    """With a state that others move in the middle of an epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = np.zeros(2)

    def __iter__(self) -> Iterator[int]:
        for i in super().__iter__():
            yield (i + int(self.weights[1])) % 12

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.weights = np.asarray(state["weights"]).copy()


def at_most(indices: Any, n: int) -> Any:
    return [i % n for i in indices]


ORDERS: dict[str, Any] = {
    "in order": lambda _: {"batch_size": 3},
    "shuffled": lambda _: {"batch_size": 4, "shuffle": True},
    "from its own generator": lambda _: {"batch_size": 3, "shuffle": True, "generator": tg.Generator(5)},
    "the last left out": lambda _: {"batch_size": 5, "shuffle": True, "drop_last": True},
    "NumPy's generator": lambda _: {"batch_size": 3, "shuffle": True, "generator": np.random.default_rng(5)},
    "with replacement": lambda d: {"batch_size": 3, "sampler": RandomSampler(d, True, 17, tg.Generator(2))},
    "a subset": lambda _: {"batch_size": 2, "sampler": SubsetRandomSampler(range(3, 14))},
    "weighted": lambda d: {"batch_size": 2, "sampler": WeightedRandomSampler(np.arange(1.0, len(d) + 1), 13)},
    "batches": lambda d: {"batch_sampler": BatchSampler(RandomSampler(d, generator=tg.Generator(1)), 4, True)},
    "a list": lambda _: {"batch_size": 2, "sampler": [5, 2, 7, 1, 1, 0, 9]},
    "all at once": lambda _: {"batch_size": 2, "sampler": Permutation()},
    "one by one": lambda _: {"batch_size": 2, "sampler": OneByOne(package)},
    "one by one, its own": lambda _: {"batch_size": 2, "sampler": OneByOne(np.random.default_rng(9).random)},
    "with a state": lambda _: {"batch_size": 2, "sampler": Stepping()},
    "with the epoch's number": lambda _: {"batch_size": 2, "sampler": Numbered()},
    "batches, with the epoch's number": lambda _: {"batch_sampler": BatchSampler(Numbered(), 5, True)},
    "batches, with a state": lambda _: {"batch_sampler": BatchSampler(Stepping(), 3, False)},
    "single samples": lambda _: {"batch_size": None, "shuffle": True},
}


def doubled(images: Any) -> Any:
    return images * package()


def function_with_a_generator() -> Any:
    rng = np.random.default_rng(11)
    return lambda images: images + rng.random(images.shape, dtype=np.float32)


TRANSFORMS: dict[str, Any] = {
    "none": lambda: None,
    "shift": lambda: RandomShift(1),
    "a function": lambda: Compose([RandomShift(1), doubled]),
    "a function alone": lambda: doubled,
    "a function with a generator": function_with_a_generator,
}
READING: dict[str, Any] = {
    "here": {},
    "ahead": {"prefetch": 2},
    "far ahead": {"prefetch": 30},
    "workers": {"num_workers": 2},
    "seeded workers": {"num_workers": 1, "worker_init_fn": lambda _: np.random.seed(3)},
    "seeded once": {"num_workers": 1, "worker_init_fn": lambda _: np.random.seed(3), "persistent_workers": True},
}


def made(data: str, order: str, transform: str, reading: str) -> DataLoader:
    dataset = DATASETS[data]()
    arguments = {"batch_size": 3} if isinstance(dataset, IterableDataset) else ORDERS[order](dataset)
    if arguments.get("batch_size", 0) is not None:
        arguments["transform"] = TRANSFORMS[transform]()
    return DataLoader(dataset, **arguments, **READING[reading])


def loop(loader: DataLoader, step: Any, stop: int = -1) -> list[Any]:
    """The batches of an epoch, or its first ones; the loop itself draws too, as dropout would."""
    found = []
    for batch in loader:
        found.append([np.asarray(part).tobytes() for part in batch])
        step()
        if len(found) == stop:
            break
    return found


def begin(seed: int) -> None:
    tg.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


def check(data: str, order: str, transform: str, reading: str, epochs: int, stop: int, through_a_file: bool) -> None:
    """So many batches, in a loader; the rest of the epoch and the next one, in another that is made in the same way."""

    def step() -> None:
        tg.rand(2)

    begin(5)
    whole = made(data, order, transform, reading)
    for _ in range(epochs):
        loop(whole, step)
    expected = loop(whole, step)
    stop = min(stop, len(expected))
    following = loop(whole, step)

    begin(5)
    first = made(data, order, transform, reading)
    for _ in range(epochs):
        loop(first, step)
    assert loop(first, step, stop) == expected[:stop]
    state = {"loader": first.state_dict(), "process": process_position()}
    if through_a_file:
        state = through_file(state)

    begin(99)
    second = made(data, order, transform, reading)
    second.load_state_dict(state["loader"])
    process_to(state["process"])
    assert loop(second, step) == expected[stop:]
    assert loop(second, step) == following


@pytest.mark.parametrize("reading", READING)
@pytest.mark.parametrize("data", DATASETS)
def test_the_rest_of_an_epoch_and_the_next_one(data: str, reading: str) -> None:
    draw = random.Random(f"{data} {reading}")
    for _ in range(2):
        order, transform = draw.choice([*ORDERS]), draw.choice([*TRANSFORMS])
        check(data, order, transform, reading, draw.randrange(3), draw.randint(1, 14), draw.random() < 0.3)


@pytest.mark.parametrize("reading", READING)
@pytest.mark.parametrize("order", ORDERS)
def test_so_in_every_order(order: str, reading: str) -> None:
    draw = random.Random(f"{order} {reading}")
    for transform in ("none", draw.choice([*TRANSFORMS])):
        data = draw.choice([name for name in DATASETS if "stream" not in name])
        check(data, order, transform, reading, draw.randrange(3), draw.randint(1, 7), draw.random() < 0.3)


def through_file(state: Any) -> Any:
    import io

    file = io.BytesIO()
    tg.save(state, file)
    file.seek(0)
    return tg.load(file)


@pytest.mark.parametrize("stop", [1, 2])
@pytest.mark.parametrize("reading", READING)
def test_a_loop_that_draws_from_np_random_keeps_its_numbers(reading: str, stop: int) -> None:
    """Where reading does not: then the process's generator stays where the loop had it."""

    def run(loader: DataLoader, stop: int = -1) -> list[float]:
        found: list[float] = []
        for _ in loader:
            found.append(np.random.rand())
            if len(found) == stop:
                break
        return found

    def loader() -> DataLoader:
        return made("samples from the package", "shuffled", "none", reading)

    begin(1)
    expected = run(loader())
    begin(1)
    first = loader()
    run(first, stop)
    state, process = first.state_dict(), process_position()
    begin(2)
    second = loader()
    second.load_state_dict(state)
    process_to(process)
    assert run(second) == expected[stop:]


def test_functions_that_draw_differ_by_epoch_and_follow_the_seed() -> None:
    """Also where nothing else moves the generator that their own is seeded from, and whether read ahead or not."""
    found = []
    for reading in ("here", "ahead"):
        begin(3)
        loader = made("arrays", "in order", "a function alone", reading)
        found.append([loop(loader, list) for _ in range(3)])
    assert found[0] == found[1]
    first, second, third = found[0]
    assert first != second != third != first


@pytest.mark.parametrize("reading", ["here", "ahead", "workers"])
def test_what_was_read_is_not_read_again(reading: str) -> None:
    first = made("samples from the package", "shuffled", "none", reading)
    loop(first, list, 4)
    second = made("samples from the package", "shuffled", "none", reading)
    second.load_state_dict(first.state_dict())
    assert len(loop(second, list)) == 2
    assert second.dataset.read == N - 16


def test_a_state_that_waits_is_the_state() -> None:
    first = made("arrays", "shuffled", "shift", "here")
    loop(first, list, 2)
    second = made("arrays", "shuffled", "shift", "here")
    second.load_state_dict(first.state_dict())
    third = made("arrays", "shuffled", "shift", "here")
    third.load_state_dict(second.state_dict())
    assert loop(third, list) == loop(second, list)


def test_an_epoch_that_was_left_is_gone_when_the_next_begins() -> None:
    loader = made("arrays", "in order", "none", "here")
    loop(loader, list, 2)
    assert loader.state_dict()["batches"] == 2
    assert len(loop(loader, list)) == 8
    assert loader.state_dict()["batches"] == 0


def saved(stop: int = 2, **arguments: Any) -> dict[str, Any]:
    loader = DataLoader(TensorDataset(IMAGES, np.arange(N)), **{"batch_size": 4, "shuffle": True, **arguments})
    loop(loader, list, stop)
    return loader.state_dict()


OTHERS: dict[str, Any] = {
    "batch_size was 4 and is 5 now": {"batch_size": 5},
    "sampler was 'RandomSampler' and is 'SequentialSampler' now": {"shuffle": False},
    "drop_last was False and is True now": {"drop_last": True},
    "samples was 23 and is 20 now": {"dataset": TensorDataset(IMAGES[:20], np.arange(20))},
}


@pytest.mark.parametrize("said", OTHERS)
def test_other_batches_are_said(said: str) -> None:
    """An error in mid-epoch, a warning between epochs; the loader is as it was after the error."""
    base = {"dataset": TensorDataset(IMAGES, np.arange(N)), "batch_size": 4, "shuffle": True}
    other = DataLoader(**{**base, **OTHERS[said]})
    with pytest.raises(ValueError, match=f"after batch 2, and this loader's epochs are others: {said}"):
        other.load_state_dict(saved())
    assert other.state_dict()["batches"] == 0
    with pytest.warns(UserWarning, match=said):
        other.load_state_dict(saved(99))


class Scaled:
    """A transform that somebody wrote, without a repr."""

    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, images: Any) -> Any:
        return images * np.float32(self.by)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (RandomShift(1), RandomShift(2)),
        (Scaled(1.5), Scaled(2.5)),
        (RandomShift(1), None),
        (lambda x: x * 2, lambda x: x * 3),
        (doubled, Compose([doubled])),
    ],
)
def test_another_transform_is_said(before: Any, after: Any) -> None:
    data = TensorDataset(IMAGES, np.arange(N))
    for stop in (2, 99):
        state = saved(stop, transform=before)
        with pytest.warns(UserWarning, match="transform was .* and is .* now"):
            DataLoader(data, 4, True, transform=after).load_state_dict(state)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            DataLoader(data, 4, True, transform=before).load_state_dict(state)


def test_another_order_from_the_same_state_is_said() -> None:
    """A sampler whose draws lie between the loop's cannot be drawn again: never a wrong order in silence."""
    first = DataLoader(Rows(package), 2, sampler=OneByOne(random.random))
    loop(first, random.random, 3)
    second = DataLoader(Rows(package), 2, sampler=OneByOne(random.random))
    second.load_state_dict(first.state_dict())
    with pytest.raises(ValueError, match=r"another order than in the saved run.*state_dict"):
        iter(second)


def test_what_is_no_state_is_named() -> None:
    loader = made("arrays", "shuffled", "none", "here")
    with pytest.raises(ValueError, match=r"what state_dict\(\) returned, got a list"):
        loader.load_state_dict([])
    with pytest.raises(ValueError, match=r"got a dict with the keys \['weight'\]"):
        loader.load_state_dict({"weight": 1})
    with pytest.raises(ValueError, match=r"generators in \[.*'loader', 'sampler'\].*in none; .*needs the same loader"):
        loader.load_state_dict(saved(generator=tg.Generator(1)))
    with pytest.raises(ValueError, match=r"state of \['dataset'\] dataset, and this loader has none"):
        loader.load_state_dict({**saved(), "dataset": {"dataset": {"read": 3}}})


def test_a_state_can_be_a_file(tmp_path: Path) -> None:
    tg.save(saved(transform=RandomShift(1)), tmp_path / "state")
    loader = DataLoader(TensorDataset(IMAGES, np.arange(N)), 4, True, transform=RandomShift(1))
    loader.load_state_dict(tg.load(tmp_path / "state"))
    assert len(loop(loader, list)) == 4


@pytest.mark.parametrize("taught_from", [0, 2])
@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_sampler_that_the_loop_teaches_goes_on_with_what_it_has_learnt(prefetch: int, taught_from: int) -> None:
    """Its order cannot be drawn again from where the epoch began, or could up to there alone: its state is taken."""

    def made() -> tuple[Any, Any]:
        sampler = Learning()
        return DataLoader(TensorDataset(np.arange(12)), 2, sampler=sampler, prefetch=prefetch), sampler

    def loop(loader: Any, sampler: Any, found: list[Any]) -> Iterator[None]:
        for (x,) in loader:
            found.append(x.tolist())
            sampler.weights[1] += (len(found) - 1) % 6 >= taught_from
            yield

    expected: list[Any] = []
    whole = made()
    for _ in range(2):
        list(loop(*whole, expected))
    found: list[Any] = []
    first = made()
    for _ in itertools.islice(loop(*first, found), 3):
        pass
    second = made()
    second[0].load_state_dict(through_file(first[0].state_dict()))
    for _ in range(2):
        list(loop(*second, found))
    assert found == expected


@pytest.mark.parametrize(("epochs", "stop"), [(1, 0), (2, 0), (0, 4), (0, 1), (1, 1)])
def test_workers_that_stay_are_seeded_once_in_a_run(epochs: int, stop: int) -> None:
    """A new process calls worker_init_fn again, for what else it does; what it seeds was seeded when the run began."""
    calls: list[int] = []

    def made() -> DataLoader:
        seed = lambda _: [calls.append(1), np.random.seed(3)]  # noqa: E731
        return DataLoader(Rows(numpys), 6, num_workers=1, persistent_workers=True, worker_init_fn=seed)

    whole = made()
    expected = [loop(whole, list) for _ in range(3)]
    assert calls == [1]
    first = made()
    found = [loop(first, list) for _ in range(epochs)]
    part = loop(first, list, stop) if stop else []
    state = through_file({"loader": first.state_dict(), "process": process_position()})
    begin(99)
    second = made()
    second.load_state_dict(state["loader"])
    process_to(state["process"])
    found.append(part + loop(second, list))
    found += [loop(second, list) for _ in range(2 - epochs)]
    assert found == expected
    assert len(calls) == 3


@pytest.mark.parametrize("within", [lambda part: part, lambda part: Subset(part, range(len(part)))])
@pytest.mark.parametrize("given", [0, 2])
def test_another_split_is_said(given: int, within: Any) -> None:
    """As many samples, and others: of those that were kept apart some would be trained on."""

    def made(seed: int) -> Any:
        data = TensorDataset(np.arange(20))
        part, _ = random_split(data, [15, 5], generator=tg.Generator(seed))
        return DataLoader(within(part), 4, shuffle=True)

    first = made(1)
    for _ in itertools.islice(first, given):
        pass
    state = through_file(first.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(1).load_state_dict(state)
    with pytest.warns(UserWarning, match=r"the dataset's part was '15 indices \(\w{8}\)' and is '15 indices"):
        made(2).load_state_dict(state)
