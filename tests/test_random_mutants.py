"""What `tests/random_mutants.py` draws: every kind of change, each of them Python, none in words."""

from __future__ import annotations

import ast
import random
from pathlib import Path

from coverage import CoverageData
from random_mutants import FAR, PACKAGE, TESTS, Places, all_mutants, rounds

SOURCE = '''
"""Adds 1."""
LIMIT: int = 3

@overload
def f(x: int) -> int: ...

def f(x, k=2):
    """More than 1."""
    if x < LIMIT and not k:
        raise ValueError(f"{x + 1} is less than 3")
    for i in range(k):
        if i == -x:
            break
    a.b = x if k else None
    a.b += 1
    g(True)
    return (x) - (k)
'''


def changed() -> list[str]:
    return [SOURCE[m.start : m.stop] + " -> " + m.new for m in Places("f.py", SOURCE).found]


def test_kinds_of_changes() -> None:
    found = changed()
    assert [one for one in found if one in {
        "< -> <=", "and -> or", "not k -> (k)", "3 -> (3 + 1)", "2 -> (2 + 1)", "-x -> (x)", "== -> !=",
        "break -> continue", "k -> not (k)", "a.b = x if k else None -> pass", "a.b += 1 -> pass", "g(True) -> pass",
        "True -> False", "- -> +", "return (x) - (k) -> return None",
        'raise ValueError(f"{x + 1} is less than 3") -> pass', "i == -x -> not (i == -x)",
        "x < LIMIT and not k -> not (x < LIMIT and not k)", "1 -> (1 + 1)",
    }] == found  # fmt: skip
    assert len(found) == 19


def test_each_mutant_is_python_and_another_program() -> None:
    everything = all_mutants()
    assert {m.file for m in everything} > {"ops/conv.py", "train/trainer.py"}
    for m in random.Random().sample(everything, 200):
        text = (PACKAGE / m.file).read_text()
        new = text[: m.start] + m.new + text[m.stop :]
        assert ast.dump(ast.parse(new)) != ast.dump(ast.parse(text)), m


def test_the_mirror_of_a_file_is_asked_first() -> None:
    mutant = next(m for m in all_mutants() if m.file == "optim/sgd.py")
    first = next(iter(rounds(mutant, None)))
    assert first == ["tests/optim/test_sgd.py"]


def test_with_a_record_those_that_ran_its_line_are_asked(tmp_path: Path) -> None:
    mutant = next(m for m in all_mutants() if m.file == "optim/sgd.py" and m.names)
    far = [str(p.relative_to(TESTS)) for p in sorted(TESTS.glob("nn/**/test_*.py"))]
    assert len(far) > FAR
    data = CoverageData(str(tmp_path / "record"))
    for k, name in enumerate(("optim/test_adam.py", "optim/test_sgd.py", "test_mutants.py", *far)):
        data.set_context(name)
        data.add_lines({str(PACKAGE / "optim/sgd.py"): [mutant.line], str(PACKAGE / "optim/adam.py"): [k + 1]})
    data.write()
    first, at_home, others = rounds(mutant, tmp_path / "record")
    assert (first, at_home) == (["tests/optim/test_sgd.py"], ["tests/optim/test_adam.py"])
    assert len(others) == FAR
    assert {Path(name).relative_to("tests").as_posix() for name in others} <= set(far)


def test_a_line_that_ran_in_no_test_has_those_that_name_it(tmp_path: Path) -> None:
    mutant = next(m for m in all_mutants() if m.file == "optim/sgd.py" and m.names)
    data = CoverageData(str(tmp_path / "record"))
    data.add_lines({str(PACKAGE / "optim/sgd.py"): [mutant.line]})
    data.write()
    assert list(rounds(mutant, tmp_path / "record")) == list(rounds(mutant, None))
