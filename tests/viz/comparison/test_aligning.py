"""Which modules of two nets stand in one row, and what the sign before them says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F
from tinygrad_cnn.nn.summary import summary
from tinygrad_cnn.viz.comparison.aligning import Part, _alike, _matched, aligned, parts_of, weights_apart


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


def part(name: str, kind: str, settings: str = "", parameters: int = 0, children: int = 0) -> Part:
    own = [Part(str(k), nn.ReLU(), "ReLU", "", None, 0, 0) for k in range(children)]
    return Part(name, nn.ReLU(), kind, settings, None, parameters, 0, own)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (part("x", "Linear"), part("y", "Conv2d"), 0),
        (part("act", "ReLU"), part("act", "Tanh"), 3),  # named, and its kind was changed
        (part("0", "ReLU"), part("0", "Tanh"), 0),  # a number is a place, no name
        (part("a.0", "ReLU"), part("a.0", "Tanh"), 0),
        (part("x", "Linear", "4, 5", 25), part("y", "Linear", "4, 6", 30), 3 + 1),  # as many children
        (part("x", "Linear", "4, 5", 25), part("y", "Linear", "4, 5", 25), 3 + 2 + 1 + 1),
        (part("x", "Linear", "4, 5", 25), part("y", "Linear", "5, 4", 25), 3 + 1 + 1),
        (part("x", "Linear", "4, 5", 25), part("x", "Linear", "4, 6", 30), 3 + 1 + 2 + 1),
        (part("0", "Linear", "4, 5", 25), part("0", "Linear", "4, 6", 30), 3 + 1 + 1),
        (part("x", "Sequential", children=2), part("y", "Sequential", children=3), 3 + 2 + 1),
    ],
)
def test_what_speaks_for_two_parts_being_the_same(a: Part, b: Part, expected: int) -> None:
    assert _alike(a, b) == _alike(b, a) == expected


def best(a: list[Part], b: list[Part]) -> int:
    """How much the best matching that keeps the order is worth: all of them tried."""
    if not a or not b:
        return 0
    like = _alike(a[0], b[0])
    ways = [best(a[1:], b), best(a, b[1:]), *([like + best(a[1:], b[1:])] if like else [])]
    return max(ways)


@pytest.mark.parametrize("seed", range(12))
def test_no_other_matching_is_better_and_the_order_is_kept(seed: int) -> None:
    random = np.random.default_rng(seed)

    def some() -> list[Part]:
        names = random.choice(["0", "1", "act", "head"], 5)
        kinds = random.choice(["Linear", "ReLU", "Tanh"], 5)
        return [
            part(str(n), str(k), str(random.integers(2)), int(random.integers(2)))
            for n, k in zip(names, kinds, strict=True)
        ][: random.integers(0, 6)]

    a, b = some(), some()
    found = _matched(a, b)
    assert [x for x, _ in found if x is not None] == a
    assert [y for _, y in found if y is not None] == b
    assert all(x is not None or y is not None for x, y in found)
    pairs = [(x, y) for x, y in found if x is not None and y is not None]
    assert all(_alike(x, y) for x, y in pairs)
    assert sum(_alike(x, y) for x, y in pairs) == best(a, b)


def test_weights_of_zero_and_of_other_names_have_no_distance() -> None:
    a, b = nn.Linear(2, 1), nn.Linear(2, 1)
    for p in a.parameters():
        p.numpy()[...] = 0
    assert weights_apart(a, b) is None
    assert weights_apart(nn.Linear(2, 1), nn.Linear(2, 1, bias=False)) is None
    b.weight.numpy()[...], b.bias.numpy()[...] = [[3.0, 0.0]], [4.0]
    assert weights_apart(b, a) == pytest.approx(1.0)
