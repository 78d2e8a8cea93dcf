"""The switch and the voice of the guard rails."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.arrays import guarding
from tinygrad_cnn.arrays.guarding import (
    about_to_step,
    begin_anew,
    here_and,
    looks,
    looks_here,
    rails,
    rest,
    say,
    users_line,
)


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


# ------------------------------------------------------------------------------------------------- looks and steps
class Thing:
    """Something that weak references can be made to."""


def test_a_rail_looks_so_often_at_what_it_is_about_and_no_more() -> None:
    begin_anew()
    assert [looks("rail", 3, "one") for _ in range(5)] == [True, True, True, False, False]
    assert looks("rail", 3, "two")
    assert looks("other rail", 1, "one")
    begin_anew()
    assert looks("rail", 3, "one")
    assert not looks("never", 0, "one")


def test_another_thing_in_the_place_of_one_that_is_gone_is_looked_at() -> None:
    begin_anew()
    first, second = Thing(), Thing()
    assert [looks("rail", 2, 1, first) for _ in range(3)] == [True, True, False]
    assert [looks("rail", 2, 1, second) for _ in range(3)] == [True, True, False]
    del second
    assert [looks("rail", 2, 1, first) for _ in range(3)] == [True, True, False]


def test_a_rail_that_has_seen_a_few_lines_asks_for_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    begin_anew()
    lines, asked = iter(range(100)), []

    def here(about: Any) -> Any:
        asked.append(about)
        return next(lines), about

    monkeypatch.setattr(guarding, "here_and", here)
    assert [looks_here("rail", 2) for _ in range(12)] == [True] * (2 * guarding.LINES) + [False] * 4
    assert len(asked) == 2 * guarding.LINES
    begin_anew()
    monkeypatch.setattr(guarding, "here_and", lambda about: about)
    assert [looks_here("rail", 2) for _ in range(12)] == [True] * 2 + [False] * 10  # all from one line


def test_a_run_with_very_many_things_has_been_looked_at_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    begin_anew()
    monkeypatch.setattr(guarding, "MANY", 3)
    assert [looks("rail", 1, k) for k in range(6)] == [True] * 4 + [False] * 2
    begin_anew()


def test_what_one_loop_knows_is_not_taken_for_anothers() -> None:
    keys: list[Any] = [here_and(about) for about in ("a", "b")]
    keys += [here_and("a")]
    assert len(set(keys)) == 3
    assert keys[0] == (__file__, keys[0][1], "a")
    assert keys[0][1] == keys[1][1] == keys[2][1] - 1


def test_who_waits_is_told_once_whom_the_next_step_moves() -> None:
    begin_anew()
    p, q, r, told = Thing(), Thing(), Thing(), []
    rails.waiting.append(lambda params: told.append(params))
    before = rails.steps
    for _ in range(2):
        about_to_step([{"params": [p]}, {"params": [q, r]}])
    assert told == [{id(p), id(q), id(r)}]
    assert rails.steps == before + 2
    rails.waiting.append(lambda params: told.append(params))
    begin_anew()
    about_to_step([{"params": [p]}])
    assert len(told) == 1


def test_rails_are_awake_unless_off_or_at_rest_in_this_run() -> None:
    begin_anew()
    assert guarding.awake()
    rest.steps, rest.run = 3, rails.runs
    try:
        assert not guarding.awake()
        begin_anew()
        assert guarding.awake()
        rest.run = rails.runs
        assert not guarding.awake()
        rest.steps = 0
        assert guarding.awake()
    finally:
        rest.steps = 0
    with tg.guard_rails(False):
        assert not guarding.awake()


def test_what_was_said_is_remembered_of_a_few_audiences() -> None:
    begin_anew()
    said = []
    for _ in range(20):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            said.append(rails.said())
            assert rails.said() is said[-1]
    assert len(rails.spoken) <= 8
    assert len({id(s) for s in said}) == 20
    begin_anew()
    assert rails.spoken == []


def test_the_users_line_is_this_one_and_its_module() -> None:
    file, line, module = users_line()
    assert (file, module) == (__file__, __name__)
    assert line > 0
    space: dict[str, Any] = {"users_line": users_line}
    exec(compile("found = users_line()", "nobody.py", "exec"), space)
    assert space["found"] == ("nobody.py", 1, "__main__")
