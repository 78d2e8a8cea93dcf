"""What `tests/random_mutants.py` draws: every kind of change, each of them Python, none in words."""

from __future__ import annotations

import ast
import random

from random_mutants import PACKAGE, Places, all_mutants, rounds

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
