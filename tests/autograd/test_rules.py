"""What a rule names decides what an operation keeps in memory: the names must say what the rule reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinygrad_cnn

PACKAGE = Path(tinygrad_cnn.__file__).parent
SHAPE_ONLY = {"shape", "dtype", "ndim"}


Rule = ast.Lambda | ast.FunctionDef


def rules(tree: ast.AST) -> Iterator[Rule]:
    """The rules that are given to ``op``: lambdas, and functions of the same file."""
    named = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "op":
            for a in [*call.args, *(k.value for k in call.keywords if k.arg == "each")]:
                rule = named.get(a.id) if isinstance(a, ast.Name) else a
                if isinstance(rule, Rule):
                    yield rule


def careless(rule: Rule) -> list[str]:
    """Inputs whose numbers the rule does not read, though their names do not begin with an underscore."""
    given = [a.arg for a in rule.args.args[1:]] + ([rule.args.vararg.arg] if rule.args.vararg else [])
    read = set()
    for part in rule.body if isinstance(rule, ast.FunctionDef) else [ast.Expr(rule.body)]:
        for node in ast.walk(part):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.Name) and not (isinstance(node, ast.Attribute) and node.attr in SHAPE_ONLY):
                    read.add(child.id)
    return [name for name in given if not name.startswith("_") and name not in read]


FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if re.search(r"\bop\(", p.read_text())]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_no_rule_keeps_an_array_it_does_not_read(path: Path) -> None:
    found = [(rule.lineno, careless(rule)) for rule in rules(ast.parse(path.read_text())) if careless(rule)]
    assert not found, f"{path.name}: rename with an underscore (line, names): {found}"


def test_the_check_sees_what_it_should() -> None:
    tree = ast.parse("@op(lambda g, y, x, w, *, d: g * x.shape[0] + w)\ndef f(x, w, *, d): ...")
    assert careless(next(rules(tree))) == ["y", "x"]
    tree = ast.parse("@op(lambda g, _y, _x: g * _x.ndim, lambda g, y, *_r: f(y)[y.shape])\ndef f(x, w): ...")
    assert [careless(rule) for rule in rules(tree)] == [[], []]
    tree = ast.parse("h = op(lambda g, y_, _x: g, lambda g, y_, x_: y_ * x_.shape[0])(f)")
    assert [careless(rule) for rule in rules(tree)] == [["y_"], ["x_"]]
    tree = ast.parse("@op(slope)\ndef f(x): ...\ndef slope(g, _y, x, *xs_):\n    n = x.ndim\n    return g * n + xs_[0]")
    assert [careless(rule) for rule in rules(tree)] == [["x"]]
