"""Where a loader stands: its batches by their targets, and what is said of another loader."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.data import DataLoader, TensorDataset
from tinygrad_cnn.data.prefetch import END
from tinygrad_cnn.data.resuming import OtherEpochError
from tinygrad_cnn.train.feeding import _SMALL, Feed, _targets, restore_between, state_between

BATCHES = [(tg.tensor([float(i)]), tg.tensor([i, i + 1])) for i in range(4)]


def rest(feed: Feed) -> list[float]:
    """The inputs of the batches that are left."""
    found = []
    while (batch := feed.next()) is not END:
        found.append(batch[0].item())
    return found


class Walked:
    """A loader of another class, whose batches can be walked again; one of a generator's numbers is drawn for each."""

    def __init__(self, seed: int = 3, batches: int = 4) -> None:
        self.generator, self.batches = np.random.default_rng(seed), batches

    def __iter__(self) -> Any:
        for _ in range(self.batches):
            x = self.generator.random(1)
            yield tg.tensor(x), tg.tensor(x)

    def __len__(self) -> int:
        return self.batches


@pytest.mark.parametrize("done", range(5))
@pytest.mark.parametrize("make", [lambda: list(BATCHES), lambda: tuple(BATCHES), Walked])
def test_the_rest_of_an_epoch_comes_from_where_it_stood(make: Any, done: int) -> None:
    expected = rest(Feed(make()))
    first = Feed(make())
    for _ in range(done):
        first.next()
    state = first.state(done)
    assert state["batches"] == done
    loader = make()
    assert rest(Feed(loader, state)) == expected[done:]
    if isinstance(loader, Walked):  # and the loader's generator went on as if it had drawn all of them
        whole = make()
        rest(Feed(whole))
        assert loader.generator.random() == whole.generator.random()


@pytest.mark.parametrize(
    ("change", "other", "words"),
    [
        ({}, BATCHES[:3], "the epoch was saved with a list of 4 batches, this is a list of 3 batches"),
        ({}, tuple(BATCHES), "the epoch was saved with a list of 4 batches, this is a tuple of 4 batches"),
        ({"settings": {}}, BATCHES, "the epoch was saved with another loader, this is a list of 4 batches"),
        ({"digest": None}, BATCHES, "the epoch was saved with a list of 4 batches, this is a list of 4 batches"),
        ({}, BATCHES[::-1], "the list gives other batches than in the saved run, from the same random state"),
    ],
)
def test_another_loader_is_another_epoch(change: dict[str, Any], other: Any, words: str) -> None:
    feed = Feed(list(BATCHES))
    feed.next()
    state = {**feed.state(1), **change}
    if state["digest"] is None:
        del state["digest"]
    with pytest.raises(OtherEpochError) as caught:
        Feed(other, state)
    assert str(caught.value).startswith(words)


def test_what_a_batch_is_known_by() -> None:
    """The bytes of its last part, where that is an array of numbers and small."""
    small, large = np.zeros(_SMALL, np.uint8), np.zeros(_SMALL + 1, np.uint8)
    for batch, content in (
        ((1, small), small.tobytes()), ((1, large), b""), ([1, tg.tensor([5])], np.array([5]).tobytes()),
        (tg.tensor([5.0]), np.array([5.0], np.float32).tobytes()), (np.array([2]), np.array([2]).tobytes()),
        ((1, np.array([None])), b""), ((1, "text"), b""), ((), b""), ([], b""), ({"x": 1}, b""),
    ):  # fmt: skip
        assert _targets(batch) == content


def test_is_there_one_more_batch() -> None:
    loader = DataLoader(TensorDataset(np.zeros((5, 1))), batch_size=2)
    feed = Feed(loader)
    assert [feed.sure_of_more(n) for n in range(5)] == [True, True, True, False, False]
    assert not Feed(list(BATCHES)).sure_of_more(0)  # a list may have been made shorter meanwhile


def test_between_two_epochs() -> None:
    loader = Walked()
    state = state_between(loader)
    assert (state["batches"], state["settings"]) == (0, {"loader": "Walked", "batches": 4})
    expected = rest(Feed(loader))
    restore_between(loader, state)
    assert rest(Feed(loader)) == expected
    with pytest.raises(ValueError, match=r"had generators in \['loader'\] of its loader, this loader has them in none"):
        restore_between([1], state)
    with pytest.raises(ValueError, match=r"had generators in no part of its loader, this loader has them in \['loader"):
        restore_between(loader, state_between([1]))
    with pytest.raises(ValueError, match="had generators in no part of its loader"):
        restore_between(loader, {})


def test_a_loader_that_has_a_state_is_asked_for_it() -> None:
    class Own:
        def __init__(self) -> None:
            self.at = 0

        def __iter__(self) -> Any:
            while self.at < 4:
                self.at += 1
                yield BATCHES[self.at - 1]

        def state_dict(self) -> dict[str, int]:
            return {"at": self.at}

        def load_state_dict(self, state: dict[str, int]) -> None:
            self.at = state["at"]

    feed = Feed(Own())
    feed.next()
    state = feed.state(1)
    assert state == {"at": 1}
    assert rest(Feed(Own(), state)) == [1.0, 2.0, 3.0]
    own = Own()
    restore_between(own, {"at": 3})
    assert state_between(own) == {"at": 3}


def test_a_feed_that_is_closed_gives_nothing_more() -> None:
    feed = Feed(list(BATCHES))
    feed.next()
    feed.close()
    assert rest(feed) == []
