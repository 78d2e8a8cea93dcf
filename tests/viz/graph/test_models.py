"""What the models of a graph are called."""

from __future__ import annotations

import functools
from typing import Any

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.viz import draw_graph
from tinygrad_cnn.viz.graph.models import by_variable, variables_of
from tinygrad_cnn.viz.graph.structure import Picture

Everywhere = nn.Linear(2, 2)


def frames(picture: Picture) -> set[str]:
    return {g.name for g in picture.groups if g.parent is None}


def test_several_are_called_as_the_variables_that_hold_them() -> None:
    generator, critic = nn.Sequential(nn.Linear(2, 3), nn.Tanh()), nn.Sequential(nn.Linear(3, 1))
    picture = draw_graph(lambda z: critic(generator(z)).mean(), inputs=tg.ones(4, 2)).picture
    assert frames(picture) == {"generator", "critic"}
    assert {b.name for b in picture.boxes if b.kind == "parameter"} >= {"generator.0.weight", "critic.0.bias"}
    assert picture.title == "2 Sequential"


def test_those_of_a_list_by_their_places_in_it() -> None:
    heads = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    assert frames(draw_graph(lambda x: sum(h(x) for h in heads), inputs=tg.ones(1, 2)).picture) == {
        "heads.0",
        "heads.1",
        "heads.2",
    }


def test_one_needs_no_name() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    picture = draw_graph(lambda x: net(x).mean(), inputs=tg.ones(1, 2)).picture
    assert frames(picture) == {""}
    assert picture.title == "Sequential"


def test_what_the_user_says_counts() -> None:
    one, two = nn.Linear(2, 2), nn.Linear(2, 2)
    picture = draw_graph(lambda x: two(one(x)), inputs=tg.ones(1, 2), model={"A": one, "B": two}).picture
    assert frames(picture) == {"A", "B"}


def test_variables_of() -> None:
    inner = nn.ReLU()

    def function(x: Any) -> Any:
        return later + Everywhere(inner(x))  # noqa: F821  # type: ignore[name-defined]

    assert variables_of(function) == {"inner": inner, "Everywhere": Everywhere}
    assert variables_of(inner) == {}
    assert variables_of(functools.partial(function)) == {}
    assert by_variable([inner, Everywhere], {}) == {"ReLU": inner, "": Everywhere}
