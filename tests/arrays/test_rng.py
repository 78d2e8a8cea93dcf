"""The package's generator in several threads, and in children of the process."""

from __future__ import annotations

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
