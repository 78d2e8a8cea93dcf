"""The switch and the voice of the guard rails."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.arrays.guarding import begin_anew, rails, say, users_line


def heard(program: Any) -> list[tuple[str, int]]:
    """What is said while it runs, each with its line."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        program()
    return [(str(w.message), w.lineno) for w in record]


def test_once_at_a_line_or_about_a_thing() -> None:
    def program() -> None:
        for k in range(3):
            say("name", "text")
            say("name", "other line")
            say("thing", f"about {k}", about=k // 2)

    said = heard(program)
    first = program.__code__.co_firstlineno
    assert said == [
        ("text [name]", first + 2),
        ("other line [name]", first + 3),
        ("about 0 [thing]", first + 4),
        ("about 2 [thing]", first + 4),
    ]


def test_at_another_line() -> None:
    place = users_line()
    ((_, line),) = heard(lambda: say("name", "text", place=place))
    assert line == place[1] != users_line()[1]


def test_off_on_and_begun_anew() -> None:
    def program() -> None:
        say("name", "text")

    def everything() -> None:
        program()
        with tg.guard_rails(False):
            program()
        program()  # after a switch
        program()
        begin_anew()
        program()

    assert len(heard(everything)) == 3
    assert rails.on


def test_as_a_call_it_stays_and_as_a_decorator_it_holds_within() -> None:
    tg.guard_rails(False)
    assert not rails.on
    tg.guard_rails(True)
    assert rails.on

    @tg.guard_rails(False)
    def quiet() -> bool:
        return rails.on

    assert not quiet()
    assert rails.on
    with pytest.raises(TypeError, match="True or False"):
        tg.guard_rails("off")  # type: ignore[arg-type]


def test_other_filters_are_another_audience() -> None:
    def program() -> None:
        say("name", "text")

    assert len(heard(program)) == 1
    assert len(heard(program)) == 1  # not silent, because somebody else has heard it

    def nested() -> None:
        for _ in range(3):
            program()
            with warnings.catch_warnings():
                pass

    assert len(heard(nested)) == 1


def test_filters_switch_one_off_or_make_errors_of_all() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", tg.GuardRailWarning)
        warnings.filterwarnings("ignore", r".*\[name\]", tg.GuardRailWarning)
        say("name", "text")
        with pytest.raises(tg.GuardRailWarning, match=r"text \[other\]"):
            say("other", "text")


def test_of_many_threads_one_speaks() -> None:
    start = threading.Barrier(8)

    def program() -> None:
        start.wait()
        for _ in range(50):
            say("name", "text", about="all of them")

    def together() -> None:
        threads = [threading.Thread(target=program) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(heard(together)) == 1
