"""What a rule names decides what an operation keeps in memory: the names must say what the rule reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinygrad_cnn

PACKAGE = Path(tinygrad_cnn.__file__).parent
SHAPE_ONLY = {"shape", "dtype", "ndim"}


def rules(tree: ast.AST) -> Iterator[ast.Lambda | ast.FunctionDef]:
    """The rules that stand in an ``@op(...)``: lambdas, and functions of the same file by their names."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for function in functions.values():
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "op":
                for rule in [*decorator.args, *(k.value for k in decorator.keywords if k.arg == "each")]:
                    if isinstance(rule, ast.Lambda):
                        yield rule
                    elif isinstance(rule, ast.Name) and rule.id in functions:
                        yield functions[rule.id]


def careless(rule: ast.Lambda | ast.FunctionDef) -> list[str]:
    """Inputs whose numbers the rule does not read, though their names have no underscore in front."""
    given = [a.arg for a in rule.args.args[1:]] + ([rule.args.vararg.arg] if rule.args.vararg else [])
    body = rule.body if isinstance(rule.body, list) else [ast.Expr(rule.body)]
    read = set()
    for node in (node for statement in body for node in ast.walk(statement)):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Name) and not (isinstance(node, ast.Attribute) and node.attr in SHAPE_ONLY):
                read.add(child.id)
    return [name for name in given if not name.startswith("_") and name not in read]


FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if "@op(" in p.read_text()]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_no_rule_keeps_an_array_it_does_not_read(path: Path) -> None:
    found = [(rule.lineno, careless(rule)) for rule in rules(ast.parse(path.read_text())) if careless(rule)]
    assert not found, f"{path.name}: rename with an underscore (line, names): {found}"


def test_the_check_sees_what_it_should() -> None:
    tree = ast.parse("@op(lambda g, y, x, w, *, d: g * x.shape[0] + w)\ndef f(x, w, *, d): ...")
    assert careless(next(rules(tree))) == ["y", "x"]
    tree = ast.parse("@op(lambda g, _y, _x: g * _x.ndim, lambda g, y, *_r: f(y)[y.shape])\ndef f(x, w): ...")
    assert [careless(rule) for rule in rules(tree)] == [[], []]
    tree = ast.parse("def rule(g, _y, x, w):\n    return g * x if w.ndim else g\n@op(rule)\ndef f(x, w): ...")
    assert [careless(rule) for rule in rules(tree)] == [["w"]]
