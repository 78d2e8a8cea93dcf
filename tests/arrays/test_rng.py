"""The package's generator in several threads, and in children of the process."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import pytest
from several import Meanwhile, in_fork, in_threads, needs_fork

import tinygrad_cnn as tg
from tinygrad_cnn.arrays import rng


def test_no_draw_is_lost_and_none_comes_twice() -> None:
    generator = tg.Generator(0)
    alone = np.sort(tg.Generator(0).numpy.integers(2**63, size=8 * 200))
    drawn = in_threads(*[lambda: [int(generator.numpy.integers(2**63)) for _ in range(200)]] * 8)
    assert np.array_equal(np.sort(np.concatenate(drawn)), alone)


def test_a_state_is_never_taken_from_the_middle_of_a_draw() -> None:
    """Between two threads that draw and one that looks, every state that it sees leads to numbers that come next."""
    generator, n = tg.Generator(0), 20_000
    steps = {str(generator.get_state()["bits"])}
    for _ in range(30):
        generator.numpy.random(n)
        steps.add(str(generator.get_state()["bits"]))
    generator.manual_seed(0)

    def draw() -> None:
        for _ in range(15):
            generator.numpy.random(n)

    def look() -> list[str]:
        return [str(generator.get_state()["bits"]) for _ in range(200)]

    _, _, seen = in_threads(draw, draw, look)
    assert set(seen) <= steps


def test_two_threads_that_ask_first_get_one_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the seed that one has set would go with the generator that the other replaces."""
    found: list[Any] = []
    other = Meanwhile(lambda: found.append(tg.default_generator()))

    class Slow(tg.Generator):
        def __init__(self) -> None:
            other()
            super().__init__()

    monkeypatch.setattr(rng, "_default", None)
    monkeypatch.setattr(rng, "Generator", Slow)
    mine = tg.manual_seed(5)
    other.wait()
    assert tg.default_generator() is mine is found[0]
    assert mine.initial_seed() == 5


def test_a_recomputed_segment_draws_what_it_drew_and_other_threads_go_on() -> None:
    """Two forwards with dropout in two threads: the second computation of one takes no number from the other."""
    tg.manual_seed(3)
    x, seen = tg.ones(200, requires_grad=True), []
    meanwhile = Meanwhile(lambda: seen.append(tg.rand(4).tolist()))

    def noisy(t: Any) -> Any:
        y = tg.nn.functional.dropout(t, 0.5) * 2.0
        calls.append(1)
        if len(calls) == 2:  # again, on the way back
            meanwhile()
        return y

    calls: list[int] = []
    y = tg.checkpoint(noisy, x)
    state = tg.default_generator().get_state()
    y.sum().backward()
    meanwhile.wait()
    assert np.array_equal(x.grad.numpy(), y.numpy() * 1.0)
    assert seen == [tg.Generator.at(state).numpy.random(4, np.float32).tolist()]
    assert tg.rand(4).tolist() != seen[0]  # and it is not handed out again


@needs_fork
def test_a_child_draws_although_a_thread_was_drawing() -> None:
    generator, held, end = tg.manual_seed(1), threading.Event(), threading.Event()
    expected = tg.Generator(1).numpy.random(3).tolist()

    def draw() -> None:
        with generator.numpy.bit_generator.lock:  # as NumPy does while it draws
            held.set()
            end.wait(60)

    thread = threading.Thread(target=draw)
    thread.start()
    assert held.wait(60)
    try:
        assert in_fork(lambda: tg.default_generator().numpy.random(3).tolist(), 20) == expected
    finally:
        end.set()
        thread.join()


# ------------------------------------------------------------------------------------------- seeds, states, positions
def test_a_generator_goes_back_to_where_it_stood_and_says_its_seed() -> None:
    generator = tg.Generator(5)
    first = generator.numpy.random(3).tolist()
    state = generator.get_state()
    then = generator.numpy.random(3).tolist()
    assert then != first
    other = tg.Generator.at(state)
    assert other.numpy.random(3).tolist() == then
    assert other.initial_seed() == generator.initial_seed() == 5
    generator.set_state(state)
    assert generator.numpy.random(3).tolist() == then
    other.numpy.random(9)
    assert generator.get_state() != state  # what was handed out is a copy
    assert tg.Generator.at(state).get_state() == state
    assert repr(generator) == "Generator(seed=5)"
    assert generator.manual_seed(np.int64(0)) is generator
    assert (generator.initial_seed(), repr(generator)) == (0, "Generator(seed=0)")


