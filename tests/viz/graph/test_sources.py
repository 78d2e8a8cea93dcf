"""Formulas and gradient rules as text: read from the operations themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.autograd.graph import Op
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.sources import inputs_and_rules
from tinygrad_cnn.viz.graph.wording import FORMULAS, SHAPES


def op_of(tensor: tg.Tensor) -> Op:
    assert tensor._node is not None
    return tensor._node.op


X = tg.ones(3, 3, requires_grad=True)


@pytest.mark.parametrize(
    ("tensor", "names", "rules"),
    [
        (X * X, ["a", "b"], ["dL/da = g * b", "dL/db = g * a"]),
        (X.tanh(), ["x"], ["dL/dx = g * (1 - y * y)"]),
        (X / X, ["a", "b"], ["dL/da = g / b", "dL/db = -g * y / b"]),
        (tg.where(X > 0, X, X), ["condition", "a", "b"],
         ["", "dL/da = only(g, condition != 0)", "dL/db = only(g, condition == 0)"]),
        (F.linear(X, X, X[0]), ["x", "w", "b"],
         ["dL/dx = linear_input(g, w)", "dL/dw = linear_weight(g, x)", "dL/db = sum_to(g, shape=b.shape)"]),
        (tg.cat([X, X]), ["xs[0]", "xs[1]"],
         ["dL/dxs[0] = cut(g, dim, starts[i], starts[i + 1])", "dL/dxs[1] = cut(g, dim, starts[i], starts[i + 1])"]),
        (X.sign(), ["x"], ["dL/dx = np.zeros(x.shape, x.dtype)"]),
    ],
)  # fmt: skip
def test_rules_are_what_stands_in_the_source(tensor: tg.Tensor, names: list[str], rules: list[str]) -> None:
    assert inputs_and_rules(op_of(tensor), len(names)) == (names, rules)


def test_rules_of_a_users_operation() -> None:
    @tg.op(lambda g, _y, t: 3 * t**2 * g)
    def cube(t: Any) -> Any:
        """t ** 3"""
        return t**3

    picture = draw_graph(cube(X)).picture
    assert picture.boxes[-1].rules == ["dL/dt = 3 * t ** 2 * g"]
    assert picture.boxes[-1].formula == "y = t ** 3"


def test_another_decorator_above_is_no_rule() -> None:
    def kept(_where: str) -> Any:
        return lambda f: f

    @kept("in no table")
    @tg.op(lambda g, _y, _t: 3 * g)
    def triple(t: Any) -> Any:
        return 3 * t

    assert draw_graph(triple(X)).picture.boxes[-1].rules == ["dL/dt = 3 * g"]


def test_rules_without_a_source_text_say_so() -> None:
    space: dict[str, Any] = {"op": tg.op}
    exec("@op(lambda g, _y, x: g)\ndef same(x):\n    return x.copy()", space)
    (rule,) = draw_graph(space["same"](X)).picture.boxes[-1].rules
    assert rule == "dL/dx = a rule: its source text is not to be had"


ELSEWHERE = ("tinygrad_cnn.autograd.backward", "tinygrad_cnn.tensors.writing")  # operations outside of ops/


def test_the_tables_name_operations_that_exist() -> None:
    import pkgutil
    from importlib import import_module

    import tinygrad_cnn.ops

    modules = [import_module(f"tinygrad_cnn.ops.{m.name}") for m in pkgutil.iter_modules(tinygrad_cnn.ops.__path__)]
    every = [
        v.op
        for m in (*modules, *map(import_module, ELSEWHERE))
        for v in vars(m).values()
        if hasattr(v, "op") and callable(v)
    ]
    names = {o.name for o in every if isinstance(o, Op)}
    assert set(FORMULAS) <= names
    assert set(SHAPES) <= names
    for o in every:
        if isinstance(o, Op):
            rules = inputs_and_rules(o, max(1, len(o.rules)))[1]
            assert not any("not to be had" in rule for rule in rules), o


def test_shape_rules() -> None:
    picture = draw_graph(F.conv2d(tg.ones(2, 3, 8, 8), tg.ones(4, 3, 3, 3, requires_grad=True), stride=2)).picture
    assert picture.boxes[-1].shape_rule.endswith("here (2, 3, 8, 8), (4, 3, 3, 3) -> (2, 4, 3, 3)")
    picture = draw_graph(X + tg.tensor(np.ones(3, np.float32))).picture
    assert picture.boxes[-1].shape_rule == "the shape that the inputs broadcast to; here (3, 3), (3,) -> (3, 3)"


@tg.op(lambda g, _y, _x, w: g[:, :, None] * w, lambda g, _y, x, _w: (x * g[:, :, None]).sum(1))
def weigh(x: Any, w: Any) -> Any:
    return (x * w).sum(2)


def test_shapes_of_an_operation_of_ones_own_may_be_any() -> None:
    """(2, 3, 4) and (4,) broadcast, (2, 3) and (4,) do not: that is no error, only nothing to say in general."""
    picture = draw_graph(weigh(tg.ones(2, 3, 4), tg.ones(4, requires_grad=True))).picture
    assert picture.boxes[-1].shape_rule == "(2, 3, 4), (4,) -> (2, 3)"
