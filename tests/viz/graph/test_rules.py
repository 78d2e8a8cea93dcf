"""The rules as mathematics: of operations that are there, with the letters of their formulas."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import ops
from tinygrad_cnn.autograd.graph import Op
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.rules import MATHEMATICS
from tinygrad_cnn.viz.graph.sources import inputs_and_rules


def operations() -> dict[str, Op]:
    names = [
        "tinygrad_cnn.autograd.backward",
        *(m.name for m in pkgutil.walk_packages(ops.__path__, "tinygrad_cnn.ops.")),
    ]
    modules = [importlib.import_module(name) for name in names]
    found = (getattr(f, "op", None) for module in modules for f in vars(module).values())
    return {op.name: op for op in found if isinstance(op, Op) and (op.rules or op.each)}


@pytest.mark.parametrize("name", MATHEMATICS)
def test_every_letter_is_one_of_the_operation(name: str) -> None:
    op = operations()[name]
    names, rules = inputs_and_rules(op, max(len(op.rules), 1))
    with_rule = {n for n, rule in zip(names, rules, strict=True) if rule}
    assert set(MATHEMATICS[name]) <= with_rule
    for letter, text in MATHEMATICS[name].items():
        assert not text.startswith("dL/d") or text.startswith(f"dL/d{letter}[")


def test_mathematics_comes_first_and_what_runs_after_it() -> None:
    x, w = tg.ones(2, 3, requires_grad=True), tg.ones(4, 3, requires_grad=True)
    picture = draw_graph(F.linear(x, w).tanh() + 1).picture
    linear, tanh, add = (b for b in picture.boxes if b.kind in ("operation", "output"))
    assert linear.rules == ["dL/dx = g w", "dL/dw = gᵀ x, summed over the batch"]
    assert all("(" in rule for rule in linear.code)
    assert tanh.rules[0].startswith("dL/dx = g * (1 - y * y)")
    assert tanh.code == []
    assert add.rules[0] == "dL/da = g"


def test_some_formulas_against_the_engine() -> None:
    """Those whose letters are numbers here are computed as they read."""
    x = tg.tensor([[0.3, -1.2, 0.8], [1.0, 0.1, -0.4]], requires_grad=True, dtype=tg.float64)
    g = np.array([[0.5, 2.0, -1.0], [0.25, 1.0, 3.0]])
    a = x.detach().numpy()
    p = np.exp(a) / np.exp(a).sum(1, keepdims=True)
    for function, expected in (
        (lambda t: F.softmax(t, 1), p * (g - (g * p).sum(1, keepdims=True))),
        (lambda t: F.log_softmax(t, 1), g - p * g.sum(1, keepdims=True)),
        (tg.relu, np.where(a > 0, g, 0)),
    ):
        x.grad = None
        function(x).backward(tg.tensor(g))
        np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-6)
