"""Which modules of two nets stand in one row, and what the sign before them says."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.nn.summary import summary
from tinygrad_cnn.viz.comparison.aligning import aligned, parts_of, weights_apart


def rows(a: Any, b: Any, size: Any) -> list[tuple[str, str | None, str | None]]:
    """(sign, name in a, name in b) of all rows but that of the model."""
    found = aligned(*(parts_of(net, summary(net, size)) for net in (a, b)))
    return [(r.sign, r.a and r.a.name, r.b and r.b.name) for r in found][1:]  # type: ignore[misc]


def mlp(*between: Any, hidden: int = 5) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, hidden), *between, nn.Linear(hidden, 3))


def test_a_net_equals_itself() -> None:
    found = rows(mlp(nn.ReLU()), mlp(nn.ReLU()), (2, 4))
    assert found == [("", "0", "0"), ("", "1", "1"), ("", "2", "2")]


def test_a_layer_in_between_moves_the_others_and_changes_none() -> None:
    added = rows(mlp(nn.ReLU()), mlp(nn.LayerNorm(5), nn.ReLU()), (2, 4))
    assert added == [("", "0", "0"), ("+", None, "1"), ("", "1", "2"), ("", "2", "3")]
    removed = rows(mlp(nn.LayerNorm(5), nn.ReLU()), mlp(nn.ReLU()), (2, 4))
    assert removed == [("", "0", "0"), ("\N{MINUS SIGN}", "1", None), ("", "2", "1"), ("", "3", "2")]


def test_of_two_that_are_alike_the_one_of_the_same_settings_is_taken() -> None:
    found = rows(mlp(nn.Dropout(0.1)), mlp(nn.Dropout(0.2), nn.Dropout(0.1)), (2, 4))
    assert found == [("", "0", "0"), ("+", None, "1"), ("", "1", "2"), ("", "2", "3")]


def test_settings_and_shapes_make_a_change() -> None:
    assert [r[0] for r in rows(mlp(nn.ReLU()), mlp(nn.ReLU(), hidden=6), (2, 4))] == ["~", "~", "~"]
    assert [r[0] for r in rows(mlp(nn.Dropout(0.1)), mlp(nn.Dropout(0.2)), (2, 4))] == ["", "~", ""]
    other = rows(mlp(nn.ReLU()), mlp(nn.Tanh()), (2, 4))
    assert other == [("", "0", "0"), ("\N{MINUS SIGN}", "1", None), ("+", None, "1"), ("", "2", "2")]


def test_what_is_within_a_container_marks_it_and_a_name_keeps_its_place() -> None:
    class Net(nn.Module):
        def __init__(self, act: Any, depth: int) -> None:
            super().__init__()
            self.body = nn.Sequential(*(nn.Linear(4, 4) for _ in range(depth)))
            self.act, self.head = act, nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            return self.head(self.act(F.relu(self.body(x))))

    found = rows(Net(nn.ReLU(), 1), Net(nn.Tanh(), 2), (2, 4))
    assert found == [
        ("~", "body", "body"), ("", "0", "0"), ("+", None, "1"), ("~", "act", "act"), ("", "head", "head"),
    ]  # fmt: skip


def test_totals_count_what_is_below_and_nets_without_children_compare_too() -> None:
    inner = nn.Sequential(mlp(nn.ReLU()))
    root = parts_of(inner, summary(inner, (2, 4)))
    assert (root.parameters, root.total_parameters, root.total_mult_adds) == (0, 43, 2 * 35)
    pair = aligned(*(parts_of(net, summary(net, (2, 4))) for net in (nn.Linear(4, 2), nn.Linear(4, 3))))
    assert [(row.level, row.sign) for row in pair] == [(0, "~")]


def test_what_is_called_again_and_again_is_one_row() -> None:
    class Steps(nn.Module):
        def __init__(self, steps: int) -> None:
            super().__init__()
            self.steps, self.cell = steps, nn.Sequential(nn.Linear(4, 4), nn.Tanh())

        def forward(self, x: Any) -> Any:
            for _ in range(self.steps):
                x = self.cell(x)
            return x

    assert rows(Steps(5), Steps(5), (2, 4)) == [("", "cell", "cell"), ("", "0", "0"), ("", "1", "1")]
    assert [row[0] for row in rows(Steps(5), Steps(6), (2, 4))] == ["~", "~", "~"]
    net = Steps(5)
    (cell,) = parts_of(net, summary(net, (2, 4))).children
    assert (cell.calls, cell.children[0].calls, cell.total_mult_adds, cell.total_parameters) == (5, 5, 5 * 32, 20)


def test_how_far_weights_are_apart() -> None:
    a, b = nn.Linear(2, 1, bias=False), nn.Linear(2, 1, bias=False)
    a.weight.data[:] = tg.tensor([[3.0, 4.0]])
    b.weight.data[:] = tg.tensor([[3.0, 5.0]])
    assert weights_apart(a, b) == pytest.approx(0.2)
    assert weights_apart(a, a) == 0
    assert weights_apart(a, nn.Linear(3, 1, bias=False)) is None
    assert weights_apart(a, nn.ReLU()) is None
