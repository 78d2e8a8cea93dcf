"""What draws in a loader is found, as deep as it is looked for; states are held against each other bit for bit; a
place in an epoch; and how far words of a transform follow what it holds."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.arrays.rng import Generator
from tinygrad_cnn.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
)
from tinygrad_cnn.data import sources as found
from tinygrad_cnn.data.resuming import OtherEpochError, check_state, counted
from tinygrad_cnn.data.standing import Place, Stream, differences, settings_of
from tinygrad_cnn.data.wording import in_words

SIX = TensorDataset(np.arange(6.0))


class Holder:
    """Holds whatever it is given."""

    def __init__(self, **held: Any) -> None:
        vars(self).update(held)


def nested(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


def source() -> np.random.Generator:
    return np.random.default_rng(0)


# ------------------------------------------------------------------------------------------------ what draws is found
def closing_over(rng: Any) -> Any:
    return lambda x: x + rng.random()


def with_defaults(rng: Any) -> Any:
    def f(x: Any, a: Any = rng, *, b: Any = rng) -> Any:
        return x, a, b

    return f


class Drawing:
    def __init__(self, rng: Any) -> None:
        self.rng = rng

    def method(self, x: Any) -> Any:
        return x + self.rng.random()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda g: g, "dataset"),
        (lambda g: Holder(a=g), "dataset.a"),
        (lambda g: Holder(a=Holder(b=g)), "dataset.a.b"),
        (lambda g: [1, g], "dataset.1"),
        (lambda g: (g,), "dataset.0"),
        (lambda g: {"k": g, 3: 4}, "dataset.k"),
        (closing_over, "dataset.rng"),
        (lambda g: Drawing(g).method, "dataset.self.rng"),
        (lambda g: functools.partial(max, g), "dataset.args.0"),
        (lambda g: functools.partial(max, key=g), "dataset.keywords.key"),
        (lambda g: functools.partial(closing_over(g)), "dataset.function.rng"),
        (lambda g: Generator(3) if g is None else Holder(a=Generator(3)), "dataset.a"),
    ],
)
def test_a_generator_is_found_by_where_it_is(make: Any, name: str) -> None:
    assert list(found.reading_sources(Holder(dataset=make(source())))) == [name]


def test_a_generator_among_defaults_is_found_once() -> None:
    assert list(found.reading_sources(Holder(transform=with_defaults(source())))) == ["transform.defaults.0"]
    function = with_defaults(None)
    function.__kwdefaults__["b"] = source()
    assert list(found.reading_sources(Holder(collate_fn=function))) == ["collate_fn.kwdefaults.b"]


@pytest.mark.parametrize(
    "thing",
    [None, 3, 0.5, "text", b"bytes", np.zeros(3), tg.zeros(2), dict, np, object(), Holder(), [], Holder(a=np.random)],
)
def test_nothing_is_found_where_nothing_draws(thing: Any) -> None:
    assert found.reading_sources(Holder(dataset=thing)) == {}


@pytest.mark.parametrize(("depth", "seen"), [(0, True), (5, True), (6, False)])
def test_generators_are_looked_for_five_deep(depth: int, seen: bool) -> None:
    assert bool(found.reading_sources(Holder(dataset=nested(depth, source())))) is seen


@pytest.mark.parametrize(("items", "seen"), [(100, True), (101, False)])
@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_and_in_lists_of_a_hundred_things(kind: type, items: int, seen: bool) -> None:
    things: Any = [*range(items - 1), source()]
    things = dict(enumerate(things)) if kind is dict else kind(things)
    assert bool(found.reading_sources(Holder(dataset=things))) is seen


def test_what_holds_itself_is_looked_at_once() -> None:
    one: list[Any] = [source()]
    one.append(one)
    assert list(found.reading_sources(Holder(dataset=one, transform=one))) == ["dataset.0"]


def test_samplers_and_the_loader_have_their_places() -> None:
    a, b, c = source(), source(), source()
    sampler = RandomSampler(SIX, generator=b)
    loader = DataLoader(SIX, batch_sampler=BatchSampler(sampler, 2, False), generator=a)
    assert found.order_sources(loader, {}) == {"loader": a, "batch_sampler.sampler": b}
    assert found.order_sources(DataLoader(SIX, sampler=sampler), {}) == {"sampler": b, "batch_sampler.sampler": b}
    own = DataLoader(SIX, sampler=Holder(inner=c, __len__=lambda: 6))  # type: ignore[arg-type]
    assert found.order_sources(own, {}) == {"sampler.inner": c}
    assert found.order_sources(own, {"transform.x": c}) == {}  # it was found already
    assert found.sources_within(Holder(x=c)) == {"loader.x": c}


class WithState(Dataset[int]):
    def __init__(self) -> None:
        self.at = 3

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> int:
        return index

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.at = state["at"]


def test_datasets_with_a_state_have_names() -> None:
    own = WithState()
    assert found.stateful_data(own) == {"dataset": own}
    assert found.stateful_data(Subset(own, [0])) == {"dataset.dataset": own}
    assert found.stateful_data(ConcatDataset([SIX, own, Subset(own, [1])])) == {
        "dataset.datasets.1": own, "dataset.datasets.2.dataset": own
    }  # fmt: skip
    assert found.stateful_data(SIX) == {}
    state = found.states({"dataset": own})
    own.at = 5
    assert state == {"dataset": {"at": 3}}
    assert not found.stateful(Holder(state_dict=dict))
    assert not found.stateful(Holder(load_state_dict=dict))
    assert not found.stateful(Holder(state_dict=1, load_state_dict=2))
    assert found.stateful(Holder(state_dict=dict, load_state_dict=dict))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ({"a": 1}, {"a": 1}, True), ({"a": 1}, {"a": 2}, False), ({"a": 1}, {"b": 1}, False), ({}, {}, True),
        ([1, 2], (1, 2), True), ([1, 2], [1, 2, 3], False), ([1], [2], False), ({"a": [1]}, {"a": [1]}, True),
        (np.zeros(2), np.zeros(2), True), (np.zeros(2), np.ones(2), False), (np.zeros(2), np.zeros((2, 1)), False),
        (np.zeros(2), np.zeros(2, np.float32), False), (np.zeros(1, np.int64), np.zeros(1), False),
        (np.array([math.nan]), np.array([math.nan]), True), (np.array([0.0]), np.array([-0.0]), False),
        (math.nan, math.nan, True), (1, 1, True), (1, 1.0, False), (1, True, False), (1, 2, False), ("a", "a", True),
        (tg.ones(2), tg.ones(2), True), (tg.ones(2), tg.zeros(2), False), (np.zeros(2), [0, 0], False), (None, None,
         True),
    ],
)  # fmt: skip
def test_two_states_are_alike_bit_for_bit(a: Any, b: Any, same: bool) -> None:
    assert found.alike(a, b) is same
    assert found.alike(b, a) is same


class Own(Dataset[Any]):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> int:
        return index

    def get_batch(self, indices: Any) -> Any:
        return indices


def test_whose_code_draws() -> None:
    class OwnBatches(BatchSampler):
        def __iter__(self) -> Any:
            return iter([[0]])

    class OwnOrder(SequentialSampler):
        def __iter__(self) -> Any:
            return iter([0])

    for sampler, own in (
        (SequentialSampler(SIX), False), (RandomSampler(SIX), False), ([1], False), ((1,), False), (range(2), False),
        (np.arange(2), False), (iter([1]), True), ({1}, True), (OwnOrder(SIX), True), (OwnBatches([1], 1, False), True),
        (BatchSampler([1], 1, False), False), (BatchSampler(iter([1]), 1, False), True),
    ):  # fmt: skip
        assert found.draws_by_itself(sampler) is own
    for dataset, own in (
        (SIX, False), (Own(), True), (Subset(Own(), [0]), True), (Subset(SIX, [0]), False), (SIX + SIX, False),
        (SIX + Own(), True),
    ):  # fmt: skip
        assert found.reads_by_itself(dataset) is own
    assert (found.length([1, 2]), found.length(3)) == (2, None)


# ------------------------------------------------------------------------------------------------ a place in an epoch
def test_a_place_counts_what_was_taken_given_and_left() -> None:
    place = Place({"begin": 0})
    tasks = place.taking([[0, 1], [2], [3]], None)
    assert next(tasks) == [0, 1]
    assert next(tasks) == [2]
    assert (place.taken, place.batches, list(place.ahead), place.exhausted) == (2, 0, [[0, 1], [2]], False)
    assert place.state(0) == {
        "taken": 2, "digest": place.digest, "exhausted": False, "ahead": [[0, 1], [2]], "batches": 0,
        "begin": {"begin": 0}, "read": None,
    }  # fmt: skip
    place.gave({"read": 1})
    place.gave({"read": 2})
    now, before = place.state(2), place.state(1)
    assert (now["ahead"], now["read"], now["batches"]) == ([], {"read": 2}, 2)
    assert (before["ahead"], before["read"], before["batches"]) == ([[2]], {"read": 1}, 1)
    for gone in (0, 3):
        with pytest.raises(ValueError, match=f"the loader has given 2 batches; its state after {gone} is gone"):
            place.state(gone)
    assert list(tasks) == [[3]]
    assert (place.taken, place.exhausted) == (3, True)


def test_the_digest_tells_tasks_apart() -> None:
    def digest(*tasks: Any) -> int:
        place = Place({})
        list(place.taking(tasks, None))
        return place.digest

    assert digest([0], [1]) == digest([0], [1]) != digest([1], [0])
    assert digest(np.array([0, 1])) == digest(np.array([0, 1])) != digest(np.array([1, 0]))
    assert digest() == 0


class Counting(IterableDataset[int]):
    """A stream whose state says where its pass is, or does not."""

    def __init__(self, moves: bool) -> None:
        self.at, self.moves = 0, moves

    def __iter__(self) -> Any:
        for i in range(5):
            self.at = i + 1
            yield i

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at if self.moves else 0}


@pytest.mark.parametrize(("moves", "still"), [(True, [False] * 4), (False, [False, True, True, True])])
def test_whether_a_streams_state_stands_still(moves: bool, still: list[bool]) -> None:
    dataset = Counting(moves)
    stream = Stream(dataset, {"dataset": dataset})
    seen = []
    for expected in ([0], [1], [2, 3]):
        assert stream.take(len(expected)) == expected
        seen.append(stream.still)
        assert not stream.over
    assert stream.take(2) == [4]
    assert stream.over
    assert [*seen, stream.still] == still
    ended = Stream(dataset, {})
    ended.end()
    assert (ended.take(1), ended.over, ended.still) == ([], True, False)


def test_differences_are_said_with_both_sides() -> None:
    saved = {"samples": 6, "batch_size": 2, "batches": 3, "drop_last": False, "sampler": None}
    assert differences(saved, saved) == ""
    assert differences(saved, {**saved, "batch_size": 3, "batches": 2}) == "batch_size was 2 and is 3 now"
    assert differences(saved, {**saved, "samples": 7, "batches": 4}) == "samples was 6 and is 7 now"
    assert differences(saved, {**saved, "drop_last": True, "batches": 4}) == "drop_last was False and is True now"
    assert differences(saved, {**saved, "batches": 4}) == "batches was 3 and is 4 now"
    assert differences(saved, {**saved, "batches": 4, "sampler": "X"}) == (
        "batches was 3 and is 4 now, sampler was None and is 'X' now"
    )
    assert differences(saved, {**saved, "sampler": "X"}, ("samples",)) == ""
    assert differences({}, {"new": 1}) == ""  # what an earlier version did not say


def test_the_settings_of_a_loader() -> None:
    part = Subset(Subset(SIX, [0, 1, 2, 3, 4]), [1, 2, 3])
    found_settings = settings_of(DataLoader(part, 2, drop_last=True, shuffle=True))
    assert str(found_settings.pop("the dataset's part")).startswith("5 indices (")
    assert found_settings == {
        "samples": 3, "batch_size": 2, "batches": 1, "drop_last": True, "sampler": "RandomSampler", "transform": None,
        "collate_fn": "default_collate", "the dataset's transform": None, "the dataset's target_transform": None,
    }  # fmt: skip
    other = settings_of(DataLoader(SIX, batch_sampler=[[0]]))
    assert (other["sampler"], other["batch_size"], other["the dataset's part"]) == ("SequentialSampler", None, None)
    digests = {settings_of(DataLoader(Subset(SIX, i)))["the dataset's part"] for i in ([0, 1], [1, 0], [0, 2])}
    assert len(digests) == 3
    SIX.transform = abs  # type: ignore[attr-defined]
    try:
        assert settings_of(DataLoader(Subset(SIX, [0])))["the dataset's transform"] == in_words(abs)
    finally:
        del SIX.transform  # type: ignore[attr-defined]


def test_lengths_that_are_certain() -> None:
    for loader, certain in (
        (DataLoader(SIX), True), (DataLoader(SIX, shuffle=True), True), (DataLoader(SIX, sampler=[1, 2]), True),
        (DataLoader(SIX, batch_sampler=[[1]]), True), (DataLoader(SIX, sampler={1, 2}), False),
        (DataLoader(Counting(True)), False), (DataLoader(SIX, batch_size=None), True),
    ):  # fmt: skip
        assert counted(loader) is certain


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (None, "expected what state_dict\\(\\) returned, got a NoneType"),
        ([], "got a list"),
        ({}, r"got a dict with the keys \[\]"),
        ({"batches": 1, **dict.fromkeys("gfedcba")}, r"got a dict with the keys \['a', 'b', 'batches', 'c', '"),
        ({"generators": {}}, r"got a dict with the keys \['generators'\]"),
    ],
)
def test_what_is_no_state(state: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_state(DataLoader(SIX), state)


def test_a_state_of_another_loader() -> None:
    plain = DataLoader(SIX, 2).state_dict()
    own = DataLoader(SIX, 2, shuffle=True, generator=Generator(1))
    with pytest.raises(ValueError, match=r"had generators in no part of .*, this loader has them in .*'loader'"):
        own.load_state_dict(plain)
    with pytest.raises(ValueError, match=r"had generators in .*'loader'.*, this loader has them in none"):
        DataLoader(SIX, 2).load_state_dict(own.state_dict())
    with pytest.raises(ValueError, match=r"a state of no dataset, and this loader has \['dataset'\] with state_dict"):
        DataLoader(WithState(), 2).load_state_dict({**plain, "settings": settings_of(DataLoader(WithState(), 2))})
    with pytest.raises(ValueError, match=r"a state of \['dataset'\] dataset, and this loader has none with state_dict"):
        DataLoader(SIX, 2).load_state_dict({**plain, "dataset": {"dataset": {}}})
    with pytest.raises(ValueError, match=r"a state of \['x'\] samplers, and this loader has none with state_dict"):
        DataLoader(SIX, 2).load_state_dict({**plain, "samplers": {"x": {}}})
    with pytest.warns(UserWarning, match="not the one of the saved run: batch_size was 2 and is 3 now") as caught:
        DataLoader(SIX, 3).load_state_dict(plain)
    assert caught[0].filename == __file__
    begun = DataLoader(SIX, 2)
    next(iter(begun))
    with pytest.raises(OtherEpochError, match="after batch 1, and this loader's epochs are others: batch_size"):
        DataLoader(SIX, 3).load_state_dict(begun.state_dict())


# ---------------------------------------------------------------------------------------------------- how far it goes
@pytest.mark.parametrize(("depth", "told"), [(0, True), (4, True), (5, False)])
def test_words_follow_what_a_thing_holds_five_deep(depth: int, told: bool) -> None:
    one, other = (in_words(nested(depth, [value])) for value in (1, 2))
    assert (one != other) is told


@pytest.mark.parametrize(("at", "told"), [(0, True), (99, True), (100, False)])
@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_words_look_at_a_hundred_items(kind: type, at: int, told: bool) -> None:
    def made(value: int) -> Any:
        items = [value if i == at else 0 for i in range(150)]
        return dict(enumerate(items)) if kind is dict else kind(items)

    assert (in_words(made(1)) != in_words(made(2))) is told


@pytest.mark.parametrize(
    ("size", "at", "told"), [(4096, 4095, True), (8191, 8190, True), (8192, 1, False), (8192, 2, True)]
)
def test_of_an_array_four_thousand_numbers_are_looked_at(size: int, at: int, told: bool) -> None:
    zeros, other = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    other[at] = 1
    assert (in_words(zeros) != in_words(other)) is told
    assert in_words(zeros) != in_words(zeros.astype(np.int8))
    assert in_words(zeros) != in_words(zeros.reshape(2, -1) if size % 2 == 0 else zeros[:-1])
    assert in_words(np.array([None, 1])) != in_words(np.array([None, 2]))


def test_forms_of_words() -> None:
    class Plain:
        def __init__(self, **held: Any) -> None:
            vars(self).update(held)

    class Shown(Plain):
        def __repr__(self) -> str:
            return f"Shown at {hex(id(self))}"

    assert in_words({"a": [1, (2,)]}) == "{'a': [1, [2]]}"
    assert in_words(Plain(a=1, b="x", rng=source())) == "Plain(a=1, b='x')"
    assert in_words(Plain(transforms=[Plain(), 3], more=1)) == "Plain(Plain(), 3)"
    assert in_words(Shown(a=1)) == "Shown"
    told = str(in_words(Shown(f=len, g=lambda x: x)))
    assert told.startswith("Shown with ")
    assert told != in_words(Shown(g=lambda x: x + 1))
    method = str(in_words(Plain.__init__.__get__(Plain(a=1))))
    assert method.endswith(" of Plain(a=1)")
    partial = str(in_words(functools.partial(max, 1, key=abs)))
    assert partial.startswith("partial <built-in function max> with ")
    assert partial != in_words(functools.partial(max, 2, key=abs))
    assert partial != in_words(functools.partial(max, 1, key=len))
