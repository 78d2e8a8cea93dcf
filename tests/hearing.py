"""How the tests of guard rails listen: a program runs, and what was said is held against where and what it should be.

A module collects its programs with a `Programs`, wrong ones under the name of the rail that speaks of them, and right
ones near them. A wrong one has the mark "# here" on the line that must be named, and walks past it several times.
"""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable

import tinygrad_cnn as tg

Program = Callable[[], object]


def heard(program: Program) -> list[tuple[str, str]]:
    """(rail, line of source) of each guard rail that a program makes speak."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tg.manual_seed(0)
        with tg.guard_rails(True):
            program()
    spoken = [w for w in caught if issubclass(w.category, tg.GuardRailWarning)]
    return [
        (str(w.message).rpartition("[")[2].rstrip("]"), linecache.getline(w.filename, w.lineno).strip()) for w in spoken
    ]


def check_speaks_once(rail: str, program: Program) -> None:
    """The rail, and no other, once, of the line that is marked; and not at all when rails are off."""
    [(spoken, line)] = heard(program)
    assert (spoken, line[-6:]) == (rail, "# here")
    with warnings.catch_warnings():
        warnings.simplefilter("error", tg.GuardRailWarning)
        with tg.guard_rails(False):
            program()


class Programs:
    """The programs of a module of tests."""

    def __init__(self) -> None:
        self.wrong: dict[str, tuple[str, Program]] = {}
        self.right: dict[str, Program] = {}

    def speaks(self, rail: str) -> Callable[[Program], Program]:
        """Mark a program of which a rail speaks."""

        def note(program: Program) -> Program:
            self.wrong[program.__name__] = rail, program
            return program

        return note

    def silent(self, program: Program) -> Program:
        """Mark a program that is right."""
        self.right[program.__name__] = program
        return program
