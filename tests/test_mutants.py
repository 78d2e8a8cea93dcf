"""The tables of `tests/mutants.py` fit the package: each bug can be put in, and its tests are there."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from bugs import AREAS, BUGS, Bug

ROOT = Path(__file__).parent.parent
FILES = sorted({bug.file for bug in BUGS})


@pytest.mark.parametrize("file", FILES)
def test_every_bug_fits_its_file(file: str) -> None:
    """What a bug replaces stands there once; what it puts there is another thing, and of Python still Python."""
    text = (ROOT / "tinygrad_cnn" / file).read_text()
    for bug in BUGS:
        if bug.file == file:
            assert text.count(bug.old) == 1, f"{file} has {text.count(bug.old)} times {bug.old!r}"
            before, after = ([*map(str.split, t.splitlines())] for t in (text, text.replace(bug.old, bug.new)))
            if file.endswith(".py"):
                before, after = (ast.dump(ast.parse(t)) for t in (text, text.replace(bug.old, bug.new)))
            assert before != after, f"nothing changes: {bug.old!r} -> {bug.new!r}"


def test_no_bug_stands_twice() -> None:
    assert [bug for bug, n in Counter(map(_without_tests, BUGS)).items() if n > 1] == []


def _without_tests(bug: Bug) -> tuple[str, str, str]:
    return bug.file, bug.old, bug.new


def test_the_tests_of_a_bug_are_there() -> None:
    for bug in BUGS:
        paths = [test for test in bug.tests if test.startswith("tests/")]
        assert paths, bug
        assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_area_has_bugs() -> None:
    assert {bug.area for bug in BUGS} == set(AREAS)