def test_without_a_seed_generators_are_seeded_from_the_system() -> None:
    seeds = {tg.Generator().initial_seed() for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) >= 2**59
    assert tg.seed() == tg.initial_seed() != tg.seed()
    tg.manual_seed(3)
    assert tg.initial_seed() == 3


def test_another_generator_stands_in_within_a_block() -> None:
    other, mine = tg.Generator(1), tg.default_generator()
    with rng.standing_in(other):
        assert tg.default_generator() is other
        with rng.standing_in(None):
            assert tg.default_generator() is other
        with rng.standing_in(mine):
            assert tg.default_generator() is mine
        assert tg.default_generator() is other
    assert tg.default_generator() is mine


def test_what_a_generator_may_be() -> None:
    ours, numpys = tg.Generator(1), np.random.default_rng(1)
    assert rng.resolve(ours) is ours.numpy
    assert rng.resolve(numpys) is numpys
    assert rng.resolve(None) is tg.default_generator().numpy
    with pytest.raises(TypeError, match=r"generator must be a tinygrad_cnn.Generator, .* got RandomState"):
        rng.resolve(np.random.RandomState(1))  # type: ignore[arg-type]


@pytest.mark.parametrize("draw", [rng.uniform, rng.normal])
def test_numbers_are_drawn_as_precise_as_they_are_kept(draw: Any) -> None:
    for dtype, drawn in (("f2", "f4"), ("f4", "f4"), ("f8", "f8")):
        numbers = draw((2, 3), np.dtype(dtype), tg.Generator(4))
        method = np.random.default_rng(4)
        expected = (method.random if draw is rng.uniform else method.standard_normal)((2, 3), np.dtype(drawn).type)
        np.testing.assert_array_equal(numbers, expected, strict=True)


SOURCES: dict[str, Any] = {
    "ours": (lambda: tg.Generator(3), lambda g: g.numpy.random(), "seed"),
    "NumPy's": (lambda: np.random.default_rng(3), lambda g: g.random(), "bits"),
    "NumPy's of another kind": (lambda: np.random.Generator(np.random.MT19937(3)), lambda g: g.random(), "bits"),
    "NumPy's older": (lambda: np.random.RandomState(3), lambda g: g.normal(), "legacy"),
    "Python's": (lambda: random.Random(3), lambda g: g.gauss(0, 1), "numbers"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_generator_of_any_kind_goes_to_a_position_it_had(kind: str) -> None:
    make, draw, key = SOURCES[kind]
    source = make()
    assert rng.is_source(source)
    draw(source)  # an odd number of draws: of two normal numbers at a time one is kept
    where = rng.position(source)
    assert key in where
    first = [draw(source) for _ in range(5)]
    again = [draw(source) for _ in range(5)]
    assert first != again
    for _ in range(2):  # what is handed in is copied
        rng.go_to(source, where)
        assert [draw(source) for _ in range(5)] == first
    for other, (make_other, _, other_key) in SOURCES.items():
        if other_key != key and {key, other_key} != {"seed", "bits"}:
            with pytest.raises(ValueError, match=rf"this is no position of a {type(source).__name__}"):
                rng.go_to(source, rng.position(make_other()))
        assert other in SOURCES
    with pytest.raises(ValueError, match="this is no position"):
        rng.go_to(source, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("thing", [random.SystemRandom(), 3, None, random, np.random, [1]])
def test_what_has_no_position_is_no_source(thing: Any) -> None:
    assert not rng.is_source(thing)


def test_the_generators_of_the_process_go_back_together_and_alone() -> None:
    def draws() -> dict[str, float]:
        return {
            "package": float(tg.rand(1).item()), "python": random.gauss(0, 1), "numpy": float(np.random.normal())
        }  # fmt: skip

    draws()
    where = rng.process_position()
    assert set(where) == {"package", "python", "numpy"}
    first = draws()
    rng.process_to(where)
    assert draws() == first
    for name in where:
        rng.process_to({name: where[name]})
        assert {key for key, value in draws().items() if value == first[key]} == {name}
    after = draws()
    rng.process_to({})
    assert all(draws()[key] != after[key] for key in after)
