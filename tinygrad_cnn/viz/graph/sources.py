"""The gradient rules of an operation as text, read from its source: so they are never out of step with what runs."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from typing import Any
from weakref import WeakKeyDictionary

from ...autograd.graph import Op

_read: WeakKeyDictionary[Op, tuple[list[str], list[str]]] = WeakKeyDictionary()  # names and rules, of few inputs
MISSING = "its source text is not to be had"


def inputs_and_rules(op: Op, n: int) -> tuple[list[str], list[str]]:
    """The operation's names for its n inputs, and "dL/dx = ..." for each; "" where there is no gradient.

    ``g`` is the gradient of the output y. Lambdas are taken from the decorator, functions by what they return.
    """
    if op.each is None and n <= 4 and op in _read and len(_read[op][0]) == n:
        return _read[op]
    names = _names(op, n)
    texts = _declared(op)
    rules: list[str] = []
    for i, rule in enumerate([op.each] * n if op.each is not None else [*op.rules, *[None] * n][:n]):
        if rule is None:
            rules.append("")
            continue
        text = texts[0 if op.each is not None else i] if texts else None
        of = text if isinstance(text, ast.Lambda) else _function(rule)
        rules.append(f"dL/d{names[i]} = {_body(of, rule)}")
    if op.each is None and n <= 4:
        _read[op] = names, rules
    return names, rules


def _names(op: Op, n: int) -> list[str]:
    """x, w, b: from the rules, which name what the forward may call ``*wb``; else from the forward."""
    forward = [p for p in _parameters(op.forward) if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = [p.name for p in _parameters(op.forward) if p.kind is p.VAR_POSITIONAL]
    names = []
    for i in range(n):
        rule = op.rules[i] if i < len(op.rules) else None
        own = [p for p in _parameters(rule) if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)] if rule else []
        if i < len(forward):
            name = forward[i].name
        elif len(own) > i + 2:
            name = own[i + 2].name
        else:
            name = f"{rest[0] if rest else 'x'}[{i - len(forward)}]"
        names.append(name.strip("_") or f"x{i}")
    return names


def _parameters(function: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin that does not tell
        return []


def _declared(op: Op) -> list[ast.expr]:
    """What stands between the parentheses of ``@op(...)``: the rules, or the one for all inputs."""
    tree = _function(op.forward)
    if not isinstance(tree, ast.FunctionDef):
        return []
    for call in tree.decorator_list:
        name = getattr(call, "func", None)
        if isinstance(call, ast.Call) and getattr(name, "id", getattr(name, "attr", "")) == "op":
            return [*call.args, *(k.value for k in call.keywords if k.arg == "each")]
    return []


def _function(function: Any) -> ast.AST | None:
    """The tree of a function's source; None where there is no text of it, as in an interactive session."""
    while isinstance(function, functools.partial):
        function = function.func
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body
    except (OSError, TypeError, SyntaxError):  # no file; no function; a part of a line
        return None
    return body[0] if body else None


def _body(tree: ast.AST | None, rule: Any) -> str:
    """What a rule returns, its underscores taken off."""
    if isinstance(tree, ast.Lambda):
        return _plain(tree.body, tree.args)
    if isinstance(tree, ast.FunctionDef):
        steps = [s for s in tree.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
        if len(steps) == 1 and isinstance(steps[0], ast.Return) and steps[0].value is not None:
            return _plain(steps[0].value, tree.args)
        doc = (ast.get_docstring(tree) or "").split("\n")[0]
        return f"{tree.name}(...)" + (f": {doc}" if doc else "")
    return f"{getattr(rule, '__name__', 'rule').replace('<lambda>', 'a rule')}: {MISSING}"


def _plain(expression: ast.expr, arguments: ast.arguments) -> str:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    given = {a.arg for a in every if a is not None}
    for node in ast.walk(expression):
        if isinstance(node, ast.Name) and node.id in given:
            node.id = node.id.strip("_") or node.id
    text = " ".join(ast.unparse(expression).split())
    incoming = every[0].arg if every[0] is not None else "g"
    return text if incoming.strip("_") == "g" else f"{text}, {incoming} the gradient of y"
